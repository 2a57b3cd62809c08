"""Deadlines that a peer cannot put off, whatever it sends or reads."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio

import dicomwire
import dicomwire.asyncio
import dicomwire.trio
from dicomwire.dimse.session import Session
from dicomwire.trio.socket_channel import SocketChannel
from dicomwire.upper_layer import Connection, Role, Timeouts
from tests.support.lazy_peers import CONTEXTS, SECONDS, LazyPeer, data_set, small
from tests.support.patience import SOON
from tests.support.streams import ABORT


@contextlib.contextmanager
def reading_slowly(peer: LazyPeer, count: int) -> Iterator[None]:
    """The peer takes so many bytes a hundred times a second."""
    done = threading.Event()

    def read() -> None:
        peer.wait_accepted()
        with contextlib.suppress(OSError):
            while not done.wait(0.01) and peer.sock.recv(count):
                pass

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _blocking(port: int) -> None:
    association = dicomwire.AE().associate("127.0.0.1", port, contexts=CONTEXTS)
    small(association)
    association.line.timeouts.write = 0.4
    assert "Status" not in association.send_c_store(data_set(16 << 20))
    assert association.is_aborted


def _on_a_loop(module: Any, run: Callable[..., Any]) -> Callable[[int], None]:
    async def send(port: int) -> None:
        association = await module.AE().associate("127.0.0.1", port, contexts=CONTEXTS)
        small(association)
        association.line.timeouts.write = 0.4
        assert "Status" not in await association.send_c_store(data_set(16 << 20))
        assert association.is_aborted

    return lambda port: run(send, port)


SENDERS = {
    "blocking": _blocking,
    "asyncio": _on_a_loop(dicomwire.asyncio, lambda work, port: asyncio.run(work(port))),
    "trio": _on_a_loop(dicomwire.trio, trio.run),
}


@pytest.mark.parametrize("adapter", SENDERS)
def test_a_peer_that_reads_a_few_bytes_now_and_then_gets_no_more_time_to_read(adapter: str, peer: LazyPeer) -> None:
    started = time.monotonic()
    with reading_slowly(peer, 16):
        SENDERS[adapter](peer.port)
    assert time.monotonic() - started < SOON


def ending() -> Session:
    """An acceptor that has refused what it got, and waits for its peer to close."""
    session = Session(Connection(Role.ACCEPTOR, timeouts=Timeouts(artim=0.05)))
    session.receive_data(bytes(6))
    with contextlib.suppress(Exception):
        session.next_event()
    session.data_to_send()
    assert session.connection.ending
    return session


async def wait_for_the_end(session: Session, channel: Any) -> None:
    while session.connection.ending:
        if session.next_event() is None and session.connection.ending:
            await channel.pump()


def test_trio_a_peer_that_sends_faster_than_we_read_cannot_put_off_the_end() -> None:
    class Endless(socket.socket):
        def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
            return len(buffer)

    async def main() -> None:
        one, other = socket.socketpair()
        other.send(b"x")
        with other, Endless(fileno=one.detach()) as sock:
            sock.setblocking(False)
            session = ending()
            with trio.fail_after(SECONDS):
                await wait_for_the_end(session, SocketChannel(sock, session))

    trio.run(main)


def test_asyncio_a_peer_that_sends_faster_than_we_read_cannot_put_off_the_end() -> None:
    async def main() -> None:
        session = ending()
        channel = dicomwire.asyncio.ProtocolChannel(session)

        class Endless(asyncio.Transport):
            """There is more whenever reading goes on."""

            def is_closing(self) -> bool:
                return False

            def resume_reading(self) -> None:
                channel._early = bytearray(1000)

        channel.transport = Endless()
        channel._early = bytearray(1000)
        async with asyncio.timeout(SECONDS):
            await wait_for_the_end(session, channel)

    asyncio.run(main())


def test_asyncio_a_lost_connection_leaves_no_timer_that_holds_the_association(peer: LazyPeer) -> None:
    async def main() -> None:
        entity = dicomwire.asyncio.AE()
        entity.network_timeout = 3600
        association = await entity.associate("127.0.0.1", peer.port, contexts=CONTEXTS)
        task = asyncio.create_task(association.send_c_echo())
        await asyncio.sleep(0.02)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sock.close()
        assert "Status" not in await task
        assert association.is_aborted
        gone = weakref.ref(association)
        del association, task
        await asyncio.sleep(0.02)
        gc.collect()
        assert gone() is None

    asyncio.run(main())


def test_asyncio_a_connection_given_up_does_not_wait_for_its_peer_to_read_the_abort() -> None:
    calls: list[str] = []

    async def main() -> None:
        session = ending()
        session.connection.unsent.append(ABORT)
        channel = dicomwire.asyncio.ProtocolChannel(session)

        class Full(asyncio.Transport):
            """Takes bytes that the socket has no room for."""

            def write(self, data: Any) -> None:
                calls.append("write")
                channel.pause_writing()

            def close(self) -> None:
                calls.append("close")

            def abort(self) -> None:
                calls.append("abort")

        channel.connection_made(Full())
        channel.abandon()

    asyncio.run(main())
    assert calls == ["write", "abort"]
