"""One way to write a test for every adapter: a ``World`` runs an ``async`` scenario in its own way of waiting.

In the blocking world the scenario never suspends: what it awaits is done before it is awaited.
"""

from __future__ import annotations

import asyncio
import inspect
import select
import socket
import struct
import sys
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

import pytest
import trio

import dicomwire
import dicomwire.asyncio
import dicomwire.memory
import dicomwire.trio
from dicomwire import build_context, evt
from dicomwire.associations.coroutines import run as run_plain
from dicomwire.presentation import PresentationContext

VERIFICATION = "1.2.840.10008.1.1"
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"

LOCALHOST = "127.0.0.1"
PATIENCE = 6.0
"""Seconds for anything a test waits for: never used up unless the test fails."""

OUTCOMES: tuple[type[BaseException], ...] = (Exception, pytest.fail.Exception, pytest.skip.Exception)
Scenario = Callable[[], Coroutine[Any, Any, Any]]


async def done(value: Any) -> Any:
    """The outcome of a call that blocks in one adapter and is awaited in the others."""
    return await value if inspect.isawaitable(value) else value


def keep(kept: list[Any], value: Any, answer: Any = 0x0000) -> Any:
    """Append ``value`` to ``kept`` and return ``answer``: a whole handler in a lambda."""
    kept.append(value)
    return answer


class Signal(ABC):
    """Set by a handler, waited for by a test."""

    @abstractmethod
    def set(self) -> None: ...

    @property
    @abstractmethod
    def is_set(self) -> bool: ...

    @abstractmethod
    async def wait(self) -> None:
        """Return when it is set; TimeoutError after a while."""


class Job:
    """A part of a scenario that runs beside it."""

    def __init__(self, finished: Signal) -> None:
        self._finished = finished
        self.value: Any = None
        self.error: BaseException | None = None

    async def perform(self, work: Scenario) -> None:
        try:
            self.value = await work()
        except OUTCOMES as error:
            self.error = error
        finally:
            self._finished.set()

    @property
    def is_finished(self) -> bool:
        return self._finished.is_set

    async def result(self) -> Any:
        """What it returned, or raise what it raised."""
        await self._finished.wait()
        if self.error is not None:
            raise self.error
        return self.value


class Peer(ABC):
    """The other end of a connection, scripted byte by byte."""

    @abstractmethod
    async def send(self, data: bytes) -> None: ...

    @abstractmethod
    async def read(self, count: int) -> bytes:
        """Exactly so many bytes; fewer at the end of the stream."""

    @abstractmethod
    async def close(self) -> None: ...

    async def pdu(self) -> bytes:
        """The next whole PDU, ``b""`` at the end of the stream."""
        head = await self.read(6)
        if not head:
            return b""
        return head + await self.read(struct.unpack(">L", head[2:])[0])

    async def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        data = b""
        while piece := await self.read(1):
            data += piece
        return data


class Listener(ABC):
    """Accepts connections for scripted peers."""

    server_address: tuple[str, int]

    @abstractmethod
    async def accept(self) -> Peer: ...


