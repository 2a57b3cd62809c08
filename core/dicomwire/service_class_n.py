"""The documented home of what is in :mod:`dicomwire.vocabulary.normalized_service_classes`."""

import sys
from typing import TYPE_CHECKING

from dicomwire.vocabulary import normalized_service_classes as home

if TYPE_CHECKING:
    from dicomwire.vocabulary.normalized_service_classes import *  # noqa: F403

sys.modules[__name__] = home
