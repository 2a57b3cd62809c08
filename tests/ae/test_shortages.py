"""Without descriptors or threads a server pauses, says so once, and goes on when there are some."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dicomwire import evt
from dicomwire.blocking import idle_watcher
from dicomwire.sockets.shortage import PAUSE, NoThreadLeft, Shortage, hang_up
from tests.support.adapters import Recorder, World, done, keep, usual_contexts

resource = pytest.importorskip("resource")


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def no_thread_left(monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[None]:
    """No thread whose name begins with one of these can be started."""
    start = threading.Thread.start

    def fail(thread: threading.Thread) -> None:
        if thread.name.startswith(names):
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        yield


def said(caplog: pytest.LogCaptureFixture, what: str) -> int:
    return sum(what in record.getMessage() for record in caplog.records)


async def test_without_descriptors_a_server_waits_and_says_so_once(
    socket_world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    lasts = Shortage.lasts
    monkeypatch.setattr(Shortage, "lasts", lambda self, error, now: keep(tries, now, lasts(self, error, now)))
    server = await socket_world.serve()
    old = await socket_world.associate(server)
    sock = socket.socket()
    with no_descriptor_left():
        sock.connect(server.server_address[:2])
        await socket_world.until(lambda: len(tries) > 2)
        assert (await done(old.send_c_echo())).Status == 0
    new = await done(socket_world.ae("NEW").associate(None, None, usual_contexts(), sock=sock))
    assert new.is_established
    assert said(caplog, "accepting connections pauses") == 1
    for association in (old, new):
        await done(association.release())


async def test_a_connection_waits_for_a_thread(
    blocking_world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await blocking_world.serve()
    with no_thread_left(monkeypatch, "dicomwire-127"):
        job = blocking_world.start(lambda: blocking_world.associate(server))
        await blocking_world.until(lambda: said(caplog, "accepting connections pauses"))
        assert not job.is_finished
    association = await job.result()
    assert association.is_established
    await done(association.release())


async def test_a_server_without_threads_shuts_down(
    blocking_world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Recorder()
    ae = blocking_world.ae("SERVER")
    server = await blocking_world.serve(told.bindings(evt.EVT_ABORTED), ae=ae)
    association = await blocking_world.associate(server)
    with no_thread_left(monkeypatch, ""):
        with socket.create_connection(server.server_address):
            await blocking_world.until(lambda: said(caplog, "accepting connections pauses"))
            ae.shutdown()
        assert ae.active_associations == []
        assert ae.servers == []
    assert told.names == ["ABORTED"]
    await blocking_world.until(lambda: association.is_aborted)


async def test_the_watcher_looks_again_when_there_are_threads(
    blocking_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await blocking_world.serve()
    association = await blocking_world.associate(server)
    tried: list[Any] = []
    monkeypatch.setattr(idle_watcher._shortage, "lasts", lambda *what: tried.append(what))
    with no_thread_left(monkeypatch, "dicomwire-attend"):
        server.active_associations[0].abort(block=False)
        await blocking_world.until(lambda: len(tried) > 1)
        assert not association.is_aborted
    await blocking_world.until(lambda: association.is_aborted)


async def test_a_watcher_that_could_not_start_starts_later(
    blocking_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle_watcher, "_watcher", None)
    server = await blocking_world.serve()
    with no_thread_left(monkeypatch, "dicomwire-watcher"):
        first = await blocking_world.associate(server)
        assert first.is_established
    second = await blocking_world.associate(server)
    for association in server.active_associations:
        association.abort()
    await blocking_world.until(lambda: first.is_aborted and second.is_aborted)


def test_a_shortage_is_told_once_a_minute_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    shortage = Shortage("eating")
    shortage.is_over(0.0)
    for now in (1.0, 1.1, 1.2, 60.9):
        shortage.lasts(NoThreadLeft("none"), now)
        # At the limit each one that ends lets in another.
        shortage.is_over(now + PAUSE)
    assert [record.getMessage() for record in caplog.records] == ["eating pauses until there is room again: none"]
    shortage.lasts(NoThreadLeft("none"), 61.0)
    assert said(caplog, "eating pauses") == 2
    shortage.is_over(62.0)
    shortage.is_over(63.0)
    assert said(caplog, "eating goes on") == 1
    shortage.lasts(NoThreadLeft("none"), 64.0)
    assert said(caplog, "eating pauses") == 3


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(24, "descriptors"), True),
        (OSError(12, "memory"), True),
        (NoThreadLeft(""), True),
        (MemoryError(), True),
        (ConnectionAbortedError(24, ""), False),
        (OSError(1, "firewall"), False),
        (RuntimeError(), False),
    ],
)
def test_what_is_a_shortage(error: BaseException, expected: bool) -> None:
    assert Shortage().is_one(error) is expected


def test_a_closed_socket_may_be_hung_up() -> None:
    sock = socket.socket()
    hang_up(sock)
    sock.close()
    hang_up(sock)
