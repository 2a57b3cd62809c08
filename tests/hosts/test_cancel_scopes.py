"""Whoever cancels knows its own cancellation again: by its message, or by what asyncio counts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from dicomwire.asyncio import Association, AssociationServer
from tests.hosts.loops import CONTEXTS, HOSTS, PATIENCE, Peers, image, run


async def to_nobody(peers: Peers, server: AssociationServer) -> None:
    """Associate with one that accepts connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        await peers.ae.associate("127.0.0.1", silent.getsockname()[1], contexts=CONTEXTS)


async def echo(peers: Peers, server: AssociationServer) -> None:
    association = await peers.associate(server)
    try:
        await association.send_c_echo()
    finally:
        assert association.is_aborted


async def beside_another(peers: Peers, server: AssociationServer) -> None:
    """Wait for the turn of another task, which waits for a response."""
    association = await peers.associate(server)
    peers.asked.clear()
    other = asyncio.create_task(association.send_c_echo())
    await peers.asked.wait()
    try:
        await association.send_c_store(image(100), msg_id=2)
    finally:
        association.kill()
        await other


async def closed(peers: Peers, server: AssociationServer) -> None:
    await (await peers.associate(server)).wait_closed()


WAITS: dict[str, Callable[[Peers, AssociationServer], Awaitable[None]]] = {
    "associate": to_nobody,
    "echo": echo,
    "turn": beside_another,
    "wait_closed": closed,
}


def scene(host: str, name: str, use: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]) -> None:
    async def work() -> None:
        peers = Peers()
        # Left by an exception it does not wait for its handlers.
        with suppress(LookupError):
            async with await peers.server(echo=peers.slow) as server:
                await use(lambda: WAITS[name](peers, server))
                raise LookupError

    run(host, work)


def each_wait(function: Any) -> Any:
    return pytest.mark.parametrize("host", HOSTS)(pytest.mark.parametrize("name", list(WAITS))(function))


@each_wait
def test_the_message_of_a_cancellation_is_kept(host: str, name: str) -> None:
    async def use(wait: Callable[[], Awaitable[None]]) -> None:
        async def waiting() -> None:
            await wait()

        for message in (("because",), ()):
            task = asyncio.create_task(waiting())
            await asyncio.sleep(0.05)
            task.cancel(*message)
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await task
            assert cancelled.value.args == message

    scene(host, name, use)


@each_wait
def test_a_timeout_of_asyncio_is_an_ordinary_one(host: str, name: str) -> None:
    async def use(wait: Callable[[], Awaitable[None]]) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait(), 0.05)
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]

    scene(host, name, use)


@each_wait
def test_a_task_group_ends_when_one_of_its_tasks_fails(host: str, name: str) -> None:
    async def use(wait: Callable[[], Awaitable[None]]) -> None:
        async def fail() -> None:
            await asyncio.sleep(0.05)
            raise LookupError

        async def waiting() -> None:
            await wait()

        with pytest.raises(ExceptionGroup) as failed:  # noqa: PT012
            async with asyncio.TaskGroup() as group:
                group.create_task(waiting())
                group.create_task(fail())
        assert [type(error) for error in failed.value.exceptions] == [LookupError]

    scene(host, name, use)


@each_wait
def test_a_scope_of_anyio_takes_its_own_cancellation_back(host: str, name: str) -> None:
    anyio = pytest.importorskip("anyio")

    async def use(wait: Callable[[], Awaitable[None]]) -> None:
        with anyio.move_on_after(0.05) as scope:
            await wait()
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError), anyio.fail_after(0.05):
            await wait()

        went_on: list[str] = []

        async def child() -> None:
            with anyio.move_on_after(PATIENCE), anyio.move_on_after(0.05):
                await wait()
            went_on.append("child")

        async with anyio.create_task_group() as group:
            group.start_soon(child)
        assert went_on == ["child"]
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.sleep(0.05)
            group.cancel_scope.cancel()
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]

    scene(host, name, use)


@pytest.mark.parametrize("host", HOSTS)
def test_a_scope_of_anyio_around_a_server_and_its_associations(host: str) -> None:
    anyio = pytest.importorskip("anyio")

    async def work() -> None:
        peers = Peers()
        kept: list[Association] = []
        with anyio.CancelScope() as scope:

            async def cancel() -> None:
                await peers.asked.wait()
                scope.cancel()

            task = asyncio.create_task(cancel())
            async with await peers.server(echo=peers.slow) as server, await peers.associate(server) as association:
                kept.append(association)
                await association.send_c_echo()
        await task
        assert scope.cancelled_caught
        assert kept[0].is_aborted and peers.ae.active_associations == []

    run(host, work)
