"""The status that an operation hands back."""

from __future__ import annotations

import copy
from typing import Any

from dicomwire.dimse.command import Command
from dicomwire.operations.returned_status import ReturnedStatus, status_of


class Response:
    """As much of one as is looked at."""

    def __init__(self, **said: Any) -> None:
        self.command = Command(command_field=0x8001, message_id_being_responded_to=1, **said)


def returned(response: Response | None) -> Any:
    given: Any = response
    return status_of(given)


def test_a_response_has_a_true_status_and_no_response_a_false_one() -> None:
    assert returned(Response(status=0x0000))
    assert returned(Response(status=0x0000)).Status == 0x0000
    for none in (None, Response()):
        assert not returned(none) and len(returned(none)) == 0


def test_it_holds_what_the_response_says_of_it_and_not_what_repeats_the_request() -> None:
    status = returned(Response(status=0xA700, error_comment="full", affected_sop_instance_uid="1.2.3"))
    assert isinstance(status, ReturnedStatus)
    assert [element.keyword for element in copy.deepcopy(status)] == ["Status", "ErrorComment"]
    assert (status.Status, status.ErrorComment) == (0xA700, "full")
    status.Status = 0xB000
    assert status.Status == 0xB000 and status["Status"].value == 0xB000
