import copy
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import UID

from dicomwire import _config
from dicomwire._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.presentation import (
    PresentationContext,
    PresentationContextTuple,
    build_context,
    build_role,
)
from dicomwire.vocabulary import contexts as presentation

CONTRACT = Path(__file__).parents[1] / "data" / "contract"
SOP_CLASSES = json.loads((CONTRACT / "sop_classes.json").read_text())
SYNTAXES = json.loads((CONTRACT / "transfer_syntaxes.json").read_text())

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
TOO_LONG = "1." + "2" * 63


def test_a_new_context_is_empty() -> None:
    context = PresentationContext()
    assert context.context_id is None
    assert context.abstract_syntax is None
    assert context.transfer_syntax == []
    assert context.result is None
    assert (context.scu_role, context.scp_role, context.as_scu, context.as_scp) == (None, None, None, None)


@pytest.mark.parametrize("value", [1, 3, 255, None])
def test_a_context_id_is_odd(value: int | None) -> None:
    context = PresentationContext()
    context.context_id = value
    assert context.context_id == value


@pytest.mark.parametrize("value", [0, 2, -1, 256, 257, 1.5])
def test_another_context_id_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="odd number from 1 to 255"):
        PresentationContext().context_id = value


def test_a_context_id_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError):
        PresentationContext().context_id = "1"  # type: ignore[assignment]


@pytest.mark.parametrize("value", [VERIFICATION, VERIFICATION.encode(), UID(VERIFICATION)])
def test_an_abstract_syntax_becomes_a_uid(value: Any) -> None:
    context = PresentationContext()
    context.abstract_syntax = value
    assert context.abstract_syntax == VERIFICATION
    assert isinstance(context.abstract_syntax, UID)


@pytest.mark.parametrize("value", [None, 5, [VERIFICATION]])
def test_an_abstract_syntax_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="abstract_syntax"):
        PresentationContext().abstract_syntax = value


def test_a_long_abstract_syntax_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 64 characters"):
        PresentationContext().abstract_syntax = TOO_LONG


def test_a_non_conformant_abstract_syntax_is_taken_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    context = build_context("1.02")
    assert context.abstract_syntax == "1.02"
    assert "1.02" in caplog.text


def test_a_non_conformant_uid_is_refused_when_conformance_is_enforced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
    with pytest.raises(ValueError, match="leading zeros"):
        build_context("1.02")
    with pytest.raises(ValueError, match="leading zeros"):
        build_context(VERIFICATION, "1.02")


def test_transfer_syntaxes_become_uids_in_order_without_duplicates() -> None:
    context = PresentationContext()
    mixed: list[str | bytes] = [EXPLICIT, IMPLICIT.encode(), UID(EXPLICIT), "1.2.3"]
    context.transfer_syntax = mixed
    assert context.transfer_syntax == [EXPLICIT, IMPLICIT, "1.2.3"]
    assert all(isinstance(syntax, UID) for syntax in context.transfer_syntax)


@pytest.mark.parametrize("value", [(IMPLICIT,), IMPLICIT, {IMPLICIT}, None])
def test_transfer_syntaxes_are_set_from_a_list_only(value: Any) -> None:
    with pytest.raises(TypeError, match="must be a list"):
        PresentationContext().transfer_syntax = value


@pytest.mark.parametrize("value", [None, 5, [IMPLICIT]])
def test_what_is_no_transfer_syntax_is_left_out_and_logged(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    context = PresentationContext()
    context.transfer_syntax = [IMPLICIT, value]
    assert context.transfer_syntax == [IMPLICIT]
    assert "Left out" in caplog.text


@pytest.mark.parametrize("value", ["", b"", TOO_LONG])
def test_an_empty_or_long_transfer_syntax_is_refused(value: Any) -> None:
    context = PresentationContext()
    with pytest.raises(ValueError, match="transfer_syntax"):
        context.transfer_syntax = [value]
    with pytest.raises(ValueError, match="transfer_syntax"):
        context.add_transfer_syntax(value)


def test_an_unknown_public_transfer_syntax_is_logged_and_a_private_one_is_not(caplog: pytest.LogCaptureFixture) -> None:
    build_context(VERIFICATION, ["1.2.3.4", "1.2.840.10008.1.2.9999"])
    assert "1.2.840.10008.1.2.9999" in caplog.text
    assert "1.2.3.4" not in caplog.text.replace("1.2.840", "")


def test_a_transfer_syntax_can_be_added_once() -> None:
    context = build_context(VERIFICATION, IMPLICIT)
    for syntax in (EXPLICIT, IMPLICIT, EXPLICIT.encode(), None):
        context.add_transfer_syntax(syntax)
    assert context.transfer_syntax == [IMPLICIT, EXPLICIT]


@pytest.mark.parametrize("value", [True, False, None])
def test_a_role_is_a_bool_or_none(value: bool | None) -> None:
    context = PresentationContext()
    context.scu_role = context.scp_role = value
    assert (context.scu_role, context.scp_role) == (value, value)


@pytest.mark.parametrize("value", [0, 1, "True"])
def test_a_role_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="scu_role"):
        PresentationContext().scu_role = value
    with pytest.raises(TypeError, match="scp_role"):
        PresentationContext().scp_role = value


