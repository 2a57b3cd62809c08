"""A TLS connection that one thread reads while another writes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dicomwire.blocking.socket_channel import SocketChannel
from dicomwire.dimse.session import Session
from dicomwire.sockets.tls_stream import TLSStream, receive_records
from dicomwire.upper_layer.connection import Connection
from dicomwire.upper_layer.state import Role

SECONDS = 20.0


class Conversation:
    """In place of a TLS socket: a plain one that says when a call begins before another has ended."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.overlaps = 0
        self.wants: list[type[ssl.SSLError]] = []
        """What TLS has to do first, call by call."""

        self._busy = threading.Lock()
        self._pause = threading.Event()

    def fileno(self) -> int:
        return self.sock.fileno()

    def gettimeout(self) -> float | None:
        return self.sock.gettimeout()

    def setblocking(self, flag: bool) -> None:
        self.sock.setblocking(flag)

    def pending(self) -> int:
        return 0

    def _call(self, call: Any, argument: Any, otherwise: type[ssl.SSLError]) -> int:
        if not self._busy.acquire(blocking=False):
            self.overlaps += 1
            raise ssl.SSLEOFError("the state of the other call")
        try:
            self._pause.wait(0.0005)
            if self.wants:
                raise self.wants.pop()
            return int(call(argument))
        except BlockingIOError:
            raise otherwise from None
        finally:
            self._busy.release()

    def recv_into(self, buffer: Any) -> int:
        return self._call(self.sock.recv_into, buffer, ssl.SSLWantReadError)

    def send(self, data: bytes) -> int:
        return self._call(self.sock.send, data, ssl.SSLWantWriteError)

    def close(self) -> None:
        self.sock.close()


class Records:
    """In place of a TLS socket: it gives one record a call, as OpenSSL does."""

    def __init__(self, *sizes: int) -> None:
        self.left = list(sizes)
        self.calls = 0

    def recv_into(self, buffer: memoryview) -> int:
        self.calls += 1
        if not self.left:
            raise ssl.SSLWantReadError
        count = min(self.left[0], len(buffer))
        self.left[:1] = [self.left[0] - count] if count < self.left[0] else []
        return count


def records_received(sock: Any, room: int) -> int:
    return receive_records(sock, memoryview(bytearray(room)))


@pytest.fixture
def pair() -> Iterator[tuple[Any, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield Conversation(one), other


def test_a_thread_that_reads_and_one_that_writes_take_turns(pair: tuple[Any, socket.socket]) -> None:
    conversation, other = pair
    stream = TLSStream(conversation)
    stream.timeouts.receive(SECONDS)
    stream.timeouts.send(SECONDS)
    received = bytearray()

    def read() -> None:
        buffer = memoryview(bytearray(1))
        while len(received) < 200 and stream.recv_into(buffer):
            received.extend(buffer)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        assert stream.send(b"x") == 1
        other.send(bytes((number,)))
    reader.join(SECONDS)
    assert bytes(received) == bytes(range(200))
    assert conversation.overlaps == 0
    assert len(other.recv(1000)) == 200


def test_all_records_that_have_come_are_one_piece() -> None:
    sock = Records(1 << 14, 1 << 14, 100)
    assert records_received(sock, 1 << 18) == 2 * (1 << 14) + 100
    with pytest.raises(ssl.SSLWantReadError):
        records_received(sock, 1 << 18)


def test_behind_a_short_record_nothing_is_looked_for() -> None:
    sock = Records(100, 100)
    assert records_received(sock, 1 << 18) == 100
    assert sock.calls == 1


def test_no_more_is_received_than_there_is_room_for() -> None:
    sock = Records(1 << 14, 1 << 14, 1 << 14)
    assert records_received(sock, 40_000) == 40_000
    assert records_received(sock, 40_000) == 3 * (1 << 14) - 40_000


def test_the_end_behind_records_is_told_by_the_next_call() -> None:
    class Broken(Records):
        def recv_into(self, buffer: memoryview) -> int:
            if not self.left:
                raise ssl.SSLEOFError("the peer has gone")
            return super().recv_into(buffer)

    sock = Broken(1 << 14)
    assert records_received(sock, 1 << 18) == 1 << 14
    with pytest.raises(ssl.SSLEOFError):
        records_received(sock, 1 << 18)


def test_a_poll_does_not_wait_for_the_rest_of_a_record(pair: tuple[Any, socket.socket]) -> None:
    conversation, other = pair
    acceptor = Session(Connection(Role.ACCEPTOR))
    channel = SocketChannel(conversation, acceptor, threading.Lock())
    channel._is_tls = True
    channel._stream = stream = TLSStream(conversation)
    channel._timeouts = stream.timeouts
    other.send(b"the beginning of a record")
    conversation.wants = [ssl.SSLWantReadError] * 1000
    assert not channel.poll()
    assert stream.timeouts.receiving == pytest.approx(0.001)
    conversation.wants = []
    assert channel.poll()
    assert acceptor.connection.unread == len(b"the beginning of a record")


def test_receiving_and_sending_end_when_the_time_is_up(pair: tuple[Any, socket.socket]) -> None:
    conversation, _ = pair
    stream = TLSStream(conversation)
    stream.timeouts.receive(0.01)
    stream.timeouts.send(0.01)
    with pytest.raises(TimeoutError):
        stream.recv_into(memoryview(bytearray(1)))

    def fill() -> None:
        for _ in range(1000):
            stream.send(bytes(1 << 20))

    with pytest.raises(TimeoutError):
        fill()


def test_what_tls_has_to_do_first_may_be_done_by_the_other_thread(pair: tuple[Any, socket.socket]) -> None:
    conversation, other = pair
    stream = TLSStream(conversation)
    stream.timeouts.receive(SECONDS)
    conversation.wants = [ssl.SSLWantReadError]
    # Nothing comes that could be read: the other thread has read it.
    assert stream.send(b"x") == 1
    conversation.wants = [ssl.SSLWantWriteError]
    other.send(b"y")
    assert stream.recv_into(memoryview(bytearray(1))) == 1
