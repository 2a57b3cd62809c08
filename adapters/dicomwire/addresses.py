"""Where a peer or a server is."""

from __future__ import annotations

import socket
from typing import Any, Self


class AddressInformation:
    """An IPv4 or IPv6 address with a port; a host name is resolved when it is set.

    Raises:
        socket.gaierror: the name cannot be resolved.
    """

    def __init__(self, addr: str, port: int, flowinfo: int = 0, scope_id: int = 0) -> None:
        self.address = addr
        self.port = port
        self.flowinfo = flowinfo
        self.scope_id = scope_id

    @property
    def address(self) -> str:
        return self._address

    @address.setter
    def address(self, addr: str) -> None:
        # The two spellings that socketserver and socket document.
        special = {"": "0.0.0.0", "<broadcast>": "255.255.255.255"}
        self._address = special.get(addr) or _resolve(addr)

    @property
    def is_ipv4(self) -> bool:
        return not self.is_ipv6

    @property
    def is_ipv6(self) -> bool:
        return ":" in self._address

    @property
    def address_family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if self.is_ipv6 else socket.AF_INET

    @property
    def as_tuple(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """What ``socket`` functions take: two items for IPv4, four for IPv6."""
        if self.is_ipv6:
            return self.address, self.port, self.flowinfo, self.scope_id
        return self.address, self.port

    @classmethod
    def from_tuple(cls, t: tuple[Any, ...]) -> Self:
        """From ``(host, port)``, or ``(host, port, flowinfo, scope_id)``.

        Raises:
            TypeError: neither of them.
        """
        if not isinstance(t, tuple | list) or len(t) not in (2, 4):
            raise TypeError("an address is (host, port), or (host, port, flowinfo, scope_id) for IPv6")
        host, port, *rest = t
        if not isinstance(host, str) or not isinstance(port, int) or not all(isinstance(item, int) for item in rest):
            raise TypeError("an address holds a host as str, and a port, flowinfo and scope_id as int")
        return cls(host, port, *rest)

    @classmethod
    def from_addr_port(cls, addr: str | tuple[str, int, int], port: int) -> Self:
        """From what ``associate`` takes: a host, or ``(address, flowinfo, scope_id)`` for IPv6, and a port.

        Raises:
            TypeError: something else.
        """
        if not isinstance(port, int):
            raise TypeError(f"port is an int, not {type(port).__name__}")
        if isinstance(addr, str):
            return cls(addr, port)
        if isinstance(addr, tuple) and len(addr) == 3:
            return cls.from_tuple((addr[0], port, addr[1], addr[2]))
        raise TypeError("addr is a str, or (address, flowinfo, scope_id)")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddressInformation) and self.as_tuple == other.as_tuple

    def __hash__(self) -> int:
        return hash(self.as_tuple)

    def __repr__(self) -> str:
        return f"AddressInformation{self.as_tuple}"


def _resolve(host: str) -> str:
    """The address of a host; of several, an IPv4 one."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return str(min(found, key=lambda item: item[0] != socket.AF_INET)[4][0])


def candidates(addr: str | tuple[str, int, int], port: int) -> list[tuple[socket.AddressFamily, Any]]:
    """All the addresses to try for a peer, in the order the system prefers, with their families.

    Raises:
        TypeError: ``addr`` or ``port`` of the wrong type.
        socket.gaierror: the name cannot be resolved.
    """
    if isinstance(addr, str) and isinstance(port, int):
        found = socket.getaddrinfo(addr, port, type=socket.SOCK_STREAM)
        return [(socket.AddressFamily(item[0]), item[4]) for item in found]
    information = AddressInformation.from_addr_port(addr, port)
    return [(information.address_family, information.as_tuple)]


def local_address(bind_address: tuple[Any, ...] | list[Any] | None, family: socket.AddressFamily) -> Any:
    """The local address to connect from.

    Raises:
        TypeError: ``bind_address`` is malformed.
        socket.gaierror: it cannot be resolved.
    """
    if bind_address is None or tuple(bind_address) == ("", 0):
        return ("::", 0) if family == socket.AF_INET6 else ("", 0)
    return AddressInformation.from_tuple(tuple(bind_address)).as_tuple


def bound_socket(family: socket.AddressFamily, bind_address: tuple[Any, ...] | None) -> socket.socket:
    """A socket bound to the local address to connect from.

    Raises:
        TypeError: ``bind_address`` is malformed.
        OSError: it cannot be resolved or bound.
    """
    address = local_address(bind_address, family)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bind_address is not None:
            sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


def listening_socket(address: tuple[Any, ...], *, reuse: bool = True, backlog: int = 128) -> socket.socket:
    """A socket that listens on ``address``; ``"::"`` takes IPv4 as well where the system can.

    Raises:
        TypeError: ``address`` is malformed.
        OSError: it cannot be resolved, or bound.
    """
    information = AddressInformation.from_tuple(tuple(address))
    sock = socket.socket(information.address_family, socket.SOCK_STREAM)
    try:
        if reuse:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if information.is_ipv6 and information.address == "::" and socket.has_dualstack_ipv6():
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(information.as_tuple)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def no_delay(sock: socket.socket) -> None:
    """Send small messages at once: DIMSE is a ping-pong, and Nagle's algorithm costs it 40 ms a message."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
