"""The documented home of what is in :mod:`dicomwire.blocking.server`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.blocking import server as home

if TYPE_CHECKING:
    from dicomwire.blocking.server import *  # noqa: F403

sys.modules[__name__] = home
