"""What the network in memory says to those who mix it with an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import Iterator

import pytest

from dicomwire import EchoRequest, Service, ServiceFailed, Status, StoreRequest, memory
from dicomwire.dimse.session import Session
from dicomwire.upper_layer.connection import Connection
from dicomwire.upper_layer.state import Role
from tests.support.storing import instance


async def ask(network: memory.Network, service: Service) -> Status:
    async with (
        memory.serve(("memory", 104), service, network=network),
        memory.connect("memory", 104, network=network, services=["echo", "store"]) as peer,
    ):
        await peer.echo()
        return await peer.store(instance())


def test_an_event_loop_cannot_run_it() -> None:
    with pytest.raises(RuntimeError, match=r"run by Network\.run\(\)"):
        asyncio.run(ask(memory.Network(), Service()))


def test_a_handler_that_awaits_a_loop_is_told_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    network, service = memory.Network(), Service()

    @service.echo
    async def echo(request: EchoRequest) -> Status:
        await asyncio.sleep(0)
        return Status.SUCCESS

    @service.store
    async def store(request: StoreRequest) -> Status:
        await asyncio.sleep(0)
        return Status.SUCCESS

    with pytest.raises(ServiceFailed, match="0xC211"):
        network.run(ask(network, service))
    assert "such as Network.sleep()" in caplog.text


def test_what_it_runs_is_told_too() -> None:
    with pytest.raises(RuntimeError, match=r"such as Network\.sleep\(\)"):
        memory.Network().run(asyncio.sleep(0))


def test_a_request_is_made_of_a_data_set() -> None:
    with pytest.raises(TypeError, match="such as dcmread gives, not of str"):
        StoreRequest.made_by_hand("CT.dcm")  # type: ignore[arg-type]


def test_who_loops_over_a_coroutine_by_hand_takes_nothing_up() -> None:
    network, entity = memory.Network(), memory.AE()
    entity.network = network
    entity.add_requested_context("1.2.840.10008.1.1")
    network.listen(Nobody(), 104)
    with pytest.raises(RuntimeError, match=r"run by Network\.run\(\)"):
        entity.associate("memory", 104).send(None)


class Nobody:
    def take_up(self, end: memory.End, address: tuple[str, int]) -> None:
        pytest.fail("was taken up")


def test_what_was_started_has_its_first_turn_when_the_rest_is_over() -> None:
    network, begun = memory.Network(), []

    async def late() -> None:
        begun.append(True)
        await network.sleep(1)

    async def starts() -> None:
        network.spawn(late())

    network.run(starts())
    assert begun == [True]


def test_who_pumps_while_another_waits_for_data_returns_when_that_one_has_taken_it() -> None:
    network, fed = memory.Network(), list[bool]()
    here, there = memory.ends(network)
    channel = memory.MemoryChannel(Session(Connection(Role.ACCEPTOR)), here)

    async def pumps_too() -> None:
        await network.sleep(1)
        there.send(b"\x01\x00\x00\x00\x00\x04data")
        await channel.pump()
        fed.append(not here.has_arrived())

    network.run(channel.pump(), pumps_too())
    assert fed == [True]


def test_what_goes_on_without_end_does_not_keep_what_is_over() -> None:
    network = memory.Network()

    async def turn() -> None: ...

    async def turns() -> None:
        while True:
            network.spawn(turn())
            await network.until(lambda: True)

    async def starts() -> None:
        network.spawn(turns())
        await network.until(lambda: True)

    network.run(starts())


async def connected(network: memory.Network, ended: list[object], last: float = 0) -> None:
    service = Service()
    async with (
        memory.serve(("memory", 104), service, network=network),
        memory.connect("memory", 104, network=network, services=["echo"]) as peer,
    ):
        try:
            await network.sleep(100)
        finally:
            await network.sleep(last)
            ended.append((network.now, peer.is_established))


async def fails(network: memory.Network) -> None:
    await network.sleep(1)
    raise ZeroDivisionError


def test_if_one_fails_the_others_clean_up() -> None:
    network, ended = memory.Network(), list[object]()
    with pytest.raises(ZeroDivisionError):
        network.run(connected(network, ended, last=2), fails(network))
    assert ended == [(3, True)]
    assert network.run(connected(network, ended)) == [None]


def test_who_never_ends_cleaning_up_is_closed() -> None:
    network, ended = memory.Network(), []

    async def waits() -> None:
        try:
            await network.until(lambda: False)
        finally:
            ended.append(True)
            await network.until(lambda: False)

    with pytest.raises(ZeroDivisionError):
        network.run(waits(), fails(network))
    assert ended == [True]
    network.run_until_idle()


def test_what_cleaning_up_raises_is_noted() -> None:
    async def waits(network: memory.Network) -> None:
        try:
            await network.sleep(100)
        finally:
            raise KeyError("gone")

    network = memory.Network()
    with pytest.raises(ZeroDivisionError) as raised:
        network.run(waits(network), fails(network))
    assert raised.value.__notes__ == ["while it cleaned up, another coroutine raised KeyError('gone')"]


def test_who_waits_for_a_task_that_failed_is_told_what_it_raised() -> None:
    network, carried = memory.Network(), list[bytes]()

    async def carries() -> None:
        raise ValueError("no bytes")

    async def waits() -> None:
        network.spawn(carries())
        await network.until(lambda: bool(carried))

    with pytest.raises(RuntimeError, match="never happen") as raised:
        network.run(waits())
    assert raised.value.__notes__ == ["a task that was started raised ValueError('no bytes')"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_who_is_interrupted_in_a_handler_or_task_is_not_ignored(error: type[BaseException]) -> None:
    network, ended = memory.Network(), list[object]()

    async def interrupted() -> None:
        await network.sleep(1)
        raise error

    async def waits() -> None:
        network.spawn(interrupted())
        await connected(network, ended)

    with pytest.raises(error):
        network.run(waits())
    assert ended == [(1, True)]


def test_a_handler_that_is_interrupted_ends_the_run() -> None:
    network, service = memory.Network(), Service()

    @service.echo
    async def echo(request: EchoRequest) -> Status:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network.run(ask(network, service))


def test_a_function_in_place_of_a_coroutine_is_told() -> None:
    network = memory.Network()

    async def main() -> None:
        """Never called."""

    with pytest.raises(TypeError, match="a function is to be called"):
        network.run(main)  # type: ignore[arg-type]


def test_others_may_be_run_to_their_end_by_what_is_run() -> None:
    network = memory.Network()

    async def pause(seconds: float) -> float:
        await network.sleep(seconds)
        return network.now

    async def runs() -> list[float]:
        await network.sleep(1)
        network.run_until_idle()
        return network.run(pause(1))

    assert network.run(runs(), pause(1), pause(1), pause(2)) == [[2], 1, 1, 2]


def test_what_a_condition_raises_is_raised_where_that_is_waited_for() -> None:
    network, told = memory.Network(), []

    async def waits() -> None:
        try:
            await network.until(lambda: bool(1 / 0))
        except ZeroDivisionError:
            told.append(network.now)

    network.run(waits())
    assert told == [0]


def test_a_network_does_not_wait_for_what_is_of_another_one() -> None:
    network = memory.Network()
    with pytest.raises(RuntimeError, match="not by another one"):
        memory.Network().run(network.sleep(1))


async def left(network: memory.Network, cleaned: list[object]) -> None:
    async def waits() -> None:
        service = Service()
        async with (
            memory.serve(("memory", 104), service, network=network),
            memory.connect("memory", 104, network=network, services=["echo"]),
        ):
            try:
                await network.sleep(100)
            finally:
                cleaned.append(True)
                await network.sleep(1)

    network.spawn(waits())
    await network.sleep(1)


def test_what_was_left_in_a_network_is_dropped_in_silence_wherever_that_is_noticed() -> None:
    cleaned = list[object]()

    def leave() -> None:
        network = memory.Network()
        network.run(left(network, cleaned))

    async def notices() -> None:
        leave()
        gc.collect()

    with catch_unraisable() as unraisable:
        memory.Network().run(notices())
        leave()
        gc.collect()
    assert (cleaned, unraisable) == ([True, True], [])


def test_who_waits_again_and_again_cleaning_up_is_closed_for_good() -> None:
    network = memory.Network()

    async def waits() -> None:
        try:
            await network.until(lambda: False)
        finally:
            try:
                await network.until(lambda: False)
            finally:
                await network.until(lambda: False)

    with catch_unraisable() as unraisable:
        with pytest.raises(ZeroDivisionError) as raised:
            network.run(waits(), fails(network))
        gc.collect()
    assert unraisable == []
    assert not hasattr(raised.value, "__notes__")


@contextlib.contextmanager
def catch_unraisable() -> Iterator[list[object]]:
    caught = list[object]()
    before, sys.unraisablehook = sys.unraisablehook, lambda told: caught.append(repr(told.exc_value))
    try:
        yield caught
    finally:
        sys.unraisablehook = before
