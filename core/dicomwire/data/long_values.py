"""Long values of data sets, such as pixel data: left where they came until somebody looks at them.

Of pydicom's own deferred reading only the finding of values is used: it would read them from a file by its name, or
move the position of one that threads share.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset

from dicomwire.data.large_memory import large_bytes
from dicomwire.data.pydicom_private import elements_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LONG = 1 << 16
"""Bytes of a value above which it is left where it is."""

_UNDEFINED = 0xFFFFFFFF
_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)


class LongValue(RawDataElement):
    """A raw element of pydicom whose value is copied from a buffer when it is asked for, once."""

    if not TYPE_CHECKING:
        # To type checkers it is a field.
        @property
        def value(self) -> bytes:
            """The bytes."""
            values = self.__dict__
            found = values.get("copied")
            if found is None:
                found = values["copied"] = large_bytes(self[3])
            return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Copies and pickles have nothing to do with the buffer.
        return RawDataElement, (*self[:3], self.value, *self[4:])


def read_with_long_values(file: Any, view: memoryview, is_implicit_vr: bool, is_little_endian: bool) -> Dataset:
    """The data set that ``file`` reads from ``view``.

    Raises:
        Exception: whatever pydicom raises for a damaged data set.
    """
    dataset = read_dataset(cast(BinaryIO, file), is_implicit_vr, is_little_endian, defer_size=LONG)
    elements = elements_of(dataset)
    for tag, element in elements.items():
        if not isinstance(element, RawDataElement) or element.value is not None or not element.length:
            continue
        start = element.value_tell
        if element.length == _UNDEFINED:
            stop = _end_of_items(view, start, is_little_endian)
            if stop is None:
                # As pydicom reads it, however that is.
                file.seek(0)
                return read_dataset(cast(BinaryIO, file), is_implicit_vr, is_little_endian)
        else:
            stop = start + element.length
        if element.VR == "SQ":
            elements[tag] = element._replace(value=bytes(view[start:stop]))
        else:
            elements[tag] = LongValue(*element[:3], view[start:stop], *element[4:])  # type: ignore[arg-type]
    return dataset


def _end_of_items(view: memoryview, start: int, is_little_endian: bool) -> int | None:
    """Where the items of an encapsulated value end (PS3.5 A.4): at their delimiter; None if there is none."""
    head = Struct("<HHL" if is_little_endian else ">HHL")
    while start + head.size <= len(view):
        group, number, length = head.unpack_from(view, start)
        if (group, number) == _DELIMITER:
            return start
        if (group, number) != _ITEM:
            return None
        start += head.size + length
    return None
