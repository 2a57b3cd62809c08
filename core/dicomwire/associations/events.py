"""Events of an association and how handlers are bound to them: ``from dicomwire import evt``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar, TypeVarTuple, overload

from dicomwire._logging import logger
from dicomwire.associations.received_message import ReceivedMessage, made_by_hand
from dicomwire.vocabulary.contexts import PresentationContextTuple
from dicomwire.vocabulary.titles_and_uids import received_text

if TYPE_CHECKING:
    from typing import Concatenate, ParamSpec

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.tag import BaseTag
    from typing_extensions import TypeVar as WithDefault

    from dicomwire.associations import handler_results as given
    from dicomwire.associations.event_kinds import (
        ActionEvent as ActionEvent,
        AssociationEvent as AssociationEvent,
        AsyncOpsEvent as AsyncOpsEvent,
        ConnectionCloseEvent as ConnectionCloseEvent,
        ConnectionOpenEvent as ConnectionOpenEvent,
        CreateEvent as CreateEvent,
        DataEvent as DataEvent,
        DeleteEvent as DeleteEvent,
        DetailsOfAnyKind as DetailsOfAnyKind,
        EchoEvent as EchoEvent,
        EventReportEvent as EventReportEvent,
        FindEvent as FindEvent,
        GetAttributesEvent as GetAttributesEvent,
        GetEvent as GetEvent,
        MessageEvent as MessageEvent,
        MoveEvent as MoveEvent,
        PDUEvent as PDUEvent,
        PrimitiveEvent as PrimitiveEvent,
        QueryEvent as QueryEvent,
        ServiceEvent as ServiceEvent,
        SetEvent as SetEvent,
        SOPCommonEvent as SOPCommonEvent,
        SOPExtendedEvent as SOPExtendedEvent,
        StoreEvent as StoreEvent,
        StoreSinkEvent as StoreSinkEvent,
        TransitionEvent as TransitionEvent,
        UserIdentityEvent as UserIdentityEvent,
    )

    # With defaults: programs annotate with ``NotificationEvent`` alone.
    KindT_co = WithDefault("KindT_co", covariant=True, default=Any)
    ResultT_contra = WithDefault("ResultT_contra", contravariant=True, default=Any)
    MoreP = ParamSpec("MoreP")
else:
    DetailsOfAnyKind = object
    KindT_co = TypeVar("KindT_co")
    ResultT_contra = TypeVar("ResultT_contra")

KindT = TypeVar("KindT")
ResultT = TypeVar("ResultT")
MoreT = TypeVarTuple("MoreT")

LOGGER = logger(__name__)


class NotificationEvent(NamedTuple, Generic[KindT_co]):
    """Something that happened; any number of handlers may listen.

    Type checkers know which kind of event the handlers are given.
    """

    name: str
    description: str

    @property
    def is_intervention(self) -> bool:
        return False

    @property
    def is_notification(self) -> bool:
        return True

    def __str__(self) -> str:
        return self.name


class InterventionEvent(NamedTuple, Generic[KindT_co, ResultT_contra]):
    """Something to decide; exactly one handler does.

    Type checkers know which kind of event that is given, and what it shall give back.
    """

    name: str
    description: str

    @property
    def is_intervention(self) -> bool:
        return True

    @property
    def is_notification(self) -> bool:
        return False

    def __str__(self) -> str:
        return self.name


EventType: TypeAlias = NotificationEvent | InterventionEvent
Handler: TypeAlias = Callable[..., Any]
EventHandler: TypeAlias = tuple[Any, ...]
"""``(event, handler)`` or ``(event, handler, args)``.  No more exact: of a list that mixes the two, type checkers
infer tuples of anything, and programs are full of such lists."""

EventHandlerType = EventHandler
"""The name of it in programs for pynetdicom."""

Binding: TypeAlias = tuple[Handler, list[Any] | None]

EVT_ABORTED: NotificationEvent[AssociationEvent] = NotificationEvent("EVT_ABORTED", "Association aborted")
EVT_ACCEPTED: NotificationEvent[AssociationEvent] = NotificationEvent("EVT_ACCEPTED", "Association request accepted")
EVT_ACSE_RECV: NotificationEvent[PrimitiveEvent] = NotificationEvent("EVT_ACSE_RECV", "Association primitive received")
EVT_ACSE_SENT: NotificationEvent[PrimitiveEvent] = NotificationEvent("EVT_ACSE_SENT", "Association primitive sent")
EVT_CONN_CLOSE: NotificationEvent[ConnectionCloseEvent] = NotificationEvent("EVT_CONN_CLOSE", "Connection closed")
EVT_CONN_OPEN: NotificationEvent[ConnectionOpenEvent] = NotificationEvent("EVT_CONN_OPEN", "Connection opened")
EVT_DATA_RECV: NotificationEvent[DataEvent] = NotificationEvent("EVT_DATA_RECV", "Bytes of a PDU received")
EVT_DATA_SENT: NotificationEvent[DataEvent] = NotificationEvent("EVT_DATA_SENT", "Bytes of a PDU sent")
EVT_DIMSE_RECV: NotificationEvent[MessageEvent] = NotificationEvent("EVT_DIMSE_RECV", "DIMSE message received")
EVT_DIMSE_SENT: NotificationEvent[MessageEvent] = NotificationEvent("EVT_DIMSE_SENT", "DIMSE message sent")
EVT_ESTABLISHED: NotificationEvent[AssociationEvent] = NotificationEvent("EVT_ESTABLISHED", "Association established")
EVT_FSM_TRANSITION: NotificationEvent[TransitionEvent] = NotificationEvent(
    "EVT_FSM_TRANSITION", "Upper layer state machine changes state"
)
EVT_PDU_RECV: NotificationEvent[PDUEvent] = NotificationEvent("EVT_PDU_RECV", "PDU received")
EVT_PDU_SENT: NotificationEvent[PDUEvent] = NotificationEvent("EVT_PDU_SENT", "PDU sent")
EVT_REJECTED: NotificationEvent[AssociationEvent] = NotificationEvent("EVT_REJECTED", "Association request rejected")
EVT_RELEASED: NotificationEvent[AssociationEvent] = NotificationEvent("EVT_RELEASED", "Association released")
EVT_REQUESTED: NotificationEvent[AssociationEvent] = NotificationEvent("EVT_REQUESTED", "Association requested")

EVT_ASYNC_OPS: InterventionEvent[AsyncOpsEvent, given.WindowResult] = InterventionEvent(
    "EVT_ASYNC_OPS", "Asynchronous operations window proposed"
)
EVT_SOP_COMMON: InterventionEvent[SOPCommonEvent, given.CommonResult] = InterventionEvent(
    "EVT_SOP_COMMON", "SOP class common extended negotiation proposed"
)
EVT_SOP_EXTENDED: InterventionEvent[SOPExtendedEvent, given.ExtendedResult] = InterventionEvent(
    "EVT_SOP_EXTENDED", "SOP class extended negotiation proposed"
)
EVT_USER_ID: InterventionEvent[UserIdentityEvent, given.IdentityResult] = InterventionEvent(
    "EVT_USER_ID", "User identity proposed"
)
EVT_C_ECHO: InterventionEvent[EchoEvent, given.StatusResult] = InterventionEvent(
    "EVT_C_ECHO", "C-ECHO request received"
)
EVT_C_FIND: InterventionEvent[FindEvent, given.FindResult] = InterventionEvent("EVT_C_FIND", "C-FIND request received")
EVT_C_GET: InterventionEvent[GetEvent, given.GetResult] = InterventionEvent("EVT_C_GET", "C-GET request received")
EVT_C_MOVE: InterventionEvent[MoveEvent, given.MoveResult] = InterventionEvent("EVT_C_MOVE", "C-MOVE request received")
EVT_C_STORE: InterventionEvent[StoreEvent, given.StatusResult] = InterventionEvent(
    "EVT_C_STORE", "C-STORE request received"
)
EVT_N_ACTION: InterventionEvent[ActionEvent, given.ReplyResult] = InterventionEvent(
    "EVT_N_ACTION", "N-ACTION request received"
)
EVT_N_CREATE: InterventionEvent[CreateEvent, given.ReplyResult] = InterventionEvent(
    "EVT_N_CREATE", "N-CREATE request received"
)
EVT_N_DELETE: InterventionEvent[DeleteEvent, given.StatusResult] = InterventionEvent(
    "EVT_N_DELETE", "N-DELETE request received"
)
EVT_N_EVENT_REPORT: InterventionEvent[EventReportEvent, given.ReplyResult] = InterventionEvent(
    "EVT_N_EVENT_REPORT", "N-EVENT-REPORT request received"
)
EVT_N_GET: InterventionEvent[GetAttributesEvent, given.ReplyResult] = InterventionEvent(
    "EVT_N_GET", "N-GET request received"
)
EVT_N_SET: InterventionEvent[SetEvent, given.ReplyResult] = InterventionEvent("EVT_N_SET", "N-SET request received")

EVT_C_STORE_SINK: InterventionEvent[StoreSinkEvent, given.SinkResult] = InterventionEvent(
    "EVT_C_STORE_SINK", "A C-STORE data set is about to arrive: where to put it?"
)
"""Our extension: the handler is called after the C-STORE command and before the first byte of its data set, and
says where the data set goes: None for memory, a path, a file object, a ``bytearray``, a callable that takes each
piece, or a :class:`dicomwire.sinks.Sink`."""

INTERVENTIONS = (
    EVT_ASYNC_OPS, EVT_SOP_COMMON, EVT_SOP_EXTENDED, EVT_USER_ID, EVT_C_ECHO, EVT_C_FIND, EVT_C_GET, EVT_C_MOVE,
    EVT_C_STORE, EVT_N_ACTION, EVT_N_CREATE, EVT_N_DELETE, EVT_N_EVENT_REPORT, EVT_N_GET, EVT_N_SET,
)  # fmt: skip


def _unbound(event: Event) -> Any:
    """Nobody handles this event; the service answers that it cannot."""
    raise NotImplementedError(f"no handler is bound to {event.event.name}")


def _echo(event: Event) -> int:
    return 0x0000


def _nothing_accepted(event: Event) -> dict[str, Any]:
    return {}


_DEFAULTS: dict[EventType, Handler] = {
    EVT_C_ECHO: _echo,
    EVT_SOP_COMMON: _nothing_accepted,
    EVT_SOP_EXTENDED: _nothing_accepted,
}


def get_default_handler(event: InterventionEvent) -> Handler:
    """The handler that acts where none is bound."""
    return _DEFAULTS.get(event, _unbound)


class Event(DetailsOfAnyKind):
    """What a handler is given: what happened, to which association, and its details.

    Attributes beside the documented ones of each event raise ``AttributeError``.

    May be made by hand, to test a handler: ``Event(None, evt.EVT_C_STORE, {"request": primitive, "context": context})``
    with a primitive of :mod:`dicomwire.dimse_primitives` and the context as a tuple of ID, abstract syntax and transfer
    syntax, which may be left out for Implicit VR Little Endian.  ``timestamp`` is None then, unless it is given or the
    association has a clock.
    """

    def __init__(
        self,
        assoc: Any,
        event: EventType,
        attrs: dict[str, Any] | None = None,
        *,
        timestamp: datetime | None = None,
        message: ReceivedMessage | None = None,
    ) -> None:
        # Any: the class of the adapter in use, whose verbs block or are awaited.
        self.assoc: Any = assoc
        self.event = event
        # Not a clock of our own: the core has none.
        self.timestamp: datetime = timestamp or _time_at(assoc)
        self._message = message
        if attrs:
            if message is None and "request" in attrs:
                attrs = attrs.copy()
                self._message = made_by_hand(attrs.pop("request"), attrs.pop("context", None))
            self.__dict__.update(attrs)

    @property
    def _event(self) -> EventType:
        """``event`` under the name that programs for pynetdicom look at."""
        return self.event

    def __repr__(self) -> str:
        return f"<Event {self.event.name}>"

    def _service_message(self, name: str) -> ReceivedMessage:
        if self._message is None:
            raise AttributeError(f"{self.event.name} has no {name}: it is not a service event")
        return self._message

    def _of(self, name: str, *events: EventType) -> ReceivedMessage:
        """The message, if this event is one of ``events``."""
        if self._message is None or self.event not in events:
            raise AttributeError(f"{self.event.name} has no {name}")
        return self._message

    # -- all service events ---------------------------------------------------------------------------------------
    @property
    def request(self) -> Any:
        """The request as a DIMSE primitive of :mod:`dicomwire.dimse_primitives`."""
        return self._service_message("request").primitive

    @property
    def context(self) -> PresentationContextTuple:
        """The presentation context the request came on: ID, abstract syntax and transfer syntax."""
        return self._service_message("context").context_tuple

    @property
    def message_id(self) -> int:
        return self._service_message("message_id").message_id

    # -- data sets ------------------------------------------------------------------------------------------------
    @property
    def dataset(self) -> Dataset:
        """The received data set, decoded on first use; empty if none was sent.

        Raises what pydicom raises, and `ValueError` for what is plainly no data set in the transfer syntax of the
        context.
        """
        return self._of("dataset", EVT_C_STORE).data_set()

    @property
    def dataset_path(self) -> Path | None:
        """Where the file of a data set is that went to a path; None if it is in memory.

        Received in chunks it is temporary, and deleted when the handler returns.  A file under a path of yours stays;
        if your status is a failure, what was under that path before comes back.
        """
        return self._of("dataset_path", EVT_C_STORE).path

    def encoded_dataset(self, include_meta: bool = True) -> bytes:
        """The data set as received, by default as a complete DICOM file: preamble, file meta, data set.

        Elements of group 0002 that the peer sent in front of it are left out.  `ValueError` if a file is asked for, and
        what came is plainly no data set.
        """
        return self._of("encoded_dataset", EVT_C_STORE).encoded(include_meta=include_meta)

    @property
    def file_meta(self) -> FileMetaDataset:
        """New file meta information for the received instance."""
        return self._of("file_meta", EVT_C_STORE, EVT_C_STORE_SINK).file_meta()

    @property
    def identifier(self) -> Dataset:
        """The decoded query."""
        return self._of("identifier", EVT_C_FIND, EVT_C_GET, EVT_C_MOVE).data_set()

    @property
    def action_information(self) -> Dataset:
        return self._of("action_information", EVT_N_ACTION).data_set()

    @property
    def attribute_list(self) -> Dataset:
        """What to create; of N-SET, as in pynetdicom, the modification list."""
        return self._of("attribute_list", EVT_N_CREATE, EVT_N_SET).data_set()

    @property
    def event_information(self) -> Dataset:
        return self._of("event_information", EVT_N_EVENT_REPORT).data_set()

    @property
    def modification_list(self) -> Dataset:
        return self._of("modification_list", EVT_N_SET).data_set()

    # -- command elements -----------------------------------------------------------------------------------------
    @property
    def move_destination(self) -> str | None:
        title = self._of("move_destination", EVT_C_MOVE).command.move_destination
        return title if title is None else received_text(title)

    @property
    def action_type(self) -> int | None:
        return self._of("action_type", EVT_N_ACTION).command.action_type_id

    @property
    def event_type(self) -> int | None:
        return self._of("event_type", EVT_N_EVENT_REPORT).command.event_type_id

    @property
    def attribute_identifiers(self) -> list[BaseTag]:
        """The tags asked for; ``[]`` is all."""
        from pydicom.tag import Tag

        command = self._of("attribute_identifiers", EVT_N_GET).command
        return [Tag(tag) for tag in command.attribute_identifier_list or ()]

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer has sent C-CANCEL for this request; once True it stays so."""
        if self._message is None or self.event not in (EVT_C_FIND, EVT_C_GET, EVT_C_MOVE):
            return False
        asked = self.__dict__.get("_is_cancelled")
        return bool(asked(self._message.message_id)) if asked else self._message.is_cancelled


