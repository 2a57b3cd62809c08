"""C-STORE as SCP: what is answered, and what becomes of the file that the data set went to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire.associations.user_code import HandlerRaised
from dicomwire.data.data_set_beginning import NoDataSet
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_STORE_RQ
from dicomwire.services.store_scp import serve_store, status_of
from dicomwire.vocabulary.service_classes import StorageServiceClass


class Request:
    """As much of one as the service looks at."""

    def __init__(self, said: Any, *, file: Any = None, refused: int | None = None, disk: Exception | None = None):
        self.command = Command(
            command_field=C_STORE_RQ,
            message_id=7,
            affected_sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
            affected_sop_instance_uid="1.2.3",
        )
        self.service_class = StorageServiceClass
        self.said, self.file, self.refused, self.disk = said, file, refused, disk
        self.settled: list[bool] = []

    async def ask_handler(self, event: Any) -> Any:
        if isinstance(self.said, Exception):
            raise HandlerRaised("EVT_C_STORE") from self.said
        return self.said

    def settle(self, *, kept: bool) -> None:
        self.settled.append(kept)
        if kept and self.disk is not None:
            raise self.disk


def answer(request: Request) -> tuple[int | None, list[bool]]:
    given: Any = request
    response, data = asyncio.run(serve_store(given))
    assert data is None
    assert (response.message_id_being_responded_to, response.affected_sop_instance_uid) == (7, "1.2.3")
    return response.status, request.settled


def of_data_set(code: int) -> Dataset:
    status = Dataset()
    status.Status = code
    return status


@pytest.mark.parametrize("said", [0x0000, 0xB000, of_data_set(0xB007)])
def test_a_file_is_kept_with_success_and_with_a_warning(said: Any) -> None:
    code = said if isinstance(said, int) else said.Status
    assert answer(Request(said, file="a file")) == (code, [True, False])
    assert answer(Request(said)) == (code, [])


@pytest.mark.parametrize(
    ("said", "code"), [(0xA700, 0xA700), ("x", 0xC002), (ValueError("no"), 0xC211), (NoDataSet("no"), 0x0210)]
)
def test_a_file_is_not_kept_with_a_failure(said: Any, code: int) -> None:
    assert answer(Request(said, file="a file")) == (code, [False])
    assert answer(Request(said)) == (code, [])


def test_nobody_is_asked_about_what_was_refused() -> None:
    assert answer(Request(AssertionError(), refused=0xA700)) == (0xA700, [])
    assert answer(Request(AssertionError(), refused=0xA700, file="a file")) == (0xA700, [False])


def test_a_file_that_cannot_be_kept_is_out_of_resources_and_told(caplog: pytest.LogCaptureFixture) -> None:
    request = Request(0x0000, file="a file", disk=OSError("no space left"))
    assert answer(request) == (0xA700, [True, False])
    (record,) = caplog.records
    assert record.getMessage().endswith(": no space left")


@pytest.mark.parametrize(
    ("error", "code"),
    [(NoDataSet("no"), 0x0210), (OSError(), 0xA700), (MemoryError(), 0xA700), (ValueError(), 0xC211), (None, 0xC211)],
)
def test_what_went_wrong_with_a_data_set_has_a_status(error: BaseException | None, code: int) -> None:
    assert status_of(error) == code
