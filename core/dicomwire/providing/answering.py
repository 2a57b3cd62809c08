"""From what typed handlers give to what the services take."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from dicomwire._values import Value
from dicomwire.associations import events as evt
from dicomwire.associations.user_code import is_async, is_awaitable
from dicomwire.client.failures import ServiceFailed
from dicomwire.client.managing import Reply
from dicomwire.client.storing import Storable
from dicomwire.data.files import contexts_for
from dicomwire.data.sources import EncodedDataSet
from dicomwire.providing.typed_requests import ServiceRequest
from dicomwire.vocabulary.contexts import PresentationContext, build_context
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Answering = Callable[[Any], Any]
"""Makes of what a handler gave what its service takes."""

_PENDING = 0xFF00


@frozen(kw_only=True, repr=False, eq=False)
class MoveTo(Value):
    """What a handler of move requests gives: where the destination is, and what goes there."""

    host: str
    port: int
    instances: Sequence[Storable]
    contexts: Sequence[PresentationContext] | None = None
    """The presentation contexts to propose; by default those that the instances need."""

    options: dict[str, Any] = field(factory=dict)
    """More keywords of ``AE.associate`` for the association with the destination, such as ``tls_args``."""


def handler_of(handler: Callable[[Any], Any], kind: type[ServiceRequest], answering: Answering) -> evt.Handler:
    """The handler of the event: makes the request, calls the typed handler, and looks at what that gives."""
    if is_async(handler):

        async def awaited(event: evt.Event) -> Any:
            try:
                return answering(await handler(kind(event)))
            except ServiceFailed as refused:
                return answering(refused)

        return awaited

    def called(event: evt.Event) -> Any:
        try:
            given = handler(kind(event))
            return _when_awaited(given, answering) if is_awaitable(given) else answering(given)
        except ServiceFailed as refused:
            return answering(refused)

    return called


async def _when_awaited(given: Any, answering: Answering) -> Any:
    """Of a plain function that has called an async one."""
    try:
        return answering(await given)
    except ServiceFailed as refused:
        return answering(refused)


def status_answer(given: Any) -> Status | int:
    """The handler gives a status.

    Raises:
        TypeError: it gave something else.
    """
    if isinstance(given, ServiceFailed):
        return given.status
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    raise TypeError(f"the handler gave {type(given).__name__}, not a Status")


def reply_answer(given: Any) -> tuple[Any, Dataset | None]:
    """The handler gives attributes, a reply, a status or nothing; `TypeError` for something else."""
    from pydicom.dataset import Dataset

    if given is None:
        return 0x0000, None
    if isinstance(given, Dataset):
        return 0x0000, given
    if isinstance(given, Reply):
        attributes = given.attributes
        if given.instance_uid is not None:
            attributes = Dataset(attributes)
            attributes.AffectedSOPInstanceUID = given.instance_uid
        return given.status, attributes
    return status_answer(given), None


def matches_answer(given: Any) -> Iterable[Any] | AsyncIterable[Any]:
    """The handler gives matches."""
    if isinstance(given, ServiceFailed):
        return [(given.status, None)]
    return _awaited_matches(given) if hasattr(given, "__aiter__") else _matches(given)


def _matches(given: Iterable[Dataset]) -> Iterator[tuple[int, Dataset | None]]:
    try:
        for match in given or ():
            yield _PENDING, match
    except ServiceFailed as failed:
        yield failed.status, None


async def _awaited_matches(given: AsyncIterable[Dataset]) -> AsyncIterator[tuple[int, Dataset | None]]:
    try:
        async for match in given:
            yield _PENDING, match
    except ServiceFailed as failed:
        yield failed.status, None


def instances_answer(given: Any) -> Iterable[Any] | AsyncIterable[Any]:
    """The handler gives instances."""
    if isinstance(given, ServiceFailed):
        return [(given.status, None)]
    return _awaited_instances(given) if hasattr(given, "__aiter__") else _instances(given)


def _instances(given: Iterable[Any] | None) -> Iterator[Any]:
    try:
        # How many there are is said before the first is sent.
        instances: Any = given if isinstance(given, Sized) else list(given or ())
    except ServiceFailed as failed:
        yield failed.status, None
        return
    yield len(instances)
    for instance in instances:
        yield _PENDING, instance


async def _awaited_instances(given: AsyncIterable[Any]) -> AsyncIterator[Any]:
    try:
        instances = [instance async for instance in given]
    except ServiceFailed as failed:
        yield failed.status, None
        return
    for step in _instances(instances):
        yield step


def move_answer(given: Any) -> Iterable[Any]:
    """The handler gives a destination with instances; None: nobody knows it.  `TypeError` for something else."""
    if isinstance(given, ServiceFailed):
        return [(given.status, None)]
    if given is None:
        return [(None, None)]
    if not isinstance(given, MoveTo):
        raise TypeError(f"the handler gave {type(given).__name__}, not a MoveTo or None")
    return _moves(given)


def _moves(to: MoveTo) -> Iterator[Any]:
    contexts = contexts_of(to.instances) if to.contexts is None else list(to.contexts)
    yield to.host, to.port, {"contexts": contexts, **to.options}
    yield from _instances(to.instances)


def contexts_of(instances: Sequence[Storable]) -> list[PresentationContext]:
    """The presentation contexts that these instances need; for bytes and open files, those of usual storage."""
    from pydicom.dataset import Dataset

    contexts: dict[tuple[str, str], PresentationContext] = {}
    paths: list[str | Path] = []
    for instance in instances:
        if isinstance(instance, Dataset):
            uid, syntax = str(instance.SOPClassUID), str(instance.file_meta.TransferSyntaxUID)
        elif isinstance(instance, EncodedDataSet):
            uid, syntax = instance.sop_class_uid, instance.transfer_syntax_uid
        elif isinstance(instance, str | Path):
            paths.append(instance)
            continue
        else:
            from dicomwire.vocabulary.contexts import StoragePresentationContexts

            return StoragePresentationContexts
        contexts.setdefault((uid, syntax), build_context(uid, syntax))
    return [*contexts.values(), *(contexts_for(paths) if paths else ())]
