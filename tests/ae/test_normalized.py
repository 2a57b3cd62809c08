"""The six N-services, on both sides: what is asked, what is answered, what is handed back."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import build_context, evt
from dicomwire.dsutils import encode
from dicomwire.status import code_to_status
from tests.support.adapters import VERIFICATION, World, done
from tests.support.data_sets import fill
from tests.support.finding import match, raising, unencodable
from tests.support.normalized import (
    ACTION,
    ALL,
    ASKED,
    COMMITMENT,
    CREATE,
    DELETE,
    FILM_SESSION,
    GET,
    INSTANCE,
    REPORT,
    SAID,
    SERVICES,
    SET,
    UPS,
    invoke,
)
from tests.support.scripted import accepting, hear, offering, reply, say, uid
from tests.support.sessions import us
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ

FIELDS = {REPORT: 0x0100, GET: 0x0110, SET: 0x0120, ACTION: 0x0130, CREATE: 0x0140, DELETE: 0x0150}

PRINT_META = "1.2.840.10008.5.1.1.9"
IMAGE_BOX = "1.2.840.10008.5.1.1.4"


async def joined(world: World, handlers: Any, *models: str, told: Any = ()) -> Any:
    contexts = [build_context(model) for model in (*models, VERIFICATION)]
    server = await world.serve(handlers, contexts=contexts)
    association = await world.associate(server, contexts=contexts, evt_handlers=list(told))
    assert association.is_established
    return association


# -- every message of every service -------------------------------------------------------------------------------
EXTRAS: dict[Any, dict[str, Any]] = {
    ACTION: {"action_type": 3, "action_information": ASKED},
    CREATE: {"attribute_list": ASKED},
    DELETE: {},
    REPORT: {"event_type": 4, "event_information": ASKED},
    GET: {"attribute_identifiers": [0x00100010, 0x00100020, 0x00100030]},
    SET: {"modification_list": ASKED, "attribute_list": ASKED},
}


@pytest.mark.parametrize("service", SERVICES)
async def test_every_message_of_a_service_is_served_and_no_other(world: World, service: str) -> None:
    model, messages = SERVICES[service]
    seen: list[tuple[Any, dict[str, Any], tuple[Any, ...]]] = []

    def handler(event: evt.Event) -> Any:
        names = [name for extras in EXTRAS.values() for name in extras]
        extras = {}
        for name in names:
            try:
                extras[name] = getattr(event, name)
            except AttributeError:
                assert name not in EXTRAS[event.event]
        request = event.request
        affected = event.event in (CREATE, REPORT)
        uids = (
            (request.AffectedSOPClassUID, request.AffectedSOPInstanceUID)
            if affected
            else (request.RequestedSOPClassUID, request.RequestedSOPInstanceUID)
        )
        seen.append((event.event, extras, (*uids, event.message_id, event.context.abstract_syntax)))
        assert event.is_cancelled is False
        return 0x0000 if event.event is DELETE else (0x0000, SAID)

    association = await joined(world, [(event, handler) for event in ALL], model)
    for number, event in enumerate(ALL):
        status, returned = await invoke(association, event, model, msg_id=number)
        if event in messages:
            assert status.Status == 0x0000
            assert returned == (None if event is DELETE else SAID)
            assert seen.pop() == (event, EXTRAS[event], (model, INSTANCE, number, model))
        else:
            assert (status.Status, returned) == (0x0211, None)
    assert seen == []
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


# -- what the handler says ----------------------------------------------------------------------------------------
def status_with(code: int, **elements: Any) -> Dataset:
    status = code_to_status(code)
    fill(status, elements)
    return status


EMPTY = Dataset()
PAIRS = [
    pytest.param(lambda event: (0x0000, SAID), 0x0000, SAID, id="success"),
    pytest.param(lambda event: [0x0000, SAID], 0x0000, SAID, id="a list"),
    pytest.param(lambda event: (0x0107, SAID), 0x0107, SAID, id="warning"),
    pytest.param(lambda event: (0x0001, SAID), 0x0001, SAID, id="warning 1"),
    pytest.param(lambda event: (0xB123, SAID), 0xB123, SAID, id="warning not in the table"),
    pytest.param(lambda event: (code_to_status(0x0000), SAID), 0x0000, SAID, id="status as a data set"),
    pytest.param(lambda event: (0x0000, encode(SAID, True, True)), 0x0000, SAID, id="encoded already"),
    pytest.param(lambda event: (0x0000, None), 0x0000, EMPTY, id="no data set"),
    pytest.param(lambda event: (0x0000, EMPTY), 0x0000, EMPTY, id="an empty data set"),
    pytest.param(lambda event: (0x0112, SAID), 0x0112, None, id="failure"),
    pytest.param(lambda event: (0xFE00, SAID), 0xFE00, None, id="cancel"),
    pytest.param(lambda event: (0xFF00, SAID), 0xFF00, None, id="pending"),
    pytest.param(lambda event: (0xFFF0, SAID), 0xFFF0, None, id="unknown"),
    pytest.param(lambda event: (0x0000, unencodable()), 0x0110, None, id="cannot be encoded"),
    pytest.param(lambda event: (0x0000, "x"), 0x0110, None, id="no data set but text"),
    pytest.param(lambda event: (EMPTY, SAID), 0xC001, None, id="no Status"),
    pytest.param(lambda event: ("x", SAID), 0xC002, None, id="no status at all"),
    pytest.param(lambda event: 0x0000, 0x0110, None, id="no pair but a status"),
    pytest.param(lambda event: None, 0x0110, None, id="None"),
    pytest.param(lambda event: (0x0000,), 0x0110, None, id="one"),
    pytest.param(lambda event: (0x0000, None, None), 0x0110, None, id="three"),
    pytest.param(raising, 0x0110, None, id="raises"),
    pytest.param(None, 0x0110, None, id="unbound"),
]


@pytest.mark.parametrize(("handler", "status", "data_set"), PAIRS)
async def test_what_the_handler_says_is_answered(
    world: World, handler: Any, status: int, data_set: Dataset | None
) -> None:
    events = [event for event in ALL if event is not DELETE]
    handlers = [] if handler is None else [(event, handler) for event in events]
    association = await joined(world, handlers, FILM_SESSION)
    for event in events:
        got, returned = await invoke(association, event, FILM_SESSION)
        assert (event, got.Status, returned) == (event, status, data_set)
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (lambda event: 0x0000, 0x0000),
        (lambda event: 0x0112, 0x0112),
        (lambda event: code_to_status(0x0112), 0x0112),
        (lambda event: 0xFF01, 0xFF01),
        (lambda event: EMPTY, 0xC001),
        (lambda event: (0x0000, None), 0xC002),
        (lambda event: None, 0xC002),
        (raising, 0x0110),
        (None, 0x0110),
    ],
)
async def test_what_the_handler_of_a_deletion_says_is_answered(world: World, handler: Any, status: int) -> None:
    association = await joined(world, [] if handler is None else [(DELETE, handler)], FILM_SESSION)
    got = await done(association.send_n_delete(FILM_SESSION, INSTANCE))
    assert [(item.keyword, item.value) for item in got] == [("Status", status)]
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


def creating(uid: Any = None, **elements: Any) -> Dataset:
    dataset = match("Said")
    if uid is not None:
        dataset.AffectedSOPInstanceUID = uid
    return dataset


@pytest.mark.filterwarnings("ignore:.*UI.*")
@pytest.mark.parametrize(
    ("handler", "status", "instance", "data_set"),
    [
        pytest.param(lambda event: (0x0000, creating("1.2.9")), 0x0000, "1.2.9", SAID, id="chosen"),
        pytest.param(lambda event: (0x0107, creating("1.2.9")), 0x0107, "1.2.9", SAID, id="chosen with a warning"),
        pytest.param(lambda event: (0x0107, SAID), 0x0107, None, SAID, id="a warning needs none"),
        pytest.param(lambda event: (0x0000, SAID), 0x0110, None, None, id="not chosen"),
        pytest.param(lambda event: (0x0000, None), 0x0110, None, None, id="no data set"),
        pytest.param(lambda event: (0x0000, b"\x10\0"), 0x0110, None, None, id="bytes"),
        pytest.param(lambda event: (0x0000, "x"), 0x0110, None, None, id="text"),
        pytest.param(lambda event: (0x0000, creating("1." + 63 * "2")), 0x0110, None, None, id="too long"),
        pytest.param(lambda event: (0x0112, creating("1.2.9")), 0x0112, None, None, id="failure"),
    ],
)
async def test_an_instance_created_without_uid_gets_it_from_the_handler(
    world: World, handler: Any, status: int, instance: str | None, data_set: Dataset | None
) -> None:
    kept: list[Dataset] = []

    def keeping(event: evt.Event) -> Any:
        assert event.request.AffectedSOPInstanceUID is None
        said = handler(event)
        kept.append(said[1])
        return said

    answered: list[Any] = []

    def received(event: evt.Event) -> None:
        answered.append(event.message.command_set.get("AffectedSOPInstanceUID"))

    association = await joined(world, [(CREATE, keeping)], FILM_SESSION, told=[(evt.EVT_DIMSE_RECV, received)])
    got, returned = await invoke(association, CREATE, FILM_SESSION, instance_uid=None)
    assert (got.Status, answered, returned) == (status, [instance], data_set)
    # What the handler gave is as it was.
    if instance is not None:
        assert kept[0].AffectedSOPInstanceUID == instance
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


async def test_an_instance_uid_of_the_request_is_kept_whatever_the_handler_says(world: World) -> None:
    answered: list[Any] = []

    def received(event: evt.Event) -> None:
        answered.append(event.message.command_set.AffectedSOPInstanceUID)

    handlers = [(CREATE, lambda event: (0x0000, creating("1.2.9")))]
    association = await joined(world, handlers, FILM_SESSION, told=[(evt.EVT_DIMSE_RECV, received)])
    _, returned = await invoke(association, CREATE, FILM_SESSION)
    assert (answered, returned) == ([INSTANCE], SAID)
    await done(association.release())


ELEMENTS: dict[str, Any] = {
    "ErrorComment": "so so",
    "ErrorID": 7,
    "AttributeIdentifierList": [0x00100010, 0x00100020],
    "OffendingElement": [0x00100010],
    "NumberOfFailedSuboperations": 3,
    "PatientName": "X",
}

KEPT = {
    ACTION: {"ErrorComment", "ErrorID"},
    CREATE: {"ErrorComment", "ErrorID", "AttributeIdentifierList"},
    DELETE: {"ErrorComment", "ErrorID"},
    REPORT: {"ErrorComment", "ErrorID", "AffectedSOPClassUID", "AffectedSOPInstanceUID", "EventTypeID"},
    GET: {"ErrorComment", "ErrorID", "AttributeIdentifierList"},
    SET: {"ErrorComment", "ErrorID", "AttributeIdentifierList"},
}


@pytest.mark.parametrize("event", ALL, ids=str)
async def test_status_elements_come_back_as_far_as_the_message_has_them(world: World, event: Any) -> None:
    def handler(happened: evt.Event) -> Any:
        status = status_with(0x0107, **ELEMENTS)
        if event is REPORT:
            status.EventTypeID = 4
        return status if event is DELETE else (status, SAID)

    association = await joined(world, [(event, handler)], FILM_SESSION)
    status, _ = await invoke(association, event, FILM_SESSION)
    assert {item.keyword for item in status} == {"Status", *KEPT[event]}
    for keyword in {item.keyword for item in status} & ELEMENTS.keys():
        assert status[keyword].value == ELEMENTS[keyword]
    await done(association.release())


@pytest.mark.parametrize(("keyword", "value"), [("ErrorID", 70000), ("ErrorID", -1), ("ErrorID", [1, 2])])
async def test_a_status_element_that_does_not_fit_is_left_out(world: World, keyword: str, value: Any) -> None:
    def handler(event: evt.Event) -> Any:
        status = status_with(0x0110, ErrorComment="so so", ErrorID=1)
        status[keyword]._value = value
        return status, None

    association = await joined(world, [(GET, handler)], FILM_SESSION)
    status, _ = await invoke(association, GET, FILM_SESSION)
    assert {item.keyword for item in status} == {"Status", "ErrorComment"}
    await done(association.release())


# -- images to be printed -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [3 << 20, 30 << 20])
async def test_an_image_box_holds_a_whole_image(world: World, size: int) -> None:
    # More than an identifier may have, and more than is kept in memory.
    seen: list[int] = []

    def handler(event: Any) -> tuple[int, None]:
        (image,) = event.modification_list.BasicGrayscaleImageSequence
        seen.append(len(image.PixelData))
        return 0x0000, None

    image = Dataset()
    image.add_new("PixelData", "OW", b"\\\x1b" * (size // 2))
    box = Dataset()
    box.ImageBoxPosition, box.BasicGrayscaleImageSequence = 1, [image]
    association = await joined(world, [(SET, handler)], PRINT_META)
    status, _ = await done(association.send_n_set(box, IMAGE_BOX, INSTANCE, meta_uid=PRINT_META))
    assert (status.Status, seen) == (0x0000, [size])
    await done(association.release())


# -- arguments ----------------------------------------------------------------------------------------------------
async def test_bad_arguments_are_refused_and_the_association_stays(world: World) -> None:
    association = await joined(world, [(event, lambda event: (0x0000, None)) for event in ALL], FILM_SESSION)
    long, film = "1." + 63 * "2", FILM_SESSION
    calls: list[tuple[Any, type[Exception]]] = [
        (lambda: association.send_n_action(None, "1", film, INSTANCE), TypeError),
        (lambda: association.send_n_action(None, 65536, film, INSTANCE), ValueError),
        (lambda: association.send_n_action(None, 1, film, INSTANCE, msg_id=65536), ValueError),
        (lambda: association.send_n_action(None, 1, film, INSTANCE, msg_id="1"), TypeError),
        (lambda: association.send_n_action(None, 1, COMMITMENT, INSTANCE), ValueError),
        (lambda: association.send_n_action(None, 1, film, INSTANCE, meta_uid=PRINT_META), ValueError),
        (lambda: association.send_n_action(unencodable(), 1, film, INSTANCE), ValueError),
        (lambda: association.send_n_event_report(None, None, film, INSTANCE), TypeError),
        (lambda: association.send_n_event_report(None, -1, film, INSTANCE), ValueError),
        (lambda: association.send_n_create("x", film), ValueError),
        (lambda: association.send_n_create(None, film, long), ValueError),
        (lambda: association.send_n_create(None, long, INSTANCE), ValueError),
        (lambda: association.send_n_delete(film, long), ValueError),
        (lambda: association.send_n_delete(film, ""), ValueError),
        (lambda: association.send_n_get("PatientName", film, INSTANCE), ValueError),
        (lambda: association.send_n_get([None], film, INSTANCE), ValueError),
        (lambda: association.send_n_get([(1, 2, 3)], film, INSTANCE), ValueError),
        (lambda: association.send_n_get([-1], film, INSTANCE), ValueError),
        (lambda: association.send_n_set(None, film, INSTANCE), ValueError),
    ]
    for call, kind in calls:
        with pytest.raises(kind):
            await done(call())
    assert (await invoke(association, GET, FILM_SESSION))[0].Status == 0
    await done(association.release())
    for event in ALL:
        with pytest.raises(RuntimeError):
            await invoke(association, event, FILM_SESSION, msg_id="x")


async def test_without_data_set_the_handler_sees_an_empty_one(world: World) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event) -> Any:
        name = next(name for name in EXTRAS[event.event] if not name.endswith("_type"))
        seen.append(getattr(event, name))
        return 0x0000, None

    association = await joined(world, [(event, handler) for event in ALL if event is not DELETE], FILM_SESSION)
    for event in (ACTION, CREATE, REPORT):
        assert (await invoke(association, event, FILM_SESSION, None))[0].Status == 0
    assert (await invoke(association, SET, FILM_SESSION, EMPTY))[0].Status == 0
    assert (await done(association.send_n_get([], FILM_SESSION, INSTANCE)))[0].Status == 0
    assert seen == [EMPTY, EMPTY, EMPTY, EMPTY, []]
    await done(association.release())


async def test_the_real_class_is_sent_on_the_context_of_its_meta_class(world: World) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event) -> Any:
        request = event.request
        affected = event.event in (CREATE, REPORT)
        seen.append((request.AffectedSOPClassUID if affected else request.RequestedSOPClassUID, event.context[:2]))
        return 0x0000 if event.event is DELETE else (0x0000, None)

    association = await joined(world, [(event, handler) for event in ALL], VERIFICATION, PRINT_META)
    for event in ALL:
        assert (await invoke(association, event, FILM_SESSION, meta_uid=PRINT_META))[0].Status == 0
    assert seen == [(FILM_SESSION, (3, PRINT_META))] * 6
    with pytest.raises(ValueError, match="context"):
        await invoke(association, GET, FILM_SESSION)
    await done(association.release())


@pytest.mark.parametrize("accepted", ["Watch", "Pull", "Event", "Query"])
async def test_ups_push_may_use_the_context_of_any_ups_class(world: World, accepted: str) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event) -> Any:
        seen.append(event.context.abstract_syntax)
        return 0x0000, None

    association = await joined(world, [(event, handler) for event in ALL], UPS[accepted])
    for event in (GET, SET, ACTION, REPORT):
        assert (await invoke(association, event, UPS["Push"]))[0].Status == 0
    assert seen == [UPS[accepted]] * 4
    await done(association.release())


UPS_CHOICES = [
    (CREATE, None, "Push"),
    (GET, None, "Push"),
    (SET, None, "Pull"),
    (ACTION, 1, "Pull"),
    (ACTION, 2, "Push"),
    (ACTION, 3, "Watch"),
    (ACTION, 5, "Watch"),
    (REPORT, None, "Event"),
]


@pytest.mark.parametrize(("event", "action_type", "best"), UPS_CHOICES)
async def test_a_ups_request_uses_a_context_whose_class_has_the_service(
    world: World, event: Any, action_type: int | None, best: str
) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event) -> Any:
        request = event.request
        named = getattr(request, "RequestedSOPClassUID", None) or request.AffectedSOPClassUID
        seen.append((event.context.abstract_syntax, named))
        return 0x0000, None

    association = await joined(world, [(event, handler)], *UPS.values())
    if action_type is None:
        await invoke(association, event, UPS["Push"])
    else:
        await done(association.send_n_action(ASKED, action_type, UPS["Push"], INSTANCE))
    assert seen == [(UPS[best], UPS["Push"])]
    await invoke(association, event, UPS["Push"], meta_uid=UPS["Query"])
    assert seen[1] == (UPS["Query"], UPS["Push"])
    await done(association.release())


async def test_a_step_is_created_on_ups_push_and_nowhere_else(world: World) -> None:
    association = await joined(world, [], UPS["Pull"])
    with pytest.raises(ValueError, match="Unified Procedure Step - Push"):
        await invoke(association, CREATE, UPS["Push"])
    await done(association.release())


# -- a scripted performer -----------------------------------------------------------------------------------------
async def asking(world: World, event: Any, said: bytes) -> tuple[Any, Any, Any]:
    """What the request of ``event`` gives if the peer answers ``said``, and what the peer was asked."""
    listener = await world.listen()

    async def peer() -> Any:
        other = await accepting(listener)
        heard = await hear(other)
        await other.send(said)
        await other.rest()
        await other.close()
        return heard

    job = world.start(peer)
    association = await world.associate(listener, contexts=[build_context(FILM_SESSION)])
    status, returned = await invoke(association, event, FILM_SESSION, msg_id=9)
    await done(association.abort())
    return status.get("Status"), returned, await job.result()


DATA = encode(SAID, True, True)


@pytest.mark.parametrize("event", ALL, ids=str)
async def test_a_request_holds_what_the_standard_asks_for(world: World, event: Any) -> None:
    status, returned, heard = await asking(world, event, reply(1, FIELDS[event], 0x0000, message_id=9, data=DATA))
    assert (status, returned) == (0x0000, None if event is DELETE else SAID)
    side = "Affected" if event in (CREATE, REPORT) else "Requested"
    expected: dict[str, Any] = {
        f"{side}SOPClassUID": FILM_SESSION,
        f"{side}SOPInstanceUID": INSTANCE,
        "CommandField": FIELDS[event],
        "MessageID": 9,
        "CommandDataSetType": 0x0101 if event in (DELETE, GET) else 1,
    }
    if event is ACTION:
        expected["ActionTypeID"] = 3
    elif event is REPORT:
        expected["EventTypeID"] = 4
    elif event is GET:
        expected["AttributeIdentifierList"] = [0x00100010, 0x00100020, 0x00100030]
    command = {item.keyword: item.value for item in heard.command if item.tag != 0}
    assert command == expected
    assert heard.data == (None if event in (DELETE, GET) else encode(ASKED, True, True))


@pytest.mark.parametrize("event", ALL, ids=str)
@pytest.mark.parametrize(
    ("make", "status", "returned"),
    [
        pytest.param(lambda field: reply(1, field, 0x0000, message_id=9), 0x0000, EMPTY, id="nothing"),
        pytest.param(lambda field: reply(1, field, 0x0000, message_id=9, data=b""), 0x0000, EMPTY, id="empty"),
        pytest.param(lambda field: reply(1, field, 0xB123, message_id=9, data=DATA), 0xB123, SAID, id="warning"),
        pytest.param(lambda field: reply(1, field, 0x0112, message_id=9, data=DATA), 0x0112, None, id="failure"),
        pytest.param(lambda field: reply(1, field, 0xFF00, message_id=9, data=DATA), 0xFF00, None, id="pending"),
        pytest.param(
            lambda field: reply(1, field, 0x0000, message_id=9, data=b"\xff" * 8), 0x0110, None, id="undecodable"
        ),
        pytest.param(lambda field: ABORT, None, None, id="abort"),
        pytest.param(lambda field: RELEASE_RQ, None, None, id="release"),
        pytest.param(lambda field: b"nonsense", None, None, id="nonsense"),
        pytest.param(lambda field: reply(1, 0x0030, 0x0000, message_id=9), None, None, id="to another request"),
    ],
)
async def test_a_response_is_interpreted_as_documented(
    world: World, event: Any, make: Any, status: int | None, returned: Dataset | None
) -> None:
    if event is DELETE:
        returned = None
        status = 0x0000 if status == 0x0110 else status
    got = await asking(world, event, make(FIELDS[event]))
    assert got[:2] == (status, returned)


# -- a scripted invoker -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("event", ALL, ids=str)
async def test_a_request_that_lacks_something_is_answered_so(world: World, event: Any) -> None:
    called: list[Any] = []
    server = await world.serve([(event, called.append)], contexts=[build_context(FILM_SESSION)])
    peer = await offering(world, server, FILM_SESSION)
    affected = event in (CREATE, REPORT)
    whole = {
        "class": uid(0x0002 if affected else 0x0003, FILM_SESSION),
        "instance": uid(0x1000 if affected else 0x1001, INSTANCE),
    }
    if event in (ACTION, REPORT):
        whole["type"] = us(0x1008 if event is ACTION else 0x1002, 1)
    data = b"" if event in (SET, ACTION, CREATE, REPORT) else None
    for lacking in whole:
        if lacking == "class" or (event is CREATE and lacking == "instance"):
            # The context says which class; a new instance needs no UID.
            continue
        parts = [part for name, part in whole.items() if name != lacking]
        await peer.send(say(1, FIELDS[event], us(0x0110, 5), *parts, data=data))
        said = await hear(peer)
        assert (said.field, said.status) == (FIELDS[event] | 0x8000, 0x0120)
        assert said.command.MessageIDBeingRespondedTo == 5
    assert called == []
    await peer.send(RELEASE_RQ)
    assert await peer.rest() == RELEASE_RP
    await peer.close()


@pytest.mark.parametrize("event", ALL, ids=str)
async def test_the_response_repeats_what_was_asked(world: World, event: Any) -> None:
    handlers = [(event, lambda happened: 0x0000 if event is DELETE else (0x0000, SAID))]
    server = await world.serve(handlers, contexts=[build_context(FILM_SESSION)])
    association = await world.associate(server, contexts=[build_context(FILM_SESSION)])
    sets: list[Any] = []
    association.bind(evt.EVT_DIMSE_RECV, lambda happened: sets.append(happened.message.command_set))
    await invoke(association, event, FILM_SESSION, msg_id=77)
    expected: dict[str, Any] = {
        "AffectedSOPClassUID": FILM_SESSION,
        "AffectedSOPInstanceUID": INSTANCE,
        "CommandField": FIELDS[event] | 0x8000,
        "MessageIDBeingRespondedTo": 77,
        "CommandDataSetType": 0x0101 if event is DELETE else 1,
        "Status": 0,
    }
    if event is ACTION:
        expected["ActionTypeID"] = 3
    elif event is REPORT:
        expected["EventTypeID"] = 4
    assert {item.keyword: item.value for item in sets[0] if item.tag != 0} == expected
    await done(association.release())


@pytest.mark.parametrize("wanted", [None, [], ()], ids=str)
async def test_no_list_asks_for_everything(world: World, wanted: Any) -> None:
    asked: list[Any] = []

    def get(event: evt.Event) -> tuple[int, Dataset]:
        asked.append(event.attribute_identifiers)
        return 0x0000, Dataset()

    contexts = [build_context("1.2.840.10008.5.1.1.33")]
    server = await world.serve([(evt.EVT_N_GET, get)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    status, _ = await done(association.send_n_get(wanted, "1.2.840.10008.5.1.1.33", "1.2.3"))
    assert (status.Status, asked) == (0x0000, [[]])
    await done(association.release())
