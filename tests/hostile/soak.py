"""``python -m tests.hostile soak ADAPTER N``: many associations, a part of them cut, and what is left of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from attrs import frozen

from tests.hostile.target import Target
from tests.hostile.wire import ABORT, RELEASE_RQ, SECONDS, Peer, data, echo, store

INSTANCE = bytes.fromhex("08001800 06000000 312e322e3300") + bytes.fromhex("e07f1000 00000100") + bytes(65536)
"""64 KiB of pixels, and whose they are."""

STORE = store(3), data(3, INSTANCE)

CUT_EVERY = 10
PEERS = 4
"""At the same time."""


def ordinary(port: int) -> None:
    """Echo, store, release."""
    with Peer(port).established() as peer:
        peer.send(echo())
        assert peer.pdu()[:1] == b"\x04"
        peer.send(*STORE)
        assert peer.pdu()[:1] == b"\x04"
        peer.send(RELEASE_RQ)
        assert peer.pdu()[:1] == b"\x06"


def cut(port: int, way: int) -> None:
    """One that ends otherwise, in one of several ways."""
    with Peer(port).established() as peer:
        match way % 5:
            case 0:
                peer.send(echo(), ABORT)
            case 1:
                peer.send(STORE[0], STORE[1][:30_000])
            case 2:
                peer.send(STORE[0], STORE[1][:30_000])
                peer.reset()
            case 3:
                peer.send(*STORE, ABORT)
            case 4:
                peer.send(b"\x55" * 20)
                peer.rest()


@frozen
class Growth:
    """What there is after so many associations."""

    associations: int
    memory: int
    """Bytes more than after the first tenth."""

    rate: float
    """Associations a second."""

    def __str__(self) -> str:
        return f"{self.associations:7} associations: {self.memory / 1000:+9.0f} kB, {self.rate:.0f} a second"


def soak(target: Target, count: int, tell: Callable[[str], object] = print) -> Iterator[str]:
    """Have ``count`` associations, in ten parts; what is not as it should be, in words."""
    before, part = target.held("gc"), max(1, count // 10)
    first = memory = 0

    def one(number: int) -> None:
        if number % CUT_EVERY:
            ordinary(target.port)
        else:
            cut(target.port, number // CUT_EVERY)

    with ThreadPoolExecutor(PEERS) as peers:
        for at in range(0, count, part):
            began = time.monotonic()
            for _ in peers.map(one, range(at, min(at + part, count))):
                pass
            rate = part / (time.monotonic() - began)
            yield from target.settled(before, SECONDS)
            target.held("gc")
            memory = target.memory()
            first = first or memory
            tell(str(Growth(min(at + part, count), memory - first, rate)))
    if memory - first > 5_000_000:
        yield f"{(memory - first) / 1e6:.1f} MB more than after the first {part} associations"
    yield from target.settled(before, SECONDS)
