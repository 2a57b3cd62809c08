"""``dicomwire explain``: what a peer supports, and what happened in a recording."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dicomwire.__main__ import main
from dicomwire.presentation import build_context, build_role
from dicomwire.traces import read_trace
from tests.apps.helpers import CT, EXPLICIT, HOST, IMPLICIT, MR, VERIFICATION, peer

CAPTURES = Path(__file__).parents[1] / "data" / "captures"


def asked(server_port: str, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What is printed about a peer; everything went well."""
    capsys.readouterr()
    assert main(["explain", HOST, server_port, *options]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_peer_is_told_in_lines_that_fit(capsys: pytest.CaptureFixture[str]) -> None:
    with peer() as server:
        said = asked(server.port, capsys)
    text = in_one_line(said)
    assert "asked in 5 connections" in text and max(map(len, said.splitlines())) <= 80
    assert "C-ECHO: status 0x0000 (Success)" in text
    assert "Supports 3 SOP classes" in text and "Print Management: no: abstract syntax not supported" in text
    assert "Storage: 2 of" in text and "CT Image Storage; MR Image Storage" in text
    assert "takes Explicit VR Little Endian; Implicit VR Little Endian; JPEG Baseline (Process 1)" in text
    assert "Nothing was seen that is not as the standard has it." in text


def test_a_peer_as_values(capsys: pytest.CaptureFixture[str]) -> None:
    roles = [build_role(CT, scu_role=True, scp_role=True)]
    contexts = [build_context(VERIFICATION), build_context(CT, [EXPLICIT]), build_context(MR, [IMPLICIT])]
    contexts[1].scu_role, contexts[1].scp_role = roles[0].scu_role, roles[0].scp_role
    with peer(contexts=contexts, maximum_pdu_size=20000) as server:
        found = json.loads(asked(server.port, capsys, "--json"))
    assert found["maximum_length"] == 20000 and found["software"].startswith("DICOMWIRE")
    assert found["accepted"][CT] == [EXPLICIT] and found["accepted"][MR] == [IMPLICIT]
    assert found["transfer_syntaxes_alone"][CT][IMPLICIT] is False
    assert found["roles"][CT] == "SCU and SCP" and found["roles"][MR].startswith("not answered")
    assert found["refused"]["1.2.840.10008.5.1.1.9"] == 3 and found["not_asked"] == ""


def test_no_more_connections_are_made_than_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    with peer() as server:
        text = in_one_line(asked(server.port, capsys, "--connections", "2"))
        assert len(server.requestors) == 2
    assert "asked in 2 connections" in text and "Not asked: SOP classes, part 3; transfer syntaxes; roles" in text


def test_a_peer_without_verification_is_asked_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(contexts=[build_context(CT, [EXPLICIT])]) as server:
        assert main(["explain", HOST, server.port]) == 0
    text = in_one_line(capsys.readouterr().out)
    assert "Supports 1 SOP class," in text and "Verification: no: abstract syntax not supported" in text
    assert "C-ECHO: not asked: verification was not accepted" in text


def test_what_was_asked_can_be_recorded_and_explained_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.dwtrace"
    with peer() as server:
        asked(server.port, capsys, "--trace", str(path))
    assert len(read_trace(path)) == 5
    assert main(["explain", str(path)]) == 0
    assert capsys.readouterr().out.count("How it ended: released by the requestor.") == 5


def test_a_peer_that_rejects_is_explained_too(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(require_called_aet=True) as server:
        assert main(["explain", HOST, server.port]) == 1
    said = capsys.readouterr()
    assert "An association was rejected by the acceptor: Called AE title not recognised." in in_one_line(said.out)
    assert "'ANY-SCP' is not its title" in said.err
    assert main(["explain", HOST, server.port]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.json")), ids=lambda path: path.stem)
def test_every_recording_is_told_in_lines_that_fit(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(path)]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80 and "How it ended: " in said
    assert main(["explain", str(path), "--json"]) == 0
    (association,) = json.loads(capsys.readouterr().out)["associations"]
    assert in_one_line(association["end"]) in in_one_line(said)


def test_a_recording_tells_contexts_waits_and_deviations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(CAPTURES / "get-with-one-failure.json")]) == 0
    text = in_one_line(capsys.readouterr().out)
    assert "Presentation contexts accepted with Explicit VR Little Endian: Study Root" in text
    assert "Longest wait: 44.0 ms for the requestor, as long as a delayed acknowledgement." in text
    assert main(["explain", str(CAPTURES / "accept-without-usable-context.json")]) == 0
    text = in_one_line(capsys.readouterr().out)
    assert "tolerated: requestor: closes the connection without a release or an abort (PS3.8 7.2, 7.3)" in text
