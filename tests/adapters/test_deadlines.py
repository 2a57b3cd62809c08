"""Deadlines that a peer cannot put off, whatever it sends or reads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio

import dicomwire
import dicomwire.asyncio
import dicomwire.trio
from dicomwire.sources import EncodedDataSet
from tests.adapters.test_torn import CONTEXTS, IMPLICIT, VERIFICATION, LazyPeer, small


@pytest.fixture
def peer() -> Iterator[LazyPeer]:
    peer = LazyPeer()
    yield peer
    peer.close()


@contextlib.contextmanager
def reading_slowly(peer: LazyPeer) -> Iterator[None]:
    """The peer takes a few bytes now and then."""
    done = threading.Event()

    def read() -> None:
        peer.wait_accepted()
        with contextlib.suppress(OSError):
            while not done.wait(0.01) and peer.sock.recv(4096):
                pass

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def data_set(size: int) -> EncodedDataSet:
    return EncodedDataSet(
        sop_class_uid=VERIFICATION, sop_instance_uid="1.2.3", transfer_syntax_uid=IMPLICIT, data=bytes(size)
    )


def _blocking(port: int) -> None:
    association = dicomwire.AE().associate("127.0.0.1", port, contexts=CONTEXTS)
    small(association)
    association._timeouts.write = 0.4
    assert "Status" not in association.send_c_store(data_set(16 << 20))
    assert association.is_aborted


def _on_a_loop(module: Any, run: Callable[..., Any]) -> Callable[[int], None]:
    async def send(port: int) -> None:
        association = await module.AE().associate("127.0.0.1", port, contexts=CONTEXTS)
        small(association)
        association._timeouts.write = 0.4
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
    with reading_slowly(peer):
        SENDERS[adapter](peer.port)
    assert time.monotonic() - started < 3.0
