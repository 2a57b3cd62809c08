"""The documented home of what is in :mod:`dicomwire.blocking.threaded_server`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.blocking import threaded_server as home

if TYPE_CHECKING:
    from dicomwire.blocking.threaded_server import *  # noqa: F403

sys.modules[__name__] = home
