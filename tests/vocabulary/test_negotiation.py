import json
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import UID

from dicomwire.presentation import (
    PresentationContext,
    build_context,
    negotiate_as_acceptor,
    negotiate_as_requestor,
    negotiate_unrestricted,
)
from dicomwire.service_class import VerificationServiceClass
from dicomwire.vocabulary import served_sop_classes

ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "contract" / "role_outcomes.json").read_text()
)["rows"]

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.50"
PRIVATE = "1.2.3.4"
UNKNOWN_PUBLIC = "1.2.840.10008.9.9.9"


def proposed(
    uid: str, *syntaxes: str, context_id: int = 1, scu: bool | None = None, scp: bool | None = None
) -> PresentationContext:
    context = build_context(uid, syntaxes or [IMPLICIT])
    context.context_id = context_id
    context.scu_role, context.scp_role = scu, scp
    return context


def supported(uid: str, *syntaxes: str, scu: bool | None = None, scp: bool | None = None) -> PresentationContext:
    context = build_context(uid, syntaxes or [IMPLICIT])
    context.scu_role, context.scp_role = scu, scp
    return context


def answered(context_id: int, result: int, *syntaxes: str) -> PresentationContext:
    context = PresentationContext()
    context.context_id = context_id
    context.result = result
    context.transfer_syntax = [*syntaxes]
    return context


def outcome(context: PresentationContext) -> tuple[int | None, list[UID], bool | None, bool | None]:
    return (context.result, context.transfer_syntax, context.as_scu, context.as_scp)


def name_of(row: dict[str, Any]) -> str:
    flags = [*row["requestor_proposes"].values(), *row["acceptor_setting"].values()]
    return "".join("-" if flag is None else str(flag)[0] for flag in flags)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_roles_come_out_on_both_sides_as_in_the_table(row: dict[str, Any]) -> None:
    asked, setting = row["requestor_proposes"], row["acceptor_setting"]
    ours = proposed(CT, scu=asked["scu"], scp=asked["scp"])
    theirs = supported(CT, scu=setting["scu_role"], scp=setting["scp_role"])

    [at_acceptor], items = negotiate_as_acceptor([ours], [theirs], {CT: (asked["scu"], asked["scp"])})
    answered_roles = {str(item.sop_class_uid): (item.scu_role, item.scp_role) for item in items}
    [at_requestor] = negotiate_as_requestor([ours], [at_acceptor], answered_roles)

    result = row["context_result"]
    assert outcome(at_acceptor) == (result, [IMPLICIT], row["acceptor_as"]["scu"], row["acceptor_as"]["scp"])
    assert outcome(at_requestor) == (result, [IMPLICIT], row["requestor_as"]["scu"], row["requestor_as"]["scp"])
    for item in items:
        item.check_complete()
        assert not (item.scu_role and not asked["scu"])
        assert not (item.scp_role and not asked["scp"])


# The acceptor


def test_a_class_that_is_not_supported_is_answered_3_with_the_first_transfer_syntax() -> None:
    [context], items = negotiate_as_acceptor([proposed(CT, EXPLICIT, IMPLICIT)], [supported(MR)], {CT: (True, True)})
    assert outcome(context) == (3, [EXPLICIT], False, False)
    assert context.abstract_syntax == CT
    assert items == []


def test_the_transfer_syntax_is_the_first_of_the_acceptor_that_was_proposed() -> None:
    theirs = supported(CT, JPEG, EXPLICIT, IMPLICIT)
    [context], _ = negotiate_as_acceptor([proposed(CT, IMPLICIT, EXPLICIT)], [theirs])
    assert outcome(context) == (0, [EXPLICIT], False, True)
    assert context.context_id == 1
    assert context.abstract_syntax == CT


def test_no_common_transfer_syntax_is_answered_4_with_the_first_transfer_syntax() -> None:
    ours = proposed(CT, IMPLICIT, EXPLICIT)
    [context], items = negotiate_as_acceptor([ours], [supported(CT, JPEG, scu=True, scp=True)], {CT: (True, True)})
    assert outcome(context) == (4, [IMPLICIT], False, False)
    assert context.abstract_syntax == CT
    assert items == []


def test_a_malformed_proposal_is_answered_too() -> None:
    no_syntax = proposed(CT)
    no_syntax.transfer_syntax = []
    no_class = PresentationContext()
    no_class.context_id = 3
    contexts, _ = negotiate_as_acceptor([no_syntax, no_class], [supported(CT), PresentationContext()])
    assert [context.result for context in contexts] == [4, 3]


def test_every_context_is_answered_in_order_of_ids() -> None:
    ours = [proposed(CT, context_id=5), proposed(MR, context_id=1), proposed(CT, EXPLICIT, context_id=3)]
    contexts, _ = negotiate_as_acceptor(ours, [supported(CT)])
    assert [(context.context_id, context.result) for context in contexts] == [(1, 3), (3, 4), (5, 0)]


