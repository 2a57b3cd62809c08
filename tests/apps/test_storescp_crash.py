"""storescp is killed, has no room and no descriptors: what was acknowledged is whole, and nothing else is there."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import define, field

from dicomwire.apps._common.file_names import file_name
from dicomwire.blocking import AE
from dicomwire.presentation import build_context
from dicomwire.sources import EncodedDataSet
from tests.apps.helpers import CT, EXPLICIT, HOST, data_set, provider
from tests.support.patience import SOON

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")

KILLS = int(os.environ.get("DICOMWIRE_KILLS", "2"))
"""How often the server is killed; each time it is sent 1000 instances."""

SENDERS = 4
CONTEXTS = [build_context(CT, EXPLICIT)]


def content(number: int) -> bytes:
    """An instance that no other is like; some are of more than one piece."""
    return data_set(CT, f"1.2.{number}", 200_000 if number % 50 == 0 else 100 + 2 * number)


@define
class Sending:
    """Sends instances from several threads, until all are sent or the server is gone."""

    port: str
    numbers: range
    acknowledged: set[int] = field(factory=set)
    refused: set[int] = field(factory=set)
    is_under_way: threading.Event = field(factory=threading.Event)
    _threads: list[threading.Thread] = field(factory=list)

    def start(self) -> None:
        for first in range(SENDERS):
            thread = threading.Thread(target=self._send, args=(self.numbers[first::SENDERS],))
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _send(self, numbers: range) -> None:
        with AE().associate(HOST, int(self.port), CONTEXTS) as association:
            for number in numbers:
                if not association.is_established:
                    return
                instance = EncodedDataSet(
                    sop_class_uid=CT,
                    sop_instance_uid=f"1.2.{number}",
                    transfer_syntax_uid=EXPLICIT,
                    data=content(number),
                )
                try:
                    status = association.send_c_store(instance)
                except RuntimeError:
                    return
                if status:
                    (self.refused if status.Status else self.acknowledged).add(number)
                    self.is_under_way.set()


def check(out: Path, acknowledged: set[int], spare: int = 0) -> None:
    """What was acknowledged is whole; of what was not, at most ``spare`` are there, just as whole."""
    there = {path.name: path for path in out.iterdir() if not path.name.startswith(".")}
    assert {file_name(CT, f"1.2.{number}") for number in acknowledged} <= there.keys()
    assert len(there) <= len(acknowledged) + spare
    for name, path in there.items():
        assert path.read_bytes().endswith(content(int(name.rpartition(".")[2]))), f"{name} is not whole"


@pytest.mark.parametrize("options", [[], ["--fsync", "file-and-folder"]], ids=["default", "fsync"])
def test_what_a_killed_server_has_acknowledged_is_whole(tmp_path: Path, options: list[str]) -> None:
    chance = random.Random(20)
    acknowledged: set[int] = set()
    for kill in range(KILLS):
        with provider("storescp", "0", "-od", str(tmp_path), *options) as server:
            sending = Sending(server.port, range(1000 * kill, 1000 * (kill + 1)))
            sending.start()
            assert sending.is_under_way.wait(SOON)
            time.sleep(0.3 * chance.random())
            server.process.send_signal(signal.SIGKILL)
            sending.join()
        acknowledged |= sending.acknowledged
        # One of each sender may have been named, and not yet been acknowledged.
        check(tmp_path, acknowledged, SENDERS * (kill + 1))
        # The one before has left nothing that this one would leave.
        assert len([path for path in tmp_path.iterdir() if path.name.startswith(".")]) <= SENDERS
    with provider("storescp", "0", "-od", str(tmp_path)) as server:
        assert server.stop() == 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


NOBODY = 0x7FFFFFF0
"""The number of a process that cannot be: one that has ended may be somebody else's by now."""


def test_the_next_start_tells_what_it_removes(tmp_path: Path) -> None:
    (tmp_path / f".{NOBODY:08x}0123abcd00000000.part").write_bytes(bytes(1000))
    (tmp_path / ".precious.part").write_bytes(b"somebody else's")
    with provider("storescp", "0", "-od", str(tmp_path)) as server:
        assert server.stop() == 0
    assert [path.name for path in tmp_path.iterdir()] == [".precious.part"]
    # Whether the line on who can connect is out before the end is a matter of speed.
    (warning,) = [line for line in server.lines if line.startswith("W:") and "On all interfaces" not in line]
    assert "1 file" in warning and "1000 bytes" in warning


def test_what_there_is_no_room_for_is_refused_and_not_there(tmp_path: Path) -> None:
    # Python ignores SIGXFSZ: writing beyond the limit gives EFBIG, an OSError as ENOSPC is.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    with provider("storescp", "0", "-od", str(tmp_path), prelude=limit) as server:
        sending = Sending(server.port, range(200))
        sending.start()
        sending.join()
        assert sending.refused == {0, 50, 100, 150}
        assert sending.acknowledged == set(range(200)) - sending.refused
        check(tmp_path, sending.acknowledged)
        assert server.stop() == 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_server_without_descriptors_lives_on(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"
    args = ("storescp", "0", "-od", str(tmp_path), "--fsync", "file-and-folder")
    with provider(*args, prelude=limit) as server:
        sending = Sending(server.port, range(300))
        sending.start()
        assert sending.is_under_way.wait(SOON)
        with ExitStack() as crowd:
            for _ in range(80):
                crowd.enter_context(socket.create_connection((HOST, int(server.port))))
            sending.join()
        assert sending.acknowledged and sending.acknowledged | sending.refused == set(range(300))
        check(tmp_path, sending.acknowledged)
        later = Sending(server.port, range(1000, 1010))
        later.start()
        later.join()
        assert later.acknowledged == set(range(1000, 1010))
        assert server.stop() == 0
