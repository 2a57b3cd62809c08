"""How long calls on a blocking socket may take."""

from __future__ import annotations

import _socket
import socket
import struct
import sys
from functools import cache
from typing import Protocol

_TIMEVAL = struct.Struct("@ll")

_CLOSE = 0.001
"""Seconds by which a timeout may be wrong: to set one is a system call, and deadlines are looked at anew after each."""

_LONG = 5.0
"""Seconds of a timeout that will do for a longer wait: looking at the clock so rarely costs less than setting it."""

TIMED_OUT = (TimeoutError, BlockingIOError)
"""What ``recv`` and ``send`` raise when the time is up."""


class SocketTimeouts(Protocol):
    """Seconds for the calls on one socket from now on, None for no limit."""

    sending: float | None
    """What calls that send have as far as that is known; None also if it is not.  Who wants that need not ask."""

    def receive(self, seconds: float | None) -> None:
        """For calls that receive."""

    def send(self, seconds: float | None) -> None:
        """For calls that send."""


def _differ(one: float | None, other: float | None) -> bool:
    return one is None or other is None or not -_CLOSE < one - other < _CLOSE


class KernelTimeouts:
    """The kernel's own: a call is one system call, and ``sendmsg`` returns when all is sent.

    ``socket.settimeout`` would ask with ``poll`` first, every time, and send what fits at that moment.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._receiving: float | None = None
        self.sending: float | None = None
        # To set it is a system call.
        if sock.gettimeout() is not None:
            sock.settimeout(None)

    def receive(self, seconds: float | None) -> None:
        """For calls that receive."""
        set_to = self._receiving
        # With each message, so _differ is not called if both are there.  Who waits looks at the clock and waits again.
        if seconds is not set_to and (
            seconds is None
            or set_to is None
            or seconds <= set_to - _CLOSE
            or (seconds >= set_to + _CLOSE and set_to < _LONG)
        ):
            self._receiving = seconds
            self._set(socket.SO_RCVTIMEO, seconds)

    def send(self, seconds: float | None) -> None:
        """For calls that send."""
        if seconds is not self.sending:
            self.sending = seconds
            self._set(socket.SO_SNDTIMEO, seconds)

    def _set(self, option: int, seconds: float | None) -> None:
        # All zero is no limit.
        microseconds = 0 if seconds is None else max(1, int(seconds * 1_000_000))
        self._sock.setsockopt(socket.SOL_SOCKET, option, _TIMEVAL.pack(*divmod(microseconds, 1_000_000)))


class PythonTimeouts:
    """Python's: one for both directions.  For systems whose kernel knows others, and sockets that do not wait in it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._seconds = sock.gettimeout()
        self.sending: float | None = None

    def receive(self, seconds: float | None) -> None:
        """For calls that receive."""
        if seconds is not self._seconds and _differ(seconds, self._seconds):
            self._seconds = seconds
            self._sock.settimeout(seconds)

    def send(self, seconds: float | None) -> None:
        """For calls that send."""
        # A shorter one will do: who sends looks at the clock and tries again.
        if seconds is not None and (self._seconds is None or not 0 < self._seconds <= seconds):
            self.receive(seconds)


class RememberedTimeouts:
    """For calls that look here how long they may take."""

    def __init__(self) -> None:
        self.receiving: float | None = None
        self.sending: float | None = None

    def receive(self, seconds: float | None) -> None:
        """For calls that receive."""
        self.receiving = seconds

    def send(self, seconds: float | None) -> None:
        """For calls that send."""
        self.sending = seconds


@cache
def _kernel_takes_them() -> bool:
    """Whether this system has these socket options, in this form."""
    if sys.platform not in ("linux", "darwin"):
        return False
    with socket.socket() as sock:
        try:
            timeouts = KernelTimeouts(sock)
            timeouts.receive(1.5)
            timeouts.send(1.5)
        except OSError:
            return False
        seconds, _ = _TIMEVAL.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.size))
        return bool(seconds == 1)


def is_cooperative(sock: socket.socket) -> bool:
    """Whether this socket does not wait in the kernel but lets others run, as those of gevent do."""
    return not isinstance(sock, _socket.socket)


def timeouts_of(sock: socket.socket) -> SocketTimeouts:
    """The timeouts of a connected socket, which are not limited yet."""
    if type(sock) is socket.socket and not is_cooperative(sock) and _kernel_takes_them():
        return KernelTimeouts(sock)
    return PythonTimeouts(sock)
