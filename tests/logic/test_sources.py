"""What can be stored: what it is, wherever it comes from, and the pieces it is sent in."""

from __future__ import annotations

import gzip
import io
import logging
import mmap
import tempfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom.errors import InvalidDicomError

from dicomwire.data.data_set_head import Mislabelled, Unsendable
from dicomwire.sources import EncodedDataSet, IncompleteFileMeta, decoded, opened
from tests.support.bare import BARE, Reader, bare, joined
from tests.support.encoded import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    MR,
    PREFIX,
    SYNTAXES,
    UNDEFINED,
    Writer,
    data_set,
    dicom_file,
    file_meta,
)

OLD = "9.9.9"
NEW = "1.2.826.0.1.42"


def temporary(data: bytes, file: Any) -> Any:
    file.write(data)
    file.seek(0)
    return file


class Entries:
    """The ways to hand over the bytes of a file."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.enter: Callable[[Any], Any] = stack.enter_context

    def path(self, data: bytes) -> Path:
        path = self.folder / "instance.dcm"
        path.write_bytes(data)
        return path

    def text(self, data: bytes) -> str:
        return str(self.path(data))

    def in_bytes(self, data: bytes) -> bytes:
        return data

    def in_bytearray(self, data: bytes) -> bytearray:
        return bytearray(data)

    def in_memoryview(self, data: bytes) -> memoryview:
        return memoryview(data)

    def mapped(self, data: bytes) -> mmap.mmap:
        file = self.enter(self.path(data).open("rb"))
        made: mmap.mmap = self.enter(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return made

    def opened(self, data: bytes) -> Any:
        return self.enter(self.path(data).open("rb"))

    def in_file_in_memory(self, data: bytes) -> io.BytesIO:
        return io.BytesIO(data)

    def temporary(self, data: bytes) -> Any:
        return temporary(data, self.enter(tempfile.NamedTemporaryFile()))

    def spooled(self, data: bytes) -> Any:
        return temporary(data, self.enter(tempfile.SpooledTemporaryFile(1 << 20)))

    def compressed(self, data: bytes) -> Any:
        return self.enter(gzip.open(self.path(gzip.compress(data)), "rb"))

    def behind_others(self, data: bytes) -> Any:
        file = io.BytesIO(b"others" + data)
        file.seek(6)
        return file

    def reader(self, data: bytes) -> Reader:
        return Reader(data)


ENTRIES = [name for name in vars(Entries) if not name.startswith("_")]


@pytest.fixture(params=ENTRIES)
def entry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[bytes], Any]]:
    """One of the ways to hand over the bytes of a file."""
    with ExitStack() as stack:
        yield getattr(Entries(tmp_path, stack), request.param)


@pytest.fixture(params=["path", "in_bytes", "opened", "reader"])
def main_entry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[bytes], Any]]:
    """As ``entry``, for what differs little: one of each kind."""
    with ExitStack() as stack:
        yield getattr(Entries(tmp_path, stack), request.param)


def even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) & 1)


def identity(instance: EncodedDataSet) -> tuple[str, str, str]:
    return instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax_uid


# -- which instance -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_uids_are_those_of_the_data_set_from_every_entry(entry: Callable[[bytes], Any], syntax: str) -> None:
    data = data_set(syntax, NEW, MR)
    with opened(entry(dicom_file(data, file_meta(instance=OLD, syntax=syntax)))) as instance:
        assert identity(instance) == (MR, NEW, syntax)
        assert joined(instance) == even(data)


@pytest.mark.parametrize("step", [2, 10, 34, 100])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_a_header_across_two_pieces_of_an_odd_data_set_stays_whole(
    entry: Callable[[bytes], Any], syntax: str, step: int
) -> None:
    """What is read next may come in the memory of what was read before."""
    data = data_set(syntax, NEW)
    odd = {
        EXPLICIT: b"\x10\0\x20\0LO\3\0ABC\x10\0\x30\0DA\0\0\x10\0\x40\0CS\1\0M\x10\0\0\x40LT\1\0x",
        IMPLICIT: b"\x10\0\x20\0\3\0\0\0ABC\x10\0\x30\0\0\0\0\0\x10\0\x40\0\1\0\0\0M\x10\0\0\x40\1\0\0\0x",
        BIG: b"\0\x10\0\x20LO\0\3ABC\0\x10\0\x30DA\0\0\0\x10\0\x40CS\0\1M\0\x10\x40\0LT\0\1x",
    }[syntax]
    file = dicom_file(data[: data.index(NEW.encode()) + len(NEW)] + odd, file_meta(instance=OLD, syntax=syntax))
    with opened(entry(file)) as instance:
        in_one = b"".join(bytes(piece) for piece, _ in instance.pieces(1 << 20))
    with opened(entry(file)) as instance:
        assert b"".join(bytes(piece) for piece, _ in instance.pieces(step)) == in_one
    assert in_one.endswith(b"x ") and b"ABC " in in_one


@pytest.mark.parametrize("step", [2, 10, 1 << 20])
def test_no_piece_is_longer_than_asked_for(entry: Callable[[bytes], Any], step: int) -> None:
    data = data_set(EXPLICIT, NEW)
    with opened(entry(dicom_file(data, file_meta(instance=OLD, syntax=EXPLICIT)))) as instance:
        pieces = [bytes(piece) for piece, _ in instance.pieces(step)]
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= step


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("form", BARE)
def test_the_uids_of_an_encoded_data_set_win_over_the_stated_ones(
    form: str, syntax: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = data_set(syntax, NEW, MR)
    with caplog.at_level(logging.WARNING), opened(bare(BARE[form](data), syntax, instance=OLD)) as instance:
        assert identity(instance) == (MR, NEW, syntax)
        assert joined(instance) == even(data)
    assert [record.getMessage() for record in caplog.records] == [
        f"the SOP Class UID of a data set is {MR}, and not {CT} as stated",
        f"the SOP Instance UID of a data set is {NEW}, and not {OLD} as stated",
    ]


@pytest.mark.parametrize("form", BARE)
def test_what_is_stated_serves_where_the_data_set_says_nothing(form: str, caplog: pytest.LogCaptureFixture) -> None:
    data = Writer()(0x00100020, "LO", "STREAM")
    with opened(bare(BARE[form](data))) as instance:
        assert identity(instance) == (CT, "1.2.3", EXPLICIT)
        assert joined(instance) == data
    assert not caplog.records


def test_an_iterable_is_asked_for_no_more_than_tells_the_uids() -> None:
    asked: list[int] = []

    def parts() -> Iterator[bytes]:
        for at in range(0, len(data), 50):
            asked.append(at)
            yield data[at : at + 50]

    data = data_set(EXPLICIT, NEW, more=10_000)
    with opened(bare(parts())) as instance:
        assert instance.sop_instance_uid == NEW
        assert len(asked) < 30
        assert joined(instance) == data


_EXPLICIT, _IMPLICIT, _BIG = Writer(EXPLICIT), Writer(IMPLICIT), Writer(BIG)


def _nested(write: Writer, *, defined: bool) -> bytes:
    inner = write.item(write.uids("6.6.6", "7.7.7"), defined=defined)
    outer = write.item(
        write.sequence(0x00081115, inner, defined=defined) + write.uid(0x00081155, "5.5"), defined=defined
    )
    return write.sequence(0x00080006, outer, defined=defined)


@pytest.mark.parametrize("write", [_EXPLICIT, _IMPLICIT, _BIG], ids=lambda write: str(write.syntax))
@pytest.mark.parametrize(
    "before",
    [
        pytest.param(lambda write: write(0x00080000, "UL", b"\4\0\0\0"), id="group-length"),
        pytest.param(lambda write: write(0x00080001, "UL", b"\4\0\0\0"), id="length-to-end"),
        pytest.param(
            lambda write: write(0x00030010, "LO", "PRIVATE ") + write(0x00031001, "OB", bytes(300)), id="private"
        ),
        pytest.param(lambda write: _nested(write, defined=True), id="sequence"),
        pytest.param(lambda write: _nested(write, defined=False), id="sequence-without-length"),
        pytest.param(lambda write: write(0x00080008, "CS", "A" * 20_000), id="beyond-16-KiB"),
        pytest.param(lambda write: write(0x00031001, "UT", bytes(200_000)), id="far-beyond"),
    ],
)
def test_what_comes_before_the_uids_is_passed_over(
    write: Writer, before: Callable[[Writer], bytes], tmp_path: Path
) -> None:
    data = before(write) + write.uids(NEW, MR) + write(0x00100020, "LO", "ID")
    content = dicom_file(data, file_meta(instance=OLD, syntax=write.syntax))
    (tmp_path / "a").write_bytes(content)
    for source in (tmp_path / "a", content, io.BytesIO(content), bare(io.BytesIO(data), write.syntax)):
        with opened(source) as instance:
            assert identity(instance) == (MR, NEW, write.syntax)
            assert joined(instance) == data


def test_of_vr_un_is_a_uid_too() -> None:
    data = _EXPLICIT(0x00080016, "UN", even(MR.encode())) + _EXPLICIT(0x00080018, "UN", NEW.encode())
    with opened(dicom_file(data, file_meta(instance=OLD))) as instance:
        assert identity(instance)[:2] == (MR, NEW)


@pytest.mark.parametrize("pad", ["\0", " ", "\0\0", "  ", " \0"])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
def test_padding_of_any_kind_is_no_part_of_a_uid(pad: str, syntax: str) -> None:
    write = Writer(syntax)
    padded = [text + pad for text in (MR, "1.2.3")]
    elements = write(0x00080016, "UI", padded[0]) + write(0x00080018, "UI", padded[1]) + write(0x00100020, "LO", "ID")
    with opened(dicom_file(write.finish(elements), file_meta(syntax=syntax))) as instance:
        assert identity(instance)[:2] == (MR, "1.2.3")
    with opened(dicom_file(write.finish(write(0x00100020, "LO", "ID")), file_meta(syntax=syntax, pad=pad))) as instance:
        assert identity(instance) == (CT, "1.2.3", syntax)


@pytest.mark.parametrize("instance", [None, "", OLD, "1.2.3 (CT Image Storage)"])
@pytest.mark.parametrize("sop_class", [None, "", OLD, f"{CT} (CT Image Storage)"])
def test_what_the_file_meta_lacks_or_says_wrongly_is_taken_from_the_data_set(
    main_entry: Callable[[bytes], Any], instance: str | None, sop_class: str | None
) -> None:
    data = data_set(EXPLICIT, NEW)
    with opened(main_entry(dicom_file(data, file_meta(instance=instance, sop_class=sop_class)))) as made:
        assert identity(made) == (CT, NEW, EXPLICIT)
        assert joined(made) == data


@pytest.mark.parametrize("empty", [False, True])
def test_what_the_data_set_lacks_is_taken_from_the_file_meta(entry: Callable[[bytes], Any], empty: bool) -> None:
    data = _EXPLICIT(0x00080018, "UI") * empty + _EXPLICIT(0x00100020, "LO", "ID")
    with opened(entry(dicom_file(data))) as instance:
        assert identity(instance) == (CT, "1.2.3", EXPLICIT)
    with opened(entry(dicom_file(b""))) as instance:
        assert identity(instance) == (CT, "1.2.3", EXPLICIT)
        assert joined(instance) == b""


@pytest.mark.parametrize(
    ("meta", "data", "error", "words"),
    [
        pytest.param(
            {"instance": None}, b"", IncompleteFileMeta, r"\(0002,0003\).* and the data set no", id="instance"
        ),
        pytest.param({"sop_class": ""}, b"", IncompleteFileMeta, r"\(0002,0002\).* and the data set no", id="class"),
        pytest.param({"syntax": None}, b"", IncompleteFileMeta, r"\(0002,0010\) Transfer Syntax UID", id="syntax"),
        pytest.param({"instance": "1.2 (x)"}, b"", Unsendable, r"\(0002,0003\).* is no UID: '1.2 \(x\)'", id="words"),
        pytest.param({}, _EXPLICIT(0x00080018, "UI", "1.2.3 (x)\0"), Unsendable, "data set is no UID", id="in-data"),
        pytest.param({}, _EXPLICIT(0x00080018, "UI", "1." * 33), Unsendable, "data set is no UID", id="too-long"),
        pytest.param({}, _EXPLICIT(0x00080018, "UI", b"\xff\n"), Unsendable, r"no UID: '\S+'$", id="no-text"),
    ],
)
def test_what_nothing_tells_or_is_no_uid_is_an_error(
    meta: dict[str, Any], data: bytes, error: type[Exception], words: str, tmp_path: Path
) -> None:
    content = dicom_file(data, file_meta(**meta))
    (tmp_path / "a").write_bytes(content)
    for source in (tmp_path / "a", content, io.BytesIO(content)):
        with pytest.raises(error, match=words), opened(source):
            pass


@pytest.mark.parametrize(
    "name", ["dccc9599087131742838cc1162a630fea87ba9bf61ac09bfda90d4adfa5ddaed", "1.2.3.abc", "../x"]
)
def test_an_instance_that_calls_itself_otherwise_than_by_a_uid_is_sent_under_that_name(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = _EXPLICIT.uids(name)
    with opened(dicom_file(data)) as instance:
        assert identity(instance) == (CT, name, EXPLICIT)
    assert "is no UID, and sent as it is" in caplog.text
    with opened(bare(data)) as instance:
        assert identity(instance) == (CT, name, EXPLICIT)
    with (
        pytest.raises(Unsendable, match="SOP Class UID in its data set is no UID"),
        opened(dicom_file(_EXPLICIT.uids("1.2.3", name))),
    ):
        pass


# -- file meta information ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("length", [None, 0, 2, 14, 1000, UNDEFINED - 1])
@pytest.mark.parametrize("has_length", [True, False])
def test_a_group_length_may_be_wrong_or_missing(
    main_entry: Callable[[bytes], Any], length: int | None, has_length: bool
) -> None:
    data = data_set(IMPLICIT)
    with opened(
        main_entry(dicom_file(data, file_meta(syntax=IMPLICIT, length=length, has_length=has_length)))
    ) as instance:
        assert identity(instance) == (CT, "1.2.3", IMPLICIT)
        assert joined(instance) == data


@pytest.mark.parametrize(
    "second", [file_meta(syntax=JPEG, sop_class=OLD, instance=OLD, has_length=b) for b in (False, True)]
)
def test_of_two_file_metas_the_first_counts_and_none_is_sent(entry: Callable[[bytes], Any], second: bytes) -> None:
    data = data_set(EXPLICIT, NEW)
    with opened(entry(dicom_file(data, file_meta() + second))) as instance:
        assert identity(instance) == (CT, NEW, EXPLICIT)
        assert joined(instance) == data
    with opened(entry(dicom_file(_EXPLICIT(0x00100020, "LO", "ID"), file_meta() + second))) as instance:
        assert identity(instance) == (CT, "1.2.3", EXPLICIT)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("form", BARE)
@pytest.mark.parametrize("size", [4, 40_000])
def test_group_2_in_front_of_a_data_set_is_not_sent(form: str, syntax: str, size: int) -> None:
    write = Writer(syntax)
    data = data_set(syntax, NEW)
    for meta in (write.uid(0x00020010, JPEG), file_meta(syntax=JPEG)):
        private = Writer(write.syntax if meta[:1] == b"\0" else EXPLICIT)(0x00020102, "OB", bytes(size))
        with opened(bare(BARE[form](meta + private + data), syntax, instance=NEW)) as instance:
            assert identity(instance) == (CT, NEW, syntax)
            assert joined(instance) == data


def test_group_2_that_cannot_be_left_out_is_an_error() -> None:
    write = Writer(DEFLATED)
    data = write.finish(write.uid(0x00020010, JPEG) + write.uids(NEW))
    with pytest.raises(ValueError, match="begins with file meta information"), opened(bare(data, DEFLATED)):
        pass
    endless = _EXPLICIT(0x00020102, "OB", bytes(3 << 20))
    with pytest.raises(ValueError, match="too much file meta information"), opened(bare(io.BytesIO(endless))):
        pass


def test_file_meta_information_in_implicit_vr_is_read() -> None:
    meta = _IMPLICIT.uid(0x00020002, CT) + _IMPLICIT.uid(0x00020003, "1.2.3") + _IMPLICIT.uid(0x00020010, IMPLICIT)
    with opened(dicom_file(_IMPLICIT(0x00100020, "LO", "ID"), meta)) as instance:
        assert identity(instance) == (CT, "1.2.3", IMPLICIT)


def test_long_file_meta_information_is_read_to_its_end(entry: Callable[[bytes], Any]) -> None:
    private = _EXPLICIT(0x00020102, "OB", bytes(40_000))
    data = data_set(EXPLICIT, NEW)
    with opened(entry(dicom_file(data, file_meta() + private))) as instance:
        assert instance.sop_instance_uid == NEW
        assert joined(instance) == data


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("stated", [None, "", "1.2.840.10008.1.2.1 (Explicit VR)"])
def test_a_transfer_syntax_that_is_not_said_is_guessed(
    main_entry: Callable[[bytes], Any], syntax: str, stated: str | None
) -> None:
    data = data_set(syntax, NEW)
    with opened(main_entry(dicom_file(data, file_meta(syntax=stated)))) as instance:
        assert identity(instance) == (CT, NEW, syntax)
        assert joined(instance) == data
    with opened(main_entry(dicom_file(data, file_meta(syntax=stated)))) as instance:
        assert decoded(instance).PatientID == "ID"


def test_compressed_pixel_data_of_which_nothing_tells_the_compression_are_an_error(tmp_path: Path) -> None:
    data = _EXPLICIT.uids(NEW) + _EXPLICIT.encapsulated(b"\xff\xd8 JPEG\xff\xd9")
    content = dicom_file(data, file_meta(syntax=None))
    (tmp_path / "a").write_bytes(content)
    for source in (tmp_path / "a", content, io.BytesIO(content)):
        with pytest.raises(AttributeError, match="compressed in a way that nothing tells"), opened(source):
            pass


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("front", [b"", PREFIX, file_meta(syntax=None)])
def test_a_data_set_without_file_meta_or_preamble_is_an_instance(
    main_entry: Callable[[bytes], Any], syntax: str, front: bytes
) -> None:
    data = data_set(syntax, NEW)
    with opened(main_entry(front + data)) as instance:
        assert identity(instance) == (CT, NEW, syntax)
        assert joined(instance) == data


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a DICOM file" * 20, id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(200), id="png"),
        pytest.param(b"\x08\0 is no element" * 20, id="looks like an element"),
        pytest.param(_EXPLICIT(0x00080005, "CS", "ISO_IR 100") + _EXPLICIT(0x00100020, "LO", "ID"), id="no instance"),
        pytest.param(dicom_file(b"")[:140], id="cut off in an element"),
        pytest.param(dicom_file(b"")[:150], id="cut off in a value"),
        pytest.param(dicom_file(b"", file_meta() + b"\x02\0\x02\x01OB\0\0" + b"\xff\xff\xff\x7f"), id="absurd length"),
    ],
)
def test_what_is_no_dicom_file_is_refused(content: bytes, main_entry: Callable[[bytes], Any]) -> None:
    with pytest.raises((InvalidDicomError, AttributeError)), opened(main_entry(content)):
        pass


def test_an_error_keeps_nobody_from_closing_a_memory_map(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(dicom_file(data_set(IMPLICIT)))
    with (
        pytest.raises(Mislabelled),
        (tmp_path / "a").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        opened(mapped),
    ):
        pass


# -- mislabelled --------------------------------------------------------------------------------------------------
NATIVE = {IMPLICIT: "Implicit VR Little Endian", EXPLICIT: "Explicit VR Little Endian", BIG: "Explicit VR Big Endian"}


@pytest.mark.parametrize("said", [*SYNTAXES, "1.2.840.10008.1.2.5"])
@pytest.mark.parametrize("actual", SYNTAXES)
def test_a_data_set_in_another_encoding_than_stated_is_an_error(
    said: str, actual: str, main_entry: Callable[[bytes], Any]
) -> None:
    content = data_set(actual, NEW)
    meta = file_meta(syntax=said, instance=OLD)
    explicit = (EXPLICIT, JPEG, "1.2.840.10008.1.2.5")
    if said == actual or (said in explicit and actual in explicit):
        with opened(main_entry(dicom_file(content, meta))) as instance:
            assert instance.transfer_syntax_uid == said
        return
    with pytest.raises(Mislabelled, match="it is said to be") as caught, opened(main_entry(dicom_file(content, meta))):
        pass
    what = NATIVE.get(actual, NATIVE[EXPLICIT]) if actual != DEFLATED else "deflated"
    assert what in str(caught.value)
    # Whoever lists what has failed can name it.
    assert caught.value.sop_instance_uid == (OLD if actual == DEFLATED else NEW)
    with pytest.raises(Mislabelled), opened(bare(content, said)):
        pass


def test_a_private_transfer_syntax_may_be_anything() -> None:
    for syntax in (IMPLICIT, EXPLICIT, BIG):
        content = data_set(syntax, NEW)
        with opened(dicom_file(content, file_meta(syntax="1.2.840.113619.5.2"))) as instance:
            assert identity(instance) == (CT, NEW, "1.2.840.113619.5.2")
            assert joined(instance) == content


@pytest.mark.parametrize("write", [_EXPLICIT, _IMPLICIT, _BIG], ids=lambda write: str(write.syntax))
@pytest.mark.parametrize("tag", [0x00080005, 0x00080014, 0x00100020, 0x00280010, 0x20100010])
@pytest.mark.parametrize("size", [0, 2, 10, 200, 0x4144])
def test_a_data_set_that_begins_with_anything_is_not_mislabelled(write: Writer, tag: int, size: int) -> None:
    data = write(tag, "LO", b"1" * size) + write(0x7FE00010, "OW", bytes(20))
    with opened(dicom_file(data, file_meta(syntax=write.syntax))) as instance:
        assert joined(instance) == data


def test_elements_out_of_order_are_not_mislabelled() -> None:
    data = _EXPLICIT(0x00100020, "LO", "ID") + _EXPLICIT.uids(NEW)
    with opened(dicom_file(data)) as instance:
        assert joined(instance) == data


def test_something_else_than_a_data_set_is_an_error() -> None:
    for syntax in (EXPLICIT, DEFLATED, JPEG):
        with (
            pytest.raises(Mislabelled),
            opened(dicom_file(b"\x89PNG\r\n\x1a\n" + bytes(200), file_meta(syntax=syntax))),
        ):
            pass


def test_a_transfer_syntax_that_begins_like_no_uid_is_one_that_nobody_knows() -> None:
    """Without a warning of pydicom's."""
    syntax = "." + EXPLICIT[2:]
    with opened(dicom_file(data_set(EXPLICIT, NEW), file_meta(syntax=syntax))) as instance:
        assert instance.transfer_syntax_uid == syntax


