"""Data sets of odd length: padded where the odd value stands, or refused."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom.dataset import Dataset

from dicomwire.data.data_set_head import Unsendable
from dicomwire.data.data_sets import decode_data_set, encode_data_set
from dicomwire.data.encodings import EXPLICIT as CODING
from dicomwire.data.padding import Padding, padded, plan
from dicomwire.sources import opened
from tests.support.bare import BARE, Reader, bare, joined
from tests.support.encoded import BIG, DEFLATED, EXPLICIT, IMPLICIT, JPEG, UNDEFINED, Writer, dicom_file, file_meta

NATIVE = [EXPLICIT, IMPLICIT, BIG]
UIDS = (0x00080016, 0x00080018)


def everywhere(data: bytes, syntax: str, folder: Path) -> Iterator[bytes]:
    """What goes out, from every kind of source."""
    content = dicom_file(data, file_meta(syntax=syntax))
    path = folder / "a"
    path.write_bytes(content)
    for source in (path, content, io.BytesIO(content), Reader(content)):
        with opened(source) as instance:
            yield joined(instance, 64)
    for form in BARE.values():
        yield joined(bare(form(data), syntax), 64)
    yield bytes(encode_data_set(data, syntax))


def sent(data: bytes, syntax: str, folder: Path) -> bytes:
    """What goes out, the same from everywhere."""
    (only,) = set(everywhere(data, syntax, folder))
    return only


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize(
    ("tag", "vr", "value", "pad"),
    [
        (0x00100020, "LO", b"P1x", b" "),
        (0x00100010, "PN", b"A^B", b" "),
        (0x00200013, "IS", b"1", b" "),
        (0x00204000, "LT", b"y" * 401, b" "),
        (0x0040A160, "UT", b"text ", b" "),
        (0x0020000D, "UI", b"1.2.3", b"\0"),
        (0x00280010, "US", b"\1\2\3", b"\0"),
        (0x00420011, "OB", b"%PDF-", b"\0"),
        (0x00091001, "UN", b"private", b"\0"),
        (0x7FE00010, "OW", bytes(range(101)), b"\0"),
    ],
)  # fmt: skip
def test_the_value_is_padded_and_its_length_is_right(
    syntax: str, tag: int, vr: str, value: bytes, pad: bytes, tmp_path: Path
) -> None:
    write = Writer(syntax)
    before, behind = write.uids("1.2.3"), write(0x7FE10010, "LO", "BEHIND")
    expected = before + write(tag, vr, value + pad) + behind
    assert sent(before + write(tag, vr, value) + behind, syntax, tmp_path) == expected
    assert sent(before + write(tag, vr, value), syntax, tmp_path) == expected[: -len(behind)]


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("inner", [False, True])
def test_a_value_in_sequences_is_padded_and_their_lengths_are_left_undefined(
    syntax: str, outer: bool, inner: bool, tmp_path: Path
) -> None:
    write = Writer(syntax)

    def make(text: str, defined: bool) -> bytes:
        deep = write.sequence(0x0040A168, write.item(write(0x00080100, "SH", text), defined=inner), defined=inner)
        items = (
            write.item(write(0x00080100, "SH", "EVEN")),
            write.item(write(0x00080104, "LO", "MEANING!") + deep, defined=outer and defined),
            write.item(b""),
        )
        return write.uids("1.2.3") + write.sequence(0x0040A730, *items, defined=outer and defined)

    odd, even = make("ODD", True), make("ODD ", True)
    expected = Dataset() if (found := sent(odd, syntax, tmp_path)) is None else decode_data_set(found, syntax)
    assert expected == decode_data_set(even, syntax)
    assert expected.ContentSequence[1].ConceptCodeSequence[0].CodeValue == "ODD"
    if not (outer or inner):
        assert found == make("ODD ", False)
    # Even ones stay as they are.
    assert sent(even, syntax, tmp_path) == even


def test_a_sequence_in_vr_un_or_of_a_private_tag_is_one(tmp_path: Path) -> None:
    implicit = Writer(IMPLICIT)
    item = implicit.item(implicit(0x00080100, "SH", "ODD"))
    for syntax in (EXPLICIT, IMPLICIT):
        write = Writer(syntax)
        data = write(0x00091001, "UN", item) + write(0x00100020, "LO", "ID")
        made = sent(data, syntax, tmp_path)
        assert made.endswith(write(0x00100020, "LO", "ID"))
        assert write(0x00091001, "UN", b"", UNDEFINED) + implicit(0xFFFEE000, "", b"", UNDEFINED) in made
        assert implicit(0x00080100, "SH", "ODD ") in made


def test_fragments_of_odd_length_are_padded_and_offset_tables_that_become_wrong_left_empty(tmp_path: Path) -> None:
    write = Writer(JPEG)
    front = write.uids("1.2.3")
    one = front + write.encapsulated(b"abc", table=bytes(4))
    assert sent(one, JPEG, tmp_path) == front + write.encapsulated(b"abc\0", table=bytes(4))
    last = write.encapsulated(b"ab", b"abc", table=bytes(8))
    assert sent(front + last, JPEG, tmp_path) == front + write.encapsulated(b"ab", b"abc\0", table=bytes(8))
    moved = front + write(0x7FE00001, "OV", bytes(16)) + write.encapsulated(b"abc", b"ab")
    table = front + write.encapsulated(b"abc", b"ab", table=bytes(8))
    content = [dicom_file(data, file_meta(syntax=JPEG)) for data in (moved, table)]
    (tmp_path / "a").write_bytes(content[0])
    for source in (*content, tmp_path / "a", io.BytesIO(content[1])):
        with opened(source) as instance:
            assert joined(instance) == front + write.encapsulated(b"abc\0", b"ab")
    # What passes cannot be looked at twice: the table may have gone out.
    with opened(bare([table], JPEG)) as instance, pytest.raises(ValueError, match="offset table"):
        joined(instance)


def test_fragments_in_an_item_of_odd_length_are_padded(tmp_path: Path) -> None:
    write = Writer(JPEG)

    def make(fragment: bytes, *, defined: bool) -> bytes:
        icon = write.encapsulated(b"ab", fragment, b"abcd") + write(0x7FE10010, "LO", "BEHIND")
        items = write.item(icon, defined=defined), write.item(write(0x00080100, "SH", "EVEN"))
        sequence = write.sequence(0x00880200, *items, defined=defined)
        return write.uids("1.2.3") + sequence + write(0x00880906, "ST", "BEHIND")

    assert sent(make(b"abc", defined=True), JPEG, tmp_path) == make(b"abc\0", defined=False)


def test_an_offset_table_that_stays_right_stays(tmp_path: Path) -> None:
    write = Writer(JPEG)
    front = write.uids("1.2.3")
    # One frame of several fragments begins where it did; and no table is none that could be wrong.
    for table in (bytes(4), b""):
        one = front + write.encapsulated(b"a longer one", b"abc", b"ab", table=table)
        assert sent(one, JPEG, tmp_path) == front + write.encapsulated(b"a longer one", b"abc\0", b"ab", table=table)
    # Beside another that does not.
    both = write(0x7FE00001, "OV", bytes(16)) + write.encapsulated(b"abc", b"ab", table=bytes(4))
    assert encode_data_set(both, JPEG) == write.encapsulated(b"abc\0", b"ab", table=bytes(4))
    # Of one that is left empty the fragments stay, however long.
    moved = front + write.encapsulated(b"abc", b"a longer one", table=bytes(8))
    content = dicom_file(moved, file_meta(syntax=JPEG))
    with opened(content) as instance:
        assert joined(instance) == front + write.encapsulated(b"abc\0", b"a longer one")


def test_an_offset_table_in_an_item_that_becomes_wrong_is_left_out() -> None:
    write = Writer(JPEG)

    def make(*content: bytes, defined: bool) -> bytes:
        return write.sequence(0x00880200, write.item(b"".join(content), defined=defined), defined=defined)

    table, behind = write(0x7FE00001, "OV", bytes(16)), write(0x7FE10010, "LO", "BEHIND")
    data = make(table, write.encapsulated(b"abc", b"ab"), behind, defined=True)
    assert encode_data_set(data, JPEG) == make(write.encapsulated(b"abc\0", b"ab"), behind, defined=False)


@pytest.mark.parametrize("tag", [0x00091001, 0x7FE00010])
@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_fragments_are_padded_in_every_element_of_bytes(tag: int, vr: str, tmp_path: Path) -> None:
    write = Writer(JPEG)

    def make(fragment: bytes) -> bytes:
        items = write(0xFFFEE000, "") + write(0xFFFEE000, "", fragment)
        return write.uids("1.2.3") + write(tag, vr, items, UNDEFINED) + write(0xFFFEE0DD, "")

    assert sent(make(b"abc"), JPEG, tmp_path) == make(b"abc\0")


@pytest.mark.parametrize("step", range(1, 40))
def test_what_is_left_out_may_come_in_several_pieces(step: int) -> None:
    write = Writer(JPEG)
    data = write(0x7FE00001, "OV", bytes(24)) + write.encapsulated(b"abc", b"abcd", table=bytes(48))
    chunks = (data[at : at + step] for at in range(0, len(data), step))
    passed = b"".join(padded(chunks, Padding(CODING, drops_offsets=True)))
    assert passed == write.encapsulated(b"abc\0", b"abcd")
    # Cut off in the middle of it there is nothing to pass on.
    begun = (data[at : min(at + step, 30)] for at in range(0, 30, step))
    assert b"".join(padded(begun, Padding(CODING, drops_offsets=True))) == b""


def test_eight_zeros_at_the_end_are_an_element_in_implicit_vr(tmp_path: Path) -> None:
    write = Writer(IMPLICIT)
    data = write(0x00100020, "LO", "ODD") + bytes(8)
    assert sent(data, IMPLICIT, tmp_path) == write(0x00100020, "LO", "ODD ") + bytes(8)


def test_what_is_no_element_is_named() -> None:
    data = Writer()(0x00100020, "LO", "ODD") + b"\x10\0\x21\0lo\0\0"
    with pytest.raises(ValueError, match=r"cannot be padded: \(0010,0021\) has no value representation"):
        encode_data_set(data, EXPLICIT)


@pytest.mark.parametrize(("vr", "pad"), [("LO", b" "), ("OB", b"\0")])
def test_the_vr_that_is_there_says_what_an_odd_value_is_padded_with(vr: str, pad: bytes, tmp_path: Path) -> None:
    write = Writer()
    for tag in (0x00091001, 0x00280010, 0x00100020):
        assert sent(write(tag, vr, b"odd"), EXPLICIT, tmp_path) == write(tag, vr, b"odd" + pad)


def test_a_data_set_is_looked_through_in_few_reads_and_not_beyond_its_end() -> None:
    write = Writer()
    data = b"".join(write(0x00100020 + number, "LO", "value") for number in range(1000))
    reads: list[tuple[int, int]] = []

    def read_at(offset: int, count: int) -> bytes:
        reads.append((offset, count))
        # What follows is none of its business: a file may have grown.
        return (data + b"\1" * 9000)[offset : offset + count]

    plan(read_at, len(data), CODING)
    assert len(reads) < 8
    assert all(offset + count <= len(data) for offset, count in reads)


def test_a_few_zeros_at_the_end_are_not_sent(tmp_path: Path) -> None:
    data = Writer()(0x00100020, "LO", "ID")
    assert sent(data + bytes(3), EXPLICIT, tmp_path) == data


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda write: write(0x00100020, "LO", "ID") + b"\n", "ends in the middle of an element"),
        (lambda write: write(0x00100020, "LO", "ID") + b"X", "ends in the middle of an element"),
        (lambda write: write(0x7FE00010, "OW", b"x" * 99, 200), "cut off: 101 bytes are missing"),
        (lambda write: write.sequence(0x00081115, b"1234567"), "ends in the middle of an element"),
        (lambda write: write.sequence(0x00081115, bytes(9)), r"a sequence holds \(0000,0000\), which is no item"),
        (lambda write: write.sequence(0x00081115, write.item(b"1")), "in the middle of an element|no value repr"),
        (lambda write: write(0x00081115, "SQ", b"", UNDEFINED) + b"1", "in the middle of an element"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_damaged_data_set_of_odd_length_is_refused_before_anything_is_sent(
    make: Callable[[Writer], bytes], words: str, syntax: str, tmp_path: Path
) -> None:
    write = Writer(syntax)
    data = write.uids("1.2.3") + make(write)
    content = dicom_file(data, file_meta(syntax=syntax))
    (tmp_path / "a").write_bytes(content)
    if syntax == IMPLICIT and data.endswith((b"1234567", bytes(9))):
        # Nothing says that it was a sequence: a value as any other.
        assert sent(data, syntax, tmp_path)[:-1].endswith((b"1234567", bytes(9)))
        return
    for source in (tmp_path / "a", content, io.BytesIO(content), bare(data, syntax), bare(io.BytesIO(data), syntax)):
        with pytest.raises(Unsendable, match=f"odd length .* cannot be padded: .*({words})") as caught, opened(source):
            pass
        assert caught.value.sop_instance_uid == "1.2.3"
    with pytest.raises(ValueError, match="odd length and cannot be padded"):
        encode_data_set(data, syntax)
    # What comes piece by piece is found out at its end: nothing odd goes out, and no last piece.
    with opened(bare([data], syntax)) as instance:
        out: list[tuple[int, bool]] = []
        with pytest.raises(ValueError, match="odd length"):
            out.extend((len(piece) & 1, last) for piece, last in instance.pieces(64))
        assert not any(odd or last for odd, last in out)


@pytest.mark.parametrize("defined", [False, True])
@pytest.mark.parametrize("syntax", NATIVE)
def test_sequences_in_sequences_have_an_end(syntax: str, defined: bool) -> None:
    write = Writer(syntax)

    def nested(depth: int) -> bytes:
        made = write(0x00100020, "LO", "ODD")
        for _ in range(depth):
            made = write.sequence(0x0040A730, write.item(made, defined=defined), defined=defined)
        return made

    assert len(encode_data_set(nested(100), syntax)) % 2 == 0
    with pytest.raises(ValueError, match="its sequences have no end"):
        encode_data_set(nested(101), syntax)


SHORT = b"\x08\0\0\1SH\2\0AB"
"""An element of ten bytes."""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (Writer()(0x00081115, "SQ", Writer()(0xFFFEE000, "", SHORT, 9), 17) + b"1", "of an item and of what it holds"),
        (Writer()(0x00081115, "SQ", Writer().item(SHORT), 17) + b"1", "of a sequence and of its items differ"),
        (
            Writer()(0x00081115, "SQ", Writer()(0xFFFEE00D, ""), 9) + b"1",
            r"a sequence holds \(FFFE,E00D\), which",
        ),
        (
            Writer()(0x7FE00010, "OB", Writer()(0xFFFEE00D, "") + b"1", UNDEFINED),
            r"the pixel data hold \(FFFE,E00D\), which is no fragment",
        ),
        (
            Writer()(0x7FE00010, "OB", Writer()(0xFFFEE000, "", b"1", UNDEFINED), UNDEFINED),
            r"the pixel data hold \(FFFE,E000\), which is no fragment",
        ),
    ],
)
def test_lengths_that_do_not_fit_together_are_said_to_be_so(data: bytes, words: str) -> None:
    assert len(data) % 2
    with pytest.raises(ValueError, match=f"odd length and cannot be padded: .*{words}"):
        encode_data_set(data, EXPLICIT)


def test_a_value_whose_length_does_not_fit_any_more_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(0010,0020\) is too long to be padded"):
        encode_data_set(Writer()(0x00100020, "LO", bytes(65535)), EXPLICIT)


def test_what_was_read_with_odd_values_is_written_with_even_ones() -> None:
    for syntax in NATIVE:
        write = Writer(syntax)
        read = decode_data_set(write(0x00100020, "LO", "ODD") + write(0x7FE00010, "OW", bytes(5)), syntax)
        assert len(encode_data_set(read, syntax)) % 2 == 0


def test_deflated_bytes_get_a_nul() -> None:
    assert encode_data_set(b"abc", DEFLATED) == b"abc\0"


def _elements(rng: random.Random, write: Writer, depth: int = 0) -> bytes:
    made = b""
    for number in range(rng.randint(0, 4)):
        tag = 0x00110010 + number
        kind = rng.random()
        if kind < 0.3 and depth < 3:
            items = [
                write.item(_elements(rng, write, depth + 1), defined=rng.random() < 0.5)
                for _ in range(rng.randint(0, 3))
            ]
            made += write.sequence(tag, *items, defined=rng.random() < 0.5)
        else:
            made += write(tag, rng.choice(["LO", "OB", "UT", "UN"]), b"x" * rng.randint(0, 40))
    return made


def _strip(dataset: Dataset) -> Any:
    """The elements with their values, but for padding."""
    found: list[Any] = []
    for element in dataset:
        value = element.value
        if element.VR == "SQ":
            found.append((int(element.tag), [_strip(item) for item in value]))
        else:
            raw = value if isinstance(value, bytes) else str(value).encode()
            found.append((int(element.tag), raw.rstrip(b"\0 ")))
    return found


@given(st.randoms(use_true_random=False), st.sampled_from([EXPLICIT, BIG]), st.integers(1, 20))
def test_any_data_set_comes_out_even_and_otherwise_the_same(rng: random.Random, syntax: str, cut: int) -> None:
    data = Writer(syntax)(0x00100020, "LO", "ID") + _elements(rng, Writer(syntax))
    whole = bytes(encode_data_set(data, syntax))
    assert len(whole) % 2 == 0
    assert whole == data or len(data) & 1
    raw = _raw(data, syntax)
    assert _raw(whole, syntax) == raw
    with opened(bare((data[at : at + cut] for at in range(0, len(data), cut)), syntax)) as instance:
        passed = joined(instance, 8)
    assert _raw(passed, syntax) == raw


def _raw(data: bytes, syntax: str) -> Any:
    from pydicom import config

    before, config.settings.reading_validation_mode = config.settings.reading_validation_mode, config.IGNORE
    try:
        dataset = decode_data_set(data, syntax)
        for element in dataset.iterall():
            element.VR = element.VR if element.VR == "SQ" else "UN"
        return _strip(dataset)
    finally:
        config.settings.reading_validation_mode = before
