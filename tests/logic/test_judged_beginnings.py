"""What is said of the first bytes of a data set, byte by byte: where each check begins and ends."""

from __future__ import annotations

import zlib

import pytest

from dicomwire.data.data_set_beginning import DataSetBeginning, why_no_data_set
from tests.support import encoded
from tests.support.encoded import BIG, DEFLATED, EXPLICIT, IMPLICIT, Writer

LE, BE, IM = Writer(EXPLICIT), Writer(BIG), Writer(IMPLICIT)


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def why(data: bytes, syntax: str, length: int | None = None) -> str:
    """Without what all such reasons begin with; empty for none."""
    return (why_no_data_set(data, syntax, length=length) or ": ").partition(": ")[2]


@pytest.mark.parametrize(
    ("data", "syntax"),
    [
        (b"\xfe\xff\0\xe0", IMPLICIT),
        (b"\xfe\xff\0\xe0", EXPLICIT),
        (b"\xff\xfe\xe0\0", BIG),
        (b"\xff\xff\0\0", IMPLICIT),
    ],
)
def test_no_data_set_begins_with_an_item(data: bytes, syntax: str) -> None:
    begins = data + b"\x04\0\0\0"
    assert why(begins + b"ABCD", syntax) == f"it begins with {begins.hex(' ')}"


def test_a_sequence_of_undefined_length_fits_into_any() -> None:
    for write, syntax in ((LE, EXPLICIT), (BE, BIG), (IM, IMPLICIT)):
        data = write.sequence(0x00081140, write.item(b""), defined=False)
        assert why(data, syntax, len(data)) == ""


def test_the_first_element_is_no_longer_than_what_came() -> None:
    for write, syntax, reason in (
        (LE, EXPLICIT, "its first element would be longer than the {} bytes that came"),
        (BE, BIG, "its first element would be longer than the {} bytes that came"),
    ):
        for vr in ("UN", "LO"):
            data = write(0x00091001, vr, b"ABCD")
            assert why(data, syntax, len(data)) == ""
            assert why(data, syntax, len(data) - 1) == reason.format(len(data) - 1)
    data = IM(0x00091001, "UN", b"ABCD")
    assert why(data, IMPLICIT, len(data)) == ""
    assert "too short for its first element" in why(data, IMPLICIT, len(data) - 1)


def test_two_letters_in_a_length_may_be_a_vr() -> None:
    data = LE(0x00091001, "OB", b"ABCD")
    assert why(data, IMPLICIT).endswith("as in explicit VR")
    # With zeros behind it, else it is a length.
    size = int.from_bytes(b"OB\1\0", "little")
    assert why(b"\x09\0\1\x10OB\1\0" + bytes(100), IMPLICIT, 8 + size) == ""
    size = int.from_bytes(b"OB\0\1", "little")
    assert why(b"\x09\0\1\x10OB\0\1" + bytes(100), IMPLICIT, 8 + size) == ""


def test_behind_an_unknown_element_comes_a_higher_tag() -> None:
    first = IM(0x00091001, "", b"ABCD")
    assert why(first + IM(0x00091002, ""), IMPLICIT) == ""
    for tag in (0x00091001, 0x00091000, 0xFFFEE000, 0xFFFFE000):
        assert why(first + IM(tag, ""), IMPLICIT).startswith("it begins with 09 00")


@pytest.mark.parametrize("tag", [0x00080005, 0x00081030, 0x7FE00010])
def test_the_other_order_of_bytes_is_told_by_the_tag(tag: int) -> None:
    vr = {0x00080005: "CS", 0x00081030: "LO", 0x7FE00010: "OW"}[tag]
    assert why(BE(tag, vr, b""), EXPLICIT).endswith("in the other byte order")
    assert why(LE(tag, vr, b""), BIG).endswith("in the other byte order")


def test_deflated_it_is_judged_by_what_it_inflates_to() -> None:
    uids = LE.uids("1.2.3")
    assert why(deflate(uids), DEFLATED, len(deflate(uids))) == ""
    assert why(deflate(LE.uid(0x00020010, EXPLICIT) + uids), DEFLATED).endswith("file meta information, deflated")
    assert why(uids, DEFLATED).endswith("which is not deflated")
    cut = deflate(uids)[:-2]
    assert why(cut, DEFLATED, len(cut)) == "it is deflated and ends early"
    assert why(cut, DEFLATED) == ""
    too_long = LE(0x00080008, "CS", b"", 0xFFF0)
    assert "its first element would be longer" in why(deflate(too_long + bytes(900)), DEFLATED)
    # No more than a KiB is inflated: what is behind that nobody has seen.
    assert why(deflate(too_long + bytes(5000)), DEFLATED) == ""


# -- what is clear with the first piece --------------------------------------------------------------------------------
@pytest.mark.parametrize(("write", "syntax"), [(IM, IMPLICIT), (LE, EXPLICIT), (BE, BIG)])
@pytest.mark.parametrize("length", [4, 10, 0x0100, 0x0102])
def test_a_first_element_that_is_whole_is_plain(write: Writer, syntax: str, length: int) -> None:
    data = write(0x00080005, "CS", bytes(length))
    for pieces in ([memoryview(data)], [memoryview(data)[:12], memoryview(data)[12:]]):
        beginning = DataSetBeginning(syntax)
        assert beginning.take(pieces, last=True) is pieces
        assert beginning.is_plain
    cut = DataSetBeginning(syntax)
    taken = cut.take([memoryview(data)[:-1]], last=True)
    assert not cut.is_plain and cut.reason is not None
    assert taken is not None and b"".join(taken) == data[:-1]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_twelve_bytes_are_enough_and_fewer_are_not(syntax: str) -> None:
    data = Writer(syntax)(0x00080005, "CS", bytes(4))
    pieces = [memoryview(data)]
    assert len(data) == 12
    assert DataSetBeginning(syntax).take(pieces, last=False) is pieces
    assert DataSetBeginning(syntax).take([memoryview(data)[:11]], last=False) is None


def test_what_begins_otherwise_is_not_plain() -> None:
    for data, syntax in (
        (IM(0x00090010, "LO", b"ABCD"), IMPLICIT),
        (LE(0x00090010, "LO", b"ABCD"), EXPLICIT),
        (LE(0x00080005, "ZZ", b"ABCD"), EXPLICIT),
        (deflate(LE.uids("1.2.3")), DEFLATED),
        (LE.uids("1.2.3"), "1.2.3.4"),
    ):
        beginning = DataSetBeginning(syntax)
        assert beginning.take([memoryview(data)], last=False) is None
        assert not beginning.is_plain


def test_long_lengths_of_explicit_vrs_count_too() -> None:
    for write, syntax in ((LE, EXPLICIT), (BE, BIG)):
        data = write(0x00080006, "SQ", bytes(20))
        beginning = DataSetBeginning(syntax)
        assert beginning.take([memoryview(data)], last=True) is not None and beginning.is_plain
        cut = DataSetBeginning(syntax)
        cut.take([memoryview(data)[:-1]], last=True)
        assert not cut.is_plain
        undefined = DataSetBeginning(syntax)
        undefined.take([memoryview(write(0x00080006, "SQ", b"", encoded.UNDEFINED))], last=True)
        assert undefined.is_plain
