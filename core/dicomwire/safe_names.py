"""The documented home of what is in :mod:`dicomwire.data.safe_names`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.data import safe_names as home

if TYPE_CHECKING:
    from dicomwire.data.safe_names import *  # noqa: F403

sys.modules[__name__] = home
