"""C-GET as SCP (PS3.4 C.4.3, PS3.7 9.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomwire.associations import events as evt
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.dimse.messages import answer
from dicomwire.operations.store_scu import send_c_store
from dicomwire.services.answers_in_steps import Answers
from dicomwire.services.given_status import Response
from dicomwire.services.retrieve_scp import MOST_SUB_OPERATIONS, number_of, priority_of, refusal_of, retrieve

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

GET_FAILED = 0xC411
GET_NO_NUMBER = 0xC413
GET_TOO_MANY = 0xC416


async def serve_get(request: Request) -> Response | None:
    """Store what the handler yields on this very association, telling how far it has come after each."""
    command, table = request.command, request.statuses()
    answers = Answers(request, evt.EVT_C_GET)
    try:
        await answers.open()
    except HandlerRaised:
        return answer(command, GET_FAILED), None
    try:
        try:
            first = await answers.next()
        except HandlerRaised:
            return answer(command, GET_NO_NUMBER), None
        if (refused := refusal_of(command, first, table)) is not None:
            return refused, None
        number = number_of(first)
        if number is None:
            return answer(command, GET_NO_NUMBER), None
        if number > MOST_SUB_OPERATIONS:
            return answer(command, GET_TOO_MANY), None

        async def store(instance: Any, message_id: int) -> Dataset:
            return await send_c_store(request, instance, message_id, priority_of(command))

        return await retrieve(request, table, answers, max(0, number), store, GET_FAILED)
    finally:
        await answers.close()
