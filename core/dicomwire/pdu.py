"""The documented home of what is in :mod:`dicomwire.compat.pdu`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.compat import pdu as home

if TYPE_CHECKING:
    from dicomwire.compat.pdu import *  # noqa: F403

sys.modules[__name__] = home
