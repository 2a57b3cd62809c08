"""The documented home of what is in :mod:`dicomwire.data.files`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.data import files as home

if TYPE_CHECKING:
    from dicomwire.data.files import *  # noqa: F403

sys.modules[__name__] = home
