"""The documented home of what is in :mod:`dicomwire.vocabulary.statuses`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.vocabulary import statuses as home

if TYPE_CHECKING:
    from dicomwire.vocabulary.statuses import *  # noqa: F403

sys.modules[__name__] = home
