"""Checks of what a transport carries: all of it, in order, whatever the pieces."""

from __future__ import annotations

import contextlib

from attrs import frozen

from dicomwire.testing.channel_bench import Bench, Job
from dicomwire.testing.channel_faces import Face
from dicomwire.testing.channel_fault import Unfit, difference, pattern

SIZES: tuple[int, ...] = (1, 2, 3, 7, 61, 1000, 4095, 4096, 16384, 65535, 65536, 65537, 300000)
"""Bytes that are written at once."""

LARGE = 4 * 1024 * 1024
AT_ONCE = 64 * 1024
ROUNDS = 24
FLOOD = 64 * 1024 * 1024


@frozen
class Came:
    """What was received."""

    data: bytes
    has_ended: bool


async def collect(face: Face, count: int | None, seconds: float) -> Came:
    """Receive so many bytes, or up to the end of the stream, or until nothing comes for so many seconds."""
    data = bytearray()
    while count is None or len(data) < count:
        try:
            piece = await face.receive(seconds)
        except TimeoutError:
            return Came(bytes(data), has_ended=False)
        except OSError:
            piece = b""
        if not piece:
            return Came(bytes(data), has_ended=True)
        data += piece
    return Came(bytes(data), has_ended=False)


def compare(sent: bytes, came: Came, asked: str, look_at: str) -> None:
    """Unfit if it is not the same."""
    if (told := difference(sent, came.data)) is not None:
        told += ", and then the stream had ended" if came.has_ended else ""
        raise Unfit(asked, told, look_at)


async def bytes_arrive_in_order(bench: Bench) -> None:
    """What is sent in pieces of any size arrives whole and in order, in both directions."""
    for source, target in ((bench.left, bench.right), (bench.right, bench.left)):
        sent = pattern(sum(SIZES))
        receiving = bench.start(collect(target, len(sent), bench.patience / 2))
        sending = bench.start(_send_in_pieces(source, sent))
        asked = f"{target.receives} of {len(sent):,} bytes, which were sent in pieces of 1 to {max(SIZES):,}"
        look_at = f"{source.sends}, which sends all of what it is given and in that order; {target.receives}"
        compare(sent, await bench.ended(receiving, asked=asked, look_at=look_at), asked, look_at)
        asked = f"{source.sends} of {len(SIZES)} pieces of 1 to {max(SIZES):,} bytes, which the peer has read"
        look_at = f"{source.sends}: it returns when all was taken"
        await bench.ended(sending, asked=asked, look_at=look_at)


async def _send_in_pieces(face: Face, data: bytes) -> None:
    at = 0
    for size in SIZES:
        await face.send(data[at : at + size])
        at += size


async def small_messages_are_not_held_back(bench: Bench) -> None:
    """A few bytes arrive without more being sent behind them."""
    look_at = "a buffer that waits until it is full, or a read that waits until it has as much as was asked for"
    for number in range(8):
        source, target = (bench.left, bench.right) if number % 2 == 0 else (bench.right, bench.left)
        sent = pattern(10 + number)
        asked = f"{source.sends} of {len(sent)} bytes and nothing else, then {target.receives}"
        await carried(bench, source, target, sent, asked, look_at)


async def carried(bench: Bench, source: Face, target: Face, sent: bytes, asked: str, look_at: str) -> None:
    """Send it, and receive it meanwhile: there are transports that wait for each other."""
    sending = bench.start(source.send(sent))
    came = await bench.ask(collect(target, len(sent), bench.patience / 2), asked=asked, look_at=look_at)
    compare(sent, came, asked, look_at)
    await bench.ended(sending, asked=asked, look_at=look_at)


async def a_large_write_is_whole(bench: Bench) -> None:
    """A write that is larger than what the transport holds waits for the peer to read, and loses nothing."""
    sent = pattern(LARGE)
    asked = f"{bench.left.sends} of {LARGE:,} bytes at once, to a peer that begins to read when that waits"
    look_at = f"{bench.left.sends}: where the system takes a part, the rest has to follow before it returns"
    sending = bench.start(bench.left.send(sent))
    for _ in range(20):
        await bench.rest()
    came = await bench.ask(collect(bench.right, LARGE, bench.patience / 2), asked=asked, look_at=look_at)
    compare(sent, came, asked, look_at)
    await bench.ended(sending, asked=asked, look_at=look_at)


async def both_may_send_at_once(bench: Bench) -> None:
    """Two ends that send a lot to each other, and read meanwhile, do not wait for each other."""
    asked = f"{bench.left.sends} of {LARGE:,} bytes at both ends at once, and {bench.left.receives} at both"
    look_at = "one lock, buffer or task for both directions: sending must not wait for receiving, nor the other way"
    sent = pattern(LARGE), pattern(LARGE, 1)
    faces = (bench.left, bench.right)
    sending = [bench.start(face.send(data)) for face, data in zip(faces, sent, strict=True)]
    receiving = [bench.start(collect(face, LARGE, bench.patience / 2)) for face in faces]
    for data, job in zip(reversed(sent), receiving, strict=True):
        compare(data, await bench.ended(job, asked=asked, look_at=look_at), asked, look_at)
    for job in sending:
        await bench.ended(job, asked=asked, look_at=look_at)


