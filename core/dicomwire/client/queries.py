"""What to look for, as programs write it, and the query model that fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from dicomwire.associations.invoking import Invoker
from dicomwire.vocabulary.titles_and_uids import require_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Query: TypeAlias = "Dataset | Mapping[str, Any]"
"""A data set, or its elements by keyword: a value is matched, None or ``""`` asks for what the peer has.

A list is several values, and for a sequence a mapping is its one item.  A mapping is sent as ISO_IR 192 (UTF-8) if it
holds text beyond ASCII and names no character set.
"""

PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1."
STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2."
FIND, MOVE, GET = "1", "2", "3"
"""How the UIDs of a query model go on, one for each service."""

WORKLIST = "1.2.840.10008.5.1.4.31"


def query_of(query: Query) -> Dataset:
    """The query as a data set.

    Raises:
        ValueError: a name is no keyword of the data dictionary.
        TypeError: it is neither a data set nor a mapping, or an item of a sequence is neither.
    """
    from pydicom.dataset import Dataset

    if isinstance(query, Dataset):
        return query
    if not isinstance(query, Mapping):
        raise TypeError(f"a query is a Dataset or a mapping of keywords to values, not {type(query).__name__}")
    made = _item(query)
    if not made.get("SpecificCharacterSet") and not _is_ascii(made):
        made.SpecificCharacterSet = "ISO_IR 192"
    return made


def _item(elements: Mapping[str, Any]) -> Dataset:
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in elements.items():
        tag = tag_for_keyword(keyword) if keyword and isinstance(keyword, str) else None
        if tag is None:
            raise ValueError(f"{keyword!r} is no keyword of the data dictionary, such as 'PatientID'")
        vr = dictionary_VR(tag)
        given = None if isinstance(value, str) and not value else value
        item.add_new(tag, vr.partition(" or ")[0], _items(keyword, given) if vr == "SQ" else given)
    return item


def _items(keyword: str, value: Any) -> list[Dataset]:
    from pydicom.dataset import Dataset

    given = [] if value is None else [value] if isinstance(value, Mapping | Dataset) else value
    if isinstance(given, str) or not isinstance(given, Iterable):
        given = [given]
    items: list[Any] = list(given)
    wrong = next((each for each in items if not isinstance(each, Mapping | Dataset)), None)
    if wrong is not None:
        raise TypeError(f"an item of {keyword} is a mapping or a Dataset, not {type(wrong).__name__}")
    return [each if isinstance(each, Dataset) else _item(each) for each in items]


def _is_ascii(item: Dataset) -> bool:
    return all(
        all(map(_is_ascii, element.value)) if element.VR == "SQ" else all(map(_is_plain, _values(element.value)))
        for element in item
    )


def _values(value: Any) -> Iterable[Any]:
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)


def _is_plain(value: Any) -> bool:
    # Names of persons are objects of their own.
    return str(value).isascii()


def model_for(invoker: Invoker, query: Dataset, service: str, model: str | None) -> str:
    """The query model to ask on: ``model``, or an accepted one that has the level of the query, study root first."""
    if model is not None:
        require_uid(model)
        return str(model)
    if service == FIND and "QueryRetrieveLevel" not in query and "ScheduledProcedureStepSequence" in query:
        return WORKLIST
    first, second = STUDY_ROOT + service, PATIENT_ROOT + service
    if query.get("QueryRetrieveLevel") == "PATIENT":
        # PS3.4 C.6.2: the study root has no patient level.
        return second
    return second if invoker.contexts.find(first) is None and invoker.contexts.find(second) is not None else first
