"""What carries bytes in memory, for an AE or for a program that does by hand what an AE does not."""

from __future__ import annotations

from collections import deque

from dicomwire.memory.network import Network
from dicomwire.upper_layer.connection import Buffer


class End:
    """One end of a connection inside a :class:`Network`; :func:`ends` makes two of them.

    An AE uses one by ``associate_over`` or ``serve_over``.  A program that has the other sees each byte, and may cut,
    delay, change or make up what it likes.
    """

    peer: End

    def __init__(self, network: Network) -> None:
        self.network = network
        self.is_open: bool = True
        self.sent: int = 0
        """Bytes, in total."""

        self.unread: int = 0
        """Bytes that the other end has sent and :meth:`receive` has not given."""

        self._arriving: deque[tuple[float, bytes]] = deque()

    def send(self, data: Buffer) -> None:
        """Send a copy of ``data``, which arrives after the latency of the network.  Never waits.

        Raises:
            BrokenPipeError: one of the ends is closed.
        """
        peer = self.peer
        if not self.is_open or not peer.is_open:
            raise BrokenPipeError("the other end is closed")
        if size := len(data):
            self.sent += size
            peer.unread += size
            self._put(bytes(data))

    def _put(self, data: bytes) -> None:
        network = self.network
        arrival = network.now + network.latency
        self.peer._arriving.append((arrival, data))
        if network.latency:
            network.expect(arrival)

    def has_arrived(self) -> bool:
        """Something is there to be received, or the end of the stream."""
        return bool(self._arriving) and self._arriving[0][0] <= self.network.now

    def receive(self) -> bytes | None:
        """The next bytes, cut as they were sent; ``b""`` once when the other end sends nothing more; None: not yet."""
        if not self._arriving or self._arriving[0][0] > self.network.now:
            return None
        data = self._arriving.popleft()[1]
        self.unread -= len(data)
        return data

    async def arrival(self) -> None:
        """Wait until :meth:`receive` gives something, inside the network."""
        await self.network.until(self.has_arrived)

    def send_eof(self) -> None:
        """Half-close: nothing more will be sent."""
        if self.is_open:
            self._put(b"")

    def close(self) -> None:
        """Close; the other end sees the end of the stream.  May be called again."""
        if self.is_open:
            self.is_open = False
            self._put(b"")


def ends(network: Network) -> tuple[End, End]:
    """Two ends joined to each other: what one sends, the other receives."""
    one, other = End(network), End(network)
    one.peer, other.peer = other, one
    return one, other
