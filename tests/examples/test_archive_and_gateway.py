"""The archive and the gateway of ``examples/``, and that the pages show them as they are."""

from __future__ import annotations

import queue
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from pydicom.data import get_testdata_file

from dicomwire import Service, ServiceFailed, Status, StoreRequest, connect, serve
from examples.gateway import forward, waiting
from examples.small_archive import archive
from tests.support.patience import SOON
from tests.support.processes import environment

ROOT = Path(__file__).parents[2]
CT, MR = (str(get_testdata_file(name, download=False)) for name in ("CT_small.dcm", "MR_small.dcm"))
CT_UID = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
CT_STUDY = "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"


@contextmanager
def running(name: str, *args: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """An example that serves, and its port."""
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / name), *args]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline().removeprefix("port "))
        finally:
            process.kill()


@pytest.fixture
def inbox() -> Iterator[tuple[int, queue.Queue[str]]]:
    """The port of what takes everything, and the UIDs of what came."""
    service, came = Service(), queue.Queue[str]()

    @service.store
    def keep(request: StoreRequest) -> Status:
        came.put(request.sop_instance_uid)
        return Status.SUCCESS

    with serve(("127.0.0.1", 0), service) as server:
        yield server.server_address[1], came


def studies(**keys: str) -> dict[str, str]:
    return {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientName": "", **keys}


# -- the archive -----------------------------------------------------------------------------------------------------
@pytest.fixture
def port(tmp_path: Path, inbox: tuple[int, object]) -> Iterator[int]:
    """Of an archive with two instances, which knows INBOX."""
    with serve(("127.0.0.1", 0), archive(tmp_path, {"INBOX": ("127.0.0.1", inbox[0])})) as server:
        with connect("127.0.0.1", server.server_address[1], files=[CT, MR]) as peer:
            assert all(peer.store_many([CT, MR]))
        yield server.server_address[1]


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({}, 2),
        ({"PatientName": "Comp*"}, 2),
        ({"PatientName": "[C]*"}, 0),
        ({"PatientID": "1CT?"}, 1),
        ({"PatientID": "1ct1"}, 0),
        ({"StudyDate": "20040101-20040131"}, 1),
        ({"StudyDate": "-20041231"}, 2),
        ({"StudyDate": "20040201-"}, 1),
        ({"StudyInstanceUID": f"{CT_STUDY}\\1.2"}, 1),
        ({"InstitutionName": "nobody looks at it"}, 2),
    ],
)
def test_the_archive_finds_what_matches(keys: dict[str, str], count: int, port: int) -> None:
    with connect("127.0.0.1", port) as peer:
        assert len(list(peer.find(studies(**keys)))) == count


def test_the_archive_gives_and_sends_what_is_named(
    port: int, inbox: tuple[int, queue.Queue[str]], tmp_path: Path
) -> None:
    study = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": CT_STUDY}
    with connect("127.0.0.1", port, services=["get", "move"]) as peer:
        retrieved = peer.get_into(tmp_path / "got", study)
        assert [path.name for path in retrieved.paths] == [f"{CT_UID}.dcm"]
        assert peer.move(study, "INBOX").completed == 1
    assert inbox[1].get(timeout=SOON) == CT_UID


def test_the_archive_refuses_what_it_does_not_understand(port: int) -> None:
    series = {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": CT_STUDY}
    with connect("127.0.0.1", port, services=["find", "get", "move"]) as peer:
        with pytest.raises(ServiceFailed, match="no such query level"):
            list(peer.find({"PatientID": ""}))
        with pytest.raises(ServiceFailed, match="unique key"):
            list(peer.get(series))
        with pytest.raises(ServiceFailed, match="destination unknown"):
            peer.move(studies(StudyInstanceUID=CT_STUDY), "NOBODY")


def test_the_archive_knows_after_a_restart_what_it_has(tmp_path: Path) -> None:
    folder = str(tmp_path / "new")
    with running("small_archive.py", "0", folder) as (process, first):
        with connect("127.0.0.1", first, files=CT) as peer:
            assert peer.store(CT)
        process.communicate("", timeout=SOON)
        assert process.returncode == 0
    with running("small_archive.py", "0", folder) as (_, second), connect("127.0.0.1", second) as peer:
        (found,) = peer.find(studies())
    assert (found.StudyInstanceUID, found.QueryRetrieveLevel) == (CT_STUDY, "STUDY")


# -- the gateway -----------------------------------------------------------------------------------------------------
@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A folder with two instances."""
    for number, path in enumerate((CT, MR)):
        (tmp_path / f"{number}.dcm").write_bytes(Path(path).read_bytes())
    return tmp_path


def test_what_was_acknowledged_arrives_though_the_gateway_is_killed_and_the_archive_away(
    tmp_path: Path, inbox: tuple[int, queue.Queue[str]]
) -> None:
    with serve(("127.0.0.1", 0), Service()) as gone:
        nobody = str(gone.server_address[1])
    away = running("gateway.py", "0", str(tmp_path), "127.0.0.1", nobody)
    with away as (_, port), connect("127.0.0.1", port, files=[CT, MR]) as device:
        assert [bool(stored) for stored in device.store_many([CT, MR, CT])] == [True] * 3
    assert len(waiting(tmp_path)) == 3
    with running("gateway.py", "0", str(tmp_path), "127.0.0.1", str(inbox[0])) as (process, port):
        assert len({inbox[1].get(timeout=SOON) for _ in range(3)}) == 2
        # It waits for more by now, or soon.
        with connect("127.0.0.1", port, files=MR) as device:
            assert device.store(MR)
        assert inbox[1].get(timeout=SOON)
        process.communicate("", timeout=SOON)
    assert process.returncode == 0


def test_what_the_archive_refuses_goes_behind_the_rest(spool: Path) -> None:
    service, came = Service(), []

    @service.store
    def keep(request: StoreRequest) -> Status:
        came.append(request.sop_instance_uid)
        return Status.OUT_OF_RESOURCES if len(came) == 1 else Status.SUCCESS

    first = waiting(spool)[0]
    with serve(("127.0.0.1", 0), service) as server:
        assert not trio.run(forward, waiting(spool), "127.0.0.1", server.server_address[1])
        assert waiting(spool) == [first]
        assert trio.run(forward, waiting(spool), "127.0.0.1", server.server_address[1])
    assert (waiting(spool), len(came)) == ([], 3)


def test_nothing_is_removed_where_the_association_breaks(spool: Path) -> None:
    service = Service()

    @service.store
    def keep(request: StoreRequest) -> Status:
        request.association.abort()
        return Status.SUCCESS

    with serve(("127.0.0.1", 0), service) as server:
        assert not trio.run(forward, waiting(spool), "127.0.0.1", server.server_address[1])
    assert len(waiting(spool)) == 2


# -- the pages -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("page", "example", "most"),
    [("tutorial.md", "small_archive.py", 80), ("how-to/store-and-forward.md", "gateway.py", 90)],
)
def test_a_page_shows_the_example_as_it_is_and_it_is_short(page: str, example: str, most: int) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    source = (ROOT / "examples" / example).read_text("utf-8")
    body, guard, main = source.partition('if __name__ == "__main__":\n')
    assert body.strip() in text
    assert (guard + main).strip() in text
    assert len(source.splitlines()) < most


def test_the_handlers_of_the_archive_are_those_of_a_service_and_can_be_called(tmp_path: Path) -> None:
    kinds = {item.kind.__name__ for item in archive(tmp_path, {}).registered}
    assert kinds == {"StoreRequest", "FindRequest", "GetRequest", "MoveRequest"}
