"""Which entities an identifier asks for, and what is answered of them (PS3.4 C.2.2): for handlers of C-FIND."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from dicomwire.data.attribute_values import ValueTest, key_test
from dicomwire.data.character_sets import CHARACTER_SET
from dicomwire.errors import BrokenDataSet

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

_LEVEL, _TIMEZONE = 0x00080052, 0x00080201

_NO_KEYS = frozenset((CHARACTER_SET, _LEVEL, _TIMEZONE))
"""They say how to read the others, or where to look (PS3.4 C.4.1.1.3)."""

_MOST_KEYS = 4096
"""Attributes of an identifier, those of its items included."""


class Matching:
    """An identifier, made ready to be compared with many entities.

    Matched are single values, lists of UIDs, wild cards, ranges of dates and times, and sequences; an empty key, and
    ``*``, is universal: it matches everything.  Of several values of a key, or of an entity, one has to match.  A date
    or time that is said with less precision is all that it may be: ``10`` is any time from ten to eleven.  An
    attribute that an entity lacks, or has without value, matches universal keys alone.  With ``names_in_any_case``
    person names match whatever the case of their letters (PS3.4 C.2.2.2.1.1).
    """

    def __init__(self, identifier: Dataset, *, names_in_any_case: bool = False) -> None:
        """Make an identifier ready.

        Raises:
            BrokenDataSet: a key cannot be decoded: two bytes are no FD; or there are more keys than anybody asks for:
                4,096 attributes, those of items included, or as many values with wild cards.
        """
        self._keys = _Keys(identifier, names_in_any_case, _Count())

    def matches(self, entity: Dataset) -> bool:
        """Whether all keys match."""
        return self._keys.matches(entity)

    def answer(self, entity: Dataset) -> Dataset:
        """What is sent for an entity that matches: the attributes that the identifier has, those that it lacks empty.

        Of a sequence there are the items that match.  It states the character set of the entity.
        """
        answer = self._keys.part_of(entity)
        if CHARACTER_SET in entity:
            answer[CHARACTER_SET] = entity[CHARACTER_SET]
        return answer


class _Count:
    """How many attributes may come yet, in all items together: what each entity is compared with takes its time."""

    def __init__(self) -> None:
        self._left = _MOST_KEYS

    def one_more(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise BrokenDataSet(f"an identifier with more than {_MOST_KEYS} keys")


class _Keys:
    """The keys of an identifier, or of an item of it."""

    def __init__(self, identifier: Dataset, any_case: bool, count: _Count) -> None:
        self._keys = [_Key(element, any_case, count) for element in _decoded(identifier) if _is_key(element.tag)]

    def matches(self, entity: Dataset) -> bool:
        return all(key.matches(entity) for key in self._keys)

    def part_of(self, entity: Dataset) -> Dataset:
        from pydicom.dataset import Dataset

        part = Dataset()
        for key in self._keys:
            part[key.tag] = key.answer(entity)
        return part


def _decoded(identifier: Dataset) -> Iterator[DataElement]:
    from dicomwire.data.dsutils import broken, cause_of

    try:
        yield from identifier
    except Exception as error:  # whatever pydicom makes of what a peer sent
        raise broken(error) from cause_of(error)


def _is_key(tag: Any) -> bool:
    return tag not in _NO_KEYS and tag.element != 0 and not tag.is_private_creator


class _Key:
    """One element of an identifier."""

    def __init__(self, element: DataElement, any_case: bool, count: _Count) -> None:
        count.one_more()
        self.tag = element.tag
        self._vr = str(element.VR)
        self._items: list[_Keys] = []
        self._test: ValueTest | None = None
        """None: universal."""

        if self._vr == "SQ":
            self._items = [_Keys(item, any_case, count) for item in element.value or () if len(item)]
            return
        try:
            self._test = key_test(self._vr, _texts(element), names_in_any_case=any_case)
        except ValueError as error:
            raise BrokenDataSet(f"{self.tag} of an identifier: {error}") from error

    def matches(self, entity: Dataset) -> bool:
        """Whether the attribute of an entity matches."""
        if self._vr == "SQ":
            items = self._items_of(entity)
            return all(any(wanted.matches(item) for item in items) for wanted in self._items)
        test = self._test
        if test is None:
            return True
        if self.tag not in entity:
            return False
        return any(test(value) for value in _texts(entity[self.tag]) if value)

    def answer(self, entity: Dataset) -> DataElement:
        """The attribute of an entity, as it is returned."""
        from pydicom.dataelem import DataElement

        found = entity.get(self.tag)
        if found is None or (found.VR == "SQ") != (self._vr == "SQ"):
            return DataElement(self.tag, self._vr, [] if self._vr == "SQ" else None)
        if self._vr != "SQ":
            return found
        if not self._items:
            return deepcopy(found)
        answers = [self._answer(item) for item in found.value]
        return DataElement(self.tag, "SQ", [answer for answer in answers if answer is not None])

    def _answer(self, item: Dataset) -> Dataset | None:
        wanted = next((wanted for wanted in self._items if wanted.matches(item)), None)
        return None if wanted is None else wanted.part_of(item)

    def _items_of(self, entity: Dataset) -> list[Dataset]:
        from pydicom.dataset import Dataset

        element = entity.get(self.tag)
        if element is None or element.VR != "SQ" or not element.value:
            # Where there is none, universal keys match all the same.
            return [Dataset()]
        return list(element.value)


def _texts(element: DataElement) -> list[str]:
    """The values of an element as text, none if it is empty."""
    value = element.value
    if value is None or value == "":
        return []
    if isinstance(value, bytes):
        return [value.hex()]
    return [str(each) for each in (value if element.VM > 1 else [value])]
