"""What a Connection does when nobody misbehaves."""

from __future__ import annotations

import mmap
import tracemalloc
from array import array
from typing import Any

import attrs
import pytest

from dicomwire.errors import LocalProtocolError, RemoteProtocolError
from dicomwire.upper_layer import (
    Abort,
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Connection,
    ConnectionClosed,
    Data,
    DataReceived,
    Limits,
    PDataTF,
    PresentationDataValue,
    Released,
    ReleaseRequested,
    ReleaseRP,
    ReleaseRQ,
    Role,
    State,
    Tap,
    Timeouts,
    Tolerated,
)
from dicomwire.upper_layer.buffer import LARGE, SMALL, BufferPool, ReceiveBuffer
from dicomwire.upper_layer.state import Input
from dicomwire.upper_layer.tap import PDUReceived, PDUSent, Transition
from tests.support.streams import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    ASSOCIATE_RQ,
    DATA_TO_SEND,
    P_DATA,
    PROVIDER_ABORT,
    REJECTION,
    RELEASE_RP,
    RELEASE_RQ,
    Refused,
    acceptance,
    drain,
    feed,
    feed_buffer,
    in_state,
    merged,
    request,
    sent,
    vectors,
    wire,
)

RECEIVED = DataReceived(1, True, True, memoryview(b"\xaa\xbb\xcc\xdd"))


def piece(context_id: int, command: bool, last: bool, fragment: bytes) -> DataReceived:
    return DataReceived(context_id, command, last, memoryview(fragment))


# -- from open to close --------------------------------------------------------------------------------------------


def test_a_requestor_opens_an_association() -> None:
    connection = Connection(Role.REQUESTOR)
    assert (connection.state, connection.closed, connection.role) == (State.STA1, False, Role.REQUESTOR)
    connection.send(request())
    assert sent(connection) == ASSOCIATE_RQ
    [accepted] = feed(connection, ASSOCIATE_AC)
    assert isinstance(accepted, AssociateAccepted)
    assert accepted.pdu.encode() == ASSOCIATE_AC
    assert connection.is_established


def test_a_requestor_sends_and_receives_data() -> None:
    connection = in_state(6, Role.REQUESTOR)
    connection.send(DATA_TO_SEND)
    assert sent(connection) == P_DATA
    assert feed(connection, P_DATA) == [RECEIVED]


def test_a_requestor_that_releases_still_receives_data_until_it_is_confirmed() -> None:
    connection = in_state(6, Role.REQUESTOR)
    connection.send(ReleaseRQ())
    assert sent(connection) == RELEASE_RQ
    # Data may still come (AR-6).
    assert feed(connection, P_DATA) == [RECEIVED]
    assert not connection.closed
    assert feed(connection, RELEASE_RP) == [Released()]
    assert connection.closed


def test_an_acceptor_accepts_and_receives_data() -> None:
    connection = Connection(Role.ACCEPTOR)
    assert connection.state.number == 2
    [requested] = feed(connection, ASSOCIATE_RQ)
    assert isinstance(requested, AssociateRequested)
    assert requested.pdu == request()
    connection.send(acceptance())
    assert sent(connection) == ASSOCIATE_AC
    assert feed(connection, P_DATA) == [RECEIVED]


def test_an_acceptor_that_is_asked_for_release_may_send_data_before_it_answers_and_waits_for_the_close() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    assert feed(connection, RELEASE_RQ) == [ReleaseRequested(collision=False)]
    # Outstanding responses may still be sent (AR-7).
    connection.send(DATA_TO_SEND)
    connection.send(ReleaseRP())
    assert sent(connection) == P_DATA + RELEASE_RP
    assert connection.ending
    assert feed(connection, b"") == []
    assert connection.closed


def test_an_acceptor_rejects() -> None:
    connection = in_state(3, Role.ACCEPTOR)
    connection.send(REJECTION)
    assert sent(connection) == ASSOCIATE_RJ
    assert connection.ending
    assert feed(connection, b"") == []
    assert connection.closed


def test_a_requestor_is_rejected() -> None:
    connection = in_state(5, Role.REQUESTOR)
    assert feed(connection, ASSOCIATE_RJ) == [AssociateRejected(pdu=REJECTION)]
    assert connection.closed


