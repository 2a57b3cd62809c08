"""N-services as a client asks for them, and as typed handlers answer them."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID as UID_CLASS

from dicomwire import ConnectionLost, Refused, Reply, Service, ServiceFailed, Status, evt
from tests.support.adapters import World, done
from tests.support.face import answering, joined
from tests.support.finding import match
from tests.support.normalized import COMMITMENT, FILM_SESSION, UPS

PRINT_MANAGEMENT = "1.2.840.10008.5.1.1.9"
FILM_BOX = "1.2.840.10008.5.1.1.2"
UID = "1.2.3.4"
SAID = match("Said")

KINDS = ("create", "set", "get_attributes", "action", "delete", "report_event")
OPERATIONS = ("N-CREATE", "N-SET", "N-GET", "N-ACTION", "N-DELETE", "N-EVENT-REPORT")


def asked(client: Any, kind: str, class_uid: str = FILM_SESSION, **options: Any) -> Any:
    arguments: dict[str, tuple[Any, ...]] = {
        "create": (UID, match("Asked")),
        "set": (UID, match("Asked")),
        "get_attributes": (UID, ["PatientName", 0x00100020, (0x0010, 0x0030)]),
        "action": (UID, 3, match("Asked")),
        "delete": (UID,),
        "report_event": (UID, 4, match("Asked")),
    }
    return getattr(client, kind)(class_uid, *arguments[kind], **options)


async def managing(world: World, kind: str, handler: Any, **options: Any) -> Any:
    return await joined(world, answering(kind, handler, classes=[FILM_SESSION]), contexts=[FILM_SESSION], **options)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "delete"])
async def test_attributes_are_given_back(world: World, kind: str) -> None:
    requests: list[Any] = []

    def handler(request: Any) -> Dataset:
        requests.append(request)
        return SAID

    client = await managing(world, kind, handler)
    reply = await done(asked(client, kind))
    assert reply.status == Status.SUCCESS
    assert reply.attributes.PatientName == "Said"
    assert reply.instance_uid == (UID if kind == "create" else None)
    [request] = requests
    assert (request.sop_class_uid, request.sop_instance_uid) == (FILM_SESSION, UID)


async def test_handlers_see_what_was_asked(world: World) -> None:
    seen: list[Any] = []
    service = Service()

    @service.create(classes=[FILM_SESSION])
    def create(request: Any) -> None:
        seen.append(request.attributes.PatientName)

    @service.set(classes=[FILM_SESSION])
    def change(request: Any) -> None:
        seen.append(request.attributes.PatientName)

    @service.get_attributes(classes=[FILM_SESSION])
    def get_attributes(request: Any) -> None:
        seen.append(request.tags)

    @service.action(classes=[FILM_SESSION])
    def action(request: Any) -> None:
        seen.append((request.action_type, request.information.PatientName))

    @service.report_event(classes=[FILM_SESSION])
    def report_event(request: Any) -> None:
        seen.append((request.event_number, request.information.PatientName))

    client = await joined(world, service, contexts=[FILM_SESSION])
    for kind in KINDS:
        if kind != "delete":
            assert (await done(asked(client, kind))).status.is_success
    assert seen == ["Asked", "Asked", [Tag("PatientName"), 0x00100020, 0x00100030], (3, "Asked"), (4, "Asked")]


async def test_a_delete_gives_the_status(world: World) -> None:
    deleted: list[str] = []

    def handler(request: Any) -> Status:
        deleted.append(request.sop_instance_uid)
        return Status.SUCCESS

    client = await managing(world, "delete", handler)
    assert (await done(client.delete(FILM_SESSION, UID))).is_success
    assert deleted == [UID]


@pytest.mark.parametrize("given", ["nothing", "status", "reply", "async"])
async def test_handlers_may_give_less_or_more(world: World, given: str) -> None:
    values: dict[str, Any] = {
        "nothing": None,
        "status": Status(0x0107, "some unknown"),
        "reply": Reply(status=Status(0x0107), attributes=SAID),
        "async": SAID,
    }

    def plain(request: Any) -> Any:
        return values[given]

    async def awaited(request: Any) -> Any:
        return values[given]

    client = await managing(world, "get_attributes", awaited if given == "async" else plain)
    reply = await done(client.get_attributes(FILM_SESSION, UID))
    assert reply.status == (0x0107 if given in ("status", "reply") else 0)
    assert reply.attributes.get("PatientName") == ("Said" if given in ("reply", "async") else None)
    if given == "status":
        assert (reply.status.is_warning, reply.status.comment) == (True, "some unknown")


@pytest.mark.parametrize("asked_for", [None, UID])
@pytest.mark.parametrize("chosen", [None, "1.2.3.99"])
async def test_the_uid_of_what_was_created_is_known(world: World, asked_for: str | None, chosen: str | None) -> None:
    def handler(request: Any) -> Reply:
        assert (request.sop_instance_uid if request.names_instance else None) == asked_for
        return Reply(status=Status.SUCCESS, attributes=SAID, instance_uid=chosen or "1.2.3.98")

    client = await managing(world, "create", handler)
    reply = await done(client.create(FILM_SESSION, asked_for))
    assert reply.instance_uid == (asked_for or chosen or "1.2.3.98")
    assert reply.attributes.PatientName == "Said"
    assert "AffectedSOPInstanceUID" not in SAID


@pytest.mark.parametrize(("kind", "operation"), list(zip(KINDS, OPERATIONS, strict=True)))
async def test_failures_say_what_the_peer_said(world: World, kind: str, operation: str) -> None:
    def handler(request: Any) -> Any:
        raise ServiceFailed(Status.PROCESSING_FAILURE.because("no paper", error_id=7))

    client = await managing(world, kind, handler)
    with pytest.raises(ServiceFailed, match="no paper") as failed:
        await done(asked(client, kind))
    assert (failed.value.status, failed.value.operation) == (0x0110, operation)
    assert failed.value.status.error_id == 7


@pytest.mark.parametrize("kind", KINDS)
async def test_no_context_or_no_association_is_told(world: World, kind: str) -> None:
    client = await managing(world, kind, lambda request: Status.SUCCESS)
    with pytest.raises(Refused, match="no presentation context"):
        await done(asked(client, kind, FILM_BOX))
    await done(client.abort())
    with pytest.raises(ConnectionLost, match="abort"):
        await done(asked(client, kind))


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_handler_the_request_is_refused(world: World, kind: str) -> None:
    other = "create" if kind == "delete" else "delete"
    client = await managing(world, other, lambda request: Status.SUCCESS)
    with pytest.raises(ServiceFailed):
        await done(asked(client, kind))


async def test_bad_arguments_are_refused(world: World) -> None:
    client = await managing(world, "create", lambda request: None)
    for verb, args in (
        (client.create, (FILM_SESSION, UID, "no data set")),
        (client.get_attributes, (FILM_SESSION, UID, ["NoSuchKeyword"])),
        (client.action, (FILM_SESSION, UID, "one")),
        (client.report_event, (FILM_SESSION, UID, -1)),
    ):
        with pytest.raises((TypeError, ValueError)):
            await done(verb(*args))
    assert (await done(client.create(FILM_SESSION, UID))).status.is_success


@pytest.mark.parametrize(
    "given",
    [None, SAID, Status.SUCCESS, Reply(status=Status.SUCCESS, attributes=SAID)],
    ids=["nothing", "attributes", "status", "reply"],
)
async def test_a_new_instance_that_the_peer_has_not_named_gets_a_uid(world: World, given: Any) -> None:
    """dcm4che's mppsscu and ianscu name none: a handler that did not think of it made them fail with 0x0110."""
    made: dict[str, Any] = {}
    before = list(SAID)

    def handler(request: Any) -> Any:
        assert not request.names_instance
        assert request.sop_instance_uid == request.sop_instance_uid
        made[request.sop_instance_uid] = given
        return given

    client = await managing(world, "create", handler)
    replies = [await done(client.create(FILM_SESSION, None, match("Asked"))) for _ in range(2)]
    assert [reply.instance_uid for reply in replies] == list(made)
    assert all(UID_CLASS(uid).is_valid for uid in made)
    assert list(SAID) == before


