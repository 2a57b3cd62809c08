"""Data sets that cannot be decoded: one error, whatever is wrong; and those that become too long when inflated."""

from __future__ import annotations

import errno
import pickle
import struct
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom.dataset import Dataset

import dicomwire
from dicomwire import BrokenDataSet, Limits, ProtocolError, dsutils
from dicomwire.data.data_set_beginning import NoDataSet
from dicomwire.data.data_sets import decode_data_set, decode_data_set_later
from dicomwire.data.sources import EncodedDataSet, decoded
from dicomwire.dsutils import decode

DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
IDENTIFIERS = Limits().of_identifiers
SYNTAXES = ["1.2.840.10008.1.2", EXPLICIT, "1.2.840.10008.1.2.2", DEFLATED]
KIB, MIB = 1 << 10, 1 << 20


def deflated(length: int, value: bytes | None = None) -> bytes:
    """(7FE0,0010) OB, so that there are that many bytes in all."""
    compressor = zlib.compressobj(wbits=-15)
    plain = bytes.fromhex("e07f 1000 4f42 0000") + struct.pack("<L", length - 12) + (value or bytes(length - 12))
    return compressor.compress(plain) + compressor.flush()


def test_it_is_exported_and_a_value_error() -> None:
    assert dicomwire.BrokenDataSet is BrokenDataSet
    assert issubclass(BrokenDataSet, ValueError)
    assert not issubclass(BrokenDataSet, ProtocolError)
    assert issubclass(NoDataSet, BrokenDataSet)
    assert isinstance(pickle.loads(pickle.dumps(BrokenDataSet("no"))), BrokenDataSet)


@pytest.mark.parametrize("raised", [RecursionError, MemoryError, struct.error, KeyError, NotImplementedError, EOFError])
def test_whatever_pydicom_raises_it_is_that(monkeypatch: pytest.MonkeyPatch, raised: type[Exception]) -> None:
    def fail(*_: Any) -> None:
        raise raised("no")

    monkeypatch.setattr("pydicom.filereader.read_dataset", fail)
    with pytest.raises(BrokenDataSet, match=f"cannot be decoded: {raised.__name__}") as caught:
        decode(bytes(100), False, True)
    assert isinstance(caught.value.__cause__, raised) is (raised not in (RecursionError, MemoryError))


def test_what_is_wrong_with_a_file_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr("pydicom.filereader.read_dataset", fail)
    with pytest.raises(OSError, match="no"):
        decode(bytes(100), False, True)


def test_bytes_that_end_within_a_sequence_are_damaged_and_no_error_of_the_system() -> None:
    # Of which pydicom says that they cannot be read.
    with pytest.raises(BrokenDataSet, match="cannot be decoded: OSError"):
        decode(bytes.fromhex("4000 0001 5351 0000 ffffffff feff"), False, True)


@given(st.binary(max_size=200), st.sampled_from(SYNTAXES), st.booleans())
def test_nothing_else_comes_out(data: bytes, syntax: str, later: bool) -> None:
    try:
        made = (decode_data_set_later if later else decode_data_set)(data, syntax)
    except BrokenDataSet:
        return
    assert isinstance(made, Dataset)


# -- inflating -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("limits", "longest"),
    [
        pytest.param(Limits(inflated=100 * KIB), 100 * KIB, id="absolute"),
        pytest.param(Limits(inflated_freely=100 * KIB, inflation=1), 100 * KIB, id="freely"),
        pytest.param(Limits(inflated_freely=0, inflated=MIB, inflation=2000), MIB, id="whatever the ratio"),
    ],
)
def test_how_long_it_may_become_is_limited(limits: Limits, longest: int) -> None:
    assert len(decode(deflated(longest), False, True, True, limits=limits).PixelData) == longest - 12
    for look in (decode_data_set, decode_data_set_later):
        with pytest.raises(BrokenDataSet, match=f"longer than {longest} bytes"):
            look(deflated(longest + 1), DEFLATED, limits)


def test_the_ratio_is_that_of_the_whole() -> None:
    limits = Limits(inflated_freely=0, inflation=10)
    # A blank part at a thousand to one, and noise behind it.
    noise = zlib.compress(bytes(range(256)), 0) * 40
    value = bytes(20 * KIB) + b"".join(bytes([byte ^ number & 0xFF]) for number, byte in enumerate(noise))
    value += bytes(len(value) & 1)
    encoded = deflated(len(value) + 12, value)
    allowed = Limits(inflated_freely=0, inflation=-(-(len(value) + 12) // len(encoded)))
    assert decode(encoded, False, True, True, limits=allowed).PixelData == value
    with pytest.raises(BrokenDataSet, match="longer than"):
        decode(deflated(MIB), False, True, True, limits=limits)


def test_the_defaults_let_a_blank_image_be_as_small_as_it_likes() -> None:
    assert len(decode(deflated(8 * MIB), False, True, True).PixelData) == 8 * MIB - 12
    assert (Limits().inflated_freely, Limits().inflation, Limits().inflated) == (64 * MIB, 200, 1024 * MIB)
    assert dsutils.MAX_INFLATED_LENGTH == 1024 * MIB


def test_no_more_is_held_than_is_allowed() -> None:
    bomb = deflated(100 * MIB)
    tracemalloc.start()
    with pytest.raises(BrokenDataSet, match=f"longer than {2 * MIB} bytes"):
        decode_data_set(bomb, DEFLATED, bounds=IDENTIFIERS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB


def test_an_instance_that_is_converted_is_limited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dsutils, "MAX_INFLATED_LENGTH", 1000)
    monkeypatch.setattr("dicomwire.data.dsutils.MAX_INFLATED_LENGTH", 1000)
    bomb = EncodedDataSet(
        sop_class_uid="1.2", sop_instance_uid="1.2", transfer_syntax_uid=DEFLATED, data=deflated(1001)
    )
    with pytest.raises(BrokenDataSet, match="longer than 1000 bytes"):
        decoded(bomb)


# -- identifiers ---------------------------------------------------------------------------------------------------
def elements(number: int) -> bytes:
    """So many private elements without a value, in explicit VR."""
    parts = (struct.pack("<HH2sH", 0x0009 + 2 * (at >> 16), at & 0xFFFF, b"LO", 0) for at in range(number))
    return b"".join(parts)


ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0)


def sequence(value: bytes) -> bytes:
    return struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, len(value)) + value


MOST = IDENTIFIERS.elements


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        pytest.param(elements(MOST), elements(MOST + 1), id="elements"),
        pytest.param(sequence(ITEM * (MOST - 1)), sequence(ITEM * MOST), id="items"),
        pytest.param(sequence(ITEM) * (MOST // 2), sequence(ITEM) * (MOST // 2 + 1), id="sequences"),
    ],
)
def test_nobody_looks_into_an_identifier_of_too_many_elements(allowed: bytes, refused: bytes) -> None:
    decode_data_set(allowed, EXPLICIT, bounds=IDENTIFIERS)
    with pytest.raises(BrokenDataSet, match=f"more than {MOST} elements"):
        decode_data_set_later(refused, EXPLICIT, bounds=IDENTIFIERS)
    decode_data_set(refused, EXPLICIT)


def element(vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return struct.pack("<HH2sH", 0x0011, 0x1000, vr, len(value)) + value


_ESCAPE = b"\x1b"


@pytest.mark.parametrize(
    ("vr", "part"),
    [(b"IS", b"1\\"), (b"LO", _ESCAPE), (b"PN", b"^"), (b"PN", b"="), (b"PN", b"\\"), (b"LT", _ESCAPE)],
)
def test_nobody_looks_into_an_identifier_of_too_many_values(vr: bytes, part: bytes) -> None:
    parts = MOST // 2 - 1
    half = element(vr, part * min(parts, 0xFFFE // len(part)))
    refused = half * (MOST // half.count(part[-1:]) + 1)
    decode_data_set(half, EXPLICIT, bounds=IDENTIFIERS)
    for look_into in (decode_data_set, decode_data_set_later):
        with pytest.raises(BrokenDataSet, match=f"more than {MOST} elements, items and values"):
            look_into(refused, EXPLICIT, bounds=IDENTIFIERS)
    decode_data_set(refused, EXPLICIT)


@pytest.mark.parametrize(("tag", "part"), [(0x00200013, b"1\\"), (0x00100010, b"\x1b"), (0x00209165, b"\x10\0\x20\0")])
def test_of_implicit_vr_the_dictionary_says_what_has_values(tag: int, part: bytes) -> None:
    value = part * (MOST + 1)
    refused = struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value
    with pytest.raises(BrokenDataSet, match="elements, items and values"):
        decode_data_set(refused, IMPLICIT, bounds=IDENTIFIERS)


@pytest.mark.parametrize(("vr", "of"), [(b"OB", 92), (b"LT", 92), (b"UT", 94), (b"UN", 92)])
def test_what_is_one_value_whatever_is_in_it_may_be_long(vr: bytes, of: int) -> None:
    value = bytes([of]) * (0xFFFE if vr == b"LT" else MOST * 4)
    header = struct.pack("<HH2sH", 0x0009, 0x1000, vr, len(value)) if vr == b"LT" else b""
    header = header or struct.pack("<HH2sHL", 0x0009, 0x1000, vr, 0, len(value))
    assert len(decode_data_set(header + value, EXPLICIT, bounds=IDENTIFIERS)) == 1


def test_an_attribute_list_may_refer_to_40_000_instances() -> None:
    # The images of a functional MR study, in the N-SET that ends its procedure step.
    step = sequence((ITEM[:-4] + struct.pack("<L", 16) + elements(2)) * 39_999)
    assert len(decode_data_set(step, EXPLICIT, bounds=Limits().of_attribute_lists)[0x0040A730].value) == 39_999
    with pytest.raises(BrokenDataSet, match="more than 40000"):
        decode_data_set(step, EXPLICIT, bounds=IDENTIFIERS)


def test_an_attribute_list_is_no_bomb_either() -> None:
    assert decode_data_set(deflated(64 * MIB), DEFLATED, bounds=Limits().of_attribute_lists)
    with pytest.raises(BrokenDataSet, match="longer than 67108864 bytes"):
        decode_data_set(deflated(64 * MIB + 1), DEFLATED, bounds=Limits().of_attribute_lists)


def test_an_identifier_has_2_mib_also_when_it_is_inflated() -> None:
    assert Limits().identifier == 2 * MIB
    decode_data_set(deflated(2 * MIB), DEFLATED, bounds=IDENTIFIERS)
    with pytest.raises(BrokenDataSet, match="longer than 2097152 bytes"):
        decode_data_set(deflated(2 * MIB + 1), DEFLATED, bounds=IDENTIFIERS)
