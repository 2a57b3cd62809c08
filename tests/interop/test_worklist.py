"""DCMTK's worklist SCP wlmscpfs: we query it, with a sequence as key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import build_context
from dicomwire.sop_class import ModalityWorklistInformationFind
from tests.support.archive import scheduled, wlmscpfs
from tests.support.data_sets import fill
from tests.support.peers import VERIFICATION, collect, converse, echoed


@pytest.fixture(scope="module")
def worklist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    items = [scheduled("Interop^Anna", "MR"), scheduled("Interop^Bert", "CT"), scheduled("Interöp^Zoë", "CT")]
    with wlmscpfs(tmp_path_factory.mktemp("wlmscpfs"), items, "-csk") as port:
        yield port


def asking(**keys: Any) -> Dataset:
    """For patients and their steps."""
    step = Dataset()
    for keyword in (
        "Modality",
        "ScheduledStationAETitle",
        "ScheduledProcedureStepStartDate",
        "ScheduledProcedureStepID",
    ):
        setattr(step, keyword, keys.pop(keyword, ""))
    identifier = Dataset()
    identifier.PatientName = ""
    identifier.PatientID = ""
    identifier.ScheduledProcedureStepSequence = [step]
    fill(identifier, keys)
    return identifier


QUERIES = [
    (asking(), {"Interop^Anna", "Interop^Bert", "Interöp^Zoë"}),
    (asking(Modality="CT"), {"Interop^Bert", "Interöp^Zoë"}),
    (asking(PatientName="Interop^A*"), {"Interop^Anna"}),
    (asking(ScheduledStationAETitle="SCANNER", Modality="MR"), {"Interop^Anna"}),
    (asking(ScheduledProcedureStepStartDate="20240101-20240131"), {"Interop^Anna", "Interop^Bert", "Interöp^Zoë"}),
    (asking(ScheduledProcedureStepStartDate="20250101-"), set()),
    (asking(SpecificCharacterSet="ISO_IR 100", PatientName="Interöp^*"), {"Interöp^Zoë"}),
]


def test_the_worklist_is_matched_by_keys_in_a_sequence(adapter: str, worklist: int) -> None:
    async def talk(association: Any) -> list[Any]:
        assert association.is_established, association.failure
        answers = [
            await collect(association.send_c_find(identifier, ModalityWorklistInformationFind, msg_id=number))
            for number, (identifier, _) in enumerate(QUERIES)
        ]
        assert await echoed(association)
        return answers

    contexts = [build_context(ModalityWorklistInformationFind), build_context(VERIFICATION)]
    answers = converse(adapter, worklist, talk, contexts=contexts, called="WORKLIST")
    for (identifier, names), answer in zip(QUERIES, answers, strict=True):
        *pending, (final, nothing) = answer
        assert (final.Status, nothing) == (0x0000, None)
        assert {str(match.PatientName) for _, match in pending} == names, identifier
        assert len(pending) == len(names)
        for status, match in pending:
            assert status.Status == 0xFF00
            (step,) = match.ScheduledProcedureStepSequence
            assert step.ScheduledStationAETitle == "SCANNER"
            assert step.ScheduledProcedureStepID == f"SPS-{step.Modality}"


def test_what_the_worklist_scp_does_not_understand_is_refused(adapter: str, worklist: int) -> None:
    twice = asking()
    twice.ScheduledProcedureStepSequence.append(twice.ScheduledProcedureStepSequence[0])

    async def talk(association: Any) -> Any:
        answer = await collect(association.send_c_find(twice, ModalityWorklistInformationFind))
        assert await echoed(association)
        return answer

    contexts = [build_context(ModalityWorklistInformationFind), build_context(VERIFICATION)]
    ((status, nothing),) = converse(adapter, worklist, talk, contexts=contexts, called="WORKLIST")
    assert (status.Status, nothing) == (0xA900, None)
    assert status.OffendingElement == 0x00400100
    assert status.ErrorComment


def test_a_title_without_worklist_is_rejected(adapter: str, worklist: int) -> None:
    async def look(association: Any) -> tuple[int, int, int]:
        assert association.is_rejected
        answer = association.acceptor.primitive
        return answer.result, answer.result_source, answer.diagnostic

    contexts = [build_context(ModalityWorklistInformationFind)]
    # Permanent, by the service user: called AE title not recognised.
    assert converse(adapter, worklist, look, contexts=contexts, called="NOBODY") == (1, 1, 7)