def test_an_aborted_connection_is_closed() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    [aborted] = feed(connection, ABORT)
    assert aborted == Aborted(pdu=Abort(source=0))
    assert isinstance(aborted, Aborted)
    assert not aborted.by_provider
    assert connection.closed
    [aborted] = feed(in_state(6, Role.ACCEPTOR), PROVIDER_ABORT)
    assert isinstance(aborted, Aborted)
    assert aborted.by_provider


def test_in_a_release_collision_the_requestor_answers_first() -> None:
    connection = in_state(7, Role.REQUESTOR)
    assert feed(connection, RELEASE_RQ) == [ReleaseRequested(collision=True)]
    assert connection.state.number == 9
    connection.send(ReleaseRP())
    assert sent(connection) == RELEASE_RP
    assert connection.state.number == 11
    assert feed(connection, RELEASE_RP) == [Released()]
    assert connection.closed


def test_in_a_release_collision_the_acceptor_waits_for_the_requestors_answer() -> None:
    connection = in_state(7, Role.ACCEPTOR)
    assert feed(connection, RELEASE_RQ) == [ReleaseRequested(collision=True)]
    assert connection.state.number == 10
    with pytest.raises(LocalProtocolError, match="A-RELEASE-RP cannot be sent in Sta10"):
        connection.send(ReleaseRP())
    assert feed(connection, RELEASE_RP) == [Released()]
    assert connection.state.number == 12
    assert not connection.closed


def test_in_a_release_collision_the_acceptor_answers_last_and_waits_for_the_close() -> None:
    connection = in_state(12, Role.ACCEPTOR)
    connection.send(ReleaseRP())
    assert sent(connection) == RELEASE_RP
    assert connection.ending
    assert feed(connection, b"") == []
    assert connection.closed


def test_everything_a_peer_says_may_come_in_one_segment() -> None:
    connection = in_state(5, Role.REQUESTOR)
    told = feed(connection, ASSOCIATE_AC + P_DATA + P_DATA + RELEASE_RQ)
    assert [type(event) for event in told] == [AssociateAccepted, DataReceived, DataReceived, ReleaseRequested]


def test_pdus_are_parsed_one_at_a_time() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    connection.receive_data(P_DATA + RELEASE_RQ)
    assert connection.unread == 26
    assert connection.next_event() == RECEIVED
    assert (connection.state, connection.unread) == (State.STA6, 10)
    assert connection.next_event() == ReleaseRequested()
    assert (connection.state, connection.unread) == (State.STA8, 0)
    assert connection.next_event() is None


# -- connecting ----------------------------------------------------------------------------------------------------


def test_a_requestor_may_ask_before_the_transport_is_open() -> None:
    connection = Connection(Role.REQUESTOR, connected=False)
    connection.send(request())
    assert connection.state.number == 4
    assert connection.data_to_send() == []
    connection.transport_connected()
    assert connection.state.number == 5
    assert sent(connection) == ASSOCIATE_RQ


def test_a_transport_that_cannot_be_opened_ends_the_connection() -> None:
    connection = in_state(4, Role.REQUESTOR)
    assert feed(connection, b"") == [ConnectionClosed(missing=0, releasing=False)]
    assert connection.closed
    with pytest.raises(LocalProtocolError, match=r"the transport was connected before \(Sta1\)"):
        connection.transport_connected()


def test_an_abort_while_connecting_sends_nothing() -> None:
    connection = in_state(4, Role.REQUESTOR)
    connection.send(Abort())
    assert connection.data_to_send() == []
    assert connection.closed
    assert drain(connection) == []
    with pytest.raises(LocalProtocolError, match="can be sent once"):
        connection.send(request())


def test_an_acceptor_may_be_made_before_its_transport_is_open() -> None:
    connection = Connection(Role.ACCEPTOR, connected=False)
    assert (connection.state, connection.closed) == (State.STA1, False)
    connection.transport_connected()
    assert connection.state.number == 2


def test_an_acceptor_cannot_request() -> None:
    connection = Connection(Role.ACCEPTOR, connected=False)
    with pytest.raises(LocalProtocolError, match="A-ASSOCIATE-RQ can be sent once, and by the requestor only"):
        connection.send(request())
    assert connection.state.number == 1


# -- sending -------------------------------------------------------------------------------------------------------


