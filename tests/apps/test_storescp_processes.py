"""storescp with several processes: who dies is replaced, who ends finishes, nobody is left."""

from __future__ import annotations

import logging
import os
import pickle
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dicomwire.__main__ import main
from dicomwire.apps._common import supervising
from dicomwire.apps._common.exit_codes import CannotStart
from dicomwire.apps._common.supervising import Supervisor
from dicomwire.blocking import AE, Association
from dicomwire.presentation import build_context
from tests.apps.helpers import (
    CT,
    EXPLICIT,
    HOST,
    SECONDS,
    Process,
    children,
    data_set,
    dicom_file,
    named,
    provider,
    until,
)
from tests.support.certificates import self_signed
from tests.support.sessions import p_data, pdv
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ
from tests.support.transfers import DATA_AND_LAST, started_transfer, wait_for_part

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="how processes end is asked of POSIX")

CONTEXTS = [build_context(CT, EXPLICIT)]
METHODS = pytest.mark.parametrize("method", ["fork", "spawn"])


@contextmanager
def workers(out: Path, *options: str, count: int = 2, method: str = "fork") -> Iterator[Process]:
    """``storescp --processes``, which logs what it does."""
    prelude = f"from dicomwire.apps._common import supervising; supervising.METHOD = {method!r}"
    args = ("storescp", "0", "-v", "-od", str(out), "--processes", str(count), *options)
    with provider(*args, prelude=prelude, stdout=subprocess.PIPE) as process:
        yield process