async def test_a_reply_may_name_the_new_instance_otherwise(world: World) -> None:
    client = await managing(
        world, "create", lambda request: Reply(status=Status.SUCCESS, attributes=Dataset(), instance_uid="1.2.3.9")
    )
    assert (await done(client.create(FILM_SESSION, None, match("Asked")))).instance_uid == "1.2.3.9"


async def test_a_new_instance_without_a_name_may_be_refused(world: World) -> None:
    client = await managing(
        world, "create", lambda request: Status.SUCCESS if request.names_instance else Status(0x0106)
    )
    with pytest.raises(ServiceFailed, match="0x0106"):
        await done(client.create(FILM_SESSION, None, match("Asked")))
    assert (await done(client.create(FILM_SESSION, UID, match("Asked")))).instance_uid == UID


# -- contexts that stand for several classes ------------------------------------------------------------------------
async def test_printing_is_told_apart_by_class(world: World) -> None:
    """One context for all, whose abstract syntax is the meta SOP class (PS3.4 annex H)."""
    service = Service()
    told: list[tuple[str, str]] = []

    @service.create(classes=[FILM_SESSION])
    def session(request: Any) -> None:
        told.append(("session", request.sop_class_uid))

    @service.create(classes=[FILM_BOX, PRINT_MANAGEMENT])
    def box(request: Any) -> None:
        told.append(("box", request.sop_class_uid))

    client = await joined(world, service, contexts=[PRINT_MANAGEMENT])
    for class_uid in (FILM_SESSION, FILM_BOX):
        await done(client.create(class_uid, UID, meta_uid=PRINT_MANAGEMENT))
    assert told == [("session", FILM_SESSION), ("box", FILM_BOX)]


