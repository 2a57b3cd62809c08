"""Data sets that are longer than memory may hold: received, looked at and kept as others are."""

from __future__ import annotations

import copy
import errno
import gc
import logging
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomwire import Limits, evt
from dicomwire.data import store
from dicomwire.data.store import FileStore
from tests.support.adapters import World, done
from tests.support.storing import EXPLICIT, large_instance, storage

IN_MEMORY = 100_000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go, and nothing is left."""
    mine = FileStore()
    mine.temporary_folder = tmp_path / "temporary"
    mine.make_folder(tmp_path / "temporary")
    monkeypatch.setattr(store, "STORE", mine)
    yield tmp_path / "temporary"
    gc.collect()
    assert not os.listdir(tmp_path / "temporary")


async def storing(world: World, handler: Any, limits: Limits) -> Any:
    ae = world.ae()
    ae.limits = limits
    server = await world.serve([(evt.EVT_C_STORE, handler)], contexts=storage(EXPLICIT), ae=ae)
    return await world.associate(server, contexts=storage(EXPLICIT))


async def received(world: World, look: Any) -> Any:
    """What a look at the event gives for a large instance."""
    seen: list[Any] = []

    def handle(event: evt.Event) -> int:
        seen.append(look(event))
        return 0x0000

    association = await storing(world, handle, Limits(data_set_in_memory=IN_MEMORY))
    status = await done(association.send_c_store(large_instance()))
    assert status.Status == 0x0000
    await done(association.release())
    return seen[0]


async def test_the_data_set_outlives_the_request(world: World) -> None:
    dataset: Dataset = await received(world, lambda event: event.dataset)
    assert dataset.PatientName == "Test^Patient"
    assert dataset.PixelData == large_instance().PixelData
    assert dataset == copy.deepcopy(dataset) == pickle.loads(pickle.dumps(dataset))


async def test_no_folder_shows_a_file_while_the_handler_runs(world: World, folder: Path) -> None:
    assert await received(world, lambda event: (len(event.dataset.PixelData), os.listdir(folder))) == (1 << 20, [])


async def test_it_is_a_file_without_having_been_looked_at(world: World, tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(await received(world, lambda event: event.encoded_dataset()))
    assert dcmread(tmp_path / "x.dcm").PixelData == large_instance().PixelData


async def test_it_can_be_saved(world: World, tmp_path: Path) -> None:
    def save(event: evt.Event) -> None:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        dataset.save_as(tmp_path / "x.dcm", enforce_file_format=True)

    await received(world, save)
    assert dcmread(tmp_path / "x.dcm").PixelData == large_instance().PixelData


async def test_its_request_has_the_bytes(world: World) -> None:
    encoded, file = await received(
        world, lambda event: (event.encoded_dataset(include_meta=False), event.request.DataSet)
    )
    assert file.getvalue() == encoded


async def test_a_full_disk_is_one_status_and_one_line_and_the_association_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    association = await storing(world, lambda event: 0x0000, Limits(data_set_in_memory=IN_MEMORY))
    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR, "dicomwire"):
        patched.setattr(FileStore, "write", full)
        status = await done(association.send_c_store(large_instance()))
    assert status.Status == 0xA700
    assert ["No space left on device" in record.getMessage() for record in caplog.records] == [True]
    assert (await done(association.send_c_store(large_instance()))).Status == 0x0000
    await done(association.release())


async def test_what_is_too_long_even_for_a_file_is_refused(world: World) -> None:
    association = await storing(world, lambda event: 0x0000, Limits(data_set_in_memory=IN_MEMORY, data_set=500_000))
    assert (await done(association.send_c_store(large_instance()))).Status == 0xA700
    assert (await done(association.send_c_echo())).Status == 0x0000
    await done(association.release())
