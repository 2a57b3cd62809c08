"""Connections of many kinds for ``associate_over`` and ``serve_over``, and scripted peers at their other ends."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import sys
from collections.abc import Callable
from typing import Any

import trio
import trio.testing

import dicomwire.memory
from dicomwire.asyncio_carriers import over_pipes
from dicomwire.carriers import FilePair
from tests.support.adapters import PATIENCE, MemoryPeer, Peer, SocketPeer, World, done

_EVERY_KIND = [
    ("blocking", "pipes"),
    ("blocking", "unix socket"),
    ("blocking", "files"),
    ("asyncio", "pipes"),
    ("asyncio", "unix socket"),
    ("trio", "pipes"),
    ("trio", "unix socket"),
    ("trio", "memory streams"),
    ("trio", "lockstep streams"),
    ("memory", "ends"),
]

KINDS = [row for row in _EVERY_KIND if sys.platform != "win32" or row[1] not in ("pipes", "files", "unix socket")]
"""What adapters can be given: the adapter, and the kind of connection."""


class Pipes:
    """A transport for the blocking adapter over two descriptors, which may be those of one socket."""

    def __init__(self, source: int, target: int) -> None:
        self.source, self.target = source, target
        os.set_blocking(target, False)
        self.is_closed = False

    def receive(self, seconds: float) -> bytes:
        if not select.select([self.source], [], [], seconds)[0]:
            raise TimeoutError
        return os.read(self.source, 65536)

    def send(self, data: Any, seconds: float | None) -> None:
        rest = memoryview(data)
        while rest:
            if not select.select([], [self.target], [], seconds)[1]:
                raise TimeoutError
            rest = rest[os.write(self.target, rest) :]

    def send_eof(self) -> None:
        os.close(self.target)
        self.target = -1

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            for descriptor in {self.source, self.target} - {-1}:
                os.close(descriptor)


class Unix(Pipes):
    """The same over a socket."""

    def __init__(self, sock: socket.socket) -> None:
        descriptor = sock.detach()
        super().__init__(descriptor, descriptor)

    def send_eof(self) -> None:
        with socket.socket(fileno=os.dup(self.target)) as sock:
            sock.shutdown(socket.SHUT_WR)


class TransportPeer(Peer):
    """A scripted peer over a transport for the blocking adapter."""

    def __init__(self, transport: Pipes) -> None:
        self._transport = transport
        self._data = b""

    async def send(self, data: bytes) -> None:
        self._transport.send(data, PATIENCE)

    async def read(self, count: int) -> bytes:
        while len(self._data) < count:
            try:
                piece = self._transport.receive(PATIENCE)
            except ConnectionError:
                break
            if not piece:
                break
            self._data += piece
        data, self._data = self._data[:count], self._data[count:]
        return data

    async def close(self) -> None:
        self._transport.close()


class PipePeer(Peer):
    """A scripted peer over two pipes, which lets a loop run while it waits."""

    def __init__(self, world: World, source: Any, target: Any) -> None:
        self._world = world
        self._source, self._target = source, target
        os.set_blocking(target.fileno(), False)

    async def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._target.write(rest) or 0 :]
            await self._world.until(lambda: select.select([], [self._target], [], 0)[1])

    async def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            await self._world.until(lambda: select.select([self._source], [], [], 0)[0])
            piece = self._source.read(count - len(data))
            if not piece:
                break
            data += piece
        return data

    async def close(self) -> None:
        self._source.close()
        self._target.close()


class StreamPeer(Peer):
    """A scripted peer over a trio stream."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._data = b""

    async def send(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def read(self, count: int) -> bytes:
        while len(self._data) < count:
            try:
                with trio.fail_after(PATIENCE):
                    piece = await self._stream.receive_some()
            except trio.BrokenResourceError:
                break
            if not piece:
                break
            self._data += piece
        data, self._data = self._data[:count], self._data[count:]
        return data

    async def close(self) -> None:
        await self._stream.aclose()


def _unix_sockets() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX)


def _pipe_ends() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    (one, to_one), (other, to_other) = os.pipe(), os.pipe()
    return (open(one, "rb", 0), open(to_other, "wb", 0)), (open(other, "rb", 0), open(to_one, "wb", 0))


def _trio_pipes() -> tuple[trio.abc.Stream, trio.abc.Stream]:
    (one, to_one), (other, to_other) = os.pipe(), os.pipe()
    stream = trio.lowlevel.FdStream
    return trio.StapledStream(stream(to_one), stream(other)), trio.StapledStream(stream(to_other), stream(one))


def _trio_sockets() -> tuple[trio.abc.Stream, trio.abc.Stream]:
    one, other = (trio.SocketStream(trio.socket.from_stdlib_socket(sock)) for sock in _unix_sockets())
    return one, other


class Wires:
    """Two ends of a connection of one kind: what an AE is given at either, or a scripted peer over there."""

    def __init__(self, world: World, kind: str) -> None:
        self.world = world
        self._raw: tuple[Any, Any]
        if world.name == "memory":
            self._raw = dicomwire.memory.ends(world.network)  # type: ignore[attr-defined]
        elif world.name == "trio":
            make: Callable[[], tuple[Any, Any]] = {
                "pipes": _trio_pipes,
                "unix socket": _trio_sockets,
                "memory streams": trio.testing.memory_stream_pair,
                "lockstep streams": trio.testing.lockstep_stream_pair,
            }[kind]
            self._raw = make()
        elif world.name == "asyncio" and kind == "pipes":
            self._raw = _pipe_ends()
        elif world.name == "asyncio":
            self._raw = _unix_sockets()
        elif kind == "files":
            self._raw = tuple(FilePair(*files) for files in _pipe_ends())  # type: ignore[assignment]
        elif kind == "pipes":
            (one, to_one), (other, to_other) = os.pipe(), os.pipe()
            self._raw = Pipes(one, to_other), Pipes(other, to_one)
        else:
            one_socket, other_socket = _unix_sockets()
            self._raw = Unix(one_socket), Unix(other_socket)
        self.here, self.there = (self._for_ae(raw) for raw in self._raw)

    def _for_ae(self, raw: Any) -> Any:
        if self.world.name != "asyncio":
            return raw
        if isinstance(raw, tuple):
            return over_pipes(*raw)
        return lambda factory: asyncio.get_running_loop().create_connection(factory, sock=raw)

    def _peer(self, raw: Any) -> Peer:
        if self.world.name == "memory":
            return MemoryPeer(self.world, raw)  # type: ignore[arg-type]
        if self.world.name == "trio":
            return StreamPeer(raw)
        if isinstance(raw, tuple):
            return PipePeer(self.world, *raw)
        return SocketPeer(self.world, raw) if self.world.name == "asyncio" else TransportPeer(raw)  # type: ignore[arg-type]

    async def accept(self) -> Peer:
        """A scripted acceptor over there."""
        return self._peer(self._raw[1])

    async def connect(self, server: Any) -> Peer:
        """A scripted requestor over here."""
        return self._peer(self._raw[0])

    async def associate(self, ae: Any, **options: Any) -> Any:
        """An association over this end."""
        return await done(ae.associate_over(self.here, **options))

    async def serve(self, ae: Any, handlers: Any = (), **options: Any) -> Any:
        """Serve one over there."""
        return await done(ae.serve_over(self.there, list(handlers), **options))
