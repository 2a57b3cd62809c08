import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence
from pydicom.uid import UID

from dicomwire._implementation import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from dicomwire.data import dsutils
from dicomwire.dsutils import (
    create_file_meta,
    decode,
    encode,
    encode_dataset,
    encode_file_meta,
    pretty_dataset,
    pretty_element,
    split_dataset,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"

# (0010,0020) LO "AB", implicit and explicit VR little endian, explicit VR big endian
IMPLICIT_BYTES = bytes.fromhex("1000 2000 02000000 4142")
EXPLICIT_BYTES = bytes.fromhex("1000 2000 4c4f 0200 4142")
BIG_ENDIAN_BYTES = bytes.fromhex("0010 0020 4c4f 0002 4142")


def dataset(**values: Any) -> Dataset:
    ds = Dataset()
    for name, value in values.items():
        setattr(ds, name, value)
    return ds


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODINGS = pytest.mark.parametrize(
    ("implicit", "little", "encoded"),
    [
        pytest.param(True, True, IMPLICIT_BYTES, id="implicit-le"),
        pytest.param(False, True, EXPLICIT_BYTES, id="explicit-le"),
        pytest.param(False, False, BIG_ENDIAN_BYTES, id="explicit-be"),
    ],
)


@ENCODINGS
def test_a_dataset_is_encoded(implicit: bool, little: bool, encoded: bytes) -> None:
    assert encode(dataset(PatientID="AB"), implicit, little) == encoded
    assert encode_dataset(dataset(PatientID="AB"), implicit, little) == encoded


@ENCODINGS
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, BytesIO])
def test_a_dataset_is_decoded_from_any_buffer(implicit: bool, little: bool, encoded: bytes, kind: Any) -> None:
    assert decode(kind(encoded), implicit, little) == dataset(PatientID="AB")


def test_a_file_like_is_read_from_its_start() -> None:
    source = BytesIO(IMPLICIT_BYTES)
    source.read()
    assert decode(source, True, True).PatientID == "AB"


def test_a_buffer_is_not_copied_as_a_whole() -> None:
    buffer = bytearray(IMPLICIT_BYTES)
    reader: Any = dsutils._as_file(buffer)
    buffer[8:10] = b"XY"
    assert reader.read() == IMPLICIT_BYTES[:8] + b"XY"
    assert (reader.seek(-2, 2), reader.read(1), reader.tell(), reader.seek(0, 1)) == (8, b"X", 9, 9)
    assert (reader.seek(-5), reader.read(99)) == (0, bytes(buffer))


def test_sequences_are_decoded_from_a_buffer() -> None:
    ds = dataset(ReferencedImageSequence=Sequence([dataset(ReferencedSOPClassUID=CT)]), PixelData=b"\0" * 70000)
    ds["PixelData"].VR = "OB"
    encoded = encode_dataset(ds, False, True)
    assert decode(memoryview(encoded), False, True) == ds


def test_a_decoded_dataset_can_be_encoded_in_another_way() -> None:
    ds = decode(IMPLICIT_BYTES, True, True)
    assert encode(ds, False, False) == BIG_ENDIAN_BYTES


def test_file_meta_is_not_encoded() -> None:
    ds = dataset(PatientID="AB")
    ds.file_meta = create_file_meta(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax=IMPLICIT)
    assert encode(ds, True, True) == IMPLICIT_BYTES


def test_what_cannot_be_encoded_is_none_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    ds = dataset(Rows=1)
    ds["Rows"]._value = "not a number"
    assert encode(ds, True, True) is None
    assert "cannot be encoded" in caplog.text


def test_what_cannot_be_encoded_has_a_reason() -> None:
    ds = dataset(Rows=1)
    ds["Rows"]._value = "not a number"
    with pytest.raises(ValueError, match=r"cannot be encoded.*Rows|cannot be encoded.*0028,0010"):
        encode_dataset(ds, True, True)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("text", ["AB", "ABCD", "a longer value, to have another length"])
def test_a_deflated_dataset_is_explicit_le_and_of_even_length(implicit: bool, text: str) -> None:
    ds = dataset(PatientID=text)
    encoded = encode_dataset(ds, implicit, True, deflated=True)
    assert len(encoded) % 2 == 0
    assert zlib.decompressobj(-15).decompress(encoded) == encode(ds, False, True)
    assert decode(encoded, implicit, True, deflated=True) == ds
    assert decode(BytesIO(encoded), implicit, False, deflated=True) == ds


