"""Which service serves which SOP class and message, with which table of statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dicomwire import StoragePresentationContexts, build_context, evt, sop_class
from dicomwire._logging import BoundedFilter
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World, done, keep
from tests.support.finding import done_all, match
from tests.support.normalized import INSTANCE, SERVICES, invoke
from tests.support.scripted import ask, hear, offering, say, uid
from tests.support.sessions import element, us
from tests.support.storing import instance
from tests.support.streams import RELEASE_RP, RELEASE_RQ, abort

TABLES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "contract" / "statuses.json").read_text())

ECHO, STORE, FIND, GET, MOVE = 0x0030, 0x0001, 0x0020, 0x0010, 0x0021
C_EVENTS = {
    ECHO: evt.EVT_C_ECHO,
    STORE: evt.EVT_C_STORE,
    FIND: evt.EVT_C_FIND,
    GET: evt.EVT_C_GET,
    MOVE: evt.EVT_C_MOVE,
}

REPOSITORY = "1.2.840.10008.5.1.4.1.1.201.6"

TABLE_OF = {FIND: "QR_FIND", GET: "QR_GET", MOVE: "QR_MOVE"}

QUERIES = {
    "patient root": ("PatientRootQueryRetrieveInformationModel", (FIND, MOVE, GET)),
    "study root": ("StudyRootQueryRetrieveInformationModel", (FIND, MOVE, GET)),
    "patient and study only": ("PatientStudyOnlyQueryRetrieveInformationModel", (FIND, MOVE, GET)),
    "composite instance root": ("CompositeInstanceRootRetrieve", (MOVE, GET)),
    "without bulk data": ("CompositeInstanceRetrieveWithoutBulkData", (GET,)),
    "colour palettes": ("ColorPaletteQueryRetrieveInformationModel", (FIND, MOVE, GET)),
    "procedure protocols": ("DefinedProcedureProtocolInformationModel", (FIND, MOVE, GET)),
    "hanging protocols": ("HangingProtocolInformationModel", (FIND, MOVE, GET)),
    "implant templates": ("GenericImplantTemplateInformationModel", (FIND, MOVE, GET)),
    "implant assemblies": ("ImplantAssemblyTemplateInformationModel", (FIND, MOVE, GET)),
    "implant groups": ("ImplantTemplateGroupInformationModel", (FIND, MOVE, GET)),
    "inventories": ("Inventory", (FIND, MOVE, GET)),
    "protocol approvals": ("ProtocolApprovalInformationModel", (FIND, MOVE, GET)),
}


@pytest.fixture(autouse=True)
def every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of many statuses in one association is logged."""
    monkeypatch.setattr(BoundedFilter, "FREELY", 10_000)


def queries() -> list[Any]:
    """SOP class, message and table of every service that has one message for each model."""
    found = []
    for name, (prefix, messages) in QUERIES.items():
        for message in messages:
            suffix = {FIND: "Find", GET: "Get", MOVE: "Move"}[message]
            keyword = prefix if hasattr(sop_class, prefix) else prefix + suffix
            table = f"{TABLE_OF[message]}_SERVICE_CLASS_STATUS"
            found.append(pytest.param(str(getattr(sop_class, keyword)), message, table, id=f"{name} {suffix}"))
    return found


C_SERVICES = [
    pytest.param(VERIFICATION, ECHO, "VERIFICATION_SERVICE_CLASS_STATUS", id="verification"),
    pytest.param(CT_IMAGE_STORAGE, STORE, "STORAGE_SERVICE_CLASS_STATUS", id="storage"),
    pytest.param(
        str(sop_class.HangingProtocolStorage), STORE, "NON_PATIENT_SERVICE_CLASS_STATUS", id="non-patient storage"
    ),
    pytest.param("1.2.840.10008.5.1.4.31", FIND, "QR_FIND_SERVICE_CLASS_STATUS", id="worklist"),
    pytest.param(REPOSITORY, FIND, "QR_FIND_SERVICE_CLASS_STATUS", id="repository query"),
    pytest.param("1.2.840.10008.5.1.4.41", FIND, "SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS", id="product"),
    pytest.param("1.2.840.10008.5.1.4.42", FIND, "SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS", id="approval"),
    pytest.param("1.2.840.10008.5.1.4.37.1", FIND, "RELEVANT_PATIENT_SERVICE_CLASS_STATUS", id="relevant patient"),
    pytest.param("1.2.840.10008.5.1.4.37.2", FIND, "RELEVANT_PATIENT_SERVICE_CLASS_STATUS", id="breast imaging"),
    pytest.param("1.2.840.10008.5.1.4.37.3", FIND, "RELEVANT_PATIENT_SERVICE_CLASS_STATUS", id="cardiac"),
    pytest.param(
        "1.2.840.10008.5.1.4.34.6.3", FIND, "UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS", id="procedure step query"
    ),
    *queries(),
]

