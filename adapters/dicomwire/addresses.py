"""The documented home of what is in :mod:`dicomwire.sockets.addresses`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.sockets import addresses as home

if TYPE_CHECKING:
    from dicomwire.sockets.addresses import *  # noqa: F403

sys.modules[__name__] = home
