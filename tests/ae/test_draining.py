"""Servers that end and lose nothing: what is under way finishes, the rest is released, and time runs out."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from dicomwire import evt
from tests.support.accepting import requested
from tests.support.adapters import Job, Peer, Signal, World, done
from tests.support.sessions import echo_rq, whole_command
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ

LONG = 1000.0
"""Seconds that nobody waits for."""

WHO = pytest.mark.parametrize("who", ["ae", "server"])


def shutdown(world: World, server: Any, who: str, seconds: float) -> Job:
    """Begin to end it, and go on."""

    async def end() -> None:
        await done((server if who == "server" else server.ae).shutdown(drain=seconds))

    return world.start(end)


async def released(peer: Peer) -> None:
    """The peer is asked for release, and agrees."""
    assert await peer.pdu() == RELEASE_RQ
    await peer.send(RELEASE_RP)
    await peer.close()


class Slow:
    """A handler that is at work until it is told to be done."""

    def __init__(self, world: World) -> None:
        self.has_begun: Signal = world.signal()
        self.go_on: Signal = world.signal()

    async def __call__(self, event: evt.Event) -> int:
        self.has_begun.set()
        await self.go_on.wait()
        return 0x0000


@WHO
async def test_an_idle_association_is_released(world: World, who: str) -> None:
    server = await world.serve()
    peer = await requested(world, server)
    job = shutdown(world, server, who, LONG)
    await released(peer)
    await job.result()
    assert server.active_associations == []


@WHO
async def test_an_operation_under_way_is_finished_and_answered(world: World, who: str) -> None:
    slow = Slow(world)
    server = await world.serve([(evt.EVT_C_ECHO, slow)])
    peer = await requested(world, server)
    await peer.send(whole_command(1, echo_rq()))
    await slow.has_begun.wait()
    job = shutdown(world, server, who, LONG)
    # Nobody new meanwhile.
    await world.until(lambda: "stopped" in repr(server))
    assert not job.is_finished
    slow.go_on.set()
    answer = await peer.pdu()
    assert answer[0] == 4 and b"\x00\x09\x02\x00\x00\x00\x00\x00" in answer
    await released(peer)
    await job.result()


async def test_a_request_that_has_begun_to_arrive_is_an_operation(world: World) -> None:
    server = await world.serve()
    peer = await requested(world, server)
    command = whole_command(1, echo_rq())
    await peer.send(command[:20])
    await world.until(lambda: server.active_associations[0].line.session.is_at_work)
    job = shutdown(world, server, "ae", LONG)
    await world.until(lambda: "stopped" in repr(server))
    await peer.send(command[20:])
    assert (await peer.pdu())[0] == 4
    await released(peer)
    await job.result()


async def test_one_that_is_being_negotiated_is_established_first(world: World) -> None:
    slow = Slow(world)
    server = await world.serve([(evt.EVT_REQUESTED, slow)])
    job = world.start(partial(requested, world, server))
    await slow.has_begun.wait()
    ending = shutdown(world, server, "ae", LONG)
    await world.until(lambda: "stopped" in repr(server))
    slow.go_on.set()
    await released(await job.result())
    await ending.result()


async def test_a_connection_that_asks_for_nothing_is_closed(world: World) -> None:
    server = await world.serve()
    peer = await world.connect(server)
    await world.until(lambda: server.active_associations)
    job = shutdown(world, server, "ae", LONG)
    assert await peer.rest() == b""
    await peer.close()
    await job.result()


@WHO
async def test_what_is_left_at_the_deadline_is_aborted(world: World, who: str) -> None:
    server = await world.serve()
    peer, silent = await requested(world, server), await requested(world, server)
    await peer.send(whole_command(1, echo_rq())[:20])
    await world.until(lambda: server.active_associations[0].line.session.is_at_work)
    job = shutdown(world, server, who, 0.3)
    # One never sends the rest, the other does not answer the release request.
    assert await silent.pdu() == RELEASE_RQ
    assert (await peer.pdu())[0] == ABORT[0] == (await silent.pdu())[0]
    await peer.close()
    await silent.close()
    await job.result()
    assert server.active_associations == []


async def test_a_second_word_aborts_at_once(world: World) -> None:
    server = await world.serve()
    peer = await requested(world, server)
    await peer.send(whole_command(1, echo_rq())[:20])
    await world.until(lambda: server.active_associations[0].line.session.is_at_work)
    job = shutdown(world, server, "ae", LONG)
    await world.until(lambda: "stopped" in repr(server))
    again = world.start(lambda: done(server.ae.shutdown()))
    assert (await peer.pdu())[0] == ABORT[0]
    await peer.close()
    await again.result()
    await job.result()


async def test_ours_that_a_request_needs_is_there_as_long_as_it_takes(world: World) -> None:
    """As for a C-MOVE: the association to its destination is idle between two instances."""
    slow = Slow(world)
    there = await world.serve()
    seen: list[Any] = []

    async def move(event: evt.Event) -> int:
        ours = await world.associate(there, ae=event.assoc.ae)
        await slow(event)
        seen.append((await done(ours.send_c_echo())).Status)
        await done(ours.release())
        return 0x0000

    server = await world.serve([(evt.EVT_C_ECHO, move)])
    peer = await requested(world, server)
    await peer.send(whole_command(1, echo_rq()))
    await slow.has_begun.wait()
    job = shutdown(world, server, "ae", LONG)
    await world.until(lambda: "stopped" in repr(server))
    slow.go_on.set()
    assert (await peer.pdu())[0] == 4
    await released(peer)
    await job.result()
    assert seen == [0x0000]


async def test_our_own_associations_are_released_too(world: World) -> None:
    server = await world.serve()
    ae = world.ae("CLIENT")
    association = await world.associate(server, ae=ae)
    await done(ae.shutdown(drain=LONG))
    assert association.is_released and not ae.active_associations


async def test_without_time_everything_is_aborted_as_ever(world: World) -> None:
    server = await world.serve()
    peer = await requested(world, server)
    await done(server.ae.shutdown())
    assert (await peer.pdu())[0] == ABORT[0]
    await peer.close()
