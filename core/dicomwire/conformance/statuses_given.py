"""Which status codes a service gives, and which it understands: the codes are those of the services themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from dicomwire.associations import events as evt, serving
from dicomwire.associations.performing import RESOURCE_LIMITATION
from dicomwire.dimse.messages import (
    C_ECHO_RQ,
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    MESSAGES,
    N_EVENT_REPORT_RQ,
)
from dicomwire.services import find_scp, get_scp, given_status, move_scp, normalized_scp, store_scp, sub_operations
from dicomwire.vocabulary.statuses import GENERAL_STATUS, StatusTable, code_to_category


class Given(NamedTuple):
    """A status that the library gives by itself."""

    code: int
    when: str


_HANDLER = "the handler fails, is not bound, or gives what is no answer"

_ALL = (
    Given(given_status.NO_STATUS, "the handler gives a data set without Status"),
    Given(given_status.NO_STATUS_TYPE, "the handler gives what is neither a number nor a data set"),
    Given(serving.PROCESSING_FAILURE, "the service itself fails"),
    Given(serving.UNKNOWN_SOP_CLASS, "no service class is known for the SOP class"),
    Given(serving.SOP_CLASS_NOT_SUPPORTED, "the presentation context, or the role negotiated for it, is of no use"),
    Given(serving.UNRECOGNIZED_OPERATION, "the SOP class has no such operation"),
    Given(RESOURCE_LIMITATION, "too many requests wait for their turn"),
)

_COUNTED = (
    Given(sub_operations.SUCCESS, "all sub-operations succeeded, or there was none"),
    Given(sub_operations.SOME_FAILED, "some sub-operations failed, or were warned of"),
    Given(sub_operations.ALL_FAILED, "all sub-operations failed"),
)

_NAMELESS = Given(serving.CANNOT_UNDERSTAND, "the request lacks an element that it must have")

_OWN: Mapping[int, tuple[Given, ...]] = {
    C_ECHO_RQ: (Given(find_scp.SUCCESS, "always, unless a handler says something else"),),
    C_STORE_RQ: (
        Given(store_scp.OUT_OF_RESOURCES, "the data set cannot be written, or is longer than the limits allow"),
        Given(store_scp.CANNOT_DECODE, "what came is no data set"),
        Given(store_scp.HANDLER_FAILED, _HANDLER),
        _NAMELESS,
    ),
    C_FIND_RQ: (
        Given(find_scp.SUCCESS, "the handler has no more matches"),
        Given(find_scp.HANDLER_FAILED, _HANDLER),
        Given(find_scp.BAD_IDENTIFIER, "a match of the handler's cannot be encoded"),
        _NAMELESS,
    ),
    C_GET_RQ: (
        *_COUNTED,
        Given(get_scp.GET_FAILED, _HANDLER),
        Given(get_scp.GET_NO_NUMBER, "the handler gives no number of sub-operations"),
        Given(get_scp.GET_TOO_MANY, "the handler gives a number that no counter holds"),
        _NAMELESS,
    ),
    C_MOVE_RQ: (
        *_COUNTED,
        Given(move_scp.UNKNOWN_DESTINATION, "the handler does not know the destination"),
        Given(move_scp.MOVE_FAILED, _HANDLER),
        Given(move_scp.MOVE_NO_NUMBER, "the handler gives no number of sub-operations"),
        Given(move_scp.MOVE_NO_DESTINATION, "the handler gives no destination"),
        Given(move_scp.MOVE_BAD_DESTINATION, "the handler gives what is no destination"),
        Given(move_scp.MOVE_TOO_MANY, "the handler gives a number that no counter holds"),
        _NAMELESS,
    ),
}

_NORMALIZED = (
    Given(normalized_scp.PROCESSING_FAILURE, _HANDLER),
    Given(serving.MISSING_ATTRIBUTE, "the request lacks an element that it must have"),
)


def given_by_library(operation: int) -> tuple[Given, ...]:
    """What the library answers by itself to requests with this command field, whatever the handler says."""
    own = _OWN.get(operation, _NORMALIZED)
    codes = {given.code for given in own}
    return (*own, *(given for given in _ALL if given.code not in codes))


def operation_name(operation: int) -> str:
    """Such as ``C-STORE``."""
    return MESSAGES[operation].name.removesuffix("-RQ")


def event_of(operation: int) -> evt.InterventionEvent:
    """What a handler for these requests is bound to."""
    found: evt.InterventionEvent = getattr(evt, f"EVT_{operation_name(operation).replace('-', '_')}")
    return found


def in_words(code: int, table: StatusTable) -> tuple[str, str]:
    """Category and meaning of a code in the table of a service, or in general."""
    known = table.get(code) or GENERAL_STATUS.get(code)
    return known if known is not None else (code_to_category(code), "Of the service")


def shown_table(table: StatusTable) -> Iterator[tuple[str, str, str]]:
    """Codes, category and meaning of each row; codes that follow each other and mean the same are one row."""
    # The further the code from its place in the order, the further the run has come: both are the same in one run.
    numbered = enumerate(sorted(table.items()))
    for (_, meaning), run in groupby(numbered, key=lambda item: (item[1][0] - item[0], item[1][1])):
        codes = [code for _, (code, _) in run]
        first, last = f"0x{codes[0]:04X}", f"0x{codes[-1]:04X}"
        yield first if first == last else f"{first} to {last}", *meaning


def beside_general(table: StatusTable) -> StatusTable:
    """The codes that a service has beside, or with another meaning than, the general ones."""
    return {code: meaning for code, meaning in table.items() if GENERAL_STATUS.get(code) != meaning}


def is_event(operation: int) -> bool:
    """Whether requests of this kind go from the SCP to the SCU."""
    return operation == N_EVENT_REPORT_RQ
