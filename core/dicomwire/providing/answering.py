"""From what typed handlers give to what the services take."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, frozen

from dicomwire._values import Value
from dicomwire.associations import events as evt
from dicomwire.associations.user_code import is_async, is_awaitable
from dicomwire.client.failures import ServiceFailed
from dicomwire.client.managing import Reply
from dicomwire.data.files import contexts_for
from dicomwire.data.sources import EncodedDataSet, Storable
from dicomwire.providing.typed_requests import CreateRequest, ServiceRequest
from dicomwire.vocabulary.contexts import PresentationContext, build_context
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

T = TypeVar("T")

Answering = Callable[[Any, ServiceRequest], Any]
"""Makes of what a handler gave for a request what its service takes."""

_PENDING = 0xFF00
_MOST = 0xFFFF


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

    def checked(given: Any, request: ServiceRequest) -> Any:
        try:
            return answering(given, request)
        except (TypeError, ValueError) as error:
            # The traceback in the log has no line of the handler, which has returned.
            error.add_note(f"the handler is {getattr(handler, '__qualname__', repr(handler))}")
            raise

    if is_async(handler):

        async def awaited(event: evt.Event) -> Any:
            request = kind(event)
            return await _when_awaited(handler(request), request, checked)

        return awaited

    def called(event: evt.Event) -> Any:
        request = kind(event)
        try:
            given = handler(request)
        except ServiceFailed as refused:
            given = refused
        return _when_awaited(given, request, checked) if is_awaitable(given) else checked(given, request)

    return called


async def _when_awaited(given: Any, request: ServiceRequest, answering: Answering) -> Any:
    try:
        given = await given
    except ServiceFailed as refused:
        given = refused
    return answering(given, request)


def status_answer(given: Any, request: ServiceRequest) -> Status | int:
    """The handler gives a status.

    Raises:
        TypeError: it gave something else.
        ValueError: it gave a number that is no status.
    """
    if isinstance(given, ServiceFailed):
        given = given.status
    if isinstance(given, int) and not isinstance(given, bool):
        if not 0 <= given <= _MOST:
            raise ValueError(f"the handler gave {int(given)}, and a status is between 0 and 0xFFFF")
        return given
    raise TypeError(f"the handler gave {type(given).__name__}, not a Status")


def reply_answer(given: Any, request: ServiceRequest) -> tuple[Any, Dataset | None]:
    """The handler gives attributes, a reply, a status or nothing; `TypeError` for something else."""
    from pydicom.dataset import Dataset

    if given is None:
        return 0x0000, None
    if isinstance(given, Dataset):
        return 0x0000, given
    if isinstance(given, Reply):
        attributes = given.attributes
        if given.instance_uid is not None:
            attributes = Dataset()
            attributes.update(given.attributes)
            attributes.AffectedSOPInstanceUID = given.instance_uid
        return given.status, attributes
    return status_answer(given, request), None


def creation_answer(given: Any, request: ServiceRequest) -> tuple[Any, Dataset | None]:
    """As :func:`reply_answer`, and the peer learns the UID if it has named none; `TypeError` for something else."""
    status, attributes = reply_answer(given, request)
    assert isinstance(request, CreateRequest)
    if request.names_instance or (attributes is not None and "AffectedSOPInstanceUID" in attributes):
        return status, attributes
    from pydicom.dataset import Dataset

    told = Dataset()
    # The handler may keep what it gave.
    told.update(attributes or {})
    told.AffectedSOPInstanceUID = request.sop_instance_uid
    return status, told


def matches_answer(given: Any, request: ServiceRequest) -> Iterable[Any] | AsyncIterable[Any]:
    """The handler gives matches; `TypeError` for something else."""
    if isinstance(given, ServiceFailed):
        return [(given.status, None)]
    _check_many(given, "matches")
    return _awaited_matches(given, request) if hasattr(given, "__aiter__") else _matches(given, request)


def _check_many(given: Any, what: str) -> None:
    from pydicom.dataset import Dataset

    is_many = given is None or isinstance(given, Iterable | AsyncIterable) or hasattr(given, "__getitem__")
    # These can be iterated, but by their elements or letters.
    if isinstance(given, Dataset | str | bytes) or not is_many:
        raise TypeError(f"the handler gave {type(given).__name__}, not {what} in a list or another iterable")


def _matches(given: Iterable[Dataset] | None, request: ServiceRequest) -> Iterator[tuple[int, Dataset | None]]:
    matches = iter(given or ())
    try:
        for match in matches:
            if request.is_cancelled:
                yield Status.CANCEL, None
                return
            yield _PENDING, _alone(match)
    except ServiceFailed as failed:
        yield failed.status, None
    finally:
        _close(matches)


def _alone(item: T) -> T:
    """A match or an instance; `TypeError` for what handlers of events yield around it."""
    if isinstance(item, tuple | int):
        raise TypeError(
            f"the handler gave {type(item).__name__}: it gives matches or instances alone, without status and number"
        )
    return item


def _close(iterator: Any) -> None:
    if hasattr(iterator, "close"):
        iterator.close()


async def _awaited_matches(
    given: AsyncIterable[Dataset], request: ServiceRequest
) -> AsyncIterator[tuple[int, Dataset | None]]:
    matches: Any = aiter(given)
    try:
        async for match in matches:
            if request.is_cancelled:
                yield Status.CANCEL, None
                return
            yield _PENDING, _alone(match)
    except ServiceFailed as failed:
        yield failed.status, None
    finally:
        close: Any = getattr(matches, "aclose", None)
        if close is not None:
            await close()


def instances_answer(given: Any, request: ServiceRequest) -> Iterable[Any] | AsyncIterable[Any]:
    """The handler gives instances; `TypeError` for something else."""
    if isinstance(given, ServiceFailed):
        return [(given.status, None)]
    _check_many(given, "instances")
    return _awaited_instances(given, request) if hasattr(given, "__aiter__") else _instances(given, request)


def _instances(given: Iterable[Any] | None, request: ServiceRequest) -> Iterator[Any]:
    try:
        # How many there are is said before the first is sent.
        instances: Any = given if isinstance(given, Sized) else list(given or ())
    except ServiceFailed as failed:
        yield failed.status, None
        return
    yield len(instances)
    for instance in instances:
        if request.is_cancelled:
            yield Status.CANCEL, None
            return
        yield _PENDING, _alone(instance)


async def _awaited_instances(given: AsyncIterable[Any], request: ServiceRequest) -> AsyncIterator[Any]:
    try:
        instances = [instance async for instance in given]
    except ServiceFailed as failed:
        yield failed.status, None
        return
    for step in _instances(instances, request):
        yield step


def move_answer(given: Any, request: ServiceRequest) -> Iterable[Any]:
    """The handler gives a destination with instances; None: nobody knows it.  `TypeError` for something else."""
    if isinstance(given, ServiceFailed):
        return [(given.status, None)]
    if given is None:
        return [(None, None)]
    if not isinstance(given, MoveTo):
        raise TypeError(f"the handler gave {type(given).__name__}, not a MoveTo or None")
    return _moves(given, request)


def _moves(to: MoveTo, request: ServiceRequest) -> Iterator[Any]:
    contexts = contexts_of(to.instances) if to.contexts is None else list(to.contexts)
    yield to.host, to.port, {"contexts": contexts, **to.options}
    yield from _instances(to.instances, request)


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
