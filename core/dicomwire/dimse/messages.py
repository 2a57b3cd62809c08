"""The 23 DIMSE messages in one table (PS3.7 9.3 and 10.3)."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from attrs import frozen

from dicomwire._values import Value
from dicomwire.dimse.command import DATA_SET, NO_DATA_SET, Command
from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.limits import Bounds, Limits

C_STORE_RQ = 0x0001
C_GET_RQ = 0x0010
C_FIND_RQ = 0x0020
C_MOVE_RQ = 0x0021
C_ECHO_RQ = 0x0030
N_EVENT_REPORT_RQ = 0x0100
N_GET_RQ = 0x0110
N_SET_RQ = 0x0120
N_ACTION_RQ = 0x0130
N_CREATE_RQ = 0x0140
N_DELETE_RQ = 0x0150
C_CANCEL_RQ = 0x0FFF
RESPONSE = 0x8000
"""The bit that makes of a request's command field that of its response."""


_IDENTIFIER = "Identifier"


class DataSetRule(Enum):
    """Whether a message carries a data set."""

    NEVER = "never"
    ALWAYS = "always"
    MAY = "may"


@frozen(repr=False, eq=False)
class MessageKind(Value):
    """One message: its name, the fields of ``Command`` it must have and may have, and its data set."""

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    data_set: DataSetRule
    data_set_keyword: str | None = None
    """What the data set is called in documented primitives: ``DataSet``, ``Identifier``, ..."""

    is_instance: bool = False
    """Whether the data set is an instance, to be stored."""


_AFFECTED = ("affected_sop_class_uid", "affected_sop_instance_uid")
_REQUESTED = ("message_id", "requested_sop_class_uid", "requested_sop_instance_uid")
_QUERY = ("message_id", "affected_sop_class_uid", "priority")
_ANSWER = ("message_id_being_responded_to", "status")
_TROUBLE = ("error_comment", "error_id")
_C_TROUBLE = ("offending_element", "error_comment")
_COUNTERS = (
    "number_of_remaining_suboperations",
    "number_of_completed_suboperations",
    "number_of_failed_suboperations",
    "number_of_warning_suboperations",
)
_NEVER, _ALWAYS, _MAY = DataSetRule.NEVER, DataSetRule.ALWAYS, DataSetRule.MAY

MESSAGES: dict[int, MessageKind] = {
    C_STORE_RQ: MessageKind(
        "C-STORE-RQ",
        ("message_id", *_AFFECTED, "priority"),
        ("move_originator_application_entity_title", "move_originator_message_id"),
        _ALWAYS,
        "DataSet",
        is_instance=True,
    ),
    C_STORE_RQ | RESPONSE: MessageKind("C-STORE-RSP", _ANSWER, (*_AFFECTED, *_C_TROUBLE), _NEVER),
    C_FIND_RQ: MessageKind("C-FIND-RQ", _QUERY, (), _ALWAYS, _IDENTIFIER),
    C_FIND_RQ | RESPONSE: MessageKind(
        "C-FIND-RSP", _ANSWER, ("affected_sop_class_uid", *_C_TROUBLE), _MAY, _IDENTIFIER
    ),
    C_GET_RQ: MessageKind("C-GET-RQ", _QUERY, (), _ALWAYS, _IDENTIFIER),
    C_GET_RQ | RESPONSE: MessageKind(
        "C-GET-RSP", _ANSWER, ("affected_sop_class_uid", *_COUNTERS, *_C_TROUBLE), _MAY, _IDENTIFIER
    ),
    C_MOVE_RQ: MessageKind("C-MOVE-RQ", (*_QUERY, "move_destination"), (), _ALWAYS, _IDENTIFIER),
    C_MOVE_RQ | RESPONSE: MessageKind(
        "C-MOVE-RSP", _ANSWER, ("affected_sop_class_uid", *_COUNTERS, *_C_TROUBLE), _MAY, _IDENTIFIER
    ),
    C_ECHO_RQ: MessageKind("C-ECHO-RQ", ("message_id", "affected_sop_class_uid"), (), _NEVER),
    C_ECHO_RQ | RESPONSE: MessageKind("C-ECHO-RSP", _ANSWER, ("affected_sop_class_uid", "error_comment"), _NEVER),
    C_CANCEL_RQ: MessageKind("C-CANCEL-RQ", ("message_id_being_responded_to",), (), _NEVER),
    N_EVENT_REPORT_RQ: MessageKind(
        "N-EVENT-REPORT-RQ", ("message_id", *_AFFECTED, "event_type_id"), (), _MAY, "EventInformation"
    ),
    N_EVENT_REPORT_RQ | RESPONSE: MessageKind(
        "N-EVENT-REPORT-RSP", _ANSWER, (*_AFFECTED, "event_type_id", *_TROUBLE), _MAY, "EventReply"
    ),
    N_GET_RQ: MessageKind("N-GET-RQ", _REQUESTED, ("attribute_identifier_list",), _NEVER),
    N_GET_RQ | RESPONSE: MessageKind(
        "N-GET-RSP", _ANSWER, (*_AFFECTED, "attribute_identifier_list", *_TROUBLE), _MAY, "AttributeList"
    ),
    N_SET_RQ: MessageKind("N-SET-RQ", _REQUESTED, (), _ALWAYS, "ModificationList"),
    N_SET_RQ | RESPONSE: MessageKind(
        "N-SET-RSP", _ANSWER, (*_AFFECTED, "attribute_identifier_list", *_TROUBLE), _MAY, "AttributeList"
    ),
    N_ACTION_RQ: MessageKind("N-ACTION-RQ", (*_REQUESTED, "action_type_id"), (), _MAY, "ActionInformation"),
    N_ACTION_RQ | RESPONSE: MessageKind(
        "N-ACTION-RSP", _ANSWER, (*_AFFECTED, "action_type_id", *_TROUBLE), _MAY, "ActionReply"
    ),
    N_CREATE_RQ: MessageKind(
        "N-CREATE-RQ", ("message_id", "affected_sop_class_uid"), ("affected_sop_instance_uid",), _MAY, "AttributeList"
    ),
    N_CREATE_RQ | RESPONSE: MessageKind(
        "N-CREATE-RSP", _ANSWER, (*_AFFECTED, "attribute_identifier_list", *_TROUBLE), _MAY, "AttributeList"
    ),
    N_DELETE_RQ: MessageKind("N-DELETE-RQ", _REQUESTED, (), _NEVER),
    N_DELETE_RQ | RESPONSE: MessageKind("N-DELETE-RSP", _ANSWER, (*_AFFECTED, *_TROUBLE), _NEVER),
}
"""By command field.  Every message also has Command Field and Command Data Set Type."""


