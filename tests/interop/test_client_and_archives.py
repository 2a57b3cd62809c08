"""A client of ``connect`` and archives of others: DCMTK's dcmqrscp, and Orthanc."""

from __future__ import annotations

import importlib
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from pydicom import dcmread

from benchmarks.orthanc import configuration, find_orthanc
from dicomwire import ServiceFailed
from tests.support.archive import UID_ROOT, dcmqrscp
from tests.support.face import advance, leave, listed
from tests.support.peers import HOST, absent, drive, free_port, get, listening

TITLE = "ARCHIVE"
STUDY = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"{UID_ROOT}.1"}
EVERY = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientName": "", "StudyDate": ""}


@frozen
class Peer:
    """Where an archive listens, and where it sends what is moved to ``INBOX``."""

    port: int
    inbox: int


def _dcmtk(folder: Path) -> Iterator[Peer]:
    inbox = free_port()
    with dcmqrscp(folder, {"INBOX": inbox}) as (_, port):
        yield Peer(port, inbox)


def _orthanc(folder: Path) -> Iterator[Peer]:
    program = find_orthanc()
    if program is None:
        absent("Orthanc is not installed")
    assert program is not None
    inbox = free_port()

    def command(port: int) -> list[str | Path]:
        path = configuration(folder, port)
        values = json.loads(path.read_text("utf-8"))
        allowed = dict.fromkeys(("DicomAlwaysAllowFind", "DicomAlwaysAllowGet", "DicomAlwaysAllowMove"), True)
        values |= {"DicomModalities": {"inbox": ["INBOX", HOST, inbox]}, "LimitFindResults": 0, **allowed}
        path.write_text(json.dumps(values), "utf-8")
        return [program, path]

    with listening(command, folder / "orthanc") as (_, port):
        yield Peer(port, inbox)


@pytest.fixture(scope="module", params=["dcmqrscp", "Orthanc"])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    folder = tmp_path_factory.mktemp(request.param)
    yield from (_dcmtk if request.param == "dcmqrscp" else _orthanc)(folder)


@pytest.fixture(scope="module")
def filled(peer: Peer, archived: list[Path]) -> Peer:
    """All instances are in it."""

    async def store(client: Any) -> list[Any]:
        return await listed(client.store_many(archived))

    assert all(talking("blocking", peer, store, files=archived))
    return peer


def talking(adapter: str, peer: Peer, talk: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """What ``talk`` gives for a client, which is released behind it."""
    face = importlib.import_module(f"dicomwire.{adapter}")

    async def whole() -> Any:
        client = await get(face.connect(HOST, peer.port, to=TITLE, **options))
        try:
            result = await talk(client)
            await get(client.release())
        except BaseException:
            await get(client.abort())
            raise
        return result

    return drive(adapter, whole)


def test_many_instances_are_stored(peer: Peer, archived: list[Path], adapter: str) -> None:
    async def talk(client: Any) -> None:
        stored = await listed(client.store_many([*archived, Path("missing.dcm")]))
        assert [bool(item) for item in stored] == [True] * len(archived) + [False]
        assert isinstance(stored[-1].error, FileNotFoundError)
        assert (await get(client.echo())).is_success

    talking(adapter, peer, talk, files=archived)


def test_matches_are_found(filled: Peer, adapter: str) -> None:
    async def talk(client: Any) -> None:
        matches = await listed(client.find(EVERY))
        assert {match.StudyInstanceUID for match in matches} == {f"{UID_ROOT}.{number}" for number in (1, 2, 3)}
        [one] = await listed(client.find({**EVERY, "PatientName": "Interop^Anna", "StudyDate": "20240102"}))
        assert one.StudyInstanceUID == f"{UID_ROOT}.1"
        assert await listed(client.find({**EVERY, "PatientName": "Nobody"})) == []

    talking(adapter, filled, talk)


def test_matches_come_by_the_page_up_to_a_limit_or_until_nobody_wants_more(filled: Peer, adapter: str) -> None:
    images = {"QueryRetrieveLevel": "IMAGE", **dict.fromkeys(("SOPInstanceUID",), "")}
    images |= {"StudyInstanceUID": f"{UID_ROOT}.1", "SeriesInstanceUID": f"{UID_ROOT}.1.1"}

    async def talk(client: Any) -> None:
        assert len(await listed(client.find(images))) == 10
        assert len(await listed(client.find(images, limit=3))) == 3
        assert [len(page) for page in await listed(client.find_pages(images, 4))] == [4, 4, 2]
        matches = client.find(images)
        assert await advance(matches)
        await leave(matches)
        assert (await get(client.echo())).is_success

    talking(adapter, filled, talk)


def test_instances_come_one_by_one(filled: Peer, adapter: str) -> None:
    async def talk(client: Any) -> None:
        items = await listed(client.get(STUDY))
        assert len({item.sop_instance_uid for item in items}) == 20
        assert {item.dataset.StudyInstanceUID for item in items} == {f"{UID_ROOT}.1"}

    talking(adapter, filled, talk, services=["get"])


def test_instances_that_nobody_wants_any_more_do_no_harm(filled: Peer, adapter: str) -> None:
    async def talk(client: Any) -> None:
        items = client.get(STUDY)
        assert await advance(items)
        del items
        assert (await get(client.echo())).is_success
        assert len(await listed(client.get(STUDY))) == 20

    talking(adapter, filled, talk, services=["get", "echo"])


def test_a_study_becomes_files(filled: Peer, adapter: str, archived: list[Path], tmp_path: Path) -> None:
    async def talk(client: Any) -> None:
        retrieved = await get(client.get_into(tmp_path, STUDY))
        assert (retrieved.completed, retrieved.is_complete) == (20, True), retrieved.failure

    talking(adapter, filled, talk, services=["get"])
    sent = {path.name: dcmread(path) for path in archived}
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 20
    for path in paths:
        assert dcmread(path).PixelData == sent[path.name].PixelData


def test_a_study_is_moved_here(filled: Peer, adapter: str, tmp_path: Path) -> None:
    async def talk(client: Any) -> None:
        retrieved = await get(client.move_into(tmp_path, STUDY, listen_on=(HOST, filled.inbox), to="INBOX"))
        assert (retrieved.completed, retrieved.is_complete) == (20, True), retrieved.failure

    talking(adapter, filled, talk)
    assert len(list(tmp_path.glob("*.dcm"))) == 20


def test_a_destination_that_it_does_not_know_is_raised(filled: Peer, adapter: str) -> None:
    async def talk(client: Any) -> None:
        with pytest.raises(ServiceFailed) as failed:
            await get(client.move(STUDY, "NOBODY"))
        assert failed.value.operation == "C-MOVE"
        assert failed.value.retrieved is not None

    talking(adapter, filled, talk)
