"""Every service with pynetdicom, in both directions; our side once per adapter.

The last pair is pynetdicom alone: what is expected here is what its users are used to.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen
from pydicom.dataset import Dataset

from tests.support.archive import (
    CLASSES,
    CT,
    ENDLESS,
    EXPLICIT,
    IMPLICIT,
    PATIENT_FIND,
    SECONDARY_CAPTURE,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    UID_ROOT,
    WORKLIST_FIND,
    Archive,
    make_instances,
    query,
    scheduled,
)
from tests.support.data_sets import fill
from tests.support.peers import HOST, VERIFICATION, collect, echoed, eventually, following, get
from tests.support.sides import PAIRS, PYNETDICOM, Side

FILM_SESSION = "1.2.840.10008.5.1.1.1"
PRINT_META = "1.2.840.10008.5.1.1.9"
RT_VERIFICATION = "1.2.840.10008.5.1.4.34.8"
MPPS = "1.2.840.10008.3.1.2.3.3"
UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
UPS_PULL = "1.2.840.10008.5.1.4.34.6.3"
COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
STORAGE_SERVICE = "1.2.840.10008.4.2"

PRIVATE_STORAGE = f"{UID_ROOT}.77"
"""A class that only common extended negotiation explains."""

FINDS = (PATIENT_FIND, STUDY_FIND, WORKLIST_FIND)
NORMALIZED = (PRINT_META, RT_VERIFICATION, MPPS, UPS_PUSH, UPS_PULL)

ROLES = [
    row
    for row in json.loads((Path(__file__).parents[1] / "data" / "contract" / "role_outcomes.json").read_text())["rows"]
    # An item with no role at all cannot be sent.
    if any(row["requestor_proposes"].values())
]
ROLE_CLASSES = [f"1.2.840.10008.5.1.4.1.1.{number}" for number in (
    "1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "2.1", "2.2", "3.1", "4.1", "4.2",
)]  # fmt: skip
UNSET = "1.2.840.10008.5.1.4.1.1.481.2"
"""A storage class for which the acceptor says nothing of roles."""


def failed(code: int, **elements: Any) -> Dataset:
    status = Dataset()
    status.Status = code
    fill(status, elements)
    return status


@define
class Services:
    """Handlers of an SCP for the N-services and negotiation; pynetdicom or not, they are the same."""

    side: Side
    seen: list[Any] = field(factory=list)
    established: list[Any] = field(factory=list)
    reported: threading.Event = field(factory=threading.Event)
    stored: list[tuple[str, str]] = field(factory=list)
    origins: list[tuple[str, int]] = field(factory=list)
    refused: set[str] = field(factory=set)

    @property
    def handlers(self) -> dict[str, Callable[..., Any]]:
        return {
            "EVT_ESTABLISHED": self.on_established,
            "EVT_REJECTED": self.on_rejected,
            "EVT_C_STORE": self.on_store,
            "EVT_N_CREATE": self.on_create,
            "EVT_N_GET": self.on_get,
            "EVT_N_SET": self.on_set,
            "EVT_N_ACTION": self.on_action,
            "EVT_N_DELETE": self.on_delete,
            "EVT_N_EVENT_REPORT": self.on_report,
            "EVT_USER_ID": self.on_user,
            "EVT_SOP_EXTENDED": self.on_extended,
            "EVT_SOP_COMMON": self.on_common,
            "EVT_ASYNC_OPS": self.on_window,
        }

    def on_established(self, event: Any) -> None:
        roles = {str(each.abstract_syntax): (each.as_scu, each.as_scp) for each in event.assoc.accepted_contexts}
        self.established.append(roles)

    def on_rejected(self, event: Any) -> None:
        self.seen.append("rejected")

    def on_store(self, event: Any) -> int:
        request = event.request
        uid = str(request.AffectedSOPInstanceUID)
        if request.MoveOriginatorMessageID is not None:
            self.origins.append((str(request.MoveOriginatorApplicationEntityTitle), request.MoveOriginatorMessageID))
        if uid in self.refused:
            return 0xA700
        self.stored.append((uid, str(event.dataset.PatientID)))
        return 0x0000

    def on_create(self, event: Any) -> tuple[Any, Dataset | None]:
        wanted, instance = event.attribute_list, event.request.AffectedSOPInstanceUID
        self.seen.append(("N-CREATE", event.request.AffectedSOPClassUID, instance, wanted.PatientName))
        if wanted.PatientName == "Twice":
            return failed(0x0111, ErrorComment="there is one already", ErrorID=7), None
        reply = Dataset()
        reply.PatientName = wanted.PatientName
        if instance is None:
            reply.AffectedSOPInstanceUID = "1.2.3.99"
        return 0x0116 if wanted.PatientName == "Coerced" else 0x0000, reply

    def on_get(self, event: Any) -> tuple[Any, Dataset | None]:
        tags = event.attribute_identifiers
        self.seen.append(("N-GET", event.request.RequestedSOPInstanceUID, [int(tag) for tag in tags]))
        if event.request.RequestedSOPInstanceUID == "1.2.404":
            return 0x0112, None
        attributes = Dataset()
        attributes.PatientName = "Known"
        attributes.PatientID = "P1"
        if tags:
            for element in list(attributes):
                if element.tag not in tags:
                    del attributes[element.tag]
        missing = [tag for tag in tags if tag not in attributes]
        if missing:
            return failed(0x0107, AttributeIdentifierList=missing), attributes
        return 0x0000, attributes

    def on_set(self, event: Any) -> tuple[Any, Dataset | None]:
        self.seen.append(("N-SET", event.request.RequestedSOPInstanceUID, event.modification_list.PatientName))
        if event.request.RequestedSOPInstanceUID == "1.2.404":
            return failed(0x0110, ErrorComment="it can no longer be changed"), event.modification_list
        return 0x0000, event.modification_list

    def on_action(self, event: Any) -> tuple[Any, Dataset | None]:
        information = event.action_information
        self.seen.append(("N-ACTION", event.request.RequestedSOPInstanceUID, event.action_type, len(information)))
        if event.request.RequestedSOPClassUID == COMMITMENT:
            self.side.afterwards(event.assoc, partial(self.report, information))
            return 0x0000, None
        if event.action_type == 2:
            return 0x0123, None
        if event.action_type == 3:
            return 0x0000, None
        if event.action_type == 4:
            raise ValueError("no such thing")
        return 0x0000, information

    def on_delete(self, event: Any) -> int:
        self.seen.append(("N-DELETE", event.request.RequestedSOPInstanceUID))
        return 0x0112 if event.request.RequestedSOPInstanceUID == "1.2.404" else 0x0000

    async def report(self, information: Dataset, association: Any) -> None:
        """Say that all has been stored, on the association where it was asked."""
        status, reply = await get(
            association.send_n_event_report(information, 1, COMMITMENT, COMMITMENT_INSTANCE, msg_id=500)
        )
        self.seen.append(("reported", status.get("Status"), reply))
        self.reported.set()

    def on_report(self, event: Any) -> tuple[Any, Dataset | None]:
        information = event.event_information
        self.seen.append(("N-EVENT-REPORT", event.request.AffectedSOPInstanceUID, event.event_type, len(information)))
        if event.event_type == 9:
            return 0x0113, None
        return 0x0000, None if "TransactionUID" in information else information

    def on_user(self, event: Any) -> tuple[bool, bytes | None]:
        self.seen.append((event.user_id_type, event.primary_field, event.secondary_field or b""))
        return event.primary_field != b"mallory", b"response" if event.user_id_type > 2 else None

    def on_extended(self, event: Any) -> dict[Any, bytes]:
        return {uid: information + b"!" for uid, information in event.app_info.items()}

    def on_common(self, event: Any) -> dict[Any, Any]:
        return dict(event.items)

    def on_window(self, event: Any) -> tuple[int, int]:
        self.seen.append(("window", event.nr_invoked, event.nr_performed))
        return 1, 1


def supporting(ae: Any) -> None:
    for uid in (VERIFICATION, *FINDS, STUDY_GET, STUDY_MOVE, *NORMALIZED, PRIVATE_STORAGE):
        ae.add_supported_context(uid)
    ae.add_supported_context(COMMITMENT, scu_role=True, scp_role=True)
    for uid in CLASSES:
        ae.add_supported_context(uid, [EXPLICIT, IMPLICIT], scu_role=True, scp_role=True)
        ae.add_requested_context(uid, [EXPLICIT, IMPLICIT])
    ae.add_supported_context(UNSET)
    for uid, row in zip(ROLE_CLASSES, ROLES, strict=True):
        ae.add_supported_context(uid, EXPLICIT, **row["acceptor_setting"])


@define
class Pair:
    """An SCU, an SCP that serves all of this, and its port; a server of the SCU's kind to send instances to."""

    scu: Side
    scp: Side
    services: Services
    archive: Archive
    port: int
    receiver: Services

    def converse(self, talk: Any, *uids: str, ext_neg: Any = (), handlers: Any = None) -> Any:
        async def checked(association: Any) -> Any:
            assert association.is_established
            result = await talk(association)
            assert association.is_established
            return result

        contexts = self.scu.contexts(*uids)
        return self.scu.converse(self.port, checked, contexts=contexts, ext_neg=ext_neg, handlers=handlers)


