"""What the first bytes of a data set tell: its encoding, its UIDs, and what is in front of it."""

from __future__ import annotations

import zlib

import pytest

from dicomwire.data.data_set_head import Head, Mislabelled, guess, quick_uids, read_head, without_file_meta
from dicomwire.data.encodings import BIG, EXPLICIT, IMPLICIT, Coding
from tests.support import encoded
from tests.support.encoded import CT, UNDEFINED, Writer

LE, BE, IM = Writer(encoded.EXPLICIT), Writer(encoded.BIG), Writer(encoded.IMPLICIT)
CLASS = CT.encode() + b"\0"
UIDS = (CLASS, b"1.2.3\0")
META = LE.uid(0x00020010, encoded.EXPLICIT)
PRIVATE = "1.2.3.4"
BOTH = [pytest.param(LE, EXPLICIT, id="explicit"), pytest.param(IM, IMPLICIT, id="implicit")]


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def head_of(data: bytes, syntax: str = encoded.EXPLICIT, *, whole: bool = True, strict: bool = True) -> Head:
    return read_head(data, 0, syntax, len(data) if whole else None, whole=whole, strict=strict)


# -- the quick way ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("write", "coding"), BOTH)
def test_uids_are_found_quickly_where_nearly_all_have_them(write: Writer, coding: Coding) -> None:
    usual = write(0x00080005, "CS", b"ISO_IR 100") + write(0x00080012, "DA", b"20261129")
    # One of group 0008 that is not usual there, as long as its length has two bytes.
    data = b"ab" + usual + write(0x00080015, "CS", b"AB") + write.uids("1.2.3")
    assert quick_uids(data, 2, coding) == UIDS
    assert quick_uids(write(0x00080005, "CS", b"A" * 0x0102) + write.uids("1.2.3"), 0, coding) == UIDS
    assert quick_uids(write.uid(0x00080018, "1.2.3"), 0, coding) == (b"", UIDS[1])


@pytest.mark.parametrize(("write", "coding"), BOTH)
def test_what_is_no_such_beginning_is_left_to_others(write: Writer, coding: Coding) -> None:
    assert quick_uids(write(0x00090016, "UI", CLASS) + write(0x00090018, "UI", b"1.2.3\0"), 0, coding) is None
    assert quick_uids(write(0x00080008, "CS", b"AB"), 0, coding) is None
    assert quick_uids(write.uids("1.2.3")[:-1], 0, coding) is None
    assert quick_uids(write.uids("1.2.3"), 0, BIG) is None
    assert quick_uids(write.uids("1.2.3"), 0, None) is None


def test_long_lengths_are_left_to_others() -> None:
    assert quick_uids(LE(0x00080010, "OB", b"") + LE.uids("1.2.3"), 0, EXPLICIT) is None
    for length in (0x10004, 0x1000004):
        assert quick_uids(IM(0x00080005, "CS", b"ABCD", length) + IM.uids("1.2.3"), 0, IMPLICIT) is None
    assert quick_uids(LE.uids("1.2.3"), 0, IMPLICIT) is None


@pytest.mark.parametrize(("write", "coding"), BOTH)
def test_a_uid_has_at_most_64_bytes(write: Writer, coding: Coding) -> None:
    for tag in (0x00080016, 0x00080018):
        longest = write(tag, "UI", b"1" * 64) + write.uid(0x00080018, "1.2.3")
        assert quick_uids(longest, 0, coding) is not None
        assert quick_uids(write(tag, "UI", b"1" * 65) + write.uid(0x00080018, "1.2.3"), 0, coding) is None


# -- in front of it --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("write", [LE, BE, IM])
def test_elements_of_group_2_are_in_front(write: Writer) -> None:
    meta = write.uid(0x00020002, CT) + write.uid(0x00020010, encoded.EXPLICIT)
    assert without_file_meta(meta, 0) == len(meta)
    assert without_file_meta(b"ab" + meta + write.uids("1.2.3"), 2) == len(meta)
    assert without_file_meta(meta[:-1], 0) is None
    assert without_file_meta(meta[:5], 0) is None
    assert without_file_meta(write.uids("1.2.3"), 0) == 0


def test_what_is_in_front_is_skipped() -> None:
    assert head_of(META + LE.uids("1.2.3")) == Head(len(META), CT, "1.2.3")
    assert head_of(META) == Head(len(META))
    assert head_of(META[:-1]) == Head()
    assert head_of(META[:-1], whole=False) == Head(is_cut=True)
    assert head_of(META + LE.uids("1.2.3")[:7], whole=False) == Head(len(META), is_cut=True)
    # Of a private transfer syntax it is guessed, or nothing is said.
    assert head_of(META + IM.uids("1.2.3"), PRIVATE) == Head(len(META), CT, "1.2.3")
    assert head_of(META + b"\xaa" * 16, PRIVATE) == Head(len(META))


