"""Whether bytes are a data set, and what in front of one is none of it."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given, strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from dicomwire.data.data_set_beginning import DataSetBeginning, why_no_data_set
from dicomwire.data.file_meta import encode_file_meta
from dicomwire.dsutils import encode_dataset

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, JPEG, PRIVATE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50", "1.2.3.4"
CT = "1.2.840.10008.5.1.4.1.1.2"
UNCOMPRESSED = [IMPLICIT, EXPLICIT, BIG, DEFLATED]
LONG = {"OB", "OW", "SQ", "UN", "UT", "OV"}


def element(tag: int, vr: str, value: bytes, syntax: str = EXPLICIT) -> bytes:
    order = ">" if syntax == BIG else "<"
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return head + struct.pack("<L", len(value)) + value
    if vr in LONG:
        return head + vr.encode() + struct.pack(f"{order}HL", 0, len(value)) + value
    return head + vr.encode() + struct.pack(f"{order}H", len(value)) + value


def encoded(syntax: str) -> bytes:
    """An instance of some elements."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID, ds.SOPInstanceUID = CT, "1.2.3"
    ds.PatientName, ds.PatientID = "A^B", "P1"
    ds.add_new(0x7FE00010, "OW", bytes(range(256)) * 8)
    return encode_dataset(ds, syntax == IMPLICIT, syntax != BIG, syntax == DEFLATED)


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def meta(syntax: str) -> bytes:
    """Preamble and file meta information."""
    return encode_file_meta(
        sop_class_uid=CT,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=syntax,
        implementation_class_uid="1.2.3.4",
        implementation_version_name="X",
    )


def arrived(data: bytes, syntax: str, size: int = 1 << 20) -> tuple[bytes, DataSetBeginning]:
    """What is kept of ``data`` that comes in pieces of ``size`` bytes, and who has looked at it."""
    beginning = DataSetBeginning(syntax)
    pieces = [memoryview(data[at : at + size]) for at in range(0, len(data), size)]
    kept, clear = b"", False
    for number, piece in enumerate(pieces):
        if clear:
            kept += piece
        elif (taken := beginning.take([piece], last=number == len(pieces) - 1)) is not None:
            kept, clear = b"".join(taken), True
    if not pieces:
        taken = beginning.take([], last=True)
        assert taken == []
    return kept, beginning


SIZES = [1, 2, 7, 8, 131, 133, 1000, 1 << 20]


# -- what belongs there ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, JPEG, PRIVATE])
def test_a_data_set_is_kept_as_it_is(syntax: str, size: int) -> None:
    data = encoded(syntax if syntax in UNCOMPRESSED else EXPLICIT)
    kept, beginning = arrived(data, syntax, size)
    assert kept == data
    assert beginning.reason is None and beginning.dropped == 0


@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, JPEG, PRIVATE])
def test_an_empty_data_set_is_one(syntax: str) -> None:
    _, beginning = arrived(b"", syntax)
    assert beginning.reason is None


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("length", [8, 1000, 5000])
def test_nothing_is_said_of_zeros(syntax: str, length: int) -> None:
    assert arrived(bytes(length), syntax, 100)[1].reason is None


def test_what_all_begin_with_is_clear_at_once_and_is_not_copied() -> None:
    for syntax in (IMPLICIT, EXPLICIT, BIG):
        view = [memoryview(encoded(syntax)[:16])]
        assert DataSetBeginning(syntax).take(view, last=False) is view


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        pytest.param(0x00080000, "UL", b"\x10\0\0\0", id="group-length"),
        pytest.param(0x00080001, "UL", b"\0\1\0\0", id="length-to-end"),
        pytest.param(0x00090010, "LO", b"MAKER ", id="private-creator"),
        pytest.param(0x00091001, "UN", b"data", id="private"),
        pytest.param(0x00041130, "CS", b"ROOT", id="media-directory"),
        pytest.param(0x00100020, "LO", b"P1", id="patient"),
        pytest.param(0x00000002, "UI", b"1.2.3.", id="command"),
        pytest.param(0x00080010, "LO", b"ACR-NEMA 2.0", id="recognition-code"),
        pytest.param(0x00080005, "CS", b"", id="empty"),
        pytest.param(0x00080005, "CS", b"ISO_IR 10", id="odd"),
        pytest.param(0x00082112, "SQ", b"", id="empty-sequence"),
        pytest.param(0x60000010, "US", b"\1\0", id="overlay"),
        pytest.param(0x7FE00010, "OW", bytes(4000), id="pixels-alone"),
        pytest.param(0x0008FFF0, "LO", b"of a later edition", id="unknown"),
        pytest.param(0xFFFCFFFC, "OB", bytes(10), id="padding"),
    ],
)
def test_what_devices_begin_with_is_put_up_with(syntax: str, tag: int, vr: str, value: bytes) -> None:
    last = element(0xFFFCFFFC, "OB", b"", syntax) if tag < 0xFFFC0000 else b""
    for data in (element(tag, vr, value, syntax), element(tag, vr, value, syntax) + last):
        for size in (1, 9, 1 << 20):
            assert arrived(data, syntax, size)[1].reason is None