def test_a_pdu_that_cannot_be_encoded_changes_nothing() -> None:
    for state, role, item in (
        (1, Role.REQUESTOR, attrs.evolve(request(), protocol_version=70000)),
        (3, Role.ACCEPTOR, attrs.evolve(acceptance(), protocol_version=70000)),
        (6, Role.REQUESTOR, Abort(source=300)),
        (6, Role.REQUESTOR, Data(context_id=257, command=True, last=True, fragment=b"abcd")),
        (6, Role.REQUESTOR, Data(context_id=-1, command=True, last=True, fragment=bytes(100000))),
    ):
        connection = in_state(state, role)
        with pytest.raises(ValueError, match=r"."):
            connection.send(item)
        assert connection.state.number == state
        assert connection.data_to_send() == []


def test_data_goes_out_unjoined_and_uncopied() -> None:
    connection = in_state(6, Role.REQUESTOR, peer_maximum_length=16)
    data = bytearray(range(25))
    view = memoryview(data)
    connection.send(Data(context_id=3, command=False, last=True, fragment=view))
    buffers = connection.data_to_send()
    assert len(buffers) == 6
    for offset, fragment in zip((0, 10, 20), buffers[1::2], strict=True):
        assert isinstance(fragment, memoryview)
        assert fragment.obj is data
        assert bytes(fragment) == bytes(data[offset : offset + 10])
    assert b"".join(buffers[::2]) == wire("""
        04 00 00 00 00 10  00 00 00 0C 03 00   # full PDU of data
        04 00 00 00 00 10  00 00 00 0C 03 00   # full PDU of data
        04 00 00 00 00 0B  00 00 00 07 03 02   # last, 5 bytes
    """)
    assert buffers[0] is buffers[2]
    assert connection.data_to_send() == []


def test_a_single_fragment_is_the_very_object_the_caller_gave() -> None:
    connection = in_state(6, Role.REQUESTOR)
    for fragment in (b"abcd", bytearray(b"abcd"), memoryview(b"abcd")):
        connection.send(Data(context_id=1, command=False, last=False, fragment=fragment))
        head, body = connection.data_to_send()
        assert body == fragment
        assert body is fragment or (isinstance(body, memoryview) and body.obj is fragment.obj)  # type: ignore[union-attr]
        assert bytes(head).hex(" ") == "04 00 00 00 00 0a 00 00 00 06 01 00"


@pytest.mark.parametrize("vector", vectors()["fragmentation"], ids=lambda vector: vector["peer_maximum_length"])
def test_messages_are_cut_as_the_vectors_are(vector: dict[str, Any]) -> None:
    connection = in_state(6, Role.REQUESTOR, peer_maximum_length=vector["peer_maximum_length"])
    assert connection.peer_maximum_length == vector["peer_maximum_length"]
    for command, key in ((True, "command"), (False, "data_set")):
        connection.send(
            Data(context_id=vector["context_id"], command=command, last=True, fragment=bytes.fromhex(vector[key]))
        )
    assert sent(connection).hex() == "".join(vector["pdus"])


@pytest.mark.parametrize(
    ("maximum", "size"), [(8, 2), (9, 2), (127, 120), (128, 122), (16382, 16376), (16384, 16378), (0, 0xFFFFFFF0)]
)
def test_a_fragment_is_the_longest_even_one_the_peer_takes(maximum: int, size: int) -> None:
    connection = in_state(6, Role.ACCEPTOR, peer_maximum_length=maximum)
    assert connection.fragment_size == size
    data = bytes(3 * min(size, 20000))
    connection.send(Data(context_id=1, command=False, last=True, fragment=data))
    buffers = connection.data_to_send()
    lengths = [len(fragment) for fragment in buffers[1::2]]
    assert sum(lengths) == len(data)
    assert max(lengths) == min(size, len(data))
    # Taking it apart again gives the data.
    receiver = in_state(6, Role.REQUESTOR)
    assert merged(feed(receiver, b"".join(buffers))) == [piece(1, False, True, data)]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 19, 20, 21])
@pytest.mark.parametrize("last", [True, False])
def test_odd_and_boundary_sizes_are_sent_whole(count: int, last: bool) -> None:
    connection = in_state(6, Role.REQUESTOR, peer_maximum_length=16)
    connection.send(Data(context_id=1, command=True, last=last, fragment=bytes(count)))
    data = b"".join(connection.data_to_send())
    if count == 0 and not last:
        assert data == b""
        return
    lengths, controls = [], []
    while data:
        length = int.from_bytes(data[2:6]) - 6
        lengths.append(length)
        controls.append(data[11])
        data = data[12 + length :]
    assert sum(lengths) == count
    assert all(length == 10 for length in lengths[:-1])
    assert all(lengths) or count == 0
    assert max(lengths) <= 10
    assert controls == [1] * (len(controls) - 1) + [3 if last else 1]


def test_data_may_be_an_array_or_any_other_buffer() -> None:
    connection = in_state(6, Role.REQUESTOR, peer_maximum_length=22)
    numbers = memoryview(array("H", range(20)))
    grid = memoryview(bytes(range(36))).cast("B", (6, 6))
    for data in (numbers, numbers[:4], grid):
        connection.send_fragment(1, data, command=False, last=True)
        made = sent(connection)
        connection.send_fragment(1, data.tobytes(), command=False, last=True)
        assert made == sent(connection)
    with mmap.mmap(-1, 40) as mapped:
        mapped[:] = bytes(range(40))
        with memoryview(mapped) as view:
            connection.send(Data(context_id=1, command=False, last=True, fragment=view))
            buffers = connection.data_to_send()
            assert b"".join(buffers[1::2]) == bytes(range(40))
            for fragment in buffers[1::2]:
                assert isinstance(fragment, memoryview)
                fragment.release()
            del buffers


def test_what_is_queued_is_counted() -> None:
    for tap in (None, Tap()):
        connection = in_state(6, Role.REQUESTOR, tap=tap)
        for data in (bytes(100_000), b"", b"more"):
            connection.send_fragment(1, data, command=False, last=True)
        assert connection.queued == 100_004


def test_a_context_id_is_a_byte() -> None:
    connection = in_state(6, Role.REQUESTOR)
    for number in (0, 255):
        connection.send_fragment(number, b"", command=False, last=True)
        assert sent(connection) == wire("04 00 00 00 00 06  00 00 00 02") + bytes((number, 2))
    for number in (-1, 256):
        with pytest.raises(ValueError, match=f"presentation context ID {number} does not fit in a byte"):
            connection.send_fragment(number, b"", command=False, last=True)


def test_before_anything_is_known_the_peer_takes_16384() -> None:
    connection = Connection(Role.REQUESTOR)
    assert (connection.peer_maximum_length, connection.fragment_size) == (16384, 16378)


def test_a_peer_that_says_no_maximum_length_is_sent_16384() -> None:
    connection = in_state(5, Role.REQUESTOR)
    feed(connection, attrs.evolve(acceptance(None)).encode())
    assert connection.peer_maximum_length == 16384
    connection = in_state(2, Role.ACCEPTOR)
    feed(connection, request(None).encode())
    assert connection.peer_maximum_length == 16384


# -- receiving data ------------------------------------------------------------------------------------------------


def test_several_fragments_and_messages_in_one_pdu_come_one_by_one() -> None:
    told = feed(
        in_state(6, Role.ACCEPTOR),
        wire("""
            04 00 00 00 00 26            # P-DATA-TF of 38 bytes
            00 00 00 04 01 01 AA BB      # command, more follows
            00 00 00 02 01 03            # command, last and empty
            00 00 00 04 01 FC CC DD      # data, more follows; reserved bits set
            00 00 00 04 01 02 EE FF      # data, last
            00 00 00 04 03 03 11 22      # the next message, on another context
        """),
    )
    assert told == [
        piece(1, True, False, b"\xaa\xbb"),
        piece(1, True, True, b""),
        piece(1, False, False, b"\xcc\xdd"),
        piece(1, False, True, b"\xee\xff"),
        piece(3, True, True, b"\x11\x22"),
    ]


def test_fragments_view_the_received_bytes() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    connection.receive_data(P_DATA)
    event = connection.next_event()
    assert isinstance(event, DataReceived)
    assert event.fragment.obj is P_DATA


def test_fragments_view_the_buffer_that_was_filled() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    room = connection.get_buffer()
    room[: len(P_DATA)] = P_DATA
    connection.buffer_updated(len(P_DATA))
    event = connection.next_event()
    assert isinstance(event, DataReceived)
    assert event.fragment.obj is room.obj


