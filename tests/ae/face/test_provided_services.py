"""``serve`` with typed handlers: each kind of request, each kind of handler, and what is wrong with some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from dicomwire import ConnectionLost, MoveTo, Refused, Service, ServiceFailed, Status, StoreRequest, build_context
from dicomwire.client.queries import query_of
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, World, done, port_of
from tests.support.face import MR_IMAGE_STORAGE, STUDY, Kept, advance, answering, giving, joined, listed, numbered
from tests.support.storing import EXPLICIT, IMPLICIT, JPEG, instance, save

KINDS = ("plain", "async", "generator", "async generator")
STORING: dict[str, Any] = {"contexts": [CT_IMAGE_STORAGE, VERIFICATION]}


def of_kind(kind: str, *values: Any) -> Any:
    """A handler that gives or yields these; what is an exception is raised in its turn."""

    def raised(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    def plain(request: Any) -> Any:
        return [raised(value) for value in values]

    async def awaited(request: Any) -> Any:
        return [raised(value) for value in values]

    def generator(request: Any) -> Any:
        for value in values:
            yield raised(value)

    async def awaited_generator(request: Any) -> Any:
        for value in values:
            yield raised(value)

    handlers: dict[str, Any] = {
        "plain": plain,
        "async": awaited,
        "generator": generator,
        "async generator": awaited_generator,
    }
    return handlers[kind]


def match(number: int) -> Any:
    return query_of({"PatientID": str(number)})


REFUSED = ServiceFailed(Status.OUT_OF_RESOURCES.because("later"))


# -- kinds of handlers -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
async def test_matches_are_given_by_any_kind_of_handler(world: World, kind: str) -> None:
    client = await joined(world, answering("find", of_kind(kind, match(1), match(2))))
    assert [item.PatientID for item in await listed(client.find(STUDY))] == ["1", "2"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refusal_behind_a_match_is_told(world: World, kind: str) -> None:
    client = await joined(world, answering("find", of_kind(kind, match(1), REFUSED)))
    matches = client.find(STUDY)
    if "generator" in kind:
        # What gives a list has none before it is whole.
        assert (await advance(matches)).PatientID == "1"
    with pytest.raises(ServiceFailed, match="later"):
        await advance(matches)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_handler_that_raises_is_a_failure(world: World, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    client = await joined(world, answering("find", of_kind(kind, KeyError("mine"))))
    with pytest.raises(ServiceFailed) as failed:
        await listed(client.find(STUDY))
    assert failed.value.status.is_failure
    assert "KeyError" in caplog.text
    assert (await done(client.echo())).is_success


@pytest.mark.parametrize("kind", KINDS)
async def test_instances_are_given_by_any_kind_of_handler(world: World, kind: str) -> None:
    client = await joined(world, answering("get", of_kind(kind, *numbered(2))), services=["get"])
    assert [item.sop_instance_uid for item in await listed(client.get(STUDY))] == ["1.2.3.0", "1.2.3.1"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refusal_among_instances_is_told_before_any_is_sent(world: World, kind: str) -> None:
    client = await joined(world, answering("get", of_kind(kind, *numbered(1), REFUSED)), services=["get"])
    with pytest.raises(ServiceFailed, match="later"):
        await listed(client.get(STUDY))


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_destinations_are_given_by_plain_and_async_handlers(world: World, kind: str) -> None:
    kept = Kept()
    there = await world.provide(answering("store", kept))
    to = MoveTo(host=LOCALHOST, port=port_of(there), instances=numbered(2))

    def plain(request: Any) -> MoveTo:
        return to

    async def awaited(request: Any) -> MoveTo:
        return to

    client = await joined(world, answering("move", plain if kind == "plain" else awaited), services=["move"])
    assert (await done(client.move(STUDY, "DEST"))).is_complete
    assert kept.uids == ["1.2.3.0", "1.2.3.1"]


async def test_a_handler_may_be_a_plain_one_that_gives_an_awaitable(async_world: World) -> None:
    async def later(request: Any) -> Status:
        if request.sop_instance_uid == "1.2.3.1":
            raise REFUSED
        return Status.SUCCESS

    client = await joined(async_world, answering("store", lambda request: later(request)), **STORING)
    stored = await listed(client.store_many(numbered(2)))
    assert [item.status for item in stored] == [0x0000, 0xA700]


# -- wrong results ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("given", [None, "Success", True, instance(), object()])
async def test_what_is_no_status_is_told_and_a_failure(
    world: World, given: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """None, too: who forgets to give a status has not said that the instance is kept."""
    client = await joined(world, answering("store", lambda request: given), **STORING)
    with pytest.raises(ServiceFailed):
        await done(client.store(instance()))
    assert f"the handler gave {type(given).__name__}, not a Status" in caplog.text


@pytest.mark.parametrize("given", [3, match(1), "text", Status.SUCCESS])
@pytest.mark.parametrize("kind", ["find", "get"])
async def test_one_thing_in_place_of_many_is_told(
    world: World, kind: str, given: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = await joined(world, answering(kind, lambda request: given), services=["find", "get"])
    with pytest.raises(ServiceFailed):
        await listed(client.find(STUDY) if kind == "find" else client.get(STUDY))
    assert f"the handler gave {type(given).__name__}, not" in caplog.text


@pytest.mark.parametrize("given", [3, ("127.0.0.1", 104), "DEST"])
async def test_what_is_no_destination_is_told(world: World, given: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = await joined(world, answering("move", lambda request: given))
    with pytest.raises(ServiceFailed):
        await done(client.move(STUDY, "DEST"))
    assert "not a MoveTo or None" in caplog.text


@pytest.mark.parametrize("kind", ["find", "get"])
async def test_none_is_nothing_that_matches(world: World, kind: str) -> None:
    client = await joined(world, answering(kind, lambda request: None), services=["find", "get"])
    assert await listed(client.find(STUDY) if kind == "find" else client.get(STUDY)) == []


async def test_a_number_is_a_status_too(world: World) -> None:
    client = await joined(world, answering("store", lambda request: 0xB000), **STORING)
    assert (await done(client.store(instance()))).is_warning


# -- cancelling ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancelled_query_ends_at_the_next_match(world: World, kind: str) -> None:
    closed = world.signal()

    def generator(request: Any) -> Any:
        try:
            number = 0
            while True:
                number += 1
                yield match(number)
        finally:
            closed.set()

    async def awaited(request: Any) -> Any:
        for item in generator(request):
            yield item

    async def given(request: Any) -> Any:
        return generator(request)

    handlers = {"plain": lambda request: generator(request), "async": given, "generator": generator}
    client = await joined(world, answering("find", handlers.get(kind, awaited)))
    assert len(await listed(client.find(STUDY, limit=2))) == 2
    assert (await done(client.echo())).is_success
    await closed.wait()


# -- requests --------------------------------------------------------------------------------------------------------
async def test_a_request_says_what_came_and_from_whom(world: World) -> None:
    kept = Kept()
    client = await joined(world, answering("store", kept), to="ARCHIVE", **STORING)
    await done(client.store(instance(EXPLICIT)))
    [request] = kept.requests
    assert (request.calling_title, request.called_title) == ("CLIENT", "ARCHIVE")
    assert request.address[0] in (LOCALHOST, "memory")
    assert request.sop_class_uid == CT_IMAGE_STORAGE
    assert (request.transfer_syntax_uid, request.message_id) == (EXPLICIT, 1)
    assert request.move_originator is None
    assert repr(request) == "<StoreRequest 1>"
    assert request.association.is_acceptor


async def test_a_query_says_its_level(world: World) -> None:
    levels: list[str] = []

    def handler(request: Any) -> list[Any]:
        levels.append(request.level)
        return []

    service = answering("find", handler)
    service.worklist(handler)
    client = await joined(world, service, services=["find", "worklist"])
    await listed(client.find(STUDY))
    await listed(client.worklist({"PatientName": "*"}))
    assert levels == ["STUDY", ""]


# -- several services ------------------------------------------------------------------------------------------------
async def test_several_services_are_served_together(world: World) -> None:
    kept = Kept()
    client = await joined(
        world,
        answering("store", kept),
        answering("find", lambda request: [match(1)]),
        Service(),
        services=["echo", "find", "store"],
    )
    assert (await done(client.store(instance()))).is_success
    assert len(await listed(client.find(STUDY))) == 1
    assert (await done(client.echo())).is_success


async def test_classes_have_handlers_of_their_own(world: World) -> None:
    images, others = Kept(), Kept()
    service = Service()
    service.store(classes=[CT_IMAGE_STORAGE])(images)
    service.store(classes=[MR_IMAGE_STORAGE])(others)
    client = await joined(world, service, contexts=[CT_IMAGE_STORAGE, MR_IMAGE_STORAGE])
    await done(client.store(instance()))
    await done(client.store(instance(SOPClassUID=MR_IMAGE_STORAGE, SOPInstanceUID="1.2.3.5")))
    assert (images.uids, others.uids) == (["1.2.3.4"], ["1.2.3.5"])


async def test_contexts_named_by_the_program_go_to_the_one_handler(world: World) -> None:
    kept = Kept()
    contexts = [build_context(MR_IMAGE_STORAGE)]
    server = await world.provide(answering("store", kept, classes=[CT_IMAGE_STORAGE]), contexts=contexts)
    client = await world.client(server, contexts=[MR_IMAGE_STORAGE])
    await done(client.store(instance(SOPClassUID=MR_IMAGE_STORAGE)))
    assert kept.uids == ["1.2.3.4"]


async def test_of_several_handlers_none_is_guessed(world: World) -> None:
    service = answering("store", Kept(), classes=[CT_IMAGE_STORAGE])
    service.store(classes=["1.2.840.10008.5.1.4.1.1.1"])(Kept())
    client = await world.client(
        await world.provide(service, contexts=[build_context(MR_IMAGE_STORAGE)]), contexts=[MR_IMAGE_STORAGE]
    )
    with pytest.raises(ServiceFailed) as failed:
        await done(client.store(instance(SOPClassUID=MR_IMAGE_STORAGE)))
    assert failed.value.status == Status.CLASS_NOT_SUPPORTED


async def test_two_handlers_of_one_class_are_an_error(world: World) -> None:
    with pytest.raises(ValueError, match="two handlers of StoreRequest"):
        await world.provide(answering("store", Kept()), answering("store", Kept(), classes=[CT_IMAGE_STORAGE]))


async def test_two_sinks_are_an_error(world: World) -> None:
    first, second = Service(), Service()
    first.sink(lambda request: None)
    second.sink(lambda request: None)
    with pytest.raises(ValueError, match="say where instances go"):
        await world.provide(first, second)


@pytest.mark.parametrize("services", [(), (3,), (Service,), ([Service()],)])
async def test_what_is_no_service_is_an_error(world: World, services: Any) -> None:
    with pytest.raises(TypeError, match="serve\\(\\) needs a Service"):
        await world.provide(*services)


@pytest.mark.parametrize("kind", ["create", "set", "get_attributes", "action", "delete", "report_event"])
def test_managed_instances_have_no_usual_classes(kind: str) -> None:
    with pytest.raises(TypeError, match=r"needs classes=\[\.\.\.\]"):
        answering(kind, lambda request: None)


@pytest.mark.parametrize("option", ["classes", "transfer_syntaxes"])
def test_one_string_is_no_list_of_uids(option: str) -> None:
    with pytest.raises(TypeError, match="lists of UIDs"):
        answering("store", Kept(), **{option: CT_IMAGE_STORAGE})


def test_a_decorator_gives_the_handler_back() -> None:
    service: Any = Service()
    kept = Kept()
    assert service.store(kept) is kept
    assert service.find(classes=["1.2.3"])(kept) is kept
    assert service.sink(kept) is kept


# -- contexts --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, JPEG])
async def test_instances_are_taken_in_every_transfer_syntax(world: World, syntax: str) -> None:
    kept = Kept()
    client = await joined(world, answering("store", kept), contexts=[build_context(CT_IMAGE_STORAGE, syntax)])
    await done(client.store(instance(syntax)))
    assert kept.requests[0].transfer_syntax_uid == syntax


async def test_transfer_syntaxes_may_be_chosen(world: World) -> None:
    service = answering("store", Kept(), classes=[CT_IMAGE_STORAGE], transfer_syntaxes=[JPEG])
    server = await world.provide(service)
    with pytest.raises(Refused, match="transfer syntax not supported"):
        await world.client(server, contexts=[CT_IMAGE_STORAGE])


async def test_handlers_of_one_class_accept_what_any_of_them_takes(world: World) -> None:
    service = Service()
    service.create(classes=["1.2.3"], transfer_syntaxes=[EXPLICIT])(lambda request: None)
    service.set(classes=["1.2.3"], transfer_syntaxes=[IMPLICIT])(lambda request: None)
    client = await joined(world, service, contexts=[build_context("1.2.3", EXPLICIT), build_context("1.2.3", IMPLICIT)])
    assert len(client.accepted_contexts) == 2


async def test_who_gives_instances_need_not_store_any(world: World) -> None:
    """The contexts for them are accepted for the one role only."""
    client = await joined(world, giving(*numbered(1)), services=["get"])
    with pytest.raises(Refused):
        await done(client.store(instance()))


# -- sinks -----------------------------------------------------------------------------------------------------------
async def test_a_sink_names_the_file(world: World, tmp_path: Path) -> None:
    kept = Kept()
    service = answering("store", kept)
    asked: list[str] = []

    @service.sink
    def where(request: StoreRequest) -> Path:
        asked.append(request.sop_instance_uid)
        return tmp_path / f"{request.sop_instance_uid}.dcm"

    client = await joined(world, service, **STORING)
    assert (await done(client.store(instance()))).is_success
    assert asked == ["1.2.3.4"]
    assert kept.requests[0].path == tmp_path / "1.2.3.4.dcm"
    assert dcmread(tmp_path / "1.2.3.4.dcm").PatientName == "Test^Patient"


async def test_a_sink_may_leave_it_to_memory(world: World) -> None:
    service = answering("store", kept := Kept())
    service.sink(lambda request: None)
    client = await joined(world, service, **STORING)
    assert (await done(client.store(instance()))).is_success
    assert kept.requests[0].path is None
    assert kept.requests[0].dataset.PatientName == "Test^Patient"


async def test_a_sink_may_refuse(world: World) -> None:
    service = answering("store", kept := Kept())

    @service.sink
    def where(request: StoreRequest) -> Any:
        raise ServiceFailed(Status.MISMATCH.because("not here"))

    client = await joined(world, service, **STORING)
    with pytest.raises(ServiceFailed, match="not here") as failed:
        await done(client.store(instance()))
    assert failed.value.status == 0xA900
    assert kept.uids == []


async def test_when_the_handler_refuses_the_file_before_comes_back(world: World, tmp_path: Path) -> None:
    service = answering("store", Kept(Status.MISMATCH))
    service.sink(lambda request: tmp_path / "a.dcm")
    (tmp_path / "a.dcm").write_bytes(b"before")
    client = await joined(world, service, **STORING)
    with pytest.raises(ServiceFailed):
        await done(client.store(instance()))
    await world.until(lambda: (tmp_path / "a.dcm").read_bytes() == b"before")


# -- the end ---------------------------------------------------------------------------------------------------------
async def test_leaving_the_server_ends_its_associations(world: World) -> None:
    server = await world.provide(Service())
    client = await world.client(server)
    assert (await done(client.echo())).is_success
    server.shutdown()
    await done(server.ae.shutdown())
    with pytest.raises(ConnectionLost):
        await done(client.echo())


async def test_a_move_proposes_what_its_instances_need(world: World, tmp_path: Path) -> None:
    kept = Kept()
    there = await world.provide(answering("store", kept))
    items: list[Any] = [instance(JPEG), save(instance(EXPLICIT, SOPInstanceUID="1.2.3.5"), tmp_path / "a.dcm")]
    to = MoveTo(host=LOCALHOST, port=port_of(there), instances=items)
    client = await joined(world, answering("move", lambda request: to))
    assert (await done(client.move(STUDY, "DEST"))).is_complete
    assert [request.transfer_syntax_uid for request in kept.requests] == [JPEG, EXPLICIT]


@pytest.mark.parametrize("given", [-1, 70000])
async def test_a_number_that_is_no_status_is_told(world: World, given: int, caplog: pytest.LogCaptureFixture) -> None:
    client = await joined(world, answering("store", lambda request: given), **STORING)
    with pytest.raises(ServiceFailed, match="0xC211"):
        await done(client.store(instance()))
    assert "a status is between 0 and 0xFFFF" in caplog.text
    assert "the handler is " in caplog.text


@pytest.mark.parametrize("kind", ["find", "get"])
async def test_what_handlers_of_events_yield_is_told(world: World, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """Who comes from them gives the status along with each match."""
    client = await joined(world, answering(kind, lambda request: [(0xFF00, match(1))]), services=["find", "get"])
    with pytest.raises(ServiceFailed):
        await listed(client.find(STUDY) if kind == "find" else client.get(STUDY))
    assert "alone, without status and number" in caplog.text


def test_handlers_are_for_classes_by_their_uids() -> None:
    with pytest.raises(ValueError, match="'CTImageStorage' is no UID"):
        Service().store(classes=["CTImageStorage"])
    with pytest.raises(ValueError, match="never called"):
        Service().store(classes=[])
