"""The header by which a proxy says for whom it connects: the PROXY protocol, versions 1 and 2, as HAProxy defines it.

It comes once, before all else.  Who reads it asks :attr:`ProxyHeaderReader.wanted` how many bytes to take, and so never
takes one that belongs to what follows.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias

from attrs import frozen

from dicomwire._values import Value

SIGNATURE_1 = b"PROXY "
SIGNATURE_2 = b"\r\n\r\n\0\r\nQUIT\n"

LONGEST_LINE = 107
"""Bytes of a header of version 1, its end included, as the specification says."""

LONGEST_BODY = 4096
"""Bytes that are taken behind the first 16 of version 2: addresses of 216 at most, and what is said about the
connection, mostly some hundred.  The length field could say 65,535."""

_SHORTEST_LINE = len(b"PROXY UNKNOWN\r\n")
_HEAD = 16

_ALPN, _AUTHORITY, _CRC32C, _UNIQUE_ID, _TLS = 0x01, 0x02, 0x03, 0x05, 0x20
_TLS_VERSION, _TLS_COMMON_NAME = 0x21, 0x22

Address: TypeAlias = tuple[Any, ...]


class ProxyHeaderError(ValueError):
    """What came is no header of the PROXY protocol, or not a whole one."""


@frozen(kw_only=True, repr=False, eq=False)
class ProxiedTLS(Value):
    """What a proxy that speaks TLS with the client says of that (PP2_TYPE_SSL)."""

    is_encrypted: bool
    """The client has connected with TLS."""

    has_certificate: bool
    """It has shown a certificate, on this connection or earlier in this TLS session."""

    is_verified: bool
    """That certificate was found good."""

    version: str | None
    """Such as ``"TLSv1.3"``."""

    common_name: str | None
    """That of the certificate."""


@frozen(kw_only=True, repr=False, eq=False)
class ProxyHeader(Value):
    """What a proxy says of a connection."""

    version: int
    """1 or 2."""

    is_local: bool = False
    """The proxy connects for itself, to see whether the server lives (LOCAL)."""

    source: Address | None = None
    """Who has connected to the proxy: host and port, for IPv6 also 0 and 0, or a path and 0.  None: it does not say."""

    destination: Address | None = None
    """Where that was, in the same way."""

    is_unix: bool = False
    """The addresses are paths of Unix domain sockets."""

    values: tuple[tuple[int, bytes], ...] = ()
    """All that version 2 says beside (TLV), as it came: type and value."""

    authority: str | None = None
    """The host name that the client asked for, with TLS by SNI (PP2_TYPE_AUTHORITY)."""

    alpn: bytes | None = None
    """The protocol above, as TLS names it (PP2_TYPE_ALPN)."""

    unique_id: bytes | None = None
    """What the proxy knows the connection by (PP2_TYPE_UNIQUE_ID)."""

    tls: ProxiedTLS | None = None
    """None: it does not say."""


class ProxyHeaderReader:
    """Reads one header, from any pieces."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.header: ProxyHeader | None = None
        """What it says, when it is there whole."""

    @property
    def has_begun(self) -> bool:
        """Something has come."""
        return bool(self._data)

    @property
    def wanted(self) -> int:
        """How many bytes more belong to the header in any case; 0 when it is whole."""
        data, count = self._data, len(self._data)
        if self.header is not None:
            return 0
        if data.startswith(SIGNATURE_2[:1]):
            return (_HEAD if count < _HEAD else _HEAD + _body_length(data)) - count
        if count < _SHORTEST_LINE:
            return _SHORTEST_LINE - count
        return 1 if data.endswith(b"\r") else 2

    def receive_data(self, data: bytes) -> None:
        """Take what has come, :attr:`wanted` bytes at most.

        Raises:
            ProxyHeaderError: it is no header; nothing else is raised, whatever the bytes.
        """
        if not 0 < len(data) <= self.wanted:
            raise ProxyHeaderError("the stream ends within the PROXY protocol header" if not data else "too much read")
        self._data += data
        data = bytes(self._data)
        if not any(data.startswith(signature[: len(data)]) for signature in (SIGNATURE_1, SIGNATURE_2)):
            raise ProxyHeaderError("no PROXY protocol header")
        if data.startswith(SIGNATURE_2[:1]):
            self._read_version_2(data)
        else:
            self._read_version_1(data)

    def _read_version_1(self, data: bytes) -> None:
        line, end, behind = data.partition(b"\r")
        if b"\n" in line or behind not in (b"", b"\n"):
            raise ProxyHeaderError("a PROXY protocol line that does not end as it should")
        if behind:
            self.header = _of_line(line)
        elif len(data) + (1 if end else 2) > LONGEST_LINE:
            raise ProxyHeaderError(f"a PROXY protocol line of more than {LONGEST_LINE} bytes")

    def _read_version_2(self, data: bytes) -> None:
        if len(data) < _HEAD:
            return
        if data[12] >> 4 != 2 or data[12] & 15 > 1:
            raise ProxyHeaderError(f"PROXY protocol of version and command {data[12]:#04x}, not 0x20 or 0x21")
        length = _body_length(data)
        if length > LONGEST_BODY:
            raise ProxyHeaderError(f"a PROXY protocol header of {length} bytes, more than {LONGEST_BODY}")
        if len(data) == _HEAD + length:
            # What LOCAL says beside is to be dropped.
            self.header = _of_block(data) if data[12] & 15 else ProxyHeader(version=2, is_local=True)


