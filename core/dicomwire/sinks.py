"""The documented home of what is in :mod:`dicomwire.data.sinks`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.data import sinks as home

if TYPE_CHECKING:
    from dicomwire.data.sinks import *  # noqa: F403

sys.modules[__name__] = home
