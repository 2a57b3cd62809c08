"""The documented home of what is in :mod:`dicomwire.compat.dimse_messages`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.compat import dimse_messages as home

if TYPE_CHECKING:
    from dicomwire.compat.dimse_messages import *  # noqa: F403

sys.modules[__name__] = home
