"""One end of a connection in memory."""

from __future__ import annotations

from collections import deque

from dicomwire.dimse.session import Session
from dicomwire.memory.network import Network, until

_MOST_IN_FLIGHT = 1 << 20


class MemoryChannel:
    """One end of a connection inside a :class:`Network`."""

    def __init__(self, session: Session, network: Network) -> None:
        self.session = session
        self.network = network
        self.peer: MemoryChannel | None = None
        self._incoming: deque[tuple[float, bytes]] = deque()
        self._in_flight = 0
        self._pushed = 0
        self._open = True
        self.is_torn: bool = False
        self._changes = 0

    @property
    def transport_socket(self) -> None:
        """There is none."""
        return None

    def has_arrived(self) -> bool:
        """Something is there to be received."""
        return bool(self._incoming) and self._incoming[0][0] <= self.network.now

    def _push(self, data: bytes) -> None:
        arrival = self.network.now + self.network.latency
        self._incoming.append((arrival, data))
        if self.network.latency:
            self.network.expect(arrival)
        self._in_flight += len(data)

    def _write(self) -> bool:
        """Send what is queued; False if nothing is."""
        buffers = self.session.data_to_send()
        if not buffers:
            return False
        if not self._open or self.peer is None or not self.peer._open:
            raise BrokenPipeError("the other end is closed")
        data = b"".join(buffers)
        self._pushed += len(data)
        self.peer._push(data)
        return True

    async def flush(self) -> None:
        """Hand the peer what the session has to send; waits while too much is on its way.

        Raises:
            OSError: the peer has closed, or takes nothing for too long.
        """
        peer = self.peer
        wrote = self._write()
        await until(lambda: True)
        if peer is None or not wrote:
            return

        def has_room() -> bool:
            return peer._in_flight < _MOST_IN_FLIGHT or not peer._open

        progress = self.session.connection.writing
        pause = progress.begin(self.network.now)
        while not has_room():
            await until(has_room, self.network.now + pause)
            if not has_room():
                pause = progress.go_on(self.network.now, self)

    # -- what the core asks about what was sent ---------------------------------------------------------------------
    def taken(self) -> int:
        """Bytes that the peer has taken, of all that were sent."""
        return self._pushed - (0 if self.peer is None else self.peer._in_flight)

    def left_at(self, now: float) -> None:
        """Nothing is queued here: it has set out when it was sent."""
        return None

    def is_stuck(self, now: float) -> bool:
        """Whether bytes are on their way that the peer does not take."""
        return self.peer is not None and self.peer._in_flight > 0

    async def pump(self) -> None:
        """Return once the session was fed more, told of the end, or told that its deadline passed."""
        if not self.session.wants_data:
            return
        if not self._open:
            self.session.receive_data(b"")
            return
        deadline = self.session.next_deadline(self.network.now)
        if not self.has_arrived():
            changes = self._changes
            await until(lambda: self.has_arrived() or self._changes != changes or not self._open, deadline)
        self.poll()

    def poll(self) -> bool:
        """Feed the session one arrival, if there is one, and deadlines that are over; whether there was one."""
        fed = self.session.wants_data and self.has_arrived()
        if fed:
            _, data = self._incoming.popleft()
            self._in_flight -= len(data)
            self.session.receive_data(data)
        self.session.next_deadline(self.network.now)
        self.session.handle_deadline(self.network.now, self)
        return fed

    def hold(self, held: bool) -> None:
        """Nothing to do: nobody receives but who deals with what was received."""

    async def turn(self) -> None:
        """Wait for somebody else's :meth:`changed`."""
        changes = self._changes
        await until(lambda: self._changes != changes)

    def changed(self) -> None:
        """Wake those who wait in :meth:`turn` or :meth:`pump`."""
        self._changes += 1

    async def send_eof(self) -> None:
        """Half-close: nothing more will be sent."""
        if self.peer is not None and self._open:
            self.peer._push(b"")

    async def aclose(self) -> None:
        """Close this end; the peer sees the end of the stream.  May be called again."""
        self._close()

    def abandon(self) -> None:
        """Send what is queued, and close."""
        if self._open:
            try:
                self._write()
            except OSError:
                self.session.data_to_send()
        self._close()

    def _close(self) -> None:
        if self._open:
            self._open = False
            if self.peer is not None:
                self.peer._push(b"")


def pair(left: Session, right: Session, network: Network) -> tuple[MemoryChannel, MemoryChannel]:
    """Two channels joined to each other."""
    one, other = MemoryChannel(left, network), MemoryChannel(right, network)
    one.peer, other.peer = other, one
    return one, other
