"""Sockets that servers listen on: who else may have their port."""

from __future__ import annotations

import socket

import pytest

from dicomwire.sockets.listening import listening

REUSED, EXCLUSIVE = socket.SO_REUSEADDR, socket.SO_KEEPALIVE
"""The second stands for Windows' option in the test: one that any socket has and that nobody sets."""


def options(sock: socket.socket) -> tuple[bool, bool]:
    return tuple(bool(sock.getsockopt(socket.SOL_SOCKET, option)) for option in (REUSED, EXCLUSIVE))  # type: ignore[return-value]


def test_a_port_is_had_alone_where_reusing_it_would_mean_sharing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", EXCLUSIVE, raising=False)
    with listening(("127.0.0.1", 0)).sock as sock:
        assert options(sock) == (False, True)


@pytest.mark.skipif(hasattr(socket, "SO_EXCLUSIVEADDRUSE"), reason="Windows")
def test_elsewhere_a_port_can_be_had_again_at_once() -> None:
    with listening(("127.0.0.1", 0)).sock as sock:
        assert options(sock) == (True, False)


def test_two_servers_cannot_have_one_port() -> None:
    with listening(("127.0.0.1", 0)).sock as sock, pytest.raises(OSError, match=r"(?i)in use|socket"):
        listening(sock.getsockname())
