"""`Status` of our own face: a number that knows what it means, and what came beside it."""

from __future__ import annotations

import copy
import pickle
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom.dataset import Dataset

import dicomwire.status
from dicomwire import Status, StatusCategory
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_STORE_RQ
from dicomwire.services.given_status import respond
from dicomwire.vocabulary.statuses import STORAGE_SERVICE_CLASS_STATUS, code_to_category

CODES = st.integers(0, 0xFFFF)
COMMENTS = (
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"), min_size=1)
    .map(lambda text: text.strip()[:64].strip())
    .filter(bool)
)
TAGS = st.lists(st.integers(0, 0xFFFFFFFF), max_size=5).map(tuple)
STATUSES = st.builds(
    lambda code, comment, tags, error_id: Status(code, comment, offending_elements=tags, error_id=error_id),
    CODES,
    st.none() | COMMENTS,
    TAGS,
    st.none() | CODES,
)


def parts(status: Status) -> tuple[object, ...]:
    return int(status), status.comment, status.offending_elements, status.error_id


@given(CODES)
def test_it_equals_its_number_and_is_one(code: int) -> None:
    status = Status(code)
    assert status == code
    assert hash(status) == hash(code)
    assert {code: 1}[status] == 1
    assert isinstance(status, int)
    assert f"{status:04X}" == f"{code:04X}"


@given(CODES)
def test_every_code_has_one_category(code: int) -> None:
    status = Status(code)
    assert status.category == code_to_category(code)
    claims = [status.is_success, status.is_warning, status.is_pending, status.is_cancel, status.is_failure]
    assert sum(claims) == 1
    assert bool(status) == (status.is_success or status.is_warning or status.is_pending)


@given(STATUSES)
def test_it_is_the_same_behind_a_copy_or_another_process(status: Status) -> None:
    for other in (pickle.loads(pickle.dumps(status)), copy.copy(status), copy.deepcopy(status)):
        assert type(other) is Status
        assert parts(other) == parts(status)
        assert other.explain() == status.explain()


@given(STATUSES)
def test_it_is_the_same_behind_a_data_set(status: Status) -> None:
    response = Dataset()
    response.Status = int(status)
    if status.comment:
        response.ErrorComment = status.comment
    if status.offending_elements:
        response.OffendingElement = list(status.offending_elements)
    if status.error_id is not None:
        response.ErrorID = status.error_id
    assert parts(Status.of(response)) == parts(status)


@given(STATUSES)
def test_it_is_the_same_behind_the_wire(status: Status) -> None:
    """For a response that has a place for all of it, which no table of a service need know."""
    request = Command(command_field=0x0140, message_id=1, affected_sop_class_uid="1.2")
    answer = Command.decode(respond(request, status, {}).encode())
    assert answer.status == status
    assert answer.error_comment == status.comment
    assert answer.error_id == status.error_id


@given(STATUSES)
def test_what_is_said_beside_a_stored_instance_is_the_same_behind_the_wire(status: Status) -> None:
    request = Command(command_field=C_STORE_RQ, message_id=1, affected_sop_class_uid="1.2")
    answer = Command.decode(respond(request, status, STORAGE_SERVICE_CLASS_STATUS).encode())
    assert answer.status == status
    assert answer.error_comment == status.comment
    assert (answer.offending_element or ()) == status.offending_elements


@given(STATUSES, st.text())
def test_because_says_another_reason_of_the_same(status: Status, comment: str) -> None:
    other = status.because(comment)
    assert (other, other.comment, other.meaning) == (status, comment, status.meaning)


@given(CODES, st.text(), TAGS)
def test_it_is_explained_in_one_line_that_is_safe_to_print(code: int, comment: str, tags: tuple[int, ...]) -> None:
    text = Status(code, comment, offending_elements=tags).explain()
    assert text.isprintable()
    assert text.startswith(f"0x{code:04X} (")


def test_it_explains_itself() -> None:
    status = Status.OUT_OF_RESOURCES.because("disk\nfull", offending_elements=[0x00100010])
    assert str(status) == "0xA700 (Failure: Out of resources), disk\\nfull, about (0010,0010)"
    assert repr(status) == f"<Status {status}>"
    assert str(Status.SUCCESS) == "0x0000 (Success)"
    assert str(Status(0x1234)) == "0x1234 (Unknown)"


def test_the_table_of_the_service_says_what_a_code_means() -> None:
    response = Dataset()
    response.Status = 0xB007
    assert Status.of(response).meaning == ""
    assert "does not match" in Status.of(response, STORAGE_SERVICE_CLASS_STATUS).meaning


@pytest.mark.parametrize("code", [-1, 0x10000, 1 << 40])
def test_what_is_no_code_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match="is no status code"):
        Status(code)


@pytest.mark.parametrize("name", [name for name, value in vars(Status).items() if isinstance(value, Status)])
def test_those_with_a_name_are_what_they_are_called(name: str) -> None:
    status: Status = getattr(Status, name)
    assert status.comment is None
    assert status.category is not StatusCategory.UNKNOWN
    assert status.meaning or status.is_pending
    before = {"SUCCESS": 0, "CANCEL": 0xFE00, "PENDING": 0xFF00, "MOVE_DESTINATION_UNKNOWN": 0xA801}
    assert status == before.get(name, status)


def test_several_comments_of_a_peer_are_one() -> None:
    """A backslash in the comment of a peer makes several values of it."""
    response = Dataset()
    response.Status, response.ErrorComment = 0xA700, ["disk", "full"]
    assert Status.of(response).comment == "disk\\full"
    response.ErrorComment = ""
    assert Status.of(response).comment is None


def test_categories_are_words() -> None:
    assert {str(category) for category in StatusCategory} == {
        "Success", "Warning", "Failure", "Cancel", "Pending", "Unknown"
    }  # fmt: skip
    assert StatusCategory("Failure") is StatusCategory.FAILURE


def test_the_compatible_status_is_the_enumeration_it_was() -> None:
    compatible: Any = dicomwire.status.Status
    assert compatible.__mro__[1:2] == (IntEnum,)
    assert compatible is not Status
    assert (compatible.SUCCESS, compatible.CANCEL, compatible.PENDING) == (0x0000, 0xFE00, 0xFF00)
    assert not compatible.SUCCESS
    assert compatible(0xFF00) is compatible.PENDING