def is_gone(pid: int) -> bool:
    """Also if nobody has asked yet how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def total(process: Process) -> str:
    """What the supervisor says at the end."""
    assert process.process.stdout is not None
    return process.process.stdout.read()


def associate(port: str) -> Association:
    association = AE().associate(HOST, int(port), CONTEXTS)
    assert association.is_established
    return association


def send(association: Association, *uids: str) -> None:
    for uid in uids:
        assert association.send_c_store(named(uid)).Status == 0


HALF, REST = (whole := data_set(CT, "1.2.3", 20_000))[:10_000], whole[10_000:]


def finish(sock: socket.socket) -> None:
    """Send the rest of what was begun with :data:`HALF`, and end as the server wishes."""
    sock.sendall(p_data(pdv(1, DATA_AND_LAST, REST)))
    sock.settimeout(SECONDS)
    response = sock.recv(6, socket.MSG_WAITALL)
    assert response[0] == 4
    answer = sock.recv(int.from_bytes(response[2:], "big"), socket.MSG_WAITALL)
    assert b"\x00\x09\x02\x00\x00\x00\x00\x00" in answer
    assert sock.recv(10, socket.MSG_WAITALL) == RELEASE_RQ
    sock.sendall(RELEASE_RP)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# -- together ------------------------------------------------------------------------------------------------------
def test_workers_share_a_port_and_the_totals_are_those_of_all(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        with ExitStack() as stack:
            associations = [stack.enter_context(associate(server.port)) for _ in range(4)]
            for number, association in enumerate(associations):
                send(association, f"1.{number}.1", f"1.{number}.2")
        assert server.stop() == 0
        assert total(server).startswith("8 received, 0.0 MB\n")
    assert names(tmp_path) == [f"CT.1.{number}.{which}" for number in range(4) for which in (1, 2)]
    listening = [line for line in server.lines if "Listening" in line]
    assert len(listening) == 1 and len([line for line in server.lines if "Stored" in line]) == 8


def test_one_instance_from_many_is_one_whole_file(tmp_path: Path) -> None:
    sent = dicom_file(tmp_path / "sent.dcm", size=300_000)
    out = tmp_path / "out"
    with workers(out) as server:
        statuses: list[int] = []

        # Not by the application, which sets the levels of the process's log.
        def store() -> None:
            with associate(server.port) as association:
                statuses.append(association.send_c_store(sent).Status)

        threads = [threading.Thread(target=store) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.stop() == 0
        assert total(server).startswith("4 received,")
    assert statuses == [0] * 4 and names(out) == ["CT.1.2.3"]
    assert (out / "CT.1.2.3").read_bytes()[-300_000:] == sent.read_bytes()[-300_000:]


def test_one_process_is_the_default_and_none_is_no_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["storescp", "0", "-od", str(tmp_path), "--processes", "0"]) == 2
    assert "--processes" in capsys.readouterr().err
    with provider("storescp", "0", "-od", str(tmp_path)) as server:
        assert children(server.process.pid) == []
        assert server.stop() == 0


def test_workers_that_are_no_forks_speak_tls(tmp_path: Path) -> None:
    certificate = str(self_signed(tmp_path))
    with workers(tmp_path / "out", "--tls-cert", certificate, "--tls-key", certificate, method="spawn") as server:
        assert main(["echoscu", "localhost", server.port, "-q", "--tls-ca", certificate]) == 0
        assert server.stop() == 0


# -- the beginning -------------------------------------------------------------------------------------------------
def test_a_port_that_is_taken_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["storescp", port, "-ba", HOST, "-od", str(tmp_path), "--processes", "2"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"E: Cannot listen on {HOST} port {port}: ") and captured.err.count("\n") == 1
    assert not captured.out


def test_a_folder_that_cannot_be_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["storescp", "0", "-od", str(tmp_path / "file" / "out"), "--processes", "2"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def _die_at_once(orders: object) -> None:
    os._exit(7)


def test_workers_that_cannot_begin_are_not_started_for_ever() -> None:
    begun: list[int] = []
    supervisor = Supervisor(
        [_die_at_once, _die_at_once], logging.getLogger("test"), lambda: begun.append(1), lambda: None
    )
    with pytest.raises(CannotStart, match=r"worker \d \(process \d+\) ended with code 7, before it could begin"):
        supervisor.run()
    assert begun == []


# -- death ---------------------------------------------------------------------------------------------------------
@METHODS
def test_a_worker_that_was_killed_is_replaced_and_what_it_has_stored_counts(tmp_path: Path, method: str) -> None:
    with workers(tmp_path, method=method) as server:
        with associate(server.port) as association:
            send(association, "1.1", "1.2")
        first = until(lambda: len(found := children(server.process.pid)) == 2 and found)
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(set(children(server.process.pid)) - {*first}) == 2)
        with associate(server.port) as association:
            send(association, "1.3")
        assert server.stop() == 0
        assert total(server).startswith("3 received,")
    told = [line for line in server.lines if line.startswith("E")]
    assert sorted(told) == [
        f"E: worker {number} (process {pid}) was killed by signal 9: another one starts in 0.1 s"
        for number, pid in enumerate(first, 1)
    ]


def test_pauses_grow_and_are_bounded(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(supervising, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(supervising, "LONGEST_PAUSE", 0.004)
    lives = iter(range(6))

    class Ending(Exception):
        pass

    def begun_and_ended(orders: Any) -> None:
        with orders.obeyed(lambda: None, lambda: None):
            os._exit(3)

    class Watched(Supervisor):
        def _start(self, place: Any) -> None:
            if next(lives, None) is None:
                raise Ending
            super()._start(place)

    with pytest.raises(Ending), caplog.at_level(logging.ERROR):
        Watched([begun_and_ended], logging.getLogger("test"), lambda: None, lambda: None).run()
    pauses = [record.getMessage().rpartition(" starts in ")[2] for record in caplog.records]
    assert pauses == ["0.001 s", "0.002 s", "0.004 s", "0.004 s", "0.004 s", "0.004 s"]


def test_a_worker_that_is_terminated_finishes_and_is_replaced(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        first = until(lambda: len(found := children(server.process.pid)) == 2 and found)
        with started_transfer(int(server.port), data=HALF) as sock:
            wait_for_part(tmp_path)
            for pid in first:
                os.kill(pid, signal.SIGTERM)
            until(lambda: len(set(children(server.process.pid)) - {*first}) >= 1)
            finish(sock)
        until(lambda: len(set(children(server.process.pid)) - {*first}) == 2)
        assert server.stop() == 0
        assert total(server).startswith("1 received,")


@METHODS
def test_no_worker_is_left_when_the_supervisor_is_killed(tmp_path: Path, method: str) -> None:
    with workers(tmp_path, method=method) as server:
        found = until(lambda: len(found := children(server.process.pid)) == 2 and found)
        os.kill(server.process.pid, signal.SIGKILL)
        until(lambda: all(map(is_gone, found)))


# -- the end -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_workers_finish_what_they_are_at(tmp_path: Path, how: signal.Signals) -> None:
    with workers(tmp_path) as server:
        with associate(server.port) as idle, started_transfer(int(server.port), data=HALF) as sock:
            send(idle, "1.1")
            wait_for_part(tmp_path)
            server.process.send_signal(how)
            until(lambda: not _listens(server.port))
            until(lambda: idle.is_released)
            finish(sock)
        assert server.end() == 0
        assert total(server).startswith("2 received,")
    assert names(tmp_path) == ["CT.1.1", "CT.1.2.3"]
    warnings = [line for line in server.lines if line.startswith(("W", "E"))]
    assert [line for line in warnings if "On all interfaces" not in line] == []


def test_all_are_told_and_yet_finish_as_service_managers_do(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        everybody = [server.process.pid, *until(lambda: len(found := children(server.process.pid)) == 2 and found)]
        with started_transfer(int(server.port), data=HALF) as sock:
            wait_for_part(tmp_path)
            for pid in everybody:
                os.kill(pid, signal.SIGTERM)
            until(lambda: not _listens(server.port))
            finish(sock)
        assert server.end() == 0
        assert total(server).startswith("1 received,")


def test_a_second_signal_aborts_and_leaves_no_part(tmp_path: Path) -> None:
    with workers(tmp_path) as server:
        with started_transfer(int(server.port)) as sock:
            wait_for_part(tmp_path)
            server.interrupt()
            until(lambda: not _listens(server.port))
            server.interrupt()
            sock.settimeout(SECONDS)
            while sock.recv(4096):
                pass
        assert server.end() == 0
        assert total(server).startswith("0 received,")
    assert names(tmp_path) == []


def test_who_does_not_finish_in_time_is_aborted(tmp_path: Path) -> None:
    with workers(tmp_path, "--drain", "0.1") as server, started_transfer(int(server.port)) as sock:
        wait_for_part(tmp_path)
        assert server.stop() == 0
        assert sock.recv(1) == ABORT[:1]
    assert names(tmp_path) == []


def test_who_does_not_even_hear_is_killed(tmp_path: Path) -> None:
    prelude = "from dicomwire.apps._common import supervising; supervising._LAST = 0.1"
    args = ("storescp", "0", "-od", str(tmp_path), "--processes", "2", "--drain", "0.1")
    with provider(*args, prelude=prelude) as server:
        deaf, *_ = until(lambda: len(found := children(server.process.pid)) == 2 and found)
        os.kill(deaf, signal.SIGSTOP)
        assert server.stop() == 0
    (line,) = [line for line in server.lines if line.startswith("E")]
    assert re.fullmatch(rf"E: worker 1 \(process {deaf}\) did not end by itself", line)


def _listens(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, int(port))) == 0


def test_settings_of_a_provider_survive_the_way_to_another_process(tmp_path: Path) -> None:
    from dicomwire import ProxyProtocol
    from dicomwire.apps._common.network_options import NetworkOptions
    from dicomwire.apps._common.options import Provider

    network = NetworkOptions(acse_timeout=1, dimse_timeout=2, network_timeout=3, max_pdu=4)
    proxies = ProxyProtocol(trusted=["192.0.2.0/24"])
    made = Provider(port=104, bind_address=HOST, ae_title="X", tls=None, network=network, proxies=proxies)
    assert pickle.loads(pickle.dumps(made)) == made
