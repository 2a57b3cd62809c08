"""Whoever is cancelled, or a copy of what another process has, leaves a pool as it should be."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from textwrap import dedent
from typing import Any

import pytest
import trio

import dicomwire.asyncio
import dicomwire.trio
from dicomwire import evt
from tests.support.adapters import LOCALHOST, World, done, port_of
from tests.support.cancelling import cancelled_after
from tests.support.patience import SOON
from tests.support.pools import CountingPeer, pool_of, using
from tests.support.processes import run_python


async def test_who_is_cancelled_in_use_ends_the_association(loop_world: World) -> None:
    world, peer = loop_world, CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, size=1)) as pool:
        begun = world.signal()
        clients = []

        async def work() -> None:
            async with pool.client() as client:
                clients.append(client)
                begun.set()
                await world.signal().wait()

        await cancelled_after(world, work, begun)
        assert clients[0].is_aborted
        async with pool.client() as client:
            assert await client.echo()
    await world.until(lambda: peer.ended == ["ABORTED", "RELEASED"])


async def test_who_is_cancelled_in_an_operation_leaves_the_place_to_the_next(loop_world: World) -> None:
    world = loop_world
    begun, never = world.signal(), world.signal()
    came: list[evt.Event] = []

    async def echo(event: evt.Event) -> int:
        came.append(event)
        begun.set()
        if len(came) == 1:
            await never.wait()
        return 0x0000

    server = await world.serve([(evt.EVT_C_ECHO, echo)])
    async with using(pool_of(world, server, size=1, wait=None)) as pool:

        async def work() -> None:
            async with pool.client() as client:
                await client.echo()

        await cancelled_after(world, work, begun)
        async with pool.client() as client:
            assert await client.echo()
        never.set()


async def test_who_is_cancelled_while_waiting_gets_nothing_that_others_wait_for(loop_world: World) -> None:
    world = loop_world
    server = await world.serve()
    async with using(pool_of(world, server, size=1, wait=None)) as pool:

        async def work() -> int:
            async with pool.client():
                return 1

        async with pool.client():
            begun = world.signal()
            begun.set()
            await cancelled_after(world, work, begun)
            await world.until(lambda: " 0 waiting" in repr(pool))
            others = [world.start(work) for _ in range(2)]
            await world.until(lambda: " 2 waiting" in repr(pool))
        assert [await other.result() for other in others] == [1, 1]


async def test_who_is_cancelled_while_one_is_opened_leaves_the_place_to_the_next(loop_world: World) -> None:
    world, asked, go_on = loop_world, loop_world.signal(), loop_world.signal()

    async def accepting(event: evt.Event) -> None:
        asked.set()
        await go_on.wait()

    server = await world.serve([(evt.EVT_REQUESTED, accepting)])
    async with using(pool_of(world, server, size=1, wait=None)) as pool:

        async def work() -> None:
            async with pool.client():
                pass

        await cancelled_after(world, work, asked)
        assert repr(pool) == "<Pool: 0 of 1 in use, 0 idle, 0 waiting>"
        go_on.set()
        async with pool.client() as client:
            assert await client.echo()


async def test_who_is_cancelled_while_the_peer_is_asked_whether_it_is_there_is_gone_at_once(loop_world: World) -> None:
    world, asked, go_on = loop_world, loop_world.signal(), loop_world.signal()

    async def echo(event: evt.Event) -> int:
        asked.set()
        await go_on.wait()
        return 0x0000

    server = await world.serve([(evt.EVT_C_ECHO, echo)])
    async with using(pool_of(world, server, size=1, verify=0)) as pool:

        async def work() -> Any:
            async with pool.client() as client:
                return client

        first = await work()
        await cancelled_after(world, work, asked)
        assert first.is_aborted
        assert repr(pool) == "<Pool: 0 of 1 in use, 0 idle, 0 waiting>"
        go_on.set()


# -- event loops -------------------------------------------------------------------------------------------------------
def test_a_pool_of_asyncio_is_for_one_loop_at_a_time_and_begins_anew_on_the_next(blocking_world: World) -> None:
    async def scenario() -> None:
        port = port_of(await blocking_world.serve())
        pool = dicomwire.asyncio.Pool(LOCALHOST, port)

        async def use() -> Any:
            async with pool.client() as client:
                assert await client.echo()
                return client

        async def use_and_end() -> Any:
            client = await use()
            await client.release()
            return client

        async def close() -> None:
            await use()
            with pytest.raises(RuntimeError, match="a pool is for one event loop"):
                await asyncio.to_thread(lambda: asyncio.run(use()))
            await pool.aclose()

        first = asyncio.run(use_and_end())
        assert first is not asyncio.run(use_and_end())
        asyncio.run(close())

    blocking_world.run(scenario)


def test_a_pool_that_nobody_closes_ends_with_its_loop(blocking_world: World) -> None:
    async def scenario() -> None:
        peer = CountingPeer()
        port = port_of(await blocking_world.serve(peer.handlers))
        pool = dicomwire.asyncio.Pool(LOCALHOST, port)

        async def use() -> None:
            async with pool.client() as client, pool.client():
                assert await client.echo()

        asyncio.run(use())
        await blocking_world.until(lambda: peer.ended == ["ABORTED", "ABORTED"])
        asyncio.run(pool.aclose())

    blocking_world.run(scenario)


def test_a_pool_of_trio_is_open_inside_async_with(blocking_world: World) -> None:
    async def scenario() -> None:
        port = port_of(await blocking_world.serve())

        async def main() -> None:
            pool = dicomwire.trio.Pool(LOCALHOST, port)
            with pytest.raises(RuntimeError, match="'async with' the pool first"):
                async with pool.client():
                    pass
            async with pool:
                with pytest.raises(RuntimeError, match="one 'async with' is for all"):
                    async with pool:
                        pass
                async with pool.client() as client:
                    assert await client.echo()
            assert client.is_released

        trio.run(main)

    blocking_world.run(scenario)


def test_an_error_in_the_body_of_a_trio_pool_comes_out_as_it_is(blocking_world: World) -> None:
    async def scenario() -> None:
        port = port_of(await blocking_world.serve())
        clients: list[Any] = []

        async def main() -> None:
            async with dicomwire.trio.Pool(LOCALHOST, port) as pool, pool.client() as client:
                clients.append(client)
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            trio.run(main)
        assert clients[0].is_aborted

    blocking_world.run(scenario)


def test_a_cancelled_trio_pool_waits_for_nobody(blocking_world: World) -> None:
    async def scenario() -> None:
        port = port_of(await blocking_world.serve())
        clients: list[Any] = []

        async def main() -> None:
            with trio.CancelScope() as scope:
                async with dicomwire.trio.Pool(LOCALHOST, port) as pool:
                    async with pool.client() as client:
                        clients.append(client)
                    async with pool.client() as client, pool.client() as other:
                        clients.append(other)
                        scope.cancel()
                        await trio.lowlevel.checkpoint()
            assert scope.cancelled_caught

        trio.run(main)
        assert [client.is_aborted for client in clients] == [True, True]

    blocking_world.run(scenario)


# -- threads -----------------------------------------------------------------------------------------------------------
async def test_threads_that_fail_and_go_on_leave_nothing(blocking_world: World) -> None:
    world, peer = blocking_world, CountingPeer()
    server = await world.serve(peer.handlers)
    pool = pool_of(world, server, size=3, wait=SOON, verify=0)
    served: list[int] = []

    def work(number: int) -> None:
        for turn in range(6):
            try:
                with pool.client() as client:
                    assert client.echo()
                    served.append(number)
                    if (number + turn) % 3 == 0:
                        raise LookupError
            except LookupError:
                pass

    threads = [threading.Thread(target=work, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert len(served) == 54
    assert peer.most <= 3
    assert "0 of 3 in use" in repr(pool) and " 0 waiting" in repr(pool)
    pool.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "dicomwire-pool"]
    await world.until(lambda: len(peer.ended) == peer.came)


async def test_without_a_thread_for_it_what_is_idle_is_released_at_the_end(
    blocking_world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world, peer = blocking_world, CountingPeer()
    server = await world.serve(peer.handlers)
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name == "dicomwire-pool":
            raise RuntimeError("can't start new thread")
        start(thread)

    with pool_of(world, server) as pool:
        monkeypatch.setattr(threading.Thread, "start", refused)
        with pool.client() as client:
            assert client.echo()
        assert "idle associations are not released in time: can't start new thread" in caplog.text
        monkeypatch.undo()
        with pool.client() as again:
            assert again is client
    await world.until(lambda: peer.ended == ["RELEASED"])


INTERRUPTED = dedent("""
    import signal, sys
    from dicomwire import Pool
    with Pool("127.0.0.1", int(sys.argv[1]), size=1, wait=None) as pool:
        with pool.client() as client:
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                with pool.client():
                    pass
            except KeyboardInterrupt:
                print(pool)
            assert client.echo()
        print(pool)
