"""A recorded association as the script of a peer."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from dicomwire.testing.script import ScriptStep, close, send
from dicomwire.testing.script_play import Doing, HeardMessage, Play, ScriptFailed, Wish
from dicomwire.tracing.trace_records import OF_THE_PEER, OURS, RecordKind, TracedAssociation
from dicomwire.upper_layer.pdus import HEADER, PDataTF, decode_pdu


def recorded(association: TracedAssociation, *, recorder: bool = False) -> list[ScriptStep]:
    """What the peer of a recorded association did, as steps: it sends the same bytes at the same points.

    A point is where the side that recorded had sent so many messages, and PDUs of other kinds; what is in them, and how
    they are cut, may differ now.  With ``recorder`` it is that side whose part is taken.  Where data sets were left out
    of the recording they are zeros.

    Raises:
        ValueError: it holds nothing that this side has sent.
    """
    theirs, ours = (OURS, OF_THE_PEER) if recorder else (OF_THE_PEER, OURS)
    steps: list[ScriptStep] = []
    others, queued, waited = bytearray(), bytearray(), 0
    for record in association.records:
        if record.kind in ours:
            if queued:
                steps.append(send(bytes(queued)))
                queued.clear()
            others.extend(record.bytes_crossed)
        elif record.kind in theirs:
            if (due := _count(others)) > waited:
                steps.append(_wait(due - waited))
                waited = due
            queued.extend(record.bytes_crossed)
        elif record.kind is RecordKind.RECEIVED_END and not recorder:
            break
    if queued:
        steps.append(send(bytes(queued)))
    if not any(step.name.startswith("send") for step in steps):
        raise ValueError("this side of the recorded association has sent nothing")
    if (due := _count(others)) > waited:
        steps.append(_wait(due - waited))
    return [*steps, close()]


def _wait(count: int) -> ScriptStep:
    def perform(play: Play) -> Doing:
        for _ in range(count):
            pdu = yield from play.pdu()
            if pdu is None:
                raise ScriptFailed("the stream has ended, where more was recorded")
            if isinstance(pdu, PDataTF):
                yield from play.message(pdu)

    return ScriptStep(f"recorded({count} to come)", perform)


def _count(data: bytearray) -> int:
    """How many messages, and PDUs of other kinds, there are; those of which all is there."""
    return sum(_whole(data))


def _whole(data: bytearray) -> Iterator[int]:
    play = Play()
    message: Generator[Wish, bytes, HeardMessage] | None = None
    at = 0
    while len(data) - at >= HEADER.size:
        length = HEADER.size + HEADER.unpack_from(data, at)[1]
        if len(data) - at < length:
            return
        pdu = decode_pdu(bytes(data[at : at + length]))
        at += length
        if not isinstance(pdu, PDataTF):
            yield 1
            continue
        raw = bytes(data[at - length : at])
        try:
            if message is None:
                started = play.message(pdu)
                next(started)
                message = started
            else:
                # It has asked for the head of this PDU.
                message.send(raw[: HEADER.size])
                message.send(raw[HEADER.size :])
        except StopIteration:
            message = None
            yield 1
