"""One budget for the data sets of all associations of an AE."""

from __future__ import annotations

from typing import Any

from dicomwire import MemoryBudget, build_context, evt
from dicomwire.data.memory_budget import FREE
from tests.support.adapters import CT_IMAGE_STORAGE, World, done
from tests.support.finding import FIND, match
from tests.support.storing import EXPLICIT, instance

LONG = 300_000


async def test_a_data_set_beyond_the_budget_arrives_all_the_same(world: World) -> None:
    seen: list[Any] = []

    def stored(event: evt.Event) -> int:
        seen.append((len(event.dataset.PixelData), ae.memory_budget.held))
        return 0x0000

    ae = world.ae("SERVER")
    server = await world.serve([(evt.EVT_C_STORE, stored)], ae=ae, contexts=[build_context(CT_IMAGE_STORAGE, EXPLICIT)])
    association = await world.associate(server, contexts=[build_context(CT_IMAGE_STORAGE, EXPLICIT)])
    sent = instance(EXPLICIT)
    sent.PixelData = bytes(LONG)
    sent["PixelData"].VR = "OB"
    for limit in (None, 0):
        ae.memory_budget.limit = limit
        assert (await done(association.send_c_store(sent))).Status == 0x0000
    await done(association.release())
    # While it was in memory it was counted.
    (first, counted), (second, spooled) = seen
    assert first == second == LONG and counted >= LONG - FREE and spooled == 0
    await world.until(lambda: ae.memory_budget.held == 0)


async def test_identifiers_are_counted_too_and_entities_may_share_one(world: World) -> None:
    shared = MemoryBudget(0)
    found: list[int] = []

    def handler(event: evt.Event) -> Any:
        found.append(len(event.identifier.PatientName))
        yield 0x0000, None

    entities = [world.ae("SERVER"), world.ae("CLIENT")]
    for ae in entities:
        ae.memory_budget = shared
    server = await world.serve([(evt.EVT_C_FIND, handler)], ae=entities[0], contexts=[build_context(FIND)])
    association = await world.associate(server, ae=entities[1], contexts=[build_context(FIND)])
    query = match()
    query.add_new(0x00091010, "UN", bytes(LONG))
    responses = await done(association.send_c_find(query, FIND))
    statuses = (
        [status.Status async for status, _ in responses]
        if hasattr(responses, "__aiter__")
        else [status.Status for status, _ in responses]
    )
    await done(association.release())
    assert statuses == [0x0000] and found == [1] and shared.held == 0
