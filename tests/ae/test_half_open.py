"""Who connects and asks for nothing takes nobody's place."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire.associations import half_open
from tests.support.adapters import VERIFICATION, Peer, World, done
from tests.support.scripted import offering
from tests.support.sessions import IMPLICIT, proposal, request

REQUEST = request([proposal(1, VERIFICATION, IMPLICIT)]).encode()
LIMIT_EXCEEDED = bytes.fromhex("0300 00000004 00 02 03 02")


async def silent(world: World, server: Any, count: int) -> list[Peer]:
    """That many that send nothing, and have been accepted."""
    before = len(server.ae.half_open)
    peers = [await world.connect(server) for _ in range(count)]
    await world.until(lambda: len(server.ae.half_open) == before + count)
    return peers


async def test_silent_connections_take_no_place(world: World) -> None:
    ae = world.ae("SERVER")
    ae.maximum_associations = 1
    server = await world.serve(ae=ae)
    peers = await silent(world, server, 3)
    association = await world.associate(server)
    assert association.is_established
    assert len(ae.half_open) == 3
    for peer in peers:
        await peer.close()
    await world.until(lambda: not len(ae.half_open))
    assert association.is_established
    await done(association.release())


@pytest.mark.parametrize("setting", ["maximum_half_open", "maximum_half_open_per_address"])
async def test_the_oldest_silent_connection_goes_for_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setattr(half_open, "GRACE", 0.0)
    ae = world.ae("SERVER")
    # No time ends them.
    ae.acse_timeout = None
    setattr(ae, setting, 2)
    server = await world.serve(ae=ae)
    first, second = await silent(world, server, 2)
    association = await world.associate(server)
    assert association.is_established
    assert await first.read(1) == b""
    await second.send(REQUEST)
    assert (await second.pdu())[:1] == b"\x02"
    await done(association.release())
    await second.close()
    await world.until(lambda: not server.active_associations)
    assert not len(ae.half_open)


async def test_a_crowd_is_answered_and_the_first_requests_get_the_places(world: World) -> None:
    ae = world.ae("SERVER")
    ae.maximum_associations = 3
    server = await world.serve(ae=ae)
    peers = [await world.connect(server) for _ in range(20)]
    for peer in peers:
        await peer.send(REQUEST)
    answers = [await peer.pdu() for peer in peers]
    assert sum(answer[:1] == b"\x02" for answer in answers) == 3
    assert answers.count(LIMIT_EXCEEDED) == 17
    for peer in peers:
        await peer.close()
    await world.until(lambda: not server.active_associations)


async def test_who_is_rejected_holds_no_place_while_it_stays_connected(world: World) -> None:
    ae = world.ae("SERVER")
    ae.acse_timeout = None
    ae.timeouts.close = 3600.0
    ae.maximum_associations = 1
    ae.require_calling_aet = ["REQUESTOR", "CLIENT"]
    server = await world.serve(ae=ae)
    holder = await offering(world, server, VERIFICATION)
    stays = await world.connect(server)
    await stays.send(REQUEST)
    assert await stays.pdu() == LIMIT_EXCEEDED
    await holder.close()
    await world.until(lambda: len(server.active_associations) == 1)
    stranger = await world.connect(server)
    await stranger.send(REQUEST.replace(b"REQUESTOR ", b"STRANGER  "))
    assert (await stranger.pdu())[:1] == b"\x03"
    # Both still count among those without an association.
    assert len(ae.half_open) == 2
    association = await world.associate(server)
    assert association.is_established
    await done(association.release())
    await stays.close()
    await stranger.close()
    await world.until(lambda: not server.active_associations)


@pytest.mark.parametrize("name", ["maximum_half_open", "maximum_half_open_per_address"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "2", None])
async def test_what_is_no_count_is_refused(memory_world: World, name: str, value: Any) -> None:
    ae = memory_world.ae()
    with pytest.raises(ValueError, match=name):
        setattr(ae, name, value)
    assert getattr(ae, name) in (50, 100)
