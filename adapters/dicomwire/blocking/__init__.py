"""AE for programs without an event loop: calls block, and a server has a thread for each association."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire._lazy import face_when_used
from dicomwire.blocking.association import Association
from dicomwire.blocking.blocking_verbs import Responses
from dicomwire.blocking.entity import AE
from dicomwire.blocking.transport_channel import Transport

if TYPE_CHECKING:
    from dicomwire.blocking.archive import Archive
    from dicomwire.blocking.client import Client, connect
    from dicomwire.blocking.pool import Pool
    from dicomwire.blocking.providing_server import serve

if not TYPE_CHECKING:
    # Not for type checkers: they would take every name.
    __getattr__ = face_when_used(__name__)

__all__ = [
    "AE",
    "Archive",
    "Association",
    "Client",
    "Pool",
    "Responses",
    "Transport",
    "connect",
    "serve",
]
