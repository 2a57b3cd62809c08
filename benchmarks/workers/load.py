"""A minimal client that is the same for every server: associations by the dozen, idle ones, and echoes.

PDUs are made and looked at by hand, so that the client costs as little as it can.
"""

from __future__ import annotations

import asyncio
import socket
import time
from struct import Struct

from benchmarks.tasks import EXPLICIT_LITTLE, HOST, VERIFICATION, Task
from benchmarks.workers.orders import Stopwatch, latencies_of, reply, wait, work

_PDU = Struct(">BxL")
_ITEM = Struct(">BxH")
_PDV = Struct(">LBB")
_ELEMENT = Struct("<HHL")
_OPENING = 120
"""Seconds after which no more idle associations are opened."""

_AT_ONCE = 32
"""Associations that are opened at the same time."""


def _pdu(kind: int, body: bytes) -> bytes:
    return _PDU.pack(kind, len(body)) + body


def _item(kind: int, body: bytes) -> bytes:
    return _ITEM.pack(kind, len(body)) + body


def _element(number: int, value: bytes) -> bytes:
    value += bytes(len(value) & 1)
    return _ELEMENT.pack(0, number, len(value)) + value


def _associate() -> bytes:
    context = bytes((1, 0, 0, 0)) + _item(0x30, VERIFICATION.encode()) + _item(0x40, EXPLICIT_LITTLE.encode())
    user = _item(0x51, (16384).to_bytes(4, "big")) + _item(0x52, b"1.2.3.4")
    items = _item(0x10, b"1.2.840.10008.3.1.1.1") + _item(0x20, context) + _item(0x50, user)
    return _pdu(1, b"\0\1\0\0" + b"ANY-SCP".ljust(16) + b"LOAD".ljust(16) + bytes(32) + items)


def _echo() -> bytes:
    elements = b"".join(
        (
            _element(0x0002, VERIFICATION.encode()),
            _element(0x0100, b"\x30\x00"),
            _element(0x0110, b"\x01\x00"),
            _element(0x0800, b"\x01\x01"),
        )
    )
    command = _element(0, len(elements).to_bytes(4, "little")) + elements
    return _pdu(4, _PDV.pack(len(command) + 2, 1, 3) + command)


ASSOCIATE = _associate()
ECHO = _echo()
RELEASE = _pdu(5, bytes(4))
SUCCESS = _element(0x0900, bytes(2))


class Peer:
    """One connection to the server under load."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes, kind: int) -> bytes:
        """Send a PDU; the body of the answer, which must be of this type."""
        self.writer.write(request)
        head = await self.reader.readexactly(_PDU.size)
        found, length = _PDU.unpack(head)
        body = await self.reader.readexactly(length)
        if found != kind:
            raise RuntimeError(f"answered with PDU type {found:#04x}, not {kind:#04x}")
        return body

    async def release(self) -> None:
        try:
            await self.ask(RELEASE, 6)
        finally:
            self.writer.close()


async def associated(port: int) -> Peer:
    peer = Peer(*await asyncio.open_connection(HOST, port, limit=4096))
    await peer.ask(ASSOCIATE, 2)
    return peer


async def _cycle(port: int) -> None:
    peer = await associated(port)
    if SUCCESS not in await peer.ask(ECHO, 4):
        raise RuntimeError("the echo failed")
    await peer.release()


async def cycles(task: Task) -> None:
    """Associate, echo and release, over and over, by several clients."""
    await _cycle(task.port)
    reply(ready=True)
    wait()
    latencies: list[float] = []
    left = task.count

    async def client() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            started = time.perf_counter()
            await _cycle(task.port)
            latencies.append(time.perf_counter() - started)

    watch = Stopwatch()
    await asyncio.gather(*(client() for _ in range(task.clients)))
    watch.report(**latencies_of(latencies))


async def hold(task: Task) -> None:
    """Open idle associations, and release them when told."""
    # Imports and first buffers do not count as memory of idle associations.
    await _cycle(task.port)
    reply(ready=True)
    wait()
    peers: list[Peer] = []
    failures = 0
    left = task.count
    end = time.monotonic() + _OPENING

    async def opener() -> None:
        nonlocal left, failures
        while left > 0 and time.monotonic() < end:
            left -= 1
            try:
                peers.append(await associated(task.port))
            except (OSError, RuntimeError, asyncio.IncompleteReadError):
                failures += 1

    watch = Stopwatch()
    await asyncio.gather(*(opener() for _ in range(min(task.count, _AT_ONCE))))
    watch.report(held=len(peers), failures=failures)
    await asyncio.to_thread(wait)
    results = await asyncio.gather(*(peer.release() for peer in peers), return_exceptions=True)
    reply(alive=sum(result is None for result in results))


def latency(task: Task) -> None:
    """Echoes on one association over a blocking socket, and how long each takes."""
    with socket.create_connection((HOST, task.port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(ASSOCIATE)
        _receive(sock)
        latencies: list[float] = []
        for _ in range(task.count):
            started = time.perf_counter()
            sock.sendall(ECHO)
            body = _receive(sock)
            latencies.append(time.perf_counter() - started)
            if SUCCESS not in body:
                raise RuntimeError("the echo failed")
        sock.sendall(RELEASE)
        _receive(sock)
    reply(**latencies_of(latencies))


def _receive(sock: socket.socket) -> bytes:
    data = b""
    while len(data) < _PDU.size or len(data) < _PDU.size + _PDU.unpack_from(data)[1]:
        more = sock.recv(4096)
        if not more:
            raise RuntimeError("the server closed")
        data += more
    return data


if __name__ == "__main__":
    work(
        {
            "cycles": lambda task: asyncio.run(cycles(task)),
            "hold": lambda task: asyncio.run(hold(task)),
            "latency": latency,
        }
    )
