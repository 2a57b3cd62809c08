"""What C-GET and C-MOVE as SCP have in common: one sub-operation after the other (PS3.4 C.4.2 and C.4.3)."""

from __future__ import annotations

from functools import partial
from typing import Any

from dicomwire._logging import logger
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import answer
from dicomwire.operations.store_scu import open_source
from dicomwire.services.answers_in_steps import END, Answers
from dicomwire.services.given_status import NO_STATUS, NO_STATUS_TYPE, Response, respond
from dicomwire.services.sub_operations import Store, SubOperations
from dicomwire.vocabulary.statuses import (
    STATUS_CANCEL,
    STATUS_FAILURE,
    STATUS_PENDING,
    STATUS_SUCCESS,
    StatusTable,
    code_to_category,
)

LOGGER = logger(__name__)

MOST_SUB_OPERATIONS = 65535

_WITHOUT_BULK_DATA = "1.2.840.10008.5.1.4.1.2.5.3"


async def retrieve(
    request: Request,
    table: StatusTable,
    answers: Answers,
    number: int,
    store: Store,
    handler_failed: int,
) -> Response | None:
    """The sub-operations and their responses, up to the final one; None if the association ended before."""
    command = request.command
    done = SubOperations(command, request.context.transfer_syntax, number)
    if number < 1:
        return done.final(answer(command, 0x0000))
    without_bulk_data = request.context.abstract_syntax == _WITHOUT_BULK_DATA
    while True:
        value: Any = None
        raised: HandlerRaised | None = None
        try:
            value = await answers.next()
        except HandlerRaised as error:
            raised = error
        if not await request.is_wanted():
            return None
        if value is END:
            return done.outcome()
        if done.are_done:
            # Whatever it says or raises now, how they ended stays as it is.
            LOGGER.warning("a handler went on after the %d sub-operations it had announced: ignored", number)
            return done.outcome()
        try:
            status, instance = value
        except Exception:  # whatever a user's object makes of it
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
        await done.store(instance, partial(open_source, request.invoker), store, without_bulk_data=without_bulk_data)
        if not await request.is_wanted():
            return None
        await request.respond(done.count(response, remaining=True))


def refusal_of(command: Command, first: Any, table: StatusTable) -> Command | None:
    """The response to a handler that begins with a failure instead of what comes first."""
    if not isinstance(first, tuple | list) or len(first) != 2 or first[1] is not None:
        return None
    from pydicom.dataset import Dataset

    if isinstance(first[0], bool) or not isinstance(first[0], int | Dataset):
        return None
    response = respond(command, first[0], table)
    return response if code_to_category(response.status or 0) == STATUS_FAILURE else None


def number_of(value: Any) -> int | None:
    """The number of sub-operations that a handler announces; None if it is none."""
    try:
        return int(value)
    except Exception:  # whatever a user's object makes of it
        return None


def _is_nothing(instance: Any) -> bool:
    try:
        return not instance
    except Exception:  # arrays and tables have no truth value: they are something, but no instance
        return False


def priority_of(command: Command) -> int:
    """That of the request, for its sub-operations."""
    return command.priority if command.priority in (0, 1, 2) else 2
