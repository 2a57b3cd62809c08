"""What is written in part: the rest follows, in order and once."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dicomwire import sinks
from dicomwire.sockets.vectors import remove, send_some
from tests.support.patience import SOON


def pieces() -> list[Any]:
    """Buffers of many lengths, none like another; more than one system call takes."""
    return [bytes((number % 251,)) * (number % 97) for number in range(2500)] + [os.urandom(300_000), b"end"]


@pytest.mark.parametrize(
    ("sent", "left"),
    [(0, [b"abc", b"", b"de"]), (1, [b"bc", b"", b"de"]), (3, [b"de"]), (4, [b"e"]), (5, [])],
)
def test_what_was_sent_is_taken_from_the_front(sent: int, left: list[bytes]) -> None:
    buffers: list[Any] = [b"abc", b"", b"de"]
    remove(buffers, sent)
    assert [bytes(buffer) for buffer in buffers] == left


@pytest.fixture
def small_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    other.settimeout(SOON)
    yield one, other
    one.close()
    other.close()


class Other(socket.socket):
    """One that is more than a plain socket, as of TLS: it takes no vectors."""


@pytest.mark.parametrize("plain", [True, False], ids=["sendmsg", "send"])
def test_a_socket_that_takes_a_part_gets_the_rest(small_pair: tuple[socket.socket, socket.socket], plain: bool) -> None:
    one, other = small_pair
    sock = socket.socket(fileno=os.dup(one.fileno())) if plain else Other(fileno=os.dup(one.fileno()))
    buffers = pieces()
    expected = b"".join(buffers)
    partial = 0
    received = bytearray()
    with sock:
        sock.setblocking(False)
        while buffers:
            try:
                before = len(buffers)
                send_some(sock, buffers)
                partial += len(buffers) > 0 and isinstance(buffers[0], memoryview)
                assert len(buffers) <= before
            except BlockingIOError:
                received += other.recv(1 << 16)
    one.close()
    while data := other.recv(1 << 16):
        received += data
    assert partial, "nothing was ever sent in part"
    assert received == expected


@pytest.mark.parametrize("most", [1, 100, 10_000])
def test_a_file_that_takes_a_part_gets_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    write = os.write

    def writev(descriptor: int, buffers: Any) -> int:
        return write(descriptor, b"".join(buffers)[:most])

    monkeypatch.setattr(os, "writev", writev, raising=False)
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    parts = [bytes((number % 251,)) * (number % 13) for number in range(1500)]
    path = tmp_path / "file.dcm"
    path.write_bytes(b"old" * 100_000)
    sink = sinks.FileSink(path, b"header")
    sink.write([memoryview(part) for part in parts])
    sink.write([memoryview(b"end")])
    sink.close()
    assert path.read_bytes() == b"header" + b"".join(parts) + b"end"


def test_a_system_that_takes_no_vectors_gets_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "writev", raising=False)
    parts = [bytes((number % 251,)) * (number % 13) for number in range(1500)]
    sink = sinks.FileSink(tmp_path / "file.dcm", b"header")
    sink.write([memoryview(part) for part in parts])
    sink.close()
    assert (tmp_path / "file.dcm").read_bytes() == b"header" + b"".join(parts)


def test_a_socket_that_blocks_gets_everything(small_pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = small_pair
    buffers = pieces()
    expected = b"".join(buffers)

    def send() -> None:
        while buffers:
            send_some(one, buffers)
        one.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    received = bytearray()
    while data := other.recv(1 << 16):
        received += data
    thread.join()
    assert received == expected
