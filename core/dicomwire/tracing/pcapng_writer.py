"""Traces as captures of a network, so that Wireshark shows them: the TCP around the bytes is made up."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from struct import pack
from typing import Any, TypeAlias

from attrs import define

from dicomwire._values import Shown
from dicomwire.tracing.trace_records import OF_THE_PEER, OURS, RecordKind, Trace, TracedAssociation
from dicomwire.upper_layer.state import Role

_RAW_IP = 101
_SEGMENT = 60_000
_TCP = 6
_FIN, _SYN, _PSH, _ACK = 1, 2, 8, 16
_PLACES = {True: "192.0.2.1", False: "192.0.2.2"}
"""Of what has no address, by whether it is ours: RFC 5737."""

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def pcapng(trace: Trace) -> Iterator[bytes]:
    """The blocks of a pcapng file; what was left out of the trace is zeros."""
    yield _block(0x0A0D0D0A, pack("<LHHq", 0x1A2B3C4D, 1, 0, -1))
    yield _block(1, pack("<HHL", _RAW_IP, 0, 0))
    for association in trace:
        yield from _association(association)


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = len(body) + 12
    return pack("<LL", kind, length) + body + pack("<L", length)


def _association(association: TracedAssociation) -> Iterator[bytes]:
    is_requestor = association.role is Role.REQUESTOR
    ends = [_place(association.about.get(name), is_requestor, name == "local") for name in ("local", "peer")]
    if ends[0][0].version != ends[1][0].version:
        ends = [_place(None, is_requestor, is_ours) for is_ours in (True, False)]
    ours, theirs = _End(*ends[0]), _End(*ends[1])
    first, second = (ours, theirs) if is_requestor else (theirs, ours)
    time = association.records[0].time if association.records else 0.0
    yield first.segment(second, time, _SYN)
    yield second.segment(first, time, _SYN | _ACK)
    yield first.segment(second, time, _ACK)
    for record in association.records:
        if record.kind in OURS or record.kind in OF_THE_PEER:
            sender, other = (ours, theirs) if record.kind in OURS else (theirs, ours)
            data = record.bytes_crossed
            for start in range(0, len(data), _SEGMENT):
                yield sender.segment(other, record.time, _PSH | _ACK, data[start : start + _SEGMENT])
        elif record.kind is RecordKind.RECEIVED_END:
            yield theirs.segment(ours, record.time, _FIN | _ACK)
        elif record.kind is RecordKind.CLOSED:
            yield ours.segment(theirs, record.time, _FIN | _ACK)


def _place(address: Any, is_requestor: bool, is_ours: bool) -> tuple[_Address, int]:
    """An IP address and a port; those that stand for them where there are none."""
    try:
        host, port = address
        return ipaddress.ip_address(str(host).partition("%")[0]), int(port) & 0xFFFF
    except (TypeError, ValueError):
        return ipaddress.ip_address(_PLACES[is_ours]), 49152 if is_requestor == is_ours else 104


@define(repr=False)
class _End(Shown):
    """One end of a TCP connection."""

    address: _Address
    port: int
    sequence: int = 0

    def segment(self, other: _End, time: float, flags: int, data: bytes = b"") -> bytes:
        """The block of a segment that it sends."""
        head = pack(
            ">HHLLBBHHH",
            self.port, other.port, self.sequence, other.sequence if flags & _ACK else 0, 5 << 4, flags, 0xFFFF, 0, 0,
        )  # fmt: skip
        self.sequence = (self.sequence + len(data) + (1 if flags & (_SYN | _FIN) else 0)) & 0xFFFFFFFF
        length = len(head) + len(data)
        ends = self.address.packed + other.address.packed
        sum_ = _checksum(ends + pack(">LL", length, _TCP) + head + data)
        head = head[:16] + pack(">H", sum_) + head[18:]
        if self.address.version == 4:
            fields = (0x45, 0, 20 + length, 0, 0x4000, 64, _TCP)
            ip = pack(">BBHHHBB", *fields) + b"\0\0" + ends
            ip = ip[:10] + pack(">H", _checksum(ip)) + ip[12:]
        else:
            ip = pack(">LHBB", 6 << 28, length, _TCP, 64) + ends
        packet = ip + head + data
        stamp = round(time * 1e6)
        body = pack("<LLLLL", 0, stamp >> 32 & 0xFFFFFFFF, stamp & 0xFFFFFFFF, len(packet), len(packet)) + packet
        return _block(6, body)


def _checksum(data: bytes) -> int:
    """The sum of RFC 1071: of ones' complement, that is modulo 65535."""
    return 0xFFFF - int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF
