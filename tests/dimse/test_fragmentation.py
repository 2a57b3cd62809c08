"""Messages as P-DATA-TF PDUs: the canonical packing, and every other one that a peer may choose."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from dicomwire.dimse import Command, MessageReceived
from dicomwire.upper_layer import ConnectionEvent, Limits, Tolerated
from tests.support.sessions import (
    COMMAND as COMMAND_FRAGMENT,
    CT_IMAGE_STORAGE,
    DATA,
    ECHO,
    LAST,
    STORE,
    Piece,
    echo_rq,
    feed,
    joined,
    merged,
    p_data,
    pdv,
    sent,
    store_rq,
)
from tests.support.streams import Refused, vectors

CASES: list[dict[str, Any]] = vectors()["fragmentation"]
STORE_COMMAND = store_rq()
PIXELS = bytes(range(200))


def case_name(case: dict[str, Any]) -> str:
    return f"maximum length {case['peer_maximum_length']}"


# -- the vectors ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_a_message_is_cut_as_the_vector_says(case: dict[str, Any]) -> None:
    requestor, _ = joined(
        contexts=[(case["context_id"], CT_IMAGE_STORAGE)], acceptor_maximum_length=case["peer_maximum_length"]
    )
    requestor.send_message(
        case["context_id"], Command.decode(bytes.fromhex(case["command"])), bytes.fromhex(case["data_set"])
    )
    assert sent(requestor).hex() == "".join(case["pdus"])


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_no_fragment_is_odd_or_longer_than_the_peer_takes(case: dict[str, Any]) -> None:
    for pdu in map(bytes.fromhex, case["pdus"]):
        length = int.from_bytes(pdu[2:6], "big")
        assert length % 2 == 0
        assert not case["peer_maximum_length"] or length <= case["peer_maximum_length"]


def cuts(data: bytes, positions: list[int]) -> Iterator[bytes]:
    """``data`` in chunks that end at ``positions``."""
    for start, end in pairwise([0, *sorted(set(positions)), len(data)]):
        if start < end:
            yield data[start:end]


def receive(case: dict[str, Any], chunks: Iterator[bytes]) -> list[ConnectionEvent | Piece | Refused]:
    _, acceptor = joined(
        contexts=[(case["context_id"], CT_IMAGE_STORAGE)], acceptor_maximum_length=case["peer_maximum_length"]
    )
    return merged([event for chunk in chunks for event in feed(acceptor, chunk)])


def whole_message(case: dict[str, Any]) -> list[ConnectionEvent | Piece | Refused]:
    return [
        MessageReceived(context_id=case["context_id"], command=Command.decode(bytes.fromhex(case["command"]))),
        Piece(case["context_id"], bytes.fromhex(case["data_set"]), True),
    ]


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_a_cut_message_is_received_whole(case: dict[str, Any]) -> None:
    stream = bytes.fromhex("".join(case["pdus"]))
    assert receive(case, cuts(stream, [])) == whole_message(case)
    assert receive(case, cuts(stream, list(range(len(stream))))) == whole_message(case)
    assert receive(case, map(bytes.fromhex, case["pdus"])) == whole_message(case)


@settings(max_examples=30)
@pytest.mark.parametrize("case", CASES, ids=case_name)
@given(data=st.data())
def test_a_cut_message_is_received_whole_however_it_arrives(case: dict[str, Any], data: st.DataObject) -> None:
    stream = bytes.fromhex("".join(case["pdus"]))
    positions = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    assert receive(case, cuts(stream, positions)) == whole_message(case)


# -- other packings -------------------------------------------------------------------------------------------------
def command_part(start: int | None, end: int | None, *, last: bool = False) -> bytes:
    return pdv(STORE, COMMAND_FRAGMENT | LAST if last else COMMAND_FRAGMENT, STORE_COMMAND[start:end])


def data_part(start: int | None, end: int | None, *, last: bool = False) -> bytes:
    return pdv(STORE, DATA | LAST if last else DATA, PIXELS[start:end])


COMMAND = command_part(None, None, last=True)
DATA_SET = data_part(None, None, last=True)

PACKINGS = {
    "a PDU each": p_data(COMMAND) + p_data(DATA_SET),
    "command and data set in one PDU": p_data(COMMAND, DATA_SET),
    "a command in two PDVs of one PDU": p_data(command_part(0, 50), command_part(50, None, last=True))
    + p_data(DATA_SET),
    "a command in two PDUs": p_data(command_part(0, 2)) + p_data(command_part(2, None, last=True)) + p_data(DATA_SET),
    "the end of the command with the start of the data set": p_data(command_part(0, 50))
    + p_data(command_part(50, None, last=True), data_part(0, 20))
    + p_data(data_part(20, None, last=True)),
    "many PDVs in one PDU": p_data(
        command_part(0, 10),
        command_part(10, 20),
        command_part(20, None, last=True),
        data_part(0, 10),
        data_part(10, 100),
        data_part(100, None, last=True),
    ),
    "an empty last fragment of the command": p_data(command_part(0, None), command_part(0, 0, last=True), DATA_SET),
    "an empty first fragment of the command": p_data(command_part(0, 0), COMMAND, DATA_SET),
    "an empty last fragment of the data set": p_data(COMMAND) + p_data(data_part(0, None), data_part(0, 0, last=True)),
    "an empty fragment in the middle of the data set": p_data(COMMAND, data_part(0, 10), data_part(0, 0))
    + p_data(data_part(10, None, last=True)),
    "reserved bits of the control header set": p_data(
        pdv(STORE, 0xFC | COMMAND_FRAGMENT | LAST, STORE_COMMAND), pdv(STORE, 0xFC | LAST, PIXELS)
    ),
}
MESSAGE = [
    MessageReceived(context_id=STORE, command=Command.decode(STORE_COMMAND)),
    Piece(STORE, PIXELS, True),
]


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_message_may_be_packed_in_any_legal_way(packing: str) -> None:
    _, acceptor = joined()
    assert merged(feed(acceptor, PACKINGS[packing])) == MESSAGE


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_message_may_be_packed_in_any_legal_way_and_come_byte_by_byte(packing: str) -> None:
    _, acceptor = joined()
    told = [event for octet in PACKINGS[packing] for event in feed(acceptor, bytes((octet,)))]
    assert merged(told) == MESSAGE


def test_two_whole_messages_may_share_a_pdu() -> None:
    _, acceptor = joined()
    echo = pdv(ECHO, COMMAND_FRAGMENT | LAST, echo_rq(2))
    told = feed(acceptor, p_data(COMMAND, DATA_SET, echo))
    assert told == [*MESSAGE, MessageReceived(context_id=ECHO, command=Command.decode(echo_rq(2)))]
    told = feed(acceptor, p_data(echo, COMMAND, DATA_SET))
    assert told == [MessageReceived(context_id=ECHO, command=Command.decode(echo_rq(2))), *MESSAGE]


@pytest.mark.parametrize("size", [1, 3, 77])
def test_fragments_of_odd_length_are_taken_with_one_remark(size: int) -> None:
    _, acceptor = joined()
    stream = STORE_COMMAND, PIXELS
    items = [
        pdv(STORE, kind | LAST if start + size >= len(whole) else kind, whole[start : start + size])
        for kind, whole in zip((COMMAND_FRAGMENT, DATA), stream, strict=True)
        for start in range(0, len(whole), size)
    ]
    told = feed(acceptor, b"".join(map(p_data, items)))
    remarks = [event for event in told if isinstance(event, Tolerated)]
    assert len(remarks) == 1
    assert "odd" in remarks[0].what
    assert merged([event for event in told if event not in remarks]) == MESSAGE


def test_endless_empty_fragments_are_refused() -> None:
    _, acceptor = joined(limits=Limits(empty_fragments=3))
    empty = data_part(0, 0)
    assert merged(feed(acceptor, p_data(COMMAND, empty, empty, empty, data_part(0, 10)))) == [
        MESSAGE[0],
        Piece(STORE, PIXELS[:10], False),
    ]
    assert feed(acceptor, p_data(empty, empty, empty, empty)) == [Refused(2, 6)]


@settings(max_examples=60)
@given(
    commands=st.lists(st.integers(0, len(STORE_COMMAND)), max_size=6),
    pixels=st.lists(st.integers(0, len(PIXELS)), max_size=6),
    pdus=st.lists(st.booleans(), min_size=14, max_size=14),
    chunks=st.lists(st.integers(0, 600), max_size=10),
)
def test_any_packing_and_any_chunking_give_the_same_message(
    commands: list[int], pixels: list[int], pdus: list[bool], chunks: list[int]
) -> None:
    items = []
    for kind, whole, positions in ((COMMAND_FRAGMENT, STORE_COMMAND, commands), (DATA, PIXELS, pixels)):
        parts = list(cuts(whole, positions))
        items += [pdv(STORE, kind, part) for part in parts[:-1]] + [pdv(STORE, kind | LAST, parts[-1])]
    # True starts a new PDU.
    packed = [[items[0]]]
    for item, starts in zip(items[1:], pdus, strict=False):
        if starts:
            packed.append([])
        packed[-1].append(item)
    stream = b"".join(p_data(*pdu) for pdu in packed)
    _, acceptor = joined()
    told = [
        event for chunk in cuts(stream, [at for at in chunks if at < len(stream)]) for event in feed(acceptor, chunk)
    ]
    assert merged([event for event in told if not isinstance(event, Tolerated)]) == MESSAGE