@define
class Servers:
    """A server of each kind, which are started when they are first needed."""

    stack: ExitStack
    running: dict[str, tuple[Services, Archive, int]] = field(factory=dict)

    def get(self, name: str) -> tuple[Services, Archive, int]:
        if name not in self.running:
            side = Side(name)
            worklist = [scheduled("Interop^Anna", "MR"), scheduled("Interop^Bert", "CT")]
            services, archive = Services(side), Archive(make_instances(), worklist=worklist)
            handlers = {
                **services.handlers,
                "EVT_C_FIND": archive.on_find,
                "EVT_C_GET": archive.on_get,
                "EVT_C_MOVE": archive.on_move,
            }
            port = self.stack.enter_context(side.serving(handlers, supporting))
            self.running[name] = services, archive, port
        return self.running[name]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(params=[*PAIRS, (PYNETDICOM, PYNETDICOM)], ids="-".join)
def pair(request: pytest.FixtureRequest, servers: Servers) -> Pair:
    scu, scp = request.param
    services, archive, port = servers.get(scp)
    receiver, _, receiving = servers.get(scu)
    archive.destinations = {"RECEIVER": (HOST, receiving), "DEAD": (HOST, 1)}
    archive.cancelled.clear()
    for each in (services, receiver):
        for kept in (each.seen, each.established, each.stored, each.origins, each.refused):
            kept.clear()
        each.reported.clear()
    return Pair(Side(scu), Side(scp), services, archive, port, receiver)


