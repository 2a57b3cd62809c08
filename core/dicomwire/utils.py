"""The documented home of what is in :mod:`dicomwire.vocabulary.titles_and_uids`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.vocabulary import titles_and_uids as home

if TYPE_CHECKING:
    from dicomwire.vocabulary.titles_and_uids import *  # noqa: F403

sys.modules[__name__] = home
