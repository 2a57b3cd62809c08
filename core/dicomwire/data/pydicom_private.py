"""What we use of pydicom that it does not document, all of it: a test says so when it changes.

Each is used because what is documented for the same costs as much as the rest of decoding a small message, or reads
values that are not to be read.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from pydicom._uid_dict import UID_dictionary
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import PersonName

Elements: TypeAlias = dict[BaseTag, DataElement | RawDataElement]

ELEMENTS = "_dict"
"""The attribute of a data set that holds its elements."""

VALUE = "_value"
"""The attribute of an element that holds its value."""

_EMPTY = vars(Dataset())
_FRESH = tuple((name, value.copy) for name, value in _EMPTY.items() if isinstance(value, dict | list))


def elements_of(dataset: Dataset) -> Elements:
    """The elements as they are, raw ones too, in a dictionary that is the data set's own."""
    elements: Any = dataset._dict
    return elements  # type: ignore[no-any-return]


def separate_elements(dataset: Dataset) -> None:
    """Let the data set, a shallow copy, have a dictionary of its own: pydicom's copy shares it with the original."""
    dataset._dict = dict(dataset._dict)


def new_dataset(elements: Elements, original: tuple[bool, bool, Any] | None = None) -> Dataset:
    """``Dataset(elements)``, whose constructor costs as much as decoding a response.

    ``original`` is what ``set_original_encoding`` takes: implicit VR, little endian, character encodings.
    """
    made: Dataset = object.__new__(Dataset)
    # Not attribute by attribute: each would be looked up among the keywords of the dictionary.
    values = made.__dict__
    values.update(_EMPTY)
    for name, copy in _FRESH:
        values[name] = copy()
    values[ELEMENTS] = elements
    if original is not None:
        values["_read_implicit"], values["_read_little"], values["_read_charset"] = original
    return made


def new_element(attributes: dict[str, Any]) -> DataElement:
    """The element with these attributes, the ``vars`` of another; not through the constructor."""
    made: DataElement = object.__new__(DataElement)
    made.__dict__.update(attributes)
    return made


def new_person_name(attributes: dict[str, Any], text: str) -> PersonName:
    """The name with these attributes, the ``vars`` of another, and this text, which is ASCII and has one component."""
    made: PersonName = object.__new__(PersonName)
    made.__dict__.update(attributes, _components=(text,), original_string=text.encode("ascii"))
    return made


def name_transfer_syntax(uid: str, name: str, keyword: str) -> None:
    """Give a transfer syntax that is newer than pydicom's dictionary its name, unless it has one there."""
    UID_dictionary.setdefault(uid, (name, "Transfer Syntax", "", "", keyword))
