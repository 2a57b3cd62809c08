"""How the adapters with sockets reach a peer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import frozen

from dicomwire._values import Value
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.channel import Channel
from dicomwire.sockets.addresses import Peer, destinations, end_of, literal, needs_resolver
from dicomwire.sockets.dialing import Dialing, over_given

AssociationT = TypeVar("AssociationT", bound=AssociationBase)
T = TypeVar("T")

TLSArguments: TypeAlias = tuple[ssl.SSLContext, str | None]


@frozen(kw_only=True, repr=False, eq=False)
class Call(Value):
    """Whom a program calls, as it was given to ``associate``."""

    addr: Peer | None
    port: int | None
    bind_address: tuple[str, int] | tuple[str, int, int, int] | None
    tls_args: TLSArguments | None
    sock: socket.socket | None
    """In place of an address, a stream socket that is connected already."""


class SocketDialer(Generic[AssociationT]):
    """A :class:`~dicomwire.associations.requesting.Dialer`, but for the way to wait."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.dialing: Dialing
        self._local: Any = None

    async def resolve(self, is_name: bool, function: Callable[..., T], *args: Any) -> T:
        """Call what resolves; adapters with an event loop do it beside that if there is a name to be resolved."""
        return function(*args)

    async def prepare(self) -> None:
        """See there."""
        call = self.call
        if call.sock is not None:
            self.dialing = over_given(call.sock, call.bind_address)
            return
        known = literal(call.addr, call.port, call.bind_address)
        if known is not None:
            self.dialing = Dialing([known])
            return
        is_name = needs_resolver(call.addr, call.bind_address)
        # What is None or of another type is refused there.
        choice = await self.resolve(is_name, destinations, call.addr, call.port, call.bind_address)
        self.dialing = Dialing(choice)

    @property
    def peer(self) -> tuple[Any, ...]:
        return self.dialing.peer

    @property
    def address_type(self) -> Any:
        return self.dialing.address_type

    @property
    def local(self) -> tuple[Any, ...]:
        return end_of(self._local)

    def close(self) -> None:
        """See there."""
        self.dialing.close()

    async def connect(self, association: AssociationT) -> Channel:
        """See there."""
        timeouts = association.timeouts
        self.dialing.allow(timeouts.connect, timeouts.handshake)
        channel, self._local = await self.open(association)
        return channel

    async def open(self, association: AssociationT) -> tuple[Channel, Any]:
        """The channel over whichever address answers, TLS included, and our end as ``socket`` gives it.

        Raises:
            OSError, ValueError: there is none, and nothing is left open.
        """
        raise NotImplementedError

    def opened(self, association: AssociationT) -> None:
        """See there."""

    def established(self, association: AssociationT) -> None:
        """See there."""
