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
def test_linux_tells_what_the_peers_system_has_taken(
    tcp: tuple[socket.socket, socket.socket], connection: Connection
) -> None:
    one, other = tcp
    delivery = SocketDelivery(one, connection)
    assert not delivery.is_stuck(time.monotonic())
    count = fill(one)
    now = time.monotonic()
    left_at = delivery.left_at(now)
    assert left_at is not None
    assert now - 1.0 < left_at <= now
    before = delivery.taken()
    assert before < count
    assert not delivery.is_stuck(now)
    # As if some time had passed: what is asked of the clock is only the difference.
    assert delivery._output_queue() > 0
    until(lambda: delivery.is_stuck(time.monotonic()))
    other.settimeout(SECONDS)
    while delivery.taken() < before + 100_000:
        assert other.recv(1 << 20)
    one.close()
    # A socket that is gone has lost nothing.
    assert delivery.taken() >= before + 100_000
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
