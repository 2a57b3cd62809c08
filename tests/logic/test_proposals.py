"""What a client proposes by the services, files and contexts that it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from dicomwire import build_context
from dicomwire.client.proposing import USUAL, proposal_of
from tests.support.storing import EXPLICIT, IMPLICIT, JPEG, instance, save

VERIFICATION = "1.2.840.10008.1.1"
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
ROOTS = "1.2.840.10008.5.1.4.1.2."
NAMES = ("echo", "store", "find", "move", "get", "worklist")


def classes(**options: Any) -> list[str]:
    return [str(context.abstract_syntax) for context in proposal_of(**options).contexts]


def test_without_anything_it_is_the_usual() -> None:
    assert classes() == classes(services=USUAL)
    assert classes() == [
        VERIFICATION, f"{ROOTS}2.1", f"{ROOTS}1.1", f"{ROOTS}2.2", f"{ROOTS}1.2", "1.2.840.10008.5.1.4.31"
    ]  # fmt: skip
    assert proposal_of().roles == ()


@pytest.mark.parametrize("services", ["find", ["find"], ("find", "find")])
def test_one_service_may_be_a_word(services: Any) -> None:
    assert classes(services=services) == [f"{ROOTS}2.1", f"{ROOTS}1.1"]


def test_contexts_alone_are_all() -> None:
    context = build_context(CT_IMAGE_STORAGE, JPEG)
    assert proposal_of([context]).contexts == (context,)
    assert classes(contexts=[CT_IMAGE_STORAGE, context]) == [CT_IMAGE_STORAGE] * 2
    assert classes(contexts=[CT_IMAGE_STORAGE, CT_IMAGE_STORAGE]) == [CT_IMAGE_STORAGE]


def test_all_that_is_given_comes_together(tmp_path: Path) -> None:
    save(instance(EXPLICIT), tmp_path / "a.dcm")
    asked = classes(contexts=["1.2.3"], files=tmp_path, services="worklist")
    assert asked == ["1.2.3", VERIFICATION, CT_IMAGE_STORAGE, "1.2.840.10008.5.1.4.31"]


def test_files_of_which_none_can_be_sent_are_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    given: list[Any] = [tmp_path, tmp_path / "nothing here", []]
    for files in given:
        with pytest.raises(ValueError, match="no DICOM file"):
            proposal_of(files=files)


def test_what_is_retrieved_is_asked_for_in_explicit_vr_first() -> None:
    """dcm4che's dcmqrscp took implicit VR, the first of ours, and then failed for all that it had in explicit VR."""
    for context in proposal_of(services="get").contexts:
        first = IMPLICIT if str(context.abstract_syntax).startswith(ROOTS) else EXPLICIT
        assert context.transfer_syntax[0] == first
        assert len(context.transfer_syntax) == 4


def test_get_receives_and_store_sends() -> None:
    cases: list[tuple[Any, bool]] = [(["get"], False), (["get", "store"], True)]
    for services, sends in cases:
        proposal = proposal_of(services=services)
        assert 100 < len(proposal.received) < len(proposal.contexts) <= 128
        roles: list[Any] = list(proposal.roles)
        assert {role.sop_class_uid for role in roles} == proposal.received
        assert {(role.scu_role, role.scp_role) for role in roles} == {(sends, True)}
    assert proposal_of(services="store").roles == ()


def test_files_that_are_sent_keep_the_role(tmp_path: Path) -> None:
    save(instance(IMPLICIT), tmp_path / "a.dcm")
    proposal = proposal_of(files=tmp_path, services="get")
    [role] = [role for role in proposal.roles if getattr(role, "sop_class_uid", None) == CT_IMAGE_STORAGE]
    assert getattr(role, "scu_role", None) is True


@given(st.lists(st.sampled_from(NAMES), min_size=1), st.integers(1, 120))
def test_no_more_than_an_association_may_have(services: Any, count: int) -> None:
    proposal = proposal_of([f"1.2.3.{number}" for number in range(1, count + 1)], services=services)
    assert count <= len(proposal.contexts) <= 128
    keys = [(context.abstract_syntax, tuple(context.transfer_syntax)) for context in proposal.contexts]
    assert len(set(keys)) == len(keys)
    assert proposal.received <= {str(context.abstract_syntax) for context in proposal.contexts}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"services": ["echo", "search"]}, "no service is called 'search': there are 'echo'"),
        ({"services": "search"}, "no service is called 'search'"),
        ({"contexts": [f"1.2.{number}" for number in range(1, 130)]}, "129 presentation contexts"),
        ({"contexts": []}, "no presentation contexts"),
        ({"services": []}, "no presentation contexts"),
    ],
)
def test_what_cannot_be_proposed_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        proposal_of(**options)


@pytest.mark.parametrize("options", [{"contexts": 3}, {"contexts": CT_IMAGE_STORAGE}, {"services": 3}, {"files": 3}])
def test_what_is_no_list_is_refused(options: Any) -> None:
    """One UID in place of a list is iterated by its letters."""
    with pytest.raises(TypeError):
        proposal_of(**options)
