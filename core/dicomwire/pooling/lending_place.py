"""What an adapter gives a pool: its way to wait, and its way to open an association."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from dicomwire.pooling.association_kind import AssociationKind

ClientT = TypeVar("ClientT")
LentT_co = TypeVar("LentT_co", covariant=True)


class PoolSignal(Protocol):
    """Set once, by anybody; waited for by one thread or task."""

    def set(self) -> None:
        """Let whoever waits go on."""

    async def wait(self, seconds: float | None) -> None:
        """Return when it is set, at the latest after so many seconds; None: however long that takes."""


class LendingPlace(Protocol[ClientT]):
    """A pool's adapter, as the shared logic sees it."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while books are kept; nothing is waited for inside."""
        ...

    def seconds(self) -> float:
        """Those of a clock that is never set."""
        ...

    def signal(self) -> PoolSignal:
        """A new one."""
        ...

    def enter(self) -> None:
        """Somebody asks for an association; `RuntimeError` where that cannot be."""

    async def open(self, wanted: AssociationKind) -> ClientT:
        """An established association; errors of ``open_proposed``."""
        ...

    def let_go(self, client: ClientT) -> None:
        """The association has ended, or is to end: whatever looks after it ends too."""

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Run this beside the rest; False if there is no place for it."""
        ...

    async def spawned(self) -> None:
        """Return when what was spawned last has ended."""
