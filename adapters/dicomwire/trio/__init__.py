"""AE for trio: the same names, arguments and events as the blocking AE; what waits is awaited.

Nothing runs outside a nursery: ``async with`` on a server owns the tasks of its associations, and ``async with`` on
an association owns the task that notices what its peer does while no operation waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire._lazy import face_when_used
from dicomwire.trio.association import Association
from dicomwire.trio.entity import AE
from dicomwire.trio.server import AssociationServer

if TYPE_CHECKING:
    from dicomwire.trio.archive import Archive
    from dicomwire.trio.client import Client, connect
    from dicomwire.trio.pool import Pool
    from dicomwire.trio.providing_server import serve

if not TYPE_CHECKING:
    # Not for type checkers: they would take every name.
    __getattr__ = face_when_used(__name__)

__all__ = [
    "AE",
    "Archive",
    "Association",
    "AssociationServer",
    "Client",
    "Pool",
    "connect",
    "serve",
]
