"""Timeouts that are set while somebody waits already count at once: shorter, longer and none, on both sides."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import pytest
import trio

from dicomwire import evt
from tests.support.accepting import CONTEXTS, accepted, echoed, silent_after_acceptance
from tests.support.adapters import World, done
from tests.support.flags import ABORTED, RELEASED, flags
from tests.support.idling import LONG, SHORT, idle_pair, pause
from tests.support.patience import SOON
from tests.support.streams import RELEASE_RP, RELEASE_RQ


# -- network_timeout ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("of", ["association", "ae"])
@pytest.mark.parametrize("side", ["requestor", "acceptor"])
async def test_a_shorter_network_timeout_ends_an_association_that_is_idle_already(
    world: World, side: str, of: str
) -> None:
    association, acceptor = await idle_pair(world)
    quick = association if side == "requestor" else acceptor
    async with world.using(association):
        await pause(world, 0.12)
        (quick if of == "association" else quick.ae).network_timeout = SHORT
        await world.until(lambda: association.is_aborted and acceptor.is_aborted, SOON)
    assert "traffic" in quick.failure


async def test_an_acceptor_that_waits_already_may_release_instead(world: World) -> None:
    association, acceptor = await idle_pair(world)
    acceptor.network_timeout_response = "A-RELEASE"
    async with world.using(association):
        acceptor.network_timeout = SHORT
        await world.until(lambda: association.is_released and acceptor.is_released, SOON)
    assert flags(association) == flags(acceptor) == RELEASED


async def test_a_peer_that_does_not_answer_that_release_is_given_up(world: World) -> None:
    listener = await world.listen()

    async def peer() -> bytes:
        other = await accepted(listener)
        said: bytes = await other.pdu()
        await other.rest()
        await other.close()
        return said

    job = world.start(peer)
    client = world.ae()
    client.network_timeout = client.acse_timeout = LONG
    association = await world.associate(listener, ae=client, contexts=CONTEXTS)
    association.network_timeout_response = "A-RELEASE"
    async with world.using(association):
        await pause(world, 0.12)
        association.acse_timeout = association.network_timeout = SHORT
        await world.until(lambda: association.is_aborted, SOON)
    assert await job.result() == RELEASE_RQ


@pytest.mark.parametrize("seconds", [LONG, None])
@pytest.mark.parametrize("side", ["requestor", "acceptor"])
async def test_a_longer_network_timeout_keeps_an_association_that_is_idle_already(
    world: World, side: str, seconds: float | None
) -> None:
    for short in (0.4, 1.6, 6.4):
        association, acceptor = await idle_pair(world)
        one = association if side == "requestor" else acceptor
        began = time.monotonic()
        one.network_timeout = short
        await pause(world, 0.1)
        one.network_timeout = seconds
        if time.monotonic() - began < 0.7 * short:
            break
        # On so slow a machine it may have been over already.
        await done(association.abort())
    async with world.using(association):
        await pause(world, 1.5 * short)
        assert association.is_established and acceptor.is_established
        assert (await done(association.send_c_echo())).Status == 0x0000


async def test_a_timeout_may_be_set_again_and_again(world: World) -> None:
    association, acceptor = await idle_pair(world)
    async with world.using(association):
        for seconds in (LONG, 1.0, None, 0.9, LONG, SHORT):
            acceptor.network_timeout = seconds
        await world.until(lambda: acceptor.is_aborted, SOON)


async def test_a_timeout_may_be_set_in_another_thread(loop_world: World) -> None:
    association, acceptor = await idle_pair(loop_world)
    async with loop_world.using(association):
        in_thread: Any = asyncio.to_thread if loop_world.name == "asyncio" else trio.to_thread.run_sync
        await in_thread(setattr, acceptor, "network_timeout", SHORT)
        await loop_world.until(lambda: acceptor.is_aborted, SOON)


# -- acse_timeout -------------------------------------------------------------------------------------------------
async def test_a_shorter_acse_timeout_ends_the_wait_for_a_release(world: World) -> None:
    listener = await world.listen()

    job = world.start(partial(silent_after_acceptance, listener))
    client = world.ae()
    client.acse_timeout = LONG
    association = await world.associate(listener, ae=client, contexts=CONTEXTS)

    async def release() -> None:
        await done(association.release())

    releasing = world.start(release)
    await world.until(lambda: not association.is_established)
    await pause(world, 0.12)
    association.acse_timeout = SHORT
    await releasing.result()
    assert flags(association) == ABORTED
    await job.result()


async def test_a_longer_acse_timeout_gives_a_release_more_time(world: World) -> None:
    listener = await world.listen()
    go_on = world.signal()

    async def peer() -> None:
        other = await accepted(listener)
        await other.pdu()
        await go_on.wait()
        await other.send(RELEASE_RP)
        await other.close()

    job = world.start(peer)
    client = world.ae()
    client.acse_timeout = 0.5
    association = await world.associate(listener, ae=client, contexts=CONTEXTS)

    async def release() -> None:
        await done(association.release())

    releasing = world.start(release)
    await world.until(lambda: not association.is_established)
    await pause(world, 0.1)
    association.acse_timeout = None
    await pause(world, 0.6)
    go_on.set()
    await releasing.result()
    assert flags(association) == RELEASED
    await job.result()


async def test_a_shorter_acse_timeout_ends_the_wait_for_an_answer_to_a_request(world: World) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await listener.accept()
        await other.rest()
        await other.close()

    job = world.start(peer)
    client = world.ae()
    client.acse_timeout = LONG

    async def associate() -> Any:
        return await world.associate(listener, ae=client, contexts=CONTEXTS)

    associating = world.start(associate)
    await world.until(lambda: client.active_associations)
    await pause(world, 0.12)
    client.acse_timeout = SHORT
    association = await associating.result()
    assert flags(association) == ABORTED
    assert "association request" in association.failure
    await job.result()


async def test_a_shorter_acse_timeout_ends_the_wait_for_a_request(world: World) -> None:
    server = await world.serve()
    server.ae.acse_timeout = LONG
    peer = await world.connect(server)
    await world.until(lambda: server.active_associations)
    await pause(world, 0.12)
    server.ae.acse_timeout = SHORT
    await world.until(lambda: not server.active_associations, SOON)
    assert await peer.rest() == b""
    await peer.close()


# -- dimse_timeout ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("before", [LONG, None])
async def test_a_shorter_dimse_timeout_ends_the_wait_for_a_response(world: World, before: float | None) -> None:
    listener = await world.listen()

    job = world.start(partial(silent_after_acceptance, listener))
    client = world.ae()
    client.dimse_timeout, client.network_timeout = before, LONG
    association = await world.associate(listener, ae=client, contexts=CONTEXTS)

    echoing = world.start(partial(echoed, association))
    await pause(world, 0.12)
    association.dimse_timeout = SHORT
    assert not await echoing.result()
    assert "a response" in association.failure
    await job.result()


@pytest.mark.parametrize("after", [LONG, None])
async def test_a_longer_dimse_timeout_gives_a_response_more_time(world: World, after: float | None) -> None:
    go_on = world.signal()

    async def slow(event: evt.Event) -> int:
        await go_on.wait()
        return 0x0000

    server = await world.serve([(evt.EVT_C_ECHO, slow)])
    client = world.ae()
    client.dimse_timeout = 0.5
    association = await world.associate(server, ae=client)

    echoing = world.start(partial(echoed, association))
    await pause(world, 0.1)
    client.dimse_timeout = after
    await pause(world, 0.6)
    go_on.set()
    assert (await echoing.result()).Status == 0x0000
    await done(association.release())


async def test_without_a_dimse_timeout_any_more_the_network_timeout_finds_a_dead_peer(world: World) -> None:
    listener = await world.listen()

    job = world.start(partial(silent_after_acceptance, listener))
    client = world.ae()
    client.dimse_timeout, client.network_timeout = LONG, 0.3
    association = await world.associate(listener, ae=client, contexts=CONTEXTS)

    echoing = world.start(partial(echoed, association))
    await pause(world, 0.12)
    association.dimse_timeout = None
    assert not await echoing.result()
    assert "traffic" in association.failure
    await job.result()


async def test_everybody_who_waits_for_a_response_hears_of_it(blocking_world: World) -> None:
    listener = await blocking_world.listen()

    job = blocking_world.start(partial(silent_after_acceptance, listener))
    client = blocking_world.ae()
    client.dimse_timeout = client.network_timeout = LONG
    association = await blocking_world.associate(listener, ae=client, contexts=CONTEXTS)

    async def echo() -> Any:
        return association.send_c_echo()

    echoing = [blocking_world.start(echo) for _ in range(3)]
    await pause(blocking_world, 0.12)
    client.dimse_timeout = SHORT
    assert [len(await one.result()) for one in echoing] == [0, 0, 0]
    await job.result()