if TYPE_CHECKING:

    class EventOfAnyKind(Event):
        """What a handler takes that is annotated with `Event`, and none that is annotated with a kind."""

        event: None  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]

    EventOf: TypeAlias = NotificationEvent[KindT] | InterventionEvent[KindT, ResultT]
    HandlerOf: TypeAlias = Callable[[KindT], ResultT] | Callable[[EventOfAnyKind], ResultT]
    HandlerWithAny: TypeAlias = (
        Callable[Concatenate[KindT, MoreP], ResultT] | Callable[Concatenate[EventOfAnyKind, MoreP], ResultT]
    )


@overload
def on(event: EventOf[KindT, ResultT], handler: HandlerOf[KindT, ResultT]) -> EventHandler: ...


@overload
def on(
    event: EventOf[KindT, ResultT],
    handler: Callable[[KindT, *MoreT], ResultT] | Callable[[EventOfAnyKind, *MoreT], ResultT],
    *args: *MoreT,
) -> EventHandler: ...


def on(event: EventType, handler: Callable[[Any, *MoreT], Any], *args: *MoreT) -> EventHandler:
    """An item of ``evt_handlers`` that type checkers check: ``args`` follow the event when ``handler`` is called.

    ``evt_handlers=[evt.on(evt.EVT_C_STORE, handle_store, folder)]`` is ``[(evt.EVT_C_STORE, handle_store, [folder])]``
    with errors where the handler looks at what that event does not have, takes more or fewer arguments or others, or
    gives something else than the event wants (extension).
    """
    return (event, handler, list(args)) if args else (event, handler)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # What handlers are annotated with: loaded where annotations are looked at.
        if name.endswith("Event"):
            from dicomwire.associations import event_kinds

            if name in event_kinds.__dict__:
                return event_kinds.__dict__[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _time_at(assoc: Any) -> Any:
    line = getattr(assoc, "line", None)
    return None if line is None else line.host.timestamp()


def message_of(event: Event) -> ReceivedMessage:
    """The received message that a service event is about; `AttributeError` if it is about none."""
    if event._message is None:
        raise AttributeError(f"{event.event.name} is not about a message")
    return event._message


def trigger(assoc: Any, event: EventType, attrs: dict[str, Any] | None = None) -> Any:
    """Call the handlers of ``event`` with an :class:`Event` made of ``attrs``; for plain handlers.

    A notification returns None, and what its handlers raise is logged; an intervention returns what its handler
    returns, and lets its exceptions through.
    """
    happened = Event(assoc, event, attrs)
    bound = assoc.get_handlers(event)
    if isinstance(bound, tuple):
        handler, args = bound
        return handler(happened, *(args or ()))
    for handler, args in bound:
        try:
            handler(happened, *(args or ()))
        except Exception:
            LOGGER.exception("handler %r of %s raised", handler, event.name)
    return None
