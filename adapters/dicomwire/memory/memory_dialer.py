"""Connections in memory."""

from __future__ import annotations

from dicomwire.associations.requesting import ChannelDialer
from dicomwire.memory.association import Association, attend
from dicomwire.memory.end import End, ends
from dicomwire.memory.memory_channel import MemoryChannel
from dicomwire.memory.network import Network


class MemoryDialer:
    """Reaches a server of the same :class:`Network`; see :class:`~dicomwire.associations.requesting.Dialer`."""

    address_type = None

    def __init__(self, network: Network, addr: str, port: int, bind_address: tuple[str, int] | None) -> None:
        self.network = network
        self.peer: tuple[str, int] = (addr, port)
        self.local: tuple[str, int] = bind_address or ("memory", 40000)

    async def prepare(self) -> None:
        """See there."""
        addr, port = self.peer
        if not isinstance(addr, str | tuple) or not isinstance(port, int):
            raise TypeError(f"an address is a str and a port an int, not {addr!r} and {port!r}")

    def close(self) -> None:
        """There is nothing to be closed."""

    async def connect(self, association: Association) -> MemoryChannel:
        """See there."""
        self.network.check_run()
        _, port = self.peer
        server = self.network.server_at(port)
        if server is None:
            raise ConnectionRefusedError(f"nobody listens on port {port}")
        here, there = ends(self.network)
        server.take_up(there, self.local)
        return MemoryChannel(association.line.session, here)

    def opened(self, association: Association) -> None:
        """Nothing happens while nobody waits."""

    def established(self, association: Association) -> None:
        """A task of the network looks after it."""
        _look_after(association)


class EndDialer(ChannelDialer[Association]):
    """Reaches whoever has the other end."""

    def __init__(self, end: End) -> None:
        super().__init__(lambda association: MemoryChannel(association.line.session, end))

    def established(self, association: Association) -> None:
        """A task of the network looks after it."""
        _look_after(association)


def _look_after(association: Association) -> None:
    channel = association.line.channel
    assert isinstance(channel, MemoryChannel)
    channel.network.spawn(attend(association, channel))
