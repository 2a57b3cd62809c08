"""What a hostile peer says never reaches the terminal as more than text."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dicomwire.__main__ import main
from dicomwire.upper_layer.pdus import AssociateRQ, decode_pdu
from tests.apps.helpers import HOST
from tests.support.patience import SOON
from tests.support.scripted import reply
from tests.support.sessions import IMPLICIT, acceptance, element, result

EVIL = b"\x1b[2J\r\nI: all is well\x07\x9b"
LONG = EVIL * (8_000 // len(EVIL))
LONGEST_LINE = 1100


def _read(sock: socket.socket) -> bytes:
    head = sock.recv(6, socket.MSG_WAITALL)
    return head + sock.recv(int.from_bytes(head[2:], "big"), socket.MSG_WAITALL)


@contextmanager
def answering(*messages: bytes) -> Iterator[str]:
    """A peer that accepts one association, and says ``messages`` to the first PDU; its port."""
    listener = socket.create_server((HOST, 0))
    listener.settimeout(SOON)

    def run() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(SOON)
            asked = decode_pdu(_read(sock))
            assert isinstance(asked, AssociateRQ)
            accepted = acceptance(result(context.context_id, 0, IMPLICIT) for context in asked.presentation_context)
            sock.sendall(accepted.encode())
            _read(sock)
            sock.sendall(b"".join(messages))
            while sock.recv(4096):
                pass

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
