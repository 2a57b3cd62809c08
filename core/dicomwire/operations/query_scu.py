"""C-FIND, C-GET, C-MOVE and C-CANCEL as SCU (PS3.4 annex C, PS3.7 9.1.2 to 9.1.4 and 9.3.2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from dicomwire._logging import logger, reason
from dicomwire.associations.awaitables import asking
from dicomwire.associations.invoking import HasInvoker, Invoker
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.associations.response_streams import ResponseStream, Stream
from dicomwire.data.data_sets import decode_data_set_later, encode_data_set
from dicomwire.dimse.command import DATA_SET, Command
from dicomwire.dimse.messages import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, PENDING
from dicomwire.operations.argument_checks import check_message_id, check_request, command_title
from dicomwire.operations.returned_status import status_of
from dicomwire.operations.unified_steps import context_classes
from dicomwire.vocabulary.statuses import STATUS_CANCEL, STATUS_FAILURE, STATUS_WARNING, code_to_category
from dicomwire.vocabulary.titles_and_uids import set_ae

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

_FAILED_LIST = 0x00080058

Response: TypeAlias = "tuple[Dataset, Dataset | None]"
"""A status and an identifier."""


@asking
async def send_c_find(
    self: HasInvoker, dataset: Dataset | bytes, query_model: str, msg_id: int = 1, priority: int = 2
) -> Stream[Response]:
    """Query the peer: an iterator of ``(status, identifier)``, read from the peer as it is advanced.

    ``dataset`` is the query, a ``Dataset`` or encoded already; ``query_model`` the UID of the SOP class.  Pending
    statuses come with a match, None if it cannot be decoded; the final one without.  An empty status ends the
    iterator if the peer did not answer in time, aborted, or the connection was lost.

    Raises:
        RuntimeError: the association is not established, or responses to an earlier request are being iterated.
        ValueError: no suitable presentation context was accepted, the query cannot be encoded, or a bad message ID
            or priority.
        TypeError: the message ID is no int.
    """
    return await _query(self.invoker, C_FIND_RQ, dataset, query_model, msg_id, priority)


@asking
async def send_c_get(
    self: HasInvoker, dataset: Dataset | bytes, query_model: str, msg_id: int = 1, priority: int = 2
) -> Stream[Response]:
    """Retrieve instances on this association: an iterator of ``(status, identifier)``.

    Between its responses the peer sends C-STORE requests, which go to the handler of ``EVT_C_STORE``; each storage SOP
    class needs role selection with the SCP role.  The statuses hold the counts of sub-operations; the final one comes
    with the list of failed instances, if the peer sent one.  Arguments, end and errors: as :meth:`send_c_find`.
    """
    return await _query(self.invoker, C_GET_RQ, dataset, query_model, msg_id, priority)


@asking
async def send_c_move(
    self: HasInvoker,
    dataset: Dataset | bytes,
    move_aet: str,
    query_model: str,
    msg_id: int = 1,
    priority: int = 2,
) -> Stream[Response]:
    """Have the peer send instances to the AE ``move_aet``: an iterator of ``(status, identifier)``.

    As :meth:`send_c_get`, but the instances go over an association of their own, to an AE that the peer knows.
    """
    return await _query(self.invoker, C_MOVE_RQ, dataset, query_model, msg_id, priority, move_aet)


async def _query(
    invoker: Invoker,
    command_field: int,
    dataset: Dataset | bytes,
    query_model: str,
    msg_id: int,
    priority: int,
    move_aet: str | None = None,
) -> Stream[Response]:
    invoker.require_established()
    check_request(msg_id, priority)
    if command_field == C_MOVE_RQ:
        move_aet = set_ae(move_aet, "move_aet", allow_empty=False, allow_none=False)
    context = invoker.choose_context(query_model, classes=context_classes(query_model, command_field))
    data = encode_data_set(dataset, context.transfer_syntax)
    command = Command(
        command_field=command_field,
        message_id=msg_id,
        affected_sop_class_uid=str(query_model),
        priority=priority,
        command_data_set_type=DATA_SET,
        move_destination=command_title(move_aet),
    )
    sent = await invoker.send(context, command, data)
    interpret = _match if command_field == C_FIND_RQ else _progress
    return ResponseStream(invoker, context.context_id, sent or command, interpret)


def _match(response: ReceivedMessage | None) -> Response:
    """A response to C-FIND."""
    pending = response is not None and response.command.status in PENDING
    return status_of(response), _decoded(response) if pending and response is not None else None


def _progress(response: ReceivedMessage | None) -> Response:
    """A response to C-GET or C-MOVE: the list of failed instances comes with the last one."""
    status = None if response is None else response.command.status
    if response is None or status is None:
        return status_of(response), None
    final = code_to_category(status) in (STATUS_CANCEL, STATUS_WARNING, STATUS_FAILURE)
    return status_of(response), _failed(response) if final else None


def _failed(response: ReceivedMessage) -> Dataset | None:
    """The list of failed instances; DCMTK, and Orthanc with it, put it into the command set of a C-GET-RSP."""
    listed = None if response.data is None else _decoded(response)
    raw = next((raw for tag, raw in response.command.other if tag == _FAILED_LIST), b"")
    if raw and (listed is None or _FAILED_LIST not in listed):
        from pydicom.config import IGNORE
        from pydicom.dataelem import DataElement
        from pydicom.dataset import Dataset

        uids = [uid.strip(b"\0 ").decode("latin-1") for uid in raw.split(b"\\")]
        listed = Dataset() if listed is None else listed
        listed.add(DataElement(_FAILED_LIST, "UI", uids, validation_mode=IGNORE))
    return listed


def _decoded(response: ReceivedMessage) -> Dataset | None:
    try:
        syntax = response.context.transfer_syntax
        return decode_data_set_later(response.data, syntax, response.limits, bounds=response.limits.of_identifiers)
    except Exception as error:  # whatever pydicom makes of what a peer sent
        LOGGER.error("the identifier of a response cannot be decoded: %s", reason(error))
        return None


async def send_c_cancel(
    self: HasInvoker, msg_id: int, context_id: int | None = None, query_model: str | None = None
) -> None:
    """Ask the peer to end the C-FIND, C-GET or C-MOVE with this message ID; its iterator yields how it ended.

    It goes on the presentation context ``context_id``, or that of ``query_model``.

    Raises:
        RuntimeError: the association is not established.
        ValueError: neither is given, no such context was accepted, or a bad message ID.
        TypeError: the message ID is no int.
    """
    invoker = self.invoker
    invoker.require_established()
    check_message_id(msg_id)
    if context_id is None:
        if query_model is None:
            raise ValueError("'context_id' or 'query_model' is needed, to know where to send the C-CANCEL")
        context_id = invoker.choose_context(query_model, classes=context_classes(query_model, C_FIND_RQ)).context_id
    elif invoker.contexts.by_id(context_id) is None:
        raise ValueError(f"no presentation context {context_id} was accepted by the peer")
    with invoker.line.exchange:
        await invoker.cancel(msg_id, context_id)
