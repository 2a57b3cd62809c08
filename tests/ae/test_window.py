"""The asynchronous operations window: several operations under way at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import trio
from attrs import evolve
from pydicom.dataset import Dataset

import dicomwire.memory
from dicomwire import build_context, evt
from dicomwire.dimse import Command
from dicomwire.pdu_primitives import AsynchronousOperationsWindowNegotiation
from dicomwire.upper_layer.items import AsynchronousOperationsWindowItem
from tests.support.accepting import IMPLICIT
from tests.support.adapters import VERIFICATION, Recorder, World, done, keep
from tests.support.sessions import echo_rq, proposal, request, us, whole_command
from tests.support.storing import Store, instance
from tests.support.streams import RELEASE_RP, RELEASE_RQ
from tests.support.windows import CONTEXTS, numbered, windowed

PRINTER = "1.2.840.10008.5.1.1.16"
PRINTER_INSTANCE = "1.2.840.10008.5.1.1.17"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


async def collect(stream: Any) -> list[Any]:
    stream = await done(stream)
    if hasattr(stream, "__anext__"):
        return [item async for item in stream]
    return list(stream)


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
    assert association.invoker.most == (agreed[0] or 65535)
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


class Busy:
    """A C-STORE handler that counts how many run at once, and answers with the status for its instance."""

    def __init__(self, statuses: dict[str, int] | None = None) -> None:
        self.statuses = statuses or {}
        self.running = 0
        self.most = 0
        self.ids: list[int] = []
        self.turn: Any = None
        self._lock = threading.Lock()

    async def __call__(self, event: evt.Event) -> int:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.ids.append(event.message_id)
        if self.turn is not None:
            await self.turn()
        with self._lock:
            self.running -= 1
        return self.statuses.get(str(event.request.AffectedSOPInstanceUID), 0)


def crowd(world: World, size: int, busy: Busy) -> Any:
    """Waits until ``size`` handlers run, or once that many have."""
    full = world.signal()

    async def wait() -> None:
        if busy.running >= size:
            full.set()
        await full.wait()

    return wait


async def test_threads_and_tasks_share_an_association(world: World) -> None:
    busy = Busy({f"1.2.3.{number}": 0xB000 + number for number in range(12)})
    busy.turn = crowd(world, 4, busy)
    association = await windowed(world, [(evt.EVT_C_STORE, busy)], (4, 4), (4, 4))

    async def one(number: int) -> int:
        status: int = (await done(association.send_c_store(instance(SOPInstanceUID=f"1.2.3.{number}")))).Status
        return status

    async with world.using(association):
        jobs = [world.start(partial(one, number)) for number in range(12)]
        assert [await job.result() for job in jobs] == [0xB000 + number for number in range(12)]
    # All of them asked for message ID 1.
    assert busy.most == 4
    assert len(set(busy.ids[:4])) == 4


async def test_an_acceptor_performs_no_more_at_a_time_than_agreed(world: World) -> None:
    busy = Busy()
    busy.turn = crowd(world, 3, busy)
    association = await windowed(world, [(evt.EVT_C_STORE, busy)], (8, 8), (8, 3))
    assert association.acceptor.asynchronous_operations == (3, 8)
    # Whatever the peer does.
    association.invoker.most = 8
    outcomes = await collect(association.send_c_store_many(numbered(8)))
    assert [status.Status for _, status in outcomes] == [0] * 8
    assert busy.most == 3
    await done(association.release())


async def test_without_a_window_the_order_is_that_of_sending(world: World) -> None:
    busy = Busy()
    association = await windowed(world, [(evt.EVT_C_STORE, busy)], (1, 1), (8, 8))
    outcomes = await collect(association.send_c_store_many(numbered(6), msg_id=9))
    assert [item.SOPInstanceUID for item, _ in outcomes] == [f"1.2.3.{number}" for number in range(6)]
    assert busy.ids == list(range(9, 15))
    assert busy.most == 1
    await done(association.release())


async def test_responses_out_of_order_belong_to_their_requests(world: World) -> None:
    later = world.signal()

    async def first_comes_last(event: evt.Event) -> int:
        number = int(str(event.request.AffectedSOPInstanceUID).rpartition(".")[2])
        if number == 0:
            await later.wait()
        elif number == 4:
            later.set()
        return 0xB000 + number

    association = await windowed(world, [(evt.EVT_C_STORE, first_comes_last)], (3, 3), (3, 3))
    outcomes = await collect(association.send_c_store_many(numbered(5)))
    assert len(outcomes) == 5
    for item, status in outcomes:
        assert status.Status == 0xB000 + int(item.SOPInstanceUID.rpartition(".")[2])
    order = [int(item.SOPInstanceUID.rpartition(".")[2]) for item, _ in outcomes]
    # The fifth is sent when two are done.
    assert 0 not in order[:2]
    await done(association.release())


async def test_a_failure_in_the_middle_concerns_its_own_request_only(world: World) -> None:
    def fail_twice(event: evt.Event) -> int:
        number = int(str(event.request.AffectedSOPInstanceUID).rpartition(".")[2])
        if number == 3:
            raise LookupError("no")
        return 0xA700 if number == 5 else 0

    association = await windowed(world, [(evt.EVT_C_STORE, fail_twice)], (4, 4), (4, 4))
    outcomes = await collect(association.send_c_store_many(numbered(9)))
    statuses = {item.SOPInstanceUID: status.Status for item, status in outcomes}
    assert statuses == {f"1.2.3.{number}": {3: 0xC211, 5: 0xA700}.get(number, 0) for number in range(9)}
    await done(association.release())


async def next_of(responses: Any) -> Any:
    return await done(responses.__anext__() if hasattr(responses, "__anext__") else next(responses))


async def test_a_cancel_ends_the_request_it_names_while_another_goes_on(world: World) -> None:
    cancelled = world.signal()

    async def find(event: evt.Event) -> AsyncIterator[Any]:
        match = Dataset()
        match.PatientID = str(event.identifier.PatientID)
        for _ in range(2):
            yield 0xFF00, match
        if match.PatientID == "A":
            await cancelled.wait()
            yield 0xFF00, match
        else:
            while not event.is_cancelled:
                await world.until(lambda: event.is_cancelled)
            cancelled.set()
            yield 0xFE00, None

    contexts = [build_context(FIND), build_context(VERIFICATION)]
    server_ae, client_ae = world.ae("SERVER"), world.ae("CLIENT")
    server_ae.asynchronous_operations = client_ae.asynchronous_operations = (2, 2)
    server = await world.serve([(evt.EVT_C_FIND, find)], ae=server_ae, contexts=contexts)
    association = await world.associate(server, ae=client_ae, contexts=contexts)
    queries = []
    for name in "AB":
        query = Dataset()
        query.PatientID = name
        queries.append(query)
    first = await done(association.send_c_find(queries[0], FIND, msg_id=5))
    second = await done(association.send_c_find(queries[1], FIND, msg_id=6))
    for _ in range(2):
        assert (await next_of(second))[1].PatientID == "B"
        assert (await next_of(first))[1].PatientID == "A"
    await done(association.send_c_cancel(6, query_model=FIND))
    assert (await next_of(second))[0].Status == 0xFE00
    assert (await next_of(first))[1].PatientID == "A"
    assert (await next_of(first))[0].Status == 0x0000
    await done(association.release())


async def test_leaving_the_iterator_early_leaves_the_association_usable(world: World) -> None:
    busy = Busy()
    association = await windowed(world, [(evt.EVT_C_STORE, busy)], (3, 3), (3, 3))
    stream = await done(association.send_c_store_many(numbered(9)))
    assert (await next_of(stream))[1].Status == 0
    await done(stream.aclose() if hasattr(stream, "aclose") else stream.close())
    assert (await done(association.send_c_echo())).Status == 0
    assert (await done(association.send_c_store(instance()))).Status == 0
    await done(association.release())
    assert len(busy.ids) < 9


@pytest.mark.parametrize("size", [0, 3 << 19], ids=["no-data-set", "in-pieces"])
async def test_a_release_behind_operations_is_answered_behind_their_responses(world: World, size: int) -> None:
    """dcm4che's ianscu asks for release without waiting: what was done for it was not answered, if it took a moment."""
    go_on, begun, seen = world.signal(), [], Recorder()

    async def slow(event: evt.Event) -> tuple[int, Dataset | None]:
        begun.append(event.message_id)
        await go_on.wait()
        information = Dataset()
        information.TextValue = "x" * size
        return 0, information if size else None

    server_ae = world.ae("SERVER")
    server_ae.asynchronous_operations = (4, 4)
    handlers = [(evt.EVT_N_GET, slow), *seen.bindings(evt.EVT_RELEASED, evt.EVT_ABORTED)]
    server = await world.serve(handlers, ae=server_ae, contexts=[build_context(PRINTER, IMPLICIT)])
    peer = await world.connect(server)
    proposed = request([proposal(1, PRINTER, IMPLICIT)])
    window = AsynchronousOperationsWindowItem(
        maximum_number_operations_invoked=0, maximum_number_operations_performed=0
    )
    await peer.send(evolve(proposed, user_information=(*proposed.user_information, window)).encode())
    assert (await peer.pdu())[0] == 2
    get = Command(command_field=0x0110, requested_sop_class_uid=PRINTER, requested_sop_instance_uid=PRINTER_INSTANCE)
    asked = [evolve(get, message_id=number).encode(0x0101) for number in (1, 2)]
    await peer.send(b"".join(whole_command(1, command) for command in asked) + RELEASE_RQ)
    await world.until(lambda: len(begun) == 2 and not server.active_associations[0].is_established)
    go_on.set()
    received = b""
    while not received.endswith(RELEASE_RP):
        pdu = await peer.pdu()
        assert pdu
        received += pdu
    # Its Command Field, and which request it answers.
    for number in (1, 2):
        assert received.count(us(0x0100, 0x8110) + us(0x0120, number)) == 1
    assert received.count(b"x") >= 2 * size
    await world.until(lambda: seen.names == ["RELEASED"])
    await peer.close()