class World(ABC):
    """An adapter, and what a scenario needs of it.  Everything made here is ended with it."""

    name: ClassVar[str]

    face: ClassVar[Any]
    """The module that has ``connect`` and ``serve``."""

    def __init__(self) -> None:
        self.entities: list[Any] = []
        self._closing: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<{self.name}>"

    # -- what adapters differ in ----------------------------------------------------------------------------------
    @abstractmethod
    def run(self, scenario: Scenario) -> None:
        """Run a scenario to its end, end whatever it left, and check that nothing stays behind."""

    @abstractmethod
    def signal(self) -> Signal: ...

    @abstractmethod
    def start(self, work: Scenario) -> Job:
        """Run ``work`` beside the scenario."""

    @abstractmethod
    async def until(self, claim: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Return when ``claim()`` is true; TimeoutError after a while."""

    @abstractmethod
    def _make_ae(self, title: str) -> Any: ...

    @abstractmethod
    async def connect(self, server: Any) -> Peer:
        """A scripted requestor, connected."""

    @abstractmethod
    async def listen(self) -> Listener:
        """Where scripted acceptors are reached."""

    # -- what they share ------------------------------------------------------------------------------------------
    def ae(self, title: str = "TESTER") -> Any:
        """A new AE, shut down at the end."""
        entity = self._make_ae(title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = PATIENCE
        self.entities.append(entity)
        return entity

    async def serve(
        self,
        handlers: Iterable[Any] = (),
        *,
        ae: Any = None,
        contexts: list[PresentationContext] | None = None,
        **options: Any,
    ) -> Any:
        """A running server, for verification and CT unless ``contexts`` says something else.

        ``address`` is where, by default any port of the loopback interface.
        """
        entity = ae if ae is not None else self.ae("SERVER")
        chosen = usual_contexts() if contexts is None else contexts
        return await self._start_server(entity, evt_handlers=list(handlers), contexts=chosen, **options)

    async def _start_server(self, entity: Any, address: Any = (LOCALHOST, 0), **options: Any) -> Any:
        return await done(entity.start_server(address, block=False, **options))

    async def associate(
        self, server: Any, *, ae: Any = None, contexts: list[PresentationContext] | None = None, **options: Any
    ) -> Any:
        """An association with ``server``, in whatever state it came to."""
        entity = ae if ae is not None else self.ae("CLIENT")
        chosen = usual_contexts() if contexts is None else contexts
        return await done(entity.associate(LOCALHOST, port_of(server), contexts=chosen, **options))

    async def provide(self, *services: Any, address: Any = (LOCALHOST, 0), **options: Any) -> Any:
        """A running server of ``serve``, by default any port of the loopback interface."""
        server = await self._provide(address, *services, **self._placed(options, "SERVER"))
        self.entities.append(server.ae)
        return server

    async def _provide(self, *args: Any, **options: Any) -> Any:
        return await done(self.face.serve(*args, **options))

    async def client(self, server: Any, **options: Any) -> Any:
        """What ``connect`` gives for a server, or whatever else has a ``server_address``."""
        client = await done(self.face.connect(LOCALHOST, port_of(server), **self._placed(options, "CLIENT")))
        self.entities.append(client.ae)
        return client

    def _placed(self, options: dict[str, Any], title: str) -> dict[str, Any]:
        """With an entity that waits as long as tests do, unless these options are about making one."""
        if options.keys() & {"entity", "title", "limits", "timeouts", "allowed", "maximum_associations"}:
            return options
        return {"entity": self.ae(title), **options}

    async def join(self, handlers: Iterable[Any] = (), **options: Any) -> Any:
        """An established association with a new server that has these handlers."""
        association = await self.associate(await self.serve(handlers), **options)
        assert association.is_established
        return association

    @asynccontextmanager
    async def using(self, association: Any) -> AsyncIterator[Any]:
        """``with`` or ``async with`` the association."""
        if hasattr(association, "__enter__"):
            with association:
                yield association
        else:
            async with association:
                yield association


def usual_contexts() -> list[PresentationContext]:
    return [build_context(VERIFICATION), build_context(CT_IMAGE_STORAGE)]


def port_of(server: Any) -> int:
    return int(server.server_address[1])


def _free_port_claim(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


# -- peers behind sockets -----------------------------------------------------------------------------------------
class SocketPeer(Peer):
    """Waits as its world does."""

    def __init__(self, world: SocketWorld, sock: socket.socket) -> None:
        self._world = world
        self.sock = sock
        sock.setblocking(False)
        # What a script sends is there when the next step of it runs.
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        world._closing.append(sock.close)

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view) :]
            except BlockingIOError:
                await self._world.ready(self.sock, writing=True)

    async def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                piece = self.sock.recv(count - len(data))
            except BlockingIOError:
                await self._world.ready(self.sock)
                continue
            except ConnectionError:
                break
            if not piece:
                break
            data += piece
        return data

    async def close(self) -> None:
        self.sock.close()


class SocketListener(Listener):
    def __init__(self, world: SocketWorld) -> None:
        self._world = world
        self.sock = socket.socket()
        self.sock.bind((LOCALHOST, 0))
        self.sock.listen()
        self.sock.setblocking(False)
        self.server_address = self.sock.getsockname()
        world._closing.append(self.sock.close)

    async def accept(self) -> SocketPeer:
        while True:
            try:
                sock, _ = self.sock.accept()
            except BlockingIOError:
                await self._world.ready(self.sock)
            else:
                return SocketPeer(self._world, sock)


class SocketWorld(World):
    """What the worlds with real sockets share."""

    @abstractmethod
    async def ready(self, sock: socket.socket, *, writing: bool = False) -> None:
        """Return when the socket can be read, or written; TimeoutError after a while."""

    async def connect(self, server: Any) -> SocketPeer:
        return SocketPeer(self, socket.create_connection(server.server_address[:2], timeout=PATIENCE))

    async def listen(self) -> SocketListener:
        return SocketListener(self)

    def _close(self) -> None:
        for close in self._closing:
            close()


# -- blocking -----------------------------------------------------------------------------------------------------
class ThreadSignal(Signal):
    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        if not self._event.wait(PATIENCE):
            raise TimeoutError("the signal was not set")


class BlockingWorld(SocketWorld):
    name = "blocking"
    face: ClassVar[Any] = dicomwire

    def run(self, scenario: Scenario) -> None:
        before = set(threading.enumerate())
        job = Job(ThreadSignal())
        thread = threading.Thread(target=lambda: run_plain(job.perform(scenario)), daemon=True)
        thread.start()
        thread.join(6 * PATIENCE)
        try:
            if thread.is_alive():
                raise TimeoutError("the scenario hangs:\n" + _stacks())
            if job.error is not None:
                raise job.error
        finally:
            for entity in self.entities:
                entity.shutdown()
            self._close()
        thread.join()
        run_plain(self.until(lambda: not _left(before), 2 * PATIENCE))

    def _make_ae(self, title: str) -> Any:
        return dicomwire.AE(title)

    def signal(self) -> ThreadSignal:
        return ThreadSignal()

    def start(self, work: Scenario) -> Job:
        job = Job(self.signal())
        threading.Thread(target=lambda: run_plain(job.perform(work)), name="test-job", daemon=True).start()
        return job

    async def until(self, claim: Callable[[], object], seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        never = threading.Event()
        while not claim():
            if time.monotonic() > deadline:
                raise TimeoutError("it did not come true:\n" + _stacks())
            never.wait(0.002)

    async def ready(self, sock: socket.socket, *, writing: bool = False) -> None:
        sides: tuple[list[Any], list[Any]] = ([], [sock]) if writing else ([sock], [])
        if not any(select.select(*sides, [], PATIENCE)):
            raise TimeoutError("the socket did not become ready")


def _left(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads that a scenario has left; the watcher stays for the life of the process."""
    return [item for item in threading.enumerate() if item not in before and item.name != "dicomwire-watcher"]


def _stacks() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"-- {names.get(ident)}\n" + "".join(line for line in traceback.format_stack(frame) if "dicomwire" in line)
        for ident, frame in sys._current_frames().items()
    )