def counts(status: Dataset) -> tuple[int, int, int]:
    return (
        status.NumberOfCompletedSuboperations,
        status.NumberOfFailedSuboperations,
        status.NumberOfWarningSuboperations,
    )


def series(study: int, number: int) -> Dataset:
    return query("SERIES", StudyInstanceUID=f"{UID_ROOT}.{study}", SeriesInstanceUID=f"{UID_ROOT}.{study}.{number}")


# -- query and retrieve ---------------------------------------------------------------------------------------------
def test_matches_are_found(pair: Pair) -> None:
    step = Dataset()
    step.Modality = "CT"
    worklist = Dataset()
    worklist.PatientName = None
    worklist.ScheduledProcedureStepSequence = [step]
    cases = [
        (PATIENT_FIND, query("PATIENT", PatientID="", PatientName=""), 2),
        (STUDY_FIND, query("STUDY", StudyInstanceUID="", PatientName="Interop^A*"), 2),
        (STUDY_FIND, query("IMAGE", SOPInstanceUID=""), 50),
        (STUDY_FIND, query("STUDY", StudyInstanceUID="", PatientID="P9"), 0),
        (WORKLIST_FIND, worklist, 1),
    ]

    async def talk(association: Any) -> list[Any]:
        return [
            await collect(association.send_c_find(identifier, model, msg_id=number))
            for number, (model, identifier, _) in enumerate(cases, 1)
        ]

    for (_, identifier, count), answer in zip(cases, pair.converse(talk, *FINDS), strict=True):
        *pending, (final, nothing) = answer
        assert (final.Status, nothing, len(pending)) == (0x0000, None, count), identifier
        assert all(status.Status == 0xFF00 for status, _ in pending)
        assert all(key.tag in match for _, match in pending for key in identifier)


