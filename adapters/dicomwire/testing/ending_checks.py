"""Checks of deadlines, of ends, and of peers that do not do what one waits for."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from dicomwire.testing.channel_bench import Bench
from dicomwire.testing.channel_fault import Unfit, pattern
from dicomwire.testing.stream_checks import AT_ONCE, FLOOD, Came, carried, collect, compare

SHORT = 0.1
"""Seconds of a deadline that has to pass."""

SOME = 20000
"""Bytes that fit into any buffer."""

PIECE = 4 * AT_ONCE


async def silence_has_a_deadline(bench: Bench) -> None:
    """A read from a peer that sends nothing ends when its time is up, not before, and the next one gets what comes."""
    face = bench.right
    asked = f"{face.receives} for {SHORT} s from a peer that sends nothing"
    look_at = f"{face.receives}: it has to raise TimeoutError when the time is up"
    since = bench.now()
    try:
        data = await bench.ask(face.receive(SHORT), asked=asked, look_at=look_at)
    except TimeoutError:
        pass
    except OSError as error:
        raise Unfit(asked, f"{_shown(error)}, which is the end of the connection", look_at) from error
    else:
        came = f"{len(data)} bytes that nobody has sent" if data else "b'', the end of the stream"
        raise Unfit(asked, came, look_at)
    if (passed := bench.now() - since) < SHORT / 2:
        raise Unfit(asked, f"TimeoutError after {passed:.3f} s", look_at)
    asked = f"{face.receives} behind one whose time was up, of {SOME:,} bytes"
    look_at = f"{face.receives}: when its time is up it must leave the connection as it is"
    await carried(bench, bench.left, face, pattern(SOME), asked, look_at)


async def looking_does_not_wait(bench: Bench) -> None:
    """A read with no time left takes what is there, and returns at once."""
    face = bench.right
    look_at = f"{face.receives}: with 0 seconds it takes what is there, or raises TimeoutError"
    asked = f"{face.receives} with 0 seconds, from a peer that sends nothing"
    try:
        await bench.ask(face.receive(0), asked=asked, look_at=look_at)
    except TimeoutError:
        return
    raise Unfit(asked, "it returned, as if something had come", look_at)


async def a_peer_that_does_not_read_is_noticed(bench: Bench) -> None:
    """Who sends to a peer that takes nothing is made to wait, gives up when its time is up, and can close."""
    face, data = bench.left, pattern(PIECE)
    asked = f"{face.sends} with a limit of {SHORT} s, again and again, to a peer that never reads"
    look_at = f"{face.sends}: it has to wait until the peer takes it, and raise TimeoutError when that takes too long"
    for _ in range(0, FLOOD, PIECE):
        try:
            await bench.ask(face.send(data, SHORT), asked=asked, look_at=look_at)
        except TimeoutError:
            asked = f"{face.closes}, when the peer reads nothing"
            await bench.ask(face.close(), asked=asked, look_at=f"{face.closes}: it waits a moment at the most")
            return
        except OSError as error:
            raise Unfit(asked, _shown(error), look_at) from error
    raise Unfit(
        asked,
        f"no TimeoutError: {FLOOD:,} bytes were taken, and are in somebody's memory",
        "a buffer or a queue without a limit, or a task that reads ahead without end; " + look_at,
    )


async def the_end_of_the_stream_arrives(bench: Bench) -> None:
    """When one end is closed, the other one gets all that was sent, and then the end of the stream."""
    sent = pattern(SOME)
    asked = f"{bench.left.sends} of {SOME:,} bytes and {bench.left.closes}, then {bench.right.receives} to the end"
    look_at = f"{bench.left.closes}: what was sent before still goes out; {bench.right.receives}: b'' is the end"
    came = await _sent_and(bench, sent, bench.left.close(), None, asked, look_at)
    _ended(sent, came, asked, look_at)


async def _sent_and(
    bench: Bench, sent: bytes, end: Coroutine[Any, Any, None], count: int | None, asked: str, look_at: str
) -> Came:
    """What arrives of ``sent`` when ``end`` follows at once."""

    async def send() -> None:
        await bench.left.send(sent)
        await end

    sending = bench.start(send())
    came: Came = await bench.ask(collect(bench.right, count, bench.patience / 2), asked=asked, look_at=look_at)
    if came.data == sent:
        await bench.ended(sending, asked=asked, look_at=look_at)
    return came


def _ended(sent: bytes, came: Came, asked: str, look_at: str) -> None:
    compare(sent, came, asked, look_at)
    if not came.has_ended:
        raise Unfit(asked, "all bytes, but not the end of the stream", look_at)


async def a_half_close_arrives(bench: Bench) -> None:
    """Behind a half-close the peer sees the end of the stream, and can still answer."""
    sent, answer = pattern(SOME), pattern(SOME, 1)
    left, right = bench.left, bench.right
    asked = f"{left.sends} of {SOME:,} bytes, then {left.ends}, and {right.receives} at the other end"
    look_at = (
        f"{left.ends}: the peer has to see the end; a transport that cannot say it is checked with half_close=False"
    )
    count = None if bench.half_close else len(sent)
    came = await _sent_and(bench, sent, left.send_eof(), count, asked, look_at)
    if bench.half_close:
        _ended(sent, came, asked, look_at)
    else:
        compare(sent, came, asked, look_at)
    asked = f"an answer of {SOME:,} bytes to an end that has called {left.ends}"
    look_at = f"{left.ends}: nothing more is sent, but receiving goes on"
    try:
        await carried(bench, right, left, answer, asked, look_at)
    except OSError as error:
        raise Unfit(asked, _shown(error), look_at) from error


async def closing_may_be_repeated(bench: Bench) -> None:
    """Each end may be closed twice, and also when the other one is closed."""
    for face in (bench.left, bench.left, bench.right, bench.right):
        asked = f"{face.closes}, twice at each end"
        look_at = f"{face.closes}: if there is nothing to close any more, it does nothing"
        try:
            await bench.ask(face.close(), asked=asked, look_at=look_at)
        except Unfit:
            raise
        except Exception as error:
            raise Unfit(asked, _shown(error), look_at) from error


async def closing_wakes_who_reads(bench: Bench) -> None:
    """A read that waits without a deadline ends when the peer closes."""
    await _woken(bench, by_peer=True)


async def closing_wakes_ones_own_read(bench: Bench) -> None:
    """A read that waits ends when its own end is closed, where that may happen."""
    if bench.right.is_woken_by_closing:
        await _woken(bench, by_peer=False)


async def _woken(bench: Bench, *, by_peer: bool) -> None:
    closer = bench.left if by_peer else bench.right
    asked = f"{bench.right.receives} without a deadline, and meanwhile {closer.closes} of "
    asked += "the other end" if by_peer else "the same end"
    look_at = f"{closer.closes}: who waits has to hear of it, and gets b'' or an OSError"
    reading = bench.start(bench.right.receive(None))
    for _ in range(20):
        await bench.rest()
    await bench.ask(closer.close(), asked=asked, look_at=look_at)
    try:
        data = await bench.ended(reading, asked=asked, look_at=look_at)
    except OSError:
        return
    if data:
        raise Unfit(asked, f"{len(data)} bytes that nobody has sent", look_at)


async def a_peer_that_has_gone_is_noticed(bench: Bench) -> None:
    """Sending to a peer that has closed fails with an OSError."""
    face, data = bench.left, pattern(AT_ONCE)
    asked = f"{bench.right.closes} at one end, then {face.sends} again and again at the other"
    look_at = f"{face.sends}: a peer that cannot be reached is an OSError, such as BrokenPipeError"
    await bench.ask(bench.right.close(), asked=asked, look_at=look_at)
    for _ in range(0, FLOOD, AT_ONCE):
        if await _fails(bench, face.send(data, bench.patience / 2), asked, look_at):
            return
    raise Unfit(asked, f"no error, and {FLOOD:,} bytes were taken for it", look_at)


async def a_write_that_waits_is_told_of_the_end(bench: Bench) -> None:
    """A write that waits for the peer ends when that one closes, and what it raises is an OSError."""
    face = bench.left
    asked = f"{face.sends} of {FLOOD:,} bytes to a peer that reads nothing, and {bench.right.closes} there"
    look_at = f"{face.sends}: whatever it waits for must end with the connection, in an OSError"
    sending = bench.start(face.send(pattern(AT_ONCE) * (FLOOD // AT_ONCE)))
    for _ in range(20):
        await bench.rest()
    await bench.ask(bench.right.close(), asked=asked, look_at=look_at)
    # Some read on while they close: then all of it was taken.
    await _fails(bench, bench.ended(sending, asked=asked, look_at=look_at), asked, look_at)


async def _fails(bench: Bench, work: Coroutine[Any, Any, None], asked: str, look_at: str) -> bool:
    """Whether it raises an OSError; Unfit if it raises something else, or does not end."""
    try:
        await bench.ask(work, asked=asked, look_at=look_at)
    except OSError:
        return True
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(asked, f"{_shown(error)}, which is no OSError", look_at) from error
    return False


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
