"""``get`` of a client: instances one by one as they come."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from dicomwire import ConnectionLost, Refused, Service, ServiceFailed, Status, evt
from dicomwire.client.queries import GET, STUDY_ROOT
from dicomwire.upper_layer.limits import Timeouts
from tests.support.adapters import CT_IMAGE_STORAGE, World, done
from tests.support.face import STUDY, Kept, advance, answering, giving, joined, leave, listed, numbered
from tests.support.finding import unencodable
from tests.support.idling import pause
from tests.support.scripted import accepting, hear, reply
from tests.support.storing import instance


async def getting(world: World, *services: Service, **options: Any) -> Any:
    return await joined(world, *services, **{"services": ["get", "echo"], **options})


async def test_instances_come_one_by_one(world: World) -> None:
    client = await getting(world, giving(*numbered(3)))
    got = await listed(client.get(STUDY))
    assert [item.sop_instance_uid for item in got] == ["1.2.3.0", "1.2.3.1", "1.2.3.2"]
    assert [item.dataset.PatientName for item in got] == ["Test^Patient"] * 3
    assert (await done(client.echo())).is_success


async def test_what_came_can_be_saved(world: World, tmp_path: Path) -> None:
    client = await getting(world, giving(*numbered(1)))
    [got] = await listed(client.get(STUDY))
    assert got.save(tmp_path / "new") == tmp_path / "new" / "1.2.3.0.dcm"
    assert (tmp_path / "new" / "1.2.3.0.dcm").read_bytes() == got.encoded()
    assert got.path is None


async def test_the_peer_sends_no_further_than_somebody_takes(world: World) -> None:
    """A slow consumer has two instances waiting at most: one to be taken, and one whose answer waits for that."""
    told: list[str] = []

    def sent(event: evt.Event) -> None:
        if type(event.message).__name__ == "C_STORE_RSP":
            told.append(type(event.message).__name__)

    client = await getting(world, giving(*numbered(20)), handlers=[(evt.EVT_DIMSE_SENT, sent)])
    items = client.get(STUDY)
    acknowledged = []
    for _ in range(20):
        assert await advance(items) is not None
        await pause(world, 0.02)
        acknowledged.append(len(told))
    assert all(count <= number + 2 for number, count in enumerate(acknowledged, 1))
    assert await advance(items) is None


async def test_a_slow_consumer_does_not_run_into_the_response_timeout(world: World) -> None:
    client = await getting(world, giving(*numbered(4)))
    client.dimse_timeout = 0.3
    items = client.get(STUDY)
    got = 0
    while await advance(items) is not None:
        got += 1
        await pause(world, 0.5)
    assert got == 4
    assert (await done(client.echo())).is_success


async def test_a_peer_that_falls_silent_in_between_is_given_up(world: World) -> None:
    never = world.signal()

    async def silent(request: Any) -> list[Any]:
        await never.wait()
        return []

    server = await world.provide(answering("get", silent))
    client = await world.client(server, services=["get"], timeouts=Timeouts(response=0.2))
    with pytest.raises(ConnectionLost, match="timed out"):
        await listed(client.get(STUDY))
    never.set()


@pytest.mark.parametrize(
    ("taken", "way"), [(0, "closed"), (1, "closed"), (3, "closed"), (1, "dropped"), (3, "dropped")]
)
async def test_left_early_the_association_goes_on(world: World, taken: int, way: str) -> None:
    client = await getting(world, giving(*numbered(40)))
    items = client.get(STUDY)
    for _ in range(taken):
        assert await advance(items) is not None
    if way == "closed":
        await leave(items)
        assert await advance(items) is None
    del items
    gc.collect()
    assert (await done(client.echo())).is_success
    assert len(await listed(client.get(STUDY))) == 40


async def test_what_still_comes_after_leaving_goes_to_nobody(world: World) -> None:
    """Not to a handler of the program's own, either: the next instance it hears of is one it has asked for."""
    own: list[str] = []

    def store(event: evt.Event) -> int:
        own.append(event.request.AffectedSOPInstanceUID)
        return 0

    client = await getting(world, giving(*numbered(40)), handlers=[(evt.EVT_C_STORE, store)])
    items = client.get(STUDY)
    assert await advance(items) is not None
    await leave(items)
    assert (await done(client.echo())).is_success
    assert own == []
    assert client.get_handlers(evt.EVT_C_STORE)[0] == store


async def test_a_handler_of_ones_own_is_back_behind_the_last(world: World) -> None:
    def store(event: evt.Event) -> int:
        raise AssertionError("not asked")

    client = await getting(world, giving(*numbered(2)), handlers=[(evt.EVT_C_STORE, store)])
    assert len(await listed(client.get(STUDY))) == 2
    assert client.get_handlers(evt.EVT_C_STORE)[0] == store


async def test_an_abort_in_the_middle_is_told(world: World) -> None:
    server = await world.provide(giving(*numbered(40)))
    client = await world.client(server, services=["get"])
    items = client.get(STUDY)
    assert await advance(items) is not None
    for association in server.active_associations:
        await done(association.abort())
    with pytest.raises(ConnectionLost, match="abort"):
        await listed(items)
    assert await advance(items) is None
    with pytest.raises(ConnectionLost):
        await done(client.echo())


async def test_nothing_that_matches_is_no_instance(world: World) -> None:
    client = await getting(world, giving())
    assert await listed(client.get(STUDY)) == []


async def test_a_failure_is_raised_by_the_iterator(world: World) -> None:
    def refuse(request: Any) -> Any:
        raise ServiceFailed(Status.OUT_OF_RESOURCES.because("no more"))

    client = await getting(world, answering("get", refuse))
    with pytest.raises(ServiceFailed) as failed:
        await listed(client.get(STUDY))
    assert failed.value.status == 0xA700
    assert failed.value.status.comment == "no more"
    assert failed.value.operation == "C-GET"
    assert (await done(client.echo())).is_success


