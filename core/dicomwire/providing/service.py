"""A service: typed handlers, and the presentation contexts on which they are asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from dicomwire._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES, EXPLICIT_LITTLE, VERIFICATION
from dicomwire._values import Value
from dicomwire.associations import events as evt
from dicomwire.associations.user_code import is_async
from dicomwire.client.failures import ServiceFailed
from dicomwire.client.queries import FIND, GET, MOVE, PATIENT_ROOT, STUDY_ROOT, WORKLIST
from dicomwire.data.sinks import SinkTarget
from dicomwire.operations.unified_steps import PUSH
from dicomwire.providing import answering as answers, typed_requests as requests
from dicomwire.vocabulary.context_lists import storage_classes
from dicomwire.vocabulary.contexts import PresentationContext, build_context
from dicomwire.vocabulary.titles_and_uids import require_uid
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from dicomwire.providing import handler_decorators as decorators

SinkT = TypeVar("SinkT", bound="SinkTarget | Awaitable[SinkTarget]")

_STORED = [EXPLICIT_LITTLE, *(syntax for syntax in ALL_TRANSFER_SYNTAXES if syntax != EXPLICIT_LITTLE)]
"""Explicit before implicit, which loses the VRs of private elements."""


@frozen(kw_only=True, repr=False, eq=False)
class Registration(Value):
    """A handler that was registered, and for which SOP classes."""

    kind: type[requests.ServiceRequest]
    handler: Callable[..., Any]
    answering: answers.Answering
    classes: tuple[str, ...]
    transfer_syntaxes: tuple[str, ...]


class Registering:
    """A decorator for handlers of one kind of request: ``@service.store``, or ``@service.store(classes=...)``."""

    def __init__(
        self,
        registered: list[Registration],
        kind: type[requests.ServiceRequest],
        answering: answers.Answering,
        classes: Callable[[], Iterable[str]] | None = None,
        syntaxes: Iterable[str] = DEFAULT_TRANSFER_SYNTAXES,
    ) -> None:
        self._registered = registered
        self._kind = kind
        self._answering = answering
        self._classes = classes
        self._syntaxes = tuple(syntaxes)

    def __call__(
        self,
        handler: Callable[[Any], Any] | None = None,
        /,
        *,
        classes: Iterable[str] | None = None,
        transfer_syntaxes: Iterable[str] | None = None,
    ) -> Any:
        """Register a handler for SOP classes, by default those that the kind of request is usually about.

        Raises:
            TypeError: ``classes`` are missing where there are no usual ones, or are one string.
            ValueError: what they or ``transfer_syntaxes`` hold is no UID, or they are empty.
        """
        if isinstance(classes, str) or isinstance(transfer_syntaxes, str):
            raise TypeError("'classes' and 'transfer_syntaxes' are lists of UIDs, not one string")
        if classes is None and self._classes is None:
            raise TypeError(f"a handler of {self._kind.__name__} needs classes=[...]: the UIDs of its SOP classes")
        named = tuple(map(str, classes if classes is not None else self._classes()))  # type: ignore[misc]
        syntaxes = self._syntaxes if transfer_syntaxes is None else tuple(map(str, transfer_syntaxes))
        for uid in [*(named if classes is not None else ()), *(syntaxes if transfer_syntaxes is not None else ())]:
            require_uid(uid)
        if not named or not syntaxes:
            raise ValueError("a handler for no SOP class, or for no transfer syntax, is never called")

        def register(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
            self._registered.append(
                Registration(
                    kind=self._kind,
                    handler=handler,
                    answering=self._answering,
                    classes=named,
                    transfer_syntaxes=syntaxes,
                )
            )
            return handler

        return register if handler is None else register(handler)


def _models(service: str) -> Callable[[], Iterable[str]]:
    return lambda: (PATIENT_ROOT + service, STUDY_ROOT + service)


class Service:
    """What an application entity does for its peers: a handler for each kind of request, to be given to ``serve``.

    Each attribute below is a decorator: ``@service.store`` registers a handler for the SOP classes that its kind is
    usually about, and ``@service.store(classes=[...], transfer_syntaxes=[...])`` for others; those of managed instances
    have no usual ones.  A handler is given a request of its own class.  It may raise `ServiceFailed` with the status
    that the peer shall get; whatever else it raises is logged, and answered as a failure.
    """

    def __init__(self) -> None:
        self.registered: list[Registration] = []
        """The handlers, in the order in which they were registered."""

        self.sinks: list[Callable[[requests.StoreRequest], Any]] = []
        """The handlers of :meth:`sink`."""

        new = self.registered
        self.echo: decorators.StatusHandlers[requests.EchoRequest] = Registering(
            new, requests.EchoRequest, answers.status_answer, lambda: (VERIFICATION,)
        )
        """Gives a status.  Without a handler the answer is Success."""

        self.store: decorators.StatusHandlers[requests.StoreRequest] = Registering(
            new, requests.StoreRequest, answers.status_answer, storage_classes, _STORED
        )
        """Gives a status.  Usually every storage SOP class in every transfer syntax."""

        self.find: decorators.MatchHandlers[requests.FindRequest] = Registering(
            new, requests.FindRequest, answers.matches_answer, _models(FIND)
        )
        """Gives matches, or is a generator of them.  Usually patient and study root."""

        self.worklist: decorators.MatchHandlers[requests.FindRequest] = Registering(
            new, requests.FindRequest, answers.matches_answer, lambda: (WORKLIST,)
        )
        """The same for the modality worklist."""

        self.get: decorators.InstanceHandlers[requests.GetRequest] = Registering(
            new, requests.GetRequest, answers.instances_answer, _models(GET)
        )
        """Gives instances: data sets, paths of files, or whatever else can be stored.

        A sequence is best: how many there are is said first."""

        self.move: decorators.DestinationHandlers[requests.MoveRequest] = Registering(
            new, requests.MoveRequest, answers.move_answer, _models(MOVE)
        )
        """Gives a `MoveTo`: where the destination is, and what goes there; None if nobody knows the destination."""

        self.create: decorators.NamedReplyHandlers[requests.CreateRequest] = Registering(
            new, requests.CreateRequest, answers.creation_answer
        )
        """Gives the attributes of the new instance, a `Reply` with them, a status, or None for Success."""

        self.set: decorators.NamedReplyHandlers[requests.SetRequest] = Registering(
            new, requests.SetRequest, answers.reply_answer
        )
        """Gives the attributes that were changed, or as for :attr:`create`."""

        self.get_attributes: decorators.NamedReplyHandlers[requests.GetAttributesRequest] = Registering(
            new, requests.GetAttributesRequest, answers.reply_answer
        )
        """Gives the attributes that were asked for, or as for :attr:`create`."""

        self.action: decorators.NamedReplyHandlers[requests.ActionRequest] = Registering(
            new, requests.ActionRequest, answers.reply_answer
        )
        """Gives the action reply, or as for :attr:`create`."""

        self.delete: decorators.NamedStatusHandlers[requests.DeleteRequest] = Registering(
            new, requests.DeleteRequest, answers.status_answer
        )
        """Gives a status."""

        self.report_event: decorators.NamedReplyHandlers[requests.EventReport] = Registering(
            new, requests.EventReport, answers.reply_answer
        )
        """Gives the event reply, or as for :attr:`create`."""

    def sink(self, handler: Callable[[requests.StoreRequest], SinkT], /) -> Callable[[requests.StoreRequest], SinkT]:
        """A decorator for the handler that says where an instance goes, before the first byte of it has come.

        It gives the path of the file to be written, which is ``request.path`` for the handler of :attr:`store`
        then, None for memory, or whatever else ``EVT_C_STORE_SINK`` takes.  There is one for all storage SOP classes.
        """
        self.sinks.append(handler)
        return handler


class Provided:
    """What several services are together, for a server."""

    def __init__(self, services: Iterable[Service]) -> None:
        """The services, none of which may handle what another does.

        Raises:
            TypeError: there is none, or one is no `Service`.
            ValueError: two handlers are for one kind of request on one SOP class.
        """
        given = list(services)
        wrong = next((item for item in given if not isinstance(item, Service)), None)
        if wrong is not None or not given:
            what = "nothing" if wrong is None else type(wrong).__name__
            raise TypeError(f"serve() needs a Service or several, not {what}")
        self._registered = [item for service in given for item in service.registered]
        self._sinks = [sink for service in given for sink in service.sinks]
        if len(self._sinks) > 1:
            raise ValueError("two handlers say where instances go: there can be one")

    def handlers(self) -> list[evt.EventHandler]:
        """The handlers of events."""
        by_event: dict[evt.InterventionEvent, dict[str, evt.Handler]] = {}
        refusing: dict[evt.InterventionEvent, evt.Handler] = {}
        for item in self._registered:
            called = answers.handler_of(item.handler, item.kind, item.answering)
            refusing[item.kind.event_type] = answers.handler_of(_refuse_class, item.kind, item.answering)
            known = by_event.setdefault(item.kind.event_type, {})
            for uid in item.classes:
                if uid in known:
                    raise ValueError(f"two handlers of {item.kind.__name__} for the SOP class {uid}")
                known[uid] = called
        bound: list[evt.EventHandler] = [(event, _chooser(known, refusing[event])) for event, known in by_event.items()]
        bound += [
            (evt.EVT_C_STORE_SINK, answers.handler_of(sink, requests.StoreRequest, _as_it_is)) for sink in self._sinks
        ]
        return bound

    def contexts(self) -> list[PresentationContext]:
        """The presentation contexts to accept."""
        contexts: dict[str, PresentationContext] = {VERIFICATION: build_context(VERIFICATION)}
        for item in self._registered:
            for uid in item.classes:
                context = contexts.setdefault(uid, build_context(uid, list(item.transfer_syntaxes)))
                for syntax in item.transfer_syntaxes:
                    context.add_transfer_syntax(syntax)
        if any(item.kind is requests.GetRequest for item in self._registered):
            for uid in storage_classes():
                is_stored = uid in contexts
                context = contexts.setdefault(uid, build_context(uid, _STORED))
                context.scu_role, context.scp_role = is_stored, True
        return list(contexts.values())


def _as_it_is(given: Any, request: requests.ServiceRequest) -> Any:
    if isinstance(given, ServiceFailed):
        raise given
    return given


def _chooser(known: dict[str, evt.Handler], refusing: evt.Handler) -> evt.Handler:
    """The handler for an event, which leads to the one for its SOP class."""
    if all(is_async(handler) for handler in known.values()):

        async def awaited(event: evt.Event) -> Any:
            handler = _chosen(known, event)
            return refusing(event) if handler is None else await handler(event)

        return awaited

    def called(event: evt.Event) -> Any:
        return (_chosen(known, event) or refusing)(event)

    return called


def _chosen(known: dict[str, evt.Handler], event: evt.Event) -> evt.Handler | None:
    message = evt.message_of(event)
    context = message.context.abstract_syntax
    named = message.command.affected_sop_class_uid or message.command.requested_sop_class_uid or context
    # All that is asked about unified procedure steps names one class (PS3.4 CC.2): there the context says more.  In
    # printing the context says less.
    first, second = (context, named) if named == PUSH else (named, context)
    handler = known.get(first) or known.get(second)
    if handler is None and named == context and len({id(each) for each in known.values()}) == 1:
        # A context that the program has named itself, and one handler that it can be meant for.
        return next(iter(known.values()))
    return handler


def _refuse_class(request: requests.ServiceRequest) -> Any:
    raise ServiceFailed(Status.CLASS_NOT_SUPPORTED)
