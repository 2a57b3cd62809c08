"""What the event of a service holds, and handlers that end the association."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import evt
from tests.support.adapters import Recorder, World, done
from tests.support.answers import ANSWERS, CONTEXTS
from tests.support.finding import FIND, done_all, match
from tests.support.getting import GET
from tests.support.moving import MOVE
from tests.support.normalized import FILM_SESSION, SAID, invoke
from tests.support.storing import instance

ALWAYS = {"request", "context", "message_id"}
OWN: dict[Any, set[str]] = {
    evt.EVT_C_ECHO: set(),
    evt.EVT_C_STORE: {"dataset", "dataset_path", "file_meta"},
    evt.EVT_C_FIND: {"identifier"},
    evt.EVT_C_GET: {"identifier"},
    evt.EVT_C_MOVE: {"identifier", "move_destination"},
    evt.EVT_N_ACTION: {"action_type", "action_information"},
    evt.EVT_N_CREATE: {"attribute_list"},
    evt.EVT_N_DELETE: set(),
    evt.EVT_N_EVENT_REPORT: {"event_type", "event_information"},
    evt.EVT_N_GET: {"attribute_identifiers"},
    # Programs for pynetdicom take the one for the other.
    evt.EVT_N_SET: {"modification_list", "attribute_list"},
    evt.EVT_ESTABLISHED: set(),
}


async def send(association: Any, event: Any) -> Any:
    """Send the request that is told of by ``event``: the status, of several the last."""
    if event is evt.EVT_C_ECHO:
        return await done(association.send_c_echo())
    if event is evt.EVT_C_STORE:
        return await done(association.send_c_store(instance()))
    if event is evt.EVT_C_FIND:
        return (await done_all(association.send_c_find(match(), FIND)))[-1][0]
    if event is evt.EVT_C_GET:
        return (await done_all(association.send_c_get(match(), GET)))[-1][0]
    if event is evt.EVT_C_MOVE:
        return (await done_all(association.send_c_move(match(), "DEST", MOVE)))[-1][0]
    return (await invoke(association, event, FILM_SESSION))[0]


SERVICES = [event for event in OWN if event is not evt.EVT_ESTABLISHED]


async def test_an_event_has_what_belongs_to_it_and_nothing_else(world: World) -> None:
    seen: dict[Any, set[str]] = {}
    missing: list[tuple[str, str]] = []

    def handler(event: evt.Event) -> None:
        found = seen.setdefault(event.event, set())
        for name in ALWAYS.union(*OWN.values()):
            try:
                getattr(event, name)
            except AttributeError as error:
                missing.append((name, str(error)))
            else:
                found.add(name)
        if event.event is not evt.EVT_C_STORE:
            with pytest.raises(AttributeError):
                event.encoded_dataset()
        assert event.is_cancelled is False
        assert event.assoc.is_acceptor and event.timestamp.year >= 2000

    server = await world.serve([(event, handler) for event in OWN], contexts=CONTEXTS)
    association = await world.associate(server, contexts=CONTEXTS)
    for event in SERVICES:
        await send(association, event)
    assert all(name in message for name, message in missing)
    assert seen == {event: OWN[event] | (ALWAYS if event in SERVICES else set()) for event in OWN}
    await done(association.release())


@pytest.mark.parametrize("verb", ["abort", "release", "kill"])
@pytest.mark.parametrize("event", SERVICES, ids=str)
async def test_any_handler_may_end_the_association_and_nothing_is_answered(world: World, event: Any, verb: str) -> None:
    heard = Recorder()

    async def handler(happened: evt.Event) -> Any:
        await done(getattr(happened.assoc, verb)())
        return ANSWERS.get(event, (0x0000, SAID))

    server = await world.serve([(event, handler)], contexts=CONTEXTS)
    association = await world.associate(
        server, contexts=CONTEXTS, evt_handlers=heard.bindings(evt.EVT_DIMSE_RECV, evt.EVT_ABORTED, evt.EVT_RELEASED)
    )
    assert len(await send(association, event)) == 0
    assert heard.names == ["RELEASED" if verb == "release" else "ABORTED"]
    assert not association.is_established
