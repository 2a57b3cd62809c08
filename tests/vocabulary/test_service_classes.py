"""What service classes offer to those of a user's own."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire.dimse_primitives import C_STORE
from dicomwire.service_class import QueryRetrieveServiceClass, ServiceClass
from dicomwire.vocabulary import statuses


class Association:
    """As much of one as is asked."""

    def __init__(self) -> None:
        self.line = self

    def is_cancelled(self, message_id: int) -> bool:
        return message_id == 7


def test_a_service_knows_which_request_is_cancelled() -> None:
    service = ServiceClass(Association())
    assert service.is_cancelled(7) is True
    assert service.is_cancelled(8) is False


@pytest.mark.parametrize(("status", "code"), [(0xA700, 0xA700), (Dataset(), 0xC001), ("x", 0xC002), (None, 0xC002)])
def test_whatever_a_status_is_it_is_put_into_the_response(status: Any, code: int) -> None:
    response = C_STORE()
    assert ServiceClass(Association()).validate_status(status, response) is response
    assert response.Status == code


def test_the_elements_of_a_status_are_put_into_the_response_as_far_as_it_has_them() -> None:
    status = Dataset()
    status.Status = 0xA700
    status.ErrorComment = "no space"
    status.PatientName = "of no status"
    response = C_STORE()
    ServiceClass(Association()).validate_status(status, response)
    assert (response.Status, response.ErrorComment) == (0xA700, "no space")
    assert not hasattr(response, "PatientName")


def test_a_query_retrieve_service_has_a_table_for_each_message() -> None:
    service = QueryRetrieveServiceClass(Association())
    assert service.statuses_for(0x0020) is statuses.QR_FIND_SERVICE_CLASS_STATUS
    assert service.statuses_for(0x0021) is statuses.QR_MOVE_SERVICE_CLASS_STATUS
    # Of a message that it has not: all that it knows.
    assert service.statuses_for(0x0001) is QueryRetrieveServiceClass.statuses
