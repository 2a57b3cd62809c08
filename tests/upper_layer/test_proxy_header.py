"""The header of the PROXY protocol, versions 1 and 2: what is read, and what is refused."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, strategies as st

from dicomwire.upper_layer.proxy_header import (
    LONGEST_BODY,
    LONGEST_LINE,
    SIGNATURE_2,
    ProxiedTLS,
    ProxyHeader,
    ProxyHeaderError,
    ProxyHeaderReader,
    crc32c,
)

LINE = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"
LONGEST = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"
IPV4 = bytes((192, 0, 2, 7, 10, 0, 0, 1)) + struct.pack(">HH", 50000, 104)
IPV6 = bytes.fromhex("20010db8 00000000 00000000 00000007 20010db8 00000000 00000000 00000001 c350 0068")
UNIX = b"/run/client".ljust(108, b"\0") + b"/run/proxy".ljust(108, b"\0")


def header(block: bytes, family: int = 0x11, command: int = 0x21) -> bytes:
    return SIGNATURE_2 + bytes((command, family)) + struct.pack(">H", len(block)) + block


def value(kind: int, data: bytes) -> bytes:
    return struct.pack(">BH", kind, len(data)) + data


def with_crc(block: bytes, family: int = 0x11) -> bytes:
    whole = header(block + value(3, bytes(4)), family)
    return whole[:-4] + struct.pack(">L", crc32c(whole))


def read(data: bytes, step: int = 1 << 16) -> tuple[ProxyHeader | None, int]:
    """The header, if it is whole, and how many bytes it took."""
    reader, taken = ProxyHeaderReader(), 0
    while (wanted := reader.wanted) and taken < len(data):
        piece = data[taken : taken + min(wanted, step)]
        reader.receive_data(piece)
        taken += len(piece)
    return reader.header, taken


VECTORS: list[Any] = [
    pytest.param(
        LINE, {"version": 1, "source": ("192.168.0.1", 56324), "destination": ("192.168.0.11", 443)}, id="tcp4"
    ),
    pytest.param(
        b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        {"version": 1, "source": ("255.255.255.255", 65535), "destination": ("255.255.255.255", 65535)},
        id="tcp4-longest",
    ),
    pytest.param(
        b"PROXY TCP6 2001:DB8::7 ::ffff:10.0.0.1 0 65535\r\n",
        {"version": 1, "source": ("2001:db8::7", 0, 0, 0), "destination": ("::ffff:10.0.0.1", 65535, 0, 0)},
        id="tcp6",
    ),
    pytest.param(b"PROXY UNKNOWN\r\n", {"version": 1}, id="unknown"),
    pytest.param(LONGEST, {"version": 1}, id="unknown-longest"),
    pytest.param(
        header(IPV4), {"version": 2, "source": ("192.0.2.7", 50000), "destination": ("10.0.0.1", 104)}, id="ipv4"
    ),
    pytest.param(
        header(IPV6, 0x21),
        {"version": 2, "source": ("2001:db8::7", 50000, 0, 0), "destination": ("2001:db8::1", 104, 0, 0)},
        id="ipv6",
    ),
    pytest.param(
        header(UNIX, 0x31),
        {"version": 2, "is_unix": True, "source": ("/run/client", 0), "destination": ("/run/proxy", 0)},
        id="unix",
    ),
    pytest.param(header(b"", 0x00), {"version": 2}, id="unspecified"),
    pytest.param(header(b"", 0x00, 0x20), {"version": 2, "is_local": True}, id="local"),
    pytest.param(header(b"\xff" * 40, 0xFF, 0x20), {"version": 2, "is_local": True}, id="local-with-anything"),
]


@pytest.mark.parametrize(("data", "expected"), VECTORS)
@pytest.mark.parametrize("step", [1, 2, 3, 1 << 16])
def test_what_is_read(data: bytes, expected: dict[str, Any], step: int) -> None:
    found, taken = read(data + b"\x01\x00 what follows", step)
    assert found == ProxyHeader(**expected)
    assert taken == len(data)


def test_what_is_said_beside() -> None:
    tls = bytes((7,)) + bytes(4) + value(0x21, b"TLSv1.3") + value(0x22, "Röntgen".encode())
    values = [(4, b"\0\0"), (1, b"dicom"), (2, b"pacs.example"), (5, b"7F"), (0x20, tls), (0xE0, b"own")]
    found, _ = read(with_crc(IPV4 + b"".join(value(*item) for item in values)))
    assert found is not None
    assert (found.authority, found.alpn, found.unique_id) == ("pacs.example", b"dicom", b"7F")
    assert found.tls == ProxiedTLS(
        is_encrypted=True, has_certificate=True, is_verified=True, version="TLSv1.3", common_name="Röntgen"
    )
    assert found.values[:-1] == tuple(values)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"\0\0\0\0\0", (False, False, False)),
        (b"\1\0\0\0\0", (True, False, False)),
        (b"\1\0\0\0\1", (True, False, False)),
        (b"\3\0\0\0\1", (True, True, False)),
        (b"\5\0\0\0\0", (True, True, True)),
    ],
)
def test_a_certificate_is_good_if_the_proxy_says_so(said: bytes, expected: tuple[bool, bool, bool]) -> None:
    found, _ = read(header(value(0x20, said), 0x00))
    assert found is not None and found.tls is not None
    assert (found.tls.is_encrypted, found.tls.has_certificate, found.tls.is_verified) == expected
    assert (found.tls.version, found.tls.common_name) == (None, None)


def test_the_checksum_is_that_of_rfc_3720() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


def test_the_checksum_is_looked_at_wherever_it_stands() -> None:
    good = with_crc(IPV4 + value(4, b"\x03\0\x04"))
    assert read(good)[0] is not None
    for place in (13 + 3, len(good) - 1):
        bad = bytearray(good)
        bad[place] ^= 1
        with pytest.raises(ProxyHeaderError, match="whose checksum is wrong"):
            read(bytes(bad))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x01\0\0\0", "no PROXY protocol header"),
        (b"PROXX", "no PROXY protocol header"),
        (b"proxy TCP4", "no PROXY protocol header"),
        (b"\r\n\r\n\0\r\nQUIT\r", "no PROXY protocol header"),
        (b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n", "does not end as it should"),
        (b"PROXY TCP4 1\rx", "does not end as it should"),
        (b"PROXY \r\n", "neither of"),
        (b"PROXY TCP5 192.168.0.1 192.168.0.11 56324 443\r\n", "neither of"),
        (b"PROXY TCP4 192.168.0.1  192.168.0.11 56324 443\r\n", "neither of"),
        (b"PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n", "neither of"),
        (b"PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n", "that are none"),
        (b"PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n", "that are none"),
        (b"PROXY TCP4 192.168.0.1 192.168.0.11 +1 443\r\n", "that are none"),
        (b"PROXY TCP4 192.168.0.1 192.168.0.11 1 \r\n", "that are none"),
        (b"PROXY TCP4 192.168.0.256 192.168.0.11 1 2\r\n", "that are none"),
        (b"PROXY TCP4 ::1 ::1 1 2\r\n", "that are none"),
        (b"PROXY TCP6 1.2.3.4 ::1 1 2\r\n", "that are none"),
        (b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "that are none"),
        (b"PROXY TCP4 \xff.0.0.1 1.1.1.1 1 2\r\n", "that are none"),
        (b"PROXY UNKNOWN " + b"x" * 100, f"more than {LONGEST_LINE} bytes"),
        (header(IPV4, command=0x11), "0x11"),
        (header(IPV4, command=0x22), "0x22"),
        (header(IPV4, 0x12), "0x12, no stream"),
        (header(IPV4, 0x41), "0x41, no stream"),
        (header(IPV4[:-1]), "11 bytes, too short"),
        (header(IPV4, 0x21), "12 bytes, too short"),
        (header(UNIX[1:], 0x31), "215 bytes, too short"),
        (header(b"")[:14] + b"\xff\xff", f"65535 bytes, more than {LONGEST_BODY}"),
        (header(IPV4 + b"\4"), "longer than the rest"),
        (header(IPV4 + b"\4\0\1"), "longer than the rest"),
        (header(IPV4 + value(3, b"123")), "not of 4 bytes"),
        (header(IPV4 + value(0x20, b"1234")), "too short"),
        (header(IPV4 + value(0x20, b"12345\x21\0\1")), "longer than the rest"),
    ],
)
@pytest.mark.parametrize("step", [1, 1 << 16])
def test_what_is_refused(data: bytes, message: str, step: int) -> None:
    with pytest.raises(ProxyHeaderError, match=message):
        read(data, step)


def test_lines_may_be_as_long_as_the_specification_says() -> None:
    line = b"PROXY UNKNOWN ".ljust(LONGEST_LINE - 2, b"x")
    assert read(line + b"\r\n")[0] == ProxyHeader(version=1)
    for end in (b"x\r\n", b"\rx", b"xx"):
        with pytest.raises(ProxyHeaderError):
            read(line + end, 1)


def test_the_longest_block_is_taken() -> None:
    filler = value(4, bytes(LONGEST_BODY - len(IPV4) - 3))
    assert read(header(IPV4 + filler))[1] == 16 + LONGEST_BODY


def test_the_end_of_the_stream_and_too_much_are_refused() -> None:
    reader = ProxyHeaderReader()
    assert not reader.has_begun
    with pytest.raises(ProxyHeaderError, match="the stream ends"):
        reader.receive_data(b"")
    with pytest.raises(ProxyHeaderError, match="too much read"):
        reader.receive_data(b"PROXY UNKNOWN\r\n\x01")
    reader.receive_data(b"PROXY UNKNOWN\r\n")
    assert reader.has_begun
    with pytest.raises(ProxyHeaderError, match="too much read"):
        reader.receive_data(b"\x01")


HEADERS = st.sampled_from([*(item.values[0] for item in VECTORS), with_crc(IPV6 + value(2, b"a.example"), 0x21)])


@given(HEADERS, st.data())
def test_pieces_do_not_matter(data: bytes, draw: st.DataObject) -> None:
    whole = read(data)
    reader, taken = ProxyHeaderReader(), 0
    while reader.wanted:
        size = draw.draw(st.integers(1, reader.wanted))
        reader.receive_data(data[taken : taken + size])
        taken += size
    assert (reader.header, taken) == whole == (reader.header, len(data))


@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=120).map(b"PROXY ".__add__),
        st.binary(max_size=300).map(SIGNATURE_2.__add__),
        st.builds(
            header,
            st.binary(max_size=80).map(IPV4.__add__),
            st.sampled_from((0, 0x11, 0x21)),
            st.sampled_from((0x20, 0x21)),
        ),
    ),
    st.integers(1, 400),
)
def test_whatever_comes_is_read_refused_or_not_whole(data: bytes, step: int) -> None:
    try:
        found, taken = read(data, step)
    except ProxyHeaderError:
        return
    assert taken <= len(data)
    assert found is not None or taken == len(data)