def test_the_outcome_of_role_selection_is_read_only() -> None:
    with pytest.raises(AttributeError):
        PresentationContext().as_scu = True  # type: ignore[misc]
    with pytest.raises(AttributeError):
        PresentationContext().as_scp = True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, "Pending"),
        (0, "Accepted"),
        (1, "User Rejected"),
        (2, "Provider Rejected"),
        (3, "Abstract Syntax Not Supported"),
        (4, "Transfer Syntax(es) Not Supported"),
        (5, "Unknown"),
    ],
)
def test_a_result_has_words(result: int | None, text: str) -> None:
    context = PresentationContext()
    context.result = result
    assert context.status == text


def test_a_tuple_has_the_first_transfer_syntax() -> None:
    context = build_context(VERIFICATION, [EXPLICIT, IMPLICIT])
    context.context_id = 7
    assert context.as_tuple == PresentationContextTuple(7, UID(VERIFICATION), UID(EXPLICIT))
    assert context.as_tuple._fields == ("context_id", "abstract_syntax", "transfer_syntax")


def test_a_context_that_lacks_something_has_no_tuple() -> None:
    with pytest.raises(ValueError, match="lacks"):
        _ = PresentationContext().as_tuple


def changed(name: str, value: Any) -> PresentationContext:
    context = build_context(VERIFICATION)
    setattr(context, name, value)
    return context


@pytest.mark.parametrize(
    "other",
    [
        changed("context_id", 1),
        changed("abstract_syntax", "1.2.3"),
        changed("transfer_syntax", [IMPLICIT]),
        changed("result", 0),
        changed("scu_role", True),
        changed("scp_role", False),
        changed("_as_scu", True),
        changed("_as_scp", True),
        "something else",
    ],
    ids=str,
)
def test_contexts_that_differ_in_anything_are_not_equal(other: object) -> None:
    assert build_context(VERIFICATION) != other


def test_equal_contexts_have_equal_hashes() -> None:
    assert build_context(VERIFICATION) == build_context(VERIFICATION)
    assert hash(build_context(VERIFICATION)) == hash(build_context(VERIFICATION))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, PresentationContext.copy])
def test_a_copy_is_equal_and_shares_nothing(copied: Any) -> None:
    context = changed("scu_role", True)
    other = copied(context)
    assert other == context
    other.add_transfer_syntax("1.2.3")
    assert other != context
    assert len(context.transfer_syntax) == 4


def test_the_repr_is_the_name_of_the_abstract_syntax_and_never_raises() -> None:
    assert repr(build_context(VERIFICATION)) == "Verification SOP Class"
    assert repr(build_context("1.2.3")) == "1.2.3"
    assert repr(PresentationContext()) == "PresentationContext()"


def test_the_text_of_a_context_names_all_it_knows() -> None:
    context = build_context(VERIFICATION)
    context.context_id = 3
    context.result = 0
    context._as_scu, context._as_scp = True, False
    assert str(context).split("\n") == [
        "ID: 3",
        "Abstract Syntax: Verification SOP Class",
        "Transfer Syntax(es):",
        "    =Implicit VR Little Endian",
        "    =Explicit VR Little Endian",
        "    =Deflated Explicit VR Little Endian",
        "    =Explicit VR Big Endian",
        "Result: Accepted",
        "Role: SCU only",
    ]


def test_the_text_of_an_empty_context_says_so() -> None:
    assert str(PresentationContext()) == "Transfer Syntax(es):\n    (none)"