def test_of_a_context_proposed_twice_the_first_is_answered_and_what_follows_too() -> None:
    ours = [proposed(CT), proposed(MR), proposed(CT, context_id=3)]
    contexts, _ = negotiate_as_acceptor(ours, [supported(CT)])
    assert [(context.context_id, context.result) for context in contexts] == [(1, 0), (3, 0)]


def test_nothing_supported_is_answered_3_throughout() -> None:
    contexts, items = negotiate_as_acceptor([proposed(CT), proposed(MR, context_id=3)], [])
    assert [context.result for context in contexts] == [3, 3]
    assert items == []


def test_a_role_item_is_answered_once_for_a_class_proposed_twice() -> None:
    ours = [proposed(CT), proposed(CT, context_id=3)]
    contexts, items = negotiate_as_acceptor(ours, [supported(CT, scu=True, scp=True)], {CT: (False, True)})
    assert [outcome(context)[2:] for context in contexts] == [(True, False)] * 2
    assert [(item.sop_class_uid, item.scu_role, item.scp_role) for item in items] == [(CT, False, True)]


def test_no_role_item_is_answered_when_none_was_proposed_or_no_roles_are_set() -> None:
    assert negotiate_as_acceptor([proposed(CT)], [supported(CT, scu=True, scp=True)])[1] == []
    assert negotiate_as_acceptor([proposed(CT)], [supported(CT)], {CT: (True, True)})[1] == []
    assert negotiate_as_acceptor([proposed(CT)], [supported(CT, scu=True)], {CT: (True, True)})[1] == []


def test_the_private_encoding_of_a_supported_transfer_syntax_is_kept() -> None:
    syntax = UID("1.2.3.4.5")
    syntax.set_private_encoding(False, True)
    [context], _ = negotiate_as_acceptor([proposed(CT, "1.2.3.4.5")], [supported(CT, syntax)])
    assert context.transfer_syntax[0].is_transfer_syntax


def test_the_contexts_given_are_not_changed() -> None:
    ours, theirs = proposed(CT), supported(CT)
    negotiate_as_acceptor([ours], [theirs])
    negotiate_as_requestor([ours], [answered(1, 0, IMPLICIT)])
    assert (ours, theirs) == (proposed(CT), supported(CT))


# The requestor


def test_nothing_proposed_is_an_error() -> None:
    with pytest.raises(ValueError, match="no presentation contexts"):
        negotiate_as_requestor([], [answered(1, 0, IMPLICIT)])


def test_an_answer_gives_result_and_transfer_syntax() -> None:
    [context] = negotiate_as_requestor([proposed(CT, IMPLICIT, EXPLICIT)], [answered(1, 0, EXPLICIT)])
    assert outcome(context) == (0, [EXPLICIT], True, False)
    assert context.abstract_syntax == CT


def test_a_context_without_an_answer_is_rejected_by_the_provider() -> None:
    ours = [proposed(CT, IMPLICIT, EXPLICIT), proposed(MR, context_id=3)]
    contexts = negotiate_as_requestor(ours, [answered(3, 0, IMPLICIT)])
    assert [(context.context_id, context.result) for context in contexts] == [(1, 2), (3, 0)]
    assert outcome(contexts[0]) == (2, [IMPLICIT], False, False)
    assert contexts[0].abstract_syntax == CT


def test_the_outcome_is_in_order_of_ids() -> None:
    ours = [proposed(CT, context_id=5), proposed(MR, context_id=3)]
    contexts = negotiate_as_requestor(ours, [answered(5, 0, IMPLICIT), answered(3, 0, IMPLICIT)])
    assert [context.context_id for context in contexts] == [3, 5]


@pytest.mark.parametrize("result", [1, 2, 3, 4])
@pytest.mark.parametrize("syntaxes", [[], [IMPLICIT]])
def test_a_rejection_needs_no_transfer_syntax_and_leaves_no_role(result: int, syntaxes: list[str]) -> None:
    [context] = negotiate_as_requestor([proposed(CT)], [answered(1, result, *syntaxes)])
    assert outcome(context) == (result, syntaxes, False, False)


def test_an_answer_for_an_id_that_was_not_proposed_is_ignored() -> None:
    contexts = negotiate_as_requestor([proposed(CT)], [answered(1, 0, IMPLICIT), answered(9, 0, IMPLICIT)])
    assert [context.context_id for context in contexts] == [1]


