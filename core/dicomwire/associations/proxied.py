"""Connections that come by way of a proxy, which says for whom they are: the PROXY protocol, as a setting of an AE."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, Protocol

from attrs import field, frozen

from dicomwire._logging import logger, shown_address
from dicomwire._values import Value
from dicomwire.associations.coroutines import outcome
from dicomwire.associations.networks import Network, is_in, networks
from dicomwire.upper_layer.proxy_header import Address, ProxyHeader, ProxyHeaderError, ProxyHeaderReader

LOGGER = logger(__name__)


def _trusted(given: Iterable[str | Network]) -> tuple[Network, ...]:
    if isinstance(given, str | bytes):
        raise TypeError("'trusted' must be several networks, not one")
    return networks(given)


@frozen(kw_only=True, repr=False, eq=False)
class ProxyProtocol(Value):
    """Which proxies say for whom they connect, by the PROXY protocol 1 or 2: give one to ``ae.proxy_protocol``.

    Who connects from such an address must send the header, before TLS and before all else; what it says is believed.
    Who connects from another is served without, and refused if he sends one.

    Raises:
        ValueError: no network, or nobody is trusted.
        TypeError: one network in place of several.
    """

    trusted: tuple[Network, ...] = field(default=(), converter=_trusted)
    """Where the proxies are, such as ``"10.1.0.4"``, ``"192.0.2.0/28"`` or ``"2001:db8::/64"``."""

    unix_sockets: bool = False
    """Who connects to a Unix domain socket is a proxy, too."""

    def __attrs_post_init__(self) -> None:
        if not (self.trusted or self.unix_sockets):
            raise ValueError("nobody is trusted: 'trusted' must name the networks of the proxies")

    def trusts(self, address: tuple[Any, ...]) -> bool:
        """Whether a proxy is at this place."""
        return is_in(address, self.trusted, without=self.unix_sockets)


@frozen(kw_only=True, repr=False, eq=False)
class Proxied(Value):
    """How a connection came by way of a proxy."""

    address: Address
    """Where the proxy is."""

    header: ProxyHeader
    """What it has said."""

    @property
    def client(self) -> Address:
        """Who has connected: as the proxy says, or the proxy itself if it does not say."""
        return self.address if self.header.source is None else self.header.source


class Receive(Protocol):
    """Waits for bytes of a connection and gives them, so many at most; ``b""`` at the end of the stream."""

    def __call__(self, count: int, *, peek: bool = False) -> bytes | Awaitable[bytes]:
        """With ``peek`` they are left there."""
        ...


async def introduction(address: Address, receive: Receive) -> Proxied | None:
    """What the proxy at ``address`` says, or None and a line in the log; that the time is up is a `TimeoutError`."""
    where, reader = shown_address(address), ProxyHeaderReader()
    try:
        while wanted := reader.wanted:
            data = await _received(receive, wanted, peek=False)
            if not data and not reader.has_begun:
                LOGGER.debug("the proxy at %s has connected and closed: it looks whether somebody listens", where)
                return None
            reader.receive_data(data)
    except ProxyHeaderError as error:
        LOGGER.warning("a connection from the proxy at %s was refused: %s", where, error)
        return None
    except TimeoutError:
        LOGGER.warning("a connection from the proxy at %s was closed: no PROXY protocol header came in time", where)
        return None
    assert reader.header is not None
    proxied = Proxied(address=address, header=reader.header)
    if proxied.client[:2] == address[:2]:
        # LOCAL, or nobody is named, or its own end of this connection: so do health checks of HAProxy with version 1.
        try:
            is_check = not await _received(receive, 1, peek=True)
        except TimeoutError:
            is_check = True
        if is_check:
            LOGGER.debug("the proxy at %s has connected for itself, and asked for nothing", where)
            return None
    return proxied


async def _received(receive: Receive, count: int, *, peek: bool) -> bytes:
    try:
        return await outcome(receive(count, peek=peek))
    except TimeoutError:
        raise
    except OSError:
        # Reset: health checks of HAProxy end so.
        return b""
