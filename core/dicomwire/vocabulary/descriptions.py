"""PDUs and command sets as text for people.  What a peer chose is escaped and capped; user identities stay out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Protocol

from dicomwire._logging import printable
from dicomwire.dimse.command import Command
from dicomwire.dimse.elements import ELEMENTS
from dicomwire.dimse.messages import MESSAGES
from dicomwire.upper_layer.items import (
    AsynchronousOperationsWindowItem,
    ImplementationClassUIDItem,
    ImplementationVersionNameItem,
    MaximumLengthItem,
    PresentationContextACItem,
    PresentationContextRQItem,
    RoleSelectionItem,
    SOPClassCommonExtendedItem,
    SOPClassExtendedItem,
    UnknownItem,
    UserIdentityACItem,
    UserIdentityRQItem,
    UserItem,
)

_MOST = 128
"""Entries shown of a list that a peer can make as long as it likes."""

CONTEXT_RESULTS: dict[int, str] = {
    0: "accepted",
    1: "rejected by the user",
    2: "rejected by the provider",
    3: "abstract syntax not supported",
    4: "transfer syntaxes not supported",
}
"""The answers to a presentation context (PS3.8 table 9-18)."""

IDENTITY_TYPES: dict[int, str] = {
    1: "user name",
    2: "user name and password",
    3: "Kerberos ticket",
    4: "SAML assertion",
    5: "JSON web token",
}
"""What a user identity is (PS3.7 D.3.3.7.1)."""


class Described(Protocol):
    """A PDU of :mod:`dicomwire.upper_layer.pdus`, which is shown by what is here."""

    pdu_type: ClassVar[int]
    name: ClassVar[str]

    @property
    def pdu_length(self) -> int: ...


def describe(pdu: Described, abstract_syntaxes: Mapping[int, str] | None = None) -> str:
    """All that `pdu` says, in several lines, except for who the user is.

    An acceptance repeats no abstract syntaxes: give those that were proposed, by context ID.
    """
    lines = _lines(pdu, abstract_syntaxes or {})
    return "\n".join([f"{pdu.name}, {pdu.pdu_length} bytes", *(f"  {line}" for line in lines)])


def describe_command(command: Command) -> str:
    """A command set, one line per element."""
    kind = MESSAGES.get(command.command_field)
    lines = [kind.name if kind else f"unknown message {command.command_field:#06x}"]
    for element in ELEMENTS:
        value = getattr(command, element.field)
        if value is None:
            continue
        if element.vr == "UI":
            shown = describe_uid(value)
        elif element.vr == "AT":
            shown = printable(", ".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in value[:_MOST]))
        elif element.keyword in ("CommandField", "CommandDataSetType", "Status"):
            shown = f"0x{value:04X}"
        else:
            shown = printable(value)
        lines.append(f"  {element.keyword}: {shown}")
    return "\n".join(lines)


def describe_uid(uid: str) -> str:
    """A UID, after its name if it has one."""
    name = _name(uid) if uid else "(none)"
    return printable(uid) if name == uid else f"{printable(name)} ({printable(uid)})"


def _name(uid: str) -> str:
    try:
        from pydicom.config import IGNORE
        from pydicom.uid import UID
    except ModuleNotFoundError:
        # The wire tier works without pydicom; only it knows names.
        return uid
    return str(UID(uid, IGNORE).name)


def _lines(pdu: Any, abstract_syntaxes: Mapping[int, str]) -> Iterator[str]:
    match pdu.pdu_type:
        case 0x01 | 0x02:
            yield f"Called AE title: {printable(pdu.called_ae_title)}"
            yield f"Calling AE title: {printable(pdu.calling_ae_title)}"
            yield f"Protocol version: {pdu.protocol_version:#06x}"
            yield f"Application context: {describe_uid(pdu.application_context_name or '')}"
            yield f"Presentation contexts: {len(pdu.presentation_context)}"
            for context in pdu.presentation_context[:_MOST]:
                yield from _indented(_context_lines(context, abstract_syntaxes.get(context.context_id)))
            yield f"User information: {len(pdu.user_information)} items"
            for item in pdu.user_information[:_MOST]:
                yield from _indented(_item_lines(item))
            for unknown in pdu.unknown_items[:_MOST]:
                yield from _item_lines(unknown)
        case 0x03:
            yield f"Result: {pdu.result} {pdu.result_str}"
            yield f"Source: {pdu.source} {pdu.source_str}"
            yield f"Reason: {pdu.reason_diagnostic} {pdu.reason_str}"
        case 0x07:
            yield f"Source: {pdu.source} {pdu.source_str}"
            yield f"Reason: {pdu.reason_diagnostic} {pdu.reason_str}"
        case 0x04:
            for value in pdu.presentation_data_value_items[:_MOST]:
                what = "command" if value.is_command else "data set"
                last = ", last" if value.is_last else ""
                yield f"Context {value.context_id}: {what} fragment of {len(value.fragment)} bytes{last}"


def _context_lines(
    context: PresentationContextRQItem | PresentationContextACItem, proposed: str | None
) -> Iterator[str]:
    if isinstance(context, PresentationContextRQItem):
        yield f"{context.context_id}: {describe_uid(context.abstract_syntax)}"
        for uid in context.transfer_syntax[:_MOST]:
            yield f"  {describe_uid(uid)}"
        return
    which = f"{context.context_id}: {describe_uid(proposed)}: " if proposed else f"{context.context_id}: "
    if context.result == 0:
        yield f"{which}accepted with {describe_uid(context.transfer_syntax or '')}"
    else:
        yield f"{which}{CONTEXT_RESULTS.get(context.result, f'unknown result {context.result}')}"


def _item_lines(item: UserItem) -> Iterator[str]:
    match item:
        case MaximumLengthItem():
            yield f"Maximum length: {item.maximum_length or 'no limit'}"
        case ImplementationClassUIDItem():
            yield f"Implementation class UID: {describe_uid(item.implementation_class_uid)}"
        case ImplementationVersionNameItem():
            yield f"Implementation version name: {printable(item.implementation_version_name)}"
        case AsynchronousOperationsWindowItem():
            invoked, performed = item.maximum_number_operations_invoked, item.maximum_number_operations_performed
            yield f"Asynchronous operations: {invoked or 'any number'} invoked, {performed or 'any number'} performed"
        case RoleSelectionItem():
            roles = " and ".join(role for role, on in (("SCU", item.scu_role), ("SCP", item.scp_role)) if on)
            yield f"Role selection: {describe_uid(item.sop_class_uid)}: {roles or 'no role'}"
        case SOPClassExtendedItem():
            information = item.service_class_application_information
            yield f"SOP class extended negotiation: {describe_uid(item.sop_class_uid)}"
            yield f"  {len(information)} bytes: {printable(information[:64].hex(' '))}"
        case SOPClassCommonExtendedItem():
            yield f"SOP class common extended negotiation: {describe_uid(item.sop_class_uid)}"
            yield f"  Service class: {describe_uid(item.service_class_uid)}"
            for uid in item.related_general_sop_class_identification[:_MOST]:
                yield f"  Related: {describe_uid(uid)}"
        case UserIdentityRQItem():
            kind = IDENTITY_TYPES.get(item.user_identity_type, f"unknown type {item.user_identity_type}")
            answer = ", response requested" if item.positive_response_requested else ""
            yield f"User identity: {kind} (not shown){answer}"
        case UserIdentityACItem():
            yield "User identity response (not shown)"
        case UnknownItem():
            # Its body may be a user identity in the wrong place.
            yield f"Unknown item 0x{item.kind:02X} of {len(item.body)} bytes"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"  {line}"
