"""The documented home of what is in :mod:`dicomwire.data.sources`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.data import sources as home

if TYPE_CHECKING:
    from dicomwire.data.sources import *  # noqa: F403

sys.modules[__name__] = home
