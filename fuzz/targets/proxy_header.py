"""Any bytes as a PROXY protocol header: the same one in any pieces, no byte taken behind it, or its one error."""

from __future__ import annotations

from collections.abc import Iterable

from dicomwire.upper_layer.proxy_header import LONGEST_BODY, ProxyHeader, ProxyHeaderError, ProxyHeaderReader

STEERING = 1
"""The size of the pieces."""


def outcome(data: bytes, size: int) -> tuple[ProxyHeader | None, int] | str:
    """The header and how many bytes were taken, or why it is none."""
    reader, taken = ProxyHeaderReader(), 0
    while reader.wanted and taken < len(data):
        wanted = reader.wanted
        assert wanted <= 16 + LONGEST_BODY
        piece = data[taken : taken + min(wanted, size)]
        try:
            reader.receive_data(piece)
        except ProxyHeaderError:
            return "refused"
        taken += len(piece)
    # It is whole exactly when nothing more is wanted.
    assert (reader.header is None) is bool(reader.wanted)
    return reader.header, taken


def one_input(data: bytes) -> None:
    if len(data) < STEERING:
        return
    size, data = 1 + data[0], data[STEERING:]
    whole = outcome(data, 1 << 16)
    assert outcome(data, size) == whole
    if isinstance(whole, tuple) and whole[0] is not None:
        assert outcome(data[: whole[1]], size) == whole
        assert repr(whole[0])


def seeds() -> Iterable[bytes]:
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    addresses = bytes((192, 0, 2, 1, 192, 0, 2, 2, 0x9C, 0x40, 0, 104))
    return [
        b"\0PROXY TCP4 192.0.2.1 192.0.2.2 40000 104\r\n\1\0\0\0",
        b"\2PROXY TCP6 2001:db8::1 2001:db8::2 40000 104\r\n",
        b"\1PROXY UNKNOWN\r\n",
        b"\3" + signature + b"\x20\0\0\0",
        b"\x05" + signature + b"\x21\x11\0\x0c" + addresses + b"\1\0\0\0",
        b"\x07" + signature + b"\x21\x11\0\x16" + addresses + b"\2\0\x07example",
        b"\x09" + signature + b"\x21\x21\0\x24" + bytes(36),
    ]