PENDING = (0xFF00, 0xFF01)
"""More responses follow one with these statuses (PS3.7 annex C)."""

_QUERIES = (C_FIND_RQ, C_GET_RQ, C_MOVE_RQ)
"""The requests that have more than one response."""

_REPOSITORY_QUERY = "1.2.840.10008.5.1.4.1.1.201.6"


def is_final(message: Command, status: int | None) -> bool:
    """Whether no response to a request follows one with ``status``; ``message`` is either of them.

    A response without a status is final, and so is the one to a request that has no more than one.
    """
    if status in PENDING:
        return message.command_field & ~RESPONSE not in _QUERIES
    if status == 0xB001 and message.command_field & ~RESPONSE == C_FIND_RQ:
        # Response limit reached: the repository query goes on (PS3.4 HH.2).
        return message.affected_sop_class_uid != _REPOSITORY_QUERY
    return True


def check(command: Command) -> Command:
    """Judge a received command set, and fill in what a tolerant receiver can.

    Raises:
        RemoteProtocolError: it is no known message, or cannot be answered or matched.
    """
    kind = MESSAGES.get(command.command_field)
    if kind is None:
        raise RemoteProtocolError(f"Command Field {command.command_field:#06x} is no DIMSE message")
    needed = "message_id" if command.is_request else "message_id_being_responded_to"
    if command.command_field == C_CANCEL_RQ:
        needed = "message_id_being_responded_to"
    if getattr(command, needed) is None:
        raise RemoteProtocolError(f"{kind.name} without {needed.replace('_', ' ')}")
    if command.command_data_set_type is None:
        guess = DATA_SET if kind.data_set is DataSetRule.ALWAYS else NO_DATA_SET
        object.__setattr__(command, "command_data_set_type", guess)
    return command


def bounds_of(command_field: int, limits: Limits) -> Bounds:
    """What the data set of such a message may be, which is no instance: that is limited by whoever takes it."""
    is_identifier = MESSAGES[command_field].data_set_keyword == _IDENTIFIER
    return limits.of_identifiers if is_identifier else limits.of_attribute_lists


SHORT = 256
"""Bytes of a command set up to which its decoded form is worth keeping."""


@lru_cache(maxsize=128)
def decode_short(data: bytes) -> Command:
    """A received command set of few bytes, checked as :func:`check` does.

    Raises: as that, and as `Command.decode`.
    """
    # The responses to a query, and most echoes, differ in nothing; a command is a value and may be shared.
    return check(Command.decode(data))


def answer(request: Command, status: int) -> Command:
    """The response to ``request``: its message ID, SOP class and instance repeated."""
    return Command(
        command_field=request.command_field | RESPONSE,
        message_id_being_responded_to=request.message_id,
        affected_sop_class_uid=request.affected_sop_class_uid or request.requested_sop_class_uid,
        affected_sop_instance_uid=request.affected_sop_instance_uid or request.requested_sop_instance_uid,
        command_data_set_type=NO_DATA_SET,
        status=status,
    )
