"""movescu."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps.movescu import provider
from dicomwire.apps.movescu.movescu import Mover
from dicomwire.blocking import AE, Association
from dicomwire.presentation import build_context
from dicomwire.safe_names import safe_name
from tests.apps.archives import PATIENT_MOVE, REFUSED, archive, match, pending
from tests.apps.helpers import (
    CT,
    EXPLICIT,
    HOST,
    JPEG,
    MR,
    SECONDS,
    VERIFICATION,
    data_set,
    dicom_file,
    environment,
    named,
    peer,
)
from tests.support.processes import ends_in_time
from tests.support.transfers import started_transfer, wait_for_part

KEYS = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2"]
CONTEXTS = [build_context(CT, EXPLICIT), build_context(CT, JPEG), build_context(MR, EXPLICIT)]


def movescu(port: str, *args: str | Path) -> int:
    return main(["movescu", HOST, port, *KEYS, *map(str, args)])


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def to(port: str | int) -> Any:
    """The destination, as a C-MOVE handler yields it."""
    return HOST, int(port), {"contexts": CONTEXTS}


def files(directory: Path, *instances: str, size: int = 64) -> list[Path]:
    directory.mkdir(exist_ok=True)
    return [dicom_file(directory / str(number), instance=uid, size=size) for number, uid in enumerate(instances)]


class Listener:
    """Tells on which port movescu listens, which it chose itself."""

    def __init__(self) -> None:
        self.servers: list[Any] = []
        self.titles: list[str] = []

    @property
    def port(self) -> int:
        return int(self.servers[-1].server_address[1])

    def destination(self, event: evt.Event) -> Any:
        return to(self.port)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    made = Listener()
    start = AE.start_server

    def spy(self: AE, *args: Any, **kwargs: Any) -> Any:
        server = start(self, *args, **kwargs)
        if self.ae_title != "PEER":
            made.servers.append(server)
            made.titles.append(self.ae_title)
        return server

    monkeypatch.setattr(AE, "start_server", spy)
    return made


STORE = ["--store", "--store-port", "0", "--store-address", HOST]


# -- to somebody else ----------------------------------------------------------------------------------------------
def test_instances_go_to_the_destination(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    received = []

    def store(event: evt.Event) -> int:
        received.append((str(event.request.AffectedSOPInstanceUID), event.request.MoveOriginatorApplicationEntityTitle))
        return 0x0000

    paths = files(tmp_path, "1.1", "1.2")
    with (
        peer(handlers=[(evt.EVT_C_STORE, store)]) as destination,
        archive([to(destination.port), 2, *pending(paths)]) as server,
    ):
        assert movescu(server.port, "-v") == 0
        assert server.peer.closed.wait(20)
    assert [uid for uid, _ in received] == ["1.1", "1.2"]
    captured = capsys.readouterr()
    assert captured.out == "2 completed, 0 with a warning, 0 failed\n"
    assert "I: Final response, status 0x0000 (Success)" in captured.err and "Listening" not in captured.err
    assert server.peer.outcomes[-1] == "EVT_RELEASED"


@pytest.mark.parametrize(
    ("options", "title"),
    [
        ([], "STORESCP"),
        (["-aem", "THERE"], "THERE"),
        (["--move-aet", "THERE"], "THERE"),
        (["--move-aet=THERE"], "THERE"),
    ],
)
def test_the_destination_is_named(options: list[str], title: str) -> None:
    with archive([REFUSED]) as server:
        assert movescu(server.port, *options, "-q") == 1
    assert [request.MoveDestination for request in server.requests] == [title]


@pytest.mark.parametrize("title", ["SEVENTEEN LETTERS", " ", "\u00e4"])
@pytest.mark.parametrize("option", ["-aem", "--store-aet"])
def test_a_title_that_is_none_is_a_wrong_command_line(option: str, title: str) -> None:
    assert main(["movescu", HOST, "104", *KEYS, option, title]) == 2


@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        pytest.param([REFUSED], 1, "status 0xA900 (Failure: ", id="refused"),
        pytest.param([(None, None)], 1, "status 0xA801 (Failure: Move destination unknown)", id="unknown destination"),
        pytest.param([to(1), 1], 1, "status 0xA801", id="unreachable destination"),
        pytest.param([to(1), 0], 1, "Nothing was retrieved", id="nothing"),
    ],
)
def test_a_failure_gives_1_or_with_no_fail_0(
    answers: list[Any], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with archive(answers) as server:
        assert movescu(server.port, "--no-fail") == 0
        assert words in capsys.readouterr().err
        assert movescu(server.port) == code


def test_failed_sub_operations_are_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    statuses = iter([0x0000, 0xA700, 0xB007] * 2)
    paths = files(tmp_path, "1.1", "1.2", "1.3")
    with (
        peer(handlers=[(evt.EVT_C_STORE, lambda event: next(statuses))]) as destination,
        archive([to(destination.port), 3, *pending(paths)]) as server,
    ):
        assert movescu(server.port, "--no-fail") == 0
        captured = capsys.readouterr()
        assert movescu(server.port, "-q") == 1
    assert captured.out == "1 completed, 1 with a warning, 1 failed\n"
    assert "E: Failed: 1.2" in captured.err


# -- to ourselves --------------------------------------------------------------------------------------------------
def test_with_store_the_instances_come_to_us(
    tmp_path: Path, listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [*files(tmp_path / "in", "1.1", size=300_000), dicom_file(tmp_path / "jpeg", instance="1.2", syntax=JPEG)]
    out = tmp_path / "made" / "for this"
    with archive([listener.destination, 2, *pending(paths)]) as server:
        assert movescu(server.port, *STORE, "-od", out, "-v") == 0
    assert names(out) == ["CT.1.1", "CT.1.2"]
    assert (out / "CT.1.1").read_bytes().endswith(data_set(CT, "1.1", 300_000))
    captured = capsys.readouterr()
    assert captured.out.startswith("2 completed, 0 with a warning, 0 failed; 2 received, 0.3 MB in ")
    assert f"I: Listening on {HOST} port {listener.port}" in captured.err
    assert "I: Stored CT.1.1 (300070 bytes) from PEER" in captured.err
    with socket.socket() as sock:
        assert sock.connect_ex((HOST, listener.port)) != 0


def test_ignore_receives_and_keeps_nothing(tmp_path: Path, listener: Listener) -> None:
    paths = files(tmp_path / "in", "1.1")
    with archive([listener.destination, 1, *pending(paths)]) as server:
        assert movescu(server.port, *STORE, "--ignore", "-od", tmp_path / "out", "--fail", "-q") == 0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("uid", ["../../evil", "..", "/etc/passwd"])
def test_a_hostile_uid_stays_in_the_directory(uid: str, tmp_path: Path, listener: Listener) -> None:
    out = tmp_path / "deep" / "out"
    with archive([listener.destination, 1, (0xFF00, named(uid))]) as server:
        assert movescu(server.port, *STORE, "-od", out, "-q", "--fail") == 0
    assert names(out) == [f"CT.{safe_name(uid)}"] and names(tmp_path / "deep") == ["out"]


def test_we_listen_everywhere_under_our_title_and_answer_echoes(listener: Listener) -> None:
    echoed = []

    def echo(event: evt.Event) -> Any:
        with AE().associate(HOST, listener.port, [build_context(VERIFICATION)]) as association:
            echoed.append(association.send_c_echo().Status)
        return REFUSED

    with archive([echo]) as server:
        assert movescu(server.port, "--store", "--store-port", "0", "-q") == 1
        assert movescu(server.port, "--store", "--store-port", "0", "--store-aet", "ME", "-q") == 1
    assert listener.titles == ["STORESCP", "ME"] and echoed == [0, 0]
    assert listener.servers[0].server_address[0] in ("0.0.0.0", "::")


def test_the_documented_port_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def refuse(self: AE, address: Any, **kwargs: Any) -> Any:
        seen.append((address, self.ae_title, kwargs["block"]))
        raise OSError("no")

    monkeypatch.setattr(AE, "start_server", refuse)
    assert main(["movescu", HOST, "104", *KEYS, "--store", "-q"]) == 1
    assert seen == [(("", 11113), "STORESCP", False)]


def test_without_store_nobody_listens(listener: Listener) -> None:
    with archive([REFUSED]) as server:
        assert movescu(server.port, "-q", "--store-port", "0") == 1
    assert listener.servers == []


def test_a_port_in_use_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with archive([REFUSED]) as server, socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert movescu(server.port, "--store", "--store-port", str(port), "--store-address", HOST) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"E: Cannot listen on {HOST} port {port}: ") and captured.err.count("\n") == 1
    assert server.peer.requestors == [] and not captured.out


def test_a_directory_that_cannot_be_made_is_told_before_anybody_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with archive([REFUSED]) as server:
        assert movescu(server.port, *STORE, "-od", tmp_path / "file" / "out") == 1
        err = capsys.readouterr().err
        assert server.peer.requestors == [] and err.startswith("E: Cannot write to ") and "-od" in err
        # Without --store nothing is written.
        assert movescu(server.port, "-od", tmp_path / "file" / "out", "-q") == 1
        assert len(server.peer.requestors) == 1


def test_what_the_peer_says_it_has_sent_to_us_and_did_not_gives_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    def boastful(self: Any, *args: Any) -> Any:
        yield from [(match(Status=0, NumberOfCompletedSuboperations=3), None)]

    monkeypatch.setattr("dicomwire.blocking.Association.send_c_move", boastful)
    with archive() as server:
        assert movescu(server.port, *STORE, "-od", tmp_path) == 1
        assert "The peer says that it has sent 3, but 0 arrived here" in capsys.readouterr().err
        # To somebody else: who knows?
        assert movescu(server.port) == 0


def test_what_is_still_under_way_at_the_final_response_is_received(tmp_path: Path, listener: Listener) -> None:
    """Some peers answer before the last instance is through."""
    path = dicom_file(tmp_path / "late", instance="1.1", size=2_000_000)
    answered = threading.Event()
    statuses: list[int] = []

    def store() -> None:
        with AE("PEER").associate(HOST, listener.port, CONTEXTS) as association:
            established.set()
            answered.wait(SECONDS)
            statuses.append(association.send_c_store(path).Status)

    def answer(event: evt.Event) -> Any:
        thread.start()
        established.wait(SECONDS)
        return 0

    established = threading.Event()
    thread = threading.Thread(target=store)
    released = (evt.EVT_RELEASED, lambda event: answered.set())
    with archive([listener.destination, answer], handlers=[released]) as server:
        assert movescu(server.port, *STORE, "-od", tmp_path / "out", "-q", "--fail") == 0
        thread.join(SECONDS)
    assert statuses == [0] and names(tmp_path / "out") == ["CT.1.1"]


def test_a_peer_that_keeps_its_association_does_not_hold_us_up(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    monkeypatch.setattr(provider, "PATIENCE", 0.1)
    kept = []

    def keep(event: evt.Event) -> Any:
        kept.append(AE("PEER").associate(HOST, listener.port, CONTEXTS))
        return 0

    with archive([listener.destination, keep]) as server:
        assert movescu(server.port, *STORE, "-q", "--no-fail") == 0
    kept[0].join(SECONDS)
    assert kept[0].is_aborted


def test_instances_that_arrive_are_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that sends no Pending responses is not given up while it sends instances."""
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    seen: list[float] = []

    class Moving:
        dimse_timeout = 30.0

        def send_c_move(self, identifier: Any, move_aet: str, model: str) -> Iterator[Any]:
            nonlocal now
            for _ in range(3):
                now += 20
                mover.stored(0, 1)
                seen.append(self.dimse_timeout)
            yield match(Status=0xFF00), None
            seen.append(self.dimse_timeout)
            yield match(Status=0x0000), None

    mover = Mover(30.0)
    mover.stored(0, 1)
    list(mover.responses(cast(Association, Moving()), match(), "X", PATIENT_MOVE))
    assert seen == [50, 70, 90, 30] and mover.tally.received == 4


