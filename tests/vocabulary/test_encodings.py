"""Elements of encoded data sets, read and written by hand (PS3.5 7.1)."""

from __future__ import annotations

import struct

import pytest

from dicomwire.data.encodings import Coding, EncodedElement, NotAnElement, describe, known

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"

# Tags, lengths above 0x7FFF: they have no sign.
SHORT = EncodedElement(0x80109020, b"LO", 8, 0x8002)
LONG = EncodedElement(0x7FE00010, b"OW", 12, 0x80000002)
BARE = EncodedElement(0x80109020, b"", 8, 0x80000002)
HEX = {
    (IMPLICIT, BARE): "1080 2090 02000080",
    (EXPLICIT, SHORT): "1080 2090 4c4f 0280",
    (EXPLICIT, LONG): "e07f 1000 4f57 0000 02000080",
    (BIG, SHORT): "8010 9020 4c4f 8002",
    (BIG, LONG): "7fe0 0010 4f57 0000 80000002",
}


def coding(syntax: str) -> Coding:
    if syntax == IMPLICIT:
        return Coding(syntax, implicit=True)
    return Coding(syntax) if syntax == EXPLICIT else Coding(syntax, little=False)


@pytest.mark.parametrize(("syntax", "element", "encoded"), [(*key, bytes.fromhex(text)) for key, text in HEX.items()])
def test_an_element_is_read_and_written(syntax: str, element: EncodedElement, encoded: bytes) -> None:
    made = coding(syntax)
    assert made.element(b"front" + encoded, 5) == element
    assert made.header(element, element.length) == encoded
    # With another length, as when its value is padded.
    changed = made.header(element, element.length + 1)
    assert changed != encoded and len(changed) == element.header == len(encoded)
    assert made.element(changed, 0) == EncodedElement(element.tag, element.vr, element.header, element.length + 1)
    with pytest.raises(struct.error):
        made.element(encoded[:-1], 0)


def test_a_coding_says_what_it_is() -> None:
    found = [(made.transfer_syntax, made.implicit, made.little) for made in map(coding, (IMPLICIT, EXPLICIT, BIG))]
    assert found == [(IMPLICIT, True, True), (EXPLICIT, False, True), (BIG, False, False)]


@pytest.mark.parametrize(
    ("syntax", "encoded"),
    [(IMPLICIT, "feff 00e0 02000080"), (EXPLICIT, "feff 00e0 02000080"), (BIG, "fffe e000 80000002")],
)
def test_an_item_has_no_vr(syntax: str, encoded: str) -> None:
    made, item = coding(syntax), EncodedElement(0xFFFEE000, b"", 8, 0x80000002)
    raw = bytes.fromhex(encoded)
    assert made.item(b"front" + raw, 5) == made.element(b"front" + raw, 5) == item
    assert made.mark(0xFFFEE000, 0x80000002) == raw
    assert made.mark(0xFFFEE00D) == raw[:2] + raw[2:4].replace(b"\0", b"\r") + bytes(4)
    with pytest.raises(struct.error):
        made.item(raw[:-1], 0)


@pytest.mark.parametrize("vr", [b"lo", b"L1", b"1O", b"\0\0", b"Lo"])
def test_what_has_no_vr_is_no_element(vr: bytes) -> None:
    with pytest.raises(NotAnElement, match=r"\(0010,0020\) has no value representation"):
        coding(EXPLICIT).element(b"\x10\0\x20\0" + vr + bytes(6), 0)


def test_a_vr_that_nobody_knows_yet_has_a_long_length() -> None:
    made = coding(EXPLICIT).element(b"\x10\0\x20\0ZZ\0\0\4\0\0\0", 0)
    assert made == EncodedElement(0x00100020, b"ZZ", 12, 4)


def test_a_length_that_does_not_fit_is_an_error() -> None:
    made = coding(EXPLICIT)
    assert made.header(SHORT, 0xFFFF).endswith(b"\xff\xff")
    with pytest.raises(NotAnElement, match=r"\(8010,9020\) is too long to be padded"):
        made.header(SHORT, 0x10000)
    assert made.header(LONG, 0x10000).endswith(b"\0\0\1\0")


@pytest.mark.parametrize(
    ("syntax", "expected"),
    [
        (IMPLICIT, (IMPLICIT, False, True)),
        (EXPLICIT, (EXPLICIT, False, True)),
        (BIG, (BIG, False, True)),
        ("1.2.840.10008.1.2.1.99", (EXPLICIT, True, True)),
        ("1.2.840.10008.1.2.4.50", (EXPLICIT, False, True)),
        # May be anything.
        ("1.2.3.4", (None, False, True)),
        ("1.2.840.10008.1.1", (None, False, True)),
        ("no uid", (None, False, False)),
        ("1" * 65, (None, False, False)),
    ],
)
def test_what_is_known_of_a_transfer_syntax(syntax: str, expected: tuple[str | None, bool, bool]) -> None:
    found = known.__wrapped__(syntax)
    name = None if found.coding is None else found.coding.transfer_syntax
    assert (name, found.deflated, found.is_uid) == expected


def test_a_tag_is_described_as_the_standard_writes_it() -> None:
    assert describe(0x00ABCDEF) == "(00AB,CDEF)"