N_TABLES = {
    "print": "PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS",
    "procedure step": "PROCEDURE_STEP_STATUS",
    "unified procedure step": "UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS",
    "storage commitment": "STORAGE_COMMITMENT_SERVICE_CLASS_STATUS",
    "media creation": "MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS",
    "machine verification": "RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS",
    "display system": "GENERAL_STATUS",
    "event logging": "APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS",
    "availability": "GENERAL_STATUS",
    "storage management": "STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS",
}


def codes_of(table: str) -> set[int]:
    """The codes of a table: of a range, its ends."""
    entries = list(TABLES[table]["entries"])
    if TABLES[table]["includes_general"]:
        entries += TABLES["GENERAL_STATUS"]["entries"]
    ends = {int(entry[key], 16) for entry in entries for key in ("code", "from", "to") if key in entry}
    # Where a retrieval goes on, it is not answered.
    return ends - {0xFF00, 0xFF01}


def is_listed(code: int, table: str) -> bool:
    entries = list(TABLES[table]["entries"])
    if TABLES[table]["includes_general"]:
        entries += TABLES["GENERAL_STATUS"]["entries"]
    return any(
        int(entry.get("code") or entry["from"], 16) <= code <= int(entry.get("code") or entry["to"], 16)
        for entry in entries
    )


SUSPECTS = {0x0000, 0x0001, 0x0107, 0x0112, 0xA700, 0xA801, 0xA900, 0xB000, 0xB001, 0xB010, 0xB101, 0xB600,
            0xC000, 0xC100, 0xC112, 0xC300, 0xC600, 0xFE00, 0xD000, 0xFFF0, 0x1234}  # fmt: skip


async def request_c(association: Any, message: int, model: str) -> int:
    """The final status."""
    if message == ECHO:
        return int((await done(association.send_c_echo())).Status)
    if message == STORE:
        return int((await done(association.send_c_store(instance(SOPClassUID=model)))).Status)
    if message == MOVE:
        responses = association.send_c_move(match(), "DEST", model)
    else:
        responses = (association.send_c_find if message == FIND else association.send_c_get)(match(), model)
    return int((await done_all(responses))[-1][0].Status)


