"""The asyncio adapter in the loops that programs run: what works in one works in all."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import partial
from typing import Any

import pytest
from pydicom.dataset import Dataset

from tests.hosts.loops import COMMITMENT, FIND, HOSTS, Peers, image, run, until

pytestmark = pytest.mark.parametrize("host", HOSTS)
PLAIN_AND_TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@PLAIN_AND_TLS
def test_messages_of_every_size_go_both_ways(host: str, tls: bool) -> None:
    async def work() -> None:
        peers = Peers(tls=tls)
        async with await peers.server() as server, await peers.associate(server) as association:
            for _ in range(3):
                assert (await association.send_c_echo()).Status == 0x0000
            for length in (100, 70_000, 9 << 20):
                assert (await association.send_c_store(image(length))).Status == 0x0000
            assert peers.stored == [100, 70_000, 9 << 20]
            responses = [status.Status async for status, _ in await association.send_c_find(Dataset(), FIND)]
            assert responses == [0xFF00] * 50 + [0x0000]
        assert association.is_released

    run(host, work)


def test_many_associations_at_once(host: str) -> None:
    async def work() -> None:
        peers = Peers()

        async def one() -> None:
            async with await peers.associate(server) as association:
                assert (await association.send_c_store(image(200_000))).Status == 0x0000
                assert (await association.send_c_echo()).Status == 0x0000

        async with await peers.server() as server:
            await asyncio.gather(*(one() for _ in range(10)))
        assert peers.stored == [200_000] * 10

    run(host, work)


@PLAIN_AND_TLS
def test_a_store_that_is_cancelled_aborts(host: str, tls: bool) -> None:
    async def work() -> None:
        peers = Peers(tls=tls)
        async with await peers.server() as server:
            association = await peers.associate(server)
            task = asyncio.create_task(association.send_c_store(image(64 << 20)))
            await until(lambda: association.line.is_sending)
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError, match="enough"):
                await task
            assert association.is_aborted
            await until(lambda: peers.told == ["aborted", "server aborted"])

    run(host, work)


@PLAIN_AND_TLS
def test_an_abort_is_noticed_while_nobody_calls(host: str, tls: bool) -> None:
    async def work() -> None:
        peers = Peers(tls=tls)
        async with await peers.server() as server:
            for count in (1, 2, 3):
                association = await peers.associate(server)
                await until(lambda: server.active_associations[0].is_established)
                await server.active_associations[0].abort()
                await until(partial(getattr, association, "is_aborted"))
                assert not association.is_established
                assert peers.told.count("aborted") == count

    run(host, work)


def test_an_idle_association_is_ended_while_nobody_calls(host: str) -> None:
    async def work() -> None:
        peers = Peers()
        async with await peers.server() as server:
            peers.ae.network_timeout = 0.05
            association = await peers.associate(server)
            await until(lambda: association.is_aborted)
            assert "aborted" in peers.told

    run(host, work)


@PLAIN_AND_TLS
def test_every_event_report_is_answered_while_nobody_calls(host: str, tls: bool) -> None:
    async def work() -> None:
        peers = Peers(tls=tls)
        async with await peers.server() as server:
            association = await peers.associate(server)
            await until(lambda: server.active_associations[0].is_established)
            other = server.active_associations[0]
            for count in (1, 2, 3):
                information = Dataset()
                information.TransactionUID = "1.2.3"
                status, _ = await other.send_n_event_report(information, 1, COMMITMENT, "1.2.840.10008.1.20.1.1")
                assert status.Status == 0x0000
                assert peers.told.count("report") == count
                # In between as if nothing had happened.
                assert (await association.send_c_echo()).Status == 0x0000
            await association.release()

    run(host, work)


def test_a_server_that_is_left_by_an_exception_leaves_nothing(host: str) -> None:
    async def work() -> None:
        peers = Peers()
        server = await peers.server(echo=peers.slow)
        association = await peers.associate(server)
        echo = asyncio.create_task(association.send_c_echo())
        with pytest.raises(LookupError):  # noqa: PT012
            async with server:
                await peers.asked.wait()
                raise LookupError
        assert "Status" not in await echo
        assert association.is_aborted and peers.ae.active_associations == []

    run(host, work)


def test_a_connection_made_while_the_server_ends_is_closed(host: str) -> None:
    async def work() -> None:
        peers = Peers()
        made = asyncio.Event()
        server = await peers.server()
        adopt = server.adopt

        def adopted(association: Any) -> None:
            adopt(association)
            made.set()

        server.adopt = adopted  # type: ignore[method-assign]
        reader, writer = await asyncio.open_connection(*server.server_address)
        with pytest.raises(LookupError):  # noqa: PT012
            async with server:
                await made.wait()
                raise LookupError
        assert await reader.read() == b""
        writer.close()
        assert peers.ae.active_associations == []

    run(host, work)


@pytest.mark.parametrize("fails", [True, False], ids=["raises", "ends"])
def test_nothing_is_left_of_a_connection_that_the_loop_takes_up_as_the_server_ends(host: str, fails: bool) -> None:
    async def work() -> None:
        for turns in range(8):
            peers = Peers()
            with contextlib.suppress(LookupError):
                async with await peers.server() as server:
                    with socket.create_connection(server.server_address):
                        for _ in range(turns):
                            await asyncio.sleep(0)
                        if fails:
                            raise LookupError
            assert peers.ae.active_associations == [], turns
            # Who accepts, and timers, may need another turn.
            await until(lambda: len(asyncio.all_tasks()) == 1)

    run(host, work)
