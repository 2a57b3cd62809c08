"""What a pool gives out works: an association that has died meanwhile, or may have, is replaced."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import Refused, Timeouts, build_context, evt
from dicomwire.pooling import lender
from tests.support.adapters import CT_IMAGE_STORAGE, World, done, keep, port_of
from tests.support.pools import CountingPeer, pool_of, using
from tests.support.scripted import accepting


async def test_one_that_the_peer_has_aborted_is_replaced(world: World) -> None:
    peer = CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, size=1)) as pool:
        async with using(pool.client()) as first:
            assert await done(first.echo())
        await world.until(lambda: peer.came == 1)
        await done(peer.association(0).abort())
        await world.until(lambda: not first.is_established)
        async with using(pool.client()) as second:
            assert await done(second.echo())
        assert second is not first


async def test_all_are_replaced_when_the_peer_was_started_anew(world: World) -> None:
    entity = world.ae("SERVER")
    server = await world.serve(ae=entity)
    port = port_of(server)
    async with using(pool_of(world, server, size=2, verify=0)) as pool:
        async with using(pool.client()) as one, using(pool.client()) as other:
            pass
        await done(entity.shutdown())
        await world.until(lambda: not (one.is_established or other.is_established))
        again = await world.serve(address=("127.0.0.1", port))
        assert port_of(again) == port
        async with using(pool.client()) as one, using(pool.client()) as other:
            assert await done(one.echo())
            assert await done(other.echo())


async def test_nobody_there_any_more_is_told_as_at_the_first_time(socket_world: World) -> None:
    world = socket_world
    entity = world.ae("SERVER")
    server = await world.serve(ae=entity)
    async with using(pool_of(world, server, size=1, verify=0, wait=1.0)) as pool:
        async with using(pool.client()):
            pass
        await done(entity.shutdown())
        for _ in range(2):
            with pytest.raises(Refused, match="refused"):
                async with using(pool.client()):
                    pass
        assert "0 of 1 in use" in repr(pool)


async def test_a_peer_that_does_not_answer_an_echo_is_left_for_another_association(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lender, "ECHO_TIME", 0.05)
    stuck, peer = world.signal(), CountingPeer()

    async def echo(event: evt.Event) -> int:
        if event.assoc is peer.association(0):
            await stuck.wait()
        return 0x0000

    server = await world.serve([*peer.handlers[1:], (evt.EVT_C_ECHO, echo)])
    async with using(pool_of(world, server, size=1, verify=0)) as pool:
        async with using(pool.client()) as first:
            assert first.is_established
        async with using(pool.client()) as second:
            assert first.is_aborted
            assert second is not first
            assert await done(second.echo())
            # As long as ever for who uses it.
            assert second.timeouts.response == first.timeouts.response
        stuck.set()


async def test_only_what_was_idle_for_long_is_asked_and_what_answers_is_lent_again(world: World) -> None:
    echoes: list[evt.Event] = []
    server = await world.serve([(evt.EVT_C_ECHO, lambda event: keep(echoes, event))])
    async with using(pool_of(world, server, verify=60.0)) as pool:
        for _ in range(3):
            async with using(pool.client()):
                pass
        assert not echoes
    async with using(pool_of(world, server, verify=0)) as pool:
        used = []
        for _ in range(3):
            async with using(pool.client()) as client:
                used.append(client)
        assert len(echoes) == 2
        assert used[0] is used[1] is used[2]


async def test_an_answer_that_is_a_failure_is_a_sign_of_life(world: World) -> None:
    server = await world.serve([(evt.EVT_C_ECHO, lambda event: 0x0122)])
    async with using(pool_of(world, server, verify=0)) as pool:
        async with using(pool.client()) as first:
            pass
        async with using(pool.client()) as second:
            assert second is first


async def test_where_there_is_no_verification_an_idle_one_is_replaced(world: World) -> None:
    server = await world.serve(contexts=[build_context(CT_IMAGE_STORAGE)])
    options: dict[str, Any] = {"contexts": [CT_IMAGE_STORAGE], "verify": 0}
    async with using(pool_of(world, server, **options)) as pool:
        async with using(pool.client()) as first:
            pass
        async with using(pool.client()) as second:
            assert second is not first
            assert second.is_established


async def test_peers_that_do_not_answer_a_release_are_not_waited_for_one_after_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lender, "RELEASE_TIME", 0.05)
    listener = await world.listen()

    async def accept() -> list[Any]:
        return [await accepting(listener) for _ in range(3)]

    peers = world.start(accept)
    clients = []
    async with using(pool_of(world, listener, timeouts=Timeouts(close=0.05))) as pool:
        async with using(pool.client()) as one, using(pool.client()) as two, using(pool.client()) as three:
            clients += [one, two, three]
        silent = await peers.result()
    assert [client.is_aborted for client in clients] == [True] * 3
    asked = [await peer.rest() for peer in silent]
    # One was asked for release; time was up for the others.
    assert sorted(each[0] for each in asked) == [5, 7, 7]
