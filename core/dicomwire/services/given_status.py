"""The status that a handler gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import evolve

from dicomwire._logging import logger, printable
from dicomwire.data.text_values import joined
from dicomwire.dimse.command import Command
from dicomwire.dimse.elements import BY_KEYWORD
from dicomwire.dimse.messages import MESSAGES, answer
from dicomwire.upper_layer.connection import Buffer
from dicomwire.vocabulary.statuses import StatusTable
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement

LOGGER = logger(__name__)

Response: TypeAlias = tuple[Command, Buffer | None]
"""A final response, and its data set."""

_LONGEST_COMMENT = 64

NO_STATUS = 0xC001
NO_STATUS_TYPE = 0xC002


def respond(request: Command, status: Any, table: StatusTable) -> Command:
    """The response to ``request`` with the status a handler gave: a number, a `Status`, or a ``Dataset`` with one.

    A ``Dataset`` may hold further status elements; those the response does not have are dropped with a warning.
    """
    if type(status) is int or (isinstance(status, int) and not isinstance(status, bool)):
        response = answer(request, _checked(int(status), table))
        return _with_details(response, status) if isinstance(status, Status) else response
    from pydicom.dataset import Dataset

    if not isinstance(status, Dataset):
        LOGGER.error("a handler gave %s as status, not an int or Dataset", type(status).__name__)
        return answer(request, NO_STATUS_TYPE)
    if not isinstance(status.get("Status"), int):
        LOGGER.error("a handler gave a Dataset without Status")
        return answer(request, NO_STATUS)
    response = answer(request, _checked(int(status.Status), table))
    allowed = MESSAGES[response.command_field].optional
    extra: dict[str, Any] = {}
    name = MESSAGES[response.command_field].name
    for item in status:
        element = BY_KEYWORD.get(item.keyword)
        if element is None or element.field not in allowed:
            if item.keyword != "Status":
                LOGGER.warning("%s has no place in a %s", item.keyword or item.tag, name)
        elif not item.is_empty:
            try:
                extra[element.field] = _value(item, element.vr, name)
            except (TypeError, ValueError):
                LOGGER.warning("%s in a %s cannot be %s", item.keyword, name, printable(repr(item.value)))
    return evolve(response, **extra) if extra else response


def _with_details(response: Command, status: Status) -> Command:
    """What is said beside the code, as far as this kind of response has a place for it (PS3.7 annex C)."""
    kind = MESSAGES[response.command_field]
    details: dict[str, Any] = {
        "error_comment": None if status.comment is None else _comment(status.comment, kind.name),
        "offending_element": status.offending_elements or None,
        "error_id": status.error_id,
    }
    given = {name: value for name, value in details.items() if value is not None}
    dropped = [name for name in given if name not in kind.optional]
    if dropped:
        LOGGER.warning("%s has no place in a %s", ", ".join(dropped), kind.name)
    return evolve(response, **{name: given[name] for name in given if name in kind.optional})


def _value(item: DataElement, vr: str, name: str) -> Any:
    if vr == "AT":
        return tuple(int(tag) for tag in (item.value if item.VM > 1 else [item.value]))
    if vr != "US":
        text = joined(item.value)
        return _comment(text, name) if vr == "LO" else text
    number = int(item.value)
    if not 0 <= number <= 0xFFFF:
        raise ValueError("it does not fit in 16 bits")
    return number


def own_comment(text: str) -> str:
    """An Error Comment of ours: cut with an ellipsis where it is too long."""
    return "".join(map(_sendable, printable(text, _LONGEST_COMMENT)))


def _comment(text: str, name: str) -> str:
    """An Error Comment as it can be sent: 64 characters of ASCII (PS3.7 6.3.1 and E.1, PS3.5 6.2)."""
    sent = "".join(map(_sendable, text[:_LONGEST_COMMENT]))
    if sent != text:
        LOGGER.warning(
            "ErrorComment of a %s: a command takes %d characters of ASCII, '%s' is sent", name, _LONGEST_COMMENT, sent
        )
    return sent


def _sendable(char: str) -> str:
    if " " <= char <= "~" or char == "\x1b":
        return char
    return "?" if char.isprintable() else " "


def _checked(status: int, table: StatusTable) -> int:
    if status not in table:
        LOGGER.warning("status %#06x is not one of this service", status)
    return status & 0xFFFF
