"""How an association ends: its flags, the last handlers, the transport."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.adapter_host import Host
from dicomwire.associations.channel import Channel
from dicomwire.associations.handlers import Handlers
from dicomwire.associations.sides import Sides
from dicomwire.associations.standing import Standing
from dicomwire.associations.wire_notifications import report_tap
from dicomwire.dimse.session import Session
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.pdus import Abort
from dicomwire.upper_layer.state import State
from dicomwire.upper_layer.timers import Timer

LOGGER = logger(__name__)

_ENDED: ContextVar[object] = ContextVar("dicomwire_ended", default=None)

_OUTCOMES = {"aborted": evt.EVT_ABORTED, "rejected": evt.EVT_REJECTED, "released": evt.EVT_RELEASED}


class _TellingOfTheEnd:
    """While handlers are told that ``association`` is over: whoever waits for its end in one would wait for itself."""

    __slots__ = ("_association", "_token")

    def __init__(self, association: object) -> None:
        self._association = association

    def __enter__(self) -> None:
        self._token = _ENDED.set(self._association)

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        _ENDED.reset(self._token)


def ended_here() -> object:
    """The association whose last handlers this thread or task is in, or None."""
    return _ENDED.get()


def refuse_to_wait(association: object) -> None:
    """Raise RuntimeError in a handler that is told of the end of ``association``."""
    if _ENDED.get() is association:
        raise RuntimeError("a handler that is told of the end of an association cannot wait for that end")


class Ends(Protocol):
    """What an :class:`Ending` needs to know of the line that ends."""

    session: Session
    channel: Channel
    standing: Standing
    handlers: Handlers
    sides: Sides
    host: Host
    timeouts: Timeouts

    async def flush(self) -> None:
        """Write what is queued."""


class Ending:
    """The end of one association.  Every way to it sets the flags first, so that there is one outcome."""

    def __init__(self, line: Ends, forget: Callable[[], object]) -> None:
        self._line = line
        self._forget = forget
        """Called when all is over."""

    async def finish(self, outcome: str | None, why: str | None = None, *, wait: bool = True) -> None:
        """The association is over: set the flags, tell the handlers, close the transport.

        ``outcome`` is ``"rejected"``, ``"aborted"``, ``"released"``, or None: there never was one.  Without ``wait``
        the peer gets no time to close first.
        """
        line, standing = self._line, self._line.standing
        if standing.has_ended:
            return
        standing.end(outcome, why)
        is_told = False
        try:
            if outcome == "rejected":
                is_told = True
                # As with EVT_ACCEPTED: the handlers of an acceptor have returned when the requestor knows.
                await self._tell_outcome(outcome)
            if standing.was_opened:
                if outcome == "aborted":
                    # A peer that does not read is not waited for to hear that.
                    line.session.connection.writing.hurry()
                if outcome != "released":
                    # Who released has written the last PDU, and waited for whoever wrote before.
                    await line.flush()
                if outcome in ("aborted", "rejected") and line.session.connection.ending:
                    # A peer worth waiting for longer would not have to be aborted.
                    line.session.connection.timers.start(Timer.CLOSE)
            if outcome is not None and outcome != "rejected":
                is_told = True
                await self._tell_outcome(outcome)
            await self._close(wait=wait)
        finally:
            if not standing.is_closing:
                # Cancelled on the way there: nobody else would close it, and whoever waits for that waits for ever.
                self._let_go()
                if outcome is not None and not is_told:
                    line.handlers.notify_now(_OUTCOMES[outcome])
                self._cease_now()

    async def _tell_outcome(self, outcome: str) -> None:
        handlers, event = self._line.handlers, _OUTCOMES[outcome]
        if handlers.bound[event]:
            with _TellingOfTheEnd(handlers.association):
                await handlers.notify(event)

    async def _close(self, *, wait: bool) -> None:
        """Let the peer take what was sent and close; then close, at the latest when ARTIM expires."""
        line, standing = self._line, self._line.standing
        if standing.is_closing:
            return
        standing.is_closing = True
        if standing.was_opened and not wait:
            line.channel.abandon()
        elif standing.was_opened:
            await self._close_channel()
        line.host.closing()
        try:
            if standing.was_opened and line.handlers.bound[evt.EVT_CONN_CLOSE]:
                with _TellingOfTheEnd(line.handlers.association):
                    await line.handlers.notify(evt.EVT_CONN_CLOSE, address=line.sides.peer.address)
        finally:
            self._cease()

    async def _close_channel(self) -> None:
        line = self._line
        channel, session = line.channel, line.session
        left = True
        try:
            if session.connection.ending:
                await channel.send_eof()
            while session.connection.ending:
                # Sta13: everything is dropped, and nothing is raised or told but TimedOut.
                if session.next_event() is None and session.connection.ending:
                    await channel.pump()
            await report_tap(session.connection, line.handlers)
            await channel.aclose()
            left = False
        finally:
            if left:
                # Cancelled: nobody waits for the peer any more.
                self._let_go()
                self._cease_now()

    def abandon(self, pdu: Abort | None = None, why: str = "cancelled") -> None:
        """Abort without waiting; does nothing if it has ended."""
        line = self._line
        if line.standing.has_ended:
            return
        LOGGER.info("association with %s aborted: %s", line.sides.peer_name, why)
        line.standing.end("aborted", why)
        connection = line.session.connection
        if connection.state not in (State.STA1, State.STA2, State.STA13):
            connection.send(pdu or Abort())
        self._let_go()
        line.handlers.notify_now(evt.EVT_ABORTED)
        self._cease_now()

    def kill(self) -> None:
        """Stop at once: nothing is sent, no event fires."""
        if self._line.standing.has_ended:
            return
        self._line.standing.end(None, "killed")
        self._line.session.data_to_send()
        self._let_go()
        self._cease()

    def forsake(self, why: str) -> None:
        """This is a copy, in a process that is a fork of the one that has the connection.

        The association has ended as far as this process goes; nothing is sent, no event fires, and adapters forget
        the transport without touching what the parent shares.
        """
        standing = self._line.standing
        if not standing.has_ended:
            standing.end(None, why)
        standing.is_closing = standing.is_closed = True
        self._line.session.data_to_send()

    def _let_go(self) -> None:
        """Close the transport without waiting."""
        self._line.standing.is_closing = True
        self._line.host.closing()
        if self._line.standing.was_opened:
            self._line.channel.abandon()
            self._line.channel.changed()

    def _cease_now(self) -> None:
        """Tell that the connection is closed, where nothing can be awaited any more."""
        line = self._line
        try:
            if line.standing.was_opened:
                with _TellingOfTheEnd(line.handlers.association):
                    line.handlers.notify_now(evt.EVT_CONN_CLOSE, address=line.sides.peer.address)
        finally:
            self._cease()

    def _cease(self) -> None:
        """It is over and everybody has been told: whoever waits for that goes on."""
        self._line.standing.is_closed = True
        self._forget()
        if self._line.standing.was_opened:
            self._line.channel.changed()
        self._line.host.closed()