@given(st.binary(max_size=400), st.sampled_from(SYNTAXES), st.booleans())
def test_whatever_the_bytes_there_is_an_instance_or_one_of_the_errors(data: bytes, syntax: str, meta: bool) -> None:
    try:
        with opened(dicom_file(data, file_meta(syntax=syntax)) if meta else PREFIX + data) as instance:
            assert len(joined(instance, 32)) % 2 == 0
    except (Unsendable, IncompleteFileMeta, InvalidDicomError):
        pass


@given(st.data(), st.sampled_from(SYNTAXES))
def test_a_data_set_with_a_few_bytes_changed_is_an_instance_or_one_of_the_errors(
    data: st.DataObject, syntax: str
) -> None:
    content = bytearray(dicom_file(data_set(syntax, NEW), file_meta(syntax=syntax)))
    for at in data.draw(st.lists(st.integers(132, len(content) - 1), max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(132, len(content))) :]
    try:
        with opened(bytes(content)) as instance:
            assert len(joined(instance, 32)) % 2 == 0
    except (Unsendable, IncompleteFileMeta, InvalidDicomError):
        pass


# -- pieces -------------------------------------------------------------------------------------------------------
@given(st.lists(st.integers(0, 60), max_size=9), st.sampled_from([2, 4, 64]), st.sampled_from([EXPLICIT, DEFLATED]))
def test_an_iterable_of_buffers_arrives_whole_in_even_pieces(cuts: list[int], step: int, syntax: str) -> None:
    whole = data_set(syntax, more=100)
    parts, at = [], 0
    for cut in cuts:
        parts.append(whole[at : at + cut])
        at += cut
    assert joined(bare(iter([*parts, whole[at:]]), syntax), step) == even(whole)