def test_a_message_is_open_from_its_first_to_its_last_fragment() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    assert not connection.message_open
    feed(connection, wire("04 00 00 00 00 08  00 00 00 04 01 01"))
    assert not connection.message_open
    feed(connection, wire("AA BB"))
    assert connection.message_open
    feed(connection, P_DATA[:-1])
    assert connection.message_open
    feed(connection, P_DATA[-1:])
    assert not connection.message_open


def test_a_release_in_the_middle_of_a_message_is_told() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    told = feed(connection, wire("04 00 00 00 00 08  00 00 00 04 01 01 AA BB") + RELEASE_RQ)
    assert told[1:] == [
        ReleaseRequested(collision=False),
        Tolerated(what="release requested in the middle of a message, which is lost"),
    ]
    assert not connection.message_open


@pytest.mark.parametrize("cut", [6, 12, 13, 14])
def test_the_first_fragment_of_odd_length_is_told_before_it_comes(cut: int) -> None:
    connection = in_state(6, Role.ACCEPTOR)
    data = wire("04 00 00 00 00 09  00 00 00 05 01 02 AA BB CC")
    told = merged(feed(connection, data[:cut]) + feed(connection, data[cut:]))
    assert told == [
        Tolerated(what="fragments of odd length, the first of 3 bytes"),
        piece(1, False, True, b"\xaa\xbb\xcc"),
    ]
    # Once is enough.
    assert feed(connection, data) == [piece(1, False, True, b"\xaa\xbb\xcc")]


@pytest.fixture
def in_4_gib() -> Connection:
    """In the middle of a P-DATA-TF of 0xFFFFFFF0 bytes that holds one PDV."""
    connection = in_state(6, Role.ACCEPTOR, own_maximum_length=0)
    feed(connection, wire("04 00 FF FF FF F0  FF FF FF EC 01 00"))
    return connection


def test_a_pdu_of_4_gib_is_handed_on_in_pieces(in_4_gib: Connection) -> None:
    in_4_gib.receive_data(bytes(65536))
    event = in_4_gib.next_event()
    assert isinstance(event, DataReceived)
    assert (len(event.fragment), event.last) == (65536, False)
    assert in_4_gib.next_event() is None
    assert len(in_4_gib.get_buffer()) == LARGE
    in_4_gib.buffer_updated(LARGE)
    event = in_4_gib.next_event()
    assert isinstance(event, DataReceived)
    assert len(event.fragment) == LARGE
    assert in_4_gib.next_event() is None


def test_a_pdu_of_4_gib_takes_no_memory_as_it_comes(in_4_gib: Connection) -> None:
    chunk = bytes(65536)
    tracemalloc.start()
    try:
        for _ in range(64):
            feed(in_4_gib, chunk)
            in_4_gib.get_buffer()
            in_4_gib.buffer_updated(LARGE)
            drain(in_4_gib)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
    assert in_4_gib.message_open
    assert feed(in_4_gib, b"") == [
        ConnectionClosed(missing=0xFFFFFFF0 - 6 - 64 * (65536 + LARGE), releasing=False),
    ]


def test_a_long_pdu_asks_for_a_large_buffer() -> None:
    connection = in_state(6, Role.ACCEPTOR, own_maximum_length=0)
    assert len(connection.get_buffer()) == SMALL
    assert len(connection.get_buffer(SMALL)) == SMALL
    assert len(connection.get_buffer(65536)) == LARGE
    feed(connection, wire("04 00 00 10 00 06  00 10 00 02 01 00"))
    assert len(connection.get_buffer()) == LARGE
    assert len(connection.get_buffer(1)) == LARGE
    # One that is as long as the small buffer needs no larger one.
    connection = in_state(6, Role.ACCEPTOR, own_maximum_length=0)
    feed(connection, wire(f"04 00 {SMALL + 6:08X}  {SMALL + 2:08X} 01 00"))
    assert len(connection.get_buffer()) == SMALL


