"""Data sets as bytes, where :mod:`dicomwire.data.plain_data_sets` does not do (PS3.5 7).

Values that were read and that nobody has looked at keep their bytes, whatever the transfer syntax becomes; text is in
the character set that is stated, or else in one that gets stated; what does not fit is an error with the name of the
element, and without its value.  Values of binary VRs, and whatever is unusual, are left to pydicom.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from io import BytesIO
from struct import Struct
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.hooks import hooks
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from dicomwire._logging import reason
from dicomwire.data.character_sets import (
    CHARACTER_SET,
    DELIMITERS,
    NAME_DELIMITERS,
    TEXT,
    NotInSet,
    Terms,
    decode_text,
    encoder,
    encodings_read_in,
    is_read_with,
    python_encodings,
    smallest_set,
    stated_in,
)
from dicomwire.data.encodings import LONG_VRS
from dicomwire.data.plain_data_sets import plain_value
from dicomwire.data.pydicom_private import elements_of

_ONE_VALUE = frozenset(("LT", "ST", "UT"))
"""Of those: backslashes separate nothing."""

_NUMBERS = frozenset(("AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"))
"""VRs whose bytes depend on the byte order, and are not as long as a file."""

_LONG = frozenset(vr.decode() for vr in LONG_VRS)
"""VRs with a length of four bytes in explicit VR (PS3.5 7.1.2)."""

_TEXTUAL = TEXT | frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UR"))
"""VRs that are padded with spaces; the others are with zero (PS3.5 6.2)."""

_BYTES = ("OB", "OW", "UN")

_MANY = 0x1FFF
"""So many values of eight bytes fit in explicit VR."""

_UNDEFINED = 0xFFFFFFFF
_ITEM_TAG = b"\xfe\xff\x00\xe0"
_ITEM_TAGS = (_ITEM_TAG, b"\xff\xfe\xe0\x00")
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


class Unencodable(ValueError):
    """A data set that cannot be encoded: where, and why."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(where, why)
        self.where = where
        self.why = why

    def __str__(self) -> str:
        return f"the data set cannot be encoded: {self.where} {self.why}"

    def within(self, where: str) -> Unencodable:
        """The same, of an item."""
        return type(self)(f"{where}.{self.where}", self.why)


class _NothingStated(Unencodable):
    """Text beyond ASCII where no character set is stated."""


def written(dataset: Dataset, *, implicit: bool, little: bool) -> bytes:
    """The data set as bytes.

    Raises:
        Unencodable: it cannot be encoded.
    """
    out = BytesIO()
    _Writer(implicit, little).data_set(out, dataset, (), [dataset])
    return out.getvalue()


