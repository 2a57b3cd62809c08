"""What a connection holds of what has not come to its end: the table in the reference of limits, in bytes."""

from __future__ import annotations

import struct

import pytest

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import Connection, DataReceived, Limits, Role
from dicomwire.upper_layer.buffer import LARGE, SMALL
from tests.support.streams import in_state

KIB = 1024
LONGEST = 256 * KIB


def waiting() -> Connection:
    return Connection(Role.ACCEPTOR)


def receive(connection: Connection, data: bytes, step: int = 1 << 30) -> int:
    """Let it receive as adapters do, in steps of so many bytes at most; the most it held meanwhile."""
    held = 0
    while data:
        room = connection.get_buffer()
        held = max(held, length_of(room))
        count = min(len(room), step, len(data))
        room[:count] = data[:count]
        data = data[count:]
        connection.buffer_updated(count)
        assert connection.next_event() is None
    return held


def length_of(room: memoryview) -> int:
    """Of the buffer that it is a part of."""
    whole = room.obj
    assert isinstance(whole, bytearray)
    return len(whole)


def begun(length: int, come: int) -> bytes:
    """A request of ``length`` bytes, of which that many have come behind its header."""
    return struct.pack(">BxL", 1, length) + bytes(come)


def test_a_request_of_more_than_256_kib_is_refused_by_its_header() -> None:
    assert Limits().associate_pdu == LONGEST
    receive(waiting(), begun(LONGEST, 0))
    connection = waiting()
    connection.receive_data(begun(LONGEST + 1, 0))
    with pytest.raises(RemoteProtocolError, match="more than 262144"):
        connection.next_event()


@pytest.mark.parametrize("step", [1000, 4096, 1 << 20])
def test_what_is_held_grows_only_as_bytes_come(step: int) -> None:
    for come in (0, 100, 10 * KIB, 100 * KIB, 200 * KIB):
        assert receive(waiting(), begun(LONGEST, come), step) <= max(SMALL, 3 * come)


@pytest.mark.parametrize("step", [1000, 1 << 20])
def test_no_more_is_held_than_the_request_is_long(step: int) -> None:
    assert receive(waiting(), begun(LONGEST, LONGEST - 1), step) == LONGEST + 6
    assert receive(waiting(), begun(100 * KIB, 100 * KIB - 1), step) == 100 * KIB + 6


def test_dripping_bytes_are_not_moved_again_and_again() -> None:
    connection = waiting()
    receive(connection, begun(LONGEST, LONGEST - 5000))
    buffers = set()
    for _ in range(100):
        buffers.add(id(connection.get_buffer().obj))
        receive(connection, b"\0", 1)
    assert len(buffers) == 1


def test_a_thousand_unfinished_requests_hold_what_the_table_says() -> None:
    # A tenth of them, each as long as it can be.
    connections = [waiting() for _ in range(100)]
    held = sum(receive(connection, begun(LONGEST, LONGEST - 1)) for connection in connections)
    assert held * 10 <= 1000 * (LONGEST + 6)


def test_one_that_has_sent_nothing_holds_a_small_buffer() -> None:
    assert len(waiting().get_buffer()) == SMALL == 8 * KIB
    assert len(in_state(6, Role.ACCEPTOR).get_buffer()) == SMALL


def test_an_idle_association_holds_none_if_its_adapter_waits_without() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    connection.get_buffer()
    connection.recycle_buffer()
    assert len(connection._buffer.view) == 0


@pytest.mark.parametrize("pdu", [100 * KIB, 1 << 20])
def test_a_data_set_on_its_way_holds_one_large_buffer(pdu: int) -> None:
    connection = in_state(6, Role.ACCEPTOR)
    head = struct.pack(">BxLLBB", 4, pdu, pdu - 4, 1, 0)
    held = seen = 0
    data = head + bytes(pdu - 6)
    while data:
        room = connection.get_buffer()
        held = max(held, length_of(room))
        count = min(len(room), len(data))
        room[:count], data = data[:count], data[count:]
        connection.buffer_updated(count)
        while (event := connection.next_event()) is not None:
            assert isinstance(event, DataReceived)
            seen += len(event.fragment)
        assert connection.unread < 12
    assert (held, seen) == (LARGE, pdu - 6)
    assert LARGE == 256 * KIB
