"""Attacks by those who have an association."""

from __future__ import annotations

import struct
import zlib

from tests.hostile.attack import MIB, attack, count
from tests.hostile.target import Target
from tests.hostile.wire import (
    ABORT,
    GET,
    PUSH,
    RELEASE_RQ,
    VERIFICATION,
    Peer,
    command,
    data,
    echo,
    pdu,
    query,
    request,
    store,
    uid,
)
from tests.support.sessions import cancel_rq, element, p_data, pdv, response, us, whole_command, whole_data

WHOLE = request()


def joined(target: Target) -> Peer:
    return target.connect().established(WHOLE)


@attack()
def lengths_in_associations(target: Target, size: float) -> None:
    for kind in range(10):
        for _ in range(count(4, size)):
            peer = joined(target)
            peer.send(pdu(kind, b"", 0xFFFFFFFF))
            peer.storm(bytes(60_000), count(200, size))
    for length in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
        joined(target).send(pdu(4, struct.pack(">LBB", length, 3, 3) + bytes(20)))


@attack()
def pdvs_of_one_byte(target: Target, size: float) -> None:
    peer = joined(target)
    peer.send(store(3))
    peer.storm(p_data(pdv(3, 0, b"x")), count(500_000, size))


@attack()
def pdvs_of_nothing(target: Target, size: float) -> None:
    for content in (p_data(pdv(3, 0, b"")), p_data(*[pdv(3, 0, b"")] * 2000), p_data()):
        peer = joined(target)
        peer.send(store(3))
        peer.storm(content, count(200_000, size))


@attack()
def commands_that_never_end(target: Target, size: float) -> None:
    for piece in (b"", b"x", element(0x0002, b"1.2 "), bytes(16000)):
        peer = joined(target)
        peer.storm(p_data(pdv(1, 1, piece)), count(200_000 if len(piece) < 99 else 5_000, size))


@attack()
def contexts_in_turns(target: Target, size: float) -> None:
    for first, second in ((3, 5), (3, 1), (5, 9)):
        peer = joined(target)
        peer.send(store(3))
        peer.storm(p_data(pdv(first, 0, b"x" * 10), pdv(second, 1, b"x" * 10)), count(20_000, size))


@attack()
def cancels(target: Target, size: float) -> None:
    for before in (b"", query(0x0020, 5, 1)):
        peer = joined(target)
        peer.send(before)
        peer.storm(whole_command(5, cancel_rq(1)) + whole_command(5, cancel_rq(77)), count(50_000, size))


@attack()
def reports(target: Target, size: float) -> None:
    asked = command(0x0100, PUSH, 1, uid(0x1000, "1.2.3"), us(0x1002, 1))
    one = whole_command(15, asked) + whole_data(15, element(0x1195, b"1.2 ", group=0x0008))
    for _ in range(count(4, size)):
        joined(target).storm(one, count(10_000, size))


@attack()
def requests_without_end(target: Target, size: float) -> None:
    for _ in range(count(4, size)):
        joined(target).storm(echo(), count(20_000, size))


@attack()
def queries_without_end(target: Target, size: float) -> None:
    for _ in range(count(4, size)):
        joined(target).storm(query(0x0020, 5, 1), count(5_000, size))


@attack()
def retrievals_without_end(target: Target, size: float) -> None:
    for _ in range(count(4, size)):
        joined(target).storm(query(0x0010, 7, 1), count(5_000, size))


@attack()
def sub_operations_answered_wrongly(target: Target, size: float) -> None:
    for answer in (response(0x0001, 999, 0), response(0x0001, 1, 0xA700), response(0x0010, 1, 0), cancel_rq(1)):
        peer = joined(target)
        peer.send(query(0x0010, 7, 1))
        peer.storm(whole_command(3, answer), count(20_000, size))


@attack()
def answers_to_nothing(target: Target, size: float) -> None:
    for field in (0x0001, 0x0020, 0x0030, 0x0100):
        joined(target).storm(whole_command(1, response(field, 7, 0)), count(20_000, size))


@attack()
def commands_of_no_sense(target: Target, size: float) -> None:
    long = "1" * 60 + "\x1b[2J"
    for made in (
        command(0x7777, VERIFICATION, 1, data=False),
        command(0x0030, long, 1, data=False),
        command(0x0001, GET, 1, uid(0x1000, "../" * 20)),
        command(0x0100, PUSH, 1, data=False),
        command(0x0020, PUSH, 1),
        struct.pack("<HHL", 0, 0, 0xFFFFFFF0) + bytes(50),
        element(0x0002, b"x" * 16_000),
        b"\xff" * 5_000,
    ):
        for context in (1, 3, 15, 200):
            peer = joined(target)
            peer.storm(whole_command(context, made), count(200, size))