class _Writer:
    def __init__(self, implicit: bool, little: bool) -> None:
        self._implicit = implicit
        self._little = little
        order = "<" if little else ">"
        self._head = Struct(order + "HHL")
        self._explicit = Struct(order + "HH2sH")
        self._explicit_long = Struct(order + "HH2sHL")

    # -- data sets ----------------------------------------------------------------------------------------------------
    def data_set(self, out: BytesIO, dataset: Dataset, inherited: Terms, ancestors: list[Dataset]) -> None:
        """Write one, or an item; ``inherited`` is the character set of what it is in."""
        is_present = CHARACTER_SET in elements_of(dataset)
        stated = stated_in(dataset)
        begin = out.tell()
        try:
            self._elements(out, dataset, stated or (() if is_present else inherited), ancestors)
        except _NothingStated:
            if len(ancestors) > 1 and not is_present:
                # That is where nothing is stated.
                raise
            out.seek(begin)
            out.truncate()
            chosen = inherited or (smallest_set(texts_of(dataset)),)
            self._elements(out, dataset, chosen, ancestors, state=True)

    def _elements(
        self, out: BytesIO, dataset: Dataset, terms: Terms, ancestors: list[Dataset], *, state: bool = False
    ) -> None:
        # Bytes as they were read are only right in the set they were read in.
        read_in = encodings_read_in(dataset)
        keeps = not state and (not read_in or is_read_with(read_in, terms))
        tags = sorted({*dataset.keys(), BaseTag(CHARACTER_SET)} if state else dataset.keys())
        for tag in tags:
            if not tag & 0xFFFF and tag > 0x0006FFFF:
                # Retired group lengths are not written (PS3.5 7.2).
                continue
            try:
                if state and tag == CHARACTER_SET:
                    self._value(out, tag, "CS", "\\".join(terms).encode("ascii", "replace"))
                    continue
                element = dataset.get_item(tag)
                if isinstance(element, RawDataElement):
                    self._raw(out, dataset, element, terms, ancestors, keeps, read_in or python_encodings(()))
                else:
                    self._element(out, dataset, element, terms, ancestors)
            except Unencodable:
                raise
            except NotInSet as error:
                kind = Unencodable if terms else _NothingStated
                raise kind(_name(tag), str(error)) from None
            except UnicodeEncodeError as error:
                raise Unencodable(_name(tag), f"has characters that no {dataset.get_item(tag).VR} can have") from error
            except Exception as error:  # the encoders of values raise whatever the values make them raise
                raise Unencodable(_name(tag), f"has no value that can be: {reason(error)}") from error

    # -- elements -----------------------------------------------------------------------------------------------------
    def _raw(
        self,
        out: BytesIO,
        dataset: Dataset,
        element: RawDataElement,
        terms: Terms,
        ancestors: list[Dataset],
        keeps: bool,
        read_in: list[str],
    ) -> None:
        """An element that nobody has looked at."""
        tag, value = element.tag, element.value or b""
        is_same = element.is_implicit_VR == self._implicit and element.is_little_endian == self._little
        if len(value) & 1 and (element.VR == "SQ" or (element.VR is None and value.startswith(_ITEM_TAG))):
            # Something in it is odd.
            is_same = False
        if keeps and is_same and (element.VR is not None or self._implicit):
            # In implicit VR it matters for what an odd value is padded with, and for nothing else.
            vr = element.VR or (_vr_of(dataset, element) if len(value) & 1 else "UN")
            self._value(out, tag, vr, value, is_undefined=self._is_undefined(element, value, is_same=True))
            return
        vr = element.VR or _vr_of(dataset, element)
        is_in_order = vr not in _NUMBERS or element.is_little_endian == self._little
        if vr == "SQ" or len(vr) != 2 or not is_in_order:
            self._element(out, dataset, dataset[tag], terms, ancestors)
            return
        if vr in TEXT and not keeps and not _is_ascii(value):
            is_name = vr == "PN"
            parts = decode_text(value, read_in, is_name=is_name)
            value = self._text(terms, parts.rstrip(" \0") if is_name else parts, vr)
        self._value(out, tag, vr, value, is_undefined=self._is_undefined(element, value, is_same=False))

    def _is_undefined(self, element: RawDataElement, value: bytes, *, is_same: bool) -> bool:
        """Whether it is written without a length, as it was read.

        What has none consists of items, for whoever reads explicit VR: elsewhere it may have been none of that.
        """
        if element.length != _UNDEFINED:
            return False
        return not value or value[:4] in _ITEM_TAGS or (is_same and self._implicit)

    def _element(
        self,
        out: BytesIO,
        dataset: Dataset,
        element: DataElement | RawDataElement,
        terms: Terms,
        ancestors: list[Dataset],
    ) -> None:
        vr = element.VR or ""
        if len(vr) != 2 and not (self._implicit and self._little and isinstance(element.value, bytes)):
            element = correct_ambiguous_vr_element(element, dataset, self._little, ancestors)
            vr = element.VR or ""
        assert isinstance(element, DataElement)
        if vr == "SQ":
            self._sequence(out, element, terms, ancestors)
            return
        raw: bytes | None
        if vr in _BYTES and type(element.value) is bytes and not element.is_undefined_length:
            raw = element.value
        elif vr in TEXT and not element.is_empty:
            raw = self._text(terms, element.value, vr)
        else:
            raw = plain_value(vr, element.value) if self._little or vr not in _NUMBERS else None
        if raw is None:
            self._by_pydicom(out, element)
        else:
            self._value(out, element.tag, vr, raw)

    def _text(self, terms: Terms, value: Any, vr: str) -> bytes:
        encode = encoder(terms)
        delimiters = NAME_DELIMITERS if vr == "PN" else DELIMITERS
        is_many = isinstance(value, MultiValue | list | tuple)
        values = value if is_many else (value,)
        if isinstance(value, str) and vr not in _ONE_VALUE and "\\" in value:
            values = value.split("\\")
        return b"\\".join([_encoded(item, encode, delimiters) for item in values])

    def _sequence(self, out: BytesIO, element: DataElement, terms: Terms, ancestors: list[Dataset]) -> None:
        items = BytesIO()
        for number, item in enumerate(element.value or ()):
            begin = items.tell()
            items.write(self._head.pack(_ITEM >> 16, _ITEM & 0xFFFF, _UNDEFINED))
            try:
                self.data_set(items, item, terms, [item, *ancestors])
            except Unencodable as error:
                sequence = keyword_for_tag(element.tag) or _name(element.tag)
                raise error.within(f"{sequence}[{number}]") from error.__cause__
            end = items.tell()
            if getattr(item, "is_undefined_length_sequence_item", False):
                items.write(self._head.pack(_ITEM_END >> 16, _ITEM_END & 0xFFFF, 0))
                continue
            items.seek(begin)
            items.write(self._head.pack(_ITEM >> 16, _ITEM & 0xFFFF, end - begin - 8))
            items.seek(end)
        self._value(out, element.tag, "SQ", items.getvalue(), is_undefined=element.is_undefined_length)

    def _by_pydicom(self, out: BytesIO, element: DataElement) -> None:
        """What is binary or unusual."""
        if not self._implicit and element.VR not in _LONG and element.VM > _MANY:
            # If it is too long for its VR it becomes UN, whose bytes are little endian.
            little = BytesIO()
            write_data_element(_for_pydicom(little, implicit=True, little=True), element)
            if little.tell() - 8 > 0xFFFF:
                self._value(out, element.tag, "UN", little.getvalue()[8:])
                return
        write_data_element(_for_pydicom(out, implicit=self._implicit, little=self._little), element)

    # -- bytes --------------------------------------------------------------------------------------------------------
    def _value(self, out: BytesIO, tag: int, vr: str, raw: bytes, *, is_undefined: bool = False) -> None:
        """Tag, VR, length and value; what is too long for its VR is of unknown VR (PS3.5 6.2.2)."""
        group, number = tag >> 16, tag & 0xFFFF
        if len(raw) & 1 and not is_undefined:
            # Read so somewhere; nothing else may be odd (PS3.5 7.1.1).
            raw += b" " if vr in _TEXTUAL else b"\0"
        length = _UNDEFINED if is_undefined else len(raw)
        if self._implicit:
            out.write(self._head.pack(group, number, length))
        elif vr in _LONG or length > 0xFFFF:
            code = vr if vr in _LONG else "UN"
            out.write(self._explicit_long.pack(group, number, code.encode(), 0, length))
        else:
            out.write(self._explicit.pack(group, number, vr.encode(), length))
        out.write(raw)
        if is_undefined:
            out.write(self._head.pack(_SEQUENCE_END >> 16, _SEQUENCE_END & 0xFFFF, 0))


