"""The documented home of what is in :mod:`dicomwire.data.dsutils`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.data import dsutils as home

if TYPE_CHECKING:
    from dicomwire.data.dsutils import *  # noqa: F403

sys.modules[__name__] = home
