"""C-STORE as SCP (PS3.4 annex B, PS3.7 9.1.1)."""

from __future__ import annotations

from dicomwire._logging import logger, reason
from dicomwire.associations import events as evt
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.data.data_set_beginning import NoDataSet
from dicomwire.dimse.messages import answer
from dicomwire.services.given_status import Response, respond
from dicomwire.vocabulary.statuses import STATUS_FAILURE, code_to_category
from dicomwire.vocabulary.typed_status import Status

LOGGER = logger(__name__)

OUT_OF_RESOURCES = 0xA700
CANNOT_DECODE = 0x0210
HANDLER_FAILED = 0xC211


def status_of(error: BaseException | None) -> int:
    """The status that says what went wrong with a data set, if what was raised does not say it itself."""
    said = getattr(error, "status", None)
    if isinstance(said, Status):
        return said
    if isinstance(error, NoDataSet):
        return CANNOT_DECODE
    return OUT_OF_RESOURCES if isinstance(error, OSError | MemoryError) else HANDLER_FAILED


async def serve_store(request: Request) -> Response:
    """The handler's status, once the whole data set is where it should be."""
    command = request.command
    try:
        if isinstance(request.refused, Status):
            return respond(command, request.refused, request.service_class.statuses), None
        if request.refused is not None:
            return answer(command, request.refused), None
        try:
            status = await request.ask_handler(evt.EVT_C_STORE)
        except HandlerRaised as raised:
            is_unfit = isinstance(raised.__cause__, NoDataSet)
            return answer(command, CANNOT_DECODE if is_unfit else HANDLER_FAILED), None
        response = respond(command, status, request.service_class.statuses)
        assert response.status is not None
        if request.file is not None and code_to_category(response.status) != STATUS_FAILURE:
            try:
                request.settle(kept=True)
            except OSError as error:
                LOGGER.error("keeping a data set failed: %s", reason(error))
                return answer(command, OUT_OF_RESOURCES), None
        return response, None
    finally:
        if request.file is not None:
            request.settle(kept=False)