@pytest.mark.parametrize("size", [0, 2, 4000, 16_300, 20_000, 3_000_000])
@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_a_file_gives_its_data_set_whatever_its_size(entry: Callable[[bytes], Any], size: int, syntax: str) -> None:
    data = data_set(syntax, more=size)
    with opened(entry(dicom_file(data, file_meta(syntax=syntax)))) as instance:
        assert joined(instance, 1 << 20) == even(data)


def test_a_memory_map_is_sent_without_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "instance.dcm"
    path.write_bytes(dicom_file(data_set(EXPLICIT, more=100_000)))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        with opened(mapped) as instance:
            piece, last = next(instance.pieces(1 << 16))
            assert isinstance(piece, memoryview)
            assert isinstance(piece.obj, mmap.mmap)
            assert not last
            piece.release()
        del instance, piece


def test_a_buffer_of_wider_items_counts_in_bytes() -> None:
    data = array("H", data_set(EXPLICIT))
    assert joined(bare(data), 4) == data.tobytes()


def test_a_file_that_shrinks_while_it_is_sent_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "instance.dcm"
    path.write_bytes(dicom_file(data_set(EXPLICIT, more=200_000)))

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


@pytest.mark.parametrize(
    ("number", "lacking"),
    [
        (0x0002, "(0002,0002) Media Storage SOP Class UID"),
        (0x0003, "(0002,0003) Media Storage SOP Instance UID"),
        (0x0010, "(0002,0010) Transfer Syntax UID"),
        (None, ""),
    ],
)
def test_what_file_meta_information_lacks_is_named(number: int | None, lacking: str, tmp_path: Path) -> None:
    write = Writer()
    uids = {0x0002: CT, 0x0003: NEW, 0x0010: EXPLICIT}
    meta = b"".join(write.uid(0x00020000 | which, uid) for which, uid in uids.items() if which != number)
    path = tmp_path / "file"
    path.write_bytes(bytes(128) + b"DICM" + meta + write.uids(NEW))
    with opened(path) as instance:
        assert identity(instance)[0] == CT
    assert opened(path.read_bytes()).lacks == lacking


def test_what_is_decoded_says_how_it_was_encoded() -> None:
    instance = EncodedDataSet(
        sop_class_uid=CT, sop_instance_uid=NEW, transfer_syntax_uid=EXPLICIT, data=Writer().uids(NEW)
    )
    dataset = decoded(opened(instance).instance)
    assert (dataset.file_meta.TransferSyntaxUID, dataset.SOPInstanceUID) == (EXPLICIT, NEW)
