"""The programs of ``examples/`` do what they say."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread

from dicomwire import AE
from dicomwire.testing import CHANNEL_CHECKS, ChannelCheck, check_channel
from examples.queue_transport import ends
from tests.support.patience import SOON
from tests.support.processes import environment
from tests.support.storing import EXPLICIT, instance, storage

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *args: str, patience: float = SOON) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience, env=environment())


@contextmanager
def running(name: str, *args: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A program that serves, and the words of the line with which it begins."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *args]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()
        except BaseException:
            process.kill()
            raise


def ended(process: subprocess.Popen[str]) -> list[str]:
    """The lines that it has printed, after the end of its input."""
    out, _ = process.communicate("", timeout=SOON)
    assert process.returncode == 0
    return out.splitlines()


def echoed(port: str, count: int = 1) -> None:
    ae = AE()
    ae.add_requested_context("1.2.840.10008.1.1")
    for _ in range(count):
        with ae.associate("127.0.0.1", int(port)) as association:
            assert association.send_c_echo().Status == 0x0000


@contextmanager
def verification_scp(**settings: bool) -> Iterator[str]:
    """The port of a peer that can be verified."""
    ae = AE()
    for name, value in settings.items():
        setattr(ae, name, value)
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False)
    try:
        yield str(server.server_address[1])
    finally:
        server.shutdown()


@contextmanager
def store_into(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The storage SCP, and its port."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / "store_into_folder.py"), "0", str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().removeprefix("port ").strip()
        except BaseException:
            process.kill()
            raise


def test_the_pair_in_memory_takes_no_time() -> None:
    done = run("in_memory_pair.py")
    assert done.returncode == 0, done.stderr
    *names, time = done.stdout.splitlines()
    assert names == ["Doe^Jane", "Doe^John"]
    assert time.startswith("after ") and time.endswith(" s of its own time")


def test_two_processes_have_an_association_over_queues() -> None:
    # There are three, with that which looks after the semaphores.
    done = run("queue_transport.py", patience=3 * SOON)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["echo 0x0000", "store 0x0000", "get 0xFF00", "get 0x0000", "got 1CT1"]


@pytest.mark.parametrize("check", CHANNEL_CHECKS, ids=str)
def test_the_transport_over_queues_does_what_is_asked_of_it(check: ChannelCheck) -> None:
    check_channel(ends, checks=[check], patience=SOON)


def test_the_transport_over_queues_is_short() -> None:
    text = (EXAMPLES / "queue_transport.py").read_text("utf-8")
    assert len(text[text.index("class QueueTransport") : text.index("def ends")].splitlines()) < 60


def test_the_folder_is_filled_and_the_others_talk_to_it(tmp_path: Path) -> None:
    with store_into(tmp_path / "in") as (process, port):
        echo = run("echo_client.py", "127.0.0.1", port)
        assert (echo.returncode, echo.stdout) == (0, "status 0x0000\n"), echo.stderr
        asked = run("selectors_loop.py", "127.0.0.1", port)
        assert asked.returncode == 0, asked.stderr
        assert asked.stdout.splitlines() == ["implicit VR little endian", "explicit VR little endian", "JPEG 2000"]
        ae = AE()
        ae.requested_contexts = storage(EXPLICIT)
        association = ae.associate("127.0.0.1", int(port))
        assert association.send_c_store(instance(EXPLICIT)).Status == 0x0000
        association.release()
        out, _ = process.communicate("", timeout=SOON)
    assert (process.returncode, out) == (0, "stored 1.2.3.4\n")
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["1.2.3.4.dcm"]
    assert dcmread(tmp_path / "in" / "1.2.3.4.dcm").PatientName == "Test^Patient"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("echo_client.py", "no answer\n"),
        ("selectors_loop.py", "no association\n"),
        ("trio_guest.py", "no answer\n"),
        ("qt_socket.py", "no answer\n"),
    ],
)
def test_a_peer_that_takes_no_association_is_told_by_the_exit_code(name: str, said: str) -> None:
    needs(name)
    with verification_scp(require_called_aet=True) as port:
        done = run(name, "127.0.0.1", port)
    assert (done.returncode, done.stdout) == (1, said), done.stderr


WITH_ARGUMENTS = sorted(
    path.name for path in EXAMPLES.glob("*.py") if re.search(rf"examples/{path.name} [A-Z]", path.read_text("utf-8"))
)


@pytest.mark.parametrize("name", WITH_ARGUMENTS)
def test_who_gives_no_arguments_is_told_which_there_are(name: str) -> None:
    needs(name)
    done = run(name)
    assert done.returncode == 1
    assert re.search(rf"^[^\n]*``python examples/{name} [A-Z]", done.stderr), done.stderr


# -- hosts -----------------------------------------------------------------------------------------------------------
def needs(name: str) -> None:
    """Skip where what the example stands on is not there, or does not load."""
    module = {"qt": "PySide6.QtNetwork", "twisted": "twisted", "gevent": "gevent", "uvloop": "uvloop"}
    wanted = module.get(name.partition("_")[0])
    if wanted is not None:
        pytest.importorskip(wanted, exc_type=ImportError)


@pytest.mark.parametrize("name", ["qt_socket.py", "trio_guest.py"])
def test_a_guest_or_a_widget_verifies_a_peer(name: str) -> None:
    needs(name)
    with verification_scp() as port:
        done = run(name, "127.0.0.1", port)
    assert (done.returncode, done.stdout) == (0, "status 0x0000\n"), done.stderr


def test_no_connection_is_told_in_qt() -> None:
    needs("qt_socket.py")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    done = run("qt_socket.py", "127.0.0.1", port)
    assert (done.returncode, done.stdout) == (1, "no answer\n"), done.stderr


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("twisted_protocol.py", []),
        ("socketserver_scp.py", ["released", "released"]),
        ("gevent_scp.py", ["echo", "echo"]),
        ("uvloop_scp.py", []),
    ],
)
def test_a_host_serves(name: str, printed: list[str]) -> None:
    needs(name)
    with running(name, "0") as (process, (_, port, *loop)):
        echoed(port, 2)
        assert ended(process) == printed
    assert loop == (["uvloop"] if name.startswith("uvloop") else [])


def test_the_loop_of_twisted_survives_a_reset() -> None:
    needs("twisted_protocol.py")
    with running("twisted_protocol.py", "0") as (process, (_, port)):
        with socket.create_connection(("127.0.0.1", int(port))) as sock:
            sock.sendall(b"\x01\x00\x00\x00")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        echoed(port)
        assert ended(process) == []


def test_servers_in_a_nursery_let_in_whom_they_are_for() -> None:
    with running("trio_servers.py", "0", "0") as (process, (_, public, archive)):
        echoed(public)
        outcomes = []
        for title in ("SCANNER", "STRANGER"):
            ae = AE(title)
            ae.requested_contexts = storage(EXPLICIT)
            association = ae.associate("127.0.0.1", int(archive))
            outcomes.append(association.is_established)
            if association.is_established:
                assert association.send_c_store(instance(EXPLICIT)).Status == 0x0000
                association.release()
        assert ended(process) == ["stored 1.2.3.4"]
    assert outcomes == [True, False]


# -- tools -----------------------------------------------------------------------------------------------------------
def test_the_proxy_tells_what_goes_through_it() -> None:
    with verification_scp() as peer, running("logging_proxy.py", "0", "127.0.0.1", peer) as (process, (_, port)):
        echoed(port)
        lines = ended(process)
    assert [line.split()[:2] for line in lines] == [
        [">", "A-ASSOCIATE-RQ"], ["<", "A-ASSOCIATE-AC"], [">", "P-DATA-TF"], ["<", "P-DATA-TF"],
        [">", "A-RELEASE-RQ"], ["<", "A-RELEASE-RP"],
    ]  # fmt: skip


def test_the_load_is_counted_and_what_is_refused_too() -> None:
    with verification_scp() as port:
        done = run("load_generator.py", "127.0.0.1", port, "3", "5")
    answered, rate = done.stdout.splitlines()
    assert (done.returncode, answered) == (0, "15 of 15 answered, 0 of 3 associations without any"), done.stderr
    assert re.fullmatch(r"\d+ a second; half within \d+\.\d\d ms, 99 of 100 within \d+\.\d\d ms", rate)
    with verification_scp(require_called_aet=True) as port:
        done = run("load_generator.py", "127.0.0.1", port, "2")
    assert (done.returncode, done.stdout) == (1, "0 of 200 answered, 2 of 2 associations without any\n"), done.stderr


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent to one process")
def test_the_page_is_told_of_studies_as_they_arrive() -> None:
    pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        web_port = taken.getsockname()[1]
    with running("starlette_arrivals.py", "0", str(web_port)) as (process, (_, port)):
        web = http.client.HTTPConnection("127.0.0.1", until_it_listens(web_port), timeout=SOON)
        web.request("GET", "/")
        assert b"Nothing has arrived yet." in web.getresponse().read()
        web.request("GET", "/events")
        events = web.getresponse()
        ae = AE()
        ae.requested_contexts = storage(EXPLICIT)
        with ae.associate("127.0.0.1", int(port)) as association:
            sent = instance(EXPLICIT)
            sent.StudyInstanceUID, sent.Modality = "1.2.3", "CT"
            assert association.send_c_store(sent).Status == 0x0000
        assert events.getheader("content-type", "").startswith("text/event-stream")
        line = events.readline().decode()
        assert json.loads(line.removeprefix("data: ")) == {"uid": "1.2.3", "modality": "CT", "count": 1}
        web.close()
        events.close()
        process.send_signal(signal.SIGINT)
        process.communicate("", timeout=SOON)


def until_it_listens(port: int) -> int:
    """The same port, once somebody accepts there."""
    deadline = time.monotonic() + SOON
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return port
        assert time.monotonic() < deadline, "it does not listen"
        time.sleep(0.02)
