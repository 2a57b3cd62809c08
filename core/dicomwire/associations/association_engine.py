"""The engine of an association: it takes the events of the session, deals with them, and sees to the end."""

from __future__ import annotations

import logging
from collections import deque
from functools import cached_property
from typing import Any, NamedTuple

from dicomwire._logging import logger, printable, shown_address
from dicomwire.associations import events as evt
from dicomwire.associations.association_handlers import AssociationHandlers
from dicomwire.associations.channel import Channel
from dicomwire.associations.ending import telling_of_the_end
from dicomwire.associations.received import ReceivedMessage
from dicomwire.associations.reception import receive_data_set
from dicomwire.dimse.command import NO_DATA_SET, Command
from dicomwire.dimse.events import CancelReceived, DataSetReceived, MessageReceived
from dicomwire.dimse.messages import RESPONSE
from dicomwire.dimse.session import Session
from dicomwire.errors import LocalProtocolError, RemoteProtocolError
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
from dicomwire.upper_layer.pdus import Abort, AssociateRJ, ReleaseRP, ReleaseRQ
from dicomwire.upper_layer.progress import PeerDoesNotRead
from dicomwire.upper_layer.state import State
from dicomwire.upper_layer.timers import Timer

LOGGER = logger(__name__)

_OUTCOMES = {"aborted": evt.EVT_ABORTED, "rejected": evt.EVT_REJECTED, "released": evt.EVT_RELEASED}

_LINGER = 2.0
"""Seconds for a peer to close after an abort; whoever aborts may be waiting for it."""


class ProtocolBroken(NamedTuple):
    """The peer broke the protocol; the A-ABORT is queued."""

    error: RemoteProtocolError


class _Exchange:
    """See ``AssociationEngine._exchange``; a class, because a generator costs ten times as much."""

    __slots__ = ("_association",)

    def __init__(self, association: AssociationEngine) -> None:
        self._association = association

    def __enter__(self) -> None:
        """Nothing is done before."""

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is not None and not self._association._ended:
            self._association._abandon()


