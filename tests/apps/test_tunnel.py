"""A program in between: ``dicomwire tunnel``, and ``--proxy-command`` of whoever goes through it."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

import dicomwire.asyncio
import dicomwire.trio
from dicomwire import AE, build_context, evt
from dicomwire.__main__ import main
from dicomwire.tunnelling import Tunnel, command_for
from tests.apps.helpers import CT, EXPLICIT, HOST, dicom_file
from tests.support.certificates import self_signed
from tests.support.patience import SOON
from tests.support.processes import environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="where a program can have a socket for input and output")

VERIFICATION = "1.2.840.10008.1.1"
CONTEXTS = [build_context(VERIFICATION), build_context(CT, EXPLICIT)]
TUNNEL = f"{shlex.quote(sys.executable)} -m dicomwire tunnel %h %p"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server with the data sets that it has received."""
    monkeypatch.setenv("PYTHONPATH", environment().get("PYTHONPATH", ""))
    ae, received = AE(), []

    def stored(event: evt.Event) -> int:
        received.append(bytes(event.encoded_dataset(include_meta=False)))
        return 0x0000

    made: Any = ae.start_server((HOST, 0), block=False, contexts=CONTEXTS, evt_handlers=[(evt.EVT_C_STORE, stored)])
    made.received = received
    yield made
    ae.shutdown()


def port_of(server: Any) -> str:
    return str(server.server_address[1])


def free_port() -> str:
    with socket.create_server((HOST, 0)) as taken:
        return str(taken.getsockname()[1])


# -- applications ---------------------------------------------------------------------------------------------------
def test_an_application_goes_through_a_program(server: Any, tmp_path: Path) -> None:
    sent = dicom_file(tmp_path / "sent.dcm", size=3_000_000)
    assert main(["echoscu", HOST, port_of(server), "-q", "--proxy-command", TUNNEL]) == 0
    assert main(["storescu", HOST, port_of(server), str(sent), "-q", "--proxy-command", TUNNEL]) == 0
    (received,) = server.received
    assert len(received) >= 3_000_000 and sent.read_bytes().endswith(received[-3_000_000:])


def test_tls_goes_through_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = str(self_signed(tmp_path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    ae = AE()
    secure = ae.start_server((HOST, 0), block=False, contexts=CONTEXTS, ssl_context=context)
    through = f"{shlex.quote(sys.executable)} -m dicomwire tunnel {HOST} %p"
    monkeypatch.setenv("PYTHONPATH", environment().get("PYTHONPATH", ""))
    try:
        args = ["echoscu", "localhost", port_of(secure), "-q", "--tls-ca", certificate, "--proxy-command", through]
        assert main(args) == 0
    finally:
        ae.shutdown()


def test_a_program_that_reaches_nobody_is_no_association(server: Any, capfd: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert main(["echoscu", HOST, port, "--proxy-command", TUNNEL]) == 1
    error = capfd.readouterr().err
    assert (
        f"E: No connection with {HOST} port {port}" in error and f"E: No association with {HOST} port {port}" in error
    )


def test_a_program_that_is_not_there_is_no_association(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echoscu", HOST, "104", "--proxy-command", "no-such-program %h"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"E: No association with {HOST} port 104: ") and "no-such-program" in error


@pytest.mark.parametrize(("command", "said"), [("'", "quotation"), ("", "no command"), ("ssh -W %x", "%h is the host")])
def test_a_command_that_cannot_be_is_no_usage(command: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echoscu", HOST, "104", "--proxy-command", command]) == 2
    error = capsys.readouterr().err
    assert said in error and "--proxy-command" in error


# -- the command ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("ssh -W %h:%p gateway", ["ssh", "-W", "10.0.0.1:104", "gateway"]),
        ("nc '%h' \"%p\"", ["nc", "10.0.0.1", "104"]),
        ("a 100%% %%h %p%p", ["a", "100%", "%h", "104104"]),
        ("a '%h $(b); c'", ["a", "10.0.0.1 $(b); c"]),
    ],
)
def test_a_command_is_filled_in_and_no_shell_sees_it(template: str, expected: list[str]) -> None:
    assert command_for(template, "10.0.0.1", 104) == expected


def test_what_a_host_is_called_is_one_argument() -> None:
    assert command_for("nc %h %p", "; rm -r 'x", 104) == ["nc", "; rm -r 'x", "104"]


@pytest.mark.parametrize("template", ["", "a %", "a %q", "'"])
def test_a_template_that_says_nothing_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"command|stands for nothing|quotation"):
        command_for(template, HOST, 104)


# -- other programs -------------------------------------------------------------------------------------------------
def test_every_adapter_has_its_socket(server: Any) -> None:
    command = command_for(TUNNEL, *server.server_address)
    statuses = []
    with Tunnel(command) as tunnel:
        association = AE().associate(None, None, CONTEXTS, sock=tunnel.sock)
        statuses.append(association.send_c_echo().Status)
        association.release()

    async def echo(ae: Any) -> None:
        with Tunnel(command) as tunnel:
            async with ae.associate(None, None, CONTEXTS, sock=tunnel.sock) as association:
                statuses.append((await association.send_c_echo()).Status)

    asyncio.run(echo(dicomwire.asyncio.AE()))
    trio.run(echo, dicomwire.trio.AE())
    assert statuses == [0, 0, 0] and tunnel.process.returncode == 0


def test_a_program_that_does_not_end_is_ended() -> None:
    stubborn = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    tunnel = Tunnel([sys.executable, "-c", stubborn])
    assert tunnel.sock.recv(1) == b"\n"
    tunnel.close(0.05)
    assert tunnel.process.returncode == -9


def test_a_command_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no command"):
        Tunnel([])


# -- the tunnel alone ------------------------------------------------------------------------------------------------
def test_what_either_side_says_last_arrives() -> None:
    with socket.create_server((HOST, 0)) as listener:
        args = [sys.executable, "-m", "dicomwire", "tunnel", HOST, str(listener.getsockname()[1])]
        pipe = subprocess.PIPE
        with subprocess.Popen(args, stdin=pipe, stdout=pipe, env=environment()) as process:
            assert process.stdin is not None and process.stdout is not None
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(SOON)
                process.stdin.write(b"hello")
                process.stdin.close()
                assert peer.recv(5, socket.MSG_WAITALL) == b"hello" and peer.recv(1) == b""
                peer.sendall(b"x" * 1_000_000)
            assert process.stdout.read() == b"x" * 1_000_000
            assert process.wait(SOON) == 0


def test_the_end_of_the_peer_is_the_end() -> None:
    with socket.create_server((HOST, 0)) as listener:
        args = [sys.executable, "-m", "dicomwire", "tunnel", HOST, str(listener.getsockname()[1])]
        pipe = subprocess.PIPE
        with subprocess.Popen(args, stdin=pipe, stdout=pipe, env=environment()) as process:
            listener.accept()[0].close()
            assert process.wait(SOON) == 0