@pytest.mark.parametrize("syntaxes", [[], [JPEG]])
def test_acceptance_with_a_transfer_syntax_that_was_not_proposed_is_no_acceptance(
    syntaxes: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    [context] = negotiate_as_requestor([proposed(CT)], [answered(1, 0, *syntaxes)])
    assert outcome(context) == (2, [IMPLICIT], False, False)
    assert context.abstract_syntax == CT
    assert "context 1 was accepted with a transfer syntax that was not proposed" in caplog.text


def test_without_a_role_item_in_the_answer_the_requestor_is_scu_only() -> None:
    [context] = negotiate_as_requestor([proposed(CT, scu=True, scp=True)], [answered(1, 0, IMPLICIT)])
    assert outcome(context)[2:] == (True, False)


def test_a_role_item_that_was_not_asked_for_is_ignored() -> None:
    [context] = negotiate_as_requestor([proposed(CT)], [answered(1, 0, IMPLICIT)], {CT: (True, True)})
    assert outcome(context)[2:] == (True, False)


def test_a_context_that_is_accepted_without_any_role_is_of_no_use() -> None:
    ours = proposed(CT, scu=True, scp=True)
    [context] = negotiate_as_requestor([ours], [answered(1, 0, IMPLICIT)], {CT: (False, False)})
    assert outcome(context) == (1, [IMPLICIT], False, False)


def test_an_unset_flag_of_a_proposed_role_counts_as_false() -> None:
    [context] = negotiate_as_requestor([proposed(CT, scp=True)], [answered(1, 0, IMPLICIT)], {CT: (True, True)})
    assert outcome(context)[2:] == (False, True)


def test_proposed_roles_apply_to_all_contexts_of_the_class() -> None:
    ours = [proposed(CT, scp=True), proposed(CT, context_id=3, scp=True), proposed(MR, context_id=5)]
    answers = [answered(number, 0, IMPLICIT) for number in (1, 3, 5)]
    contexts = negotiate_as_requestor(ours, answers, {CT: (False, True)})
    assert [outcome(context)[2:] for context in contexts] == [(False, True), (False, True), (True, False)]


# The acceptor that takes all storage


@pytest.mark.parametrize("uid", [CT, PRIVATE, UNKNOWN_PUBLIC, "1.2.840.10008.5.1.1.27"])
def test_unrestricted_storage_takes_storage_private_and_unknown_classes(uid: str) -> None:
    [context], items = negotiate_unrestricted([proposed(uid, EXPLICIT, IMPLICIT)], [])
    assert outcome(context) == (0, [EXPLICIT], True, True)
    assert context.abstract_syntax == uid
    assert items == []


@pytest.mark.parametrize("roles", [(True, True), (True, False), (False, True)])
def test_unrestricted_storage_grants_every_proposed_role(roles: tuple[bool, bool]) -> None:
    theirs = supported(CT, scu=False, scp=False)
    [context], items = negotiate_unrestricted([proposed(CT)], [theirs], {CT: roles})
    assert outcome(context) == (0, [IMPLICIT], roles[1], roles[0])
    assert [(item.scu_role, item.scp_role) for item in items] == [roles]


def test_unrestricted_storage_leaves_the_first_proposed_transfer_syntax_to_the_requestor() -> None:
    [context], _ = negotiate_unrestricted([proposed(CT, JPEG, IMPLICIT)], [supported(CT, IMPLICIT)])
    assert context.transfer_syntax == [JPEG]


def test_a_role_item_that_proposes_nothing_is_not_answered() -> None:
    [context], items = negotiate_unrestricted([proposed(CT)], [], {CT: (False, False)})
    assert outcome(context) == (0, [IMPLICIT], False, False)
    assert items == []


@pytest.mark.parametrize("uid", [VERIFICATION, "1.2.840.10008.1.3.10", "1.2.840.10008.5.1.4.38.1"])
def test_unrestricted_storage_needs_contexts_for_other_services(uid: str) -> None:
    [context], _ = negotiate_unrestricted([proposed(uid)], [])
    assert context.result == 3


def test_unrestricted_storage_treats_other_services_as_usual() -> None:
    ours = [proposed(CT, context_id=3), proposed(VERIFICATION, context_id=1)]
    theirs = supported(VERIFICATION, scu=True, scp=True)
    contexts, items = negotiate_unrestricted(ours, [theirs], {VERIFICATION: (True, True)})
    assert [(context.context_id, context.result) for context in contexts] == [(1, 0), (3, 0)]
    assert [item.sop_class_uid for item in items] == [VERIFICATION]


def test_unrestricted_storage_takes_a_registered_private_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(served_sop_classes.SERVICE_CLASSES, PRIVATE, VerificationServiceClass)
    [context], _ = negotiate_unrestricted([proposed(PRIVATE)], [])
    assert context.result == 0


def test_the_largest_negotiation_does_not_compare_all_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = [f"1.2.3.{number}" for number in range(256)]
    unrelated = [f"1.2.4.{number}" for number in range(256)]
    uids = [f"1.2.5.{number}" for number in range(128)]
    ours = [proposed(uid, *theirs, context_id=2 * number + 1) for number, uid in enumerate(uids)]
    none_common = [supported(uid, *unrelated) for uid in uids]
    last_common = [supported(uid, *unrelated, theirs[-1]) for uid in uids]

    comparisons = 0

    def equal(one: UID, other: object) -> Any:
        nonlocal comparisons
        comparisons += 1
        return str.__eq__(one, other)

    monkeypatch.setattr(UID, "__eq__", equal)
    refused, _ = negotiate_as_acceptor(ours, none_common)
    accepted, _ = negotiate_as_acceptor(ours, last_common)
    outcomes = negotiate_as_requestor(ours, accepted)
    monkeypatch.undo()

    assert {context.result for context in refused} == {4}
    assert {context.result for context in outcomes} == {0}
    # All with all would be some eight million.
    assert comparisons < 3 * 128 * 256