@frozen
class Got:
    """What answers to C-GET requests have been, and what was stored meanwhile."""

    answers: list[list[Any]]
    stored: list[tuple[str, str]]


@pytest.fixture
def get_all(pair: Pair) -> Callable[..., Got]:
    """Get what each of several identifiers asks for, in one association that is echoed over at the end."""

    def get(*asked: Dataset) -> Got:
        stored: list[tuple[str, str]] = []

        def on_store(event: Any) -> int:
            stored.append((str(event.request.AffectedSOPInstanceUID), str(event.dataset.PatientID)))
            return 0x0000 if event.dataset.InstanceNumber != 4 else 0xA700

        async def talk(association: Any) -> list[Any]:
            answers = [await collect(association.send_c_get(each, STUDY_GET)) for each in asked]
            assert await echoed(association)
            return answers

        answers = pair.converse(
            talk,
            *(STUDY_GET, SECONDARY_CAPTURE, VERIFICATION),
            ext_neg=pair.scu.roles(SECONDARY_CAPTURE),
            handlers={"EVT_C_STORE": on_store},
        )
        return Got(answers, stored)

    return get


def test_instances_are_got_and_one_that_is_not_stored_is_named(get_all: Callable[..., Got]) -> None:
    got = get_all(series(3, 5))
    (some,) = got.answers
    assert [status.Status for status, _ in some] == [0xFF00] * 10 + [0xB000]
    status, identifier = some[-1]
    assert counts(status) == (9, 1, 0)
    assert identifier.FailedSOPInstanceUIDList == f"{UID_ROOT}.3.5.4"
    assert got.stored == [(f"{UID_ROOT}.3.5.{number}", "P2") for number in range(1, 11)]


def test_nothing_that_matches_is_nothing_to_get(get_all: Callable[..., Got]) -> None:
    got = get_all(query("PATIENT", PatientID="P9"))
    assert [[status.Status for status, _ in answer] for answer in got.answers] == [[0x0000]]
    assert got.stored == []


def test_instances_that_have_no_context_to_come_on_fail_and_the_others_are_got(get_all: Callable[..., Got]) -> None:
    # That is ten CT instances.
    got = get_all(query("STUDY", StudyInstanceUID=f"{UID_ROOT}.3"))
    (most,) = got.answers
    assert [status.Status for status, _ in most] == [0xFF00] * 20 + [0xB000]
    assert counts(most[-1][0]) == (9, 11, 0)
    assert len(most[-1][1].FailedSOPInstanceUIDList) == 11
    assert got.stored == [(f"{UID_ROOT}.3.5.{number}", "P2") for number in range(1, 11)]


def test_several_c_get_requests_go_over_one_association(get_all: Callable[..., Got]) -> None:
    got = get_all(series(3, 5), query("PATIENT", PatientID="P9"), query("STUDY", StudyInstanceUID=f"{UID_ROOT}.3"))
    assert [len(answer) for answer in got.answers] == [11, 1, 21]
    assert got.stored == [(f"{UID_ROOT}.3.5.{number}", "P2") for number in range(1, 11)] * 2


@pytest.fixture
def move_all(pair: Pair) -> Callable[..., list[Any]]:
    """Move what several pairs of title and identifier ask for, with message IDs from 60 on."""

    def move(*cases: tuple[str, Dataset]) -> list[Any]:
        async def talk(association: Any) -> list[Any]:
            answers = [
                await collect(association.send_c_move(asked, title, STUDY_MOVE, msg_id=msg_id))
                for msg_id, (title, asked) in enumerate(cases, 60)
            ]
            assert await echoed(association)
            return answers

        answers: list[Any] = pair.converse(talk, STUDY_MOVE, VERIFICATION)
        return answers

    return move


