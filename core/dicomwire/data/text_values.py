"""Values of text elements, however many pydicom makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomwire.dimse.elements import Element

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement


def joined(value: Any) -> str:
    """A value as it is in the data set: where pydicom has made several of one, with the backslashes again."""
    if value is None:
        return ""
    from pydicom.multival import MultiValue

    return "\\".join(map(str, value)) if isinstance(value, MultiValue | list | tuple) else str(value)


def command_element(element: Element, value: Any) -> DataElement:
    """A command element for pydicom, whatever a peer sent as its value; text is one value, backslashes included."""
    from pydicom.config import IGNORE
    from pydicom.dataelem import DataElement

    if isinstance(value, tuple):
        value = list(value)
    made = DataElement(element.number, element.vr, value, validation_mode=IGNORE)
    if isinstance(value, str) and "\\" in value:
        # pydicom takes it apart, though no command element has several texts (PS3.7 annex E).
        made._value = value
    return made
