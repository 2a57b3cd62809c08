"""Whole sets of instances to and from DCMTK and pynetdicom."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.support.comparing import UNCOMPRESSED, changed, differing, sent_parts
from tests.support.peers import (
    PROGRAMS,
    OurServer,
    Stored,
    echo,
    file_parts,
    finished,
    store,
    storescp,
    tool,
)

RLE = "1.2.840.10008.1.2.5"
BASELINE = "1.2.840.10008.1.2.4.50"
LOSSLESS = "1.2.840.10008.1.2.4.70"


def of_syntaxes(paths: Sequence[Path], *syntaxes: str) -> list[Path]:
    return [path for path in paths if sent_parts(path)[1] in syntaxes]


def test_the_set_is_mixed(paths: list[Path]) -> None:
    parts = [file_parts(path) for path in paths]
    assert len(paths) == len({uid for uid, _, _ in parts}) == 200
    assert len({syntax for _, syntax, _ in parts}) >= 9
    assert len({dcmread(path, stop_before_pixels=True).SOPClassUID for path in paths}) >= 8


# -- DCMTK and pynetdicom send --------------------------------------------------------------------------------------
def test_echoscu_of_dcmtk_is_answered(server: OurServer) -> None:
    finished([tool("echoscu"), "-v", "--propose-ts", "3", "--repeat", "5", "127.0.0.1", str(server.port)])


@pytest.mark.parametrize(
    ("most", "syntaxes", "options"),
    [
        pytest.param(200, UNCOMPRESSED, ["-R"], id="default"),
        pytest.param(200, UNCOMPRESSED, ["-v", "+v", "-aec", "X", "-pdu", "131072", "-R", "+C"], id="131072"),
        pytest.param(40, UNCOMPRESSED, ["-xi", "-R", "--max-send-pdu", "4096"], id="implicit"),
        pytest.param(40, UNCOMPRESSED, ["-xb", "-R"], id="big-endian"),
        pytest.param(40, UNCOMPRESSED, ["-xd", "-R"], id="deflated"),
        pytest.param(40, (*UNCOMPRESSED, LOSSLESS), ["-xs", "-R"], id="jpeg-lossless"),
        pytest.param(40, (*UNCOMPRESSED, BASELINE), ["-xy", "-R"], id="jpeg-baseline"),
        pytest.param(40, (RLE,), ["-xr", "-R", "+C"], id="rle"),
    ],
)
def test_what_storescu_of_dcmtk_sends_arrives(
    server: OurServer,
    paths: list[Path],
    tmp_path: Path,
    most: int,
    syntaxes: tuple[str, ...],
    options: list[str],
) -> None:
    chosen = of_syntaxes(paths, *syntaxes)[:most]
    for path in chosen:
        (tmp_path / path.name).symlink_to(path)
    server.stored.clear()
    finished([tool("storescu"), *options, "+sd", "+r", "127.0.0.1", str(server.port), tmp_path])
    assert differing(chosen, server.stored) == []


def test_storescu_of_dcmtk_proposes_all_it_knows_by_default(server: OurServer, paths: list[Path]) -> None:
    (path,) = of_syntaxes(paths, UNCOMPRESSED[1])[:1]
    server.stored.clear()
    finished([tool("storescu"), "127.0.0.1", str(server.port), path])
    assert differing([path], server.stored) == []


def test_what_dcmsend_of_dcmtk_sends_arrives(server: OurServer, paths: list[Path], instances: Path) -> None:
    server.stored.clear()
    finished([tool("dcmsend"), "-dn", "+sd", "127.0.0.1", str(server.port), instances])
    assert differing(paths, server.stored) == []


def test_what_pynetdicom_sends_arrives(server: OurServer, paths: list[Path], instances: Path) -> None:
    server.stored.clear()
    done = finished([sys.executable, PROGRAMS / "storage_scu.py", str(server.port), instances])
    assert done.stdout.count("0x0000 ") == len(paths)
    assert differing(paths, server.stored) == []


# -- we send --------------------------------------------------------------------------------------------------------
def test_storescp_of_dcmtk_stores_what_we_send(adapter: str, paths: list[Path], tmp_path: Path) -> None:
    with storescp(tmp_path / "store", "+B", "+xa") as port:
        assert echo(port, adapter)
        assert set(store(adapter, port, paths)) == {0x0000}
    assert changed(paths, tmp_path / "store") == []


def test_storescp_of_dcmtk_decodes_what_we_send(adapter: str, paths: list[Path], tmp_path: Path) -> None:
    chosen = of_syntaxes(paths, *UNCOMPRESSED)
    with storescp(tmp_path / "store", "+te", "-pdu", "131072") as port:
        assert set(store(adapter, port, chosen)) == {0x0000}
    arrived = [Stored(*file_parts(path)) for path in (tmp_path / "store").iterdir()]
    assert {item.transfer_syntax for item in arrived} == {UNCOMPRESSED[1]}
    assert differing(chosen, arrived) == []


def test_pynetdicom_stores_what_we_send(adapter: str, paths: list[Path], pynetdicom_scp: tuple[int, Path]) -> None:
    port, folder = pynetdicom_scp
    for path in folder.iterdir():
        path.unlink()
    assert echo(port, adapter)
    assert set(store(adapter, port, paths)) == {0x0000}
    assert differing(paths, [Stored(*file_parts(path)) for path in folder.iterdir()]) == []
