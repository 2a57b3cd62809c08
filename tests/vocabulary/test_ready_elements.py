"""Elements of a data set that somebody looks at: to the value, the type and the bytes as pydicom makes them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st
from pydicom import config, hooks
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from dicomwire.data.plain_data_sets import decode_plain_later, encode_plain
from dicomwire.data.ready_elements import ready_elements

KEYWORDS = {
    "AE": 0x00080054, "AS": 0x00101010, "CS": 0x00080060, "DA": 0x00080020, "DT": 0x0008002A, "LO": 0x00100020,
    "PN": 0x00100010, "SH": 0x00080050, "TM": 0x00080030, "UI": 0x0020000D,
}  # fmt: skip
OTHERS = {"IS": 0x00201208, "DS": 0x00101020, "LT": 0x001021B0, "UT": 0x0040A160}
CHARACTER_SETS = (
    "",
    "ISO_IR 100",
    "ISO_IR 192",
    "ISO_IR 13",
    "GB18030",
    "\\ISO 2022 IR 87",
    "ISO 2022 IR 6\\ISO 2022 IR 87",
)


def element(tag: int, vr: str, value: bytes, *, implicit: bool) -> bytes:
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    if implicit:
        return head + len(value).to_bytes(4, "little") + value
    if vr == "UT":
        return head + b"UT\0\0" + len(value).to_bytes(4, "little") + value
    return head + vr.encode() + len(value).to_bytes(2, "little") + value


def opened(data: bytes, *, implicit: bool) -> tuple[Dataset, Dataset]:
    """Our data set and pydicom's, each of whose elements was used."""
    ours, theirs = decode_plain_later(data, implicit=implicit), read_dataset(BytesIO(data), implicit, True)
    assert ours is not None
    for dataset in (ours, theirs):
        for found in dataset:
            str(found)
    return ours, theirs


def details(dataset: Dataset) -> dict[Any, Any]:
    """All that pydicom has of each element."""
    shown: dict[Any, Any] = {}
    for found in dataset:
        value = found.value
        kept = {name: part for name, part in getattr(value, "__dict__", {}).items() if not callable(part)}
        shown[found.tag] = (vars(found), type(value), kept)
    return shown


def written(dataset: Dataset, *, implicit: bool) -> bytes | type[Exception]:
    """By pydicom; what it raises if it cannot."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, True
    try:
        write_dataset(buffer, dataset)
    except Exception as error:
        return type(error)
    data: bytes = buffer.getvalue()
    return data


@contextmanager
def quietly() -> Iterator[list[str]]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        messages: list[str] = []
        yield messages
        messages += [str(warning.message) for warning in told]


# What a value of text may be: printable or not, with backslashes, padded in every way, of one character too many.
VALUE = st.one_of(
    st.text(st.sampled_from("AZ^=\\ .019-_\x00\t~é\u00a5"), max_size=12).map(lambda text: text.encode("latin-1")),
    st.binary(max_size=8),
    st.integers(60, 70).map(lambda size: b"1" * size),
    st.sampled_from([b"1.2.840.10008.1.1", b"1.02.3", b"1..2", b"0.0", b"Doe^Jane", b"20260101", b"  lead", b"two  "]),
)


@given(
    values=st.dictionaries(st.sampled_from(sorted(KEYWORDS | OTHERS)), VALUE, max_size=6),
    character_set=st.sampled_from(CHARACTER_SETS),
    implicit=st.booleans(),
    is_padded=st.booleans(),
)
def test_elements_are_what_pydicom_makes_of_them(
    values: dict[str, bytes], character_set: str, implicit: bool, is_padded: bool
) -> None:
    data = element(0x00080005, "CS", character_set.encode(), implicit=implicit) if character_set else b""
    for tag, vr, value in sorted(((KEYWORDS | OTHERS)[vr], vr, value) for vr, value in values.items()):
        if is_padded and len(value) & 1:
            value += b"\0" if vr == "UI" else b" "
        data += element(tag, vr, value, implicit=implicit)
    with quietly():
        # A first length may look as if it were a VR: that is left to pydicom before.
        assume(decode_plain_later(data, implicit=implicit) is not None)
    try:
        with quietly():
            theirs = read_dataset(BytesIO(data), implicit, True)
            [str(found) for found in theirs]
    except Exception as error:
        with quietly(), pytest.raises(type(error)):
            opened(data, implicit=implicit)
        return
    with quietly():
        ours, theirs = opened(data, implicit=implicit)
        assert details(ours) == details(theirs)
        assert ours == theirs
        assert written(ours, implicit=implicit) == written(theirs, implicit=implicit)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("vr", sorted(KEYWORDS))
def test_plain_text_is_ready_at_the_first_look(vr: str, implicit: bool) -> None:
    value = b"1.2.3\0" if vr == "UI" else b"1234"
    data = element(KEYWORDS[vr], vr, value, implicit=implicit)
    ours = decode_plain_later(data, implicit=implicit)
    assert ours is not None and len(ours) == 1
    assert not isinstance(ours.get_item(KEYWORDS[vr]), RawDataElement)
    assert encode_plain(ours, implicit=implicit) == data


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("LO", b"one\\two "),
        ("LO", b" lead "),
        ("LO", b"two  "),
        ("LO", b"nul\0"),
        ("LO", b"x" * 66),
        ("LO", b"\xe4 "),
        ("LO", b"a\tb "),
        ("UI", b"1.02"),
        ("UI", b"1.2 "),
        ("PN", b"a=b "),
        ("IS", b"12"),
    ],
)
def test_what_takes_thought_is_left_to_pydicom(vr: str, value: bytes) -> None:
    tag = (KEYWORDS | OTHERS)[vr]
    ours = decode_plain_later(element(tag, vr, value, implicit=False), implicit=False)
    assert ours is not None and isinstance(ours.get_item(tag), RawDataElement)


def test_text_whose_ascii_is_none_is_left_to_pydicom() -> None:
    assert ready_elements(["utf_16"]) is None
    assert ready_elements(["utf8"]) is not None
    assert ready_elements("iso8859") is not None


def test_whoever_tells_pydicom_how_to_make_elements_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = element(KEYWORDS["LO"], "LO", b"1234", implicit=False)

    def answer(raw: RawDataElement, found: dict[str, Any], **_: Any) -> None:
        found["value"] = "theirs"

    with monkeypatch.context() as patch:
        patch.setattr(hooks.hooks, "raw_element_value", answer)
        ours = decode_plain_later(data, implicit=False)
        assert ours is not None and ours.PatientID == "theirs"
    with monkeypatch.context() as patch:
        patch.setattr(config, "data_element_callback", lambda raw, **_: raw._replace(value=b"called"))
        ours = decode_plain_later(data, implicit=False)
        assert ours is not None and ours.PatientID == "called"
    with monkeypatch.context() as patch:
        patch.setattr(config, "datetime_conversion", True)
        dated = decode_plain_later(element(KEYWORDS["DA"], "DA", b"20260102", implicit=False), implicit=False)
        assert dated is not None and dated.StudyDate.year == 2026


def test_how_strictly_values_are_looked_at_is_pydicoms_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    data = element(KEYWORDS["LO"], "LO", b"1234", implicit=False)
    for mode in (config.IGNORE, config.RAISE):
        monkeypatch.setattr(config.settings, "_reading_validation_mode", mode)
        ours, theirs = opened(data, implicit=False)
        assert details(ours) == details(theirs)
