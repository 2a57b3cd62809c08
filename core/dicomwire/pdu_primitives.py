"""The documented home of what is in :mod:`dicomwire.compat.pdu_primitives`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.compat import pdu_primitives as home

if TYPE_CHECKING:
    from dicomwire.compat.pdu_primitives import *  # noqa: F403

sys.modules[__name__] = home
