"""The documented home of what is in :mod:`dicomwire.associations.events`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.associations import events as home

if TYPE_CHECKING:
    from dicomwire.associations.events import *  # noqa: F403

sys.modules[__name__] = home
