"""How long the peer may take for a response to a request of ours."""

from __future__ import annotations

from collections.abc import Iterable, Sized

from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_GET_RQ, C_STORE_RQ
from dicomwire.upper_layer.state import State
from dicomwire.upper_layer.timers import Timer, Timers

_MOST_UNASKED = 16
"""Requests of the peer, other than the instances of a C-GET, that put off the deadline while it owes us a response."""


class ResponseDeadline:
    """The response deadline, and the idle deadline where it gives way to that one."""

    __slots__ = ("_timers", "_unasked")

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._unasked = 0

    def begin(self) -> None:
        """A request has been sent whole, or the peer has what it asked for before it answers."""
        timers = self._timers
        if self._unasked > _MOST_UNASKED and Timer.RESPONSE in timers.running:
            # It goes on from when it began.
            return
        # With each message: what Timers.start() and stop() do.
        running = timers.running
        running[Timer.RESPONSE] = None
        if timers.timeouts.response is not None and Timer.IDLE in running:
            # The response deadline governs; without one the idle deadline still finds a dead peer.
            del running[Timer.IDLE]

    def timeouts_changed(self) -> None:
        """The timeouts were set to other values: what is waited for now has its deadlines by them."""
        timers = self._timers
        if timers.is_running(Timer.RESPONSE):
            # As in begin(), which has judged by the old one.
            if timers.timeouts.response is None:
                timers.start_if_stopped(Timer.IDLE)
            else:
                timers.stop(Timer.IDLE)

    def suspend(self, request: Command, outstanding: Iterable[Command]) -> None:
        """The peer asks something before it answers: its time begins again when it has our response.

        The instances of a C-GET are what we asked for; a peer that asks anything else without end has to answer first.
        """
        is_instance = request.command_field == C_STORE_RQ
        if not is_instance or not any(ours.command_field == C_GET_RQ for ours in outstanding):
            self._unasked += 1
            if self._unasked > _MOST_UNASKED:
                return
        self._timers.stop(Timer.RESPONSE)
        self._timers.start(Timer.IDLE)

    def response_handled(self, outstanding: Sized, state: State) -> None:
        """A response has come, or is not waited for any more; ``outstanding`` are those that still are."""
        running = self._timers.running
        self._unasked = 0
        if outstanding and state is State.STA6:
            running[Timer.RESPONSE] = None
            return
        # In a release its own deadline governs, and behind the end none does.
        if Timer.RESPONSE in running:
            del running[Timer.RESPONSE]
        if state is State.STA6:
            running[Timer.IDLE] = None