def test_a_long_association_request_may_come_in_any_pieces() -> None:
    items = wire("60 00 FF F0") + bytes(0xFFF0)
    body = ASSOCIATE_RQ[6:] + items * 3
    data = b"\x01\0" + len(body).to_bytes(4, "big") + body
    for step in (1000, 65536, len(data)):
        connection = in_state(2, Role.ACCEPTOR)
        told = []
        for start in range(0, len(data), step):
            told += feed(connection, data[start : start + step])
            assert connection.unread <= len(data)
        [requested] = told
        assert isinstance(requested, AssociateRequested)
        assert requested.pdu.encode() == data
        connection = in_state(2, Role.ACCEPTOR)
        told = feed_buffer(connection, data)
        assert told == [requested]


# -- the receive buffer --------------------------------------------------------------------------------------------


def fill(buffer: ReceiveBuffer, data: bytes, size: int = SMALL) -> None:
    room = buffer.writable(size)
    room[: len(data)] = data
    buffer.end += len(data)


def unread(buffer: ReceiveBuffer) -> bytes:
    return bytes(buffer.view[buffer.start : buffer.end])


def test_a_read_out_buffer_starts_over_and_changes_its_size() -> None:
    buffer = ReceiveBuffer(BufferPool())
    fill(buffer, b"abcd")
    buffer.start = 4
    assert len(buffer.writable(SMALL)) == SMALL
    assert len(buffer.writable(LARGE)) == LARGE
    assert len(buffer.writable(SMALL)) == SMALL


def test_unread_bytes_survive_a_larger_buffer() -> None:
    buffer = ReceiveBuffer(BufferPool())
    fill(buffer, b"abcd")
    assert len(buffer.writable(LARGE)) == LARGE - 4
    assert unread(buffer) == b"abcd"


def test_a_few_unread_bytes_move_to_the_front_when_room_gets_short() -> None:
    buffer = ReceiveBuffer(BufferPool())
    fill(buffer, bytes(SMALL - 10) + b"0123456789")
    buffer.start = SMALL - 10
    assert len(buffer.writable(SMALL)) == SMALL - 10
    assert unread(buffer) == b"0123456789"


