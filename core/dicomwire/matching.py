"""The documented home of what is in :mod:`dicomwire.data.attribute_matching`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.data import attribute_matching as home

if TYPE_CHECKING:
    from dicomwire.data.attribute_matching import *  # noqa: F403

sys.modules[__name__] = home