def test_a_slow_peer_that_tells_nothing_but_sends_is_not_given_up(tmp_path: Path, listener: Listener) -> None:
    paths = files(tmp_path / "in", *(f"1.{number}" for number in range(5)))

    def move(event: evt.Event) -> Any:
        with AE("PEER").associate(HOST, listener.port, CONTEXTS) as association:
            for path in paths:
                threading.Event().wait(0.15)
                association.send_c_store(path)
        return 0

    with archive([listener.destination, move]) as server:
        assert movescu(server.port, *STORE, "-od", tmp_path / "out", "-td", "0.6", "-q", "--fail") == 0
    assert len(names(tmp_path / "out")) == 5


# -- the end -------------------------------------------------------------------------------------------------------
def test_a_peer_that_aborts_in_the_middle_gives_1(
    tmp_path: Path, listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    def abort(event: evt.Event) -> Any:
        cast(Association, event.assoc).abort()
        return 0xFF00, paths[1]

    paths = files(tmp_path / "in", "1.1", "1.2")
    with archive([listener.destination, 2, (0xFF00, paths[0]), abort]) as server:
        assert movescu(server.port, *STORE, "-od", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert "The association was lost: aborted" in captured.err and "Traceback" not in captured.err
    assert captured.out.startswith("1 completed, 0 with a warning, 0 failed, 1 remaining; ")


def test_a_peer_that_never_answers_gives_1_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    done = threading.Event()

    def wait(event: evt.Event) -> Any:
        done.wait(SECONDS)
        return REFUSED

    with archive([wait]) as server:
        assert movescu(server.port, *STORE, "-td", "0.2", "-ta", "0.2") == 1
        done.set()
    assert "The association was lost: timed out waiting for a response" in capsys.readouterr().err


def test_a_closed_port_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        assert movescu(str(sock.getsockname()[1]), *STORE, "-ll", "error") == 1
    captured = capsys.readouterr()
    assert "no connection" in captured.err and captured.err.count("\n") == 1 and not captured.out


def test_quiet_says_nothing() -> None:
    with archive([REFUSED]) as server:
        args = [sys.executable, "-m", "dicomwire", "movescu", HOST, server.port, *KEYS, *STORE, "-q", "--fail"]
        done = subprocess.run(args, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_an_interrupted_user_aborts_and_gives_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("dicomwire.blocking.Association.send_c_move", interrupt)
    with archive() as server:
        assert movescu(server.port, "-q") == 130
        assert server.peer.closed.wait(SECONDS)
    assert server.peer.outcomes == ["EVT_ABORTED"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_termination_abort_both_associations_and_leave_no_part_behind(
    tmp_path: Path, how: signal.Signals
) -> None:
    """Of the request, and of the instance that is arriving."""
    out = tmp_path / "out"
    out.mkdir()
    begun, interrupted, closed = threading.Event(), threading.Event(), threading.Event()
    port = 0

    def move(event: evt.Event) -> Any:
        with started_transfer(port) as sock:
            begun.set()
            interrupted.wait(SECONDS)
            sock.settimeout(SECONDS)
            while sock.recv(4096):
                pass
            closed.set()
        return 0

    with archive([lambda event: to(port), move]) as server:
        args = [sys.executable, "-m", "dicomwire", "movescu", HOST, server.port, *KEYS, *STORE, "-od", str(out), "-v"]
        with subprocess.Popen(
            args, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            port = int(process.stderr.readline().rpartition(" ")[2])
            assert begun.wait(SECONDS)
            wait_for_part(out)
            process.send_signal(how)
            with ends_in_time(process):
                rest = process.stderr.read()
            assert process.wait(SECONDS) == 130
        interrupted.set()
        assert closed.wait(SECONDS) and server.peer.closed.wait(SECONDS)
    assert "Interrupted." in rest and "Traceback" not in rest
    assert server.peer.outcomes == ["EVT_ABORTED"] and names(out) == []
