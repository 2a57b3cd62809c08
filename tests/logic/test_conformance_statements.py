"""Conformance statements say what an AE is configured with, and nothing that was not asked of the code."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dicomwire import _config, evt
from dicomwire.associations.allowed import Allowed
from dicomwire.associations.serving import SERVICES
from dicomwire.conformance import (
    DescribedEntity,
    Paragraph,
    Section,
    Statement,
    Table,
    as_html,
    as_markdown,
    conformance_statement,
)
from dicomwire.conformance.statuses_given import given_by_library, shown_table
from dicomwire.memory import AE
from dicomwire.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from dicomwire.presentation import build_context, build_role
from dicomwire.sop_class import (
    CTImageStorage,
    ModalityPerformedProcedureStep,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    Verification,
)
from dicomwire.status import QR_FIND_SERVICE_CLASS_STATUS
from dicomwire.vocabulary.tls_profiles import B_13

ROOT = Path(__file__).parents[2]


def ae(requested: Sequence[str] = (), supported: Sequence[str] = ()) -> Any:
    made = AE("EXAMPLE")
    for uid in requested:
        made.add_requested_context(uid)
    for uid in supported:
        made.add_supported_context(uid)
    return made


def text_of(*entities: Any) -> str:
    return as_markdown(conformance_statement(*entities))


def test_a_statement_has_the_sections_that_the_standard_asks_for() -> None:
    sections = [each.split(" ", 1)[1] for each in conformance_statement(ae([Verification], [Verification])).sections()]
    assert set(sections) >= {
        "SOP classes",
        "Association policies",
        "Number of associations",
        "Asynchronous nature",
        "Implementation identifying information",
        "Proposed presentation contexts",
        "Accepted presentation contexts",
        "SOP specific conformance",
        "Network interfaces",
        "Configuration",
        "Media interchange",
        "Support of character sets",
        "Security",
    }
    assert text_of(ae([Verification])).startswith("# DICOM conformance statement\n\n## 1 Overview\n")


def test_nobody_to_make_a_statement_about_is_an_error() -> None:
    with pytest.raises(ValueError, match="one application entity"):
        conformance_statement()


def test_roles_are_those_of_contexts_and_role_selection() -> None:
    server = ae(supported=[Verification])
    server.add_supported_context(CTImageStorage, scu_role=False, scp_role=True)
    user = DescribedEntity(
        ae=ae([PatientRootQueryRetrieveInformationModelGet, CTImageStorage]),
        name="getter",
        negotiation=[build_role(CTImageStorage, scp_role=True)],
    )
    said = text_of(server, user)
    assert "| EXAMPLE | Verification | no | yes |" in said
    assert "| EXAMPLE | Storage | yes | no |" in said
    assert "| getter | Storage | no | yes |" in said
    assert "| getter | Query Retrieve | yes | no |" in said


def test_an_ae_without_contexts_says_so() -> None:
    said = text_of(ae())
    assert "None: no presentation contexts are configured." in said
    assert "neither requests nor accepts any" in said


def test_values_of_the_ae_are_in_its_statement() -> None:
    server = ae(supported=[Verification])
    server.maximum_associations, server.maximum_pdu_size = 17, 65536
    server.asynchronous_operations = (0, 4)
    server.require_called_aet, server.require_calling_aet = True, ["MODALITY_1"]
    server.allowed = Allowed(networks=["10.1.0.0/16"], calling_ae_titles=["OTHER"])
    said = text_of(server)
    for expected in (
        "| Associations as acceptor at the same time | 17 |",
        "no limit) | 65536 |",
        "| Operations invoked at once | without limit |",
        "must be EXAMPLE",
        "MODALITY_1, OTHER",
        "10.1.0.0/16",
        "the calling AE title is none of those above",
    ):
        assert expected in said, expected


def test_timeouts_and_limits_are_those_of_the_ae() -> None:
    server = ae(supported=[Verification])
    server.dimse_timeout = 12.5
    said = text_of(server)
    assert "| response | 12.5 |" in said
    assert "| connect | none |" in said
    assert "| strict maximum length | no |" in said


def test_extended_negotiation_of_a_requestor() -> None:
    extended, common = SOPClassExtendedNegotiation(), SOPClassCommonExtendedNegotiation()
    extended.sop_class_uid = common.sop_class_uid = PatientRootQueryRetrieveInformationModelFind
    extended.service_class_application_information = b"\x01\x00"
    common.service_class_uid = "1.2.3"
    window, identity = AsynchronousOperationsWindowNegotiation(), UserIdentityNegotiation()
    window.maximum_number_operations_invoked = 5
    identity.user_identity_type, identity.primary_field, identity.secondary_field = 2, b"alice", b"sesame"
    user = DescribedEntity(
        ae=ae([PatientRootQueryRetrieveInformationModelFind]), negotiation=[extended, common, window, identity]
    )
    said = text_of(user)
    assert "application information 01 00; common: service class 1.2.3" in said
    assert "| Operations invoked at once | 5 |" in said
    assert "As requestor a user name and a password is sent." in said
    assert "alice" not in said and "sesame" not in said


def test_only_common_extended_negotiation() -> None:
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid, common.service_class_uid = Verification, "1.2.3"
    assert "common: service class 1.2.3" in text_of(DescribedEntity(ae=ae([Verification]), negotiation=[common]))


@pytest.mark.parametrize(
    ("events", "answer"),
    [
        ([], "| SCP | none |"),
        ([evt.EVT_SOP_EXTENDED], "| SCP | a handler answers |"),
        ([evt.EVT_SOP_COMMON], "| SCP | common: a handler answers |"),
        ([evt.EVT_SOP_EXTENDED, evt.EVT_SOP_COMMON], "| SCP | a handler answers, common too |"),
    ],
)
def test_extended_negotiation_of_an_acceptor(events: list[Any], answer: str) -> None:
    handlers = [(event, print) for event in events]
    assert answer in text_of(DescribedEntity(ae=ae(supported=[Verification]), handlers=handlers))


def test_what_handlers_are_for_is_said_where_they_are_bound() -> None:
    entity = DescribedEntity(
        ae=ae(supported=[CTImageStorage]),
        handlers=[(event, print) for event in (evt.EVT_C_STORE, evt.EVT_ASYNC_OPS, evt.EVT_USER_ID)],
    )
    said = text_of(entity)
    assert "A handler of EVT_C_STORE decides" in said
    assert "A handler decides on the window that a peer proposes." in said
    assert "the handler does not accept the identity of the user" in said
    assert "As acceptor a handler judges every kind" in said
    assert "No handler of EVT_C_STORE is named here" in text_of(ae(supported=[CTImageStorage]))


def test_events_are_reported_by_who_is_scp() -> None:
    user, provider = (
        text_of(ae([ModalityPerformedProcedureStep])),
        text_of(ae(supported=[ModalityPerformedProcedureStep])),
    )
    assert "N-EVENT-REPORT: status codes given" in user
    assert "N-CREATE: status codes given" in provider and "N-CREATE: status codes given" not in user
    assert "N-EVENT-REPORT: status codes understood" in provider


def test_a_profile_of_tls_that_is_used_is_the_one_that_is_told() -> None:
    assert "TLS may be used with these profiles" in text_of(ae([Verification]))
    said = text_of(DescribedEntity(ae=ae([Verification]), tls=B_13))
    assert "Connections use TLS with the profile B.13" in said and "| B.12 |" not in said


def test_options_of_the_process_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", True)
    monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
    said = text_of(ae(supported=[Verification]))
    assert "every storage, private and unknown SOP class is accepted" in said
    assert "the application context is another one" in said


def test_a_context_with_one_transfer_syntax_needs_no_list() -> None:
    entity = DescribedEntity(ae=ae(), requested=[build_context(Verification, "1.2.840.10008.1.2")])
    said = text_of(entity)
    assert "Implicit VR Little Endian" in said and "Lists of transfer syntaxes" not in said
    private = DescribedEntity(ae=ae(), supported=[build_context("1.2.3.4", "1.2.3.5")])
    assert "| 1.2.3.4 | 1.2.3.4 | 1.2.3.5 | SCP | none |" in text_of(private)


# -- statuses ------------------------------------------------------------------------------------------------------
_NO_STATUSES = {"MOST_SUB_OPERATIONS", "_WITHOUT_BULK_DATA", "_MOST", "_MOST_KNOWN", "_MOST_NAMED", "_LONGEST_COMMENT"}


def statuses_in(path: Path) -> dict[str, int]:
    """The constants of a module that are status codes: all of its numbers that no other meaning is known of."""
    found = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, int):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            if target.id not in _NO_STATUSES:
                found[target.id] = node.value.value
    return found


def test_every_status_that_a_service_gives_is_in_the_statement() -> None:
    told = {given.code for operation in SERVICES for given in given_by_library(operation)}
    paths = [*(ROOT / "core/dicomwire/services").glob("*.py"), ROOT / "core/dicomwire/associations/serving.py"]
    given = {f"{path.name}: {name}": code for path in paths for name, code in statuses_in(path).items()}
    assert len(given) > 20
    assert not {name for name, code in given.items() if code not in told}


def test_a_run_of_codes_is_one_row() -> None:
    rows = list(shown_table(QR_FIND_SERVICE_CLASS_STATUS))
    assert ("0xC000 to 0xCFFF", "Failure", "Unable to process") in rows
    assert ("0xA700", "Failure", "Out of resources") in rows


# -- writing -------------------------------------------------------------------------------------------------------
HOSTILE = "<script>alert(1)</script> | `a` *b* [c](d) _e_ \\ &amp;\n\n# not a heading"


def hostile() -> Statement:
    inner = Section(HOSTILE, (Paragraph("# no heading"), Paragraph("1. no list"), Table((HOSTILE,), ((HOSTILE,),))))
    return Statement(HOSTILE, (inner,))


def test_html_is_escaped_and_well_formed() -> None:
    page = as_html(hostile())
    assert "<script" not in page and "&lt;script&gt;" in page
    root = ElementTree.fromstring(
        page.partition("\n")[2]
        .replace('<meta charset="utf-8">', "")
        .replace('scale=1">', 'scale=1"/>')
        .replace("unsafe-inline'\">", "unsafe-inline'\"/>")
    )
    assert len(root.findall(".//td")) == 1
    assert "http" not in page.replace("http-equiv", "")


def test_markdown_is_escaped() -> None:
    text = as_markdown(hostile())
    assert "\\<script\\>" in text and "\\| \\`a\\` \\*b\\* \\[c\\](d) \\_e\\_" in text
    assert "\n\\# no heading\n" in text and "\n1\\. no list\n" in text.replace("\\1.", "1\\.")
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in text.splitlines() if "not a heading" in line and line.startswith("#")
    ]


def test_links_of_the_contents_lead_to_their_sections() -> None:
    page = as_html(conformance_statement(ae([Verification], [CTImageStorage])))
    targets = {part.partition('"')[0] for part in page.split('href="#')[1:]}
    anchors = {part.partition('"')[0] for part in page.split(' id="')[1:]}
    assert len(targets) > 8 and targets <= anchors
