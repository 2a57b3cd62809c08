"""AE for trio: the same names, arguments and events as the blocking AE; what waits is awaited.

Nothing runs outside a nursery: ``async with`` on a server owns the tasks of its associations, and ``async with`` on
an association owns the task that notices what its peer does while no operation waits for it.
"""

from dicomwire.trio.association import Association
from dicomwire.trio.entity import AE
from dicomwire.trio.server import AssociationServer

__all__ = ["AE", "Association", "AssociationServer"]