def _for_pydicom(out: BytesIO, *, implicit: bool, little: bool) -> DicomIO:
    wrapped = DicomIO(out)
    wrapped.is_implicit_VR, wrapped.is_little_endian = implicit, little
    return wrapped


def _vr_of(dataset: Dataset, raw: RawDataElement) -> str:
    """The VR that pydicom's dictionaries give an element that came without."""
    found: dict[str, Any] = {}
    hooks.raw_element_vr(raw, found, encoding=None, ds=dataset, **hooks.raw_element_kwargs)
    return str(found["VR"])


def _encoded(item: Any, encode: Any, delimiters: str) -> bytes:
    if isinstance(item, bytes):
        return item
    text = str(item)
    if "\ufffd" in text:
        raise NotInSet("holds U+FFFD, which stands for bytes that were no text: give it a value that is")
    raw: bytes = encode(text, delimiters)
    return raw


def texts_of(dataset: Dataset) -> Iterator[str]:
    """All text that is in the character set of the data set, or item."""
    read_in = encodings_read_in(dataset) or python_encodings(())
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        vr = element.VR
        if vr == "SQ":
            for item in dataset[tag].value or ():
                if not stated_in(item):
                    yield from texts_of(item)
        elif isinstance(element, RawDataElement):
            if _is_ascii(element.value or b""):
                continue
            if (vr := vr or _vr_of(dataset, element)) in TEXT:
                # What is no text in its set is an error when it is written, with a name.
                with contextlib.suppress(NotInSet):
                    yield decode_text(element.value, read_in, is_name=vr == "PN")
        elif vr in TEXT and not element.is_empty:
            is_many = isinstance(element.value, MultiValue | list | tuple)
            for value in element.value if is_many else (element.value,):
                yield str(value)


def _is_ascii(value: bytes) -> bool:
    """It is the same text in every character set."""
    return value.isascii() and b"\x1b" not in value


def _name(tag: int) -> str:
    """An element for messages: its keyword, if it has one, and its tag."""
    return f"{keyword_for_tag(tag)} ({tag >> 16:04X},{tag & 0xFFFF:04X})".lstrip()
