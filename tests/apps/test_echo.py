"""echoscu and echoscp."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.blocking import AE
from dicomwire.presentation import build_context
from tests.apps.helpers import BIG_ENDIAN, DEFLATED, EXPLICIT, HOST, IMPLICIT, VERIFICATION, peer, provider


def echoscu(port: str, *args: str) -> int:
    return main(["echoscu", HOST, port, *args])


def closed_port() -> str:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return str(sock.getsockname()[1])


def test_an_echo_is_silent_and_gives_0(capsys: pytest.CaptureFixture[str]) -> None:
    with peer() as server:
        assert echoscu(server.port) == 0
        assert server.closed.wait(20)
    assert server.outcomes == ["EVT_RELEASED"]
    assert capsys.readouterr() == ("", "")


def test_verbose_tells_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    with peer() as server:
        assert echoscu(server.port, "-v") == 0
    lines = capsys.readouterr().err.splitlines()
    assert "I: Requesting Association" in lines and "I: Received Echo Response, status 0x0000 (Success)" in lines


def test_titles_and_pdu_size_reach_the_peer() -> None:
    with peer() as server:
        assert echoscu(server.port) == 0
        assert echoscu(server.port, "-aet", "ME", "-aec", "YOU", "-pdu", "0") == 0
        assert echoscu(server.port, "--calling-aet", "ME", "--called-aet", "YOU", "--max-pdu", "4096") == 0
    assert [item.ae_title for item in server.requestors] == ["ECHOSCU", "ME", "ME"]
    assert [item.primitive.called_ae_title for item in server.requestors] == ["ANY-SCP", "YOU", "YOU"]
    assert [item.maximum_length for item in server.requestors] == [16382, 0, 4096]


@pytest.mark.parametrize(
    ("options", "syntaxes"),
    [
        ([], [EXPLICIT, IMPLICIT, DEFLATED, BIG_ENDIAN]),
        (["-xe"], [EXPLICIT]),
        (["--request-little"], [EXPLICIT]),
        (["-xb"], [BIG_ENDIAN]),
        (["--request-big"], [BIG_ENDIAN]),
        (["-xi"], [IMPLICIT]),
        (["--request-implicit"], [IMPLICIT]),
    ],
)
def test_the_transfer_syntaxes_asked_for_are_proposed(options: list[str], syntaxes: list[str]) -> None:
    with peer() as server:
        assert echoscu(server.port, *options) == 0
    assert server.proposed == [(VERIFICATION, syntaxes)]


def test_repeat_sends_echoes_on_one_association() -> None:
    ids = []

    def echo(event: evt.Event) -> int:
        ids.append(event.message_id)
        return 0

    with peer(handlers=[(evt.EVT_C_ECHO, echo)]) as server:
        assert echoscu(server.port, "--repeat", "3") == 0
    assert ids == [1, 2, 3] and len(server.requestors) == 1


def test_abort_ends_the_association_by_an_abort() -> None:
    with peer() as server:
        assert echoscu(server.port, "--abort") == 0
        assert server.closed.wait(20)
    assert server.outcomes == ["EVT_ABORTED"]


def test_the_timeouts_reach_the_association(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    associate = AE.associate

    def spy(self: AE, *args: Any, **kwargs: Any) -> Any:
        seen.append((self.acse_timeout, self.dimse_timeout, self.network_timeout, self.connection_timeout))
        return associate(self, *args, **kwargs)

    monkeypatch.setattr(AE, "associate", spy)
    with peer() as server:
        assert echoscu(server.port) == 0
        assert echoscu(server.port, "-ta", "5", "-td", "6.5", "-tn", "7") == 0
    assert seen == [(30, 30, 30, 30), (5, 6.5, 7, 5)]


def test_a_failure_status_gives_1_or_with_no_fail_0(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(handlers=[(evt.EVT_C_ECHO, lambda event: 0x0122)]) as server:
        assert echoscu(server.port) == 1
        assert echoscu(server.port, "--fail") == 1
        assert echoscu(server.port, "--no-fail") == 0
    assert "Echo 1 of 1 failed: status 0x0122 (Failure)" in capsys.readouterr().err


def test_success_is_success_with_fail_too() -> None:
    with peer() as server:
        assert echoscu(server.port, "--fail") == 0


def test_a_closed_port_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    port = closed_port()
    assert echoscu(port) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"E: No association with {HOST} port {port}: no connection") and err.count("\n") == 1


def test_an_unknown_host_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echoscu", "nosuchhost.invalid", "104"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("E: No association with nosuchhost.invalid port 104: ") and err.count("\n") == 1


def test_a_rejection_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(require_called_aet=True) as server:
        assert echoscu(server.port) == 1
    err = capsys.readouterr().err
    assert "called AE title" in err and err.count("\n") == 1


def test_a_peer_without_verification_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(contexts=[build_context("1.2.840.10008.5.1.4.1.1.2")]) as server:
        assert echoscu(server.port) == 1
    err = capsys.readouterr().err
    assert "no presentation context was accepted" in err and err.count("\n") == 1
    assert "rejected 1 of 1: abstract syntax not supported: Verification SOP Class" in err


def test_verbose_tells_what_became_of_the_contexts(capsys: pytest.CaptureFixture[str]) -> None:
    with peer() as server:
        assert echoscu(server.port, "-v") == 0
        assert "I: all 1 presentation contexts accepted" in capsys.readouterr().err.splitlines()
        assert main(["getscu", HOST, server.port, "-k", "PatientID=1"]) == 1
        assert "accepted 2 and rejected" not in capsys.readouterr().err
        assert main(["getscu", HOST, server.port, "-k", "PatientID=1", "-v"]) == 1
        assert "I: the peer accepted 2 and rejected" in capsys.readouterr().err


def test_a_peer_that_says_nothing_gives_one_line_and_1_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((HOST, 0)) as silent:
        assert echoscu(str(silent.getsockname()[1]), "-ta", "0.2") == 1
    err = capsys.readouterr().err
    assert "timed out" in err and err.count("\n") == 1


def test_a_peer_that_does_not_answer_an_echo_loses_the_association(capsys: pytest.CaptureFixture[str]) -> None:
    done = threading.Event()

    def wait(event: evt.Event) -> int:
        done.wait(20)
        return 0

    with peer(handlers=[(evt.EVT_C_ECHO, wait)]) as server:
        assert echoscu(server.port, "-td", "0.2", "-ta", "0.2") == 1
        done.set()
    assert "The association was lost: timed out waiting for a response" in capsys.readouterr().err


def test_quiet_says_nothing_even_then(capsys: pytest.CaptureFixture[str]) -> None:
    assert echoscu(closed_port(), "-q") == 1
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_user_aborts_and_gives_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(self: Any, msg_id: int = 1) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("dicomwire.blocking.Association.send_c_echo", interrupt)
    with peer() as server:
        assert echoscu(server.port) == 130
        assert server.closed.wait(20)
    assert server.outcomes == ["EVT_ABORTED"]
    assert "Interrupted" in capsys.readouterr().err


def test_echoscp_answers_until_it_is_interrupted() -> None:
    with provider("echoscp", "0", "-v", "-ba", HOST, "-aet", "ME", "-pdu", "4096") as server:
        assert echoscu(server.port, "--repeat", "2", "--fail") == 0
        association = AE().associate(HOST, int(server.port), [build_context(VERIFICATION)])
        assert association.acceptor.maximum_length == 4096
        association.release()
        assert server.stop() == 0
    interrupted = "I: Interrupted: shutting down, operations may finish in 10 s; once more aborts them"
    assert interrupted in server.lines
    assert not any("Traceback" in line for line in server.lines)


def test_echoscp_does_not_store() -> None:
    with provider("echoscp", "0", "-v") as server:
        association = AE().associate(HOST, int(server.port), [build_context("1.2.840.10008.5.1.4.1.1.2")])
        assert association.is_aborted
        assert server.stop() == 0


def test_echoscp_ends_on_sigterm_as_well() -> None:
    with provider("echoscp", "0", "-v") as server:
        server.process.terminate()
        assert server.end() == 0


@pytest.mark.parametrize("name", ["echoscp", "storescp"])
def test_a_port_in_use_gives_one_line_and_1(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert main([name, str(port), "-ba", HOST]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"E: Cannot listen on {HOST} port {port}: ") and err.count("\n") == 1


def test_an_address_that_is_not_ours_gives_one_line_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echoscp", "0", "-ba", "192.0.2.1"]) == 1
    assert capsys.readouterr().err.startswith("E: Cannot listen on 192.0.2.1 port 0: ")
