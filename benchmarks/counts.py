"""How many hands a small message passes: calls, and changes of file; the same in every run, where times are not.

What is counted, by ``sys.setprofile`` in the one thread of a side, for an operation after some that are not counted:

- *calls*: functions of Python and of C that are called, and coroutines and generators that are resumed, those of the
  standard library and of the event loop too; not the program's own function: the handler at the server, the loop of
  the client.
- *changes of file*: how often a function of this package is called from another of its files than the one before it.

An operation of a client lasts from one call of its program to the next, one of a server from handler to handler: for
an association that is the end of one and the beginning of the next, without the thread that accepts connections.  The
number is the least of :data:`TIMES` operations: a loop wakes up once more now and then.  With the in-memory adapter
both ends are in one thread, and are counted together.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from types import CodeType, FrameType
from typing import Any

from attrs import define, field, frozen

import dicomwire.memory
from benchmarks.cores import choose, running_on
from benchmarks.data import Files, scratch
from benchmarks.tasks import CT_IMAGE_STORAGE, EXPLICIT_LITTLE, HOST, VERIFICATION
from benchmarks.workers.event_loop import Loop
from dicomwire import AE, evt

ADAPTERS = ("blocking", "asyncio", "trio", "memory")
OPERATIONS = ("echo", "store", "cycle")
"""A cycle is an association: request, one C-ECHO, release."""

SIZE = 4096
"""Bytes of pixel data of what is stored from a path."""

TIMES = 40
WARM = 10
"""Operations before those that are counted."""

_PACKAGE = f"{os.sep}dicomwire{os.sep}"


@frozen
class Count:
    """One operation of one adapter; with the in-memory one, the client has the calls of both ends."""

    adapter: str
    operation: str
    client: int
    server: int | None
    changes: int
    """Of file, at the server."""


@define
class Profile:
    """What one thread does, between calls of the function that marks where an operation begins."""

    _begin: CodeType
    _calls: int = 0
    _changes: int = 0
    _file: str = ""
    marks: list[tuple[int, int]] = field(factory=list)
    """Calls and changes of file when each operation began."""

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "c_call":
            self._calls += 1
        elif event == "call":
            code = frame.f_code
            if code is self._begin:
                self.marks.append((self._calls, self._changes))
                return
            self._calls += 1
            if _PACKAGE in code.co_filename and code.co_filename != self._file:
                self._file = code.co_filename
                self._changes += 1

    def least(self) -> tuple[int, int]:
        """Calls and changes of file of one operation."""
        steps = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(self.marks[-TIMES - 1 :])]
        return min(step[0] for step in steps), min(step[1] for step in steps)


def _begin() -> None:
    """Here an operation of the client begins."""


def _answer(event: evt.Event) -> int:
    """The handler: here one of the server begins."""
    return 0x0000


_HANDLERS: list[Any] = [(evt.EVT_C_ECHO, _answer), (evt.EVT_C_STORE, _answer)]


def _accepting(ae: Any) -> Any:
    ae.add_supported_context(VERIFICATION, EXPLICIT_LITTLE)
    ae.add_supported_context(CT_IMAGE_STORAGE, EXPLICIT_LITTLE)
    return ae


def _requesting(ae: Any) -> Any:
    ae.add_requested_context(VERIFICATION, EXPLICIT_LITTLE)
    ae.add_requested_context(CT_IMAGE_STORAGE, EXPLICIT_LITTLE)
    return ae


def _operation(association: Any, name: str, path: Path) -> Callable[[], Any]:
    if name == "echo":
        return lambda: association.send_c_echo()
    source = str(path)
    return lambda: association.send_c_store(source)


def _cycle(ae: Any, port: int) -> Any:
    association = ae.associate(HOST, port)
    status = association.send_c_echo()
    association.release()
    return status


async def _async_cycle(ae: Any, port: int) -> Any:
    association = await ae.associate(HOST, port)
    status = await association.send_c_echo()
    await association.release()
    return status


@contextmanager
def _profiled(profile: Profile) -> Iterator[None]:
    before = sys.getprofile()
    gc.disable()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)
        gc.enable()


async def _client(operation: Callable[[], Awaitable[Any]]) -> Profile:
    for _ in range(WARM):
        _check(await operation())
    profile = Profile(_begin.__code__)
    with _profiled(profile):
        for _ in range(TIMES + 1):
            _begin()
            _check(await operation())
    return profile


def _check(status: Any) -> None:
    if status.Status != 0x0000:
        raise RuntimeError(f"status {status.Status:#06x}")


# -- adapters --------------------------------------------------------------------------------------------------------
def _blocking(name: str, path: Path) -> tuple[Profile, Profile]:
    threads: list[Profile] = []

    def begun(frame: FrameType, event: str, argument: object) -> None:
        threads.append(Profile(_answer.__code__))
        sys.setprofile(threads[-1])

    # The threads of the server begin with this.
    threading.setprofile(begun)
    try:
        ae = _accepting(AE())
        server = ae.start_server((HOST, 0), block=False, evt_handlers=_HANDLERS)
        client, port = _requesting(AE()), server.server_address[1]
        association = None if name == "cycle" else client.associate(HOST, port)
        operation = partial(_cycle, client, port) if association is None else _operation(association, name, path)
        profile = Profile(_begin.__code__)
        for _ in range(WARM):
            _check(operation())
        with _profiled(profile):
            for _ in range(TIMES + 1):
                _begin()
                _check(operation())
        if association is not None:
            association.release()
        ae.shutdown()
    finally:
        threading.setprofile(None)
    return profile, max(threads, key=lambda thread: len(thread.marks))


def _with_loop(adapter: str, name: str, path: Path) -> tuple[Profile, Profile]:
    """The server has a loop of its own in another thread."""
    loop, ports, ended = Loop(adapter), SimpleQueue[int](), threading.Event()
    run_loop: Callable[..., Any] = loop.run
    serving = Profile(_answer.__code__)

    def wait() -> None:
        ended.wait()

    async def serve() -> None:
        ae = _accepting(loop.adapter.AE())
        async with await ae.start_server((HOST, 0), block=False, evt_handlers=_HANDLERS) as server:
            ports.put(server.server_address[1])
            await loop.in_thread(wait)

    def run() -> None:
        sys.setprofile(serving)
        run_loop(serve)

    async def request(port: int) -> Profile:
        client = _requesting(loop.adapter.AE())
        if name == "cycle":
            return await _client(partial(_async_cycle, client, port))
        async with await client.associate(HOST, port) as association:
            return await _client(_operation(association, name, path))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        profile: Profile = run_loop(request, ports.get(timeout=30))
    finally:
        ended.set()
        thread.join()
    return profile, serving


def _memory(name: str, path: Path) -> Profile:
    network = dicomwire.memory.Network()

    async def both() -> Profile:
        ae = _accepting(dicomwire.memory.AE("SERVER", network))
        server = await ae.start_server((HOST, 0), block=False, evt_handlers=_HANDLERS)
        client = _requesting(dicomwire.memory.AE("CLIENT", network))
        port = server.server_address[1]
        if name == "cycle":
            profile = await _client(partial(_async_cycle, client, port))
        else:
            association = await client.associate(HOST, port)
            profile = await _client(_operation(association, name, path))
            await association.release()
        await ae.shutdown()
        return profile

    profile: Profile = network.run(both())[0]
    return profile


def count(adapter: str, operation: str, folder: Path) -> Count:
    """Count one of :data:`OPERATIONS`; ``store`` is of a file of 4 KiB that is made in ``folder``."""
    path = Files(folder).of(SIZE).path
    if adapter == "memory":
        calls, changes = _memory(operation, path).least()
        return Count(adapter, operation, calls, None, changes)
    # With a core each, a loop may go round once more for a message, or not.
    with running_on(choose("one").client):
        client, server = _blocking(operation, path) if adapter == "blocking" else _with_loop(adapter, operation, path)
    calls, changes = server.least()
    return Count(adapter, operation, client.least()[0], calls, changes)


def count_all() -> list[Count]:
    """Every operation of every adapter that is installed."""
    with scratch(1 << 20) as folder:
        return [count(adapter, operation, folder) for adapter in ADAPTERS for operation in OPERATIONS]


def as_lines(counts: Sequence[Count]) -> list[str]:
    """A small table; what is not counted apart is left open."""
    version = ".".join(map(str, sys.version_info[:2]))
    lines = [
        f"calls (Python {version})    echo: client  server   {SIZE >> 10} KiB store: client  server   changes of file"
        "   association: client  server",
    ]
    for adapter in dict.fromkeys(item.adapter for item in counts):
        echo, store, cycle = (
            next(item for item in counts if (item.adapter, item.operation) == (adapter, name)) for name in OPERATIONS
        )
        name = f"{adapter}, both ends" if echo.server is None else adapter
        lines.append(
            f"{name:<20}{echo.client:>19}{_open(echo.server):>8}{store.client:>23}{_open(store.server):>8}"
            f"{store.changes:>18}{cycle.client:>22}{_open(cycle.server):>8}"
        )
    return lines


def _open(number: int | None) -> str:
    return "" if number is None else str(number)
