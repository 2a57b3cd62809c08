"""The documented home of what is in :mod:`dicomwire.compat.pdu_items`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.compat import pdu_items as home

if TYPE_CHECKING:
    from dicomwire.compat.pdu_items import *  # noqa: F403

sys.modules[__name__] = home
