"""A peer that does not read what we send, and ends the association: nobody waits for it to read."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio

import dicomwire
import dicomwire.asyncio
import dicomwire.trio
from tests.support.lazy_peers import CONTEXTS, SECONDS, LazyPeer, data_set, small
from tests.support.patience import SOON
from tests.support.streams import ABORT


def _store(associate: Callable[..., Any], port: int) -> Any:
    association = associate("127.0.0.1", port, contexts=CONTEXTS)
    small(association)
    assert "Status" not in association.send_c_store(data_set(16 << 20))
    return association


async def _store_on_a_loop(entity: Any, port: int) -> Any:
    association = await entity.associate("127.0.0.1", port, contexts=CONTEXTS)
    small(association)
    assert "Status" not in await association.send_c_store(data_set(16 << 20))
    return association


STORES: dict[str, Callable[[int], Any]] = {
    "blocking": lambda port: _store(dicomwire.AE().associate, port),
    "asyncio": lambda port: asyncio.run(_store_on_a_loop(dicomwire.asyncio.AE(), port)),
    "trio": lambda port: trio.run(_store_on_a_loop, dicomwire.trio.AE(), port),
}


@pytest.fixture
def peer() -> Iterator[LazyPeer]:
    peer = LazyPeer()
    yield peer
    peer.close()


def _abort(peer: LazyPeer) -> None:
    peer.sock.sendall(ABORT)


def _leave(peer: LazyPeer) -> None:
    peer.sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(("end", "said"), [(_abort, "abort"), (_leave, "clos")])
@pytest.mark.parametrize("adapter", STORES)
def test_a_stalled_write_ends_with_the_association(
    adapter: str, end: Callable[[LazyPeer], None], said: str, peer: LazyPeer
) -> None:
    def finish() -> None:
        peer.wait_accepted()
        # The message has begun, and stalls: nothing more is ever read.
        peer.sock.recv(1)
        end(peer)

    thread = threading.Thread(target=finish)
    thread.start()
    started = time.monotonic()
    try:
        association = STORES[adapter](peer.port)
    finally:
        thread.join(SECONDS)
    # Far from the 60 s of ``write``.
    assert time.monotonic() - started < SOON
    assert association.is_aborted
    assert said in association.failure
    assert "read" not in association.failure
