"""Retrieving from DCMTK's archive with one call."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from dicomwire import contexts_for
from tests.support.peers import HOST, START, drive, eventually, free_port, get, make_ae, process, tool

SAMPLES = ("CT_small.dcm", "MR_small.dcm")

CONFIGURATION = """\
NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
inbox = (INBOX, {host}, {inbox})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
ARCHIVE {folder} RW (200, 1024mb) ANY
AETable END
"""


@frozen
class Archive:
    """Where it listens, and where it sends what is moved to ``INBOX``."""

    port: int
    inbox: int
    stored: tuple[Dataset, ...]


def _accepts(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) == 0


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    program = tool("dcmqrscp")
    folder = tmp_path_factory.mktemp("archive")
    port, inbox = free_port(), free_port()
    (folder / "files").mkdir()
    configuration = folder / "dcmqrscp.cfg"
    configuration.write_text(CONFIGURATION.format(port=port, host=HOST, inbox=inbox, folder=folder / "files"))
    with process([program, "-c", configuration], folder / "log"):
        eventually(lambda: _accepts(port), START, "connection to dcmqrscp")
        yield Archive(port, inbox, tuple(_filled(port)))


def _filled(port: int) -> list[Dataset]:
    paths = [str(get_testdata_file(name, download=False)) for name in SAMPLES]
    with make_ae("blocking").associate(HOST, port, contexts_for(paths), ae_title="ARCHIVE") as association:
        assert association.is_established, association.explain()
        for path in paths:
            assert association.send_c_store(path).Status == 0
    return [dcmread(path) for path in paths]


def query(stored: Dataset) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = stored.StudyInstanceUID
    return identifier


@pytest.mark.parametrize("verb", ["get", "move"])
def test_studies_come_into_a_folder(adapter: str, archive: Archive, tmp_path: Path, verb: str) -> None:
    told: list[Any] = []
    options: dict[str, Any] = {"ae_title": "ARCHIVE", "progress": told.append}
    if verb == "move":
        options |= {"listen_on": (HOST, archive.inbox), "move_aet": "INBOX"}

    async def retrieve(stored: Dataset) -> Any:
        ae = make_ae(adapter, "CLIENT")
        return await get(getattr(ae, f"{verb}_to_folder")(HOST, archive.port, query(stored), tmp_path, **options))

    for stored in archive.stored:
        result = drive(adapter, retrieve, stored)
        assert result.is_complete, result.failure
        assert (result.status, result.completed) == (0, 1)
        assert [path.name for path in result.paths] == [f"{stored.SOPInstanceUID}.dcm"]
        assert dcmread(result.paths[0]).get("PixelData") == stored.get("PixelData")
    assert told[-1].path.parent == tmp_path


def test_a_destination_that_the_archive_does_not_know_is_explained(
    adapter: str, archive: Archive, tmp_path: Path
) -> None:
    async def retrieve() -> Any:
        ae = make_ae(adapter, "CLIENT")
        identifier = query(archive.stored[0])
        listen_on = (HOST, archive.inbox)
        return await get(
            ae.move_to_folder(
                HOST, archive.port, identifier, tmp_path, ae_title="ARCHIVE", listen_on=listen_on, move_aet="NOBODY"
            )
        )

    result = drive(adapter, retrieve)
    assert result.status == 0xA801
    assert "'NOBODY'" in (result.failure or "")
    assert not list(tmp_path.iterdir())