def test_many_unread_bytes_double_the_buffer() -> None:
    buffer = ReceiveBuffer(BufferPool())
    fill(buffer, bytes(range(256)) * (SMALL // 256))
    assert len(buffer.writable(SMALL)) == SMALL
    assert unread(buffer) == bytes(range(256)) * (SMALL // 256)


def test_room_is_kept_while_there_is_enough() -> None:
    buffer = ReceiveBuffer(BufferPool())
    fill(buffer, b"abcd")
    before = buffer.view
    assert len(buffer.writable(SMALL)) == SMALL - 4
    assert buffer.view is before


def test_bytes_fed_behind_unread_ones_are_appended() -> None:
    buffer = ReceiveBuffer(BufferPool())
    buffer.feed(b"abcd", 100)
    buffer.start = 2
    buffer.feed(bytearray(b"efgh"), 100)
    assert unread(buffer) == b"cdefgh"
    buffer.feed(memoryview(b"ij"), 100)
    assert unread(buffer) == b"cdefghij"
    buffer.feed(memoryview(array("H", [0x6C6C])), 100)
    assert unread(buffer) == b"cdefghijll"
    with pytest.raises(LocalProtocolError, match=r"10 bytes are unread: call next_event\(\) before feeding 91 more"):
        buffer.feed(bytes(91), 100)
    assert len(buffer) == 10


def test_bytes_fed_beyond_the_buffers_end_enlarge_it() -> None:
    buffer = ReceiveBuffer(BufferPool())
    buffer.feed(b"ab", 1 << 20)
    buffer.feed(b"cd", 1 << 20)
    buffer.feed(bytes(SMALL), 1 << 20)
    assert unread(buffer) == b"abcd" + bytes(SMALL)


def test_a_buffer_is_recycled_only_when_it_is_read_out() -> None:
    pool = BufferPool()
    buffer = ReceiveBuffer(pool)
    fill(buffer, b"abcd")
    held = buffer.view.obj
    buffer.recycle()
    assert unread(buffer) == b"abcd"
    buffer.discard()
    buffer.recycle()
    buffer.recycle()
    assert len(buffer) == 0
    assert pool.take(SMALL) is held


def test_a_pool_keeps_a_few_buffers_of_its_two_sizes() -> None:
    pool = BufferPool(kept=1)
    first, second = pool.take(LARGE), pool.take(LARGE)
    pool.give(first)
    pool.give(second)
    assert pool.take(LARGE) is first
    assert pool.take(LARGE) is not second
    odd = pool.take(12345)
    assert len(odd) == 12345
    pool.give(odd)
    assert pool.take(12345) is not odd


def test_a_connection_gives_its_buffer_back_when_asked() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    assert feed_buffer(connection, P_DATA + P_DATA[:3]) == [RECEIVED]
    connection.recycle_buffer()
    assert connection.unread == 3
    assert feed_buffer(connection, P_DATA[3:]) == [RECEIVED]
    connection.recycle_buffer()
    assert connection.unread == 0
    assert feed_buffer(connection, P_DATA) == [RECEIVED]


def test_both_ways_to_receive_may_take_turns() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    told = []
    for start in range(0, len(P_DATA) * 4, 3):
        chunk = (P_DATA * 4)[start : start + 3]
        told += (feed if start % 2 else feed_buffer)(connection, chunk)
    assert merged(told) == [RECEIVED] * 4


# -- the end of the stream -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        pytest.param(b"", 0, id="nothing"),
        pytest.param(P_DATA, 0, id="between-pdus"),
        pytest.param(P_DATA[:1], 5, id="in-the-header"),
        pytest.param(P_DATA[:6], 10, id="behind-the-header"),
        pytest.param(P_DATA[:9], 7, id="in-the-pdv-header"),
        pytest.param(P_DATA[:12], 4, id="behind-the-pdv-header"),
        pytest.param(P_DATA[:13], 3, id="in-the-fragment"),
        pytest.param(RELEASE_RQ[:6], 4, id="behind-the-header-of-a-control-pdu"),
        pytest.param(RELEASE_RQ[:8], 2, id="in-a-control-pdu"),
        pytest.param(P_DATA + RELEASE_RQ[:8], 2, id="in-the-second-pdu"),
    ],
)
def test_a_cut_stream_says_how_many_bytes_were_missing(data: bytes, missing: int) -> None:
    for receive in (feed, feed_buffer):
        connection = in_state(6, Role.REQUESTOR)
        receive(connection, data) if data else None
        connection.buffer_updated(0)
        assert drain(connection) == [ConnectionClosed(missing=missing, releasing=False)]
        assert connection.closed
        assert connection.unread == 0
        assert drain(connection) == []


def test_what_came_before_the_end_is_told_before_the_end() -> None:
    connection = in_state(6, Role.REQUESTOR)
    connection.receive_data(P_DATA + RELEASE_RQ)
    connection.receive_data(b"")
    assert drain(connection) == [RECEIVED, ReleaseRequested(), ConnectionClosed()]


# -- the tap -------------------------------------------------------------------------------------------------------


def test_a_tap_records_control_pdus_in_order() -> None:
    tap = Tap()
    connection = in_state(6, Role.REQUESTOR, tap=tap)
    connection.send(DATA_TO_SEND)
    feed(connection, P_DATA)
    feed(connection, RELEASE_RQ)
    assert tap.take() == [PDUSent(ASSOCIATE_RQ), PDUReceived(ASSOCIATE_AC), PDUReceived(RELEASE_RQ)]
    assert tap.take() == []


def test_a_tap_may_record_data_and_transitions() -> None:
    tap = Tap(p_data=True, transitions=True)
    connection = in_state(6, Role.ACCEPTOR, tap=tap, peer_maximum_length=8)
    tap.take()
    two_values = wire("04 00 00 00 00 0E  00 00 00 04 01 01 AA BB  00 00 00 02 01 03")
    for octet in two_values:
        feed(connection, bytes((octet,)))
    connection.send(DATA_TO_SEND)
    assert tap.take() == [
        Transition(State.STA6, Input.P_DATA_RECEIVED, "DT-2", State.STA6),
        PDUReceived(two_values),
        PDUSent(wire("04 00 00 00 00 08  00 00 00 04 01 01 AA BB")),
        PDUSent(wire("04 00 00 00 00 08  00 00 00 04 01 03 CC DD")),
        Transition(State.STA6, Input.P_DATA_REQUEST, "DT-1", State.STA6),
    ]


def test_a_tap_records_whole_pdus_however_often_it_is_asked_to() -> None:
    tap = Tap()
    connection = in_state(6, Role.ACCEPTOR, tap=tap)
    tap.take()
    for switches in ([13], [7, 13], [3, 7, 13]):
        # Not from the beginning, or not to the end.
        for position in range(len(P_DATA)):
            if position in switches:
                tap.p_data = not tap.p_data
            feed(connection, P_DATA[position : position + 1])
        assert tap.take() == []
        tap.p_data = True
        feed(connection, P_DATA)
        assert tap.take() == [PDUReceived(P_DATA)]
        tap.p_data = False
    feed(connection, P_DATA)
    connection.send(DATA_TO_SEND)
    assert tap.take() == []


# -- for the layer above -------------------------------------------------------------------------------------------


def test_a_layer_above_may_find_the_content_wrong() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    connection.receive_data(P_DATA + P_DATA + ABORT)
    assert connection.next_event() == RECEIVED
    error = RemoteProtocolError("context 1 was not accepted", reason=5)
    assert connection.protocol_error(error) is error
    assert sent(connection) == wire("07 00 00 00 00 04  00 00 02 05")
    assert connection.state.number == 13
    assert drain(connection) == []
    assert connection.unread == 0


def test_timeouts_and_limits_are_those_given() -> None:
    timeouts, limits = Timeouts(artim=1.0), Limits(unread=5)
    connection = Connection(Role.ACCEPTOR, timeouts=timeouts, limits=limits)
    assert connection.timeouts is timeouts
    assert connection.limits is limits
    connection.receive_data(ASSOCIATE_RQ[:4])
    with pytest.raises(LocalProtocolError, match="bytes are unread"):
        connection.receive_data(ASSOCIATE_RQ[4:8])
    assert connection.unread == 4


def test_bytes_behind_our_own_abort_are_dropped_to_the_end_of_their_pdu() -> None:
    connection = in_state(6, Role.ACCEPTOR)
    feed(connection, P_DATA[:13])
    assert connection.message_open
    connection.send(Abort())
    assert connection.message_open is False
    # The rest of that PDU, a whole one, and the peer's own abort, which closes (AA-2).
    assert feed(connection, P_DATA[13:15]) == []
    assert feed(connection, P_DATA[15:] + P_DATA) == []
    assert connection.state.number == 13
    assert feed(connection, ABORT) == []
    assert connection.closed


def test_a_refusal_in_a_list_of_events_is_no_event() -> None:
    assert feed(in_state(6, Role.ACCEPTOR), ASSOCIATE_RJ) == [Refused(2, 2)]


# -- small things -----------------------------------------------------------------------------------------------------
def test_a_connection_tells_whether_it_has_output() -> None:
    connection = Connection(Role.REQUESTOR)
    assert not connection.unsent
    connection.send(request())
    assert connection.unsent
    connection.data_to_send()
    assert not connection.unsent


def test_a_p_data_tf_is_not_what_data_is_sent_as() -> None:
    connection = in_state(6, Role.REQUESTOR)
    pdu: Any = PDataTF(presentation_data_value_items=(PresentationDataValue(1, 3, b"ab"),))
    with pytest.raises(TypeError, match="PDataTF cannot be sent; send data as Data"):
        connection.send(pdu)


def test_the_reserved_bytes_of_an_association_request_are_32() -> None:
    with pytest.raises(ValueError, match="32"):
        attrs.evolve(request(), reserved=bytes(31))


def test_a_pdu_describes_itself() -> None:
    assert str(request()).startswith("A-ASSOCIATE-RQ, ")


@pytest.mark.parametrize("state", [2, 6, 13])
def test_nothing_is_unread_behind_the_end_of_the_stream(state: int) -> None:
    connection = in_state(state, Role.ACCEPTOR)
    feed(connection, RELEASE_RQ[:3])
    assert connection.unread == 3
    connection.receive_data(b"")
    connection.next_event()
    assert (connection.closed, connection.unread) == (True, 0)


def test_nothing_is_unread_behind_artim() -> None:
    connection = in_state(13, Role.ACCEPTOR)
    feed(connection, RELEASE_RQ[:3])
    deadline = connection.next_deadline(0.0)
    assert deadline is not None
    connection.handle_deadline(deadline)
    assert (connection.closed, connection.unread) == (True, 0)
