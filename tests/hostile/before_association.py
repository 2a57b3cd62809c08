"""Attacks by those who have no association, or ask for one."""

from __future__ import annotations

import random
import struct
from contextlib import suppress

from tests.hostile.attack import MIB, attack, count
from tests.hostile.target import Target
from tests.hostile.wire import CT, IMPLICIT, RELEASE_RQ, VERIFICATION, item, pdu, proposal, request

WHOLE = request()
PDU_TYPES = range(10)

TLS = 64 * MIB
"""asyncio has 256 KiB for each connection with TLS, and lets go of them by a collection of garbage."""


@attack()
def silent(target: Target, size: float) -> None:
    for _ in range(count(300, size)):
        target.connect()


@attack()
def come_and_go(target: Target, size: float) -> None:
    for number in range(count(500, size)):
        peer = target.connect()
        peer.reset() if number % 2 else peer.sock.close()


@attack(memory=128 * MIB)
def unfinished_requests(target: Target, size: float) -> None:
    for _ in range(count(300, size)):
        peer = target.connect()
        peer.sock.settimeout(1)
        peer.send(pdu(1, WHOLE[6:] + bytes(1_000_000), 1 << 20))


@attack()
def requests_that_drip(target: Target, size: float) -> None:
    peers = [target.connect() for _ in range(count(40, size))]
    for octet in WHOLE[: count(60, size)]:
        for peer in peers:
            peer.send(bytes((octet,)))


@attack(memory=TLS)
def silent_before_tls(target: Target, size: float) -> None:
    for _ in range(count(200, size)):
        target.connect(tls=True)


HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(32)) + bytes.fromhex("0000021301") + bytes(155)


@attack(memory=TLS)
def slow_tls(target: Target, size: float) -> None:
    peers = [target.connect(tls=True) for _ in range(count(60, size))]
    for octet in HELLO[: count(60, size)]:
        for peer in peers:
            peer.send(bytes((octet,)))


@attack(memory=TLS)
def no_tls_where_tls_is(target: Target, size: float) -> None:
    for what in (WHOLE, b"\x16\x03\x01\xff\xff" + bytes(70_000), b"\x15\x03\x01\x00\x02\x02\x28" * 50, bytes(9)):
        for _ in range(count(30, size)):
            target.connect(tls=True).send(what)


@attack()
def half_closed(target: Target, size: float) -> None:
    for _ in range(count(30, size)):
        for said in (b"", WHOLE[:40], WHOLE):
            peer = target.connect()
            peer.send(said)
            peer.half_close()


@attack()
def crowd(target: Target, size: float) -> None:
    for _ in range(count(300, size)):
        target.connect().send(WHOLE)


@attack()
def lengths_of_4_gib(target: Target, size: float) -> None:
    for kind in PDU_TYPES:
        for _ in range(count(5, size)):
            peer = target.connect()
            peer.send(pdu(kind, b"", 0xFFFFFFFF))
            peer.storm(bytes(60_000), count(200, size))


@attack()
def other_protocols(target: Target, size: float) -> None:
    random_bytes = random.Random(1).randbytes
    sayings = [b"GET / HTTP/1.1\r\nHost: \x1b[2J\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"SSH-2.0-x\r\n", b"\0" * 100]
    for number in range(count(200, size)):
        target.connect().send(sayings[number % 4] if number % 2 else random_bytes(500))


@attack()
def thousands_of_contexts(target: Target, size: float) -> None:
    many = b"".join(proposal(number, VERIFICATION, IMPLICIT) for number in range(count(65_000, size)))
    few = b"".join(proposal(number, VERIFICATION, *["1.2"] * 300) for number in range(count(60, size)))
    empty = item(0x20, b"") * count(60_000, size)
    for _ in range(count(8, size)):
        for each in (many[:240_000], few[:240_000], empty[:240_000], many[:1_040_000]):
            target.connect().send(request([each]))


@attack()
def thousands_of_items(target: Target, size: float) -> None:
    unknown = b"".join(item(kind, b"") for kind in range(0x60, 0x100)) * count(370, size)
    for _ in range(count(8, size)):
        for each in (unknown[:240_000], item(0xEE, b"\xff" * 60_000) * count(3, size)):
            target.connect().send(request(more=each))
            target.connect().send(request([proposal(1, VERIFICATION, IMPLICIT), each]))
        target.connect().send(request(user=[unknown[:60_000]]))


@attack()
def floods_of_roles(target: Target, size: float) -> None:
    name = struct.pack(">H", len(CT)) + CT.encode()
    role, extended = item(0x54, name + b"\1\1"), item(0x56, name + bytes(40))
    common = item(0x57, name + struct.pack(">H", 17) + b"1.2.840.10008.4.2" + struct.pack(">H", 0))
    for _ in range(count(10, size)):
        for each in (role, extended, common, item(0x54, b"\0\0\1\1"), item(0x54, b"\xff\xff" + name)):
            target.connect().send(request(user=[each * count(2_000, size)]))


@attack()
def huge_identities(target: Target, size: float) -> None:
    for kind in (1, 2, 3, 4, 5, 0, 255):
        for name in (b"\x1b[2J\n" * 10_000, b"\xff" * 60_000):
            fields = struct.pack(">BBH", kind, 1, len(name)) + name + struct.pack(">H", 0)
            for _ in range(count(4, size)):
                target.connect().send(request(user=[item(0x58, fields)]))
    lying = struct.pack(">BBH", 2, 1, 0xFFFF) + b"x"
    target.connect().send(request(user=[item(0x58, lying)]))


@attack()
def huge_uids(target: Target, size: float) -> None:
    long = b"1." + b"\x1b9" * 20_000
    for _ in range(count(10, size)):
        for each in (proposal(1, long, IMPLICIT), proposal(1, VERIFICATION, long), proposal(1, b"", b"")):
            target.connect().send(request([each]))
        target.connect().send(request(user=[item(0x52, long), item(0x55, long)]))


@attack()
def items_that_lie(target: Target, size: float) -> None:
    rng = random.Random(2)
    for _ in range(count(300, size)):
        wrong = bytearray(WHOLE)
        for _ in range(rng.randint(1, 6)):
            wrong[rng.randrange(6, len(wrong))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        target.connect().send(bytes(wrong), RELEASE_RQ)


@attack()
def resets_at_every_stage(target: Target, size: float) -> None:
    stages = [WHOLE[:at] for at in (0, 1, 6, 80, len(WHOLE) - 1)]
    for _ in range(count(20, size)):
        for said in stages:
            peer = target.connect()
            peer.send(said)
            peer.reset()
        for read in (0, 3, 30):
            peer = target.connect()
            peer.send(WHOLE)
            with suppress(OSError):
                peer.exactly(read)
            peer.reset()


@attack()
def requests_twice(target: Target, size: float) -> None:
    for _ in range(count(50, size)):
        target.connect().send(WHOLE * 2)
        target.connect().send(WHOLE + RELEASE_RQ * 10)


@attack()
def rejected_for_ever(target: Target, size: float) -> None:
    wrong = WHOLE.replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.9")
    for _ in range(count(300, size)):
        target.connect().send(wrong)
