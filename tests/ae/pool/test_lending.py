"""A pool lends associations: the same again, never more than its size, first come, first served."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from dicomwire import AllInUse, PoolClosed, Refused, ServiceFailed, Status, Timeouts, evt
from tests.support.adapters import LOCALHOST, World, done, port_of
from tests.support.finding import match
from tests.support.pools import CONTEXTS, CountingPeer, closed, pool_of, using


async def test_an_association_is_used_again(world: World) -> None:
    peer = CountingPeer()
    server = await world.serve(peer.handlers)
    used = []
    async with using(pool_of(world, server)) as pool:
        for _ in range(3):
            async with using(pool.client()) as client:
                used.append(client)
                assert (await done(client.echo())).is_success
    assert used[0] is used[1] is used[2]
    await world.until(lambda: peer.ended == ["RELEASED"])
    assert peer.came == 1


async def test_many_users_at_once_are_no_more_than_the_size_at_the_peer(world: World) -> None:
    peer = CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, size=3, wait=None)) as pool:

        async def work() -> int:
            for _ in range(5):
                async with using(pool.client()) as client:
                    assert (await done(client.echo())).is_success
            return 5

        jobs = [world.start(work) for _ in range(12)]
        assert sum([await job.result() for job in jobs]) == 60
        assert len(server.active_associations) <= 3
    assert 1 <= peer.came <= 3
    assert peer.most <= 3


def said_of(pool: Any, words: str) -> bool:
    return words in repr(pool)


async def test_who_comes_first_gets_the_next_one(world: World) -> None:
    server = await world.serve()
    served: list[int] = []
    async with using(pool_of(world, server, size=1, wait=None)) as pool:

        async def work(number: int) -> None:
            async with using(pool.client()):
                served.append(number)

        jobs = []
        async with using(pool.client()):
            for number in range(6):
                jobs.append(world.start(partial(work, number)))
                waiting = f" {number + 1} waiting"
                await world.until(partial(said_of, pool, waiting))
        for job in jobs:
            await job.result()
    assert served == [*range(6)]


async def test_one_that_waits_too_long_is_told_so_and_nothing_is_lost_by_it(world: World) -> None:
    server = await world.serve()
    async with using(pool_of(world, server, size=2, wait=0.02)) as pool:
        async with using(pool.client()), using(pool.client()):
            with pytest.raises(AllInUse, match=r"no association became free within 0.02 s: 2 of 2 are in use") as told:
                async with using(pool.client()):
                    pass
            assert isinstance(told.value, Exception)
        assert repr(pool) == "<Pool: 0 of 2 in use, 2 idle, 0 waiting>"
        async with using(pool.client()) as client:
            assert await done(client.echo())


async def test_what_nobody_uses_is_released(world: World) -> None:
    peer = CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, idle=0.05)) as pool:
        async with using(pool.client()), using(pool.client()):
            pass
        await world.until(lambda: peer.ended == ["RELEASED", "RELEASED"])
        await world.until(lambda: repr(pool) == "<Pool: 0 of 4 in use, 0 idle, 0 waiting>")
        async with using(pool.client()) as client:
            assert await done(client.echo())
        await world.until(lambda: len(peer.ended) == 3)


async def test_nothing_is_kept_idle_where_idle_is_0(world: World) -> None:
    peer = CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, idle=0)) as pool:
        for _ in range(2):
            async with using(pool.client()) as client:
                assert await done(client.echo())
        await world.until(lambda: peer.ended == ["RELEASED", "RELEASED"])


async def test_an_idle_association_is_no_business_of_its_own_idle_timeout(world: World) -> None:
    server = await world.serve()
    options: dict[str, Any] = {"timeouts": Timeouts(idle=0.05), "idle": 60.0}
    async with using(pool_of(world, server, **options)) as pool, using(pool.client()) as client:
        assert client.timeouts.idle == 60.05
    options["idle"] = None
    async with using(pool_of(world, server, **options)) as pool, using(pool.client()) as client:
        assert client.timeouts.idle is None


async def test_a_connection_may_take_as_long_to_open_as_a_place_may(world: World) -> None:
    server = await world.serve()
    async with using(pool_of(world, server, wait=7.0)) as pool, using(pool.client()) as client:
        assert client.timeouts.connect == 7.0
    async with using(pool_of(world, server, wait=7.0, timeouts=Timeouts())) as pool, using(pool.client()) as client:
        assert client.timeouts.connect is None


# -- what went wrong in use --------------------------------------------------------------------------------------------
async def failing(pool: Any, used: list[Any], error: Exception) -> None:
    async with using(pool.client()) as client:
        used.append(client)
        raise error


async def test_an_exception_in_use_ends_the_association_and_the_next_user_has_another(world: World) -> None:
    peer = CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, size=1)) as pool:
        used: list[Any] = []
        with pytest.raises(ZeroDivisionError):
            await failing(pool, used, ZeroDivisionError())
        assert used[0].is_aborted
        async with using(pool.client()) as second:
            assert await done(second.echo())
        assert second is not used[0]
    await world.until(lambda: peer.ended == ["ABORTED", "RELEASED"])


@pytest.mark.parametrize("error", [ServiceFailed(Status.OUT_OF_RESOURCES), Refused("no context")])
async def test_an_answer_that_is_a_failure_ends_nothing(world: World, error: Exception) -> None:
    peer = CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server)) as pool:
        used: list[Any] = []
        with pytest.raises(type(error)):
            await failing(pool, used, error)
        async with using(pool.client()) as second:
            assert second is used[0]
    assert peer.came == 1


async def test_one_with_a_request_under_way_is_not_lent_again(world: World) -> None:
    peer = CountingPeer()
    finding = (evt.EVT_C_FIND, lambda event: ((0xFF00, match(str(number))) for number in range(100)))
    server = await world.serve([*peer.handlers, finding], contexts=CONTEXTS)
    async with using(pool_of(world, server)) as pool:
        async with using(pool.client()) as client:
            responses = client.find({"PatientName": ""})
            first = await anext(responses) if hasattr(responses, "__anext__") else next(responses)
            assert str(first.PatientName) == "0"
        assert client.is_aborted
        assert repr(pool) == "<Pool: 0 of 4 in use, 0 idle, 0 waiting>"


async def test_a_peer_that_refuses_costs_no_place(world: World) -> None:
    entity = world.ae("SERVER")
    entity.require_called_aet = True
    server = await world.serve(ae=entity)
    async with using(pool_of(world, server, size=1, wait=0.05, to="NOBODY")) as pool:
        for _ in range(3):
            with pytest.raises(Refused, match="called AE title not recogni"):
                async with using(pool.client()):
                    pass
        assert repr(pool) == "<Pool: 0 of 1 in use, 0 idle, 0 waiting>"


# -- the end ---------------------------------------------------------------------------------------------------------
async def test_closed_in_use_it_ends_what_is_used_and_tells_who_waits(world: World) -> None:
    peer = CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server, size=1, wait=None)) as pool:

        async def work() -> None:
            async with using(pool.client()):
                pass

        async with using(pool.client()) as client:
            waiting = world.start(work)
            await world.until(lambda: " 1 waiting" in repr(pool))
            await closed(pool)
            assert client.is_aborted
            with pytest.raises(PoolClosed):
                await waiting.result()
        with pytest.raises(PoolClosed, match="the pool is closed"):
            async with using(pool.client()):
                pass
        await closed(pool)
        assert repr(pool) == "<Pool: closed, 0 of 1 in use, 0 idle, 0 waiting>"
    await world.until(lambda: not server.active_associations)


async def test_it_may_wait_for_those_in_use(world: World) -> None:
    peer = CountingPeer()
    server = await world.serve(peer.handlers)
    async with using(pool_of(world, server)) as pool:
        begun, go_on = world.signal(), world.signal()

        async def work() -> Any:
            async with using(pool.client()) as client:
                begun.set()
                await go_on.wait()
                return await done(client.echo())

        working = world.start(work)
        await begun.wait()
        closing = world.start(lambda: closed(pool, 30.0))
        await world.until(lambda: "closed" in repr(pool))
        go_on.set()
        assert await working.result()
        await closing.result()
    await world.until(lambda: peer.ended == ["RELEASED"])


async def test_a_client_is_for_one_with_at_a_time(world: World) -> None:
    server = await world.serve()
    async with using(pool_of(world, server)) as pool:
        lent = pool.client()
        async with using(lent):
            with pytest.raises(RuntimeError, match="ask for a client"):
                async with using(lent):
                    pass
        async with using(lent) as client:
            assert await done(client.echo())


# -- arguments ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"size": 0}, ValueError, "at least one association, not 0"),
        ({"size": 1.5}, TypeError, "an int, not float"),
        ({"size": True}, TypeError, "an int, not bool"),
        ({"idle": -1}, ValueError, "'idle' cannot be -1 seconds"),
        ({"wait": "3"}, TypeError, "'wait' is seconds or None, not str"),
        ({"verify": float("nan")}, ValueError, "'verify' cannot be nan"),
        ({"sice": 3}, TypeError, "Pool.. got an unexpected keyword argument 'sice'"),
        ({"sock": None}, TypeError, "unexpected keyword argument 'sock'"),
        ({"services": ["finds"]}, ValueError, "no service is called 'finds'"),
        ({"timeouts": 3}, TypeError, "timeouts are Timeouts, not int"),
        ({"entity": 3}, TypeError, "'entity' must be an AE"),
        ({"to": "A TITLE THAT IS TOO LONG"}, ValueError, "'to'"),
        ({"title": ""}, ValueError, "ae_title"),
    ],
)
async def test_a_bad_argument_is_told_when_the_pool_is_made(
    world: World, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    server = await world.serve()
    with pytest.raises(error, match=said):
        pool_of(world, server, **options)


async def test_an_address_has_a_port(socket_world: World) -> None:
    from importlib import import_module

    module = import_module(f"dicomwire.{socket_world.name}")
    with pytest.raises(TypeError, match=r"Pool\(\) needs a host and its port"):
        module.Pool(LOCALHOST)
    server = await socket_world.serve()
    with pytest.raises(TypeError, match=r"Archive\(\) got an unexpected keyword argument 'services'"):
        module.Archive(LOCALHOST, port_of(server), services=["find"])


async def test_infinity_is_no_limit(world: World) -> None:
    server = await world.serve()
    forever = float("inf")
    options = {"idle": forever, "wait": forever, "verify": forever}
    async with using(pool_of(world, server, size=1, **options)) as pool, using(pool.client()) as client:
        assert await done(client.echo())
