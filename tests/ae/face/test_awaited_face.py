"""``connect`` and ``serve`` where they are awaited: each way to write it, and tasks that are cancelled."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
import trio

import dicomwire.asyncio
import dicomwire.trio
from dicomwire import ConnectionLost, Refused, Service, Status, connect, evt, serve
from dicomwire.client.queries import FIND, GET, STUDY_ROOT
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, Recorder, World, port_of
from tests.support.cancelling import cancelled_after
from tests.support.face import STUDY, Kept, advance, answering, giving, listed, numbered
from tests.support.finding import MATCH
from tests.support.getting import uid
from tests.support.scripted import accepting, ask, hear, reply, uid as uid_element
from tests.support.sessions import us
from tests.support.storing import instance
from tests.support.streams import ABORT

PENDING = 0xFF00
STORE_RQ = ask(3, 0x0001, CT_IMAGE_STORAGE, us(0x0700, 0), uid_element(0x1000, uid(0)), data=b"")
CONTEXTS = [STUDY_ROOT + FIND, CT_IMAGE_STORAGE, STUDY_ROOT + GET]


async def exhaust(client: Any, items: Any) -> None:
    async for _ in items:
        pass


def operations(client: Any, folder: Any) -> dict[str, Any]:
    return {
        "find": lambda: exhaust(client, client.find(STUDY)),
        "find, after a match": lambda: exhaust(client, client.find(STUDY)),
        "find_pages": lambda: exhaust(client, client.find_pages(STUDY, 2)),
        "get": lambda: exhaust(client, client.get(STUDY)),
        "get, after an instance": lambda: exhaust(client, client.get(STUDY)),
        "get_into": lambda: client.get_into(folder, STUDY),
        "get_into, after an instance": lambda: client.get_into(folder, STUDY),
        "store": lambda: client.store(instance()),
        "store_many": lambda: exhaust(client, client.store_many([instance()] * 3)),
    }


NAMES = list(operations(None, None))


@pytest.mark.parametrize("name", NAMES)
async def test_cancelling_ends_the_association_and_leaves_nothing(loop_world: World, tmp_path: Any, name: str) -> None:
    started = loop_world.signal()
    listener = await loop_world.listen()

    async def peer() -> bytes:
        other = await accepting(listener, roles={CT_IMAGE_STORAGE: (True, True)})
        await hear(other)
        if "match" in name:
            await other.send(reply(1, 0x0020, PENDING, data=MATCH))
        if "instance" in name:
            await other.send(STORE_RQ)
            await hear(other)
        started.set()
        rest = await other.rest()
        await other.close()
        return rest

    job = loop_world.start(peer)
    client = await loop_world.client(listener, contexts=CONTEXTS)
    await cancelled_after(loop_world, operations(client, tmp_path)[name], started)
    assert (await job.result())[-10:] == ABORT
    assert client.ae.active_associations == []
    with pytest.raises(ConnectionLost):
        await client.store(instance())
    gc.collect()
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".dcm"]


async def test_a_deadline_in_the_middle_of_instances(loop_world: World) -> None:
    """``asyncio.timeout`` and ``trio.move_on_after``."""
    never = loop_world.signal()
    taken: list[str] = []

    async def handler(request: Any) -> Status:
        if request.sop_instance_uid == "1.2.3.1":
            await never.wait()
        return Status.SUCCESS

    server = await loop_world.provide(answering("store", handler))
    client = await loop_world.client(server, contexts=[CT_IMAGE_STORAGE])

    async def store_all() -> None:
        async for stored in client.store_many(numbered(3)):
            uid = stored.instance.SOPInstanceUID
            taken.append(uid)

    if loop_world.name == "asyncio":
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await store_all()
    else:
        with trio.move_on_after(0.1) as scope:
            await store_all()
        assert scope.cancelled_caught
    never.set()
    assert taken == ["1.2.3.0"]
    assert client.ae.active_associations == []


async def test_a_cancelled_body_aborts(loop_world: World) -> None:
    started, never = loop_world.signal(), loop_world.signal()
    seen = Recorder()
    server = await loop_world.provide(Service(), handlers=seen.bindings(evt.EVT_RELEASED, evt.EVT_ABORTED))

    async def work() -> None:
        async with loop_world.face.connect(LOCALHOST, port_of(server)) as client:
            await client.echo()
            started.set()
            await never.wait()

    await cancelled_after(loop_world, work, started)
    await loop_world.until(lambda: seen.names == ["ABORTED"])


# -- ways to write it ------------------------------------------------------------------------------------------------
async def test_a_client_may_be_awaited_and_released_by_hand(async_world: World) -> None:
    client = await async_world.client(await async_world.provide(Service()))
    assert (await client.echo()).is_success
    await client.release()
    assert not client.is_established


async def test_an_iterator_may_be_awaited_first(async_world: World) -> None:
    server = await async_world.provide(giving(*numbered(2)), answering("find", lambda request: []))
    client = await async_world.client(server, services=["get", "find"])
    items = await client.get(STUDY)
    assert [item.sop_instance_uid async for item in items] == ["1.2.3.0", "1.2.3.1"]
    assert [item async for item in await client.find(STUDY)] == []


async def test_slow_consumers_leave_others_their_time(async_world: World) -> None:
    """An association waits for who takes instances, and another on the same loop goes on."""
    server = await async_world.provide(giving(*numbered(5)))
    slow = await async_world.client(server, services=["get"])
    other = await async_world.client(server)
    items = slow.get(STUDY)
    assert await advance(items) is not None
    for _ in range(5):
        assert (await other.echo()).is_success
    assert len(await listed(items)) == 4


def test_in_a_task_group() -> None:
    async def work(port: int) -> int:
        async with dicomwire.asyncio.connect(LOCALHOST, port, contexts=[CT_IMAGE_STORAGE]) as client:
            stored = [item async for item in client.store_many(numbered(3))]
            return sum(map(bool, stored))

    async def main() -> list[int]:
        async with dicomwire.asyncio.serve((LOCALHOST, 0), answering("store", Kept())) as server:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work(port_of(server))) for _ in range(4)]
            return [task.result() for task in tasks]

    assert asyncio.run(main()) == [3] * 4


def test_one_that_fails_in_a_task_group_cancels_the_others() -> None:
    async def wait(port: int, started: asyncio.Event) -> None:
        async with dicomwire.asyncio.connect(LOCALHOST, port) as client:
            await client.echo()
            started.set()
            await asyncio.Event().wait()

    async def fail(port: int, started: asyncio.Event) -> None:
        await started.wait()
        async with dicomwire.asyncio.connect(LOCALHOST, port, contexts=[CT_IMAGE_STORAGE]):
            raise AssertionError("not accepted")

    async def main() -> bool:
        async with dicomwire.asyncio.serve((LOCALHOST, 0), Service()) as server:
            started = asyncio.Event()

            async def both() -> None:
                async with asyncio.TaskGroup() as group:
                    group.create_task(wait(port_of(server), started))
                    group.create_task(fail(port_of(server), started))

            with pytest.raises(ExceptionGroup) as failed:
                await both()
            return failed.group_contains(Refused)

    assert asyncio.run(main())


def test_in_a_nursery_of_trio() -> None:
    counts: list[int] = []

    async def work(port: int) -> None:
        async with dicomwire.trio.connect(LOCALHOST, port, contexts=[CT_IMAGE_STORAGE]) as client:
            counts.append(sum([bool(item) async for item in client.store_many(numbered(3))]))

    async def main() -> None:
        service = answering("store", Kept())
        async with dicomwire.trio.serve((LOCALHOST, 0), service) as server, trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(work, port_of(server))

    trio.run(main)
    assert counts == [3] * 4


async def test_leaving_serve_ends_associations_that_run(loop_world: World) -> None:
    async with loop_world.face.serve((LOCALHOST, 0), Service()) as server:
        client = await loop_world.client(server)
        assert (await client.echo()).is_success
        await loop_world.until(lambda: server.active_associations)
        running = server.active_associations
    assert not any(association.is_established for association in running)
    with pytest.raises(ConnectionLost):
        await client.echo()
    with pytest.raises(Refused):
        await loop_world.client(server)


def test_leaving_serve_ends_associations_in_threads() -> None:
    with serve((LOCALHOST, 0), Service()) as server:
        client = connect(LOCALHOST, port_of(server))
        assert client.echo().is_success
    with pytest.raises(ConnectionLost):
        client.echo()
    with pytest.raises(Refused):
        connect(LOCALHOST, port_of(server))
