"""How the connection itself ends: who is told, who is woken, and what is closed."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from dicomwire import evt
from tests.support.accepting import CONTEXTS, acceptance, accepted, asking, echoed, requested
from tests.support.adapters import LOCALHOST, Recorder, World, done
from tests.support.certificates import self_signed
from tests.support.flags import ABORTED, RELEASED, flags
from tests.support.idling import LONG, SHORT, idle_pair, pause
from tests.support.patience import SOON
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ


# -- half-closing -------------------------------------------------------------------------------------------------
async def test_who_aborts_ends_its_stream_and_then_waits_for_the_peer_to_close(socket_world: World) -> None:
    seen = Recorder()
    listener = await socket_world.listen()

    async def peer() -> list[str]:
        other = await accepted(listener)
        assert (await other.pdu())[0] == 7
        # The end of the stream comes while the connection is still there.
        assert await other.rest() == b""
        await pause(socket_world, 0.2)
        told = list(seen.names)
        await other.close()
        return told

    job = socket_world.start(peer)
    association = await socket_world.associate(
        listener, contexts=CONTEXTS, evt_handlers=seen.bindings(evt.EVT_CONN_CLOSE)
    )
    await done(association.abort())
    assert await job.result() == []
    assert seen.names == ["CONN_CLOSE"]


async def test_who_confirms_a_release_ends_its_stream_and_then_waits_for_the_peer_to_close(
    socket_world: World,
) -> None:
    seen = Recorder()
    server = await socket_world.serve(seen.bindings(evt.EVT_CONN_CLOSE))
    peer = await requested(socket_world, server)
    await peer.send(RELEASE_RQ)
    assert await peer.pdu() == RELEASE_RP
    assert await peer.rest() == b""
    await pause(socket_world, 0.2)
    assert seen.names == []
    await peer.close()
    await socket_world.until(lambda: seen.names)


# -- waking ---------------------------------------------------------------------------------------------------------
async def test_who_waits_for_a_response_is_woken_when_another_aborts(socket_world: World) -> None:
    listener = await socket_world.listen()
    asked, over = socket_world.signal(), socket_world.signal()

    async def peer() -> None:
        other = await accepted(listener)
        await other.pdu()
        asked.set()
        # It neither answers nor closes.
        await over.wait()
        await other.close()

    job = socket_world.start(peer)
    client = socket_world.ae()
    client.dimse_timeout = client.network_timeout = None
    association = await socket_world.associate(listener, ae=client, contexts=CONTEXTS)
    # So that nothing but being woken ends the wait.
    association.line.timeouts.artim = LONG

    echoing = socket_world.start(partial(echoed, association))
    await asked.wait()
    await pause(socket_world, 0.05)
    await done(association.abort(block=False))
    assert not await echoing.result()
    assert flags(association) == ABORTED
    over.set()
    await job.result()


async def test_every_idle_association_hears_its_peer_while_others_end(world: World) -> None:
    count = 6
    listener = await world.listen()
    go = world.signal()

    async def peer() -> None:
        others = [await accepted(listener) for _ in range(count)]
        await go.wait()
        for other in others:
            await other.send(ABORT)
            await other.close()

    job = world.start(peer)
    associations = [await world.associate(listener, contexts=CONTEXTS) for _ in range(count)]
    async with AsyncExitStack() as stack:
        for association in associations:
            await stack.enter_async_context(world.using(association))
        await pause(world, 0.12)
        go.set()
        await job.result()
        await world.until(lambda: all(association.is_aborted for association in associations))


async def test_one_that_may_wait_long_hides_no_other_whose_time_is_up(world: World) -> None:
    first, patient = await idle_pair(world)
    second, hasty = await idle_pair(world)
    async with world.using(first), world.using(second):
        patient.network_timeout = 2 * LONG
        await pause(world, 0.12)
        hasty.network_timeout = SHORT
        await world.until(lambda: hasty.is_aborted, 3.0)
        assert patient.is_established


# -- closing ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


class Deaf:
    """A TLS peer that never answers close_notify, and never closes; it tells when the connection below has ended."""

    def __init__(self, pem: Path) -> None:
        self._listener = socket.create_server((LOCALHOST, 0))
        self.server_address = self._listener.getsockname()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self.saw_the_end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        sock, _ = self._listener.accept()
        sock.settimeout(SOON)
        with self._context.wrap_socket(sock, server_side=True) as secure:
            self._take(secure)
            secure.sendall(acceptance())
            self._take(secure)
            secure.sendall(RELEASE_RP)
            with socket.socket(fileno=os.dup(secure.fileno())) as below:
                below.settimeout(SOON)
                try:
                    while below.recv(1 << 16):
                        pass
                except TimeoutError:
                    return
                except ConnectionError:
                    pass
                self.saw_the_end.set()

    def _take(self, secure: ssl.SSLSocket) -> None:
        head = secure.recv(6)
        left = int.from_bytes(head[2:], "big")
        while left:
            left -= len(secure.recv(left))

    def close(self) -> None:
        self._thread.join()
        self._listener.close()


async def test_over_tls_the_connection_ends_though_the_peer_does_not_answer_close_notify(
    socket_world: World, pem: Path
) -> None:
    peer = Deaf(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(pem)
    association = await socket_world.associate(peer, contexts=CONTEXTS, tls_args=(context, "localhost"))
    await done(association.release())
    assert flags(association) == RELEASED
    await socket_world.until(peer.saw_the_end.is_set)
    peer.close()


async def test_a_connection_that_cannot_be_served_is_closed_and_forgotten(
    socket_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    server = await socket_world.serve()
    # What a program sets here may be anything.
    server.contexts = [None]
    peer = await socket_world.connect(server)
    await peer.send(asking())
    assert await peer.rest() == b""
    await socket_world.until(lambda: not server.active_associations)
    await socket_world.until(lambda: caplog.records)
    await peer.close()
