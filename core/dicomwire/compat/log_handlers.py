"""The handlers that write the log of an association, bound if ``_config.LOG_HANDLER_LEVEL`` is ``"standard"``.

Association progress and one line per message at INFO, what they hold at DEBUG.
"""

from __future__ import annotations

import logging
from typing import Any

from dicomwire._logging import LOGGER, Dump, printable
from dicomwire.associations import events as evt
from dicomwire.compat.dimse_messages import Message
from dicomwire.compat.logged_identifiers import identifier_lines, shows_identifier
from dicomwire.dimse.messages import MESSAGES
from dicomwire.upper_layer.pdus import PDU, Abort, AssociateAC, AssociateRJ, AssociateRQ, ReleaseRP, ReleaseRQ
from dicomwire.vocabulary.descriptions import describe, describe_command
from dicomwire.vocabulary.statuses import code_to_category

_LINE_LENGTH = 160
_MOST_LINES = 512


def standard_pdu_recv_handler(event: evt.Event) -> None:
    """Log a PDU that was received; P-DATA-TF is left to the messages it is part of."""
    _log_pdu(event, "received")


def standard_pdu_sent_handler(event: evt.Event) -> None:
    """Log a PDU that was sent; P-DATA-TF is left to the messages it is part of."""
    _log_pdu(event, "sent")


def standard_dimse_recv_handler(event: evt.Event) -> None:
    """Log a message that was received."""
    _log_message(event, "received")


def standard_dimse_sent_handler(event: evt.Event) -> None:
    """Log a message that is sent."""
    _log_message(event, "sent")


STANDARD_HANDLERS: list[tuple[evt.NotificationEvent, evt.Handler]] = [
    (evt.EVT_DIMSE_RECV, standard_dimse_recv_handler),
    (evt.EVT_DIMSE_SENT, standard_dimse_sent_handler),
    (evt.EVT_PDU_RECV, standard_pdu_recv_handler),
    (evt.EVT_PDU_SENT, standard_pdu_sent_handler),
]


def _log_pdu(event: Any, way: str) -> None:
    pdu: PDU = event.pdu
    match pdu:
        case AssociateRQ():
            calling, called = printable(pdu.calling_ae_title), printable(pdu.called_ae_title)
            LOGGER.info("Association request %s: %s calls %s", way, calling, called)
        case AssociateAC():
            LOGGER.info("Association acceptance %s", way)
        case AssociateRJ():
            LOGGER.info("Association rejection %s: %s, %s, %s", way, pdu.result_str, pdu.source_str, pdu.reason_str)
        case ReleaseRQ():
            LOGGER.info("Release request %s", way)
        case ReleaseRP():
            LOGGER.info("Release response %s", way)
        case Abort():
            LOGGER.info("Abort %s: %s, %s", way, pdu.source_str, pdu.reason_str)
        case _:
            return
    if LOGGER.isEnabledFor(logging.DEBUG):
        request = event.assoc.line.sides.requestor.said if isinstance(pdu, AssociateAC) else None
        proposed = request.presentation_context if isinstance(request, AssociateRQ) else ()
        names = {context.context_id: context.abstract_syntax for context in proposed}
        _log_lines(describe(pdu, names).splitlines())


def _log_message(event: Any, way: str) -> None:
    if not LOGGER.isEnabledFor(logging.INFO):
        return
    message: Message = event.message
    command = message.command
    message_id = command.message_id_being_responded_to if command.message_id is None else command.message_id
    details = [f"message ID {message_id}, context {message.context_id}"]
    if command.status is not None:
        details.append(f"status 0x{command.status:04X} ({code_to_category(command.status)})")
    if message.data is not None:
        details.append(f"data set of {len(message.data)} bytes")
    elif command.has_data_set:
        details.append("data set")
    LOGGER.info("%s %s: %s", MESSAGES[command.command_field].name, way, ", ".join(details))
    if LOGGER.isEnabledFor(logging.DEBUG):
        _log_lines(describe_command(command).splitlines()[1:])
        if message.data is not None and shows_identifier(command.command_field):
            _log_lines(identifier_lines(event, message))


def _log_lines(lines: list[str]) -> None:
    """Log the lines as one record, no more of them and no longer than a log should bear."""
    shown = [printable(line, _LINE_LENGTH) for line in lines[:_MOST_LINES]]
    if len(lines) > _MOST_LINES:
        shown.append(f"({len(lines) - _MOST_LINES} more lines)")
    LOGGER.debug(Dump(shown))
