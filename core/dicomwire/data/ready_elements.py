"""Elements of plain text, made ready at once as pydicom would make them when they are first used.

pydicom keeps an element of a data set that was read as bytes, and turns it into a value when somebody asks: for each
that costs four to eight times as much as what is done here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from warnings import catch_warnings, simplefilter

from pydicom import config, hooks
from pydicom.charset import decode_bytes
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import TEXT_VR_DELIMS

from dicomwire.data.pydicom_private import VALUE, new_element, new_person_name

_LONGEST = {"AE": 16, "AS": 4, "CS": 16, "DA": 8, "DT": 26, "LO": 64, "SH": 16, "TM": 16, "UI": 64, "PN": 64}
"""What is made here, and how many characters it has at most (PS3.5 6.2): about longer ones pydicom warns."""

_ASCII = bytes(range(0x20, 0x7F))


_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")


class ReadyElements:
    """Makes elements of a data set whose text is in these encodings of Python's."""

    __slots__ = ("_attributes", "_name")

    def __init__(self, encodings: Sequence[str]) -> None:
        self._attributes = {vr: _made_by_pydicom(vr, b"1", encodings) for vr in _LONGEST}
        self._name = vars(self._attributes["PN"][VALUE])

    def element(self, tag: BaseTag, vr: str | None, raw: bytes, position: int) -> DataElement | None:
        """The element with this value, which begins at ``position``; None if it is not plain text.

        Then it takes pydicom's thought: several values, spaces that say something, what is not ASCII, not valid, or
        would not be written as it was read.
        """
        attributes = self._attributes.get(vr or _vr_of(tag) or "")
        if attributes is None or not raw.isascii():
            return None
        text = raw.decode("ascii")
        known = attributes["VR"]
        if text[-1] == ("\0" if known == "UI" else " "):
            text = text[:-1]
        if len(text) > _LONGEST[known] or not text.isprintable() or "\\" in text or text.strip(" ") != text or not text:
            return None
        value: Any = text
        if known == "UI":
            if _UID.fullmatch(text) is None:
                return None
            value = str.__new__(UID, text)
        elif known == "PN":
            if "=" in text:
                return None
            value = new_person_name(self._name, text)
        return new_element({**attributes, "tag": tag, VALUE: value, "file_tell": position})


def ready_elements(encodings: str | Sequence[str]) -> ReadyElements | None:
    """What makes elements ready whose text is in these encodings; None if pydicom is told to do it in another way."""
    if (
        config.data_element_callback is not None
        or hooks.hooks.raw_element_kwargs
        or (hooks.hooks.raw_element_vr, hooks.hooks.raw_element_value) != _HOOKS
        or config.datetime_conversion
    ):
        return None
    listed = (encodings,) if isinstance(encodings, str) else tuple(encodings)
    return _ready_elements(listed, config.settings.reading_validation_mode)


_HOOKS = (hooks.raw_element_vr, hooks.raw_element_value)


@lru_cache(maxsize=64)
def _ready_elements(encodings: tuple[str, ...], mode: int) -> ReadyElements | None:
    """``mode`` is what pydicom has in each element, and reads from its settings."""
    with catch_warnings():
        simplefilter("ignore")
        decoded = decode_bytes(_ASCII, encodings, TEXT_VR_DELIMS)
    # Of some sets text in ASCII is not what it looks like.
    if decoded != _ASCII.decode("ascii"):
        return None
    return ReadyElements(encodings)


def _made_by_pydicom(vr: str, value: bytes, encodings: Sequence[str]) -> dict[str, Any]:
    with catch_warnings():
        # Of a value that is no valid one.
        simplefilter("ignore")
        raw = RawDataElement(BaseTag(0), vr, len(value), value, 0, False, True)
        return dict(vars(convert_raw_data_element(raw, encoding=list(encodings))))


@lru_cache(maxsize=4096)
def _vr_of(tag: int) -> str | None:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return None