def test_a_few_bytes_are_no_data_set() -> None:
    with pytest.raises(Mislabelled, match="it holds 7 bytes, which are no data set"):
        head_of(META + bytes(7))
    assert head_of(META + bytes(7), strict=False) == Head(len(META))


# -- which encoding --------------------------------------------------------------------------------------------------
EMPTY = (0x00080005, "CS", b"")


@pytest.mark.parametrize(("write", "coding"), [(LE, EXPLICIT), (IM, IMPLICIT), (BE, BIG)])
def test_the_encoding_is_told_from_two_elements(write: Writer, coding: Coding) -> None:
    first = write(0x00080005, "CS", b"AB")
    assert guess(first + write(0x00080008, "CS", b"AB"), 0, None) is coding
    assert guess(b"ab" + first + write(0x00080008, "CS", b"AB"), 2, None) is coding
    # Tags rise.
    assert guess(first + first, 0, 2 * len(first)) is None
    assert guess(write(0x00080008, "CS", b"AB") + first, 0, 100) is None
    # With lengths that say nothing, the usual group does.
    assert guess(write(*EMPTY) + write(0x00080008, "CS", b""), 0, None) is coding
    # One is enough if that is all of it, or if nobody knows more.
    assert guess(first, 0, len(first)) is coding
    assert guess(first, 0, None) is coding
    assert guess(first[:7], 0, None) is None


@pytest.mark.parametrize(("write", "coding"), [(LE, EXPLICIT), (IM, IMPLICIT), (BE, BIG)])
def test_one_element_behind_group_8_is_told_by_the_size_alone(write: Writer, coding: Coding) -> None:
    later = write(0x00100010, "PN", b"A^")
    assert guess(later, 0, len(later)) is coding
    assert guess(later, 0, None) is None


def test_only_some_tags_are_those_of_a_data_set() -> None:
    behind = LE(0x00080008, "CS", b"AB")
    assert guess(LE(0x00000001, "UL", b"ABCD") + behind, 0, None) is EXPLICIT
    assert guess(LE(0x00000000, "UL", b"ABCD") + behind, 0, 1000) is None
    pixels = LE(0x7FE00010, "OW", b"ABCD")
    assert guess(pixels + LE(0x7FFFFFFF, "UL", b"ABCD"), 0, 32) is EXPLICIT
    assert guess(pixels + LE(0x80000000, "UL", b"ABCD"), 0, 32) is None
    assert guess(LE(0x80000000, "UL", b"ABCD") + LE(0x80000010, "UL", b"ABCD"), 0, 32) is None


@pytest.mark.parametrize(
    ("syntax", "write", "name"),
    [
        (encoded.BIG, LE, "Explicit VR Little Endian"),
        (encoded.EXPLICIT, BE, "Explicit VR Big Endian"),
        (encoded.EXPLICIT, IM, "Implicit VR Little Endian"),
        (encoded.IMPLICIT, LE, "Explicit VR Little Endian"),
    ],
)
def test_a_data_set_in_another_encoding_than_said_is_refused(syntax: str, write: Writer, name: str) -> None:
    uids = write.uids("1.2.3.4.")
    # What is empty has no length that tells the order of bytes.
    for data in (uids, write(*EMPTY) + write(0x00080008, "CS", b"") + uids):
        for front in (b"", META):
            with pytest.raises(Mislabelled, match=f"but its data set is encoded as {name}") as caught:
                head_of(front + data[:-1] + b"5", syntax)
            assert caught.value.sop_instance_uid == "1.2.3.45"


def test_of_one_element_the_size_of_the_data_set_decides() -> None:
    data = META + LE(0x00080005, "CS", b"AB")
    with pytest.raises(Mislabelled, match="encoded as Explicit VR Little Endian"):
        read_head(data, 0, encoded.BIG, len(data), whole=True)
    # More may come.
    assert read_head(data, 0, encoded.BIG, None, whole=False).skip == len(META)


def test_what_is_no_data_set_is_refused_only_if_one_is_strict() -> None:
    data = b"\x89PNG\r\n\x1a\n" + bytes(100)
    with pytest.raises(Mislabelled, match="begins like no data set"):
        head_of(data)
    assert head_of(data, strict=False).sop_instance_uid == ""
    with pytest.raises(Mislabelled, match="its data set is deflated"):
        head_of(deflate(LE.uids("1.2.3")), strict=False)