@pytest.mark.parametrize(
    ("as_scu", "as_scp", "text"),
    [(True, False, "SCU only"), (False, True, "SCP only"), (True, True, "SCU and SCP"), (False, False, "(none)")],
)
def test_the_text_of_a_context_names_the_roles(as_scu: bool, as_scp: bool, text: str) -> None:
    context = PresentationContext()
    context._as_scu, context._as_scp = as_scu, as_scp
    assert str(context).endswith(f"\nRole: {text}")


def test_a_context_is_built_with_the_default_transfer_syntaxes() -> None:
    assert build_context(VERIFICATION).transfer_syntax == DEFAULT_TRANSFER_SYNTAXES


@pytest.mark.parametrize("given", [IMPLICIT, IMPLICIT.encode(), UID(IMPLICIT), [IMPLICIT], (IMPLICIT,)])
def test_a_context_is_built_with_one_transfer_syntax_or_any_sequence(given: Any) -> None:
    assert build_context(VERIFICATION, given).transfer_syntax == [IMPLICIT]


def test_a_context_is_not_built_with_something_else() -> None:
    with pytest.raises(TypeError, match="transfer_syntax"):
        build_context(VERIFICATION, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="abstract_syntax"):
        build_context(None)  # type: ignore[arg-type]


def test_a_role_is_built() -> None:
    role = build_role(VERIFICATION, scp_role=True)
    assert (role.sop_class_uid, role.scu_role, role.scp_role) == (VERIFICATION, False, True)
    assert (build_role(VERIFICATION).scu_role, build_role(VERIFICATION).scp_role) == (False, False)


def test_the_transfer_syntaxes_are_those_of_the_contract_as_str() -> None:
    assert SYNTAXES["DEFAULT_TRANSFER_SYNTAXES"] == DEFAULT_TRANSFER_SYNTAXES
    assert SYNTAXES["ALL_TRANSFER_SYNTAXES"] == ALL_TRANSFER_SYNTAXES
    assert len(ALL_TRANSFER_SYNTAXES) == 45
    assert {type(syntax) for syntax in ALL_TRANSFER_SYNTAXES} == {str}


@pytest.mark.parametrize(("uid", "keyword"), SYNTAXES["added_to_uid_dictionary_if_missing"].items())
def test_new_transfer_syntaxes_have_a_name(uid: str, keyword: str) -> None:
    assert UID(uid).keyword == keyword
    assert UID(uid).name != uid
    assert UID(uid).is_transfer_syntax


LISTS: dict[str, list[str]] = {
    group["presentation_contexts"]: list(group["sop_classes"].values())
    for group in SOP_CLASSES["groups"]
    if group["presentation_contexts"]
} | {
    "StoragePresentationContexts": SOP_CLASSES["StoragePresentationContexts"],
}
LISTS |= {alias: LISTS[name] for alias, name in SOP_CLASSES["aliases"].items()}

COUNTS = {
    "VerificationPresentationContexts": 1,
    "StoragePresentationContexts": 120,
    "AllStoragePresentationContexts": 170,
    "QueryRetrievePresentationContexts": 13,
    "BasicWorklistManagementPresentationContexts": 1,
    "RelevantPatientInformationPresentationContexts": 3,
    "SubstanceAdministrationPresentationContexts": 2,
    "ColorPalettePresentationContexts": 3,
    "DefinedProcedureProtocolPresentationContexts": 3,
    "HangingProtocolPresentationContexts": 3,
    "ImplantTemplatePresentationContexts": 9,
    "ProtocolApprovalPresentationContexts": 3,
    "NonPatientObjectPresentationContexts": 9,
    "MediaStoragePresentationContexts": 1,
    "ModalityPerformedPresentationContexts": 3,
    "ProcedureStepPresentationContexts": 3,
    "StorageCommitmentPresentationContexts": 1,
    "InstanceAvailabilityPresentationContexts": 1,
    "MediaCreationManagementPresentationContexts": 1,
    "PrintManagementPresentationContexts": 11,
    "UnifiedProcedurePresentationContexts": 5,
    "RTMachineVerificationPresentationContexts": 2,
    "DisplaySystemPresentationContexts": 1,
    "ApplicationEventLoggingPresentationContexts": 2,
}


def test_there_are_24_lists() -> None:
    assert len(COUNTS) == 24
    assert {name: len(uids) for name, uids in LISTS.items()} == COUNTS


