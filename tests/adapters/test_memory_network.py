"""What the network in memory says to those who mix it with an event loop."""

from __future__ import annotations

import asyncio

import pytest

from dicomwire import EchoRequest, Service, ServiceFailed, Status, StoreRequest, memory
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