def _body_length(data: bytes | bytearray) -> int:
    return int.from_bytes(data[14:16], "big")


# -- version 1 -----------------------------------------------------------------------------------------------------
def _of_line(line: bytes) -> ProxyHeader:
    words = line.split(b" ")
    if words[1] == b"UNKNOWN":
        # Whatever follows is to be dropped.
        return ProxyHeader(version=1)
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise ProxyHeaderError("a PROXY protocol line that is neither of TCP4, TCP6 nor UNKNOWN")
    source, destination, *ports = words[2:]
    make = _ipv4 if words[1] == b"TCP4" else _ipv6
    try:
        return ProxyHeader(
            version=1,
            source=make(source.decode("ascii"), _port(ports[0])),
            destination=make(destination.decode("ascii"), _port(ports[1])),
        )
    except ValueError as error:
        raise ProxyHeaderError("a PROXY protocol line with addresses or ports that are none") from error


def _port(digits: bytes) -> int:
    number = int(digits) if digits.isdigit() and len(digits) <= 5 else -1
    if str(number).encode() != digits or number > 0xFFFF:
        raise ValueError("no port")
    return number


def _ipv4(host: str | bytes, port: int) -> Address:
    return str(IPv4Address(host)), port


def _ipv6(host: str | bytes, port: int) -> Address:
    address = IPv6Address(host)
    if address.scope_id is not None:
        raise ValueError("a zone, which says nothing to others")
    # As the system's functions write it; ``ipaddress`` does so from Python 3.13 on.
    mapped = address.ipv4_mapped
    return str(address) if mapped is None else f"::ffff:{mapped}", port, 0, 0


# -- version 2 -----------------------------------------------------------------------------------------------------
def _internet(make: Callable[[bytes, int], Address], width: int) -> Callable[[bytes], tuple[Address, Address]]:
    def read(block: bytes) -> tuple[Address, Address]:
        source, destination = struct.unpack_from(">HH", block, 2 * width)
        return make(block[:width], source), make(block[width : 2 * width], destination)

    return read


def _unix(block: bytes) -> tuple[Address, Address]:
    def path(name: bytes) -> Address:
        # As the system's functions give names: one of the abstract kind begins with a zero byte.
        return name.rstrip(b"\0").decode("utf-8", "surrogateescape"), 0

    return path(block[:108]), path(block[108:216])


_FAMILIES: dict[int, tuple[int, Callable[[bytes], tuple[Address | None, Address | None]]]] = {
    0x00: (0, lambda block: (None, None)),
    0x11: (12, _internet(_ipv4, 4)),
    0x21: (36, _internet(_ipv6, 16)),
    0x31: (216, _unix),
}
"""Family and transport: the bytes of its addresses, and what reads them."""


def _of_block(data: bytes) -> ProxyHeader:
    known = _FAMILIES.get(data[13])
    if known is None:
        raise ProxyHeaderError(f"a PROXY protocol header for family and transport {data[13]:#04x}, no stream")
    size, read = known
    block = data[_HEAD:]
    if len(block) < size:
        raise ProxyHeaderError(f"a PROXY protocol header of {len(block)} bytes, too short for its addresses")
    source, destination = read(block)
    values = tuple(_values(block, size))
    found = dict(values)
    if _CRC32C in found:
        _check_crc(data, _HEAD + size)
    authority = found.get(_AUTHORITY)
    return ProxyHeader(
        version=2,
        source=source,
        destination=destination,
        is_unix=size == 216,
        values=values,
        authority=None if authority is None else _text(authority),
        alpn=found.get(_ALPN),
        unique_id=found.get(_UNIQUE_ID),
        tls=None if _TLS not in found else _tls(found[_TLS]),
    )


def _values(block: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    while start < len(block):
        # Three bytes that are not all there are too many by themselves.
        stop = start + 3 + int.from_bytes(block[start + 1 : start + 3], "big")
        if stop > len(block):
            raise ProxyHeaderError("a value in a PROXY protocol header that is longer than the rest of it")
        yield block[start], block[start + 3 : stop]
        start = stop


def _tls(value: bytes) -> ProxiedTLS:
    if len(value) < 5:
        raise ProxyHeaderError("what a PROXY protocol header says of TLS is too short")
    flags, result = struct.unpack_from(">BL", value)
    inner = dict(_values(value, 5))
    version, name = inner.get(_TLS_VERSION), inner.get(_TLS_COMMON_NAME)
    return ProxiedTLS(
        is_encrypted=bool(flags & 1),
        has_certificate=bool(flags & 6),
        is_verified=bool(flags & 6) and result == 0,
        version=None if version is None else _text(version),
        common_name=None if name is None else _text(name),
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _check_crc(data: bytes, start: int) -> None:
    """The checksum is that of the header with zeros in its place."""
    while data[start] != _CRC32C:
        start += 3 + int.from_bytes(data[start + 1 : start + 3], "big")
    stop = start + 3 + int.from_bytes(data[start + 1 : start + 3], "big")
    start += 3
    if stop - start != 4:
        raise ProxyHeaderError("a checksum in a PROXY protocol header that is not of 4 bytes")
    if crc32c(data[:start] + bytes(4) + data[stop:]) != int.from_bytes(data[start:stop], "big"):
        raise ProxyHeaderError("a PROXY protocol header whose checksum is wrong")


@cache
def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        return value

    return tuple(map(entry, range(256)))


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720 appendix B.4, Castagnoli's polynomial."""
    table, value = _table(), 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF
