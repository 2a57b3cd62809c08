"""The file meta information that we write (PS3.10 7.1): every element that a file has to have."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from dicomwire.data.file_meta import PREAMBLE, encode_file_meta, parse_file_meta
from tests.support.encoded import EXPLICIT


@pytest.mark.parametrize("version", ["A VERSION", "EVEN", None])
def test_every_element_is_there_and_readable(version: str | None) -> None:
    data = encode_file_meta(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        implementation_class_uid="1.2.3.4.5.6",
        implementation_version_name=version,
    )
    meta = dcmread(BytesIO(data)).file_meta
    assert {int(element.tag): element.value for element in meta} == {
        0x00020000: len(data) - 144,
        0x00020001: b"\0\1",
        0x00020002: "1.2.840.10008.5.1.4.1.1.2",
        0x00020003: "1.2.3",
        0x00020010: "1.2.840.10008.1.2.1",
        0x00020012: "1.2.3.4.5.6",
        **({} if version is None else {0x00020013: version}),
    }
    assert data[:128] == bytes(128)
    assert not len(data) % 2


def encoded(version: str | None = "A VERSION") -> bytes:
    return encode_file_meta(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=EXPLICIT,
        implementation_class_uid="1.2.3.4.5.6",
        implementation_version_name=version,
    )


def test_uids_are_padded_with_a_nul_and_text_with_a_space() -> None:
    data = encoded()
    assert b"UI\6\x001.2.3\0" in data
    assert data.endswith(b"\2\0\x13\0SH\n\0A VERSION ")


# -- read ----------------------------------------------------------------------------------------------------------
class Rest:
    """Gives what is left, so much at a time, and remembers how much was asked for."""

    def __init__(self, data: bytes = b"", step: int = 1 << 20) -> None:
        self._data, self._step = data, step
        self.asked: list[int] = []

    def __call__(self, size: int) -> bytes:
        self.asked.append(size)
        size = min(size, self._step)
        given, self._data = self._data[:size], self._data[size:]
        return given


def element(number: int, vr: bytes, value: bytes) -> bytes:
    return b"\2\0" + number.to_bytes(2, "little") + vr + len(value).to_bytes(2, "little") + value


DATA_SET = b"\x08\0\x16\0UI\x04\x001.2\0"


def test_it_ends_where_the_data_set_begins() -> None:
    data = encoded()
    found = parse_file_meta(data + DATA_SET, Rest())
    assert (found.data_set_offset, found.has_prefix, found.transfer_syntax_uid) == (len(data), True, EXPLICIT)
    assert found.values[0x0002].rstrip(b"\0") == b"1.2.840.10008.5.1.4.1.1.2"


def test_what_only_looks_like_one_from_the_version_on_is_none() -> None:
    data = encoded()
    with pytest.raises(InvalidDicomError, match="no 'DICM'"):
        parse_file_meta(data[:128] + b"MCID" + data[132:], Rest())


def test_without_a_preamble_it_begins_with_its_group_or_that_of_a_data_set() -> None:
    bare = encoded()[132:] + DATA_SET
    found = parse_file_meta(bare, Rest(), or_bare=True)
    assert (found.data_set_offset, found.has_prefix) == (len(bare) - len(DATA_SET), False)
    assert parse_file_meta(DATA_SET, Rest(), or_bare=True).data_set_offset == 0
    for data, or_bare in ((bare, False), (b"\x09\0" + bytes(30), True)):
        with pytest.raises(InvalidDicomError, match="no 'DICM'"):
            parse_file_meta(data, Rest(), or_bare=or_bare)


@pytest.mark.parametrize("rest", [b"", b"\2\0\x10\0", b"\2\0\x16\0AE\0"])
def test_where_a_file_ends_within_the_head_of_an_element_so_does_its_meta_information(rest: bytes) -> None:
    data = encoded()
    assert parse_file_meta(data + rest, Rest()).data_set_offset == len(data)
    assert parse_file_meta(data, Rest(rest)).data_set_offset == len(data)


def test_the_last_element_may_be_empty() -> None:
    data = encoded() + element(0x0016, b"AE", b"")
    assert parse_file_meta(data, Rest()).data_set_offset == len(data)


def test_of_an_element_both_bytes_of_its_number_count() -> None:
    data = PREAMBLE + element(0x0202, b"UI", b"9.9\0") + element(0x0010, b"UI", b"1.2\0")
    found = parse_file_meta(data + DATA_SET, Rest())
    assert [*found.values] == [0x0010] and found.transfer_syntax_uid == "1.2"


@pytest.mark.parametrize("missing", [1, 7, 40])
def test_what_is_missing_is_read_and_not_much_more(missing: int) -> None:
    data = encoded(None) + element(0x0016, b"AE", bytes(80))
    rest = Rest(data[-missing:])
    assert parse_file_meta(data[:-missing], rest).data_set_offset == len(data)
    assert rest.asked[0] - missing == rest.asked[-1]
    with pytest.raises(InvalidDicomError, match="cut off"):
        parse_file_meta(data[:-missing], Rest(data[-missing:-1]))


def test_it_has_a_limit() -> None:
    data = PREAMBLE + b"\2\0\2\1OB\0\0\xff\xff\xff\x7f"
    with pytest.raises(InvalidDicomError, match=r"longer than \d+ bytes"):
        parse_file_meta(data, Rest())
