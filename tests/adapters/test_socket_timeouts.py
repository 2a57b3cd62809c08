"""How long calls on a blocking socket may take, by the kernel and by Python."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from dicomwire.sockets.socket_timeouts import TIMED_OUT, KernelTimeouts, PythonTimeouts, SocketTimeouts, timeouts_of
from tests.support.patience import SOON

KINDS = [PythonTimeouts, *([KernelTimeouts] if sys.platform in ("linux", "darwin") else [])]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@pytest.mark.parametrize("kind", KINDS)
def test_receiving_ends_when_the_time_is_up(
    kind: Callable[[socket.socket], SocketTimeouts], pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair
    timeouts = kind(one)
    timeouts.receive(0.01)
    with pytest.raises(TIMED_OUT):
        one.recv_into(bytearray(1))
    other.send(b"x")
    assert one.recv(1) == b"x"
    timeouts.receive(None)
    other.send(b"y")
    assert one.recv(1) == b"y"


@pytest.mark.parametrize("kind", KINDS)
def test_sending_ends_when_the_time_is_up(
    kind: Callable[[socket.socket], SocketTimeouts], pair: tuple[socket.socket, socket.socket]
) -> None:
    one, _ = pair
    timeouts = kind(one)
    timeouts.send(0.01)

    def fill() -> None:
        started = time.monotonic()
        while one.send(bytes(1 << 20)):
            assert time.monotonic() - started < SOON

    with pytest.raises(TIMED_OUT):
        fill()


def test_a_timeout_that_hardly_differs_costs_no_system_call(pair: tuple[socket.socket, socket.socket]) -> None:
    asked: list[float | None] = []

    class Watched(socket.socket):
        def settimeout(self, value: float | None, /) -> None:
            asked.append(value)
            super().settimeout(value)

    with Watched(fileno=pair[0].dup().detach()) as sock:
        timeouts = PythonTimeouts(sock)
        for seconds in (30.0, 29.9999999, 30.0000001, None, None, 5.0):
            timeouts.receive(seconds)
    assert asked == [30.0, None, 5.0]


def test_sockets_that_are_more_than_sockets_keep_pythons_timeouts(pair: tuple[socket.socket, socket.socket]) -> None:
    class Special(socket.socket):
        """Such as that of TLS."""

    with Special(fileno=pair[0].dup().detach()) as sock:
        assert isinstance(timeouts_of(sock), PythonTimeouts)
    expected = KernelTimeouts if sys.platform in ("linux", "darwin") else PythonTimeouts
    assert isinstance(timeouts_of(pair[0]), expected)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no such signals")
def test_signals_that_come_again_and_again_do_not_put_off_the_time(pair: tuple[socket.socket, socket.socket]) -> None:
    one, _ = pair
    came: list[int] = []

    def handle(number: int, _: object) -> None:
        came.append(number)
        if len(came) > 100:
            raise AssertionError("it waits for ever")

    before = signal.signal(signal.SIGALRM, handle)
    try:
        # The kernel's begin anew: see tests/hosts/test_signals.py.
        timeouts = PythonTimeouts(one)
        timeouts.receive(0.1)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        with pytest.raises(TIMED_OUT):
            one.recv_into(bytearray(1))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert came


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="the kernel knows others")
def test_a_long_timeout_serves_for_a_longer_wait_and_never_for_a_shorter_one() -> None:
    asked: list[int] = []

    class Watched(socket.socket):
        def setsockopt(self, *arguments: object) -> None:
            asked.append(arguments[1])  # type: ignore[arg-type]
            super().setsockopt(*arguments)  # type: ignore[call-overload]

    def count(timeouts: KernelTimeouts, *waits: float | None) -> list[int]:
        found = []
        for seconds in waits:
            asked.clear()
            timeouts.receive(seconds)
            found.append(len(asked))
        return found

    with Watched(socket.AF_INET, socket.SOCK_STREAM) as sock:
        timeouts = KernelTimeouts(sock)
        assert count(timeouts, 30.0, 60.0, 30.0, None, 60.0) == [1, 0, 0, 1, 1]
        assert count(timeouts, 1.0, 30.0, 29.0, 29.0) == [1, 1, 1, 0]