async def test_instances_that_did_not_come_are_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Warning 0xB000: nothing is raised, for what came came."""
    client = await getting(world, giving(*numbered(2), *numbered(1, SOPClassUID="1.2.3.4.5.6")))
    assert len(await listed(client.get(STUDY))) == 2
    assert "1 instances did not come" in caplog.text


async def test_a_peer_that_stops_by_itself_is_told(world: World) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await accepting(listener)
        await hear(other)
        await other.send(reply(1, 0x0010, 0xFE00))

    job = world.start(peer)
    client = await world.client(listener, contexts=[STUDY_ROOT + GET], timeouts=Timeouts(close=0.02))
    with pytest.raises(ServiceFailed, match="nobody cancelled"):
        await listed(client.get(STUDY))
    await job.result()


async def test_a_handler_that_was_bound_meanwhile_stays(world: World) -> None:
    def store(event: evt.Event) -> int:
        return 0

    client = await getting(world, giving(*numbered(2)))
    items = client.get(STUDY)
    assert await advance(items) is not None
    client.bind(evt.EVT_C_STORE, store)
    assert await listed(items) == []
    assert client.get_handlers(evt.EVT_C_STORE)[0] == store


async def test_an_instance_says_what_it_is(world: World) -> None:
    client = await getting(world, giving(*numbered(1)))
    [item] = await listed(client.get(STUDY))
    assert item.sop_class_uid == CT_IMAGE_STORAGE
    assert item.file_meta.MediaStorageSOPInstanceUID == "1.2.3.0"
    assert repr(item) == "<ReceivedInstance 1.2.3.0>"


async def test_without_a_context_it_is_refused_at_once_or_by_the_iterator(world: World) -> None:
    client = await joined(world, answering("store", Kept()), services=["echo"])
    with pytest.raises(Refused, match="no presentation context"):
        await listed(client.get(STUDY))
    assert client.get_handlers(evt.EVT_C_STORE)[0] is evt.get_default_handler(evt.EVT_C_STORE)


async def test_two_at_a_time_are_refused_and_the_first_goes_on(world: World) -> None:
    client = await getting(world, giving(*numbered(3)))
    items = client.get(STUDY)
    assert await advance(items) is not None
    with pytest.raises(RuntimeError, match="still being iterated"):
        await advance(client.get(STUDY))
    assert len(await listed(items)) == 2


async def windowed(world: World, *services: Service) -> Any:
    """A client and a server that have agreed upon eight operations at a time."""
    ours, theirs = world.ae("CLIENT"), world.ae("SERVER")
    ours.asynchronous_operations = theirs.asynchronous_operations = (8, 8)
    server = await world.provide(*services, entity=theirs)
    return await world.client(server, entity=ours, services=["get", "echo"])


def by_study(request: Any) -> list[Any]:
    study = request.identifier.StudyInstanceUID
    return [instance(SOPInstanceUID=f"{study}.{number}") for number in range(30)]


@pytest.mark.parametrize("window", [1, 8])
@pytest.mark.parametrize("verb", ["get", "get_into"])
async def test_what_a_left_request_still_brings_is_not_of_the_next_one(
    world: World, tmp_path: Path, window: int, verb: str
) -> None:
    """Nothing in a C-STORE says which C-GET it is for."""
    service = answering("get", by_study)
    client = await (getting(world, service) if window == 1 else windowed(world, service))
    items = client.get(STUDY)
    assert await advance(items) is not None
    await leave(items)
    other = {**STUDY, "StudyInstanceUID": "4.5.6"}
    if verb == "get":
        uids = [item.sop_instance_uid for item in await listed(client.get(other))]
    else:
        uids = [path.stem for path in (await done(client.get_into(tmp_path, other))).paths]
    assert uids == [f"4.5.6.{number}" for number in range(30)]


async def test_a_window_of_several_operations_makes_no_difference(world: World) -> None:
    client = await windowed(world, giving(*numbered(40)))
    items = client.get(STUDY)
    assert await advance(items) is not None
    assert (await done(client.echo())).is_success
    assert len(await listed(items)) == 39


async def test_two_at_a_time_are_refused_whatever_the_window(world: World, tmp_path: Path) -> None:
    client = await windowed(world, giving(*numbered(3)))
    items = client.get(STUDY)
    assert await advance(items) is not None
    with pytest.raises(RuntimeError, match="still being iterated"):
        await advance(client.get(STUDY))
    with pytest.raises(RuntimeError, match="still being iterated"):
        await done(client.get_into(tmp_path, STUDY))
    assert len(await listed(items)) == 2
    assert len(await listed(client.get(STUDY))) == 3


async def test_a_query_that_cannot_be_encoded_leaves_no_handler(world: World) -> None:
    client = await getting(world, giving(*numbered(2)))
    with pytest.raises(ValueError, match="Rows"):
        await listed(client.get(unencodable()))
    assert client.get_handlers(evt.EVT_C_STORE)[0] is evt.get_default_handler(evt.EVT_C_STORE)
    assert len(await listed(client.get(STUDY))) == 2


@pytest.mark.parametrize(
    ("query", "options", "error"),
    [
        (3, {}, TypeError),
        ({"NoSuchKeyword": 1}, {}, ValueError),
        (STUDY, {"priority": "urgent"}, ValueError),
    ],
)
async def test_bad_arguments_are_refused(world: World, query: Any, options: Any, error: type[Exception]) -> None:
    client = await getting(world, giving(*numbered(1)))
    with pytest.raises(error):
        await listed(client.get(query, **options))
    assert len(await listed(client.get(STUDY))) == 1
