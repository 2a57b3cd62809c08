"""Where a data set goes that a handler gets whole."""

from __future__ import annotations

import sys
import weakref

from attrs import define, field

from dicomwire._values import Shown
from dicomwire.data import large_memory as _large_memory
from dicomwire.data.large_memory import LargeMemory
from dicomwire.data.memory_budget import FREE, MemoryBudget
from dicomwire.data.spooled_memory import SpooledMemory
from dicomwire.data.store import FileStore
from dicomwire.upper_layer.connection import Buffer


def _keep_freed_memory() -> None:
    """Let the C library keep the memory of data sets that are done with for those to come.

    glibc gives what is free at the end of its heap back to the system, and gets it again page by page, which costs more
    than to receive what goes there.  It does not for less than twice the largest block that it has seen freed: this
    one, which is never touched.
    """
    bytes(8 << 20)


_keep_freed_memory()


_LARGE = 4 << 20
"""Bytes of a data set from which it is kept in large pages."""


@define(repr=False)
class MemorySink(Shown):
    """Keeps the data set where it can be read like memory: beyond ``in_memory`` bytes, or what ``budget`` allows, in a
    file without a name.

    ``write`` raises ``MemoryError`` beyond ``limit`` bytes, and ``OSError`` if there is no room for such a file.
    """

    limit: int
    in_memory: int = sys.maxsize
    files: FileStore | None = field(default=None, eq=False)
    """Where such a file is; None: ``dicomwire.data.store.STORE``."""

    budget: MemoryBudget | None = field(default=None, eq=False)
    """What all share; None: nobody counts."""

    claim: object = field(default=None, init=False, eq=False)
    """What the budget counts for; None if it is nothing, or not memory."""

    _asks_at: int = field(default=FREE, init=False, eq=False)
    """The size at which the budget is asked, again."""

    _held: bytearray | LargeMemory | SpooledMemory = field(factory=bytearray, alias="data")
    _data: Buffer | None = field(default=None, init=False)

    @property
    def data(self) -> Buffer:
        """What has come: a ``bytearray``, or a ``memoryview`` if it is large; nothing is written while that is used."""
        if self._data is not None:
            return self._data
        held = self._held
        return held.view() if type(held) is LargeMemory or type(held) is SpooledMemory else held

    def write(self, fragments: list[memoryview]) -> None:
        """Keep a copy.

        Raises:
            MemoryError: it would be more than ``limit`` bytes.
            OSError: the file that it would go to cannot be made or written.
        """
        held = self._held
        if type(held) is LargeMemory or type(held) is SpooledMemory:
            held.write(fragments)
        else:
            for fragment in fragments:
                # Its extend() would make a copy first.
                held += fragment
        size = len(held)
        if size > self.limit:
            raise MemoryError(f"data set longer than {self.limit} bytes")
        if type(held) is SpooledMemory:
            return
        if size > self.in_memory or (size > self._asks_at and self.budget is not None and not self._is_allowed(size)):
            self._held = SpooledMemory(held.view() if type(held) is LargeMemory else held, self.files)
            self._let_go()
        elif size >= _LARGE and type(held) is bytearray and _large_memory.IS_AVAILABLE:
            self._held = LargeMemory(held)

    def _is_allowed(self, size: int) -> bool:
        self._asks_at = size + FREE
        if self.claim is None:
            self.claim = object()
        return self.budget is None or self.budget.allows(self.claim, size)

    def _let_go(self) -> None:
        if self.claim is not None and self.budget is not None:
            self.budget.forget(self.claim)
            self.claim = None

    def entrust(self, holder: object) -> None:
        """The memory is now that of ``holder``, and counted until it is gone."""
        if self.claim is not None and self.budget is not None:
            weakref.finalize(holder, self.budget.forget, self.claim).atexit = False

    def close(self) -> None:
        """The data set is complete: memory that it does not need is given back.

        Raises:
            OSError: its file cannot be mapped.
        """
        if type(self._held) is LargeMemory:
            self._held.trim()
        elif type(self._held) is SpooledMemory:
            self._data = self._held.view()
            self._held.close()

    def discard(self) -> None:
        """Forget what has come."""
        if type(self._held) is SpooledMemory:
            self._held.close()
        self._held, self._data = bytearray(), None
        self._let_go()