def warned(caplog: pytest.LogCaptureFixture) -> bool:
    return any("not one of this service" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(("model", "message", "table"), C_SERVICES)
async def test_a_status_is_sent_and_one_outside_the_table_of_the_service_is_warned_of(
    world: World, caplog: pytest.LogCaptureFixture, model: str, message: int, table: str
) -> None:
    codes: list[int] = []

    def handler(event: evt.Event) -> Any:
        code = codes[0]
        if message in (ECHO, STORE):
            return code
        before: Any = {FIND: [], GET: [1], MOVE: [("127.0.0.1", port), 1]}[message]
        return [*before, (code, None)]

    contexts = [build_context(uid) for uid in {model, CT_IMAGE_STORAGE, VERIFICATION}]
    destination = await world.serve()
    port = destination.server_address[1]
    mover = world.ae("MOVER")
    mover.requested_contexts = [build_context(CT_IMAGE_STORAGE)]
    server = await world.serve([(C_EVENTS[message], handler)], ae=mover, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    # A C-MOVE that says Success has an association each time: a few will do.
    wanted = sorted(SUSPECTS if message == MOVE else codes_of(table) | SUSPECTS)
    for code in wanted:
        codes[:] = [code]
        caplog.clear()
        # The repository query goes on after a warning.
        last = 0x0000 if code == 0xB001 and model == REPOSITORY else code
        assert (code, await request_c(association, message, model)) == (code, last)
        assert warned(caplog) is not is_listed(code, table), hex(code)
    await done(association.release())


@pytest.mark.parametrize("service", N_TABLES)
async def test_a_status_of_an_n_service_outside_its_table_is_warned_of(
    world: World, caplog: pytest.LogCaptureFixture, service: str
) -> None:
    model, messages = SERVICES[service]
    table = N_TABLES[service]
    codes: list[int] = []

    def handler(event: evt.Event) -> Any:
        return codes[0] if event.event is evt.EVT_N_DELETE else (codes[0], None)

    handlers = [(event, handler) for event in messages]
    server = await world.serve(handlers, contexts=[build_context(model)])
    association = await world.associate(server, contexts=[build_context(model)])
    for event in messages:
        for code in sorted(codes_of(table) | SUSPECTS):
            codes[:] = [code]
            caplog.clear()
            status, _ = await invoke(association, event, model)
            assert status.Status == code
            assert warned(caplog) is not is_listed(code, table), hex(code)
    await done(association.release())


# -- dispatch -----------------------------------------------------------------------------------------------------
async def all_served(world: World, handlers: Any, *models: str) -> Any:
    server = await world.serve(handlers, contexts=[build_context(model) for model in models])
    return await offering(world, server, *models)


def request_of(message: int, model: str, *, data: bytes | None = None) -> bytes:
    """A C-request with everything it needs."""
    elements = [us(0x0700, 0)] if message != ECHO else []
    if message == STORE:
        elements.append(uid(0x1000, INSTANCE))
    if message == MOVE:
        elements.append(element(0x0600, b"DEST"))
    return ask(1, message, model, *elements, message_id=5, data=None if message == ECHO else data or b"")


def n_request(message: int, model: str) -> bytes:
    affected = message in (0x0100, 0x0140)
    parts = [uid(0x0002 if affected else 0x0003, model), uid(0x1000 if affected else 0x1001, INSTANCE)]
    if message in (0x0100, 0x0130):
        parts.append(us(0x1002 if message == 0x0100 else 0x1008, 1))
    return say(1, message, us(0x0110, 5), *parts, data=b"" if message == 0x0120 else None)


N_MESSAGES = (0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150)


@pytest.mark.parametrize(("model", "message", "table"), C_SERVICES)
async def test_a_service_refuses_every_other_message_and_the_association_stays(
    world: World, model: str, message: int, table: str
) -> None:
    called: list[Any] = []
    handlers = [(event, called.append) for event in vars(evt).values() if isinstance(event, evt.InterventionEvent)]
    handlers = [item for item in handlers if item[0].name.startswith(("EVT_C_", "EVT_N_"))]
    peer = await all_served(world, [item for item in handlers if item[0] is not evt.EVT_C_STORE_SINK], model)
    normalized = N_MESSAGES if table.startswith("UNIFIED") is False else ()
    for other in (*C_EVENTS, *normalized):
        if other == message:
            continue
        await peer.send(n_request(other, model) if other in N_MESSAGES else request_of(other, model))
        said = await hear(peer)
        assert (said.field, said.status) == (other | 0x8000, 0x0211)
        assert said.command.MessageIDBeingRespondedTo == 5
    assert called == []
    await peer.send(RELEASE_RQ)
    assert await peer.rest() == RELEASE_RP
    await peer.close()


@pytest.mark.parametrize("message", [*C_EVENTS, *N_MESSAGES], ids=hex)
async def test_an_unknown_sop_class_is_refused_and_the_association_stays(world: World, message: int) -> None:
    unknown = "1.2.3.4.5.6.7.8"
    peer = await all_served(world, [], unknown)
    await peer.send(n_request(message, unknown) if message in N_MESSAGES else request_of(message, unknown))
    said = await hear(peer)
    assert (said.field, said.status) == (message | 0x8000, 0x0122 if message == STORE else 0x0118)
    await peer.send(RELEASE_RQ)
    assert await peer.rest() == RELEASE_RP
    await peer.close()


@pytest.mark.parametrize(
    ("message", "lacking"), [(STORE, 0x1000), (MOVE, 0x0600)], ids=["instance UID of C-STORE", "destination of C-MOVE"]
)
async def test_a_request_that_lacks_something_is_answered_so(world: World, message: int, lacking: int) -> None:
    called: list[Any] = []
    model = CT_IMAGE_STORAGE if message == STORE else "1.2.840.10008.5.1.4.1.2.2.2"
    peer = await all_served(world, [(C_EVENTS[message], called.append)], model)
    await peer.send(ask(1, message, model, us(0x0700, 0), message_id=5, data=b"\x10\0\x10\0\0\0\0\0"))
    said = await hear(peer)
    assert (said.field, said.status, called) == (message | 0x8000, 0xC000, [])
    await peer.send(RELEASE_RQ)
    assert await peer.rest() == RELEASE_RP
    await peer.close()


@pytest.mark.parametrize("message", C_EVENTS, ids=hex)
async def test_what_can_be_guessed_may_be_missing(world: World, message: int) -> None:
    """The SOP class is that of the context, the priority is medium, and no data set is an empty one."""
    models = {ECHO: VERIFICATION, STORE: CT_IMAGE_STORAGE, FIND: "1.2.840.10008.5.1.4.1.2.2.1",
              GET: "1.2.840.10008.5.1.4.1.2.2.3", MOVE: "1.2.840.10008.5.1.4.1.2.2.2"}  # fmt: skip
    seen: list[Any] = []

    def handler(event: evt.Event) -> Any:
        if message != ECHO:
            seen.append(len(event.dataset if message == STORE else event.identifier))
        return {ECHO: 0, STORE: 0, FIND: [], GET: [0], MOVE: [("127.0.0.1", 1), 0]}[message]

    peer = await all_served(world, [(C_EVENTS[message], handler)], models[message])
    more = {STORE: [uid(0x1000, INSTANCE)], MOVE: [element(0x0600, b"DEST")]}.get(message, [])
    await peer.send(say(1, message, us(0x0110, 5), *more))
    said = await hear(peer)
    assert (said.field, said.status) == (message | 0x8000, 0x0000)
    assert seen == ([] if message == ECHO else [0])
    await peer.send(RELEASE_RQ)
    assert await peer.rest() == RELEASE_RP
    await peer.close()


async def test_a_context_that_was_not_accepted_aborts(world: World) -> None:
    peer = await all_served(world, [], VERIFICATION)
    await peer.send(ask(7, ECHO, VERIFICATION))
    assert await peer.pdu() == abort(2, 5)
    await peer.close()


async def test_every_default_storage_context_is_served(world: World) -> None:
    """Also the retired ones, which belong to no service class of today."""
    seen: list[Any] = []
    handlers = [(evt.EVT_C_STORE, lambda event: keep(seen, event.context.abstract_syntax))]
    server = await world.serve(handlers, contexts=StoragePresentationContexts)
    association = await world.associate(server, contexts=StoragePresentationContexts)
    uids = [str(context.abstract_syntax) for context in StoragePresentationContexts]
    for model in uids:
        assert (await done(association.send_c_store(instance(SOPClassUID=model)))).Status == 0
    assert seen == uids
    await done(association.release())


async def test_an_acceptor_without_the_scp_role_does_not_serve(world: World) -> None:
    called: list[Any] = []
    ours = build_context(CT_IMAGE_STORAGE)
    ours.scu_role, ours.scp_role = False, True
    server = await world.serve([(evt.EVT_C_STORE, called.append)], contexts=[ours])
    peer = await offering(world, server, CT_IMAGE_STORAGE, roles={CT_IMAGE_STORAGE: (False, True)})
    await peer.send(request_of(STORE, CT_IMAGE_STORAGE))
    said = await hear(peer)
    assert (said.status, called) == (0x0122, [])
    await peer.send(RELEASE_RQ)
    assert await peer.rest() == RELEASE_RP
    await peer.close()
