"""What is known of the event loop and the transport that host a channel, and the fast ways that are right there.

Whatever is not known here by its exact type is used as asyncio's documents say and in no other way: a loop may be
another library's, and a transport may encrypt, frame or tunnel what it is given.
"""

from __future__ import annotations

import asyncio
import os
import socket
from asyncio import current_task
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from typing import Any, Self

_SELECTOR = "asyncio.selector_events._SelectorSocketTransport"

_TLS = "asyncio.sslproto._SSLProtocolTransport"

_ALERT = 16 * 1024
"""Bytes to look for it in: what comes before an alert are session tickets."""

_TELLING = frozenset(
    {
        _TLS,
        "uvloop.loop.TCPTransport",
        "uvloop.loop.UnixTransport",
        "uvloop.loop._SSLProtocolTransport",
    }
)
"""Transports that say truly, by ``pause_writing``, that they still hold buffers they were given.

That of asyncio's own sockets is not among them: up to 3.12.8 and 3.13.1 its ``writelines`` says nothing.
"""

_RUN_ONCE: object = getattr(asyncio.BaseEventLoop, "_run_once", None)
_RUN_UNTIL_COMPLETE: object = asyncio.BaseEventLoop.run_until_complete
_IS_PATCHED = {getattr(each, "__module__", "") for each in (_RUN_ONCE, _RUN_UNTIL_COMPLETE)} != {"asyncio.base_events"}


def extra_info(transport: asyncio.BaseTransport, name: str) -> Any:
    """What the transport tells about itself under this name; None if it tells nothing."""
    ask = getattr(transport, "get_extra_info", None)
    return None if ask is None else ask(name)


def kind_of(transport: asyncio.BaseTransport) -> str:
    """The exact type of a transport: a subclass, or something around one, may do anything with the bytes."""
    kind = type(transport)
    return f"{kind.__module__}.{kind.__qualname__}"


def tells_when_written(transport: asyncio.BaseTransport) -> bool:
    """It may be given buffers without a copy: :data:`_TELLING`."""
    return kind_of(transport) in _TELLING


def is_own_socket(transport: asyncio.BaseTransport, loop: asyncio.AbstractEventLoop) -> bool:
    """A TCP or Unix transport of asyncio's own loop, at work as asyncio wrote it, over a plain socket."""
    if kind_of(transport) != _SELECTOR or not is_plain(loop):
        return False
    # Not one of a class that does something of its own with what is sent.
    return type(getattr(extra_info(transport, "socket"), "_sock", None)) is socket.socket


def vector_descriptor(transport: asyncio.BaseTransport) -> int:
    """The descriptor below a transport that :func:`is_own_socket`, if the system writes vectors; else -1."""
    return extra_info(transport, "socket").fileno() if hasattr(os, "writev") else -1


def unread_error(transport: asyncio.BaseTransport) -> Exception | None:
    """What is found by reading from a TLS transport of asyncio's own that has just failed to write.

    The peer has gone, and may have said why: an alert that has arrived, which asyncio leaves unread.
    """
    protocol = getattr(transport, "_ssl_protocol", None)
    below, incoming = getattr(protocol, "_transport", None), getattr(protocol, "_incoming", None)
    if kind_of(transport) != _TLS or incoming is None or below is None or not below.is_closing():
        return None
    ssl_object, sock = extra_info(transport, "ssl_object"), extra_info(transport, "socket")
    try:
        # A duplicate: what asyncio gives may be looked at only.
        with sock.dup() as readable:
            incoming.write(readable.recv(_ALERT))
        ssl_object.read(1)
    except (OSError, ValueError) as error:
        return error.with_traceback(None)
    return None


def is_plain(loop: asyncio.AbstractEventLoop) -> bool:
    """Nobody lets this loop run inside one of its own callbacks, as those do who nest loops in notebooks.

    The callback that reads a socket cannot run inside itself: a task resumed by it, which then runs the loop, would
    wait for ever for what that callback alone can read.
    """
    kind: Any = type(loop)
    return (
        getattr(kind, "_run_once", None) is _RUN_ONCE
        and kind.run_until_complete is _RUN_UNTIL_COMPLETE
        and not _IS_PATCHED
    )


class Arrival:
    """What one task at a time waits for until something arrives, or a deadline passes.

    A future in the sense of :func:`asyncio.isfuture`, which resumes its task at once and not in the next turn of the
    loop: that turn, with its system call, costs as much as all else that is done for a small message.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_cancelled_with",
        "_context",
        "_is_cancelled",
        "_kind",
        "_loop",
        "_resume",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asyncio_future_blocking = False
        self._loop = loop
        self._kind: Any = type(loop)
        self._resume: Callable[[Arrival], object] | None = None
        self._context: Context | None = None
        self._is_cancelled = False
        self._cancelled_with: Any = None

    def fire_now_or_soon(self) -> None:
        """:meth:`fire`, where nobody else runs and nobody has patched the loop meanwhile; else in its next turn."""
        kind = self._kind
        if (
            kind._run_once is _RUN_ONCE
            and kind.run_until_complete is _RUN_UNTIL_COMPLETE
            and current_task(self._loop) is None
        ):
            # As fire() does; a call more for each message can be measured.
            resume, self._resume = self._resume, None
            context, self._context = self._context, None
            if resume is not None and context is not None:
                context.run(resume, self)
        else:
            self._loop.call_soon(self.fire)

    def fire(self) -> None:
        """Let the task that waits go on, before this returns."""
        resume, self._resume = self._resume, None
        context, self._context = self._context, None
        if resume is not None and context is not None:
            context.run(resume, self)

    # -- what a task calls ----------------------------------------------------------------------------------------
    def __await__(self) -> Generator[Self, None, None]:
        self._asyncio_future_blocking = True
        yield self
        if self._is_cancelled:
            self.result()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it belongs to."""
        return self._loop

    def add_done_callback(self, resume: Callable[[Arrival], object], *, context: Context | None = None) -> None:
        """The step of the task that is to go on: ``resume``, in ``context``."""
        self._resume = resume
        self._context = context or copy_context()

    def remove_done_callback(self, resume: Callable[[Arrival], object]) -> int:
        """Let ``resume`` not go on; how often it would have."""
        removed = self._resume == resume
        if removed:
            self._resume = self._context = None
        return int(removed)

    def done(self) -> bool:
        """Whether something has arrived, or nobody waits any more."""
        return self._resume is None

    def cancel(self, msg: Any = None) -> bool:
        """Nobody waits any more; False if it is done."""
        if self._resume is None or self._is_cancelled:
            return False
        self._is_cancelled = True
        self._cancelled_with = msg
        self._loop.call_soon(self.fire)
        return True

    def result(self) -> None:
        """None, once it is done."""
        if self._is_cancelled:
            self._is_cancelled = False
            message, self._cancelled_with = self._cancelled_with, None
            # Whoever cancelled knows its own cancellation again by the message, as anyio does.
            raise asyncio.CancelledError() if message is None else asyncio.CancelledError(message)