def test_instances_are_moved_and_one_that_is_refused_is_named(pair: Pair, move_all: Callable[..., list[Any]]) -> None:
    pair.receiver.refused.add(f"{UID_ROOT}.3.5.4")
    whole, some = move_all(("RECEIVER", series(3, 4)), ("RECEIVER", series(3, 5)))
    assert [status.Status for status, _ in whole] == [0xFF00] * 10 + [0x0000]
    assert counts(whole[-1][0]) == (10, 0, 0)
    assert [status.Status for status, _ in some] == [0xFF00] * 10 + [0xB000]
    assert counts(some[-1][0]) == (9, 1, 0)
    assert some[-1][1].FailedSOPInstanceUIDList == f"{UID_ROOT}.3.5.4"
    assert len(pair.receiver.stored) == 19


def test_a_destination_that_is_unknown_or_not_there_is_a_failure(
    pair: Pair, move_all: Callable[..., list[Any]]
) -> None:
    # pynetdicom takes a second for one that is not there, and leaves the socket open.
    titles = ("NOBODY", "DEAD") if pair.scp.is_ours else ("NOBODY",)
    answers = move_all(*((title, series(3, 5)) for title in titles))
    assert [[status.Status for status, _ in answer] for answer in answers] == [[0xA801]] * len(titles)
    assert pair.receiver.stored == []


def test_a_moved_instance_names_who_asked_for_the_move(pair: Pair, move_all: Callable[..., list[Any]]) -> None:
    move_all(("RECEIVER", series(3, 4)), ("RECEIVER", series(3, 5)))
    # PS3.7 9.1.1 wants whoever asked for the C-MOVE; pynetdicom names itself.
    title = "REQUESTOR" if pair.scp.is_ours else "PYNETDICOM"
    assert pair.receiver.origins == [(title, 60)] * 10 + [(title, 61)] * 10


def test_requests_are_cancelled(pair: Pair) -> None:
    endless = query("STUDY", StudyInstanceUID="", PatientID=ENDLESS)
    # While pynetdicom has responses to send it does not read: to a C-FIND without end it would send thousands more.
    matching = endless if pair.scp.is_ours else query("IMAGE", SOPInstanceUID="")

    async def talk(association: Any) -> dict[str, Any]:
        requests = {
            STUDY_FIND: partial(association.send_c_find, matching, STUDY_FIND),
            STUDY_GET: partial(association.send_c_get, endless, STUDY_GET),
            STUDY_MOVE: partial(association.send_c_move, endless, "RECEIVER", STUDY_MOVE),
        }
        ends = {}
        for msg_id, (model, request) in enumerate(requests.items(), 7):
            responses = await get(request(msg_id=msg_id))
            before = [await following(responses) for _ in range(3)]
            assert {status.Status for status, _ in before} == {0xFF00}
            await get(association.send_c_cancel(msg_id, query_model=model))
            ends[model] = (await collect(responses))[-1]
            assert await echoed(association)
        return ends

    ends = pair.converse(
        talk,
        *(STUDY_FIND, STUDY_GET, STUDY_MOVE, *CLASSES, VERIFICATION),
        ext_neg=pair.scu.roles(*CLASSES),
        handlers={"EVT_C_STORE": lambda event: 0x0000},
    )
    if not pair.scp.is_ours and ends[STUDY_FIND][0].Status == 0x0000:
        pair.archive.cancelled.insert(0, "find")
    else:
        assert ends[STUDY_FIND][0].Status == 0xFE00
    assert pair.archive.cancelled == ["find", "get", "move"]
    for model in (STUDY_GET, STUDY_MOVE):
        status, _ = ends[model]
        assert status.Status == 0xFE00
        assert status.NumberOfCompletedSuboperations >= 3
        assert status.NumberOfRemainingSuboperations + sum(counts(status)) == 60000


# -- the N-services -------------------------------------------------------------------------------------------------
def named(name: str) -> Dataset:
    dataset = Dataset()
    dataset.PatientName = name
    return dataset


