"""What the options of ``_config`` do to associations."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import _config, build_context, evt
from dicomwire.upper_layer import AssociateRQ
from dicomwire.upper_layer.pdus import Abort
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, World, done, keep
from tests.support.finding import collect
from tests.support.sessions import proposal, request
from tests.support.storing import Store, instance
from tests.support.windows import numbered, windowed

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="nothing")


# -- USE_SHORT_DIMSE_AET -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("short", "raw"), [(True, b"INBOX "), (False, b"INBOX" + 11 * b" ")])
async def test_titles_in_command_sets_are_padded_to_16_bytes_if_asked(world: World, short: bool, raw: bytes) -> None:
    _config.USE_SHORT_DIMSE_AET = short
    sent: list[bytes] = []
    titles: list[Any] = []

    def move(event: evt.Event) -> Iterator[Any]:
        titles.append(event.move_destination)
        yield None, None

    contexts = [build_context(MOVE), build_context(CT_IMAGE_STORAGE)]
    store = Store()
    server = await world.serve([(evt.EVT_C_MOVE, move), *store.bindings], contexts=contexts)
    association = await world.associate(
        server, contexts=contexts, evt_handlers=[(evt.EVT_DATA_SENT, lambda event: sent.append(event.data))]
    )
    assert await collect(association.send_c_move(Dataset(), "INBOX", MOVE)) == [(0xA801, None)]
    assert (await done(association.send_c_store(instance(), originator_aet="INBOX", originator_id=1))).Status == 0
    await done(association.release())
    assert titles == ["INBOX"]
    assert store.requests[0].MoveOriginatorApplicationEntityTitle == "INBOX"
    data = b"".join(sent)
    for element in (b"\0\0\0\6", b"\0\0\x30\x10"):
        start = data.index(element) + 8
        assert data[start : start + len(raw)] == raw
        assert data[start - 4] == len(raw)


# -- PASS_CONTEXTVARS ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("passed", "expected"),
    # Python 3.14 without the global lock has threads inherit them all.
    [(True, "serving"), (False, "serving" if getattr(sys.flags, "thread_inherit_context", 0) else "nothing")],
)
async def test_handlers_of_a_server_see_the_variables_of_who_started_it(
    blocking_world: World, passed: bool, expected: str
) -> None:
    _config.PASS_CONTEXTVARS = passed
    seen: list[str] = []
    token = VARIABLE.set("serving")
    server = await blocking_world.serve([(evt.EVT_C_ECHO, lambda event: keep(seen, VARIABLE.get()))])
    VARIABLE.reset(token)
    association = await blocking_world.associate(server)
    await done(association.send_c_echo())
    await done(association.release())
    assert seen == [expected]


async def test_handlers_of_a_requestor_see_the_variables_of_who_called_associate(blocking_world: World) -> None:
    _config.PASS_CONTEXTVARS = True
    seen: list[tuple[str, str]] = []

    def note(event: evt.Event) -> None:
        seen.append((event.event.name, VARIABLE.get()))

    server = await blocking_world.serve([(evt.EVT_C_ECHO, lambda event: 0)])
    events = (evt.EVT_ESTABLISHED, evt.EVT_DIMSE_RECV, evt.EVT_ABORTED)
    token = VARIABLE.set("associating")
    association = await blocking_world.associate(server, evt_handlers=[(event, note) for event in events])
    VARIABLE.reset(token)
    await done(association.send_c_echo())
    # It is the watcher that hears of this one.
    server.active_associations[0].abort()
    await blocking_world.until(lambda: len(seen) == 3)
    assert seen == [(event.name, "associating") for event in events]


async def test_handlers_that_run_at_once_see_them_too(blocking_world: World) -> None:
    _config.PASS_CONTEXTVARS = True
    seen: list[str] = []
    handlers = [(evt.EVT_C_STORE, lambda event: keep(seen, VARIABLE.get()))]
    token = VARIABLE.set("serving")
    association = await windowed(blocking_world, handlers, (3, 3), (3, 3))
    VARIABLE.reset(token)
    assert len(list(association.send_c_store_many(numbered(3)))) == 3
    assert seen == ["serving"] * 3
    await done(association.release())


async def test_event_loops_always_pass_them_on(loop_world: World) -> None:
    seen: list[str] = []
    token = VARIABLE.set("serving")
    server = await loop_world.serve([(evt.EVT_C_ECHO, lambda event: keep(seen, VARIABLE.get()))])
    VARIABLE.reset(token)
    association = await loop_world.associate(server)
    await done(association.send_c_echo())
    await done(association.release())
    assert seen == ["serving"]


# -- CODECS --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("codecs", "title"), [(("ascii", "utf-8"), "CAFS"), (("ascii",), "CAFÃ©S"), (("ascii", "no such codec"), "CAFÃ©S")]
)
async def test_titles_that_are_not_ascii_are_read_by_the_codecs(
    world: World, codecs: tuple[str, ...], title: str
) -> None:
    _config.CODECS = codecs
    seen: list[Any] = []

    def note(event: evt.Event) -> None:
        requestor = event.assoc.requestor
        seen.append((requestor.ae_title, requestor.primitive.calling_ae_title))

    ae = world.ae("SERVER")
    server = await world.serve([(evt.EVT_REQUESTED, note)], ae=ae)
    rejected: list[Any] = []
    for required in ([], ["CAFS"]):
        ae.require_calling_aet = required
        peer = await world.connect(server)
        pdu = request([proposal(1, VERIFICATION, "1.2.840.10008.1.2")])
        raw = AssociateRQ(
            called_ae_title="SERVER",
            calling_ae_title="CAFéS".encode().ljust(16),
            presentation_context=pdu.presentation_context,
            user_information=pdu.user_information,
        ).encode()
        await peer.send(raw)
        rejected.append((await peer.pdu())[0] == 3)
        await peer.send(Abort().encode())
        await peer.close()
    assert seen == [(title, title)] * 2
    assert rejected == [False, title != "CAFS"]


# -- VALIDATORS ----------------------------------------------------------------------------------------------------
async def test_a_validator_of_ones_own_decides_which_titles_can_be_called(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await world.serve()
    monkeypatch.setitem(_config.VALIDATORS, "AE", lambda value: (len(value) < 4, "is too long"))
    ae = world.ae("ABC")
    for bad in ("FOUR", "A B C"):
        with pytest.raises(ValueError, match="is too long"):
            await done(ae.associate(LOCALHOST, server.server_address[1], [build_context(VERIFICATION)], bad))
    association = await done(ae.associate(LOCALHOST, server.server_address[1], [build_context(VERIFICATION)], "XYZ"))
    assert association.is_established
    await done(association.release())
