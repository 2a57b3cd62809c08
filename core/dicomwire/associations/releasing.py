"""The release of an association, asked for by us, by the peer, or by both at once (PS3.8 7.2 and 9.2)."""

from __future__ import annotations

from dicomwire.associations import events as evt
from dicomwire.associations.line import Line
from dicomwire.compat.pdu_primitives import A_RELEASE
from dicomwire.upper_layer.connection_events import ReleaseRequested
from dicomwire.upper_layer.pdus import ReleaseRP, ReleaseRQ
from dicomwire.upper_layer.state import State

_REQUEST, _ANSWER = ReleaseRQ(), ReleaseRP()


async def release(line: Line) -> None:
    """Ask the peer for release and wait for its answer; an abort or the deadline ends the wait too."""
    if not _is_established(line):
        return
    with line.exchange:
        while line.is_sending:
            await line.turn()
        if not _is_established(line):
            # It has ended meanwhile, or somebody else has asked for release.
            return
        line.session.connection.send(_REQUEST)
        await asked_for_release(line)
        await line.wait_closed()


def _is_established(line: Line) -> bool:
    return line.standing.is_established and line.session.connection.state is State.STA6


async def asked_for_release(line: Line) -> None:
    """The request is queued: from here on there is no association to be used."""
    line.standing.is_established = False
    if line.handlers.bound[evt.EVT_ACSE_SENT]:
        await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, A_RELEASE)
    await line.flush()


async def release_requested(line: Line, event: ReleaseRequested) -> None:
    """The peer asks for release: it gets it.  In a collision, where both have asked, the requestor answers first."""
    if line.handlers.bound[evt.EVT_ACSE_RECV]:
        await line.handlers.notify_primitive(evt.EVT_ACSE_RECV, A_RELEASE)
    if event.collision and not line.sides.is_requestor:
        # The requestor answers first (AR-8); its answer brings us to Sta12.
        return
    line.standing.is_established = False
    if line.performing and not event.collision and not line.session.outstanding:
        # It has not waited for the responses of what runs beside the reading.  It gets them first, as where nothing
        # runs beside it: Sta8 lets us send (AR-7).
        line.owes_release = True
        return
    await _answer(line)
    if not event.collision:
        await line.ending.finish("released")


async def performed(line: Line) -> None:
    """Of the operations during which the peer asked for release one is over; it is answered behind the last."""
    if not line.performing and line.session.connection.state is State.STA8:
        line.owes_release = False
        await _answer(line)
        await line.ending.finish("released")


async def release_confirmed(line: Line) -> None:
    """The peer has answered our request; in a collision the acceptor's turn to answer has come."""
    if line.handlers.bound[evt.EVT_ACSE_RECV]:
        await line.handlers.notify_primitive(evt.EVT_ACSE_RECV, _affirmed)
    if line.session.connection.state is State.STA12:
        await _answer(line)
    await line.ending.finish("released")


async def _answer(line: Line) -> None:
    line.session.connection.send(_ANSWER)
    if line.handlers.bound[evt.EVT_ACSE_SENT]:
        await line.handlers.notify_primitive(evt.EVT_ACSE_SENT, _affirmed)
    await line.flush()


def _affirmed() -> A_RELEASE:
    return A_RELEASE(result="affirmative")
