"""Events by themselves, and the table of handlers as threads bind and look at the same time."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, get_args, get_type_hints

import pytest
from pydicom.dataset import Dataset

from dicomwire import evt
from dicomwire.associations.handlers import HandlerTable
from dicomwire.dimse_primitives import C_FIND, C_STORE
from dicomwire.dsutils import encode


def test_a_handler_bound_while_another_thread_looks_is_heard_of() -> None:
    looked: list[Any] = []

    class Handler:
        """Compared while it is bound: what another thread would see at that moment."""

        def __call__(self, event: evt.Event) -> None: ...

        def __eq__(self, other: object) -> bool:
            looked.append(table.listeners(evt.EVT_PDU_RECV))
            return self is other

        __hash__ = object.__hash__

    table = HandlerTable()
    library, one, other = Handler(), Handler(), Handler()
    table.bind_library([(evt.EVT_PDU_RECV, library)])
    table.bind(evt.EVT_PDU_RECV, one)
    before = table.listeners(evt.EVT_PDU_RECV)
    table.bind(evt.EVT_PDU_RECV, other)
    assert looked
    assert [item[0] for item in table.listeners(evt.EVT_PDU_RECV)] == [one, other]
    assert len(before) == 1
    table.unbind(evt.EVT_PDU_RECV, one)
    assert [item[0] for item in table.listeners(evt.EVT_PDU_RECV)] == [other]


# -- events by themselves ------------------------------------------------------------------------------------------
CT, IMPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2"
NOW = datetime(2026, 11, 29, tzinfo=UTC)


class Association:
    """One that knows its handlers and what time it is."""

    def __init__(self, *bound: Any) -> None:
        self.line: Any = self
        self.host: Any = self
        self.table = HandlerTable(bound)

    def timestamp(self) -> datetime:
        return NOW

    def get_handlers(self, event: Any) -> Any:
        return self.table.handlers(event)


def test_where_none_is_bound_the_default_handler_acts() -> None:
    happened = evt.Event(None, evt.EVT_C_FIND)
    assert evt.get_default_handler(evt.EVT_C_ECHO)(happened) == 0x0000
    for event in (evt.EVT_SOP_COMMON, evt.EVT_SOP_EXTENDED):
        assert evt.get_default_handler(event)(happened) == {}
    with pytest.raises(NotImplementedError, match="no handler is bound to EVT_C_FIND"):
        evt.get_default_handler(evt.EVT_C_FIND)(happened)


def test_when_it_was_is_given_or_the_association_knows_it() -> None:
    other = datetime(2020, 1, 1, tzinfo=UTC)
    assert evt.Event(Association(), evt.EVT_ACCEPTED).timestamp == NOW
    assert evt.Event(Association(), evt.EVT_ACCEPTED, timestamp=other).timestamp == other
    assert evt.Event(object(), evt.EVT_ACCEPTED).timestamp is None


def store_request() -> C_STORE:
    request = C_STORE()
    request.MessageID, request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = 7, CT, "1.2.3"
    instance = Dataset()
    instance.PatientID = "P"
    request.DataSet = BytesIO(encode(instance, True, True) or b"")
    return request


def test_a_request_made_by_hand_becomes_the_message_of_the_event() -> None:
    attrs = {"request": store_request(), "context": (3, CT, IMPLICIT), "more": 1}
    event = evt.Event(None, evt.EVT_C_STORE, attrs)
    assert (event.message_id, event.context.context_id, event.more) == (7, 3, 1)
    assert event.dataset.PatientID == "P" and event.dataset_path is None
    assert [*attrs] == ["request", "context", "more"], "not changed"
    with pytest.raises(AttributeError):
        _ = event.other
    alone = evt.Event(None, evt.EVT_C_STORE, {"request": store_request()})
    assert (alone.context.context_id, alone.context.transfer_syntax) == (1, IMPLICIT)
    assert evt.message_of(alone).message_id == 7


def test_a_data_set_is_given_as_a_file_or_as_it_came() -> None:
    event = evt.Event(None, evt.EVT_C_STORE, {"request": store_request()})
    came = store_request().DataSet
    assert came is not None
    assert event.encoded_dataset(include_meta=False) == came.getvalue()
    assert event.encoded_dataset()[128:132] == b"DICM" and event.encoded_dataset().endswith(came.getvalue())
    assert event.file_meta.MediaStorageSOPInstanceUID == "1.2.3"


OF_ONE_EVENT = (
    "dataset", "dataset_path", "file_meta", "identifier", "action_information", "attribute_list", "event_information",
    "modification_list", "move_destination", "action_type", "event_type", "attribute_identifiers",
)  # fmt: skip


@pytest.mark.parametrize("name", OF_ONE_EVENT)
def test_what_an_event_has_not_is_named(name: str) -> None:
    for attrs in ({}, {"request": store_request()}):
        event = evt.Event(None, evt.EVT_C_ECHO, attrs)
        with pytest.raises(AttributeError, match=f"^EVT_C_ECHO has no {name}$"):
            getattr(event, name)
        with pytest.raises(AttributeError, match=r"^EVT_C_ECHO has no encoded_dataset$"):
            event.encoded_dataset()
        assert event.is_cancelled is False


@pytest.mark.parametrize("name", ["request", "context", "message_id"])
def test_an_event_of_no_service_has_no_request(name: str) -> None:
    event = evt.Event(None, evt.EVT_ACCEPTED)
    with pytest.raises(AttributeError, match=f"^EVT_ACCEPTED has no {name}: it is not a service event$"):
        getattr(event, name)
    with pytest.raises(AttributeError, match=r"^EVT_ACCEPTED is not about a message$"):
        evt.message_of(event)
    assert repr(event) == "<Event EVT_ACCEPTED>"


def test_an_intervention_that_is_triggered_gives_what_its_handler_gives() -> None:
    def handler(event: evt.Event, *more: Any) -> Any:
        return event.assoc, event.event, event.given, more

    for args in ([], ["more"]):
        association = Association((evt.EVT_C_ECHO, handler, args))
        said = evt.trigger(association, evt.EVT_C_ECHO, {"given": 5})
        assert said == (association, evt.EVT_C_ECHO, 5, tuple(args))
    with pytest.raises(NotImplementedError):
        evt.trigger(Association(), evt.EVT_C_FIND)


def test_what_notified_handlers_raise_is_logged_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Any] = []

    def broken(event: evt.Event) -> None:
        raise ValueError("no")

    def good(event: evt.Event, *more: Any) -> None:
        told.append((event.given, *more))

    association = Association((evt.EVT_ACCEPTED, broken), (evt.EVT_ACCEPTED, good), (evt.EVT_ACCEPTED, good, ["more"]))
    assert evt.trigger(association, evt.EVT_ACCEPTED, {"given": 5}) is None
    assert told == [(5,), (5, "more")]
    (record,) = caplog.records
    assert record.getMessage() == f"handler {broken!r} of EVT_ACCEPTED raised" and record.exc_info


def test_whether_it_is_cancelled_is_what_the_message_knows() -> None:
    request = C_FIND()
    request.MessageID, request.AffectedSOPClassUID = 9, "1.2.840.10008.5.1.4.1.2.2.1"
    for answer in (True, False):
        attrs = {"request": request, "_is_cancelled": lambda message_id, answer=answer: message_id == 9 and answer}
        assert evt.Event(None, evt.EVT_C_FIND, attrs).is_cancelled is answer
    assert evt.Event(None, evt.EVT_C_FIND).is_cancelled is False


def test_an_item_of_a_list_of_handlers_is_a_tuple() -> None:
    def handle(event: evt.StoreEvent, *more: Any) -> int:
        return 0x0000

    assert evt.on(evt.EVT_C_STORE, handle) == (evt.EVT_C_STORE, handle)
    assert evt.on(evt.EVT_C_STORE, handle, 1, "two") == (evt.EVT_C_STORE, handle, [1, "two"])
    table = HandlerTable([evt.on(evt.EVT_C_STORE, handle, 3)])
    assert table.handlers(evt.EVT_C_STORE) == (handle, [3])


def test_kinds_of_events_are_there_for_annotations() -> None:
    def handle(event: evt.FindEvent) -> int:
        return 0x0000

    assert get_type_hints(handle)["event"] is evt.FindEvent
    assert handle(evt.Event(None, evt.EVT_C_FIND)) == 0x0000
    assert get_args(evt.InterventionEvent[evt.FindEvent, int]) == (evt.FindEvent, int)
    for name in ("NoSuchEvent", "EVT_NONSENSE", "__path__"):
        assert not hasattr(evt, name)


def test_kinds_of_events_are_loaded_for_nobody_else() -> None:
    code = (
        "import sys; from dicomwire import AE, evt; import dicomwire.memory; hasattr(evt, 'EVT_NONSENSE');"
        "print([name for name in sys.modules if name.endswith(('event_kinds', 'handler_results', 'decorators'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
