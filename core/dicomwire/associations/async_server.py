"""What servers have in common whose verbs are awaited."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar, overload

from dicomwire.associations.async_association import AsyncAssociation
from dicomwire.associations.server_base import ServerBase

AssociationT = TypeVar("AssociationT", bound=AsyncAssociation)


class AsyncServerBase(ServerBase[AssociationT]):
    """A server whose end is plain, and awaited if associations get time for theirs."""

    @overload
    def shutdown(self, drain: None = None) -> None: ...
    @overload
    def shutdown(self, drain: float) -> Coroutine[Any, Any, None]: ...

    def shutdown(self, drain: float | None = None) -> Coroutine[Any, Any, None] | None:
        """Stop accepting and close the listening socket; running associations go on.  May be called again.

        ``await`` it with ``drain``: they have so many seconds, as with :meth:`AE.shutdown`, and are aborted then.
        """
        self.stop_accepting()
        return None if drain is None else self.end_associations(drain)

    def server_close(self) -> None:
        """Close the listening socket."""
        self.shutdown()

    def stop_accepting(self) -> None:
        """Take up no more connections.  May be called again."""
        raise NotImplementedError

    async def end_associations(self, seconds: float) -> None:
        """Return when they have ended by themselves, or after so many seconds, when what is left is aborted."""
        raise NotImplementedError
