"""The documented home of what is in :mod:`dicomwire.compat.log_handlers`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.compat import log_handlers as home

if TYPE_CHECKING:
    from dicomwire.compat.log_handlers import *  # noqa: F403

sys.modules[__name__] = home
