"""Association control: what events that are no messages mean, and how an association is aborted (PS3.8 7)."""

from __future__ import annotations

import logging

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.line import Arrived, Line, ProtocolBroken
from dicomwire.associations.releasing import asked_for_release, release_confirmed, release_requested
from dicomwire.compat.pdu_primitives import A_ABORT
from dicomwire.dimse.message_events import CancelReceived
from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.connection_events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    ConnectionClosed,
    Released,
    ReleaseRequested,
    RequestRefused,
    TimedOut,
    Tolerated,
)
from dicomwire.upper_layer.pdus import Abort, AssociateRJ, AssociateRQ
from dicomwire.upper_layer.timers import Timer

LOGGER = logger(__name__)

_WAITING_FOR = {
    Timer.ARTIM: "the peer to act (ARTIM)",
    Timer.CLOSE: "the peer to close",
    Timer.ASSOCIATE: "the answer to the association request",
    Timer.RELEASE: "the answer to the release request",
    Timer.PROGRESS: "the rest of a message",
    Timer.RESPONSE: "a response",
    Timer.IDLE: "traffic",
}


class Control:
    """Takes a line from its first PDU to its end."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.request: AssociateRQ | None = None
        """What the peer has asked for, if it is the requestor."""

        self.answer: AssociateAccepted | AssociateRejected | None = None
        """What the peer has answered, if it is the acceptor."""

        line.on_control = self.deal_with

    async def deal_with(self, event: Arrived) -> None:
        """Deal with one event that is no message."""
        line = self._line
        match event:
            case CancelReceived():
                LOGGER.debug("C-CANCEL received for message ID %d", event.message_id)
            case Tolerated():
                LOGGER.info("tolerated from %s: %s", line.sides.peer_name, event.what)
            case AssociateRequested():
                self.request = event.pdu
            case AssociateAccepted() | AssociateRejected():
                self.answer = event
            case RequestRefused():
                self.request = event.request
                line.sides.requestor.say(event.request)
                await line.ending.finish("rejected", "protocol version not supported")
            case ReleaseRequested():
                await release_requested(line, event)
            case Released():
                await release_confirmed(line)
            case Aborted():
                who = "provider" if event.by_provider else "peer"
                await line.ending.finish("aborted", f"aborted by the {who} ({event.pdu.reason_str})")
            case ConnectionClosed():
                await line.ending.finish("aborted", line.unread_by_peer or self._closed_by_peer(event))
            case TimedOut():
                await self._timed_out(event)
            case ProtocolBroken():
                LOGGER.error("%s broke the protocol: %s", line.sides.peer_name, event.error)
                await line.ending.finish("aborted", str(event.error))

    @property
    def _has_begun(self) -> bool:
        return self.request is not None or self.answer is not None

    def _closed_by_peer(self, event: ConnectionClosed) -> str:
        what = "closed during release" if event.releasing else "connection closed without release"
        if event.missing:
            what += f", in the middle of a PDU that lacked {event.missing} bytes"
        if self._line.session.alert:
            what += f": {self._line.session.alert}"
        # Port monitors connect and close all the time.
        level = logging.INFO if self._has_begun else logging.DEBUG
        LOGGER.log(level, "%s: %s", self._line.sides.peer_name, what)
        return what

    async def _timed_out(self, event: TimedOut) -> None:
        line = self._line
        connection = line.session.connection
        message = f"timed out waiting for {_WAITING_FOR[event.timer]}"
        if event.unread:
            message += f": the peer {line.sides.peer_in_full} does not read what we send"
        LOGGER.warning("%s: %s", line.sides.peer_name, message)
        if event.timer is Timer.IDLE and not connection.ending and not connection.closed:
            # It has asked for release instead of aborting; the answer has a deadline of its own.
            await asked_for_release(line)
            return
        await line.ending.finish("aborted" if self._has_begun or line.sides.is_requestor else None, message)

    async def refuse(self, what: str) -> None:
        """The peer sent what nothing can be made of: abort."""
        line = self._line
        LOGGER.error("%s sent %s", line.sides.peer_name, what)
        line.session.connection.send(Abort())
        await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, lambda: A_ABORT(abort_source=0))
        await line.ending.finish("aborted", f"the peer sent {what}")

    async def abort(self, *, block: bool = True, source: int = 0, reason: int = 0) -> None:
        """Abort now; with ``block`` return when the connection is closed."""
        line = self._line
        if line.standing.has_ended:
            return
        try:
            line.session.connection.send(Abort(source=source, reason_diagnostic=reason))
        except LocalProtocolError:
            # Sta2: no association yet, just close.
            pass
        else:
            try:
                await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, lambda: A_ABORT(abort_source=source))
            except BaseException:
                # Cancelled: aborted all the same.
                line.ending.abandon(why="aborted by us")
                raise
        await line.ending.finish("aborted", "aborted by us", wait=block)
        if block:
            await line.wait_closed()

    def abort_now(self, pdu: Abort) -> None:
        """Abort with codes of the user's, without waiting; does nothing if it has ended."""
        self._line.host.apart(lambda: self._line.ending.abandon(pdu, "aborted by us"))

    def reject_now(self, pdu: AssociateRJ) -> None:
        """Queue the user's rejection; whoever asked for it by calling a handler goes on from there."""
        self._line.host.apart(lambda: self._reject(pdu))

    def _reject(self, pdu: AssociateRJ) -> None:
        self._line.session.send(pdu)
        self._line.sides.acceptor.say(pdu)
