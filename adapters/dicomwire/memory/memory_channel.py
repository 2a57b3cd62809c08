"""One peer behind an end of a connection in memory."""

from __future__ import annotations

from collections.abc import Callable

from dicomwire.dimse.session import Session
from dicomwire.memory.end import End, ends
from dicomwire.memory.network import Network

_MOST_UNREAD = 1 << 20


class MemoryChannel:
    """A session behind one :class:`End` of a connection inside a :class:`Network`."""

    def __init__(self, session: Session, end: End) -> None:
        self.session = session
        self.end = end
        self.network: Network = end.network
        self.has_arrived: Callable[[], bool] = end.has_arrived
        self.is_torn: bool = False
        self._changes = 0
        self._pumping = False
        """A task waits for what arrives, and would wait on if another took it."""

    @property
    def transport_socket(self) -> None:
        """There is none."""
        return None

    async def flush(self) -> None:
        """Hand the peer what the session has to send; waits while too much is on its way.

        Raises:
            OSError: the peer has closed, or takes nothing for too long.
        """
        buffers = self.session.data_to_send()
        if buffers:
            self.end.send(b"".join(buffers))
        await self.network.until(lambda: True)
        if not buffers:
            return
        peer = self.end.peer

        def has_room() -> bool:
            return peer.unread < _MOST_UNREAD or not peer.is_open

        progress = self.session.connection.writing
        pause = progress.begin(self.network.now)
        while not has_room():
            await self.network.until(has_room, self.network.now + pause)
            if not has_room():
                pause = progress.go_on(self.network.now, self)
        if not peer.is_open and peer.unread >= _MOST_UNREAD:
            raise BrokenPipeError("the other end is closed")

    # -- what the core asks about what was sent ---------------------------------------------------------------------
    def taken(self) -> int:
        """Bytes that the peer has taken, of all that were sent."""
        return self.end.sent - self.end.peer.unread

    def left_at(self, now: float) -> None:
        """Nothing is queued here: it has set out when it was sent."""
        return None

    def is_stuck(self, now: float) -> bool:
        """Whether bytes are on their way that the peer does not take."""
        return self.end.peer.unread > 0

    async def pump(self) -> None:
        """Return once the session was fed more, told of the end, or told that its deadline passed."""
        if not self.session.wants_data:
            return
        if not self.end.is_open:
            self.session.receive_data(b"")
            return
        deadline = self.session.next_deadline(self.network.now)
        if self._pumping:
            # That task takes what arrives, when it goes on.
            await self.network.until(lambda: not self._pumping or not self.end.is_open, deadline)
        elif not self.has_arrived():
            changes, end = self._changes, self.end
            self._pumping = True
            try:
                await self.network.until(
                    lambda: self.has_arrived() or self._changes != changes or not end.is_open, deadline
                )
            finally:
                self._pumping = False
        self.poll()

    def poll(self) -> bool:
        """Feed the session one arrival, if there is one, and deadlines that are over; whether there was one."""
        data = self.end.receive() if self.session.wants_data and not self._pumping else None
        if data is not None:
            self.session.receive_data(data)
        self.session.next_deadline(self.network.now)
        self.session.handle_deadline(self.network.now, self)
        return data is not None

    def hold(self, held: bool) -> None:
        """Nothing to do: nobody receives but who deals with what was received."""

    async def turn(self) -> None:
        """Wait for somebody else's :meth:`changed`."""
        changes = self._changes
        await self.network.until(lambda: self._changes != changes)

    def changed(self) -> None:
        """Wake those who wait in :meth:`turn` or :meth:`pump`."""
        self._changes += 1

    async def send_eof(self) -> None:
        """Half-close: nothing more will be sent."""
        self.end.send_eof()

    async def aclose(self) -> None:
        """Close this end; the peer sees the end of the stream.  May be called again."""
        self.end.close()

    def abandon(self) -> None:
        """Send what is queued, and close."""
        if self.end.is_open:
            data = b"".join(self.session.data_to_send())
            # Else nobody is there to hear it.
            if self.end.peer.is_open:
                self.end.send(data)
            self.end.close()


def pair(left: Session, right: Session, network: Network) -> tuple[MemoryChannel, MemoryChannel]:
    """Two channels joined to each other."""
    one, other = ends(network)
    return MemoryChannel(left, one), MemoryChannel(right, other)