def outcome(result: tuple[Dataset, Dataset | None]) -> tuple[dict[str, Any], dict[str, str] | None]:
    """Status and data set as dictionaries."""
    status, dataset = result
    values = None if dataset is None else {element.keyword: str(element.value) for element in dataset}
    return {element.keyword: element.value for element in status}, values


def test_all_six_n_services(pair: Pair) -> None:
    async def talk(association: Any) -> list[Any]:
        uid = RT_VERIFICATION
        results = [
            await get(association.send_n_create(named("New"), uid, "1.2.3")),
            await get(association.send_n_create(named("Chosen"), uid)),
            await get(association.send_n_create(named("Coerced"), uid, "1.2.3")),
            await get(association.send_n_create(named("Twice"), uid, "1.2.3")),
            await get(association.send_n_get([], uid, "1.2.3")),
            await get(association.send_n_get([0x00100020], uid, "1.2.3")),
            await get(association.send_n_get([(0x0010, 0x0020), 0x00280010], uid, "1.2.3")),
            await get(association.send_n_get([], uid, "1.2.404")),
            await get(association.send_n_set(named("Changed"), uid, "1.2.3")),
            await get(association.send_n_set(named("Late"), uid, "1.2.404")),
            await get(association.send_n_action(named("Done"), 1, uid, "1.2.3")),
            await get(association.send_n_action(None, 2, uid, "1.2.3")),
            await get(association.send_n_action(named("Quiet"), 3, uid, "1.2.3")),
            await get(association.send_n_action(None, 4, uid, "1.2.3")),
            (await get(association.send_n_delete(uid, "1.2.3")), None),
            (await get(association.send_n_delete(uid, "1.2.404")), None),
            await get(association.send_n_event_report(named("Event"), 1, uid, "1.2.3")),
            await get(association.send_n_event_report(None, 9, uid, "1.2.3")),
        ]
        return [outcome(result) for result in results]

    success: dict[str, Any] = {"Status": 0x0000}
    results = pair.converse(talk, RT_VERIFICATION)
    event = {"AffectedSOPClassUID": RT_VERIFICATION, "AffectedSOPInstanceUID": "1.2.3"}
    # Ours goes with a reply only (PS3.7 10.1.1.1.7).
    always = {} if pair.scp.is_ours else {"EventTypeID": 9}
    assert results == [
        (success, {"PatientName": "New"}),
        (success, {"PatientName": "Chosen"}),
        ({"Status": 0x0116}, {"PatientName": "Coerced"}),
        ({"Status": 0x0111, "ErrorComment": "there is one already", "ErrorID": 7}, None),
        (success, {"PatientName": "Known", "PatientID": "P1"}),
        (success, {"PatientID": "P1"}),
        ({"Status": 0x0107, "AttributeIdentifierList": 0x00280010}, {"PatientID": "P1"}),
        ({"Status": 0x0112}, None),
        (success, {"PatientName": "Changed"}),
        ({"Status": 0x0110, "ErrorComment": "it can no longer be changed"}, None),
        (success, {"PatientName": "Done"}),
        ({"Status": 0x0123}, None),
        (success, {}),
        ({"Status": 0x0110}, None),
        (success, None),
        ({"Status": 0x0112}, None),
        ({**success, **event, "EventTypeID": 1}, {"PatientName": "Event"}),
        ({"Status": 0x0113, **event, **always}, None),
    ]
    assert pair.services.seen == [
        ("N-CREATE", RT_VERIFICATION, "1.2.3", "New"),
        ("N-CREATE", RT_VERIFICATION, None, "Chosen"),
        ("N-CREATE", RT_VERIFICATION, "1.2.3", "Coerced"),
        ("N-CREATE", RT_VERIFICATION, "1.2.3", "Twice"),
        ("N-GET", "1.2.3", []),
        ("N-GET", "1.2.3", [0x00100020]),
        ("N-GET", "1.2.3", [0x00100020, 0x00280010]),
        ("N-GET", "1.2.404", []),
        ("N-SET", "1.2.3", "Changed"),
        ("N-SET", "1.2.404", "Late"),
        ("N-ACTION", "1.2.3", 1, 1),
        ("N-ACTION", "1.2.3", 2, 0),
        ("N-ACTION", "1.2.3", 3, 1),
        ("N-ACTION", "1.2.3", 4, 0),
        ("N-DELETE", "1.2.3"),
        ("N-DELETE", "1.2.404"),
        ("N-EVENT-REPORT", "1.2.3", 1, 1),
        ("N-EVENT-REPORT", "1.2.3", 9, 0),
    ]


