"""Peers that ignore role selection, and send the instances of a C-GET nevertheless."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest

from dicomwire import build_context, build_role, evt
from dicomwire.dimse_primitives import C_STORE
from tests.support.adapters import CT_IMAGE_STORAGE, Recorder, World, done

GET = "1.2.840.10008.5.1.4.1.2.1.3"
IMPLICIT = "1.2.840.10008.1.2"

# (0010,0020) Patient ID "ID".
DATA_SET = b"\x10\0\x20\0\x02\0\0\0ID"


async def collect(responses: Any) -> list[Any]:
    if hasattr(responses, "__iter__"):
        return list(responses)
    return [response async for response in responses]


@pytest.mark.parametrize(
    ("wished", "answered", "status"),
    [
        pytest.param(True, None, 0x0000, id="ignored"),
        pytest.param(False, None, 0x0122, id="not wished"),
        pytest.param(True, (True, False), 0x0122, id="refused"),
        pytest.param(True, (True, True), 0x0000, id="granted"),
    ],
)
async def test_an_unanswered_wish_to_be_scp_is_taken_for_granted(
    world: World, wished: bool, answered: Any, status: int
) -> None:
    seen = Recorder()
    kept: list[Any] = []

    async def get(event: evt.Event) -> AsyncIterator[Any]:
        primitive = C_STORE()
        primitive.MessageID = 99
        primitive.AffectedSOPClassUID = CT_IMAGE_STORAGE
        primitive.AffectedSOPInstanceUID = "1.2.3"
        primitive.Priority = 0
        primitive.DataSet = BytesIO(DATA_SET)
        await done(event.assoc.dimse.send_msg(primitive, 3))
        yield 0

    def plain(event: evt.Event) -> list[Any]:
        # In a world without waiting the coroutine runs to its first value, and that is all.
        steps: Any = get(event).__anext__()
        with pytest.raises(StopIteration) as stopped:
            steps.send(None)
        return [stopped.value.value]

    def store(event: evt.Event) -> int:
        kept.append(event.encoded_dataset(include_meta=False))
        return 0x0000

    storage = build_context(CT_IMAGE_STORAGE, IMPLICIT)
    if answered is not None:
        storage.scu_role, storage.scp_role = answered
    server = await world.serve(
        [(evt.EVT_C_GET, plain if world.name == "blocking" else get), *seen.bindings(evt.EVT_DIMSE_RECV)],
        contexts=[build_context(GET, IMPLICIT), storage],
    )
    association = await world.associate(
        server,
        contexts=[build_context(GET, IMPLICIT), build_context(CT_IMAGE_STORAGE, IMPLICIT)],
        ext_neg=[build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=wished)],
        evt_handlers=[(evt.EVT_C_STORE, store)],
    )
    responses = await collect(await done(association.send_c_get(b"", GET)))
    assert responses[-1][0].Status == 0x0000
    await done(association.release())
    await world.until(lambda: len(seen.names) == 2)
    answer = seen.of(evt.EVT_DIMSE_RECV)[1].message.command_set
    assert (answer.MessageIDBeingRespondedTo, answer.Status) == (99, status)
    assert kept == ([DATA_SET] if status == 0 else [])
