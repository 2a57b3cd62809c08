"""Received bytes, copied as little as possible."""

from __future__ import annotations

from typing import TypeAlias

from dicomwire.errors import LocalProtocolError

Buffer: TypeAlias = bytes | bytearray | memoryview
"""What received bytes come in, and what is to be sent goes out in."""

SMALL = 8 * 1024
"""Holds any command and most control PDUs; what an association that waits for a request keeps."""

LARGE = 256 * 1024
"""For data sets; larger ones are no faster."""


class BufferPool:
    """Receive buffers that nobody uses now, shared by all connections of a process.

    ``list.append`` and ``list.pop`` are atomic, so threads may share a pool.
    """

    def __init__(self, kept: int = 8) -> None:
        self._kept = kept
        self._free: dict[int, list[bytearray]] = {SMALL: [], LARGE: []}

    def take(self, size: int) -> bytearray:
        """A buffer of ``size`` bytes, which hold anything."""
        try:
            return self._free[size].pop()
        except (KeyError, IndexError):
            return bytearray(size)

    def give(self, data: bytearray) -> None:
        """Take back a buffer that nobody looks at any more; kept if it is of a size that is asked for."""
        size = len(data)
        if size in self._free and len(self._free[size]) < self._kept:
            self._free[size].append(data)


_POOL = BufferPool()


class ReceiveBuffer:
    """One buffer and the span of it that is unread.

    Views handed out stay valid until the next ``writable``, ``feed`` or ``recycle``.
    """

    __slots__ = ("_held", "_pool", "_pooled", "end", "start", "view", "wanted")

    view: memoryview
    start: int
    end: int
    wanted: int
    """Bytes of the PDU that is unread so far and wanted as a whole; 0 if there is none."""

    def __init__(self, pool: BufferPool = _POOL) -> None:
        self._pool = pool
        self._pooled: bytearray | None = None
        self._held = 0
        """How long that is."""

        self.view = memoryview(b"")
        self.start = 0
        self.end = 0
        self.wanted = 0

    def __len__(self) -> int:
        return self.end - self.start

    def _hold(self, size: int) -> None:
        """Get a buffer of ``size`` bytes and put what is unread at its front."""
        unread = self.end - self.start
        data = self._pool.take(size)
        if unread:
            data[:unread] = self.view[self.start : self.end]
        if self._pooled is not None:
            self._pool.give(self._pooled)
        self._pooled, self._held = data, size
        self.view = memoryview(data)
        self.start, self.end = 0, unread

    def writable(self, size: int) -> memoryview:
        """Room to receive into: some or all of a buffer of ``size`` bytes or more."""
        held = self._held
        if self.start == self.end and held == size:
            self.start = self.end = 0
            return self.view
        unread = self.end - self.start
        if not unread:
            self._hold(size)
        elif held < size:
            self._hold(max(size, 2 * unread))
        elif held - self.end < held // 4:
            # Only a partial header or a partial control PDU is ever left over, so this moves few bytes,
            # and it doubles for a long control PDU only as fast as its bytes really come.
            more = held if unread < held // 2 else 2 * held
            if unread < self.wanted < more:
                # And no further than to the end of that PDU.
                more = max(held, self.wanted)
            if self.start or more > held:
                self._hold(more)
        return self.view[self.end :]

    def feed(self, data: Buffer, limit: int) -> None:
        """Take ``data`` as it is if nothing is unread, else append a copy of it.

        Raises:
            LocalProtocolError: more than ``limit`` bytes would be unread.
        """
        data = memoryview(data).cast("B")
        unread = self.end - self.start
        if not unread:
            self.recycle()
            self.view = data
            self.start, self.end = 0, len(data)
            return
        if unread + len(data) > limit:
            raise LocalProtocolError(f"{unread} bytes are unread: call next_event() before feeding {len(data)} more")
        if self._pooled is None or self.end + len(data) > self._held:
            self._hold(max(SMALL, 2 * (unread + len(data))))
        assert self._pooled is not None
        self.view[self.end : self.end + len(data)] = data
        self.end += len(data)

    def recycle(self) -> None:
        """Give the buffer back if nothing in it is unread."""
        if self.start == self.end:
            if self._pooled is not None:
                self._pool.give(self._pooled)
                self._pooled, self._held = None, 0
            self.view = memoryview(b"")
            self.start = self.end = 0

    def discard(self) -> None:
        """Forget what is unread."""
        self.start = self.end
        self.wanted = 0
