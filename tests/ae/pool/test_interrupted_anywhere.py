"""A user of a pool who is interrupted, wherever anything is waited for, leaves no association and no place."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import pytest

from dicomwire import PoolClosed, evt
from tests.support.adapters import World
from tests.support.pools import CountingPeer, archive_at, closed, pool_of, using
from tests.support.storing import EXPLICIT, instance


class Interruption(BaseException):
    """Such as a cancellation."""


class Driven:
    """A coroutine that is driven by hand, one wait after the other."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self.is_over = False
        self.waits: Any = None

    def go_on(self) -> None:
        """To the next wait, or the end."""
        try:
            self.waits = self._work.send(None)
        except StopIteration:
            self.is_over = True

    def interrupt(self) -> None:
        """It is interrupted where it waits, and waits no more."""
        with pytest.raises(Interruption):
            self._work.throw(Interruption())
        self.is_over = True


async def when_ready(world: World, driven: Driven) -> None:
    """Until what it waits for has come true."""
    ready, deadline = driven.waits
    await world.until(lambda: ready() or (deadline is not None and world.network.now >= deadline))  # type: ignore[attr-defined]


async def used(pool: Any) -> None:
    async with pool.client() as client:
        assert await client.echo()


async def interrupted_at(world: World, work: Callable[[], Coroutine[Any, Any, Any]], count: int) -> bool:
    """Whether the ``count``-th wait was interrupted; else there are fewer."""
    driven = Driven(work())
    for turn in range(count):
        driven.go_on()
        if driven.is_over:
            return False
        if turn < count - 1:
            await when_ready(world, driven)
    driven.interrupt()
    return True


def waits(limit: int = 200) -> Iterator[int]:
    yield from range(1, limit)
    raise AssertionError("it does not end")


async def test_using_one(memory_world: World) -> None:
    world, peer = memory_world, CountingPeer()
    server = await world.serve(peer.handlers)
    for number in waits():
        async with using(pool_of(world, server, size=1, wait=0.5)) as pool:
            is_interrupted = await interrupted_at(world, partial(used, pool), number)
            assert "0 of 1 in use" in repr(pool)
            await used(pool)
        if not is_interrupted:
            break
    await world.until(lambda: len(peer.ended) == peer.came)


async def test_using_one_that_is_verified(memory_world: World) -> None:
    world, peer = memory_world, CountingPeer()
    server = await world.serve(peer.handlers)
    for number in waits():
        async with using(pool_of(world, server, size=1, verify=0)) as pool:
            await used(pool)
            is_interrupted = await interrupted_at(world, partial(used, pool), number)
            assert "0 of 1 in use" in repr(pool)
            await used(pool)
        if not is_interrupted:
            break
    await world.until(lambda: len(peer.ended) == peer.came)


async def test_using_one_in_place_of_another_kind(memory_world: World) -> None:
    world, peer = memory_world, CountingPeer()
    server = await world.serve([*peer.handlers, (evt.EVT_C_STORE, lambda event: 0x0000)])
    for number in waits():
        async with using(archive_at(world, server, size=1)) as archive:
            assert await archive.echo()
            is_interrupted = await interrupted_at(world, partial(archive.store, instance(EXPLICIT)), number)
            assert "0 of 1 in use" in repr(archive)
            assert await archive.echo()
        if not is_interrupted:
            break
    await world.until(lambda: len(peer.ended) == peer.came)


async def test_closing_it(memory_world: World) -> None:
    world, peer = memory_world, CountingPeer()
    server = await world.serve(peer.handlers)
    for number in waits():
        pool = pool_of(world, server)
        async with pool.client(), pool.client():
            pass
        is_interrupted = await interrupted_at(world, pool.aclose, number)
        assert repr(pool) == "<Pool: closed, 0 of 4 in use, 0 idle, 0 waiting>"
        await world.until(lambda: not server.active_associations)
        if not is_interrupted:
            break
    assert len(peer.ended) == peer.came


async def test_who_is_interrupted_before_he_has_what_he_was_granted_leaves_it_to_the_next(
    memory_world: World,
) -> None:
    world, peer = memory_world, CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, size=1, wait=None)) as pool:
        async with pool.client() as first:
            waiting = Driven(used(pool))
            waiting.go_on()
            assert " 1 waiting" in repr(pool)
        assert repr(pool) == "<Pool: 1 of 1 in use, 0 idle, 0 waiting>"
        waiting.interrupt()
        assert repr(pool) == "<Pool: 0 of 1 in use, 1 idle, 0 waiting>"
        async with pool.client() as second:
            assert second is first


async def test_the_same_when_the_pool_was_closed_meanwhile_ends_it(memory_world: World) -> None:
    world, peer = memory_world, CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, size=1, wait=None)) as pool:
        async with pool.client() as first:
            waiting = Driven(used(pool))
            waiting.go_on()
        await closed(pool)
        waiting.interrupt()
        assert first.is_aborted
    await world.until(lambda: not server.active_associations)


async def test_one_that_is_opened_while_the_pool_is_closed_is_not_lent(memory_world: World) -> None:
    world, peer = memory_world, CountingPeer()
    server = await world.serve(peer.handlers)
    pool = pool_of(world, server)
    opening = world.start(lambda: used(pool))
    await world.until(lambda: "1 of 4 in use" in repr(pool))
    await closed(pool)
    with pytest.raises(PoolClosed, match="while an association was opened"):
        await opening.result()
    await world.until(lambda: peer.ended == ["RELEASED"])


async def test_a_pool_that_a_cancelled_task_leaves_ends_everything_at_once(memory_world: World) -> None:
    world, peer = memory_world, CountingPeer()
    server = await world.serve(peer.handlers)

    async def work() -> None:
        async with pool_of(world, server) as pool:
            async with pool.client():
                pass
            async with pool.client(), pool.client():
                await world.signal().wait()

    driven = Driven(work())
    driven.go_on()
    while len(server.active_associations) < 2 or peer.came < 2:
        await when_ready(world, driven)
        driven.go_on()
    driven.interrupt()
    await world.until(lambda: peer.ended == ["ABORTED", "ABORTED"])


async def test_looking_after_what_is_idle(memory_world: World) -> None:
    world, peer = memory_world, CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, idle=5.0)) as pool:
        async with pool.client(), pool.client():
            pass
        looking = Driven(pool.lender.release_overdue())
        looking.go_on()
        looking.interrupt()
        assert repr(pool) == "<Pool: 0 of 4 in use, 0 idle, 0 waiting>"
        await world.until(lambda: peer.ended == ["ABORTED", "ABORTED"])
        await used(pool)


async def test_a_copy_begins_anew_and_gives_nothing_back_to_the_new_books(memory_world: World) -> None:
    world = memory_world
    server = await world.serve()
    async with using(pool_of(world, server, size=1)) as pool:
        async with pool.client() as old:
            pool.lender.forsake("this is a copy")
            assert repr(pool) == "<Pool: 0 of 1 in use, 0 idle, 0 waiting>"
            async with pool.client() as new:
                assert new is not old
        assert repr(pool) == "<Pool: 0 of 1 in use, 1 idle, 0 waiting>"
        async with pool.client() as again:
            assert again is new
    pool.lender.forsake("this is a copy")
    with pytest.raises(PoolClosed):
        await used(pool)
