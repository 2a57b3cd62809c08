"""The documented home of what is in :mod:`dicomwire.vocabulary.sop_classes`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.vocabulary import sop_classes as home

if TYPE_CHECKING:
    from dicomwire.vocabulary.sop_classes import *  # noqa: F403

sys.modules[__name__] = home