# -- asyncio ------------------------------------------------------------------------------------------------------
class AsyncioSignal(Signal):
    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def set(self) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._event.wait()


class AsyncioWorld(SocketWorld):
    name = "asyncio"
    face: ClassVar[Any] = dicomwire.asyncio

    def __init__(self) -> None:
        super().__init__()
        self.servers: list[Any] = []
        self._jobs: list[asyncio.Task[None]] = []

    def run(self, scenario: Scenario) -> None:
        asyncio.run(self._main(scenario))

    async def _main(self, scenario: Scenario) -> None:
        try:
            async with asyncio.timeout(6 * PATIENCE):
                await scenario()
        finally:
            async with asyncio.timeout(2 * PATIENCE):
                for entity in self.entities:
                    await entity.shutdown()
                for server in self.servers:
                    await server.serve_forever()
            self._close()
        await self.until(lambda: len(asyncio.all_tasks()) == 1, 2 * PATIENCE)

    async def _start_server(self, entity: Any, address: Any = (LOCALHOST, 0), **options: Any) -> Any:
        server = await super()._start_server(entity, address, **options)
        self.servers.append(server)
        return server

    async def _provide(self, *args: Any, **options: Any) -> Any:
        server = await super()._provide(*args, **options)
        self.servers.append(server)
        return server

    def _make_ae(self, title: str) -> Any:
        return dicomwire.asyncio.AE(title)

    def signal(self) -> AsyncioSignal:
        return AsyncioSignal()

    def start(self, work: Scenario) -> Job:
        job = Job(self.signal())
        self._jobs.append(asyncio.get_running_loop().create_task(job.perform(work)))
        return job

    async def until(self, claim: Callable[[], object], seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not claim():
            if time.monotonic() > deadline:
                raise TimeoutError(f"it did not come true; tasks: {asyncio.all_tasks()}")
            await asyncio.sleep(0.002)

    async def ready(self, sock: socket.socket, *, writing: bool = False) -> None:
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()

        def tell() -> None:
            if not waiting.done():
                waiting.set_result(None)

        add, remove = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
        add(sock, tell)
        try:
            async with asyncio.timeout(PATIENCE):
                await waiting
        finally:
            remove(sock)


# -- trio ---------------------------------------------------------------------------------------------------------
class TrioSignal(Signal):
    def __init__(self) -> None:
        self._event = trio.Event()
        self._token = trio.lowlevel.current_trio_token()

    def set(self) -> None:
        try:
            trio.lowlevel.current_trio_token()
        except RuntimeError:
            self._token.run_sync_soon(self._event.set)
        else:
            self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        with _no_longer_than(PATIENCE):
            await self._event.wait()


class _no_longer_than:
    """``trio.fail_after`` that raises TimeoutError."""

    def __init__(self, seconds: float) -> None:
        self._scope = trio.CancelScope(deadline=trio.current_time() + seconds)

    def __enter__(self) -> None:
        self._scope.__enter__()

    def __exit__(self, *details: Any) -> bool | None:
        suppressed = self._scope.__exit__(*details)
        if self._scope.cancelled_caught:
            raise TimeoutError("it took too long")
        return suppressed


class TrioWorld(SocketWorld):
    name = "trio"
    face: ClassVar[Any] = dicomwire.trio
    _nursery: trio.Nursery

    def run(self, scenario: Scenario) -> None:
        error = trio.run(self._main, scenario)
        if error is not None:
            raise error

    async def _main(self, scenario: Scenario) -> BaseException | None:
        failed: BaseException | None = None
        with _no_longer_than(10 * PATIENCE):
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                try:
                    with _no_longer_than(6 * PATIENCE):
                        await scenario()
                except OUTCOMES as error:
                    failed = error
                    nursery.cancel_scope.cancel()
                else:
                    # Together: one that aborts waits for the other to close, who looks at it only when it ends too.
                    async with trio.open_nursery() as ending:
                        for entity in self.entities:
                            ending.start_soon(entity.shutdown)
                    # The nursery ends when everything in it has.
        self._close()
        return failed

    async def _start_server(self, entity: Any, address: Any = (LOCALHOST, 0), **options: Any) -> Any:
        async def serve(task_status: trio.TaskStatus[Any]) -> None:
            await entity.start_server(address, task_status=task_status, **options)

        return await self._served(serve)

    async def _provide(self, *args: Any, **options: Any) -> Any:
        async def serve(task_status: trio.TaskStatus[Any]) -> None:
            async with self.face.serve(*args, **options) as server:
                task_status.started(server)
                await server.serve_forever()

        return await self._served(serve)

    async def _served(self, serve: Callable[..., Coroutine[Any, Any, None]]) -> Any:
        try:
            return await self._nursery.start(serve)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    def _make_ae(self, title: str) -> Any:
        return dicomwire.trio.AE(title)

    def signal(self) -> TrioSignal:
        return TrioSignal()

    def start(self, work: Scenario) -> Job:
        job = Job(self.signal())
        self._nursery.start_soon(job.perform, work)
        return job

    async def until(self, claim: Callable[[], object], seconds: float = PATIENCE) -> None:
        deadline = trio.current_time() + seconds
        while not claim():
            if trio.current_time() > deadline:
                raise TimeoutError("it did not come true")
            await trio.sleep(0.002)

    async def ready(self, sock: socket.socket, *, writing: bool = False) -> None:
        with _no_longer_than(PATIENCE):
            await (trio.lowlevel.wait_writable if writing else trio.lowlevel.wait_readable)(sock)


# -- memory -------------------------------------------------------------------------------------------------------
class MemorySignal(Signal):
    def __init__(self, world: MemoryWorld) -> None:
        self._world = world
        self._set = False

    def set(self) -> None:
        self._set = True

    @property
    def is_set(self) -> bool:
        return self._set

    async def wait(self) -> None:
        await self._world.until(lambda: self._set)


class MemoryPeer(Peer):
    def __init__(self, world: MemoryWorld, end: dicomwire.memory.End) -> None:
        self._world = world
        self._end = end
        self._data = bytearray()
        self._ended = False

    async def send(self, data: bytes) -> None:
        self._end.send(data)

    def _has(self, count: int) -> bool:
        while len(self._data) < count and not self._ended and (piece := self._end.receive()) is not None:
            self._data += piece
            self._ended = not piece
        return len(self._data) >= count or self._ended

    async def read(self, count: int) -> bytes:
        await self._world.until(lambda: self._has(count))
        data = bytes(self._data[:count])
        del self._data[:count]
        return data

    async def close(self) -> None:
        self._end.close()


class MemoryListener(Listener):
    def __init__(self, world: MemoryWorld) -> None:
        self._world = world
        self._waiting: list[MemoryPeer] = []
        self.server_address = ("memory", world.network.listen(self, 0))

    def take_up(self, end: Any, address: Any) -> None:
        self._waiting.append(MemoryPeer(self._world, end))

    async def accept(self) -> MemoryPeer:
        await self._world.until(lambda: self._waiting)
        return self._waiting.pop(0)


class MemoryWorld(World):
    name = "memory"
    face: ClassVar[Any] = dicomwire.memory

    def __init__(self) -> None:
        super().__init__()
        self.network = dicomwire.memory.Network()

    def run(self, scenario: Scenario) -> None:
        try:
            self.network.run(scenario())
        finally:
            for entity in self.entities:
                self.network.run(entity.shutdown())
        for _ in range(1000):
            self.network.run_until_idle()
            if not self.network._tasks:
                return
            self.network._turn()
        raise AssertionError(f"tasks left: {[task.work for task in self.network._tasks]}")

    def _placed(self, options: dict[str, Any], title: str) -> dict[str, Any]:
        placed = super()._placed(options, title)
        return placed if "entity" in placed else {"network": self.network, **placed}

    def _make_ae(self, title: str) -> Any:
        return dicomwire.memory.AE(title, self.network)

    def signal(self) -> MemorySignal:
        return MemorySignal(self)

    def start(self, work: Scenario) -> Job:
        job = Job(self.signal())
        self.network.spawn(job.perform(work))
        return job

    async def until(self, claim: Callable[[], object], seconds: float = PATIENCE) -> None:
        # Time jumps to the next deadline of anybody: be the last.
        await self.network.until(lambda: bool(claim()), self.network.now + 100 * seconds)
        if not claim():
            raise TimeoutError("it did not come true")

    async def connect(self, server: Any) -> MemoryPeer:
        here, there = dicomwire.memory.ends(self.network)
        server.take_up(there, ("memory", 40000))
        return MemoryPeer(self, here)

    async def listen(self) -> MemoryListener:
        return MemoryListener(self)


WORLDS: dict[str, type[World]] = {kind.name: kind for kind in (BlockingWorld, AsyncioWorld, TrioWorld, MemoryWorld)}

# -- what handlers saw --------------------------------------------------------------------------------------------
NOTIFICATIONS = [item for item in vars(evt).values() if isinstance(item, evt.NotificationEvent)]


class Recorder:
    """A notification handler that remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[evt.Event] = []

    def __call__(self, event: evt.Event) -> None:
        self.events.append(event)

    def bindings(self, *events: evt.NotificationEvent) -> list[Any]:
        """To be given as ``evt_handlers``; of all events unless some are named."""
        return [(event, self) for event in events or NOTIFICATIONS]

    @property
    def names(self) -> list[str]:
        return [event.event.name.removeprefix("EVT_") for event in self.events]

    def only(self, *names: str) -> list[str]:
        """The names told, of these."""
        return [name for name in self.names if name in names]

    def of(self, event: evt.NotificationEvent) -> list[Any]:
        """The events of one kind."""
        return [item for item in self.events if item.event == event]


def reset(sock: socket.socket) -> None:
    """Close a connection with RST."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
