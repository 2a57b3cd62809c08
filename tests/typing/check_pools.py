"""What pools and archives give, to type checkers: mypy and pyright check this file, nothing runs it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import assert_type

from pydicom.dataset import Dataset

import dicomwire
import dicomwire.asyncio
import dicomwire.memory
import dicomwire.trio
from dicomwire import Archive, Client, Pool, Status, Stored
from dicomwire.retrieval import Retrieved


def blocking_archives_give(archive: Archive, path: Path, data: bytes) -> None:
    assert_type(archive.echo(), Status)
    assert_type(archive.find({"PatientID": ""}, limit=3), list[Dataset])
    assert_type(archive.worklist({"PatientID": ""}), list[Dataset])
    assert_type(archive.store(path), list[Stored[Path]])
    assert_type(archive.store([path, path]), list[Stored[Path]])
    assert_type(archive.store(data), list[Stored[bytes]])
    assert_type(archive.retrieve({"PatientID": ""}, path), Retrieved)
    assert_type(archive.move({"PatientID": ""}, "DEST"), Retrieved)
    with archive.client() as client:
        assert_type(client, Client)
    with archive.matches({"PatientID": ""}) as matches:
        for match in matches:
            assert_type(match, Dataset)


def pools_take(context: ssl.SSLContext) -> None:
    with Pool("host", 104, size=2, idle=None, wait=3, verify=0, to="AE", tls=context, services=["find"]) as pool:
        assert_type(pool, Pool)
        with pool.client() as client:
            assert_type(client, Client)
    assert_type(pool.close(drain=3), None)
    Archive("host", 104, services=["find"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pool("host", 104, sizes=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def those_of_loops_give(
    archive: dicomwire.asyncio.Archive, pool: dicomwire.asyncio.Pool, other: dicomwire.trio.Pool, path: Path
) -> None:
    assert_type(await archive.find({"PatientID": ""}), list[Dataset])
    assert_type(await archive.store([path]), list[Stored[Path]])
    assert_type(await archive.retrieve({"PatientID": ""}, path), Retrieved)
    async with archive.matches({"PatientID": ""}) as matches:
        async for match in matches:
            assert_type(match, Dataset)
    async with pool.client() as client:
        assert_type(client, dicomwire.asyncio.Client)
    async with other, other.client() as kept:
        assert_type(kept, dicomwire.trio.Client)
    async with dicomwire.memory.Archive("host", 104, network=dicomwire.memory.Network()) as there:
        assert_type(await there.echo(), Status)
