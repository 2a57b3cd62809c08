"""Two file objects as a transport of asyncio: pipes, a terminal, a serial port, the standard input and output."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from dicomwire.blocking.file_pair import File
from dicomwire.upper_layer.connection import Buffer

Factory: TypeAlias = Callable[[], Any]
"""Makes the protocol to be connected."""


def over_pipes(source: File, target: File) -> Callable[[Factory], Awaitable[None]]:
    """What ``associate_over`` and ``serve_over`` take for what is read from ``source`` and written to ``target``.

    Each is a descriptor or has one, of a pipe or a character device such as a serial port; both may be one.  They are
    duplicated, and closed at once.  For event loops that can wait for such files: those of POSIX.
    """

    async def connect(factory: Factory) -> None:
        await PipePair(factory(), [source] if source is target else [source, target]).connect()

    return connect


class PipePair(asyncio.Transport):
    """Both of them, as one transport for ``protocol``."""

    def __init__(self, protocol: Any, files: list[File]) -> None:
        super().__init__()
        self._protocol = protocol
        self._files = files
        self._is_closing = False
        self._has_ended = {"reading": False, "writing": False}
        self._reading: asyncio.ReadTransport
        self._writing: asyncio.WriteTransport

    async def connect(self) -> None:
        """Begin.

        Raises:
            OSError, ValueError: they are nothing that can be waited for; they are closed.
        """
        loop = asyncio.get_running_loop()
        # The loop closes each, and cannot have one twice.
        source, target = _duplicate(self._files[0], "rb"), _duplicate(self._files[-1], "wb")
        for file in self._files:
            # So that the end of one is seen by the peer.
            os.close(file) if isinstance(file, int) else file.close()
        try:
            self._writing, _ = await loop.connect_write_pipe(lambda: _End(self, "writing"), target)
            await loop.connect_read_pipe(lambda: _Source(self, self._protocol), source)
        except BaseException:
            source.close()
            target.close()
            raise

    # -- what the channel calls -----------------------------------------------------------------------------------
    def write(self, data: Buffer) -> None:
        """Write it, or keep it until that is possible."""
        self._writing.write(bytes(data))

    def is_closing(self) -> bool:
        """Whether it is closed, or will be."""
        return self._is_closing

    def close(self) -> None:
        """Close, when all is written."""
        self._is_closing = True
        self._reading.close()
        self._writing.close()

    def abort(self) -> None:
        """Close at once."""
        self._is_closing = True
        self._reading.close()
        self._writing.abort()

    def pause_reading(self) -> None:
        """Receive nothing more for now."""
        self._reading.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._reading.resume_reading()

    def can_write_eof(self) -> bool:
        """A pipe of its own can be closed; a terminal cannot say that it is half closed."""
        return len(self._files) == 2

    def write_eof(self) -> None:
        """Close what is written to, when all is written."""
        self._writing.close()

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be written."""
        return self._writing.get_write_buffer_size()

    # -- what its halves tell -------------------------------------------------------------------------------------
    def begun(self, reading: Any) -> None:
        """Reading begins: before anything has come."""
        self._reading = reading
        self._protocol.connection_made(self)

    def pause_writing(self) -> None:
        """There is too much to be written."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """There is room again."""
        self._protocol.resume_writing()

    def ended(self, half: str, error: Exception | None) -> None:
        """One half is gone."""
        self._has_ended[half] = True
        if error is not None and not self._is_closing:
            self.abort()
        if all(self._has_ended.values()):
            self._is_closing = True
            self._protocol.connection_lost(error)


def _duplicate(file: File, mode: str) -> Any:
    return os.fdopen(os.dup(file if isinstance(file, int) else file.fileno()), mode, 0)


class _End(asyncio.BaseProtocol):
    def __init__(self, pair: PipePair, half: str) -> None:
        self._pair, self._half = pair, half

    def pause_writing(self) -> None:
        self._pair.pause_writing()

    def resume_writing(self) -> None:
        self._pair.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pair.ended(self._half, exc)


class _Source(_End, asyncio.Protocol):
    def __init__(self, pair: PipePair, protocol: Any) -> None:
        super().__init__(pair, "reading")
        self._protocol = protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pair.begun(transport)

    def data_received(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def eof_received(self) -> None:
        self._protocol.eof_received()