def bomb(length: int) -> bytes:
    # (7FE0,0010) OB, explicit VR little endian
    return deflate(bytes.fromhex("e07f 1000 4f42 0000") + struct.pack("<L", length - 12) + bytes(length - 12))


def test_inflating_stops_at_the_limit() -> None:
    assert len(decode(bomb(200_000), False, True, True, max_inflated=200_000).PixelData) == 199_988
    with pytest.raises(ValueError, match="longer than 199999 bytes"):
        decode(bomb(200_000), False, True, True, max_inflated=199_999)


def test_the_default_limit_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dsutils.MAX_INFLATED_LENGTH == 1024**3
    monkeypatch.setattr(dsutils, "MAX_INFLATED_LENGTH", 1000)
    with pytest.raises(ValueError, match="longer than 1000 bytes"):
        decode(bomb(1001), False, True, True)


def test_inflating_never_holds_more_than_the_limit() -> None:
    import tracemalloc

    encoded = bomb(50_000_000)
    tracemalloc.start()
    with pytest.raises(ValueError, match="longer than 1000000 bytes"):
        decode(encoded, False, True, True, max_inflated=1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("encoded", "message"),
    [(b"\xff\xff\xff", "damaged"), (deflate(EXPLICIT_BYTES)[:-1], "ends early"), (b"", "ends early")],
)
def test_a_damaged_deflated_dataset_is_refused(encoded: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(encoded, False, True, True)


def test_file_meta_has_what_a_file_needs() -> None:
    meta = create_file_meta(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax=IMPLICIT)
    assert meta.FileMetaInformationGroupLength == 0
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert meta.MediaStorageSOPClassUID == CT
    assert meta.MediaStorageSOPInstanceUID == "1.2.3"
    assert meta.TransferSyntaxUID == IMPLICIT
    assert meta.ImplementationClassUID == IMPLEMENTATION_UID
    assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION


def test_file_meta_can_name_another_implementation_and_a_bad_uid() -> None:
    meta = create_file_meta(
        sop_class_uid=CT,
        sop_instance_uid="1.02",
        transfer_syntax=IMPLICIT,
        implementation_uid="1.9",
        implementation_version="OTHER",
    )
    assert (meta.ImplementationClassUID, meta.ImplementationVersionName) == ("1.9", "OTHER")
    assert meta.MediaStorageSOPInstanceUID == "1.02"


def test_file_meta_takes_keywords_only() -> None:
    with pytest.raises(TypeError):
        create_file_meta(CT, "1.2.3", IMPLICIT)  # type: ignore[call-arg]


def test_file_meta_is_encoded_with_its_length() -> None:
    meta = create_file_meta(
        sop_class_uid="1.2",
        sop_instance_uid="1.2.3.4",
        transfer_syntax=IMPLICIT,
        implementation_uid="1.9",
        implementation_version="X",
    )
    assert encode_file_meta(meta) == (
        bytes.fromhex("0200 0000 554c 0400 5a000000")  # group length UL: 90 bytes follow
        + bytes.fromhex("0200 0100 4f42 0000 02000000 0001")  # version OB
        + bytes.fromhex("0200 0200 5549 0400")
        + b"1.2\0"
        + bytes.fromhex("0200 0300 5549 0800")
        + b"1.2.3.4\0"
        + bytes.fromhex("0200 1000 5549 1200")
        + b"1.2.840.10008.1.2\0"
        + bytes.fromhex("0200 1200 5549 0400")
        + b"1.9\0"
        + bytes.fromhex("0200 1300 5348 0200")
        + b"X "
    )
    assert meta.FileMetaInformationGroupLength == 0


def test_file_meta_without_a_length_gets_one() -> None:
    meta = create_file_meta(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax=IMPLICIT)
    expected = encode_file_meta(meta)
    del meta.FileMetaInformationGroupLength
    assert encode_file_meta(meta) == expected
    assert "FileMetaInformationGroupLength" not in meta


@pytest.mark.parametrize("data", [IMPLICIT_BYTES, b"", b"\xff" * 1000])
def test_a_file_is_split_after_its_meta(tmp_path: Path, data: bytes) -> None:
    meta = create_file_meta(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax=IMPLICIT)
    head = bytes(128) + b"DICM" + encode_file_meta(meta)
    path = tmp_path / "file.dcm"
    path.write_bytes(head + data)
    for name in (path, str(path)):
        found, offset = split_dataset(name)
        assert offset == len(head)
        assert found.MediaStorageSOPInstanceUID == "1.2.3"
        assert all(elem.tag.group == 2 for elem in found)
    if data == IMPLICIT_BYTES:
        assert dcmread(path).PatientID == "AB"


@pytest.mark.parametrize("drop", [0, 12])
def test_a_wrong_or_missing_group_length_does_not_matter(tmp_path: Path, drop: int) -> None:
    meta = create_file_meta(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax=IMPLICIT)
    encoded = bytearray(encode_file_meta(meta))
    encoded[8:12] = struct.pack("<L", 4)
    path = tmp_path / "file.dcm"
    path.write_bytes(bytes(128) + b"DICM" + encoded[drop:] + IMPLICIT_BYTES)
    found, offset = split_dataset(path)
    assert offset == path.stat().st_size - len(IMPLICIT_BYTES)
    assert found.TransferSyntaxUID == IMPLICIT


def test_what_is_no_dicom_file_is_not_split(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(b"text" * 100)
    with pytest.raises(InvalidDicomError):
        split_dataset(path)


def shown(**values: Any) -> str:
    [line] = pretty_dataset(dataset(**values))
    return " ".join(line.split())


def test_an_element_is_shown_with_its_values() -> None:
    assert shown(PatientName="A^B") == "(0010,0010) PN [A^B] # 1 PatientName"
    assert shown(Rows=3) == "(0028,0010) US [3] # 1 Rows"
    assert shown(OtherPatientNames=["A", "B"]) == "(0010,1001) PN [A\\B] # 2 OtherPatientNames"
    assert shown(PatientID="") == "(0010,0020) LO (no value available) # 0 PatientID"


def test_long_binary_is_shown_by_its_length() -> None:
    assert shown(ICCProfile=bytes(14)) == "(0028,2000) OB (14 bytes of binary data) # 1 ICCProfile"
    assert shown(ICCProfile=b"\1\xab") == "(0028,2000) OB [01 ab] # 1 ICCProfile"


def test_an_element_is_one_line_whatever_its_value() -> None:
    ds = dataset(PatientComments="one\r\ntwo\x1b[0m")
    assert "[one\\r\\ntwo\\x1b[0m]" in pretty_element(ds["PatientComments"])


def test_a_private_element_is_shown() -> None:
    ds = Dataset()
    ds.add_new(0x00091001, "UN", b"ab")
    assert pretty_element(ds[0x00091001]).startswith("(0009,1001) UN [61 62]")


def test_sequences_are_shown_nested() -> None:
    ds = dataset(ReferencedImageSequence=Sequence([dataset(ReferencedSOPClassUID="1.2"), Dataset()]))
    lines = [line.split("#")[0].rstrip() if "SQ" in line or "UI" in line else line for line in pretty_dataset(ds, 1)]
    assert lines == [
        "  (0008,1140) SQ (Sequence with 2 items)",
        "    (Sequence item #1)",
        "      (0008,1150) UI [1.2]",
        "    (Sequence item #2)",
    ]
    assert pretty_dataset(dataset(PatientID="X"), 2, "..")[0].startswith("....(0010,0020)")


def test_an_element_that_cannot_be_decoded_is_shown_as_such() -> None:
    # (0028,0010) US of 3 bytes, (0010,0020) LO "AB"
    ds = decode(IMPLICIT_BYTES + bytes.fromhex("2800 1000 03000000 010203"), True, True)
    first, second = pretty_dataset(ds)
    assert "[AB]" in first
    assert second.startswith("(0028,0010) (cannot be decoded")


# -- which way ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("implicit", [True, False])
def test_a_plain_data_set_costs_none_of_pydicoms_time(implicit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("not plain")

    monkeypatch.setattr("dicomwire.data.data_set_writer.written", refuse)
    monkeypatch.setattr("pydicom.filereader.read_dataset", refuse)
    data = encode_dataset(dataset(PatientID="AB"), implicit, True)
    assert data == (IMPLICIT_BYTES if implicit else EXPLICIT_BYTES)
    assert decode(data, implicit, True) == dataset(PatientID="AB")


@pytest.mark.parametrize("implicit", [True, False])
def test_one_that_is_not_plain_is_in_the_same_encoding(implicit: bool) -> None:
    nested = dataset(ReferencedImageSequence=Sequence([dataset(PatientID="AB")]))
    data = encode_dataset(nested, implicit, True)
    assert (b"SQ" in data) is not implicit
    assert decode(data, implicit, True) == nested


def test_a_deflated_dataset_gets_a_nul_where_its_length_is_odd() -> None:
    lengths = set()
    for count in range(20):
        ds = dataset(PatientID=str(7**count) + "AB" * count)
        encoded = encode_dataset(ds, False, True, True)
        assert encoded == encode(ds, False, True, True)
        inflater = zlib.decompressobj(-15)
        assert inflater.decompress(encoded) == encode(ds, False, True)
        assert inflater.unused_data in (b"", b"\0") and len(encoded) % 2 == 0
        lengths.add(len(inflater.unused_data))
    assert lengths == {0, 1}


def test_the_log_says_why_a_data_set_cannot_be_encoded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    ds = dataset(Rows=1)
    ds["Rows"]._value = "not a number"
    assert encode(ds, True, True) is None
    error, debug = caplog.records
    assert error.levelname == "ERROR" and error.getMessage().startswith(
        "the data set cannot be encoded: Rows (0028,0010)"
    )
    assert debug.levelname == "DEBUG" and "cannot be encoded" in debug.getMessage()
    assert debug.exc_info is not None and isinstance(debug.exc_info[1], ValueError)


def test_file_meta_may_lack_what_the_standard_wants() -> None:
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(IMPLICIT)
    assert encode_file_meta(meta) == (
        bytes.fromhex("0200 0000 554c 0400 1a000000 0200 1000 5549 1200") + b"1.2.840.10008.1.2\0"
    )


def test_one_bad_element_hides_no_other() -> None:
    ds = decode(bytes.fromhex("2800 1000 03000000 010203 2800 1100 02000000 0500"), True, True)
    first, second = pretty_dataset(ds)
    assert first.startswith("(0028,0010) (cannot be decoded: ")
    assert "NoneType" not in first
    assert "[5]" in second
    nested = dataset(ReferencedImageSequence=Sequence([dataset(ReferencedImageSequence=Sequence([Dataset()]))]))
    assert pretty_dataset(nested, 0, ".")[3].startswith("...(Sequence item #1)")


def test_thirteen_bytes_are_shown() -> None:
    assert shown(ICCProfile=bytes(13)).startswith("(0028,2000) OB [00 00 00 00 00 00 00 00 00 00 00 00 00] ")


def test_nothing_is_read_where_nothing_is_asked_for() -> None:
    reader: Any = dsutils._as_file(bytearray(b"abc"))
    assert (reader.read(0), reader.read(1), reader.read(None), reader.read(), reader.read(-1)) == (
        b"",
        b"a",
        b"bc",
        b"",
        b"",
    )


def test_what_would_be_too_long_is_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dsutils, "_UNMEASURED", 100_000)
    held: list[int] = []

    class Counting(BytesIO):
        def write(self, piece: Any) -> int:
            held.append(len(piece))
            return super().write(piece)

    monkeypatch.setattr(dsutils, "BytesIO", Counting)
    with pytest.raises(ValueError, match="longer than 1000000 bytes"):
        decode(bomb(1_000_001), False, True, True, max_inflated=1_000_000)
    assert sum(held) < 200_000
    assert len(decode(bomb(1_000_000), False, True, True, max_inflated=1_000_000).PixelData) == 999_988


def test_what_is_inflated_is_read_in_steps_and_may_come_byte_by_byte() -> None:
    class Slow(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None and 0 < size <= 1 << 16
            return super().read(1)

    ds = dataset(PatientID="AB" * 20)
    assert decode(Slow(encode_dataset(ds, False, True, True)), False, True, True) == ds
