"""One association seen from above the wire: its state, its handlers, and the engine that moves its messages."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dicomwire import events as evt
from dicomwire.dimse.command import Command
from dicomwire.dimse.events import CancelReceived, DataSetReceived, MessageReceived
from dicomwire.dimse.session import Session
from dicomwire.errors import LocalProtocolError, RemoteProtocolError
from dicomwire.logic.channel import Channel
from dicomwire.logic.handlers import HandlerRaised
from dicomwire.logic.received import ReceivedMessage
from dicomwire.logic.reception import receive_data_set
from dicomwire.logic.service_user import ServiceUser
from dicomwire.logic.serving import serve
from dicomwire.negotiation import NegotiatedContext
from dicomwire.upper_layer.connection import Buffer, Connection
from dicomwire.upper_layer.events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    ConnectionClosed,
    Event,
    Released,
    ReleaseRequested,
    RequestRefused,
    TimedOut,
    Tolerated,
)
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.pdus import Abort, AssociateRQ, ReleaseRP, ReleaseRQ, decode_pdu
from dicomwire.upper_layer.state import Role, State
from dicomwire.upper_layer.tap import PDUReceived, PDUSent, Tap
from dicomwire.upper_layer.timers import Timer

if TYPE_CHECKING:
    from datetime import datetime

    from dicomwire.logic.entity import ApplicationEntityBase
    from dicomwire.presentation import PresentationContext

LOGGER = logging.getLogger(__name__)

A = TypeVar("A", bound="AssociationBase")

_AT_ONCE = 1 << 20
"""The most bytes of a data set that are queued before they are written."""

_LINGER = 2.0
"""Seconds for a peer to close after an abort; whoever aborts may be waiting for it."""

_TAPPED = (evt.EVT_DATA_SENT, evt.EVT_DATA_RECV, evt.EVT_PDU_SENT, evt.EVT_PDU_RECV, evt.EVT_FSM_TRANSITION)


class _Exchange:
    """See ``AssociationBase._exchange``; a class, because a generator costs ten times as much."""

    __slots__ = ("_association",)

    def __init__(self, association: AssociationBase) -> None:
        self._association = association

    def __enter__(self) -> None:
        """Nothing is done before."""

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is not None and not self._association._ended:
            self._association._abandon()


class ProtocolBroken(NamedTuple):
    """The peer broke the protocol; the A-ABORT is queued."""

    error: RemoteProtocolError


class AssociationBase:
    """State, handlers and engine of an association; the faces of the adapters add the waiting verbs.

    Every coroutine of an association may take part in reading for all: whoever finds nobody at it takes the next
    event and deals with it, or waits for more bytes; the others wait for their turn.  So one thread or task can
    wait for a response while another waits for requests, and messages go to whom they belong.
    """

    def __init__(
        self,
        ae: ApplicationEntityBase,
        role: Role,
        handlers: evt.HandlerTable,
        *,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._ae = ae
        self._role = role
        self._handlers = handlers
        self._owns_handlers = False
        self._timeouts = timeouts or Timeouts(
            artim=ae.acse_timeout,
            associate=ae.acse_timeout,
            release=ae.acse_timeout,
            progress=ae.network_timeout,
            response=ae.dimse_timeout,
            idle=ae.network_timeout,
        )
        self.connection_timeout = ae.connection_timeout
        self._network_timeout_response = "A-ABORT"
        self.is_established = False
        self.is_rejected = False
        self.is_aborted = False
        self.is_released = False
        self.failure: str | None = None
        """Why the association was rejected or aborted, in words; None if it was not."""

        self.requestor = ServiceUser("requestor")
        self.acceptor = ServiceUser("acceptor")
        own = self._own_side
        own._implementation_class_uid = ae.implementation_class_uid
        own._implementation_version_name = ae.implementation_version_name
        if role is Role.ACCEPTOR:
            own._maximum_length = ae.maximum_pdu_size
        self.name = f"{role.value.capitalize()}Thread"

        self._session: Session | None = None
        self._channel: Channel | None = None
        self._contexts: list[NegotiatedContext] = []
        self._by_abstract_syntax: dict[str, list[NegotiatedContext]] | None = None
        self._chosen: dict[Any, NegotiatedContext | None] = {}
        self._answer: AssociateAccepted | AssociateRejected | None = None
        self._request: AssociateRQ | None = None
        self._opened = False
        self._ended = False
        self._advancing = False
        self._closing = False
        self._closed = False
        self._is_mute = False
        self._sending = False
        self._iterating = 0
        self._responses: dict[int, deque[ReceivedMessage]] = {}
        self._common_extended: dict[str, str] = {}

    # -- what adapters say ----------------------------------------------------------------------------------------
    def _timestamp(self) -> datetime:
        """The time of day, for events: the core reads no clock."""
        raise NotImplementedError

    def _call_now(self, function: Any, *args: Any) -> None:
        """Run plain user code where nothing can be awaited."""
        function(*args)

    async def _call(self, function: Any, *args: Any) -> Any:
        """Run user code, plain or ``async``; the one place that does.  Adapters may run it elsewhere."""
        result = function(*args)
        return await result if inspect.isawaitable(result) else result

    def _deadline_moved(self) -> None:
        """The network timeout was set: adapters that wait for its deadline elsewhere look again."""

    # -- state ----------------------------------------------------------------------------------------------------
    @property
    def ae(self) -> Any:
        """The AE this association belongs to."""
        return self._ae

    @property
    def mode(self) -> str:
        """``"requestor"`` or ``"acceptor"``: our side."""
        return self._role.value

    @property
    def is_requestor(self) -> bool:
        return self._role is Role.REQUESTOR

    @property
    def is_acceptor(self) -> bool:
        return self._role is Role.ACCEPTOR

    @property
    def _own_side(self) -> ServiceUser:
        return self.requestor if self.is_requestor else self.acceptor

    @property
    def _peer_side(self) -> ServiceUser:
        return self.acceptor if self.is_requestor else self.requestor

    @property
    def local(self) -> dict[str, Any]:
        """Our title, address and port, and the longest PDU we take."""
        return self._own_side.info

    @property
    def remote(self) -> dict[str, Any]:
        """The peer's title, address and port, and the longest PDU it takes."""
        return self._peer_side.info

    @property
    def acse_timeout(self) -> float | None:
        """Seconds for answers to association and release requests, and for the peer to close; None: no limit."""
        return self._timeouts.artim

    @acse_timeout.setter
    def acse_timeout(self, seconds: float | None) -> None:
        self._timeouts.artim = self._timeouts.associate = self._timeouts.release = seconds

    @property
    def dimse_timeout(self) -> float | None:
        """Seconds for each response to a request; None: no limit."""
        return self._timeouts.response

    @dimse_timeout.setter
    def dimse_timeout(self, seconds: float | None) -> None:
        self._timeouts.response = seconds

    @property
    def network_timeout(self) -> float | None:
        """Seconds without traffic while established, and for the progress of a started message; None: no limit."""
        return self._timeouts.idle

    @network_timeout.setter
    def network_timeout(self, seconds: float | None) -> None:
        self._timeouts.idle = self._timeouts.progress = seconds
        self._deadline_moved()

    @property
    def network_timeout_response(self) -> str:
        """What to do when the network timeout expires: ``"A-ABORT"`` (default) or ``"A-RELEASE"``."""
        return self._network_timeout_response

    @network_timeout_response.setter
    def network_timeout_response(self, response: str) -> None:
        if response not in ("A-ABORT", "A-RELEASE"):
            raise ValueError(f"the network timeout response is 'A-ABORT' or 'A-RELEASE', not {response!r}")
        self._network_timeout_response = response
        if self._session is not None:
            self._session.connection.idle_releases = response == "A-RELEASE"

    @property
    def accepted_contexts(self) -> list[PresentationContext]:
        """The accepted presentation contexts, by ID."""
        return self._presentation_contexts(accepted=True)

    @property
    def rejected_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that were not accepted, by ID."""
        return self._presentation_contexts(accepted=False)

    def _presentation_contexts(self, *, accepted: bool) -> list[PresentationContext]:
        from dicomwire.logic.conversion import presentation_context

        return [presentation_context(context) for context in self._contexts if (context.result == 0) is accepted]

    def _set_contexts(self, contexts: list[NegotiatedContext]) -> None:
        self._contexts = contexts
        self._by_abstract_syntax = None
        self._chosen.clear()

    def _context(self, context_id: int) -> NegotiatedContext | None:
        """The accepted context with this ID."""
        return next((item for item in self._contexts if item.context_id == context_id and item.result == 0), None)

    def _accepted(self, abstract_syntax: str) -> list[NegotiatedContext]:
        """The accepted contexts of one abstract syntax, by ID."""
        if self._by_abstract_syntax is None:
            table: dict[str, list[NegotiatedContext]] = {}
            for context in self._contexts:
                if context.result == 0:
                    table.setdefault(context.abstract_syntax, []).append(context)
            self._by_abstract_syntax = table
        return self._by_abstract_syntax.get(abstract_syntax, [])

    # -- handlers -------------------------------------------------------------------------------------------------
    def _own_handlers(self) -> evt.HandlerTable:
        # A server's associations share its table until one is changed for itself.
        if not self._owns_handlers:
            self._handlers = self._handlers.copy()
            self._owns_handlers = True
        return self._handlers

    def bind(self, event: evt.EventType, handler: evt.Handler, args: list[Any] | None = None) -> None:
        """Bind ``handler`` to ``event`` for this association; ``args`` follow the event when it is called."""
        self._own_handlers().bind(event, handler, args)
        self._adjust_tap()

    def unbind(self, event: evt.EventType, handler: evt.Handler) -> None:
        """Remove every binding of ``handler`` to ``event``."""
        self._own_handlers().unbind(event, handler)
        self._adjust_tap()

    def get_events(self) -> list[evt.EventType]:
        """The events that have a handler, by name."""
        return self._handlers.events()

    def get_handlers(self, event: evt.EventType) -> list[evt.Binding] | evt.Binding:
        """The bindings of a notification event as a list, or the one of an intervention event."""
        return self._handlers.handlers(event)

    def _adjust_tap(self) -> None:
        """Record what crosses the connection only as far as somebody listens."""
        if self._session is None:
            return
        listening = {event for event in _TAPPED if self._handlers.listeners(event)}
        connection = self._session.connection
        if not listening:
            connection.tap = None
            return
        if connection.tap is None:
            connection.tap = Tap()
        mine = any(
            item[0] not in self._handlers.library
            for event in listening & set(_TAPPED[:4])
            for item in self._handlers.listeners(event)
        )
        connection.tap.p_data = mine
        connection.tap.transitions = evt.EVT_FSM_TRANSITION in listening

    async def _notify(self, event: evt.NotificationEvent, **attrs: Any) -> None:
        """Tell the handlers of a notification event; what they raise is logged and goes no further."""
        for handler, args in self._handlers.listeners(event):
            happened = evt.Event(self, event, attrs, timestamp=self._timestamp())
            try:
                await self._call(handler, happened, *(args or ()))
            except Exception:
                LOGGER.exception("handler of %s raised", event.name)

    def _notify_now(self, event: evt.NotificationEvent, **attrs: Any) -> None:
        """Tell the plain handlers of a notification event where nothing can be awaited any more."""
        for handler, args in self._handlers.listeners(event):
            if inspect.iscoroutinefunction(handler):
                continue
            happened = evt.Event(self, event, attrs, timestamp=self._timestamp())
            try:
                self._call_now(handler, happened, *(args or ()))
            except Exception:
                LOGGER.exception("handler of %s raised", event.name)

    async def _notify_primitive(self, event: evt.NotificationEvent, make: Callable[[], Any]) -> None:
        """Tell of an association primitive, which is made only if somebody listens."""
        if self._handlers.listeners(event):
            await self._notify(event, primitive=make())

    async def _intervene(
        self, event: evt.InterventionEvent, message: ReceivedMessage | None = None, /, **attrs: Any
    ) -> Any:
        """What the handler of an intervention event says.

        Raises:
            HandlerRaised: it raised.
        """
        handler, args = self._handlers.intervention(event) or (evt.get_default_handler(event), None)
        happened = evt.Event(self, event, attrs, timestamp=self._timestamp(), message=message)
        try:
            return await self._call(handler, happened, *(args or ()))
        except Exception as error:
            if isinstance(error, NotImplementedError) and handler is evt.get_default_handler(event):
                LOGGER.warning("%s", error)
            else:
                LOGGER.exception("handler of %s raised", event.name)
            raise HandlerRaised(event.name) from error

    async def _report_tap(self) -> None:
        """Fire the notification events for what the tap has recorded."""
        connection = self._connection
        if connection.tap is None:
            return
        for record in connection.tap.take():
            if isinstance(record, PDUSent):
                await self._notify(evt.EVT_DATA_SENT, data=record.data)
                await self._notify(evt.EVT_PDU_SENT, pdu=decode_pdu(record.data, connection.limits))
            elif isinstance(record, PDUReceived):
                await self._notify(evt.EVT_DATA_RECV, data=record.data)
                await self._notify(evt.EVT_PDU_RECV, pdu=decode_pdu(record.data, connection.limits))
            else:
                await self._notify(
                    evt.EVT_FSM_TRANSITION,
                    action=record.action,
                    current_state=record.state.label,
                    fsm_event=record.input.label,
                    next_state=record.then.label,
                )

    # -- engine ---------------------------------------------------------------------------------------------------
    def _new_session(self) -> Session:
        """The protocol machine for a transport that is open now."""
        connection = Connection(self._role, limits=self._ae.limits, timeouts=self._timeouts)
        connection.idle_releases = self._network_timeout_response == "A-RELEASE"
        self._session = Session(connection)
        self._adjust_tap()
        return self._session

    async def _open(self, channel: Channel) -> None:
        """The transport is there."""
        self._channel = channel
        self._opened = True
        await self._notify(evt.EVT_CONN_OPEN, address=self._peer_side.address_tuple)

    @property
    def _connection(self) -> Connection:
        assert self._session is not None
        return self._session.connection

    async def _flush(self) -> None:
        """Write what is queued, unless writing has failed before: then nothing can be said any more."""
        assert self._channel is not None and self._session is not None
        if self._is_mute:
            self._session.data_to_send()
            return
        try:
            await self._channel.flush()
        except OSError as error:
            LOGGER.info("writing to %s failed: %s", self._peer_name, error)
            self._is_mute = True
            self._session.data_to_send()
            if isinstance(error, TimeoutError):
                # It may never read again, nor close.  Else what it has sent, an A-ABORT maybe, is read to its end.
                self._session.receive_data(b"")
        if self._connection.tap is not None:
            await self._report_tap()

    async def _advance(self, *, wait: bool = True) -> bool:
        """Take the next event and deal with it, or wait until there may be one; True if there was one."""
        channel, session = self._channel, self._session
        assert channel is not None and session is not None
        if self._advancing:
            await channel.turn()
            return False
        self._advancing = True
        request: ReceivedMessage | None = None
        try:
            event = self._take()
            if event is None and wait and not self._ended and not session.connection.closed:
                if session.connection.has_output:
                    await self._flush()
                await channel.pump()
                event = self._take()
            if session.connection.tap is not None:
                await self._report_tap()
            if event is not None:
                request = await self._receive(event)
            elif session.connection.closed:
                await self._finish(None)
            elif session.connection.has_output:
                await self._flush()
        finally:
            self._advancing = False
            channel.changed()
        if request is not None:
            await serve(self, request)
        return event is not None

    async def _attend(self) -> None:
        """Deal with what has arrived while no operation runs, and with deadlines; waits for nothing."""
        if self._channel is None or self._ended or self._advancing:
            return
        while not self._ended and (await self._advance(wait=False) or self._channel.poll()):
            pass
        if not self._ended:
            # A deadline that poll() found over.
            await self._advance(wait=False)

    def _take(self) -> Event | ProtocolBroken | None:
        assert self._session is not None
        try:
            return self._session.next_event()
        except RemoteProtocolError as error:
            return ProtocolBroken(error)

    async def _receive(self, event: Event | ProtocolBroken) -> ReceivedMessage | None:
        """Deal with one event; a whole request is returned, to be served."""
        match event:
            case MessageReceived():
                return await self._message_received(event)
            case CancelReceived():
                LOGGER.debug("C-CANCEL received for message ID %d", event.message_id)
            case Tolerated():
                LOGGER.info("tolerated from %s: %s", self._peer_name, event.what)
            case AssociateRequested():
                self._request = event.pdu
            case AssociateAccepted() | AssociateRejected():
                self._answer = event
            case RequestRefused():
                self._request = event.request
                self.requestor._set_pdu(event.request)
                await self._finish("rejected", "protocol version not supported")
            case ReleaseRequested():
                await self._release_requested(event)
            case Released():
                await self._release_confirmed()
            case Aborted():
                who = "provider" if event.by_provider else "peer"
                await self._finish("aborted", f"aborted by the {who} ({event.pdu.reason_str})")
            case ConnectionClosed():
                what = "closed during release" if event.releasing else "connection closed without release"
                missing = f", in the middle of a PDU that lacked {event.missing} bytes" if event.missing else ""
                # Port monitors connect and close all the time.
                level = logging.INFO if self._request or self._answer else logging.DEBUG
                LOGGER.log(level, "%s: %s", self._peer_name, what + missing)
                await self._finish("aborted", what + missing)
            case TimedOut():
                await self._timed_out(event)
            case ProtocolBroken():
                LOGGER.error("%s broke the protocol: %s", self._peer_name, event.error)
                await self._finish("aborted", str(event.error))
        return None

    @property
    def _peer_name(self) -> str:
        address = self._peer_side.address_tuple
        return f"{address[0]}:{address[1]}" if address else "the peer"

    async def _timed_out(self, event: TimedOut) -> None:
        waiting = {
            Timer.ARTIM: "the peer to act (ARTIM)",
            Timer.ASSOCIATE: "the answer to the association request",
            Timer.RELEASE: "the answer to the release request",
            Timer.PROGRESS: "the rest of a message",
            Timer.RESPONSE: "a response",
            Timer.IDLE: "traffic",
        }[event.timer]
        message = f"timed out waiting for {waiting}"
        LOGGER.warning("%s: %s", self._peer_name, message)
        if event.timer is Timer.IDLE and not self._connection.ending and not self._connection.closed:
            # It has asked for release instead of aborting; the answer has a deadline of its own.
            self.is_established = False
            await self._notify_primitive(evt.EVT_ACSE_SENT, _release_request)
            await self._flush()
            return
        await self._finish("aborted" if self._request or self._answer or self.is_requestor else None, message)

    async def _release_requested(self, event: ReleaseRequested) -> None:
        await self._notify_primitive(evt.EVT_ACSE_RECV, _release_request)
        if event.collision and self.is_acceptor:
            # The requestor answers first (AR-8); its answer brings us to Sta12.
            return
        self.is_established = False
        await self._answer_release()
        if not event.collision:
            await self._finish("released")

    async def _answer_release(self) -> None:
        self._connection.send(ReleaseRP())
        await self._notify_primitive(evt.EVT_ACSE_SENT, _release_response)
        await self._flush()

    async def _release_confirmed(self) -> None:
        await self._notify_primitive(evt.EVT_ACSE_RECV, _release_response)
        if self._connection.state is State.STA12:
            await self._answer_release()
        await self._finish("released")

    # -- messages -------------------------------------------------------------------------------------------------
    async def _message_received(self, event: MessageReceived) -> ReceivedMessage | None:
        assert self._session is not None
        command = event.command
        message = ReceivedMessage(self._session.contexts[event.context_id], command)
        if event.has_data_set and not await receive_data_set(self, message):
            return None
        if self._handlers.listeners(evt.EVT_DIMSE_RECV):
            await self._notify_message(evt.EVT_DIMSE_RECV, message.context.context_id, command, message.data)
        if not command.is_request:
            if command.status is None:
                await self._refuse("a response without status")
                return None
            message_id = command.message_id_being_responded_to
            assert message_id is not None
            self._responses.setdefault(message_id, deque()).append(message)
            return None
        if not self.is_established or self._connection.state is not State.STA6:
            LOGGER.warning("request received during release: dropped")
            return None
        return message

    async def _refuse(self, what: str) -> None:
        """The peer sent what nothing can be made of: abort."""
        LOGGER.error("%s sent %s", self._peer_name, what)
        self._connection.send(Abort())
        await self._notify_primitive(evt.EVT_ACSE_SENT, lambda: _user_abort(0))
        await self._finish("aborted", f"the peer sent {what}")

    async def _next_data_set_event(self) -> DataSetReceived | None:
        """The next piece of the data set being received; None when the association ends before it does."""
        assert self._channel is not None and self._session is not None
        while True:
            event = self._take()
            if self._connection.tap is not None:
                self._channel.hold(True)
                try:
                    await self._report_tap()
                finally:
                    self._channel.hold(False)
            if isinstance(event, DataSetReceived):
                return event
            if event is not None:
                await self._receive(event)
            if self._ended:
                return None
            if event is None:
                if self._connection.closed:
                    await self._finish(None)
                    return None
                await self._channel.pump()

    async def _notify_message(
        self, event: evt.NotificationEvent, context_id: int, command: Command, data: Buffer | None
    ) -> None:
        from dicomwire.dimse_messages import from_command

        await self._notify(event, message=from_command(context_id, command, data))

    async def _send(self, context_id: int, command: Command, data_set: Buffer | None = None) -> None:
        """Send one message, once nobody else is in the middle of one.

        Raises:
            LocalProtocolError: there is no association any more.
        """
        assert self._channel is not None and self._session is not None
        while self._sending:
            await self._channel.turn()
        if self._handlers.listeners(evt.EVT_DIMSE_SENT):
            await self._notify_message(evt.EVT_DIMSE_SENT, context_id, command, data_set)
        if data_set is None or len(data_set) <= _AT_ONCE:
            self._session.send_message(context_id, command, data_set)
            await self._flush()
            return
        view = memoryview(data_set)
        step = self._piece_size()
        await self._send_pieces(
            context_id, command, ((view[at : at + step], at + step >= len(view)) for at in range(0, len(view), step))
        )

    def _piece_size(self) -> int:
        """How many bytes of a data set to queue at a time: full fragments, about a MiB of them."""
        fragment = min(self._connection.fragment_size, _AT_ONCE)
        return max(1, _AT_ONCE // fragment) * fragment

    async def _send_pieces(self, context_id: int, command: Command, pieces: Iterator[tuple[Buffer, bool]]) -> None:
        """Send one message whose data set comes in pieces, each with whether it is the last.

        A piece may reuse the memory of the one before: that one has been written.
        """
        assert self._channel is not None and self._session is not None
        while self._sending:
            await self._channel.turn()
        self._sending = True
        try:
            self._session.begin_message(context_id, command, data_set_follows=True)
            for piece, last in pieces:
                if self._connection.state is not State.STA6:
                    # Aborted meanwhile, by another thread or a handler.
                    return
                self._session.send_data_set(piece, last=last)
                await self._flush()
                if self._is_mute:
                    return
        finally:
            self._sending = False
            self._channel.changed()

    async def _window(self, command: Command) -> None:
        """Wait until one more request may be outstanding; by default the window is one.

        Raises:
            RuntimeError: the responses to an earlier request are being iterated, and would never end.
        """
        assert self._session is not None and self._channel is not None
        while self._session.outstanding and not self._ended:
            if self._iterating:
                raise RuntimeError("the responses to an earlier request are still being iterated")
            await self._channel.turn()

    async def _response(self, message_id: int) -> ReceivedMessage | None:
        """The next response to a request of ours; None when the association ended first."""
        while not (waiting := self._responses.get(message_id)):
            if self._ended:
                return None
            await self._advance()
        response = waiting.popleft()
        assert self._session is not None
        if not waiting and message_id not in self._session.outstanding:
            del self._responses[message_id]
        return response

    def _is_cancelled(self, message_id: int) -> bool:
        if self._channel is None or self._session is None:
            return False
        if message_id not in self._session.cancelled:
            self._channel.poll()
            self._session.scan()
        return message_id in self._session.cancelled

    def _exchange(self) -> _Exchange:
        """While an exchange with the peer is under way: if it is left by an exception, the association ends.

        That is how a cancelled task leaves no half-sent message and no open socket behind.
        """
        return _Exchange(self)

    def _abandon(self) -> None:
        """Abort without waiting."""
        LOGGER.info("operation cancelled: association with %s aborted", self._peer_name)
        self._end("aborted", "cancelled")
        connection = self._connection
        if connection.state not in (State.STA1, State.STA2, State.STA13):
            connection.send(Abort())
        self._let_go()
        self._notify_now(evt.EVT_ABORTED)
        if self._opened:
            self._notify_now(evt.EVT_CONN_CLOSE, address=self._peer_side.address_tuple)

    def _let_go(self) -> None:
        """Close the transport without waiting."""
        self._closing = self._closed = True
        if self._channel is not None:
            self._channel.abandon()
            self._channel.changed()
        self._ae._forget(self)

    # -- the end --------------------------------------------------------------------------------------------------
    def _end(self, outcome: str | None, why: str | None) -> None:
        """Set the flags; they are final."""
        self._ended = True
        self.is_established = False
        self.failure = why
        if outcome is not None:
            setattr(self, f"is_{outcome}", True)

    async def _finish(self, outcome: str | None, why: str | None = None, *, wait: bool = True) -> None:
        """The association is over: set the flags, tell the handlers, close the transport.

        ``outcome`` is ``"rejected"``, ``"aborted"``, ``"released"``, or None: there never was one.  Without ``wait``
        the peer gets no time to close first.
        """
        if self._ended:
            return
        self._end(outcome, why)
        if self._channel is not None:
            await self._flush()
            if outcome == "aborted":
                # A peer worth waiting for longer would not have to be aborted.
                self._timeouts.artim = min(self._timeouts.artim or _LINGER, _LINGER)
        if outcome == "aborted":
            await self._notify(evt.EVT_ABORTED)
        elif outcome == "rejected":
            await self._notify(evt.EVT_REJECTED)
        elif outcome == "released":
            await self._notify(evt.EVT_RELEASED)
        await self._close(wait=wait)

    async def _close(self, *, wait: bool = True) -> None:
        """Let the peer take what was sent and close; then close, at the latest when ARTIM expires."""
        if self._closing:
            return
        self._closing = True
        channel, session = self._channel, self._session
        if channel is not None and session is not None and not wait:
            channel.abandon()
        elif channel is not None and session is not None:
            left = True
            try:
                if session.connection.ending:
                    await channel.send_eof()
                while session.connection.ending:
                    # Sta13: everything is dropped, and nothing is raised or told but TimedOut.
                    if session.next_event() is None and session.connection.ending:
                        await channel.pump()
                if session.connection.tap is not None:
                    await self._report_tap()
                await channel.aclose()
                left = False
            finally:
                if left:
                    # Cancelled: nobody waits for the peer any more.
                    self._let_go()
                    if self._opened:
                        self._notify_now(evt.EVT_CONN_CLOSE, address=self._peer_side.address_tuple)
        self._closed = True
        self._ae._forget(self)
        if channel is not None:
            channel.changed()
        if self._opened:
            await self._notify(evt.EVT_CONN_CLOSE, address=self._peer_side.address_tuple)

    async def _release(self) -> None:
        """Ask the peer for release and wait for its answer; an abort or the deadline ends the wait too."""
        if not self.is_established or self._connection.state is not State.STA6:
            return
        assert self._channel is not None
        with self._exchange():
            while self._sending:
                await self._channel.turn()
            self._connection.send(ReleaseRQ())
            self.is_established = False
            await self._notify_primitive(evt.EVT_ACSE_SENT, _release_request)
            await self._flush()
            await self._wait_closed()

    async def _abort(self, *, block: bool = True, source: int = 0, reason: int = 0) -> None:
        """Abort now; with ``block`` return when the connection is closed."""
        if self._ended or self._session is None:
            return
        connection = self._connection
        try:
            connection.send(Abort(source=source, reason_diagnostic=reason))
        except LocalProtocolError:
            # Sta2: no association yet, just close.
            pass
        else:
            await self._notify_primitive(evt.EVT_ACSE_SENT, lambda: _user_abort(source))
        await self._finish("aborted", "aborted by us", wait=block)
        if block:
            await self._wait_closed()

    async def _wait_closed(self) -> None:
        while not self._closed:
            if self._ended:
                assert self._channel is not None
                await self._channel.turn()
            else:
                await self._advance()

    def kill(self) -> None:
        """Stop at once: nothing is sent, no event fires."""
        if self._ended:
            return
        self._end(None, "killed")
        if self._session is not None:
            self._session.data_to_send()
        self._let_go()


def _release_request() -> Any:
    from dicomwire.pdu_primitives import A_RELEASE

    return A_RELEASE()


def _release_response() -> Any:
    from dicomwire.pdu_primitives import A_RELEASE

    return A_RELEASE(result="affirmative")


def _user_abort(source: int) -> Any:
    from dicomwire.pdu_primitives import A_ABORT

    return A_ABORT(abort_source=source)
