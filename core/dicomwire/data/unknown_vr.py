"""What was decoded, made as readable as it can be: known elements of unknown VR, and character sets that are none."""

from __future__ import annotations

from typing import TypeVar

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from dicomwire.data.character_sets import encodings_read_in, is_usable
from dicomwire.data.pydicom_private import elements_of

T = TypeVar("T", bound=Dataset)

_ITEM = b"\xfe\xff\x00\xe0"
_NUMBERS = frozenset(("AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"))


def as_known(dataset: T) -> T:
    """The data set itself, changed: its elements of VR UN that the dictionary knows have their VR.

    A value too long for its VR goes as UN, and so does what a peer does not know (PS3.5 6.2.2).  pydicom sees to short
    ones when they are used, except for sequences.  The bytes are implicit VR little endian whatever the transfer
    syntax.  Private elements stay as they are.
    """
    if not all(map(is_usable, encodings_read_in(dataset))):
        # A peer has named a codec of Python's that decodes no text: values would raise when they are used.
        is_implicit, is_little = dataset.original_encoding
        dataset.set_original_encoding(is_implicit, is_little, default_encoding)
    for tag, element in list(elements_of(dataset).items()):
        if isinstance(element, RawDataElement):
            if element.VR == "UN":
                if not tag & 0x10000:
                    _give_vr(dataset, element)
            elif element.VR == "SQ" and b"UN\0\0" in (element.value or b""):
                _items_as_known(dataset, element)
        elif element.VR == "SQ":
            for item in element.value or ():
                as_known(item)
    return dataset


def _give_vr(dataset: Dataset, element: RawDataElement) -> None:
    try:
        vr = dictionary_VR(element.tag)
    except KeyError:
        return
    if len(vr) != 2 or element.value is None:
        # Which of several depends on other elements; pydicom sees to that, too.
        return
    if vr == "SQ" and element.value and not element.value.startswith(_ITEM):
        return
    known = element._replace(VR=vr, is_implicit_VR=True, is_little_endian=True)
    elements_of(dataset)[element.tag] = known
    if vr == "SQ" or (vr in _NUMBERS and not element.is_little_endian):
        # Not bytes as the others of this data set are.
        _items_as_known(dataset, element)


def _items_as_known(dataset: Dataset, original: RawDataElement) -> None:
    try:
        element = dataset[original.tag]
        if element.VR == "SQ":
            for item in element.value or ():
                as_known(item)
    except Exception:  # whatever pydicom makes of what a peer sent: whoever looks at it hears of that
        elements_of(dataset)[original.tag] = original
