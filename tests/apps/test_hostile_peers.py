"""What a hostile peer says never reaches the terminal as more than text."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from attrs import evolve

from dicomwire.__main__ import main
from dicomwire.upper_layer.items import RoleSelectionItem
from dicomwire.upper_layer.pdus import AssociateRQ, decode_pdu
from tests.apps.helpers import CT, HOST, dicom_file
from tests.support.patience import SOON
from tests.support.scripted import reply
from tests.support.sessions import (
    IMPLICIT,
    acceptance,
    command_set,
    element,
    p_data,
    pdv,
    result,
    us,
    whole_command,
    whole_data,
)
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ

EVIL = b"\x1b[2J\r\nI: all is well\x07\x9b"
LONG = EVIL * (8_000 // len(EVIL))
LONGEST_LINE = 1100
CLOSE = b""


def _read(sock: socket.socket) -> bytes:
    head = sock.recv(6, socket.MSG_WAITALL)
    return head + sock.recv(int.from_bytes(head[2:], "big"), socket.MSG_WAITALL)


@contextmanager
def answering(*messages: bytes) -> Iterator[str]:
    """A peer that accepts one association, and says ``messages`` to the first PDU, up to an empty one; its port."""
    listener = socket.create_server((HOST, 0))
    listener.settimeout(SOON)

    def run() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(SOON)
            asked = decode_pdu(_read(sock))
            assert isinstance(asked, AssociateRQ)
            accepted = acceptance(result(context.context_id, 0, IMPLICIT) for context in asked.presentation_context)
            roles = (item for item in asked.user_information if isinstance(item, RoleSelectionItem))
            accepted = evolve(accepted, user_information=(*accepted.user_information, *roles))
            sock.sendall(accepted.encode())
            _read(sock)
            with suppress(ConnectionError):
                for message in messages:
                    if message == CLOSE:
                        return
                    sock.sendall(message)
                while heard := sock.recv(4096):
                    if heard.endswith(RELEASE_RQ):
                        sock.sendall(RELEASE_RP)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield str(listener.getsockname()[1])
    finally:
        thread.join(SOON)
        listener.close()


def even(text: bytes) -> bytes:
    return text + b" " * (len(text) % 2)


def unclean(captured: tuple[str, str]) -> list[str]:
    lines = [line for text in captured for line in text.split("\n")]
    assert len(lines) > 2
    return [line[:200] for line in lines if not line.isprintable() or len(line) > LONGEST_LINE]


@pytest.mark.parametrize("text", [EVIL, LONG], ids=["short", "long"])
@pytest.mark.parametrize("options", [["-v"], ["-d"]])
def test_a_comment_on_a_status_is_text(text: bytes, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    comment = element(0x0902, even(text))
    with answering(reply(1, 0x0030, 0x0110, comment)) as port:
        assert main(["echoscu", HOST, port, "-ta", "5", *options]) == 1
    assert unclean(capsys.readouterr()) == []


@pytest.mark.parametrize("text", [EVIL, LONG], ids=["short", "long"])
@pytest.mark.parametrize("options", [["-v"], ["-d"]])
def test_a_match_is_text(text: bytes, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    identifier = element(0x0010, even(text), group=0x0010) + element(0x0020, even(text), group=0x0010)
    final = reply(1, 0x0020, 0xC000, element(0x0902, even(text)))
    with answering(reply(1, 0x0020, 0xFF00, data=identifier), final) as port:
        assert main(["findscu", HOST, port, "-k", "PatientName=", "-ta", "5", *options]) == 1
    captured = capsys.readouterr()
    assert "all is well" in captured.out
    assert unclean(captured) == []


# -- nonsense ------------------------------------------------------------------------------------------------------
REQUESTS = {"echoscu": 0x0030, "findscu": 0x0020, "getscu": 0x0010, "movescu": 0x0021, "storescu": 0x0001}
"""What each application asks first."""

MATCH = element(0x0010, b"Doe^Jane", group=0x0010)
LARGE = element(0x0010, bytes(3_000_000), group=0x7FE0)


def nonsense(asked: int) -> dict[str, list[bytes]]:
    """What a peer may say to such a request instead of an answer."""
    pending = reply(1, asked, 0xFF00, data=MATCH)
    return {
        "another message ID": [reply(1, asked, 0x0000, message_id=77)],
        "the answer to another request": [reply(1, 0x0021 if asked != 0x0021 else 0x0020, 0x0000)],
        "nothing": [],
        "the end": [CLOSE],
        "an abort": [ABORT],
        "an abort in the middle": [pending[:30] + ABORT],
        "a release": [RELEASE_RQ],
        "another association": [acceptance([]).encode()],
        "no DICOM": [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
        "a status that nobody knows": [reply(1, asked, 0xABCD)],
        "an answer without status": [whole_command(1, command_set(us(0x0100, asked | 0x8000), us(0x0120, 1)))],
        "a command that never ends": [p_data(pdv(1, 1, bytes(1000)))] * 100,
        "too large an identifier": [reply(1, asked, 0xFF00, data=LARGE)],
        "pending for long, and the end": [pending * 2000, CLOSE],
    }


@pytest.fixture(params=REQUESTS)
def application(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[int, list[str]]:
    """What it asks first, and its command line without the peer."""
    name: str = request.param
    options = {
        "echoscu": [],
        "findscu": ["-k", "PatientName="],
        "getscu": ["-k", "PatientName=", "-od", str(tmp_path)],
        "movescu": ["-k", "PatientName="],
        "storescu": [str(dicom_file(tmp_path / "one.dcm"))],
    }[name]
    return REQUESTS[name], [name, *options]


@pytest.mark.parametrize("what", nonsense(0x0030))
def test_nonsense_is_a_failure_in_a_line_or_two(
    application: tuple[int, list[str]], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, (name, *options) = application
    with answering(*nonsense(asked)[what]) as port:
        assert main([name, HOST, port, *options, "-td", "0.3", "-ta", "5"]) == 1
    err = capsys.readouterr().err
    told = [line for line in err.splitlines() if line.startswith("E:")]
    assert 1 <= len(told) <= 3 and "Traceback" not in err
    assert all(line.isprintable() and len(line) < LONGEST_LINE for line in err.splitlines())


@pytest.mark.parametrize("uid", ["../../evil", "/etc/evil", "..", "con", "a\0b", "x" * 64])
def test_what_is_sent_under_a_path_is_stored_in_the_folder(
    uid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "below" / "out"
    stored = whole_command(
        7,
        command_set(
            element(0x0002, even(CT.encode())), us(0x0100, 1), us(0x0110, 5), us(0x0700, 0), us(0x0800, 1),
            element(0x1000, even(uid.encode())),
        ),
    )  # fmt: skip
    data = whole_data(7, element(0x0016, even(CT.encode()), group=8) + element(0x0018, even(uid.encode()), group=8))
    with answering(stored + data, reply(1, 0x0010, 0x0000, us(0x1021, 1), us(0x1022, 0), us(0x1023, 0))) as port:
        args = ["getscu", HOST, port, "-k", "PatientName=", "-od", str(out), "-sc", CT]
        assert main(args) == 0
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent for path in found] == [out]
    assert "Traceback" not in capsys.readouterr().err