@pytest.mark.parametrize("vr", [b"??", b"  ", b"--", b"ox", b"ZZ", b"UN"])
def test_unknown_vrs_of_known_tags_are_put_up_with(vr: bytes) -> None:
    data = b"\x08\0\x08\0" + vr + b"\x04\0ABCD\0\0\0\0" + bytes(20)
    assert why_no_data_set(data, EXPLICIT) is None


def test_a_sequence_of_undefined_length_may_come_first() -> None:
    item = b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    assert why_no_data_set(b"\x08\0\x40\x11\xff\xff\xff\xff" + item, IMPLICIT) is None
    assert why_no_data_set(b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + item, EXPLICIT) is None


def test_nothing_is_said_of_a_transfer_syntax_that_is_not_known() -> None:
    assert why_no_data_set(b"\x89PNG\r\n\x1a\n" + bytes(100), PRIVATE) is None
    assert why_no_data_set(b"\x89PNG\r\n\x1a\n" + bytes(100), "1.2.840.10008.9.9.9") is None


# -- what is no data set ---------------------------------------------------------------------------------------------
NOTHING = {
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 40,
    "jpeg": bytes.fromhex("ffd8ffe000104a46494600010101004800480000") + bytes(range(256)) * 40,
    "jpeg2000": bytes.fromhex("0000000c6a5020200d0a870a") + bytes(range(256)) * 40,
    "pdf": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n" + bytes(range(256)) * 40,
    "zip": b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(range(256)) * 40,
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + bytes(range(256)) * 40,
    "tiff": b"II*\0\x08\0\0\0\x0e\0\xfe\0\x04\0\x01\0\0\0" + bytes(range(256)) * 40,
    "html": b"<!DOCTYPE html><html><body></body></html>" * 40,
    "json": b'{"00080018": {"vr": "UI", "Value": ["1.2.3"]}}' * 20,
    "text": b"nonsense, cut off",
    "elf": b"\x7fELF\x02\x01\x01\0" + bytes(100),
    "short": b"abcdef",
    "item": b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + bytes(100),
    "ones": b"\xff" * 1000,
}


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG])
@pytest.mark.parametrize("kind", NOTHING)
def test_what_is_plainly_no_data_set_is_said_to_be_none(kind: str, syntax: str, size: int) -> None:
    data = NOTHING[kind]
    kept, beginning = arrived(data, syntax, size)
    assert beginning.reason is not None and "no data set in " in beginning.reason
    assert kept == data and beginning.dropped == 0


@pytest.mark.parametrize("sent", UNCOMPRESSED)
@pytest.mark.parametrize("agreed", UNCOMPRESSED)
def test_another_encoding_than_was_agreed_on_is_found(sent: str, agreed: str) -> None:
    data = encoded(sent)
    for size in (1, 1 << 20):
        assert (arrived(data, agreed, size)[1].reason is None) is (sent == agreed)


@pytest.mark.parametrize(
    ("syntax", "data"),
    [
        (EXPLICIT, b"\x08\0\x05\0CS\xff\xff" + b"ISO"),
        (EXPLICIT, b"\x08\0\x06\0UT\0\0\xff\xff\0\0" + b"ISO"),
        (IMPLICIT, b"\x08\0\x05\0\x20\0\0\0" + b"ISO"),
        (IMPLICIT, b"\x08\0\x05\0\0\0\x20\0" + b"ISO" * 3000),
        (IMPLICIT, b"\x08\0\x05\0\xff\xff\xff\xff" + bytes(100)),
        (IMPLICIT, b"\x09\0\x10\0LO\x06\0" + b"MAKER " + bytes(100)),
        (DEFLATED, deflate(b"\x08\0\x05\0CS\x0a\0ISO_IR 100" * 50)[:-4]),
        (DEFLATED, zlib.compress(b"\x08\0\x05\0CS\x0a\0ISO_IR 100")),
        (DEFLATED, deflate(b"\x89PNG\r\n\x1a\n" + bytes(100))),
    ],
)
def test_a_first_element_that_cannot_be_is_found(syntax: str, data: bytes) -> None:
    assert arrived(data, syntax)[1].reason is not None


