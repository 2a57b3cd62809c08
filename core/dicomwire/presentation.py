"""The documented home of what is in :mod:`dicomwire.vocabulary.contexts`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.vocabulary import contexts as home

if TYPE_CHECKING:
    from dicomwire.vocabulary.contexts import *  # noqa: F403

sys.modules[__name__] = home
