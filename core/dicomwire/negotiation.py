"""The documented home of what is in :mod:`dicomwire.associations.negotiation`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.associations import negotiation as home

if TYPE_CHECKING:
    from dicomwire.associations.negotiation import *  # noqa: F403

sys.modules[__name__] = home
