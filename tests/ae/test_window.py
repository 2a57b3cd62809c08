"""The asynchronous operations window: several operations under way at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import trio

import dicomwire.memory
from dicomwire import build_context, evt
from dicomwire.pdu_primitives import AsynchronousOperationsWindowNegotiation
from tests.ae.test_operations import Store, instance
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World, done, keep

CONTEXTS = [build_context(CT_IMAGE_STORAGE), build_context(VERIFICATION)]


async def collect(stream: Any) -> list[Any]:
    stream = await done(stream)
    if hasattr(stream, "__anext__"):
        return [item async for item in stream]
    return list(stream)


def numbered(count: int) -> list[Any]:
    return [instance(SOPInstanceUID=f"1.2.3.{number}") for number in range(count)]


async def windowed(world: World, handlers: list[Any], ours: tuple[int, int], theirs: tuple[int, int]) -> Any:
    server_ae, client_ae = world.ae("SERVER"), world.ae("CLIENT")
    server_ae.asynchronous_operations, client_ae.asynchronous_operations = theirs, ours
    server = await world.serve(handlers, ae=server_ae, contexts=CONTEXTS)
    return await world.associate(server, ae=client_ae, contexts=CONTEXTS)


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        ((8, 8), (8, 8), (8, 8)),
        ((8, 2), (4, 3), (3, 2)),
        ((0, 0), (5, 6), (6, 5)),
        ((0, 0), (0, 0), (0, 0)),
        ((8, 8), (1, 1), (1, 1)),
        ((1, 1), (8, 8), (1, 1)),
    ],
)
async def test_the_smaller_limits_are_agreed_on(
    world: World, ours: tuple[int, int], theirs: tuple[int, int], agreed: tuple[int, int]
) -> None:
    association = await windowed(world, [], ours, theirs)
    assert association.acceptor.asynchronous_operations == agreed
    assert association._invoked == (agreed[0] or 65535)
    await done(association.release())


async def test_the_handler_may_allow_less_than_the_ae(world: World) -> None:
    handlers = [(evt.EVT_ASYNC_OPS, lambda event: (min(2, event.nr_invoked), event.performed))]
    association = await windowed(world, handlers, (8, 8), (8, 8))
    assert association.acceptor.asynchronous_operations == (2, 8)
    await done(association.release())


async def test_a_window_is_two_numbers(world: World) -> None:
    ae = world.ae()
    for bad in ((1, 2, 3), (-1, 1), (1, 65536)):
        with pytest.raises(ValueError, match="window"):
            ae.asynchronous_operations = bad
    with pytest.raises(TypeError, match="window"):
        ae.asynchronous_operations = 8
    assert ae.asynchronous_operations == (1, 1)


@pytest.mark.parametrize("window", [(1, 1), (4, 4)])
async def test_many_stores_are_all_done(world: World, window: tuple[int, int]) -> None:
    store = Store()
    association = await windowed(world, store.bindings, window, window)
    instances = numbered(20)
    outcomes = await collect(association.send_c_store_many(instances, msg_id=65530))
    assert [status.Status for _, status in outcomes] == [0] * 20
    uids = sorted(item.SOPInstanceUID for item in instances)
    assert sorted(item.SOPInstanceUID for item, _ in outcomes) == uids
    assert sorted(request.AffectedSOPInstanceUID for request in store.requests) == uids
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


async def test_an_instance_that_cannot_be_sent_does_not_stop_the_others(world: World) -> None:
    association = await windowed(world, Store().bindings, (4, 4), (4, 4))
    bad = instance()
    del bad.SOPInstanceUID
    stream = await done(association.send_c_store_many([instance(), bad, instance(SOPInstanceUID="1.2.3.5")]))
    failures, stored = 0, 0
    for _ in range(3):
        try:
            item = await done(stream.__anext__() if hasattr(stream, "__anext__") else next(stream))
            stored += item[1].Status == 0
        except AttributeError:
            failures += 1
    assert (failures, stored) == (1, 2)
    await done(association.release())


async def test_handlers_run_at_once_when_the_window_allows(world: World) -> None:
    started = [world.signal() for _ in range(3)]
    seen: list[Any] = []

    async def slow(event: evt.Event) -> int:
        keep(seen, event)
        started[len(seen) - 1].set()
        for signal in started:
            await signal.wait()
        return 0

    association = await windowed(world, [(evt.EVT_C_STORE, slow)], (3, 3), (3, 3))
    outcomes = await collect(association.send_c_store_many(numbered(3)))
    assert [status.Status for _, status in outcomes] == [0, 0, 0]
    await done(association.release())


async def test_a_lost_association_leaves_an_empty_status_for_each(world: World) -> None:
    association = await windowed(world, [(evt.EVT_C_STORE, lambda event: event.assoc.kill())], (3, 3), (3, 3))
    outcomes = await collect(association.send_c_store_many(numbered(3)))
    assert outcomes
    assert all(not status for _, status in outcomes)
    assert association.is_aborted


async def test_tasks_share_an_association(loop_world: World) -> None:
    association = await windowed(loop_world, Store().bindings, (4, 4), (4, 4))
    statuses: list[int] = []

    async def one(number: int) -> None:
        status = await association.send_c_store(instance(SOPInstanceUID=f"1.2.3.{number}"))
        statuses.append(status.Status)

    if loop_world.name == "asyncio":
        await asyncio.gather(*(one(number) for number in range(12)))
    else:
        async with trio.open_nursery() as nursery:
            for number in range(12):
                nursery.start_soon(one, number)
    assert statuses == [0] * 12
    await done(association.release())


async def test_the_requestor_may_ask_by_an_item(world: World) -> None:
    server_ae = world.ae("SERVER")
    server_ae.asynchronous_operations = (5, 5)
    server = await world.serve([], ae=server_ae)
    item = AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked = 3
    item.maximum_number_operations_performed = 1
    association = await world.associate(server, ext_neg=[item])
    assert association.acceptor.asynchronous_operations == (3, 1)
    await done(association.release())


def test_a_window_of_eight_hides_the_latency_of_a_link() -> None:
    took = {}
    for window in ((1, 1), (8, 8)):
        network = dicomwire.memory.Network(latency=0.01)
        server_ae, client_ae = dicomwire.memory.AE("SERVER", network), dicomwire.memory.AE("CLIENT", network)
        server_ae.asynchronous_operations = client_ae.asynchronous_operations = window

        async def scenario(server_ae: Any = server_ae, client_ae: Any = client_ae, network: Any = network) -> float:
            handlers = [(evt.EVT_C_STORE, lambda event: 0)]
            server = await server_ae.start_server(("", 0), block=False, evt_handlers=handlers, contexts=CONTEXTS)
            association = await client_ae.associate("memory", server.server_address[1], contexts=CONTEXTS)
            began = network.now
            outcomes = await collect(association.send_c_store_many([instance()] * 200))
            assert [status.Status for _, status in outcomes] == [0] * 200
            seconds: float = network.now - began
            await association.release()
            server.shutdown()
            return seconds

        (took[window],) = network.run(scenario())
    assert took[1, 1] == pytest.approx(200 * 0.02)
    assert took[8, 8] <= took[1, 1] / 6