# -- deflated --------------------------------------------------------------------------------------------------------
def test_a_deflated_data_set_tells_the_same() -> None:
    data = deflate(LE.uids("1.2.3"))
    assert read_head(b"ab" + data, 2, encoded.DEFLATED, None, whole=True) == Head(0, CT, "1.2.3")
    assert head_of(data, encoded.DEFLATED) == Head(0, CT, "1.2.3")
    assert head_of(b"", encoded.DEFLATED) == Head()
    cut = head_of(deflate(LE.uids("1.2.3")[:40]), encoded.DEFLATED)
    assert (cut.sop_class_uid, cut.is_cut) == (CT, True)
    # No more of it is inflated than this.
    long = LE(0x00080001, "UT", bytes(70_000)) + LE.uids("1.2.3")
    assert head_of(deflate(long), encoded.DEFLATED) == Head()


def test_what_is_not_deflated_is_refused() -> None:
    with pytest.raises(Mislabelled, match="encoded as Explicit VR Little Endian") as caught:
        head_of(LE.uids("1.2.3"), encoded.DEFLATED)
    assert caught.value.sop_instance_uid == "1.2.3"
    with pytest.raises(Mislabelled, match="encoded as Explicit VR Little Endian"):
        head_of(LE(0x00100010, "PN", b"A^"), encoded.DEFLATED)
    with pytest.raises(Mislabelled, match="its data set is not deflated"):
        head_of(b"\xff" * 40, encoded.DEFLATED)
    assert head_of(b"\xff" * 40, encoded.DEFLATED, strict=False) == Head()
    with pytest.raises(Mislabelled, match="begins with file meta information"):
        head_of(deflate(META + LE.uids("1.2.3")), encoded.DEFLATED)


# -- any elements ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("write", [LE, IM, BE])
@pytest.mark.parametrize("defined", [False, True])
def test_uids_behind_sequences_are_found(write: Writer, defined: bool) -> None:
    inner = write.sequence(0x00081140, write.item(write.uids("9.9"), defined=defined), defined=defined)
    data = write.sequence(0x00080006, write.item(inner, defined=defined), defined=defined) + write.uids("1.2.3")
    # Nothing more can tell more.
    assert head_of(data, write.syntax, whole=False) == Head(0, CT, "1.2.3")
    assert head_of(data[:-1], write.syntax, whole=False) == Head(0, CT, "", is_cut=True)
    assert head_of(data[:-1], write.syntax) == Head(0, CT, "")
    assert head_of(data[:-14], write.syntax, whole=False) == Head(0, CT, "", is_cut=True)
    behind = write.sequence(0x00080006) + write.uid(0x00080016, CT) + write(0x00100010, "PN", b"A^")
    assert head_of(behind, write.syntax, whole=False) == Head(0, CT, "")


def test_an_item_says_how_long_it_is_where_its_sequence_does_not() -> None:
    items = LE.item(LE.uids("9.9")), LE.item(b""), LE.item(LE.uids("8.8"), defined=False)
    data = LE.sequence(0x00080006, *items, defined=False) + LE.uids("1.2.3")
    assert head_of(data, whole=False) == Head(0, CT, "1.2.3")


def test_within_un_of_undefined_length_all_is_implicit() -> None:
    unknown = IM.item(IM(0x00091001, "LO", b"ABCD"), defined=False) + IM(0xFFFEE0DD, "")
    nested = LE(0x00091002, "UN", unknown, UNDEFINED)
    for front in (LE(0x00080006, "UN", unknown, UNDEFINED), LE.sequence(0x00080006, LE.item(nested, defined=False))):
        assert head_of(front + LE.uids("1.2.3"), whole=False) == Head(0, CT, "1.2.3")
    inside = LE.sequence(0x00080006, LE.item(nested, defined=False), defined=False)
    assert head_of(inside + LE.uids("1.2.3"), whole=False) == Head(0, CT, "1.2.3")


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = LE.sequence(0x00080006, LE.item(data, defined=False), defined=False)
    return data


def test_sequences_within_sequences_are_followed_so_far_and_no_further() -> None:
    assert head_of(nested(33) + LE.uids("1.2.3"), whole=False) == Head(0, CT, "1.2.3")
    assert head_of(nested(34) + LE.uids("1.2.3"), whole=False) == Head()
