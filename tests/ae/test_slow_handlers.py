"""Deadlines are the peer's: what a handler takes does not count, and neither does a data set on its way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import dicomwire.memory
from dicomwire import build_context, build_role, evt
from tests.support.adapters import CT_IMAGE_STORAGE, World, done
from tests.support.finding import FIND, collect as collect_matches, match
from tests.support.getting import COMMITMENT, GET, PENDING, A, Endless, Statuses, collect, getting, retrieving, sending
from tests.support.moving import HERE, MOVE, moving
from tests.support.storing import instance
from tests.support.streams import ABORT

LIMIT = 0.05


async def pause(world: World) -> None:
    """Twice as long as :data:`LIMIT`."""
    with pytest.raises(TimeoutError):
        await world.until(lambda: False, 2 * LIMIT / (100 if world.name == "memory" else 1))


async def test_a_slow_query_is_not_idle(world: World) -> None:
    async def handler(event: evt.Event) -> AsyncIterator[Any]:
        await pause(world)
        yield PENDING, match()
        assert not event.is_cancelled
        await pause(world)
        assert not event.is_cancelled

    ae = world.ae()
    contexts = [build_context(FIND)]
    server = await world.serve([(evt.EVT_C_FIND, handler)], ae=ae, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    ae.network_timeout = LIMIT
    responses = await collect_matches(association.send_c_find(match(), FIND))
    assert [status for status, _ in responses] == [PENDING, 0x0000]
    await done(association.abort())


async def test_a_slow_destination_does_not_make_the_requester_idle(world: World) -> None:
    async def store(event: evt.Event) -> int:
        await pause(world)
        return 0

    ae = world.ae()
    association = await moving(world, sending(HERE, 2, A, A), store, ae=ae)
    ae.network_timeout = LIMIT
    ae.dimse_timeout = 60
    assert (await collect(association.send_c_move(match(), "DEST", MOVE)))[-1] == (0, (None, 2, 0, 0), None)
    await done(association.abort())


async def test_a_receiving_handler_slower_than_the_dimse_timeout_does_not_end_a_retrieval(world: World) -> None:
    async def store(event: evt.Event) -> int:
        await pause(world)
        return 0

    association = await getting(world, sending(2, A, A), store)
    association.dimse_timeout = LIMIT
    async with world.using(association):
        assert (await collect(association.send_c_get(match(), GET)))[-1] == (0, (None, 2, 0, 0), None)


async def test_an_event_report_handler_slower_than_the_dimse_timeout_does_not_end_the_request(world: World) -> None:
    async def report(event: evt.Event) -> Any:
        status, _ = await done(event.assoc.send_n_event_report(None, 1, COMMITMENT, "1.2.3"))
        assert status.Status == 0
        return 0x0000, None

    async def receive(event: evt.Event) -> Any:
        await pause(world)
        return 0x0000, None

    contexts = [build_context(COMMITMENT)]
    server = await world.serve([(evt.EVT_N_ACTION, report)], contexts=contexts)
    association = await world.associate(server, contexts=contexts, evt_handlers=[(evt.EVT_N_EVENT_REPORT, receive)])
    association.dimse_timeout = LIMIT
    async with world.using(association):
        status, _ = await done(association.send_n_action(None, 1, COMMITMENT, "1.2.3"))
        assert status.Status == 0


@pytest.mark.parametrize(("dimse", "network"), [(LIMIT, 60), (None, LIMIT)])
async def test_a_dead_peer_is_found_while_a_handler_waits_for_it(
    world: World, dimse: float | None, network: float
) -> None:
    """A retrieval whose C-STORE request nobody answers ends, with either timeout."""
    ae = world.ae()
    ae.dimse_timeout, ae.network_timeout = dimse, network
    handler = Endless(world)
    peer = await retrieving(world, handler, ae=ae)
    assert await peer.pdu() == ABORT
    await peer.close()
    await handler.closed.wait()


def test_an_instance_that_takes_longer_than_the_dimse_timeout_does_not_end_a_retrieval() -> None:
    network = dicomwire.memory.Network(latency=1.0)
    server_ae, client_ae = dicomwire.memory.AE("SERVER", network), dicomwire.memory.AE("CLIENT", network)
    supported = [build_context(GET), build_context(CT_IMAGE_STORAGE)]
    supported[1].scu_role = supported[1].scp_role = True
    client_ae.dimse_timeout = 5
    large = instance()
    large.PixelData = bytes(10000000)
    large["PixelData"].VR = "OW"
    store = Statuses()

    async def scenario() -> Any:
        handlers = [(evt.EVT_C_GET, sending(1, large))]
        server = await server_ae.start_server(("", 0), block=False, evt_handlers=handlers, contexts=supported)
        association = await client_ae.associate(
            "memory",
            server.server_address[1],
            contexts=[build_context(GET), build_context(CT_IMAGE_STORAGE)],
            ext_neg=[build_role(CT_IMAGE_STORAGE, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, store)],
        )
        began = network.now
        outcomes = await collect(association.send_c_get(match(), GET))
        assert network.now - began > 10
        await association.release()
        server.shutdown()
        return outcomes

    (outcomes,) = network.run(scenario())
    assert outcomes[-1] == (0, (None, 1, 0, 0), None)