class AssociationEngine(AssociationHandlers):
    """Every coroutine of an association may take part in reading for all.

    Whoever finds nobody at it takes the next event and deals with it, or waits for more bytes; the others wait for
    their turn.  So one thread or task can wait for a response while another waits for requests, and messages go to
    whom they belong.
    """

    is_established: bool

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
        with self._exchange:
            await self._notify(evt.EVT_CONN_OPEN, address=self._peer_side.address_tuple)

    async def _flush(self) -> None:
        """Write what is queued, unless writing has failed before: then nothing can be said any more."""
        assert self._channel is not None and self._session is not None
        if self._is_mute:
            self._session.data_to_send()
            # With nothing to write it still lets an event loop run, which alone sees that the peer is gone.
            await self._channel.flush()
            return
        try:
            await self._channel.flush()
        except OSError as error:
            self._is_mute = True
            self._session.data_to_send()
            if isinstance(error, TimeoutError) and error.errno is None:
                # It may never read again, nor close.  Else what it has sent, an A-ABORT maybe, is read to its end.
                self._session.receive_data(b"")
                what = str(error) if isinstance(error, PeerDoesNotRead) else "does not read what we send"
                self._unread_by_peer = f"the peer {self._peer_in_full} {what}"
                LOGGER.warning("%s", self._unread_by_peer)
            else:
                LOGGER.info("writing to %s failed: %s", self._peer_name, error)
        except BaseException:
            if self._channel.is_torn and not self._ended:
                # Cancelled in the middle of a PDU: the peer could make nothing of what follows.
                self._abandon()
            raise
        if self._session.connection.tap is not None:
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
        connection = session.connection
        try:
            event = None if session.wants_data else self._take()
            if event is None and wait and not self._ended and not connection.closed:
                if connection.has_output:
                    await self._flush()
                await channel.pump()
                event = self._take()
            if connection.tap is not None:
                await self._report_tap()
            if type(event) is MessageReceived:
                request = await self._message_received(event)
            elif event is not None:
                await self._receive(event)
            elif connection.closed:
                await self._finish(None)
            elif connection.has_output:
                await self._flush()
        finally:
            self._advancing = False
            channel.changed()
        if request is not None:
            await self._take_request(request)
        return event is not None

    async def _take_request(self, message: ReceivedMessage) -> None:
        """A whole request has arrived."""
        raise NotImplementedError

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

    async def _receive(self, event: Event | ProtocolBroken) -> None:
        """Deal with one event that is no message."""
        match event:
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
                await self._finish("aborted", self._unread_by_peer or self._closed_by_peer(event))
            case TimedOut():
                await self._timed_out(event)
            case ProtocolBroken():
                LOGGER.error("%s broke the protocol: %s", self._peer_name, event.error)
                await self._finish("aborted", str(event.error))

    def _closed_by_peer(self, event: ConnectionClosed) -> str:
        what = "closed during release" if event.releasing else "connection closed without release"
        if event.missing:
            what += f", in the middle of a PDU that lacked {event.missing} bytes"
        if self._session is not None and self._session.alert:
            what += f": {self._session.alert}"
        # Port monitors connect and close all the time.
        level = logging.INFO if self._request or self._answer else logging.DEBUG
        LOGGER.log(level, "%s: %s", self._peer_name, what)
        return what

    @property
    def _peer_name(self) -> str:
        address = self._peer_side.address_tuple
        return shown_address(address) if address else "the peer"

    @property
    def _peer_in_full(self) -> str:
        title = printable(self._peer_side.ae_title).strip()
        return f"{self._peer_name} ({title})" if title else self._peer_name

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
        if event.unread:
            message += f": the peer {self._peer_in_full} does not read what we send"
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
        """Receive the data set, if there is one; a whole request is returned, to be served."""
        assert self._session is not None
        command = event.command
        message = ReceivedMessage(self._session.contexts[event.context_id], command)
        if command.command_data_set_type != NO_DATA_SET and not await receive_data_set(self, message):
            return None
        if self._handlers.listeners(evt.EVT_DIMSE_RECV):
            await self._notify_message(evt.EVT_DIMSE_RECV, message.context.context_id, command, message.data)
        if command.command_field & RESPONSE:
            if command.status is None:
                await self._refuse("a response without status")
                return None
            self._keep_response(message)
            return None
        if not self.is_established or self._connection.state is not State.STA6:
            LOGGER.warning("request received during release: dropped")
            return None
        return message

    def _keep_response(self, message: ReceivedMessage) -> None:
        """Put a response where whoever waits for it looks; there is a mailbox for each request."""
        assert self._session is not None
        message_id = message.command.message_id_being_responded_to
        assert message_id is not None
        if message_id not in self._unread:
            mailbox = self._responses.get(message_id)
            if mailbox is None:
                mailbox = self._responses[message_id] = deque()
            mailbox.append(message)
        elif message_id not in self._session.outstanding:
            self._unread.pop(message_id, None)

    async def _refuse(self, what: str) -> None:
        """The peer sent what nothing can be made of: abort."""
        LOGGER.error("%s sent %s", self._peer_name, what)
        self._connection.send(Abort())
        await self._notify_primitive(evt.EVT_ACSE_SENT, lambda: _user_abort(0))
        await self._finish("aborted", f"the peer sent {what}")

    async def _next_data_set_event(self) -> DataSetReceived | None:
        """The next piece of the data set being received; None when the association ends before it does."""
        session = self._session
        assert self._channel is not None and session is not None
        connection = session.connection
        while True:
            event = None if session.wants_data else self._take()
            if connection.tap is not None:
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
                if connection.closed:
                    await self._finish(None)
                    return None
                await self._channel.pump()

    async def _notify_message(
        self, event: evt.NotificationEvent, context_id: int, command: Command, data: Buffer | None
    ) -> None:
        from dicomwire.compat.dimse_messages import from_command

        await self._notify(event, message=from_command(context_id, command, data))

    # -- the end --------------------------------------------------------------------------------------------------
    @cached_property
    def _exchange(self) -> _Exchange:
        """While an exchange with the peer is under way: if it is left by an exception, the association ends.

        That is how a cancelled task leaves no half-sent message and no open socket behind.
        """
        return _Exchange(self)

    def _abandon(self, pdu: Abort | None = None, why: str = "cancelled") -> None:
        """Abort without waiting."""
        LOGGER.info("association with %s aborted: %s", self._peer_name, why)
        self._end("aborted", why)
        connection = self._connection
        if connection.state not in (State.STA1, State.STA2, State.STA13):
            connection.send(pdu or Abort())
        self._let_go()
        self._notify_now(evt.EVT_ABORTED)
        self._cease_now()

    def _abandon_now(self, pdu: Abort) -> None:
        """Abort with codes of the user's, without waiting; does nothing if it has ended."""
        if not self._ended and self._session is not None:
            self._abandon(pdu, "aborted by us")

    def _refuse_now(self, pdu: AssociateRJ) -> None:
        """Queue the user's rejection; whoever asked for it by calling a handler goes on from there."""
        if self._session is None:
            raise LocalProtocolError("there is no association request to reject")
        self._session.send(pdu)
        self.acceptor._set_pdu(pdu)

    def _let_go(self) -> None:
        """Close the transport without waiting."""
        self._closing = True
        if self._channel is not None:
            self._channel.abandon()
            self._channel.changed()

    def _cease(self) -> None:
        """It is over and everybody has been told: whoever waits for that goes on."""
        self._closed = True
        self._ae._forget(self)
        if self._channel is not None:
            self._channel.changed()

    def _cease_now(self) -> None:
        """Tell that the connection is closed, where nothing can be awaited any more."""
        try:
            if self._opened:
                with telling_of_the_end(self):
                    self._notify_now(evt.EVT_CONN_CLOSE, address=self._peer_side.address_tuple)
        finally:
            self._cease()

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
        if outcome == "rejected":
            # As with EVT_ACCEPTED: the handlers of an acceptor have returned when the requestor knows.
            await self._tell_outcome(outcome)
        if self._channel is not None:
            if outcome == "aborted":
                # A peer that does not read is not waited for to hear that.
                self._connection.writing.hurry()
            await self._flush()
            if outcome == "aborted":
                # A peer worth waiting for longer would not have to be aborted.
                self._timeouts.artim = min(self._timeouts.artim or _LINGER, _LINGER)
        if outcome is not None and outcome != "rejected":
            await self._tell_outcome(outcome)
        await self._close(wait=wait)

    async def _tell_outcome(self, outcome: str) -> None:
        with telling_of_the_end(self):
            await self._notify(_OUTCOMES[outcome])

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
                    self._cease_now()
        try:
            if self._opened:
                with telling_of_the_end(self):
                    await self._notify(evt.EVT_CONN_CLOSE, address=self._peer_side.address_tuple)
        finally:
            self._cease()

    async def _release(self) -> None:
        """Ask the peer for release and wait for its answer; an abort or the deadline ends the wait too."""
        if not self.is_established or self._connection.state is not State.STA6:
            return
        assert self._channel is not None
        with self._exchange:
            while self._sending:
                await self._channel.turn()
            if not self.is_established or self._connection.state is not State.STA6:
                # It has ended meanwhile, or somebody else has asked for release.
                return
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

    def _forsake(self, why: str) -> None:
        """This is a copy, in a process that is a fork of the one that has the connection.

        The association has ended as far as this process goes; nothing is sent, no event fires, and adapters forget
        the transport without touching what the parent shares.
        """
        if not self._ended:
            self._end(None, why)
        self._closing = self._closed = True
        self._advancing = self._sending = False
        if self._session is not None:
            self._session.data_to_send()

    def kill(self) -> None:
        """Stop at once: nothing is sent, no event fires."""
        if self._ended:
            return
        self._end(None, "killed")
        if self._session is not None:
            self._session.data_to_send()
        self._let_go()
        self._cease()


def _release_request() -> Any:
    from dicomwire.compat.pdu_primitives import A_RELEASE

    return A_RELEASE()


def _release_response() -> Any:
    from dicomwire.compat.pdu_primitives import A_RELEASE

    return A_RELEASE(result="affirmative")


def _user_abort(source: int) -> Any:
    from dicomwire.compat.pdu_primitives import A_ABORT

    return A_ABORT(abort_source=source)
