"""Associations on which nothing happens for a while."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import evt
from tests.support.adapters import Recorder, World

SHORT = 0.05
LONG = 30.0
"""Longer than a test may take."""


async def pause(world: World, seconds: float) -> None:
    """Let time pass, and everybody settle in what they wait for."""
    if world.name == "memory":
        await world.network.sleep(seconds)  # type: ignore[attr-defined]
        return
    with pytest.raises(TimeoutError):
        await world.until(lambda: False, seconds)


async def idle_pair(world: World) -> tuple[Any, Any]:
    """A requestor and its acceptor, which have waited for each other for a while."""
    seen = Recorder()
    server = await world.serve(seen.bindings(evt.EVT_ESTABLISHED))
    server.ae.network_timeout = server.ae.acse_timeout = LONG
    client = world.ae()
    client.network_timeout = LONG
    association = await world.associate(server, ae=client)
    await world.until(lambda: seen.names)
    await pause(world, 0.12)
    return association, seen.of(evt.EVT_ESTABLISHED)[0].assoc
