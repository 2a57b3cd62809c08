"""``get_into``, ``move`` and ``move_into`` of a client."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from dicomwire import ConnectionLost, MoveTo, Refused, ServiceFailed, Status, evt
from dicomwire.retrieval import Progress
from tests.support.adapters import LOCALHOST, World, done, port_of
from tests.support.face import STUDY, Kept, advance, answering, giving, joined, listed, numbered

GETTING: dict[str, Any] = {"services": ["get", "echo"]}
FILES = ["1.2.3.0.dcm", "1.2.3.1.dcm", "1.2.3.2.dcm"]


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


# -- get_into ------------------------------------------------------------------------------------------------------
async def test_instances_become_files_with_their_names(world: World, tmp_path: Path) -> None:
    client = await joined(world, giving(*numbered(3)), **GETTING)
    retrieved = await done(client.get_into(tmp_path / "new" / "folder", STUDY))
    folder = tmp_path / "new" / "folder"
    assert (retrieved.completed, retrieved.is_complete) == (3, True)
    assert retrieved.paths == tuple(folder / name for name in FILES)
    assert names(folder) == FILES
    assert dcmread(folder / FILES[1]).SOPInstanceUID == "1.2.3.1"
    assert (await done(client.echo())).is_success


async def test_one_client_retrieves_again_and_again(world: World, tmp_path: Path) -> None:
    client = await joined(world, giving(*numbered(2)), **GETTING)
    for number in range(3):
        assert (await done(client.get_into(tmp_path / str(number), STUDY))).is_complete
        assert len(await listed(client.get(STUDY))) == 2
    assert names(tmp_path / "2") == FILES[:2]


async def test_progress_is_told_and_may_stop_it(world: World, tmp_path: Path) -> None:
    told: list[Progress] = []

    def progress(value: Progress) -> bool:
        told.append(value)
        return value.completed < 2

    client = await joined(world, giving(*numbered(40)), **GETTING)
    retrieved = await done(client.get_into(tmp_path, STUDY, progress=progress))
    assert [item.completed for item in told][:2] == [1, 2]
    assert not retrieved.is_complete
    assert 2 <= retrieved.completed < 40
    assert (await done(client.echo())).is_success


async def test_what_cannot_be_sent_is_told_and_not_raised(world: World, tmp_path: Path) -> None:
    client = await joined(world, giving(*numbered(2), *numbered(1, SOPClassUID="1.2.3.4.5.6")), **GETTING)
    retrieved = await done(client.get_into(tmp_path, STUDY))
    assert (retrieved.completed, retrieved.failed, retrieved.is_complete) == (2, 1, False)
    assert retrieved.failure
    assert names(tmp_path) == FILES[:2]


async def test_a_failure_is_raised_with_what_has_come(world: World, tmp_path: Path) -> None:
    def refuse(request: Any) -> Any:
        raise ServiceFailed(Status.OUT_OF_RESOURCES.because("no more"))

    client = await joined(world, answering("get", refuse), **GETTING)
    with pytest.raises(ServiceFailed, match="no more") as failed:
        await done(client.get_into(tmp_path, STUDY))
    assert failed.value.operation == "C-GET"
    assert failed.value.retrieved is not None
    assert failed.value.retrieved.completed == 0
    assert (await done(client.echo())).is_success


async def test_an_abort_is_raised_with_what_has_come(world: World, tmp_path: Path) -> None:
    server = await world.provide(giving(*numbered(40)))
    client = await world.client(server, **GETTING)

    async def progress(value: Progress) -> None:
        if value.completed == 2:
            await done(server.active_associations[0].abort(block=False))

    with pytest.raises(ConnectionLost) as failed:
        await done(client.get_into(tmp_path, STUDY, progress=progress))
    retrieved = failed.value.retrieved
    assert retrieved is not None
    assert len(retrieved.paths) >= 2
    assert names(tmp_path) == sorted(path.name for path in retrieved.paths)
    with pytest.raises(ConnectionLost):
        await done(client.get_into(tmp_path, STUDY))


async def test_a_handler_of_ones_own_is_back_behind_it(world: World, tmp_path: Path) -> None:
    def store(event: evt.Event) -> int:
        raise AssertionError("not asked")

    client = await joined(world, giving(*numbered(2)), handlers=[(evt.EVT_C_STORE, store)], **GETTING)
    assert (await done(client.get_into(tmp_path, STUDY))).is_complete
    assert client.get_handlers(evt.EVT_C_STORE)[0] == store


@pytest.mark.parametrize("verb", ["get_into", "move", "move_into"])
async def test_without_a_context_it_is_refused_and_nothing_is_made(world: World, tmp_path: Path, verb: str) -> None:
    client = await joined(world, answering("store", Kept()), services=["echo"])
    folder = tmp_path / "new"
    calls = {
        "get_into": lambda: client.get_into(folder, STUDY),
        "move": lambda: client.move(STUDY, "DEST"),
        "move_into": lambda: client.move_into(folder, STUDY, listen_on=(LOCALHOST, 0)),
    }
    with pytest.raises(Refused, match="no presentation context"):
        await done(calls[verb]())
    assert not folder.exists()


@pytest.mark.parametrize(
    ("query", "options", "error"),
    [(3, {}, TypeError), ({"NoSuchKeyword": 1}, {}, ValueError), (STUDY, {"priority": "urgent"}, ValueError)],
)
async def test_bad_arguments_are_refused(
    world: World, tmp_path: Path, query: Any, options: Any, error: type[Exception]
) -> None:
    client = await joined(world, giving(*numbered(1)), services=["get", "move"])
    for verb, args, more in (
        (client.get_into, (tmp_path, query), {}),
        (client.move, (query, "DEST"), {}),
        (client.move_into, (tmp_path, query), {"listen_on": (LOCALHOST, 0)}),
    ):
        with pytest.raises(error):
            await done(verb(*args, **options, **more))
    assert (await done(client.get_into(tmp_path, STUDY))).is_complete


async def test_a_folder_that_cannot_be_made_is_an_error_of_the_program(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    client = await joined(world, giving(*numbered(1)), **GETTING)
    with pytest.raises((FileExistsError, NotADirectoryError)):
        await done(client.get_into(tmp_path / "file", STUDY))
    assert (await done(client.echo())).is_success


async def test_progress_that_raises_ends_the_association(world: World, tmp_path: Path) -> None:
    def progress(value: Progress) -> None:
        raise KeyError("mine")

    client = await joined(world, giving(*numbered(40)), **GETTING)
    with pytest.raises(KeyError, match="mine"):
        await done(client.get_into(tmp_path, STUDY, progress=progress))
    assert [name for name in names(tmp_path) if not name.endswith(".dcm")] == []
    assert (await done(client.echo())).is_success


# -- move ----------------------------------------------------------------------------------------------------------
async def moving(world: World, destination: Any, *instances: Any) -> Any:
    """A client of a server that moves these instances to wherever ``destination()`` listens."""

    def handler(request: Any) -> MoveTo | None:
        if request.destination != "DEST":
            return None
        return MoveTo(host=LOCALHOST, port=port_of(destination()), instances=list(instances))

    return await joined(world, answering("move", handler), services=["move", "echo"])


async def test_instances_are_moved_to_a_destination(world: World) -> None:
    kept = Kept()
    there = await world.provide(answering("store", kept))
    client = await moving(world, lambda: there, *numbered(3))
    retrieved = await done(client.move(STUDY, "DEST"))
    assert (retrieved.completed, retrieved.is_complete, retrieved.paths) == (3, True, ())
    assert kept.uids == ["1.2.3.0", "1.2.3.1", "1.2.3.2"]
    assert kept.requests[0].move_originator == "CLIENT"
    assert (await done(client.echo())).is_success


async def test_a_destination_that_nobody_knows_is_raised(world: World) -> None:
    client = await moving(world, lambda: None)
    with pytest.raises(ServiceFailed) as failed:
        await done(client.move(STUDY, "OTHER"))
    assert failed.value.status == Status.MOVE_DESTINATION_UNKNOWN
    assert failed.value.operation == "C-MOVE"
    assert failed.value.retrieved is not None
    assert any("OTHER" in note for note in failed.value.__notes__)


async def test_what_the_destination_refuses_is_told_and_not_raised(world: World) -> None:
    kept = Kept(Status.SUCCESS, Status.OUT_OF_RESOURCES, Status.COERCED)
    there = await world.provide(answering("store", kept))
    client = await moving(world, lambda: there, *numbered(3))
    retrieved = await done(client.move(STUDY, "DEST"))
    assert (retrieved.completed, retrieved.failed, retrieved.warning) == (1, 1, 1)
    assert not retrieved.is_complete


async def test_a_destination_that_does_not_listen_is_raised(world: World) -> None:
    there = await world.provide(answering("store", Kept()))
    there.shutdown()
    client = await moving(world, lambda: there, *numbered(3))
    with pytest.raises(ServiceFailed):
        await done(client.move(STUDY, "DEST"))
    assert (await done(client.echo())).is_success


@pytest.mark.parametrize("title", ["", "A TITLE OF TOO MANY LETTERS", "a\\b", 3])
async def test_a_destination_that_is_no_title_is_refused(world: World, title: Any) -> None:
    client = await moving(world, lambda: None)
    with pytest.raises((ValueError, TypeError)):
        await done(client.move(STUDY, title))
    assert (await done(client.echo())).is_success


# -- move_into -----------------------------------------------------------------------------------------------------
async def moving_here(world: World, *instances: Any) -> Any:
    """A client whose peer moves to the server that the client runs just now."""
    ours: list[Any] = []
    client = await moving(world, lambda: ours[0].ae.servers[-1], *instances)
    ours.append(client)
    return client


async def test_instances_are_moved_here(world: World, tmp_path: Path) -> None:
    client = await moving_here(world, *numbered(3))
    retrieved = await done(client.move_into(tmp_path, STUDY, listen_on=(LOCALHOST, 0), to="DEST"))
    assert (retrieved.completed, retrieved.is_complete) == (3, True)
    assert names(tmp_path) == FILES
    assert client.ae.servers == []
    assert (await done(client.echo())).is_success


async def test_our_own_title_is_the_destination_by_default(world: World, tmp_path: Path) -> None:
    client = await moving_here(world, *numbered(1))
    with pytest.raises(ServiceFailed, match="0xA801") as failed:
        await done(client.move_into(tmp_path, STUDY, listen_on=(LOCALHOST, 0)))
    assert any("CLIENT" in note for note in failed.value.__notes__)
    assert client.ae.servers == []


async def test_an_address_that_is_taken_is_an_error_of_the_program(world: World, tmp_path: Path) -> None:
    there = await world.provide(answering("store", Kept()))
    client = await moving_here(world, *numbered(1))
    with pytest.raises(OSError, match="in use"):
        await done(client.move_into(tmp_path, STUDY, listen_on=(LOCALHOST, port_of(there)), to="DEST"))
    assert (await done(client.echo())).is_success


async def test_get_after_an_iterator_that_was_left(world: World, tmp_path: Path) -> None:
    client = await joined(world, giving(*numbered(40)), **GETTING)
    items = client.get(STUDY)
    assert await advance(items) is not None
    del items
    retrieved = await done(client.get_into(tmp_path, STUDY))
    assert retrieved.is_complete
    assert len(names(tmp_path)) == 40


async def test_a_failure_says_what_could_not_be_written_here(world: World, tmp_path: Path) -> None:
    """The peer can only say that it could not send: without this the fault is looked for there."""
    (tmp_path / "1.2.3.0.dcm").mkdir()
    client = await joined(world, giving(*numbered(1)), **GETTING)
    with pytest.raises(ServiceFailed, match=r"0xA702 .*; writing failed: .*1\.2\.3\.0"):
        await done(client.get_into(tmp_path, STUDY))
    assert (await done(client.echo())).is_success