async def test_a_peer_that_is_gone_before_it_gets_its_release_is_noticed(world: World) -> None:
    go_on, begun, seen = world.signal(), [], Recorder()

    async def slow(event: evt.Event) -> int:
        begun.append(event)
        await go_on.wait()
        return 0

    server_ae = world.ae("SERVER")
    server_ae.asynchronous_operations = (4, 4)
    handlers = [(evt.EVT_C_ECHO, slow), *seen.bindings(evt.EVT_RELEASED, evt.EVT_ABORTED)]
    server = await world.serve(handlers, ae=server_ae, contexts=[build_context(VERIFICATION, IMPLICIT)])
    peer = await world.connect(server)
    proposed = request([proposal(1, VERIFICATION, IMPLICIT)])
    window = AsynchronousOperationsWindowItem(
        maximum_number_operations_invoked=0, maximum_number_operations_performed=0
    )
    await peer.send(evolve(proposed, user_information=(*proposed.user_information, window)).encode())
    assert (await peer.pdu())[0] == 2
    await peer.send(whole_command(1, echo_rq()) + RELEASE_RQ)
    await world.until(lambda: begun and not server.active_associations[0].is_established)
    await peer.close()
    await world.until(lambda: seen.names == ["ABORTED"])
    go_on.set()


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