def test_requests_go_on_the_context_of_another_class(pair: Pair) -> None:
    async def talk(association: Any) -> list[Any]:
        results = [
            await get(association.send_n_create(named("Film"), FILM_SESSION, "1.2.3", meta_uid=PRINT_META)),
            await get(association.send_n_create(named("Step"), UPS_PUSH, "1.2.4")),
            await get(association.send_n_get([], UPS_PUSH, "1.2.4", meta_uid=UPS_PULL)),
            await get(association.send_n_create(named("Performed"), MPPS, "1.2.5")),
            await get(association.send_n_set(named("Completed"), MPPS, "1.2.5")),
        ]
        return [outcome(result) for result in results]

    results = pair.converse(talk, PRINT_META, UPS_PUSH, UPS_PULL, MPPS)
    assert [status["Status"] for status, _ in results] == [0x0000] * 5
    assert [each[1] for each in pair.services.seen[:2]] == [FILM_SESSION, UPS_PUSH]

    async def pull(association: Any) -> Any:
        return outcome(await get(association.send_n_get([], UPS_PUSH, "1.2.4")))

    # With no context for UPS Push, that of any other UPS class will do.
    assert pair.converse(pull, UPS_PULL) == ({"Status": 0x0000}, {"PatientName": "Known", "PatientID": "P1"})


def commitment() -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CT
    item.ReferencedSOPInstanceUID = "1.2.3"
    dataset = Dataset()
    dataset.TransactionUID = "1.2.3.4"
    dataset.ReferencedSOPSequence = [item]
    return dataset


def test_commitment_is_reported_on_the_same_association(pair: Pair) -> None:
    reports: list[Any] = []
    reported = threading.Event()

    def on_report(event: Any) -> tuple[int, None]:
        reports.append((event.event_type, event.event_information.TransactionUID, event.message_id))
        reported.set()
        return 0x0000, None

    async def talk(association: Any) -> Any:
        result = await get(association.send_n_action(commitment(), 1, COMMITMENT, COMMITMENT_INSTANCE))
        # Nobody asks the association for anything now.
        assert await pair.scu.wait(reported)
        assert await pair.scu.wait(pair.services.reported)
        assert await echoed(association)
        return outcome(result)

    uids = (COMMITMENT, VERIFICATION)
    assert pair.converse(talk, *uids, handlers={"EVT_N_EVENT_REPORT": on_report}) == ({"Status": 0x0000}, {})
    assert reports == [(1, "1.2.3.4", 500)]
    assert sorted(pair.services.seen, key=str) == [
        ("N-ACTION", COMMITMENT_INSTANCE, 1, 2),
        ("reported", 0x0000, Dataset()),
    ]


def test_commitment_is_reported_on_another_association(pair: Pair) -> None:
    async def talk(association: Any) -> Any:
        context = next(each for each in association.accepted_contexts if each.abstract_syntax == COMMITMENT)
        assert (context.as_scu, context.as_scp) == (False, True)
        sent = association.send_n_event_report(commitment(), 2, COMMITMENT, COMMITMENT_INSTANCE, msg_id=3)
        return outcome(await get(sent))

    status, reply = pair.converse(talk, COMMITMENT, ext_neg=pair.scu.roles(COMMITMENT))
    assert (status["Status"], status["AffectedSOPInstanceUID"], reply) == (0x0000, COMMITMENT_INSTANCE, {})
    assert pair.services.seen == [("N-EVENT-REPORT", COMMITMENT_INSTANCE, 2, 2)]