async def memory_is_not_kept(bench: Bench) -> None:
    """What was given to be sent is used again as soon as that has returned."""
    sent, memory = pattern(ROUNDS * 1000), bytearray(1000)
    asked = f"{bench.left.sends} of a bytearray that holds other bytes as soon as it has returned"
    look_at = f"{bench.left.sends}: it has to send all before it returns, or to keep a copy"

    async def send() -> None:
        for at in range(0, len(sent), len(memory)):
            memory[:] = sent[at : at + len(memory)]
            await bench.left.send(memory)
            memory[:] = bytes(len(memory))

    sending = bench.start(send())
    came = await bench.ask(collect(bench.right, len(sent), bench.patience / 2), asked=asked, look_at=look_at)
    await bench.ended(sending, asked=asked, look_at=look_at)
    compare(sent, came, asked, look_at)


async def a_read_given_up_loses_nothing(bench: Bench) -> None:
    """A read that is cancelled, or whose time is up, leaves what arrives to the next one."""
    face, sent, came = bench.right, pattern(ROUNDS * 500), bytearray()
    asked = f"{face.receives} again and again, " + ("cancelled" if bench.can_cancel else "for 1 ms each")
    look_at = f"{face.receives}: what it has taken from below when it gives up must be there for the next one"

    async def send() -> None:
        for number in range(ROUNDS):
            for _ in range(number % 5):
                await bench.rest()
            await bench.left.send(sent[number * 500 : number * 500 + 500])

    sending = bench.start(send())
    for number in range(ROUNDS):
        job = bench.start(face.receive(None if bench.can_cancel else 0.001))
        for _ in range(1 + number % 4):
            await bench.rest()
        bench.cancel(job)
        with contextlib.suppress(TimeoutError):
            came += await bench.ended(job, asked=asked, look_at=look_at) or b""
    rest = await bench.ask(collect(face, len(sent) - len(came), bench.patience / 2), asked=asked, look_at=look_at)
    compare(sent, Came(bytes(came) + rest.data, rest.has_ended), asked, look_at)
    await bench.ended(sending, asked=asked, look_at=look_at)


async def others_are_not_starved(bench: Bench) -> None:
    """While one connection is flooded, a few bytes get through on another one."""
    asked = f"{ROUNDS} short messages to and fro, while another connection is flooded by its peer"
    look_at = "a loop that goes on while there is something to do, without letting others run; a lock that all share"
    one, other = await bench.pair()
    talk = bench.start(_talk(bench, one, other))
    flooding = bench.start(_flood(bench, talk))
    reading = bench.start(_drain(bench.right, flooding))
    await bench.wait(talk, bench.patience)
    moved = await bench.ended(flooding, asked=asked, look_at=look_at)
    if moved:
        came = f"nothing on the other, up to the end of the flood of {moved:,} bytes"
        raise Unfit(asked, came, look_at)
    told = await bench.ended(talk, asked=asked, look_at=look_at)
    if told is not None:
        raise Unfit(asked, told, "what connections share: a buffer, a queue or a name")
    await bench.ended(reading, asked=f"{bench.right.receives} of the rest of the flood", look_at=bench.right.receives)


async def others_are_not_held_up_by_silence(bench: Bench) -> None:
    """While one connection waits for a peer that is silent, a few bytes get through on another one."""
    asked = f"{ROUNDS} short messages to and fro, while another connection waits in {bench.right.receives}"
    look_at = f"{bench.right.receives}: a lock that all share, and that is held while somebody waits"
    one, other = await bench.pair()
    waiting = bench.start(bench.right.receive(2 * bench.patience))
    await bench.rest()
    told = await bench.ask(_talk(bench, one, other), asked=asked, look_at=look_at)
    if told is not None:
        raise Unfit(asked, told, look_at)
    await bench.left.send(b"now")
    await bench.ended(waiting, asked=f"{bench.right.receives} of what it has waited for", look_at=look_at)


async def _talk(bench: Bench, one: Face, other: Face) -> str | None:
    """Send short messages to and fro; what was not right with those that came."""
    for number in range(ROUNDS):
        sent = pattern(40 + number, 2)
        sending = bench.start(one.send(sent))
        came = await collect(other, len(sent), seconds := bench.patience / 2)
        if not came.data:
            return f"nothing of message {number + 1}, for {seconds:g} s"
        if pattern(AT_ONCE).find(came.data[:16]) >= 0:
            return "bytes that were sent over the other connection"
        if (told := difference(sent, came.data)) is not None:
            return told
        await bench.wait(sending, seconds)
        one, other = other, one
    return None


async def _flood(bench: Bench, talk: Job) -> int:
    """Send as long as they talk; the bytes sent, if that was all there is and they are still not done, else 0."""
    data, moved = pattern(AT_ONCE), 0
    until = bench.now() + bench.patience
    while not talk.is_done:
        if bench.now() > until if bench.is_preemptive else moved >= FLOOD:
            return moved
        await bench.left.send(data)
        moved += len(data)
    return 0


async def _drain(face: Face, flooding: Job) -> None:
    """Receive until that is done, and nothing more comes."""
    while True:
        try:
            if not await face.receive(0.05):
                return
        except TimeoutError:
            if flooding.is_done:
                return
