"""What to look for, as programs write it, and the query model that fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from dicomwire.associations.invoking import Invoker

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
        TypeError: it is neither a data set nor a mapping.
    """
    from pydicom.dataset import Dataset

    if isinstance(query, Dataset):
        return query
    if not isinstance(query, Mapping):
        raise TypeError(f"a query is a Dataset or a mapping of keywords to values, not {type(query).__name__}")
    made = _item(query)
    if "SpecificCharacterSet" not in made and not _is_ascii(query):
        made.SpecificCharacterSet = "ISO_IR 192"
    return made


def _item(elements: Mapping[str, Any]) -> Dataset:
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in elements.items():
        tag = tag_for_keyword(keyword) if isinstance(keyword, str) else None
        if tag is None:
            raise ValueError(f"{keyword!r} is no keyword of the data dictionary, such as 'PatientID'")
        vr = dictionary_VR(tag)
        if vr == "SQ":
            value = [] if value in (None, "") else value
            items = [value] if isinstance(value, Mapping | Dataset) else value
            value = [each if isinstance(each, Dataset) else _item(each) for each in items]
        item.add_new(tag, vr.partition(" or ")[0], value)
    return item


def _is_ascii(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, Mapping):
        return all(map(_is_ascii, value.values()))
    return not isinstance(value, list | tuple) or all(map(_is_ascii, value))


def model_for(invoker: Invoker, query: Dataset, service: str, model: str | None) -> str:
    """The query model to ask on: ``model``, or an accepted one that has the level of the query, study root first."""
    if model is not None:
        return str(model)
    if service == FIND and "QueryRetrieveLevel" not in query and "ScheduledProcedureStepSequence" in query:
        return WORKLIST
    first, second = STUDY_ROOT + service, PATIENT_ROOT + service
    if query.get("QueryRetrieveLevel") == "PATIENT":
        # PS3.4 C.6.2: the study root has no patient level.
        return second
    return second if invoker.contexts.find(first) is None and invoker.contexts.find(second) is not None else first
