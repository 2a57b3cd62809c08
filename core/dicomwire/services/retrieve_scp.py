"""C-GET and C-MOVE as SCP (PS3.4 C.4.2 and C.4.3, PS3.7 9.1.3 and 9.1.4)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve
from pydicom.dataset import Dataset

from dicomwire._logging import logger, printable, reason, shown_address
from dicomwire.associations import events as evt
from dicomwire.associations.received import ReceivedMessage
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import answer
from dicomwire.operations.store_scu import open_source, send_c_store
from dicomwire.services.answers_in_steps import END, Answers
from dicomwire.services.given_status import NO_STATUS, NO_STATUS_TYPE, Response, own_comment, respond
from dicomwire.services.sub_operations import Store, SubOperations
from dicomwire.upper_layer.pdus import Abort
from dicomwire.vocabulary.service_classes import C_GET, C_MOVE, ServiceClass
from dicomwire.vocabulary.statuses import (
    STATUS_CANCEL,
    STATUS_FAILURE,
    STATUS_PENDING,
    STATUS_SUCCESS,
    StatusTable,
    code_to_category,
)
from dicomwire.vocabulary.titles_and_uids import set_ae

if TYPE_CHECKING:
    from dicomwire.associations.association import AssociationBase

LOGGER = logger(__name__)

GET_FAILED = 0xC411
GET_NO_NUMBER = 0xC413
GET_TOO_MANY = 0xC416
MOVE_FAILED = 0xC511
MOVE_NO_NUMBER = 0xC513
MOVE_NO_DESTINATION = 0xC514
MOVE_BAD_DESTINATION = 0xC515
MOVE_TOO_MANY = 0xC516
UNKNOWN_DESTINATION = 0xA801

_MOST = 65535

_WITHOUT_BULK_DATA = "1.2.840.10008.5.1.4.1.2.5.3"


async def serve_get(
    association: AssociationBase, message: ReceivedMessage, service_class: type[ServiceClass]
) -> Response | None:
    """Store what the handler yields on this very association, telling how far it has come after each."""
    command = message.command
    table = service_class(association).statuses_for(C_GET)
    answers = Answers(association, evt.EVT_C_GET, message)
    try:
        await answers.open()
    except HandlerRaised:
        return answer(command, GET_FAILED), None
    try:
        try:
            first = await answers.next()
        except HandlerRaised:
            return answer(command, GET_NO_NUMBER), None
        if (refused := _refusal(command, first, table)) is not None:
            return refused, None
        number = _number(first)
        if number is None:
            return answer(command, GET_NO_NUMBER), None
        if number > _MOST:
            return answer(command, GET_TOO_MANY), None

        async def store(instance: Any, message_id: int) -> Dataset:
            return await send_c_store(association, instance, message_id, _priority(command))

        return await _retrieve(association, message, table, answers, max(0, number), store, GET_FAILED)
    finally:
        await answers.close()


async def serve_move(
    association: AssociationBase, message: ReceivedMessage, service_class: type[ServiceClass]
) -> Response | None:
    """Store what the handler yields at the destination it names, over an association of its own."""
    command = message.command
    table = service_class(association).statuses_for(C_MOVE)
    answers = Answers(association, evt.EVT_C_MOVE, message)
    try:
        await answers.open()
    except HandlerRaised:
        return answer(command, MOVE_FAILED), None
    destination: Any
    try:
        try:
            destination = await answers.next()
        except HandlerRaised:
            destination = END
        if destination is END:
            return answer(command, MOVE_NO_DESTINATION), None
        if (refused := _refusal(command, destination, table)) is not None:
            return refused, None
        try:
            address, port, *more = destination
            options = dict(*more)
        except (TypeError, ValueError):
            return answer(command, MOVE_BAD_DESTINATION), None
        if address is None or port is None:
            LOGGER.warning("C-MOVE to '%s': the handler knows no such destination", _title(command))
            return answer(command, UNKNOWN_DESTINATION), None
        try:
            number = _number(await answers.next())
        except HandlerRaised:
            number = None
        if number is None:
            return answer(command, MOVE_NO_NUMBER), None
        if number > _MOST:
            return answer(command, MOVE_TOO_MANY), None
        if number < 1:
            return SubOperations(command, message.context.transfer_syntax, 0).final(answer(command, 0x0000))
        return await _move(association, message, table, answers, number, (address, port), options)
    finally:
        await answers.close()


async def _move(
    association: AssociationBase,
    message: ReceivedMessage,
    table: StatusTable,
    answers: Answers,
    number: int,
    address: tuple[Any, int],
    options: dict[str, Any],
) -> Response | None:
    command = message.command
    originator = _originator(association)
    options = {"ae_title": command.move_destination, **options}
    try:
        destination = await association._call(partial(association.ae.associate, *address, **options))
    except Exception as error:
        LOGGER.error("C-MOVE to '%s' at %s: no association: %s", _title(command), _shown(address), reason(error))
        comment = own_comment("the destination cannot be used as it is configured")
        return evolve(answer(command, MOVE_BAD_DESTINATION), error_comment=comment), None
    if not destination.is_established:
        why, comment = _no_destination(destination)
        LOGGER.error("C-MOVE to '%s' at %s: no association: %s", _title(command), _shown(address), why)
        return evolve(answer(command, UNKNOWN_DESTINATION), error_comment=own_comment(comment)), None
    is_done = False
    try:

        async def store(instance: Any, message_id: int) -> Dataset:
            status: Dataset = await association._call(
                partial(
                    destination.send_c_store,
                    instance,
                    message_id,
                    _priority(command),
                    originator_aet=originator,
                    originator_id=command.message_id,
                )
            )
            return status

        response = await _retrieve(association, message, table, answers, number, store, MOVE_FAILED)
        await association._call(destination.release)
        is_done = True
        return response
    finally:
        if not is_done:
            # Cancelled: nobody may wait for it.
            destination._abandon_now(Abort())


async def _retrieve(
    association: AssociationBase,
    message: ReceivedMessage,
    table: StatusTable,
    answers: Answers,
    number: int,
    store: Store,
    handler_failed: int,
) -> Response | None:
    """The sub-operations and their responses, up to the final one; None if the association ended before."""
    command = message.command
    done = SubOperations(command, message.context.transfer_syntax, number)
    if number < 1:
        return done.final(answer(command, 0x0000))
    without_bulk_data = message.context.abstract_syntax == _WITHOUT_BULK_DATA
    while True:
        value: Any = None
        raised: HandlerRaised | None = None
        try:
            value = await answers.next()
        except HandlerRaised as error:
            raised = error
        await association._attend()
        if not association.is_established:
            return None
        if value is END:
            return done.outcome()
        if done.are_done:
            # Whatever it says or raises now, how they ended stays as it is.
            LOGGER.warning("a handler went on after the %d sub-operations it had announced: ignored", number)
            return done.outcome()
        try:
            status, instance = value
        except (TypeError, ValueError):
            if raised is None:
                LOGGER.error("a handler yielded no pair of status and data set")
            done.give_up()
            return done.final(answer(command, handler_failed))
        response = respond(command, status, table)
        assert response.status is not None
        category = code_to_category(response.status)
        if response.status in (NO_STATUS, NO_STATUS_TYPE) or category not in (STATUS_PENDING, STATUS_SUCCESS):
            if category != STATUS_CANCEL:
                done.give_up()
            return done.final(response, instance, remaining=category == STATUS_CANCEL)
        if category == STATUS_SUCCESS:
            return done.success()
        if _is_nothing(instance):
            continue
        await done.store(instance, partial(open_source, association), store, without_bulk_data=without_bulk_data)
        await association._attend()
        if not association.is_established:
            return None
        await association._send(message.context.context_id, done.count(response, remaining=True))


def _no_destination(destination: Any) -> tuple[str, str]:
    """Why there is no association with a destination: for our log, and for whoever asked for the C-MOVE.

    They asked for a title; at which address we look for it is not theirs to know.
    """
    why = destination.explain()
    if destination.is_rejected:
        return why, f"destination {destination.failure}"
    if destination._contexts:
        advice = (
            "it stores none of what was proposed, which is the requested_contexts of this AE or the contexts that "
            "the handler yields with the address"
        )
        return f"{why}: {advice}", "destination accepted no presentation context"
    if not destination._opened:
        return why, "no connection to the destination"
    return why, "destination did not accept the association"


def _title(command: Command) -> str:
    return printable(command.move_destination or "", 16)


def _shown(address: tuple[Any, Any]) -> str:
    try:
        return shown_address(address)
    except Exception:  # whatever a handler yields for one
        return printable(repr(address), 120)


def _originator(association: AssociationBase) -> str | None:
    """The title of the AE that invoked the C-MOVE (PS3.7 9.1.1.1.8); None if it cannot be sent as one."""
    peer = association.requestor if association.is_acceptor else association.acceptor
    title = peer.ae_title.strip(" \0")
    try:
        return set_ae(title, "originator", allow_empty=False)
    except ValueError:
        LOGGER.warning("the title of whoever asked for a C-MOVE, '%s', is none: instances go without", printable(title))
        return None


def _refusal(command: Command, first: Any, table: StatusTable) -> Command | None:
    """The response to a handler that begins with a failure instead of what comes first."""
    if not isinstance(first, tuple | list) or len(first) != 2 or first[1] is not None:
        return None
    if isinstance(first[0], bool) or not isinstance(first[0], int | Dataset):
        return None
    response = respond(command, first[0], table)
    return response if code_to_category(response.status or 0) == STATUS_FAILURE else None


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except Exception:  # whatever a user's object makes of it
        return None


def _is_nothing(instance: Any) -> bool:
    try:
        return not instance
    except Exception:  # arrays and tables have no truth value: they are something, but no instance
        return False


def _priority(command: Command) -> int:
    return command.priority if command.priority in (0, 1, 2) else 2