""")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such timer")
async def test_ctrl_c_ends_the_wait_for_a_place(blocking_world: World) -> None:
    server = await blocking_world.serve()
    printed = run_python(INTERRUPTED, str(port_of(server)))
    assert printed.splitlines() == [
        "<Pool: 1 of 1 in use, 0 idle, 0 waiting>",
        "<Pool: 0 of 1 in use, 1 idle, 0 waiting>",
    ]


FORK = dedent("""
    import os, sys, threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    from dicomwire import Pool
    pool = Pool("127.0.0.1", int(sys.argv[1]), size=1, wait=5)
    with pool.client() as mine:
        assert mine.echo()
    holding = pool.client()
    with holding:
        pid = os.fork()
        if not pid:
            # The one place is the parent's: here there is another.
            try:
                with pool.client() as other:
                    assert other is not mine and other.echo()
                pool.close()
            except BaseException as error:
                print(repr(error), flush=True)
                os._exit(1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert mine.echo()
    with pool.client() as again:
        assert again is mine and again.echo()
    pool.close()
    print(threading.active_count() - 1 - sum(t.name == "dicomwire-watcher" for t in threading.enumerate()), "left")
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
async def test_a_fork_has_a_pool_of_its_own(blocking_world: World) -> None:
    world, peer = blocking_world, CountingPeer()
    server = await world.serve(peer.handlers)
    assert run_python(FORK, str(port_of(server)), forks=True) == "0 left\n"
    await world.until(lambda: peer.ended == ["RELEASED", "RELEASED"])


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list descriptors")
async def test_descriptors_are_closed_with_the_pool(blocking_world: World) -> None:
    world = blocking_world
    server = await world.serve()
    with pool_of(world, server) as warm, warm.client() as client:
        assert await done(client.echo())
    await world.until(lambda: not server.active_associations)
    before = len(os.listdir("/proc/self/fd"))
    with pool_of(world, server) as pool, pool.client(), pool.client(), pool.client():
        pass
    await world.until(lambda: not server.active_associations)
    await world.until(lambda: len(os.listdir("/proc/self/fd")) <= before)
