"""Where a peer or a server is: Internet addresses, host names and the paths of Unix domain sockets."""

from __future__ import annotations

import _socket
import os
import socket
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Self, TypeAlias

from attrs import frozen

from dicomwire._logging import shown_address
from dicomwire._values import Shown
from dicomwire.associations.proxied import Proxied
from dicomwire.sockets.given_sockets import inherited_sockets

__all__ = ["Address", "AddressInformation", "Peer", "inherited_sockets"]

Peer: TypeAlias = str | os.PathLike[str] | tuple[str, int, int]
"""What ``associate`` takes: a host, ``(address, flowinfo, scope_id)``, or a Unix path: a ``Path`` or ``"unix:..."``."""

Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | str | os.PathLike[str]
"""What servers take: ``(host, port)``, ``(host, port, flowinfo, scope_id)``, or a Unix path as above."""

_UNIX = "unix:"

AF_UNIX: int = getattr(socket, "AF_UNIX", -1)
"""-1 where the system has no Unix domain sockets."""


SPECIAL = {"": "0.0.0.0", "<broadcast>": "255.255.255.255"}
"""The two spellings that socketserver and socket document."""


class AddressInformation:
    """An IPv4 or IPv6 address with a port, or a Unix path with port 0; a host name is resolved when it is set.

    Raises:
        socket.gaierror: the name cannot be resolved.
    """

    def __init__(self, addr: str, port: int, flowinfo: int = 0, scope_id: int = 0) -> None:
        self.port = port
        self.flowinfo = flowinfo
        self.scope_id: int = scope_id
        self.address = addr

    @property
    def address(self) -> str:
        return self._address

    @address.setter
    def address(self, addr: str) -> None:
        path = unix_path(addr)
        self._family = _family(AF_UNIX)
        if path is not None:
            self._address = path
            return
        self._family, sockaddr = _resolved(SPECIAL.get(addr, addr))
        self._address = str(sockaddr[0])
        if len(sockaddr) > 3 and sockaddr[3]:
            self.scope_id = sockaddr[3]

    @property
    def is_ipv4(self) -> bool:
        return self._family == socket.AF_INET

    @property
    def is_ipv6(self) -> bool:
        return self._family == socket.AF_INET6

    @property
    def is_unix(self) -> bool:
        """A Unix domain socket: ``address`` is its path, empty for an end without a name (extension)."""
        return self._family == AF_UNIX

    @property
    def address_family(self) -> socket.AddressFamily:
        return self._family

    @property
    def as_tuple(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """Two items for IPv4 and Unix paths, four for IPv6; what ``socket`` functions take, but for Unix paths."""
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
        _check_port(port)
        if isinstance(addr, str):
            return cls(addr, port)
        if isinstance(addr, tuple) and len(addr) == 3:
            return cls.from_tuple((addr[0], port, addr[1], addr[2]))
        raise TypeError("addr is a str, or (address, flowinfo, scope_id)")

    @classmethod
    def from_address(cls, address: Address) -> Self:
        """From what servers take: one of the tuples, or a Unix path (extension).

        Raises:
            TypeError: something else.
        """
        host = address[0] if isinstance(address, tuple | list) and len(address) == 2 else address
        path = unix_path(host)
        if path is not None:
            return cls(_UNIX + checked_path(path), 0)
        if not isinstance(address, tuple | list):
            raise TypeError(f"an address is (host, port), a Path, or 'unix:' with a path, not {address!r}")
        information = cls.from_tuple(tuple(address))
        _check_port(information.port)
        return information

    @classmethod
    def from_unix(cls, pair: tuple[Any, ...]) -> Self:
        """From the path of a Unix domain socket and 0, as :func:`end_of` gives them."""
        return cls(_UNIX + str(pair[0]), 0)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AddressInformation):
            return False
        return (self._family, self.as_tuple) == (other._family, other.as_tuple)

    def __hash__(self) -> int:
        return hash(self.as_tuple)

    def __repr__(self) -> str:
        return f"AddressInformation{self.as_tuple}"


@frozen(repr=False)
class Destination(Shown):
    """One address to reach a peer at."""

    family: int
    address: Any
    """What ``connect`` takes."""

    local: Any = None
    """What to ``bind`` to before; None: the system chooses."""

    unusable: str | None = None
    """Why it cannot be reached from where we are to connect from."""

    def __str__(self) -> str:
        return shown_address(self.end)

    @property
    def end(self) -> tuple[Any, ...]:
        return end_of(self.address)