async def test_a_class_of_a_meta_class_without_a_handler_is_refused(world: World) -> None:
    service = Service()

    @service.create(classes=[FILM_SESSION])
    def session(request: Any) -> None:
        return None

    @service.delete(classes=[FILM_SESSION, PRINT_MANAGEMENT])
    def delete(request: Any) -> Status:
        return Status.SUCCESS

    @service.create(classes=[COMMITMENT])
    def other(request: Any) -> None:
        raise AssertionError("not asked")

    client = await joined(world, service, contexts=[PRINT_MANAGEMENT])
    assert (await done(client.create(FILM_SESSION, UID, meta_uid=PRINT_MANAGEMENT))).status.is_success
    with pytest.raises(ServiceFailed) as failed:
        await done(client.create(FILM_BOX, UID, meta_uid=PRINT_MANAGEMENT))
    assert failed.value.status in (0x0112, 0x0118, 0x0122)


async def test_unified_procedure_steps_are_one_class_in_several_contexts(world: World) -> None:
    """Requests on Pull and Watch name the Push class (PS3.4 CC.3.1)."""
    service = Service()
    told: list[str] = []

    @service.create(classes=[UPS["Push"]])
    def create(request: Any) -> None:
        told.append("create")

    @service.set(classes=[UPS["Pull"]])
    def change(request: Any) -> None:
        told.append("set")

    @service.action(classes=[UPS["Push"]])
    def on_push(request: Any) -> None:
        told.append("push")

    @service.action(classes=[UPS["Watch"]])
    def on_watch(request: Any) -> None:
        told.append("watch")

    client = await joined(world, service, contexts=[UPS["Push"], UPS["Pull"], UPS["Watch"]])
    await done(client.create(UPS["Push"], UID))
    await done(client.set(UPS["Push"], UID, match(), meta_uid=UPS["Pull"]))
    await done(client.action(UPS["Push"], UID, 1, meta_uid=UPS["Push"]))
    await done(client.action(UPS["Push"], UID, 3, meta_uid=UPS["Watch"]))
    assert told == ["create", "set", "push", "watch"]


async def test_the_peer_may_be_told_of_an_event_by_the_server(world: World) -> None:
    """N-EVENT-REPORT on the association that has asked, answered by a handler of the client's."""
    told: list[Any] = []

    def on_event(event: evt.Event) -> tuple[int, None]:
        told.append(event.event_type)
        return 0x0000, None

    async def handler(request: Any) -> None:
        response, _ = await done(
            request.association.send_n_event_report(match(), 1, COMMITMENT, "1.2.840.10008.1.20.1.1")
        )
        told.append(response.Status)

    service = answering("action", handler, classes=[COMMITMENT])
    client = await joined(world, service, contexts=[COMMITMENT], handlers=[(evt.EVT_N_EVENT_REPORT, on_event)])
    assert (await done(client.action(COMMITMENT, UID, 1, match()))).status.is_success
    assert told == [1, 0x0000]
