"""How the channel of a blocking socket closes, whoever is using it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dicomwire.associations.coroutines import run
from dicomwire.blocking.socket_channel import SocketChannel
from dicomwire.dimse.session import Session
from dicomwire.upper_layer import Connection, Role, Timeouts
from tests.support.patience import SOON


class Ends:
    """A channel, and the socket at its other end."""

    def __init__(self) -> None:
        one, self.other = socket.socketpair()
        self.other.settimeout(SOON)
        self.lock = threading.Lock()
        none = Timeouts(artim=None, associate=None, release=None, progress=None, response=None, idle=None)
        session = Session(Connection(Role.ACCEPTOR, timeouts=none))
        self.channel = SocketChannel(one, session, self.lock)

    def pump(self) -> None:
        with self.lock:
            run(self.channel.pump())

    def until(self, claim: Callable[[], object]) -> None:
        never = threading.Event()
        for _ in range(int(SOON / 0.002)):
            if claim():
                return
            never.wait(0.002)
        raise TimeoutError


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.other.close()
    with contextlib.suppress(OSError):
        ends.channel.sock.close()


def close(ends: Ends) -> None:
    run(ends.channel.aclose())


def abandon(ends: Ends) -> None:
    ends.channel.abandon()


WAYS: list[Callable[[Ends], Any]] = [close, abandon]


@pytest.mark.parametrize("end", WAYS)
def test_a_thread_that_waits_for_the_peer_is_woken_and_the_socket_closed(
    ends: Ends, end: Callable[[Ends], Any]
) -> None:
    def close() -> None:
        with ends.lock:
            end(ends)

    reading = threading.Thread(target=ends.pump, daemon=True)
    reading.start()
    ends.until(lambda: ends.channel.is_reading)
    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(SOON / 4)
    reading.join(SOON / 4)
    assert not closing.is_alive() and not reading.is_alive()
    assert ends.other.recv(1) == b""
    assert ends.channel.sock.fileno() == -1


@pytest.mark.parametrize("end", WAYS)
def test_a_socket_that_nobody_uses_is_closed_at_once_also_for_those_who_have_a_copy(
    ends: Ends, end: Callable[[Ends], Any]
) -> None:
    # As in a child of a fork.
    with ends.channel.sock.dup():
        with ends.lock:
            end(ends)
            end(ends)
        assert ends.channel.sock.fileno() == -1
        assert ends.other.recv(1) == b""
