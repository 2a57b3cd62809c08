"""How large receive buffers are, and when what is unread is moved: received bytes are copied as little as possible."""

from __future__ import annotations

import pytest

from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer import Abort, Connection, Role
from dicomwire.upper_layer.buffer import LARGE, SMALL, BufferPool, ReceiveBuffer
from tests.support.streams import feed, in_state, wire


def holding(size: int, read: int, end: int) -> ReceiveBuffer:
    """One of ``size`` bytes, into which ``end`` have come, of which so many are read."""
    buffer = ReceiveBuffer(BufferPool())
    buffer.writable(size)[:end] = bytes(range(end))
    buffer.start, buffer.end = read, end
    return buffer


def test_a_pool_keeps_eight_buffers_of_each_size() -> None:
    pool = BufferPool()
    given = [bytearray(SMALL) for _ in range(9)] + [bytearray(LARGE) for _ in range(2)] + [bytearray(100)]
    for data in given:
        pool.give(data)
    known = {id(data) for data in given}
    for size, kept in ((SMALL, 8), (LARGE, 2), (100, 0)):
        taken = [pool.take(size) for _ in range(10)]
        assert {len(data) for data in taken} == {size}
        assert sum(id(data) in known for data in taken) == kept


def test_a_new_one_has_room_however_little_is_asked_for() -> None:
    assert len(ReceiveBuffer(BufferPool()).writable(1)) == 1


@pytest.mark.parametrize(
    ("size", "read", "end", "asked", "room"),
    [
        pytest.param(8, 8, 8, 8, 8, id="all is read: from the front"),
        pytest.param(8, 8, 8, 16, 16, id="all is read: a larger one"),
        pytest.param(8, 0, 8, 10, 8, id="a larger one holds twice what is unread"),
        pytest.param(8, 0, 3, 10, 7, id="a larger one is as large as is asked for"),
        pytest.param(8, 0, 6, 8, 2, id="a quarter is room enough"),
        pytest.param(10, 0, 8, 10, 2, id="a quarter is rounded down"),
        pytest.param(20, 15, 16, 20, 19, id="less than a quarter is not: what is unread moves to the front"),
        pytest.param(8, 4, 8, 8, 12, id="half of it is unread: twice as large"),
        pytest.param(9, 5, 9, 9, 14, id="half is rounded down"),
        pytest.param(9, 6, 9, 9, 6, id="less than half is unread: as large as before"),
    ],
)
def test_room_to_receive_into(size: int, read: int, end: int, asked: int, room: int) -> None:
    buffer = holding(size, read, end)
    assert len(buffer.writable(asked)) == room
    assert bytes(buffer.view[buffer.start : buffer.end]) == bytes(range(read, end))


def test_what_is_fed_goes_behind_what_is_unread_as_long_as_there_is_room() -> None:
    buffer = holding(8, 0, 4)
    view = buffer.view
    buffer.feed(b"1234", 8)
    assert buffer.view is view
    assert bytes(view) == b"\0\1\2\0031234"
    with pytest.raises(LocalProtocolError, match="8 bytes are unread"):
        buffer.feed(b"5", 8)
    buffer.feed(b"5", 9)
    assert len(buffer.view) == SMALL
    assert bytes(buffer.view[:9]) == b"\0\1\2\00312345"
    buffer.feed(bytes(SMALL), 2 * SMALL)
    assert len(buffer.view) == 2 * (SMALL + 9)


def test_what_is_read_is_given_back_once() -> None:
    pool = BufferPool()
    buffer = ReceiveBuffer(pool)
    data = buffer.writable(SMALL).obj
    buffer.end = 3
    buffer.recycle()
    assert len(buffer) == 3
    buffer.discard()
    buffer.recycle()
    buffer.recycle()
    assert len(buffer) == 0
    assert pool.take(SMALL) is data
    assert pool.take(SMALL) is not data


def test_who_waits_for_the_end_keeps_no_large_buffer_for_the_message_that_was_cut_off() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    # A fragment that is not the last one.
    feed(connection, wire("04 00 00 00 00 08  00 00 00 04 01 00 AA BB"))
    assert len(connection.get_buffer()) == LARGE
    connection.send(Abort())
    assert len(connection.get_buffer()) == SMALL
    assert len(Connection(Role.ACCEPTOR).get_buffer()) == SMALL
