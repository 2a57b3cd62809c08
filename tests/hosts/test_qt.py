"""Qt: the loop of qasync, in a process of its own, because a Qt application stays for good."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("PySide6.QtCore", exc_type=ImportError)
pytest.importorskip("qasync", exc_type=ImportError)

PROGRAM = """
import asyncio, os, sys

# PySide6 gives away references to these that are not its own, which matters up to Python 3.11.
SPARE = [None, True, False] * 1_000_000

import qasync
from PySide6 import QtCore

from tests.hosts.loops import FIND, Peers, image, until


async def main(tls):
    peers = Peers(tls=tls)
    async with await peers.server() as server:
        async with await peers.associate(server) as association:
            print((await association.send_c_echo()).Status)
            for length in (100, 3 << 20):
                print((await association.send_c_store(image(length))).Status)
            print(len([status async for status, _ in await association.send_c_find(b"", FIND)]))
        print(association.is_released)
        association = await peers.associate(server)
        try:
            async with asyncio.timeout(0.02):
                await association.send_c_store(image(64 << 20))
        except TimeoutError:
            print("timeout", association.is_aborted)
        peers.ae.network_timeout = 0.05
        association = await peers.associate(server)
        await until(lambda: association.is_aborted)
    print("done", flush=True)


application = QtCore.QCoreApplication([])
loop = qasync.QEventLoop(application)
with loop:
    loop.run_until_complete(asyncio.wait_for(main("tls" in sys.argv), 40))
os._exit(0)
"""


@pytest.mark.parametrize("way", ["plain", "tls"])
def test_server_and_client_run_in_the_loop_of_a_qt_application(way: str) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert done.stdout.split() == ["0", "0", "0", "51", "True", "timeout", "True", "done"], done.stderr
