"""Signals that end a wait in the main thread.

Python handles a signal between two of its instructions.  One that comes between the last of them and the system call
that waits, or that the kernel gives to another thread, is noticed when the call returns, which may be never.  Python
can write the number of each signal to a socket: who waits for that one, too, misses none.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator

from dicomwire.sockets.socket_timeouts import is_cooperative

_NONE = -1

_installed = _NONE


def wakeup() -> tuple[socket.socket, socket.socket]:
    """What wakes the accepting thread, and the end that anybody may write to, a signal handler too."""
    wake_in, wake_out = socket.socketpair()
    wake_in.setblocking(False)
    wake_out.setblocking(False)
    return wake_in, wake_out


@contextlib.contextmanager
def signals_written_to(sock: socket.socket) -> Iterator[Relay | None]:
    """While the block runs, the number of each signal is written to ``sock``, which must not block.

    Only the main thread can have that, and needs it: None elsewhere.  It is undone unless somebody else has put
    himself in our place meanwhile.
    """
    global _installed
    if threading.current_thread() is not threading.main_thread() or is_cooperative(sock):
        # Loops such as that of gevent see to signals themselves.
        yield None
        return
    # Not asked again: somebody may close it meanwhile.
    number = sock.fileno()
    try:
        # Full of signals that nobody has taken, it wakes all the same.
        before = signal.set_wakeup_fd(number, warn_on_full_buffer=False)
    except ValueError:
        # In a subinterpreter.
        yield None
        return
    outer, _installed = _installed, number
    try:
        yield Relay(before)
    finally:
        _installed = outer
        now = signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        if now != number:
            signal.set_wakeup_fd(now, warn_on_full_buffer=False)


class Relay:
    """Takes the numbers of signals that have come."""

    def __init__(self, other: int) -> None:
        # On Windows this is a socket, for which there is no writing without an object.
        self._other = other if os.name != "nt" else _NONE

    def took(self, numbers: bytes) -> None:
        """Hand them to whoever has asked for them before.

        Raises:
            KeyboardInterrupt: one of them was to raise it, and that was lost: in a destructor, or in code that goes on
                whatever happens.
        """
        numbers = numbers.replace(b"\0", b"")
        if self._other != _NONE and numbers:
            # It is full, or gone.
            with contextlib.suppress(OSError):
                os.write(self._other, numbers)
        if any(signal.getsignal(number) is signal.default_int_handler for number in numbers):
            # Handlers run before: we would not be here.
            raise KeyboardInterrupt


def _forget() -> None:
    """In the child of a fork: its signals are not for the parent's socket."""
    global _installed
    if _installed != _NONE:
        now = signal.set_wakeup_fd(_NONE)
        if now not in (_NONE, _installed):
            signal.set_wakeup_fd(now)
        _installed = _NONE


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
