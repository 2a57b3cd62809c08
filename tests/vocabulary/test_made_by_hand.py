"""Events, messages and modules as programs for pynetdicom make and reach them, in their own tests above all."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import dsutils, evt
from dicomwire.dimse_messages import C_ECHO_RQ, C_ECHO_RSP, C_STORE_RQ
from dicomwire.dimse_primitives import C_ECHO, C_FIND, C_STORE, N_GET

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"


def instance() -> Dataset:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.PatientID = CT, "1.2.3", "P"
    return made


def store_request() -> C_STORE:
    request = C_STORE()
    request.MessageID, request.Priority = 7, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CT, "1.2.3"
    request.DataSet = BytesIO(dsutils.encode_dataset(instance(), True, True))
    return request


def test_a_store_handler_can_be_called_with_an_event_made_by_hand() -> None:
    event = evt.Event(None, evt.EVT_C_STORE, {"request": store_request(), "context": (3, CT, IMPLICIT)})
    assert event.dataset == instance()
    assert event.request == store_request()
    assert event.context == (3, CT, IMPLICIT)
    assert (event.message_id, event.event, event._event) == (7, evt.EVT_C_STORE, evt.EVT_C_STORE)
    assert event.assoc is None
    assert event.timestamp is None
    assert event.file_meta.MediaStorageSOPInstanceUID == "1.2.3"
    with pytest.raises(AttributeError):
        _ = event.identifier


@pytest.mark.parametrize("more", [{}, {"context": None}])
def test_without_a_context_it_is_implicit_vr_little_endian(more: dict[str, Any]) -> None:
    event = evt.Event(None, evt.EVT_C_STORE, {"request": store_request()} | more)
    assert (event.request, event.message_id, event.dataset) == (store_request(), 7, instance())
    assert event.context == (1, CT, IMPLICIT)


@pytest.mark.parametrize("answer", [True, False])
def test_whether_it_is_cancelled_can_be_given(answer: bool) -> None:
    request = C_FIND()
    request.MessageID, request.AffectedSOPClassUID = 9, "1.2.840.10008.5.1.4.1.2.2.1"
    asked: list[int] = []

    def is_cancelled(message_id: int) -> bool:
        asked.append(message_id)
        return answer

    attributes: dict[str, Any] = {"request": request, "context": (1, request.AffectedSOPClassUID, IMPLICIT)}
    assert not evt.Event(None, evt.EVT_C_FIND, attributes).is_cancelled
    assert evt.Event(None, evt.EVT_C_FIND, attributes | {"_is_cancelled": is_cancelled}).is_cancelled is answer
    assert asked == [9]
    # What was given is not changed.
    assert attributes.keys() == {"request", "context"}


def test_a_notification_made_by_hand_has_its_attributes_and_the_time_it_is_given() -> None:
    now = datetime(2026, 11, 28)
    event = evt.Event(None, evt.EVT_PDU_RECV, {"pdu": "P"}, timestamp=now)
    assert (event.pdu, event.timestamp) == ("P", now)


def test_the_type_of_handler_lists_has_the_name_that_programs_import() -> None:
    assert evt.EventHandlerType is evt.EventHandler


def test_a_message_can_be_made_by_hand_and_take_a_primitive() -> None:
    message = C_ECHO_RQ()
    assert message.context_id is None
    assert message.command_set.CommandField == 0x0030
    request = C_ECHO()
    request.MessageID, request.AffectedSOPClassUID = 3, "1.2.840.10008.1.1"
    message.primitive_to_message(request)
    assert (message.command_set.MessageID, message.data_set) == (3, None)
    assert message.message_to_primitive() == request


def test_a_message_takes_the_data_set_of_a_primitive() -> None:
    message = C_STORE_RQ()
    message.primitive_to_message(store_request())
    assert message.data_set is not None
    assert message.data_set.getvalue() == dsutils.encode_dataset(instance(), True, True)
    assert message.command_set.CommandDataSetType != 0x0101


@pytest.mark.parametrize("other", [N_GET(), store_request()])
def test_a_message_refuses_a_primitive_of_another(other: Any) -> None:
    with pytest.raises(ValueError, match="C_ECHO_RSP"):
        C_ECHO_RSP().primitive_to_message(other)


@pytest.mark.parametrize("nothing", [None, "text", 7])
def test_encode_gives_none_for_what_is_no_data_set(nothing: Any) -> None:
    assert dsutils.encode(nothing, True, True) is None


@pytest.mark.parametrize(
    "module",
    [
        "_config", "_globals", "_handlers", "ae", "apps", "association", "asyncio", "blocking", "dimse_messages",
        "dimse_primitives", "dsutils", "events", "memory", "pdu", "pdu_items", "pdu_primitives", "presentation",
        "service_class", "service_class_n", "sop_class", "status", "transport", "trio", "utils",
    ],
)  # fmt: skip
def test_every_documented_module_is_reached_from_the_package(module: str) -> None:
    script = f"import dicomwire, sys; assert dicomwire.{module} is sys.modules['dicomwire.{module}']"
    subprocess.run(
        [sys.executable, "-c", script],
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
