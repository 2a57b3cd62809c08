"""``ProtocolChannel`` over transports that are not the loop's own, as the guide for authors of transports has it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import evt
from dicomwire.associations.accepting import serve_connection
from dicomwire.associations.requesting import RequestOptions, establish, propose
from dicomwire.associations.server_base import ServerBase, handler_table
from dicomwire.asyncio import AE, Association, ProtocolChannel
from dicomwire.upper_layer.state import Role
from tests.hosts.loops import CONTEXTS, FIND, HOSTS, Peers, image, run, until

hosts = pytest.mark.parametrize("host", HOSTS)


class Ends:
    """An acceptor and a requestor without a connection yet."""

    def __init__(self) -> None:
        self.ae = AE("PEER")
        self.ae.supported_contexts = self.ae.requested_contexts = CONTEXTS
        self.ae.acse_timeout = 5
        self.stored: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store), (evt.EVT_C_FIND, self._find)]
        self.server = ServerBase[Association](self.ae, None, None, handlers)
        self.accepted = Association(self.ae, Role.ACCEPTOR, self.server.handler_table)
        self.requested = Association(self.ae, Role.REQUESTOR, handler_table(None))
        proposal = propose(self.ae, RequestOptions(ae_title="PEER"))
        self.requested.line.sides.requestor.contexts = proposal.contexts
        self._request = proposal.request
        self.here = ProtocolChannel(self.requested.line.session)

    def _store(self, event: evt.Event) -> int:
        self.stored.append(len(event.dataset.PixelData))
        return 0x0000

    def _find(self, event: evt.Event) -> Any:
        for number in range(20):
            match = Dataset()
            match.PatientID = str(number)
            yield 0xFF00, match

    def there(self) -> ProtocolChannel:
        def connected(channel: ProtocolChannel) -> None:
            async def serve() -> None:
                await serve_connection(self.accepted, channel, self.server)

            self.tasks.append(asyncio.create_task(serve()))

        return ProtocolChannel(self.accepted.line.session, connected)

    async def exercise(self) -> None:
        """Everything that an association is there for."""
        association = self.requested
        await association.line.open(self.here)
        await establish(association, self._request)
        assert association.is_established, association.failure
        assert (await association.send_c_echo()).Status == 0x0000
        for length in (100, 300_000, 3 << 20):
            assert (await association.send_c_store(image(length))).Status == 0x0000
            assert self.stored[-1] == length
        responses = [status.Status async for status, _ in await association.send_c_find(Dataset(), FIND)]
        assert responses == [0xFF00] * 20 + [0x0000]
        await association.release()
        assert association.is_released
        await asyncio.wait(self.tasks)
        assert self.accepted.is_released


class TaskFed:
    """A transport over a stream, fed by a task of its own, with no more methods than the guide asks for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gives_socket: bool) -> None:
        self._reader, self._writer = reader, writer
        self._gives_socket = gives_socket
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._closing = False
        self.written: list[type] = []

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._writer.get_extra_info(name, default) if self._gives_socket else default

    def write(self, data: Any) -> None:
        self.written.append(type(data))
        self._writer.write(data)

    def close(self) -> None:
        self._closing = True
        self._writer.close()

    def abort(self) -> None:
        self._closing = True
        self._writer.transport.abort()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()

    async def feed(self, channel: Any, *, buffered: bool) -> None:
        channel.connection_made(self)
        while data := await self._reader.read(50_000):
            await self._may_read.wait()
            if not buffered:
                channel.data_received(data)
            # A whole message at a time, whatever the channel says of pauses meanwhile.
            while buffered and data:
                buffer = channel.get_buffer(-1)
                count = min(len(buffer), len(data))
                buffer[:count] = data[:count]
                channel.buffer_updated(count)
                data = data[count:]
        channel.eof_received()
        channel.connection_lost(None)


@hosts
@pytest.mark.parametrize("gives_socket", [False, True], ids=["no socket", "socket"])
@pytest.mark.parametrize("buffered", [False, True], ids=["Protocol", "BufferedProtocol"])
def test_a_transport_may_be_fed_by_a_task(host: str, gives_socket: bool, buffered: bool) -> None:
    async def work() -> None:
        ends = Ends()
        feeding: list[asyncio.Task[None]] = []
        transports: list[TaskFed] = []

        def over(reader: Any, writer: Any, channel: ProtocolChannel) -> None:
            transports.append(TaskFed(reader, writer, gives_socket))
            feeding.append(asyncio.create_task(transports[-1].feed(channel, buffered=buffered)))

        server = await asyncio.start_server(lambda reader, writer: over(reader, writer, ends.there()), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        over(reader, writer, ends.here)
        await until(lambda: ends.tasks and hasattr(ends.here, "transport"))
        await ends.exercise()
        await asyncio.gather(*feeding)
        server.close()
        assert {kind for transport in transports for kind in transport.written} == {bytes}

    run(host, work)


class Wrapping(asyncio.Transport):
    """Changes every byte, as a cipher does, and hands on what it is asked to the transport below."""

    def __init__(self, below: asyncio.Transport) -> None:
        super().__init__()
        self._below = below

    def write(self, data: Any) -> None:
        self._below.write(bytes(byte ^ 0x55 for byte in data))

    def __getattribute__(self, name: str) -> Any:
        if name in ("_below", "write", "writelines", "__class__"):
            return super().__getattribute__(name)
        return getattr(self._below, name)


class Below(asyncio.Protocol):
    def __init__(self, channel: ProtocolChannel, seen: list[bytes]) -> None:
        self._channel = channel
        self._seen = seen

    def connection_made(self, transport: Any) -> None:
        self._channel.connection_made(Wrapping(transport))

    def data_received(self, data: bytes) -> None:
        self._seen.append(data[:1])
        self._channel.data_received(bytes(byte ^ 0x55 for byte in data))

    def __getattribute__(self, name: str) -> Any:
        if name in ("eof_received", "connection_lost", "pause_writing", "resume_writing"):
            return getattr(self._channel, name)
        return super().__getattribute__(name)


@hosts
def test_nothing_is_written_past_a_transport_that_wraps_another(host: str) -> None:
    async def work() -> None:
        ends, seen = Ends(), list[bytes]()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Below(ends.there(), seen), "127.0.0.1", 0)
        await loop.create_connection(lambda: Below(ends.here, seen), *server.sockets[0].getsockname())
        await ends.exercise()
        server.close()
        # The first PDUs: an association request, and its acceptance.
        assert seen[:2] == [b"\x54", b"\x57"]

    run(host, work)