# -- Unix paths ----------------------------------------------------------------------------------------------------
def unix_path(address: object) -> str | None:
    """The path in a ``Path``, or in ``"unix:/path"``; ``"unix:@name"`` is an abstract name; None for all else."""
    if isinstance(address, os.PathLike):
        path = os.fsdecode(address)
    elif isinstance(address, str) and address.startswith(_UNIX):
        path = address.removeprefix(_UNIX)
        if path.startswith("///"):
            # As in a URL: no host, and an absolute path.
            path = path[2:]
        if path.startswith("@"):
            return "\0" + path[1:]
    else:
        return None
    # A slash tells it from a host.
    return path if "/" in path or not path or path.startswith("\0") else f"./{path}"


def checked_path(path: str) -> str:
    """A path to connect to or listen on.

    Raises:
        ValueError: it is empty, or the system has no Unix domain sockets.
    """
    if AF_UNIX < 0:
        raise ValueError(f"this system has no Unix domain sockets: {path!r}")
    if not path.strip("\0"):
        raise ValueError("the path of the Unix domain socket is empty")
    return path


def end_of(address: Any) -> tuple[Any, ...]:
    """An address as ``socket`` functions give it, as programs see it: host and port, or path and 0."""
    # Nothing is derived from these; twice for each association.
    if type(address) is tuple and type(address[0]) is str:
        return address
    return os.fsdecode(address) if isinstance(address, bytes) else str(address or ""), 0


def family_of(sock: Any) -> int:
    """The number of a socket's family: ``sock.family`` makes a member of an enumeration of it, with four calls.

    -1 for what has none.
    """
    number: int = _family_number(sock) if isinstance(sock, _socket.socket) else getattr(sock, "family", -1)
    return number


_family_number: Any = _socket.socket.family.__get__


def information_of(family: int) -> Any:
    """What makes an :class:`AddressInformation` of what :func:`end_of` gives."""
    return AddressInformation.from_unix if family == AF_UNIX else AddressInformation.from_tuple


def family_of_client(proxied: Proxied, family: int) -> int:
    """The number of the family of a client's address, where a proxy whose own family is ``family`` says what it is."""
    if proxied.header.source is None:
        return family
    return AF_UNIX if proxied.header.is_unix else socket.AF_INET6 if len(proxied.client) == 4 else socket.AF_INET


# -- host names ----------------------------------------------------------------------------------------------------
def is_name(host: object) -> bool:
    """Whether a host has to be looked up, which may take long: it is no address."""
    return isinstance(host, str) and unix_path(host) is None and numeric(host) is None


def numeric(host: str) -> tuple[socket.AddressFamily, tuple[Any, ...]] | None:
    """The family of a numeric address, and what ``socket`` functions take but for the port; None if it is none.

    The resolver knows these too, but may only be asked where waiting is allowed.
    """
    text, percent, zone = host.partition("%")
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            canonical = socket.inet_ntop(family, socket.inet_pton(family, text))
        except (OSError, ValueError):
            continue
        if family == socket.AF_INET:
            return None if percent else (family, (canonical,))
        scope_id = _scope_id(zone) if percent else 0
        return None if scope_id is None else (family, (canonical, 0, scope_id))
    return None


def _scope_id(zone: str) -> int | None:
    """The number of an IPv6 zone: that of an interface, or its name."""
    if zone.isascii() and zone.isdecimal():
        return int(zone) if int(zone) < 1 << 32 else None
    try:
        return socket.if_nametoindex(zone)
    except (OSError, ValueError):
        return None


def _addresses(host: str, port: int | None) -> Iterator[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """The addresses of a host in the order the system prefers: family, and what ``socket`` functions take.

    Raises:
        socket.gaierror: it has none.
    """
    if (known := numeric(host)) is not None:
        family, (text, *rest) = known
        yield family, (text, port or 0, *rest)
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except ValueError as error:
        # Not even the form of a name.
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no host name: {error}") from error
    except socket.gaierror as error:
        # The system does not say which name it was.
        raise socket.gaierror(error.errno, f"{host!r}: {error.strerror}") from error
    for family, _, _, _, address in found:
        if family in (socket.AF_INET, socket.AF_INET6):
            yield socket.AddressFamily(family), address


def _resolved(host: str) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """The address of a host; of several, an IPv4 one."""
    found = list(_addresses(host, None))
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} has no Internet address")
    return min(found, key=lambda item: item[0] != socket.AF_INET)


