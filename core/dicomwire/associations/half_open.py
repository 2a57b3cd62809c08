"""Connections to a server that are no association: their request has not come whole, or was refused.

They have no place among the associations of an AE, and are bounded by themselves.  A peer that is silent, or slow to
ask, costs others nothing: when there are too many such connections, the oldest is closed for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

from dicomwire._logging import logger, shown_address

LOGGER = logger(__name__)

GRACE = 1.0
"""Seconds for which nobody is closed for others: what has just come is about to be read."""

PAUSE = 0.02
"""Seconds between two looks whether there is room again."""


class HalfOpenConnection(NamedTuple):
    """One of them."""

    address: tuple[Any, ...]
    origin: object
    since: float
    hang_up: Callable[[], object]

    def is_old(self, now: float) -> bool:
        """It may be closed for another."""
        return now - self.since >= GRACE


class HalfOpen:
    """Those of one AE, in the order in which they came.

    Threads may share it: each step on a dictionary is one that nobody comes between.
    """

    def __init__(self) -> None:
        self.maximum: int = 100
        self.maximum_per_address: int = 50
        self._connections: dict[object, HalfOpenConnection] = {}
        self._with_place: dict[object, HalfOpenConnection] = {}
        """Those that were here, and may come back."""

    def __len__(self) -> int:
        return len(self._connections)

    def pause(self, now: float) -> float:
        """Seconds until the next look whether more may be accepted; 0 if so now."""
        if len(self._connections) < self.maximum:
            return 0.0
        oldest = next(iter(self._connections.copy().values()), None)
        return 0.0 if oldest is None or oldest.is_old(now) else PAUSE

    def enter(self, key: object, address: tuple[Any, ...], now: float, hang_up: Callable[[], object]) -> None:
        """There is one more, from ``address``; ``hang_up`` closes it, and may be called when it has ended."""
        origin = origin_of(address)
        if len(self._connections) >= self.maximum_per_address:
            same = [item for item in self._connections.copy().items() if item[1].origin == origin]
            if len(same) >= self.maximum_per_address:
                self._close_oldest(same, now)
        if len(self._connections) >= self.maximum:
            self._close_oldest(self._connections.copy().items(), now)
        self._connections[key] = HalfOpenConnection(address, origin, now, hang_up)

    def enter_proxied(self, key: object, address: tuple[Any, ...], now: float, hang_up: Callable[[], object]) -> None:
        """The same for a proxy, which has still to say for whom: until then the connection counts for no address."""
        if len(self._connections) >= self.maximum:
            self._close_oldest(self._connections.copy().items(), now)
        self._connections[key] = HalfOpenConnection(address, key, now, hang_up)

    def take_out(self, key: object) -> None:
        """Its request is there, and it has a place among the associations."""
        connection = self._connections.pop(key, None)
        if connection is not None:
            self._with_place[key] = connection

    def put_back(self, key: object) -> None:
        """It was refused after all, and the peer has still to close."""
        connection = self._with_place.pop(key, None)
        if connection is not None:
            self._connections[key] = connection

    def leave(self, key: object) -> None:
        """It has ended; it need not be here."""
        self._connections.pop(key, None)
        self._with_place.pop(key, None)

    def forsake(self, why: str) -> None:
        """This process is a fork: they are its parent's."""
        self._connections, self._with_place = {}, {}

    def _close_oldest(self, connections: Iterable[tuple[object, HalfOpenConnection]], now: float) -> None:
        for key, connection in connections:
            if connection.is_old(now) and self._connections.pop(key, None) is not None:
                where = shown_address(connection.address)
                LOGGER.info("closing a connection from %s without an association: too many others came", where)
                connection.hang_up()
                return


def origin_of(address: tuple[Any, ...]) -> object:
    """Who counts as one peer: an IPv4 address, an IPv6 network of 64 bits, or whatever else it is."""
    host = address[0] if address else ""
    if not isinstance(host, str) or ":" not in host:
        return host
    try:
        parsed = ip_address(host)
    except ValueError:
        return host
    assert isinstance(parsed, IPv6Address)
    return str(parsed.ipv4_mapped or ip_network((int(parsed) >> 64 << 64, 64)))
