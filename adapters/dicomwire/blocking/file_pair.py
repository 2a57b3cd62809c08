"""Two file objects or descriptors as a transport: pipes, a terminal, the standard input and output."""

from __future__ import annotations

import contextlib
import os
import select
from typing import Protocol, TypeAlias

from dicomwire.upper_layer.connection import Buffer

_PIECE = 1 << 18


class HasDescriptor(Protocol):
    """A file object of the operating system's."""

    def fileno(self) -> int:
        """Its descriptor."""
        ...

    def close(self) -> object:
        """Close it."""


File: TypeAlias = HasDescriptor | int


class FilePair:
    """What is read from ``source`` and written to ``target``, which may be one file: for ``associate_over`` and
    ``serve_over`` of the blocking AE.

    Each is a descriptor or has one.  It is read and written directly, so nothing may be left in a buffer of the file
    object.  Both are closed with the association.  For systems that can wait for such files: not Windows.

    Raises:
        OSError: they cannot be waited for here.
    """

    def __init__(self, source: File, target: File) -> None:
        if os.name != "posix":
            raise OSError("on this system nobody can wait for a file")
        self._files = [source] if source is target else [source, target]
        self._source = source if isinstance(source, int) else source.fileno()
        self._target = target if isinstance(target, int) else target.fileno()
        self._was_blocking = os.get_blocking(self._target)
        os.set_blocking(self._target, False)
        self._is_closed = False

    def receive(self, seconds: float) -> bytes:
        """See :meth:`Transport.receive`."""
        while True:
            _wait(self._source, select.POLLIN, seconds)
            with contextlib.suppress(BlockingIOError):
                return os.read(self._source, _PIECE)

    def send(self, data: Buffer, seconds: float | None) -> None:
        """See :meth:`Transport.send`."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._target, rest) :]
            except BlockingIOError:
                _wait(self._target, select.POLLOUT, seconds)

    def send_eof(self) -> None:
        """Close ``target``, unless what is read is the same."""
        if len(self._files) == 2 and self._source != self._target:
            self._restore()
            _close(self._files.pop())

    def close(self) -> None:
        """Close both; may be called again."""
        if not self._is_closed:
            self._is_closed = True
            if len(self._files) == 2 or self._source == self._target:
                self._restore()
            for file in dict.fromkeys(self._files):
                _close(file)

    def _restore(self) -> None:
        # Other processes may have the same file, such as a terminal.
        with contextlib.suppress(OSError):
            os.set_blocking(self._target, self._was_blocking)


def _wait(descriptor: int, what: int, seconds: float | None) -> None:
    """Until it is ready, or broken.

    Raises:
        TimeoutError: it is not, after so many seconds.
    """
    poll = select.poll()
    poll.register(descriptor, what)
    if not poll.poll(None if seconds is None else seconds * 1000):
        raise TimeoutError


def _close(file: File) -> None:
    if isinstance(file, int):
        os.close(file)
    else:
        file.close()
