"""What associations cost while nothing happens, and how their end is noticed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.peers import PROGRAMS, Command, Process, Raw, echo, eventually, process
from tests.support.streams import vectors

COUNT = 50
SECONDS = 2.0
MOST = 0.01
"""Of one core."""

REQUEST = bytes.fromhex(vectors()["observed_reactions"]["probes"][1]["steps"][0])

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@contextmanager
def idle_server(adapter: str, folder: Path) -> Iterator[tuple[Process, int]]:
    with process([sys.executable, PROGRAMS / "idle_server.py", adapter], folder / "server.log") as running:
        yield running, int(running.wait_for_line("port "))


def share_of_a_core(running: Process) -> float:
    before = running.cpu_seconds()
    time.sleep(SECONDS)
    return (running.cpu_seconds() - before) / SECONDS


def test_idle_associations_cost_a_server_nothing(adapter: str, tmp_path: Path) -> None:
    with idle_server(adapter, tmp_path) as (server, port), ExitStack() as stack:
        for _ in range(COUNT):
            raw = stack.enter_context(Raw(port))
            raw.send(REQUEST)
            assert raw.pdu()[0] == 2
        share = share_of_a_core(server)
        print(f"{adapter}: {share:.2%} of a core")
        assert share < MOST
        assert echo(port)


def test_idle_requestors_cost_nothing_and_notice_the_death_of_their_server(tmp_path: Path) -> None:
    with idle_server("asyncio", tmp_path) as (server, port):
        command: Command = [sys.executable, PROGRAMS / "idle_client.py", str(port), str(COUNT)]
        with process(command, tmp_path / "client.log") as client:
            assert client.wait_for_line("established ") == str(COUNT)
            time.sleep(0.2)
            share = share_of_a_core(client)
            print(f"requestors: {share:.2%} of a core")
            assert share < MOST
            client.tell("")
            assert client.wait_for_line("aborted-0 ") == "0"
            server.kill()
            killed = time.monotonic()
            questions = 0

            def all_aborted() -> bool:
                nonlocal questions
                questions += 1
                client.tell("")
                return client.wait_for_line(f"aborted-{questions} ") == str(COUNT)

            eventually(all_aborted, 5, "end of all associations")
            print(f"noticed after {time.monotonic() - killed:.2f} s")