class Pipes(asyncio.Transport):
    """Two pipes as one transport."""

    def __init__(self, reading: asyncio.ReadTransport, writing: asyncio.WriteTransport) -> None:
        super().__init__()
        self._reading, self._writing = reading, writing

    def write(self, data: Any) -> None:
        self._writing.write(data)

    def is_closing(self) -> bool:
        return self._writing.is_closing()

    def close(self) -> None:
        self._writing.close()
        self._reading.close()

    def abort(self) -> None:
        self._writing.abort()
        self._reading.close()

    def pause_reading(self) -> None:
        self._reading.pause_reading()

    def resume_reading(self) -> None:
        self._reading.resume_reading()


class OneWay(asyncio.Protocol):
    """One direction of a channel."""

    def __init__(self, channel: ProtocolChannel, *names: str) -> None:
        for name in names:
            setattr(self, name, getattr(channel, name))


@pytest.mark.skipif(not hasattr(os, "set_blocking"), reason="pipes of the loop are a matter of Unix")
@hosts
def test_pipes_serve_too(host: str) -> None:
    async def over(channel: ProtocolChannel, source: int, target: int) -> None:
        loop = asyncio.get_running_loop()
        reading = OneWay(channel, "data_received", "eof_received", "connection_lost")
        writing = OneWay(channel, "pause_writing", "resume_writing")
        source_transport, _ = await loop.connect_read_pipe(lambda: reading, os.fdopen(source, "rb", 0))
        target_transport, _ = await loop.connect_write_pipe(lambda: writing, os.fdopen(target, "wb", 0))
        channel.connection_made(Pipes(source_transport, target_transport))

    async def work() -> None:
        ends = Ends()
        (first_out, first_in), (second_out, second_in) = os.pipe(), os.pipe()
        await over(ends.there(), first_out, second_in)
        await over(ends.here, second_out, first_in)
        await ends.exercise()
        # Pipes close in a turn of their own.
        await asyncio.sleep(0.01)

    run(host, work)


@hosts
def test_a_transport_that_only_reads_is_a_connection_that_cannot_be_written_to(host: str) -> None:
    async def work() -> None:
        ends = Ends()
        ends.ae.acse_timeout = 0.05
        ends.requested = Association(ends.ae, Role.REQUESTOR, handler_table(None))
        ends.here = ProtocolChannel(ends.requested.line.session)

        class Reading:
            is_closed = False

            def is_closing(self) -> bool:
                return self.is_closed

            def close(self) -> None:
                self.is_closed = True
                ends.here.connection_lost(None)

            abort = close

        ends.here.connection_made(Reading())  # type: ignore[arg-type]
        await ends.requested.line.open(ends.here)
        await establish(ends.requested, ends._request)
        assert ends.requested.is_aborted

    run(host, work)


def nested(run_once: bool) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """What packages for notebooks do to a loop: it runs inside its own callbacks."""
    real = asyncio.SelectorEventLoop.run_until_complete

    def run_until_complete(self: Any, future: Any) -> Any:
        if not self.is_running():
            return real(self, future)
        task = asyncio.current_task(self)
        asyncio.tasks._leave_task(self, task)  # type: ignore[arg-type]
        try:
            future = asyncio.ensure_future(future, loop=self)
            while not future.done():
                self._run_once()
            return future.result()
        finally:
            asyncio.tasks._enter_task(self, task)  # type: ignore[arg-type]

    if not run_once:
        return run_until_complete, None
    once = asyncio.SelectorEventLoop._run_once  # type: ignore[attr-defined]
    return run_until_complete, lambda self: once(self)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("run_once", [False, True], ids=["run_until_complete", "_run_once too"])
def test_an_association_is_used_from_a_loop_nested_in_itself(
    monkeypatch: pytest.MonkeyPatch, when: str, run_once: bool
) -> None:
    def patch() -> None:
        kind = asyncio.SelectorEventLoop
        outer, once = nested(run_once)
        monkeypatch.setattr(kind, "run_until_complete", outer)
        if once is not None:
            monkeypatch.setattr(kind, "_run_once", once)

    async def work() -> None:
        peers = Peers()
        loop = asyncio.get_running_loop()
        async with await peers.server() as server, await peers.associate(server) as association:
            await association.send_c_echo()
            if when == "after":
                patch()
            await association.send_c_echo()
            # This task was resumed by what arrived: does more arrive while it runs the loop?
            status = loop.run_until_complete(asyncio.wait_for(association.send_c_echo(), 2))
            assert status.Status == 0x0000

    if when == "before":
        patch()
    run("asyncio", work)
