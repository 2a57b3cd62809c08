"""C-MOVE as SCP (PS3.4 C.4.2, PS3.7 9.1.4)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from dicomwire._logging import logger, printable, reason, shown_address
from dicomwire.associations import events as evt
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import answer
from dicomwire.services.answers_in_steps import END, Answers
from dicomwire.services.given_status import Response, own_comment
from dicomwire.services.retrieve_scp import MOST_SUB_OPERATIONS, number_of, priority_of, refusal_of, retrieve
from dicomwire.services.sub_operations import SubOperations
from dicomwire.upper_layer.pdus import Abort
from dicomwire.vocabulary.statuses import StatusTable
from dicomwire.vocabulary.titles_and_uids import set_ae

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

MOVE_FAILED = 0xC511
MOVE_NO_NUMBER = 0xC513
MOVE_NO_DESTINATION = 0xC514
MOVE_BAD_DESTINATION = 0xC515
MOVE_TOO_MANY = 0xC516
UNKNOWN_DESTINATION = 0xA801


async def serve_move(request: Request) -> Response | None:
    """Store what the handler yields at the destination it names, over an association of its own."""
    command, table = request.command, request.statuses()
    answers = Answers(request, evt.EVT_C_MOVE)
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
        if (refused := refusal_of(command, destination, table)) is not None:
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
            number = number_of(await answers.next())
        except HandlerRaised:
            number = None
        if number is None:
            return answer(command, MOVE_NO_NUMBER), None
        if number > MOST_SUB_OPERATIONS:
            return answer(command, MOVE_TOO_MANY), None
        if number < 1:
            return SubOperations(command, request.context.transfer_syntax, 0).final(answer(command, 0x0000))
        return await _move(request, table, answers, number, (address, port), options)
    finally:
        await answers.close()


async def _move(
    request: Request,
    table: StatusTable,
    answers: Answers,
    number: int,
    address: tuple[Any, int],
    options: dict[str, Any],
) -> Response | None:
    command = request.command
    originator = _originator(request)
    options = {"ae_title": command.move_destination, **options}
    try:
        destination = await request.call(partial(request.association.ae.associate, *address, **options))
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
            status: Dataset = await request.call(
                partial(
                    destination.send_c_store,
                    instance,
                    message_id,
                    priority_of(command),
                    originator_aet=originator,
                    originator_id=command.message_id,
                )
            )
            return status

        response = await retrieve(request, table, answers, number, store, MOVE_FAILED)
        await request.call(destination.release)
        is_done = True
        return response
    finally:
        if not is_done:
            # Cancelled: nobody may wait for it.
            destination.control.abort_now(Abort())


def _no_destination(destination: Any) -> tuple[str, str]:
    """Why there is no association with a destination: for our log, and for whoever asked for the C-MOVE.

    They asked for a title; at which address we look for it is not theirs to know.
    """
    why = destination.explain()
    if destination.is_rejected:
        return why, f"destination {destination.failure}"
    if destination.contexts:
        advice = (
            "it stores none of what was proposed, which is the requested_contexts of this AE or the contexts that "
            "the handler yields with the address"
        )
        return f"{why}: {advice}", "destination accepted no presentation context"
    if not destination.line.standing.was_opened:
        return why, "no connection to the destination"
    return why, "destination did not accept the association"


def _title(command: Command) -> str:
    return printable(command.move_destination or "", 16)


def _shown(address: tuple[Any, Any]) -> str:
    try:
        return shown_address(address)
    except Exception:  # whatever a handler yields for one
        return printable(repr(address), 120)


def _originator(request: Request) -> str | None:
    """The title of the AE that invoked the C-MOVE (PS3.7 9.1.1.1.8); None if it cannot be sent as one."""
    title = request.line.sides.peer.ae_title.strip(" \0")
    try:
        return set_ae(title, "originator", allow_empty=False)
    except ValueError:
        LOGGER.warning("the title of whoever asked for a C-MOVE, '%s', is none: instances go without", printable(title))
        return None