def needs_resolver(addr: object, bind_address: object) -> bool:
    """Whether :func:`destinations` has to wait for the resolver."""
    local = bind_address[0] if isinstance(bind_address, tuple | list) and bind_address else ""
    return is_name(addr[0] if isinstance(addr, tuple) and addr else addr) or (local != "" and is_name(local))


def destinations(addr: Peer, port: int, bind_address: tuple[Any, ...] | list[Any] | None) -> list[Destination]:
    """All the addresses to try for a peer, in the order the system prefers.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: a port that is none, an empty path, or a Unix path together with ``bind_address``.
        socket.gaierror: a name cannot be resolved.
    """
    _check_port(port)
    path = unix_path(addr)
    if path is not None:
        if not is_any(bind_address):
            raise ValueError("bind_address is for Internet addresses, not for Unix paths")
        return [Destination(AF_UNIX, checked_path(path))]
    if isinstance(addr, str):
        found = list(dict.fromkeys(_addresses(addr, port)))
    elif isinstance(addr, tuple) and len(addr) == 3:
        information = AddressInformation.from_tuple((addr[0], port, *addr[1:]))
        found = [(information.address_family, information.as_tuple)]
    else:
        raise TypeError("addr is a str or a Path, or (address, flowinfo, scope_id) for IPv6")
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, f"{addr!r} has no Internet address")
    local = _local_addresses(bind_address)
    if local is None:
        return [Destination(family, address) for family, address in found]
    why = f"bind_address {shown_address(tuple(bind_address or ()))} is of another address family"
    return [
        Destination(family, address, local.get(family), None if family in local else why) for family, address in found
    ]


def literal(addr: object, port: object, bind_address: object) -> Destination | None:
    """What :func:`destinations` gives for a numeric address: there is one, the same each time.  None for all else."""
    if isinstance(addr, str) and isinstance(port, int) and is_any(bind_address):
        return _literal(addr, port)
    return None


@lru_cache(maxsize=64)
def _literal(addr: str, port: int) -> Destination | None:
    if "%" in addr or not 0 <= port <= 0xFFFF or (known := numeric(addr)) is None:
        # The number of a zone may be another one next time.
        return None
    family, (text, *rest) = known
    return Destination(family, (text, port, *rest))


def is_any(bind_address: object) -> bool:
    """Whether a local address leaves the choice to the system: both documented spellings do."""
    return bind_address is None or (isinstance(bind_address, tuple | list) and tuple(bind_address) == ("", 0))


def _local_addresses(bind_address: tuple[Any, ...] | list[Any] | None) -> dict[int, Any] | None:
    """What to bind to by address family; None: the system chooses."""
    if is_any(bind_address):
        return None
    is_pair = isinstance(bind_address, tuple | list) and len(bind_address) in (2, 4)
    host, port, *rest = bind_address if bind_address is not None and is_pair else (None, None)
    if not isinstance(host, str) or not isinstance(port, int) or not all(isinstance(item, int) for item in rest):
        raise TypeError("bind_address is (host, port), or (host, port, flowinfo, scope_id) for IPv6")
    _check_port(port)
    if host == "":
        return {socket.AF_INET: ("", port), socket.AF_INET6: ("::", port)}
    local: dict[int, Any] = {}
    for family, address in _addresses(host, port):
        if family == socket.AF_INET6 and rest:
            address = (*address[:2], rest[0], rest[1] or address[3])
        local.setdefault(family, address)
    return local


def _check_port(port: object) -> None:
    if not isinstance(port, int):
        raise TypeError(f"port is an int, not {type(port).__name__}")
    if not 0 <= port <= 0xFFFF:
        raise ValueError(f"port {port} is not between 0 and 65535")


def _family(number: int) -> socket.AddressFamily:
    return socket.AddressFamily(number) if number >= 0 else socket.AF_UNSPEC
