"""A peer that sends on after we have aborted is cut off."""

from __future__ import annotations

from dicomwire import Limits, evt
from tests.support.adapters import VERIFICATION, Recorder, World
from tests.support.scripted import offering

FLOOD = bytes(1 << 16)


async def test_a_flood_after_our_abort_is_cut_off(world: World) -> None:
    ae = world.ae("SERVER")
    # No time ends it.
    ae.acse_timeout = ae.timeouts.close = None
    ae.limits = Limits(after_end=1 << 18)
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_ABORTED, evt.EVT_CONN_CLOSE), ae=ae)
    peer = await offering(world, server, VERIFICATION)
    await peer.send(b"\x08")
    await world.until(lambda: told.names == ["ABORTED"])
    try:
        # More than a quarter of a MiB and what systems hold.
        for _ in range(1000):
            await peer.send(FLOOD)
            if not server.active_associations:
                break
    except ConnectionError:
        pass
    await world.until(lambda: told.names == ["ABORTED", "CONN_CLOSE"])
    assert not server.active_associations
