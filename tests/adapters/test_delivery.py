"""What is known of the bytes that a socket was given."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import pytest

from dicomwire.sockets.delivery import SocketDelivery
from dicomwire.sockets.socket_options import acknowledge_with
from dicomwire.upper_layer import Connection, Role

SECONDS = 6.0


@pytest.fixture
def connection() -> Connection:
    return Connection(Role.ACCEPTOR)


@pytest.fixture
def tcp() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    with one, other:
        one.setblocking(False)
        yield one, other


def fill(sock: socket.socket) -> int:
    """Send until nothing more is taken."""
    count = 0
    try:
        while True:
            count += sock.send(bytes(65536))
    except BlockingIOError:
        return count


def until(claim: object) -> None:
    end = time.monotonic() + SECONDS
    while not claim():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux counts what was acknowledged")
class TestDeliveryOnLinux:
    """A peer whose system takes no more, until it reads."""

    @pytest.fixture
    def delivery(self, tcp: tuple[socket.socket, socket.socket], connection: Connection) -> SocketDelivery:
        return SocketDelivery(tcp[0], connection)

    @pytest.fixture
    def count(self, tcp: tuple[socket.socket, socket.socket], delivery: SocketDelivery) -> int:
        """Bytes that our system has taken."""
        return fill(tcp[0])

    def test_nothing_is_stuck_before_anything_was_sent(self, delivery: SocketDelivery) -> None:
        assert not delivery.is_stuck(time.monotonic())

    def test_what_was_sent_last_left_just_now(self, delivery: SocketDelivery, count: int) -> None:
        now = time.monotonic()
        left_at = delivery.left_at(now)
        assert left_at is not None
        assert now - 1.0 < left_at <= now

    def test_a_peer_that_does_not_read_is_stuck_after_a_while(self, delivery: SocketDelivery, count: int) -> None:
        assert not delivery.is_stuck(time.monotonic())
        # As if some time had passed: what is asked of the clock is only the difference.
        assert delivery._output_queue() > 0
        until(lambda: delivery.is_stuck(time.monotonic()))

    def test_what_the_peers_system_has_taken_is_counted(
        self, tcp: tuple[socket.socket, socket.socket], delivery: SocketDelivery, count: int
    ) -> None:
        other = tcp[1]
        before = delivery.taken()
        assert before < count
        other.settimeout(SECONDS)
        while delivery.taken() < before + 100_000:
            assert other.recv(1 << 20)

    def test_a_socket_that_is_gone_has_lost_nothing(
        self, tcp: tuple[socket.socket, socket.socket], delivery: SocketDelivery, count: int
    ) -> None:
        before, now = delivery.taken(), time.monotonic()
        tcp[0].close()
        assert delivery.taken() >= before
        assert delivery.left_at(now) is None
        assert not delivery.is_stuck(now)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Unix sockets do not tell")
def test_a_unix_socket_tells_what_the_peer_has_not_read(connection: Connection) -> None:
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        delivery = SocketDelivery(one, connection)
        connection.queued = fill(one)
        before = delivery.taken()
        assert delivery.is_stuck(0.0)
        assert delivery.left_at(0.0) is None
        other.recv(65536)
        assert delivery.taken() > before


def test_where_nobody_tells_what_left_our_buffers_counts(connection: Connection) -> None:
    delivery = SocketDelivery(None, connection)
    connection.queued, delivery.moved = 1000, -400
    assert delivery.taken() == 600
    delivery.moved = 0
    assert delivery.taken() == 1000
    assert delivery.left_at(0.0) is None
    assert not delivery.is_stuck(0.0)


def test_what_has_no_such_option_is_asked_for_nothing(
    tcp: tuple[socket.socket, socket.socket], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = tcp
    unix, other = socket.socketpair()
    with unix, other:
        monkeypatch.setattr("dicomwire.sockets.socket_options._TCP_QUICKACK", None)
        acknowledges = [acknowledge_with(sock) for sock in (None, unix, one)]
        for acknowledge in acknowledges:
            connection.owes_acknowledgement = True
            acknowledge(connection)
    assert connection.owes_acknowledgement


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="this system has no TCP_QUICKACK")
def test_a_socket_that_is_closed_meanwhile_is_no_error(
    tcp: tuple[socket.socket, socket.socket], connection: Connection
) -> None:
    one, _ = tcp
    acknowledge = acknowledge_with(one)
    one.close()
    connection.owes_acknowledgement = True
    acknowledge(connection)
    assert not connection.owes_acknowledgement