@attack()
def never_reads(target: Target, size: float) -> None:
    peers = [joined(target) for _ in range(count(100, size))]
    for peer in peers:
        peer.sock.settimeout(0.05)
        for _ in range(count(20, size)):
            peer.send(query(0x0020, 5, 1))


@attack()
def ends_in_data_sets(target: Target, size: float) -> None:
    for _ in range(count(5, size)):
        for end in (RELEASE_RQ, ABORT, WHOLE, echo(), b"\x55" * 50, pdu(6, bytes(4)), pdu(3, bytes(4))):
            joined(target).send(store(3), data(3, bytes(50_000), last=False), end)
            joined(target).send(store(3)[:-20], end)


@attack()
def resets_in_associations(target: Target, size: float) -> None:
    whole = store(3) + data(3, bytes(50_000)) + RELEASE_RQ
    for _ in range(count(10, size)):
        for at in (0, 3, 40, 150, 20_000, len(whole) - 11, len(whole) - 2, len(whole)):
            peer = joined(target)
            peer.send(whole[:at])
            peer.reset()
        peer = joined(target)
        peer.send(query(0x0020, 5, 1), query(0x0010, 7, 2))
        peer.exactly(500)
        peer.reset()


@attack()
def half_closed_in_associations(target: Target, size: float) -> None:
    for said in (b"", echo(), store(3), store(3) + data(3, bytes(40_000), last=False), query(0x0020, 5, 1)):
        for _ in range(count(20, size)):
            peer = joined(target)
            peer.send(said)
            peer.half_close()


@attack()
def pdus_beyond_what_we_take(target: Target, size: float) -> None:
    for length in (1 << 20, 16 << 20, 100 << 20):
        peer = joined(target)
        peer.send(store(3), pdu(4, struct.pack(">LBB", length - 4, 3, 0), length))
        peer.storm(bytes(60_000), count(length // 60_000 + 10, size))


@attack()
def floods_after_our_abort(target: Target, size: float) -> None:
    for _ in range(count(5, size)):
        peer = joined(target)
        peer.send(b"\x55" * 10)
        peer.storm(bytes(60_000), count(1_000, size))


def undefined(tag: int, vr: bytes) -> bytes:
    """The beginning of an element of undefined length, explicit VR."""
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, 0xFFFFFFFF)


@attack(memory=128 * MIB)
def bombs(target: Target, size: float) -> None:
    # 512 MiB of zeros, in half a megabyte.
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OB", 0, 512 << 20)
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(pixels) + b"".join(packer.compress(bytes(MIB)) for _ in range(count(512, size)))
    packed += packer.flush()
    for _ in range(count(4, size)):
        peer = joined(target)
        peer.send(store(13), data(13, packed + b"\0" * (len(packed) % 2)))
        peer.rest(10)


@attack()
def nesting(target: Target, size: float) -> None:
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    deep = (undefined(0x00081115, b"SQ") + item) * count(10_000, size)
    implicit = (struct.pack("<HHL", 0x0008, 0x1115, 0xFFFFFFFF) + item) * count(10_000, size)
    for context, content in ((11, deep), (9, implicit)):
        for _ in range(count(3, size)):
            peer = joined(target)
            peer.send(store(context), data(context, content))
            peer.exactly(100)
    peer = joined(target)
    peer.send(query(0x0020, 5, 1, b""), data(5, implicit[:200_000]))


@attack()
def huge_values(target: Target, size: float) -> None:
    for vr in (b"UI", b"PN", b"DS", b"AT"):
        values = count(30_000, size)
        short = struct.pack("<HH2sH", 0x0010, 0x0010, vr, 2 * values) + b"1\\" * values
        long = struct.pack("<HH2sHL", 0x0010, 0x0020, b"UC", 0, 0xFFFFFFFE) + b"1" * 1_000
        for content in (short * count(10, size), long, short[:30_000]):
            peer = joined(target)
            peer.send(store(11), data(11, content))
            peer.exactly(100)


@attack()
def identifiers_of_small_elements(target: Target, size: float) -> None:
    for each in (struct.pack("<HHL", 0x0009, 0x1000, 0), struct.pack("<HHL", 0x0010, 0x0010, 2) + b"A "):
        for total in (1_000_000, 4_000_000):
            peer = joined(target)
            asked = query(0x0020, 5, 1)[: -len(whole_data(5, element(0x0052, b"STUDY ", group=0x0008)))]
            peer.send(asked, data(5, each * (count(total, size) // len(each))))
            peer.exactly(100)


@attack(memory=128 * MIB)
def large_data_sets(target: Target, size: float) -> None:
    content = data(3, bytes(1 << 20), last=False)
    for _ in range(count(3, size)):
        peer = joined(target)
        peer.send(store(3))
        for _ in range(count(300, size)):
            if not peer.send(content):
                break


@attack()
def unfinished_stores(target: Target, size: float) -> None:
    begun = store(3) + data(3, bytes(100_000), last=False)
    for _ in range(count(50, size)):
        joined(target).send(begun)