@pytest.mark.parametrize("name", COUNTS)
def test_a_ready_made_list_is_sorted_and_has_default_transfer_syntaxes(name: str) -> None:
    contexts = getattr(presentation, name)
    assert type(contexts) is list
    assert [context.abstract_syntax for context in contexts] == sorted(LISTS[name])
    assert contexts == [build_context(uid) for uid in sorted(LISTS[name])]
    assert name in presentation.__all__
    assert name in presentation.__annotations__


def test_who_changes_a_ready_made_list_changes_only_his_own() -> None:
    mine = presentation.VerificationPresentationContexts
    mine[0].transfer_syntax = [IMPLICIT]
    mine.append(build_context("1.2.3"))
    assert presentation.VerificationPresentationContexts == [build_context(VERIFICATION)]


def test_ready_made_lists_can_be_added_and_sliced() -> None:
    both = presentation.VerificationPresentationContexts + presentation.StoragePresentationContexts[:2]
    assert len(both) == 3


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NoSuchPresentationContexts"):
        _ = presentation.NoSuchPresentationContexts  # type: ignore[attr-defined]


# -- what a context says of itself and of what it was given --------------------------------------------------------
@pytest.mark.parametrize(("given", "told"), [(7, ["an object of type int"]), (None, [])])
def test_what_is_left_out_of_the_transfer_syntaxes_is_told_unless_it_is_nothing(
    given: Any, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    context = PresentationContext()
    context.transfer_syntax = [given, IMPLICIT]
    assert context.transfer_syntax == [IMPLICIT]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.rpartition(": ")[2] for text in warnings] == told


def test_a_uid_that_is_no_transfer_syntax_is_told(caplog: pytest.LogCaptureFixture) -> None:
    PresentationContext().transfer_syntax = [VERIFICATION]
    (record,) = caplog.records
    assert VERIFICATION in record.getMessage() and record.getMessage() != VERIFICATION


def test_a_transfer_syntax_that_cannot_be_sent_is_named_so() -> None:
    for wrong in ("", TOO_LONG):
        with pytest.raises(ValueError, match="'transfer_syntax'"):
            PresentationContext().transfer_syntax = [wrong]


def test_a_role_is_true_false_or_none() -> None:
    with pytest.raises(TypeError, match=r"'scu_role'.*not int"):
        PresentationContext().scu_role = 1  # type: ignore[assignment]


def test_the_roles_are_shown_once_both_are_known() -> None:
    context = build_context(VERIFICATION)
    context._as_scu = True
    assert "Role" not in str(context)
    context._as_scp = False
    assert "Role: SCU only" in str(context)


@pytest.mark.parametrize(
    ("outcome", "known"),
    [(None, (None, None, None)), (NegotiatedContext(1, VERIFICATION, (IMPLICIT,), 0, as_scp=True), (0, False, True))],
)
def test_a_context_of_the_wire_has_the_outcome_that_is_known_or_none(outcome: Any, known: tuple[Any, ...]) -> None:
    context = presentation.negotiated_as(build_context(VERIFICATION), outcome)
    assert (context.result, context.as_scu, context.as_scp) == known


def numbered(context_id: int | None, uid: str = VERIFICATION, result: int | None = None) -> PresentationContext:
    context = build_context(uid, IMPLICIT)
    context.context_id, context.result = context_id, result
    return context


def test_an_answer_without_an_id_is_that_to_no_proposal() -> None:
    (outcome,) = presentation.negotiate_as_requestor([numbered(1)], [numbered(None, result=0)])
    assert (outcome.context_id, outcome.result) == (1, 2)


def test_a_proposal_without_an_id_is_one_of_its_own() -> None:
    outcomes, _ = presentation.negotiate_as_acceptor([numbered(None, "1.2.3"), numbered(1)], [numbered(None)])
    assert [(context.context_id, context.abstract_syntax) for context in outcomes] == [
        (None, "1.2.3"),
        (1, VERIFICATION),
    ]


def test_how_a_private_transfer_syntax_is_encoded_is_known_after_negotiation() -> None:
    private = UID("1.2.3.4.5.6")
    private.set_private_encoding(False, True)
    context = numbered(1)
    context.transfer_syntax = [private]
    ((outcome,), _) = presentation.negotiate_as_acceptor([context], [context])
    assert outcome.transfer_syntax[0].is_implicit_VR is False
