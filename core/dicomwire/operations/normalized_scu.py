"""The six N-services as invoker (PS3.7 10.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomwire._logging import logger, reason
from dicomwire.associations.invoking import HasInvoker, Invoker
from dicomwire.data.data_sets import encode_data_set
from dicomwire.dimse.command import DATA_SET, NO_DATA_SET, Command
from dicomwire.dimse.messages import (
    N_ACTION_RQ,
    N_CREATE_RQ,
    N_DELETE_RQ,
    N_EVENT_REPORT_RQ,
    N_GET_RQ,
    N_SET_RQ,
)
from dicomwire.operations.argument_checks import check_message_id, check_uid
from dicomwire.operations.returned_status import status_of
from dicomwire.operations.unified_steps import context_classes
from dicomwire.vocabulary.statuses import STATUS_SUCCESS, STATUS_WARNING, code_to_category

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

_PROCESSING_FAILURE = 0x0110

_DONE = (STATUS_SUCCESS, STATUS_WARNING)
"""The categories of status whose responses carry a data set."""


async def send_n_action(
    self: HasInvoker,
    dataset: Dataset | None,
    action_type: int,
    class_uid: str,
    instance_uid: str,
    msg_id: int = 1,
    meta_uid: str | None = None,
) -> tuple[Dataset, Dataset | None]:
    """Have the peer act on an instance: ``(status, action reply)``.

    ``dataset`` is the action information, or None; ``meta_uid`` the abstract syntax of the presentation context where
    it is not ``class_uid``.  The reply is an empty ``Dataset`` if none came with Success or a Warning, and None with
    every other status, and if it cannot be decoded: the status is 0x0110 then.  The status is empty if the peer did not
    answer in time, aborted, or the connection was lost.

    Raises:
        RuntimeError: the association is not established, or responses to an earlier request are being iterated.
        ValueError: no suitable presentation context was accepted, the data set cannot be encoded, or a bad message ID
            or UID.
        TypeError: the action type or message ID is no int.
    """
    self.invoker.require_established()
    action_type_id = _type_id(action_type)
    acted = await invoke(
        self.invoker, N_ACTION_RQ, class_uid, instance_uid, msg_id, meta_uid, dataset, action_type_id=action_type_id
    )
    return acted.status, acted.data_set


async def send_n_create(
    self: HasInvoker,
    dataset: Dataset | None,
    class_uid: str,
    instance_uid: str | None = None,
    msg_id: int = 1,
    meta_uid: str | None = None,
) -> tuple[Dataset, Dataset | None]:
    """Have the peer create an instance: ``(status, attribute list)``; without ``instance_uid`` it chooses one.

    ``dataset`` holds the attributes, or None.  The rest is as for :meth:`send_n_action`.
    """
    self.invoker.require_established()
    created = await invoke(self.invoker, N_CREATE_RQ, class_uid, instance_uid, msg_id, meta_uid, dataset)
    return created.status, created.data_set


async def send_n_delete(
    self: HasInvoker, class_uid: str, instance_uid: str, msg_id: int = 1, meta_uid: str | None = None
) -> Dataset:
    """Have the peer delete an instance: its status.  The rest is as for :meth:`send_n_action`."""
    self.invoker.require_established()
    return (await invoke(self.invoker, N_DELETE_RQ, class_uid, instance_uid, msg_id, meta_uid)).status


async def send_n_event_report(
    self: HasInvoker,
    dataset: Dataset | None,
    event_type: int,
    class_uid: str,
    instance_uid: str,
    msg_id: int = 1,
    meta_uid: str | None = None,
) -> tuple[Dataset, Dataset | None]:
    """Report an event to the peer, in whatever role: ``(status, event reply)``.

    ``dataset`` is the event information, or None.  The rest is as for :meth:`send_n_action`.
    """
    self.invoker.require_established()
    event_type_id = _type_id(event_type)
    told = await invoke(
        self.invoker, N_EVENT_REPORT_RQ, class_uid, instance_uid, msg_id, meta_uid, dataset, event_type_id=event_type_id
    )
    return told.status, told.data_set


async def send_n_get(
    self: HasInvoker,
    identifier_list: Sequence[Any] | None,
    class_uid: str,
    instance_uid: str,
    msg_id: int = 1,
    meta_uid: str | None = None,
) -> tuple[Dataset, Dataset | None]:
    """Get attributes of an instance: ``(status, attribute list)``.

    ``identifier_list`` holds the tags wanted, each a ``BaseTag``, an int or ``(group, element)``; ``[]`` or
    None is all.  The rest is as for :meth:`send_n_action`.
    """
    self.invoker.require_established()
    tags = _tags(identifier_list)
    got = await invoke(
        self.invoker, N_GET_RQ, class_uid, instance_uid, msg_id, meta_uid, attribute_identifier_list=tags or None
    )
    return got.status, got.data_set


async def send_n_set(
    self: HasInvoker,
    dataset: Dataset,
    class_uid: str,
    instance_uid: str,
    msg_id: int = 1,
    meta_uid: str | None = None,
) -> tuple[Dataset, Dataset | None]:
    """Change attributes of an instance: ``(status, attribute list)``.

    ``dataset`` is the modification list, which is required.  The rest is as for :meth:`send_n_action`.
    """
    self.invoker.require_established()
    if dataset is None:
        raise ValueError("N-SET needs a modification list")
    changed = await invoke(self.invoker, N_SET_RQ, class_uid, instance_uid, msg_id, meta_uid, dataset)
    return changed.status, changed.data_set


class Invoked(NamedTuple):
    """What came of a request."""

    status: Dataset
    """The status; empty if no response came."""

    data_set: Dataset | None = None
    """What came with Success or a warning, empty if nothing did; None with every other status."""

    command: Command | None = None
    """The response."""


async def invoke(
    invoker: Invoker,
    command_field: int,
    class_uid: str,
    instance_uid: str | None,
    msg_id: int,
    meta_uid: str | None,
    dataset: Dataset | None = None,
    **elements: Any,
) -> Invoked:
    """Send a request for a managed instance and wait for the response; arguments and errors of :func:`send_n_action`.

    ``elements`` are fields of `Command` that only this kind of request has.
    """
    check_message_id(msg_id)
    abstract_syntax = check_uid(class_uid, "class_uid")
    instance = None
    if instance_uid is not None or command_field != N_CREATE_RQ:
        instance = check_uid(instance_uid, "instance_uid")  # type: ignore[arg-type]
    role = None if command_field == N_EVENT_REPORT_RQ else "scu"
    wanted = abstract_syntax if meta_uid is None else check_uid(meta_uid, "meta_uid")
    classes = context_classes(wanted, command_field, elements.get("action_type_id")) if meta_uid is None else None
    context = invoker.choose_context(wanted, role=role, classes=classes)
    data = None if dataset is None else encode_data_set(dataset, context.transfer_syntax) or None
    side = "affected" if command_field in (N_CREATE_RQ, N_EVENT_REPORT_RQ) else "requested"
    elements |= {f"{side}_sop_class_uid": abstract_syntax, f"{side}_sop_instance_uid": instance}
    command = Command(
        command_field=command_field,
        message_id=msg_id,
        command_data_set_type=NO_DATA_SET if data is None else DATA_SET,
        **elements,
    )
    response = await invoker.ask(context, command, data)
    status = status_of(response)
    if response is None or response.command.status is None:
        return Invoked(status)
    command = response.command
    if command_field == N_DELETE_RQ or code_to_category(response.command.status) not in _DONE:
        return Invoked(status, None, command)
    try:
        return Invoked(status, response.data_set(), command)
    except Exception as error:  # whatever pydicom makes of what a peer sent
        LOGGER.error("the data set of a response cannot be decoded: %s", reason(error))
        status.Status = _PROCESSING_FAILURE
        return Invoked(status, None, command)


def _type_id(value: int) -> int:
    if not isinstance(value, int):
        raise TypeError(f"an action or event type is an int, not {type(value).__name__}")
    if not 0 <= value <= 0xFFFF:
        raise ValueError(f"an action or event type is in 0..65535, not {value}")
    return int(value)


def _tags(identifiers: Sequence[Any] | None) -> tuple[int, ...]:
    from pydicom.tag import Tag

    if identifiers is None:
        return ()
    if not isinstance(identifiers, list | tuple):
        raise ValueError(f"the identifiers are a list of tags, not {type(identifiers).__name__}")
    try:
        return tuple(int(Tag(identifier)) for identifier in identifiers)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"the identifiers are a list of tags: {error}") from error
