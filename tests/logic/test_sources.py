"""What can be stored, and the pieces it is sent in."""

from __future__ import annotations

import io
import mmap
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from pydicom.errors import InvalidDicomError

from dicomwire.logic.file_meta import encode_file_meta
from dicomwire.sources import EncodedDataSet, opened

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"


def header(transfer_syntax: str = EXPLICIT, version: str | None = "TESTS") -> bytes:
    return encode_file_meta(
        sop_class_uid=CT,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=transfer_syntax,
        implementation_class_uid="1.2.3.4",
        implementation_version_name=version,
    )


def joined(instance: EncodedDataSet, step: int) -> bytes:
    """The data of an instance; each piece is checked and copied before the next is asked for."""
    data, ended = b"", False
    for piece, last in instance.pieces(step):
        assert not ended
        assert last or (len(piece) and len(piece) % 2 == 0)
        assert len(piece) <= step + 1
        data += bytes(piece)
        ended = last
    assert ended
    return data


def bare(data: object, transfer_syntax: str = EXPLICIT) -> EncodedDataSet:
    return EncodedDataSet(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=transfer_syntax, data=data)


@given(st.lists(st.binary(max_size=9)), st.sampled_from([2, 4, 64]), st.sampled_from([EXPLICIT, DEFLATED]))
def test_an_iterable_of_buffers_arrives_whole_in_even_pieces(parts: list[bytes], step: int, syntax: str) -> None:
    whole = b"".join(parts)
    padding = b"\0" if syntax == DEFLATED and len(whole) % 2 else b""
    assert joined(bare(iter(parts), syntax), step) == whole + padding


@pytest.mark.parametrize("size", [0, 1, 2, 7, 4000, 20_000, 3_000_001])
@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_a_file_gives_its_data_set_by_path_bytes_and_file_object(tmp_path: Path, size: int, syntax: str) -> None:
    data = bytes(i % 251 for i in range(size))
    expected = data + b"\0" if syntax == DEFLATED and size % 2 else data
    path = tmp_path / "instance.dcm"
    path.write_bytes(header(syntax) + data)
    whole = path.read_bytes()
    for source in (path, str(path), whole, bytearray(whole), memoryview(whole), io.BytesIO(whole)):
        with opened(source) as instance:
            assert (instance.sop_class_uid, instance.sop_instance_uid) == (CT, "1.2.3")
            assert instance.transfer_syntax_uid == syntax
            assert joined(instance, 1 << 20) == expected
    with path.open("rb") as file, opened(file) as instance:
        assert joined(instance, 1 << 20) == expected


def test_a_memory_map_is_sent_without_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "instance.dcm"
    path.write_bytes(header() + bytes(100_000))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        with opened(mapped) as instance:
            piece, last = next(instance.pieces(1 << 16))
            assert isinstance(piece, memoryview)
            assert isinstance(piece.obj, mmap.mmap)
            assert not last
            piece.release()
        del instance, piece


def test_a_buffer_of_wider_items_counts_in_bytes() -> None:
    assert joined(bare(array("H", [1, 2, 3])), 4) == array("H", [1, 2, 3]).tobytes()


def test_an_object_that_only_reads_is_enough() -> None:
    class Reader:
        def __init__(self) -> None:
            self.left = b"abcdefg"

        def read(self, size: int) -> bytes:
            data, self.left = self.left[: min(size, 3)], self.left[min(size, 3) :]
            return data

    assert joined(bare(Reader()), 4) == b"abcdefg"


def test_long_file_meta_information_is_read_to_its_end(tmp_path: Path) -> None:
    private = b"\x02\0\x02\x01OB\0\0" + (40_000).to_bytes(4, "little") + bytes(40_000)
    path = tmp_path / "instance.dcm"
    path.write_bytes(header() + private + b"data")
    for source in (path, path.read_bytes()):
        with opened(source) as instance:
            assert joined(instance, 1 << 20) == b"data"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a DICOM file" * 20, id="text"),
        pytest.param(header()[:140], id="cut off in an element"),
        pytest.param(header()[:150], id="cut off in a value"),
        pytest.param(header() + b"\x02\0\x02\x01OB\0\0" + b"\xff\xff\xff\x7f", id="an absurd length"),
    ],
)
def test_what_is_no_dicom_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "instance.dcm"
    path.write_bytes(content)
    for source in (path, content):
        with pytest.raises((InvalidDicomError, AttributeError)), opened(source):
            pass


def test_file_meta_information_without_a_transfer_syntax_is_named() -> None:
    content = header().replace(b"\x02\0\x10\0UI", b"\x02\0\x11\0UI")
    with pytest.raises(AttributeError, match="Transfer Syntax UID"), opened(content):
        pass


def test_a_file_that_shrinks_while_it_is_sent_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "instance.dcm"
    path.write_bytes(header() + bytes(200_000))

    def pieces() -> Iterator[object]:
        with opened(path) as instance:
            for piece, _ in instance.pieces(50_000):
                with path.open("r+b") as file:
                    file.truncate(60_000)
                yield piece

    with pytest.raises(OSError, match="changed while it was sent"):
        list(pieces())


def test_other_things_cannot_be_stored() -> None:
    with pytest.raises(TypeError, match="int is nothing that can be stored"), opened(3):
        pass