# -- negotiation ----------------------------------------------------------------------------------------------------
def test_users_are_checked(pair: Pair) -> None:
    def identify(kind: int, primary: bytes, asks: bool) -> Any:
        item = pair.scu.items.UserIdentityNegotiation()
        item.user_identity_type = kind
        item.primary_field = primary
        if kind == 2:
            item.secondary_field = b"secret"
        item.positive_response_requested = asks
        return item

    async def look(association: Any) -> Any:
        if association.is_established:
            answer = association.acceptor.user_identity
            return None if answer is None else answer.server_response
        if association.is_aborted and not pair.scu.is_ours:
            # Where the rejection comes at once, pynetdicom may take the end of the connection for a failure to connect.
            return 2, 2, 1
        answer = association.acceptor.primitive
        return answer.result, answer.result_source, answer.diagnostic

    cases = [(kind, b"anna", True) for kind in range(1, 6)] + [(3, b"anna", False), (1, b"mallory", True)]
    outcomes = [
        pair.scu.converse(
            pair.port, look, contexts=pair.scu.contexts(VERIFICATION), ext_neg=[identify(kind, primary, asks)]
        )
        for kind, primary, asks in cases
    ]
    assert outcomes == [None, None, b"response", b"response", b"response", None, (2, 2, 1)]
    eventually(lambda: "rejected" in pair.services.seen, 5, "event of the rejection")
    identities = [(kind, primary, b"secret" if kind == 2 else b"") for kind, primary, _ in cases]
    assert pair.services.seen == [*identities, "rejected"]


def test_roles_come_out_as_agreed(pair: Pair) -> None:
    rows = dict(zip(ROLE_CLASSES, ROLES, strict=True))
    build_role = pair.scu.package.build_role
    items = [
        build_role(uid, row["requestor_proposes"]["scu"], row["requestor_proposes"]["scp"]) for uid, row in rows.items()
    ]

    async def look(association: Any) -> Any:
        contexts = association.accepted_contexts + association.rejected_contexts
        return {str(each.abstract_syntax): (each.result, each.as_scu, each.as_scp) for each in contexts}

    ours = pair.converse(look, *rows, UNSET, VERIFICATION, ext_neg=[*items, build_role(UNSET, True, True)])
    (theirs,) = pair.services.established
    for uid, row in rows.items():
        result, as_scu, as_scp = ours[uid]
        assert result == row["context_result"], row
        if result == 0:
            assert {"scu": as_scu, "scp": as_scp} == row["requestor_as"], row
            assert theirs[uid] == (row["acceptor_as"]["scu"], row["acceptor_as"]["scp"]), row
    assert ours[UNSET] == ours[VERIFICATION] == (0, True, False)
    assert theirs[UNSET] == theirs[VERIFICATION] == (False, True)


def test_extended_negotiation_is_answered(pair: Pair) -> None:
    extended = pair.scu.items.SOPClassExtendedNegotiation()
    extended.sop_class_uid = STUDY_FIND
    extended.service_class_application_information = b"\x01\x00\x01"
    common = pair.scu.items.SOPClassCommonExtendedNegotiation()
    common.sop_class_uid = PRIVATE_STORAGE
    common.service_class_uid = STORAGE_SERVICE
    common.related_general_sop_class_identification = [CT]
    window = pair.scu.items.AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = 5
    window.maximum_number_operations_performed = 3
    instance = make_instances()[0]
    instance.SOPClassUID = PRIVATE_STORAGE

    async def talk(association: Any) -> Any:
        status = await get(association.send_c_store(instance))
        acceptor = association.acceptor
        return status.Status, acceptor.sop_class_extended, acceptor.asynchronous_operations

    result = pair.converse(talk, STUDY_FIND, PRIVATE_STORAGE, VERIFICATION, ext_neg=[extended, common, window])
    assert result == (0x0000, {STUDY_FIND: b"\x01\x00\x01!"}, (1, 1))
    assert pair.services.seen == [("window", 5, 3)]
    assert pair.services.stored == [(instance.SOPInstanceUID, "P1")]
