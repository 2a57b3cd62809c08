"""DCMTK's archive dcmqrscp: we query it, and retrieve from it with C-GET and C-MOVE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from pydicom.dataset import Dataset

from dicomwire import build_context, build_role, evt
from dicomwire.pdu_primitives import AsynchronousOperationsWindowNegotiation, SOPClassExtendedNegotiation
from tests.support.archive import (
    CLASSES,
    CT,
    EXPLICIT,
    IMPLICIT,
    MR,
    PATIENT_FIND,
    PATIENT_GET,
    PATIENT_STUDY_FIND,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    UID_ROOT,
    dcmqrscp,
    query,
)
from tests.support.comparing import differing
from tests.support.peers import (
    ADAPTERS,
    VERIFICATION,
    OurServer,
    Process,
    Stored,
    collect,
    contexts_for,
    converse,
    echo,
    echoed,
    following,
    free_port,
    get,
    our_server,
)

SHUTDOWN = "1.2.276.0.7230010.3.4.1915765545.18030.917282194.0"

ALL = query("STUDY", StudyInstanceUID=[f"{UID_ROOT}.{number}" for number in (1, 2, 3)])


def title(kind: str, adapter: str) -> str:
    """A destination that dcmqrscp knows: OURS, or NO if the server refuses associations for that title."""
    return f"{kind}_{adapter}".upper()


@define
class Receiver:
    """A destination for C-MOVE: a server of ours, and what its handlers were told."""

    server: OurServer
    stored: list[Stored] = field(factory=list)
    origins: set[tuple[str, int]] = field(factory=set)
    refused: set[str] = field(factory=set)
    """SOP instances that it does not store."""

    def on_requested(self, event: evt.Event) -> None:
        if event.assoc.requestor.primitive.called_ae_title.startswith("NO_"):
            event.assoc.acse.send_reject(0x02, 0x01, 0x01)

    def on_store(self, event: evt.Event) -> int:
        request = event.request
        self.origins.add((str(request.MoveOriginatorApplicationEntityTitle), request.MoveOriginatorMessageID))
        uid = str(request.AffectedSOPInstanceUID)
        if uid in self.refused:
            return 0xA700
        self.stored.append(Stored(uid, str(event.context.transfer_syntax), event.encoded_dataset(include_meta=False)))
        return 0x0000


@define
class Archived:
    """dcmqrscp with all instances, and our servers that it may move them to."""

    port: int
    receivers: dict[str, Receiver]


@pytest.fixture(scope="module")
def archive(archived: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archived]:
    with ExitStack() as stack:
        receivers: dict[str, Receiver] = {}
        hosts = {"DEAD": free_port()}
        for adapter in ADAPTERS:

            def on_requested(event: evt.Event, adapter: str = adapter) -> None:
                receivers[adapter].on_requested(event)

            def on_store(event: evt.Event, adapter: str = adapter) -> int:
                return receivers[adapter].on_store(event)

            handlers = [(evt.EVT_REQUESTED, on_requested), (evt.EVT_C_STORE, on_store)]
            receivers[adapter] = Receiver(stack.enter_context(our_server(adapter, handlers=handlers)))
            for kind in ("OURS", "NO"):
                hosts[title(kind, adapter)] = receivers[adapter].server.port
        folder = tmp_path_factory.mktemp("dcmqrscp")
        _, port = stack.enter_context(dcmqrscp(folder, hosts))
        fill(port, archived)
        yield Archived(port, receivers)


def fill(port: int, paths: list[Path]) -> None:
    """Store all.  The window that we propose is one that dcmqrscp says nothing of: there is no more than one."""
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 8

    async def talk(association: Any) -> list[Any]:
        assert association.acceptor.asynchronous_operations == (1, 1)
        return await collect(association.send_c_store_many(paths))

    outcomes = converse("blocking", port, talk, contexts=contexts_for(paths), called="ARCHIVE", ext_neg=[window])
    assert [path for path, status in outcomes if status.get("Status") == 0] == paths


@pytest.fixture
def receiver(archive: Archived, adapter: str) -> Receiver:
    found = archive.receivers[adapter]
    found.stored.clear()
    found.origins.clear()
    found.refused.clear()
    return found


def study(number: int) -> str:
    return f"{UID_ROOT}.{number}"


FINDS: list[tuple[str, Dataset, int]] = [
    # Patient root.
    (PATIENT_FIND, query("PATIENT", PatientID="", PatientName=""), 2),
    (PATIENT_FIND, query("PATIENT", PatientID="", PatientName="Interop^A*"), 1),
    (PATIENT_FIND, query("STUDY", PatientID="P1", StudyInstanceUID=""), 2),
    (PATIENT_FIND, query("SERIES", PatientID="P1", StudyInstanceUID=study(1), SeriesInstanceUID=""), 2),
    (
        PATIENT_FIND,
        query("IMAGE", PatientID="P1", StudyInstanceUID=study(1), SeriesInstanceUID=f"{study(1)}.2", SOPInstanceUID=""),
        10,
    ),
    # Study root.
    (STUDY_FIND, query("STUDY", StudyInstanceUID="", StudyDate="", PatientName="", PatientID=""), 3),
    (STUDY_FIND, query("STUDY", StudyInstanceUID="", StudyDate="20240101-20240210"), 2),
    (STUDY_FIND, query("STUDY", StudyInstanceUID=[study(1), study(3)]), 2),
    (STUDY_FIND, query("STUDY", StudyInstanceUID="", PatientName="Nobody"), 0),
    (STUDY_FIND, query("SERIES", StudyInstanceUID=study(3), SeriesInstanceUID="", Modality="", SeriesNumber=""), 2),
    (STUDY_FIND, query("SERIES", StudyInstanceUID=study(3), SeriesInstanceUID="", Modality="OT"), 1),
    (
        STUDY_FIND,
        query(
            "IMAGE",
            StudyInstanceUID=study(3),
            SeriesInstanceUID=f"{study(3)}.5",
            SOPInstanceUID="",
            InstanceNumber=None,
        ),
        10,
    ),
    # Patient/study only.
    (PATIENT_STUDY_FIND, query("PATIENT", PatientID="", PatientName=""), 2),
    (PATIENT_STUDY_FIND, query("STUDY", PatientID="P2", StudyInstanceUID=""), 1),
]


def test_queries_at_all_levels_are_answered(adapter: str, archive: Archived) -> None:
    async def talk(association: Any) -> list[Any]:
        assert association.is_established, association.failure
        answers = []
        for number, (model, identifier, _) in enumerate(FINDS):
            answers.append(await collect(association.send_c_find(identifier, model, msg_id=number + 1)))
        return answers

    contexts = [build_context(model) for model in (PATIENT_FIND, STUDY_FIND, PATIENT_STUDY_FIND)]
    # It knows nothing of relational queries, and says nothing.
    relational = SOPClassExtendedNegotiation()
    relational.sop_class_uid = STUDY_FIND
    relational.service_class_application_information = b"\x01"
    answers = converse(adapter, archive.port, talk, contexts=contexts, called="ARCHIVE", ext_neg=[relational])
    for (_, identifier, count), answer in zip(FINDS, answers, strict=True):
        *pending, (final, nothing) = answer
        assert (final.Status, nothing, len(pending)) == (0x0000, None, count), identifier
        unique = set()
        for status, match in pending:
            assert status.Status == 0xFF00
            assert match.QueryRetrieveLevel == identifier.QueryRetrieveLevel
            unique.add(tuple(str(match[key.tag].value) for key in identifier))
        assert len(unique) == count
    names = {str(match.PatientName) for _, match in answers[0][:-1]}
    assert names == {"Interop^Anna", "Interop^Bert"}


def accepting(stored: list[Stored], refused: set[str] | None = None) -> list[Any]:
    """Handlers for C-STORE within a C-GET."""

    def on_store(event: evt.Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        if refused is not None and uid in refused:
            return 0xA700
        stored.append(Stored(uid, str(event.context.transfer_syntax), event.encoded_dataset(include_meta=False)))
        return 0x0000

    return [(evt.EVT_C_STORE, on_store)]


def counts(status: Dataset) -> tuple[int, int, int]:
    return (
        status.NumberOfCompletedSuboperations,
        status.NumberOfFailedSuboperations,
        status.NumberOfWarningSuboperations,
    )


def retrieving(*classes: str) -> dict[str, Any]:
    """Contexts and roles to get instances of these classes."""
    contexts = [build_context(model) for model in (PATIENT_GET, STUDY_GET, VERIFICATION)]
    contexts += [build_context(uid, [EXPLICIT, IMPLICIT]) for uid in classes]
    return {"contexts": contexts, "ext_neg": [build_role(uid, scp_role=True) for uid in classes], "called": "ARCHIVE"}


def test_instances_come_with_c_get(adapter: str, archive: Archived, archived: list[Path]) -> None:
    stored: list[Stored] = []

    async def talk(association: Any) -> list[Any]:
        whole = await collect(association.send_c_get(ALL, STUDY_GET, msg_id=7))
        assert await echoed(association)
        patient = await collect(association.send_c_get(query("PATIENT", PatientID="P2"), PATIENT_GET, msg_id=8))
        return [whole, patient]

    whole, patient = converse(adapter, archive.port, talk, handlers=accepting(stored), **retrieving(*CLASSES))
    for responses, count in ((whole, 50), (patient, 20)):
        *pending, (final, identifier) = responses
        assert (final.Status, identifier) == (0x0000, None)
        assert counts(final) == (count, 0, 0)
        assert [status.NumberOfRemainingSuboperations for status, _ in pending] == list(range(count - 1, -1, -1))
    assert differing(archived, stored[:50]) == []
    assert len(stored) == 70


def test_instances_that_we_cannot_store_are_counted(adapter: str, archive: Archived, archived: list[Path]) -> None:
    refused = {f"{study(1)}.1.{number}" for number in (3, 4)}
    stored: list[Stored] = []

    async def talk(association: Any) -> list[Any]:
        responses = await collect(association.send_c_get(ALL, STUDY_GET))
        assert await echoed(association)
        return responses

    # Without a context for secondary capture, and two that our handler refuses.
    responses = converse(adapter, archive.port, talk, handlers=accepting(stored, refused), **retrieving(CT, MR))
    final, identifier = responses[-1]
    assert final.Status == 0xB000
    assert counts(final) == (38, 12, 0)
    assert len(stored) == 38
    assert refused < set(identifier.FailedSOPInstanceUIDList)
    assert len(identifier.FailedSOPInstanceUIDList) == 12


def test_instances_come_with_c_move(adapter: str, archive: Archived, receiver: Receiver, archived: list[Path]) -> None:

    async def talk(association: Any) -> list[Any]:
        whole = await collect(association.send_c_move(ALL, title("OURS", adapter), STUDY_MOVE, msg_id=21))
        assert await echoed(association)
        return whole

    contexts = [build_context(STUDY_MOVE), build_context(VERIFICATION)]
    *pending, (final, identifier) = converse(adapter, archive.port, talk, contexts=contexts, called="ARCHIVE")
    assert (final.Status, identifier) == (0x0000, None)
    assert counts(final) == (50, 0, 0)
    assert {status.Status for status, _ in pending} == {0xFF00}
    assert differing(archived, receiver.stored) == []
    assert receiver.origins == {("REQUESTOR", 21)}


def test_moves_that_fail_say_so(adapter: str, archive: Archived, receiver: Receiver) -> None:
    receiver.refused |= {f"{study(1)}.1.{number}" for number in (3, 4)}
    titles = ["NOBODY", "DEAD", title("NO", adapter), title("OURS", adapter)]

    async def talk(association: Any) -> list[Any]:
        ends = [(await collect(association.send_c_move(ALL, each, STUDY_MOVE)))[-1] for each in titles]
        assert await echoed(association)
        return ends

    contexts = [build_context(STUDY_MOVE), build_context(VERIFICATION)]
    unknown, dead, refusing, ours = converse(adapter, archive.port, talk, contexts=contexts, called="ARCHIVE")
    assert unknown[0].Status == 0xA801
    for status, identifier in (dead, refusing):
        assert (status.Status, counts(status)) == (0xA702, (0, 50, 0))
        assert len(identifier.FailedSOPInstanceUIDList) == 50
    status, identifier = ours
    assert (status.Status, counts(status)) == (0xB000, (48, 2, 0))
    assert set(identifier.FailedSOPInstanceUIDList) == receiver.refused
    assert len(receiver.stored) == 48


IMAGES = query("IMAGE", StudyInstanceUID=study(3), SeriesInstanceUID=f"{study(3)}.5", SOPInstanceUID="")
COUNTS = {STUDY_FIND: 10, STUDY_GET: 50, STUDY_MOVE: 50}


def ask(association: Any, adapter: str, model: str, msg_id: int) -> Any:
    """Ten images, or all instances."""
    if model == STUDY_FIND:
        return association.send_c_find(IMAGES, model, msg_id=msg_id)
    if model == STUDY_GET:
        return association.send_c_get(ALL, model, msg_id=msg_id)
    return association.send_c_move(ALL, title("OURS", adapter), model, msg_id=msg_id)


def everything() -> dict[str, Any]:
    """To find, get and move on one association."""
    wanted = retrieving(*CLASSES)
    wanted["contexts"] += [build_context(STUDY_FIND), build_context(STUDY_MOVE)]
    return wanted


def test_requests_can_be_cancelled(adapter: str, archive: Archived, receiver: Receiver) -> None:
    stored: list[Stored] = []

    async def talk(association: Any) -> dict[str, Any]:
        ends = {}
        for msg_id, model in enumerate(COUNTS, 31):
            responses = await get(ask(association, adapter, model, msg_id))
            collected = [await following(responses) for _ in range(2)]
            await get(association.send_c_cancel(msg_id, query_model=model))
            collected += await collect(responses)
            ends[model] = collected
            assert await echoed(association)
        return ends

    ends = converse(adapter, archive.port, talk, handlers=accepting(stored), **everything())
    for model, count in COUNTS.items():
        *pending, (final, _) = ends[model]
        assert {status.Status for status, _ in pending} == {0xFF00}
        # dcmqrscp looks for a C-CANCEL between its responses; it may be done before, or find it after the last.
        assert len(pending) == count if final.Status == 0x0000 else len(pending) <= count
        assert final.Status in (0x0000, 0xFE00)
    assert len(stored) >= 2 and len(receiver.stored) >= 2


def test_iterators_can_be_left_early(adapter: str, archive: Archived, receiver: Receiver) -> None:
    stored: list[Stored] = []

    async def talk(association: Any) -> None:
        for msg_id, model in enumerate(COUNTS, 41):
            responses = await get(ask(association, adapter, model, msg_id))
            assert (await following(responses))[0].Status == 0xFF00
            del responses
            assert await echoed(association)
        # Whatever was left is out of the way.
        assert len(await collect(ask(association, adapter, STUDY_FIND, 50))) == 11

    converse(adapter, archive.port, talk, handlers=accepting(stored), **everything())
    assert stored and receiver.stored


def test_an_archive_that_dies_ends_what_was_asked(adapter: str, archived: list[Path], tmp_path: Path) -> None:
    """In the middle of a C-GET, and in the middle of a C-MOVE, which it has just begun to store."""
    victims: list[Process] = []

    def on_store(event: evt.Event) -> int:
        if event.dataset.InstanceNumber == 3:
            victims[-1].kill()
        return 0x0000

    async def talk(association: Any) -> list[Any]:
        sent = association.send_c_move(ALL, "OURS", STUDY_MOVE) if moving else association.send_c_get(ALL, STUDY_GET)
        responses = await collect(sent)
        assert not association.is_established and association.is_aborted
        return responses

    with our_server(adapter, handlers=[(evt.EVT_C_STORE, on_store)]) as server:
        for moving in (False, True):
            folder = tmp_path / str(moving)
            with dcmqrscp(folder, {"OURS": server.port}) as (running, port):
                victims.append(running)
                fill(port, archived[:10])
                handlers = [] if moving else [(evt.EVT_C_STORE, on_store)]
                responses = converse(adapter, port, talk, handlers=handlers, **everything())
            *pending, (final, identifier) = responses
            assert 1 <= len(pending) < 10
            assert (len(final), identifier) == (0, None)


def test_dcmqrscp_can_be_shut_down(adapter: str, tmp_path: Path) -> None:
    """It answers the private SOP class with a rejection, and ends (as termscu does it)."""

    async def look(association: Any) -> tuple[int, int, int]:
        assert association.is_rejected
        answer = association.acceptor.primitive
        return answer.result, answer.result_source, answer.diagnostic

    with dcmqrscp(tmp_path, {}, "--allow-shutdown") as (running, port):
        assert echo(port, adapter, called="ARCHIVE")
        contexts = [build_context(SHUTDOWN)]
        assert converse(adapter, port, look, contexts=contexts, called="ARCHIVE") == (1, 1, 1)
        # Debian's 3.6.7 does so with a segmentation fault, also when its own termscu asks.
        running.popen.wait(20)
        assert "Shutting down server" in running.output
    assert not echo(port, adapter, called="ARCHIVE")