def test_the_reason_names_the_transfer_syntax_and_the_bytes() -> None:
    assert why_no_data_set(NOTHING["png"], EXPLICIT) == (
        "what came is no data set in Explicit VR Little Endian: "
        "it begins with 89 50 4e 47 0d 0a 1a 0a, which is no tag and VR"
    )
    assert "as in explicit VR" in str(why_no_data_set(encoded(EXPLICIT)[:512], IMPLICIT))
    assert "in the other byte order" in str(why_no_data_set(encoded(BIG)[:512], EXPLICIT))
    assert "is not deflated" in str(why_no_data_set(NOTHING["png"], DEFLATED))


@given(st.binary(max_size=400), st.sampled_from([*UNCOMPRESSED, PRIVATE]), st.integers(1, 50))
def test_any_bytes_in_any_pieces_are_judged_alike(data: bytes, syntax: str, size: int) -> None:
    whole, one = arrived(data, syntax)
    kept, other = arrived(data, syntax, size)
    assert (kept, other.reason, other.dropped) == (whole, one.reason, one.dropped)
    assert whole == data[one.dropped :]


# -- what is in front ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, PRIVATE])
def test_file_meta_information_is_dropped(syntax: str, size: int) -> None:
    data = encoded(syntax if syntax in UNCOMPRESSED else EXPLICIT)
    for front in (meta(syntax)[132:], meta(syntax), b"II*\0" + meta(syntax)[4:], meta(syntax)[132:] * 2):
        kept, beginning = arrived(front + data, syntax, size)
        assert kept == data
        assert beginning.reason is None and beginning.dropped == len(front)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_group_2_in_the_encoding_of_the_data_set_is_dropped(syntax: str, size: int) -> None:
    front = element(0x00020001, "OB", b"\0\1", syntax) + element(0x00020010, "UI", b"1.2.840.10008.1.2\0", syntax)
    kept, beginning = arrived(front + encoded(syntax), syntax, size)
    assert kept == encoded(syntax)
    assert beginning.dropped == len(front)


@pytest.mark.parametrize("size", SIZES)
def test_of_file_meta_information_alone_an_empty_data_set_is_left(size: int) -> None:
    for front in (meta(EXPLICIT), meta(EXPLICIT)[132:]):
        kept, beginning = arrived(front, EXPLICIT, size)
        assert kept == b"" and beginning.reason is None


@pytest.mark.parametrize("size", SIZES)
def test_what_is_behind_file_meta_information_is_judged_too(size: int) -> None:
    for data in (NOTHING["png"], encoded(IMPLICIT)):
        kept, beginning = arrived(meta(EXPLICIT) + data, EXPLICIT, size)
        assert beginning.reason is not None
        assert kept == meta(EXPLICIT) + data


def test_file_meta_information_that_is_cut_off_or_without_end_is_no_data_set() -> None:
    assert "ends within" in str(arrived(meta(EXPLICIT)[:155], EXPLICIT)[1].reason)
    assert "longer than" in str(arrived(b"\2\0\2\1OB\0\0\xff\xff\xff\xff" + bytes(1000), EXPLICIT, 100)[1].reason)


def test_a_long_private_element_in_file_meta_information_is_dropped() -> None:
    front = meta(EXPLICIT) + element(0x00020102, "OB", bytes(200_000))
    assert arrived(front + encoded(EXPLICIT), EXPLICIT, 16_000)[0] == encoded(EXPLICIT)


def test_a_whole_file_in_another_transfer_syntax_is_no_data_set_where_the_bytes_cannot_tell() -> None:
    kept, beginning = arrived(meta(JPEG) + encoded(EXPLICIT), EXPLICIT)
    assert "a file in JPEG Baseline" in str(beginning.reason)
    # Here they do: the meta is wrong.
    kept, beginning = arrived(meta(IMPLICIT) + encoded(EXPLICIT), EXPLICIT)
    assert beginning.reason is None and kept == encoded(EXPLICIT)


def test_dicm_in_a_value_is_no_file() -> None:
    data = element(0x00100010, "PN", b"x" * 120 + b"DICM" + b"y" * 200)
    assert arrived(data, EXPLICIT)[0] == data


def test_what_pydicom_writes_is_a_file_with_a_data_set_behind_it() -> None:
    ds = Dataset()
    ds.PatientID = "P1"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = UID(CT), UID("1.2")
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    assert arrived(file.getvalue(), EXPLICIT, 3)[0] == encode_dataset(ds, False, True)


def test_pieces_of_one_byte_do_not_take_long() -> None:
    """Each element of half a MiB of file meta information is looked at once, however it comes."""
    front = element(0x00020100, "UI", b"") * 60_000
    view = memoryview(front)
    looked = 0

    class Counting(DataSetBeginning):
        __slots__ = ()

        def _meta_element(self, held: bytearray) -> tuple[int, int, int] | None:
            nonlocal looked
            looked += 1
            return super()._meta_element(held)

    beginning = Counting(EXPLICIT)
    for at in range(len(view)):
        assert beginning.take([view[at : at + 1]], last=False) is None
    assert looked <= 60_000 + 2
