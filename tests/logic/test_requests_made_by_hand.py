"""Typed requests that tests of handlers make: handlers are plain functions that need no server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicomwire import (
    ActionRequest,
    CreateRequest,
    DeleteRequest,
    EchoRequest,
    EventReport,
    FindRequest,
    GetAttributesRequest,
    GetRequest,
    MoveRequest,
    SetRequest,
    StoreRequest,
)
from dicomwire.data.sinks import FileSink
from tests.support.finding import match
from tests.support.storing import EXPLICIT, IMPLICIT, instance

FILM_SESSION = "1.2.840.10008.5.1.1.1"
STUDY = {"QueryRetrieveLevel": "STUDY", "PatientName": "DOE*"}


def test_an_instance_is_as_if_it_had_come(tmp_path: Path) -> None:
    request = StoreRequest.made_by_hand(instance())
    assert (request.sop_class_uid, request.sop_instance_uid) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4")
    assert request.transfer_syntax_uid == EXPLICIT
    assert request.dataset.PatientName == "Test^Patient"
    assert request.dataset.file_meta.TransferSyntaxUID == EXPLICIT
    assert dcmread(request.save(tmp_path)).Rows == 258
    assert repr(request) == "<StoreRequest 1>"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a"])
def test_a_name_leads_out_of_no_folder(tmp_path: Path, name: str) -> None:
    request = StoreRequest.made_by_hand(instance())
    with pytest.raises(ValueError, match="no folder in it"):
        request.save(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_have_another_name(tmp_path: Path) -> None:
    path = StoreRequest.made_by_hand(instance()).save(tmp_path / "new", "other.dcm")
    assert path == tmp_path / "new" / "other.dcm"
    assert [item.name for item in path.parent.iterdir()] == ["other.dcm"]


def test_a_uid_that_is_no_name_of_a_file_leads_nowhere(tmp_path: Path) -> None:
    dataset = instance()
    dataset["SOPInstanceUID"]._value = "../../x"
    try:
        request = StoreRequest.made_by_hand(dataset)
    except ValueError:
        return
    assert request.save(tmp_path).parent == tmp_path


def test_a_file_that_cannot_be_written_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, fragments: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "1.2.3.4.dcm").write_bytes(b"before")
    monkeypatch.setattr(FileSink, "write", full)
    with pytest.raises(OSError, match="No space left"):
        StoreRequest.made_by_hand(instance()).save(tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_what_was_made_by_hand_has_come_from_nowhere() -> None:
    request = EchoRequest.made_by_hand()
    assert (request.calling_title, request.called_title, request.address) == ("", "", None)
    assert request.association is None
    assert not request.is_cancelled
    assert request.message_id == 1
    assert request.sop_class_uid == "1.2.840.10008.1.1"


@pytest.mark.parametrize(
    ("make", "model"),
    [
        (FindRequest.made_by_hand, "1.2.840.10008.5.1.4.1.2.2.1"),
        (GetRequest.made_by_hand, "1.2.840.10008.5.1.4.1.2.2.3"),
        (lambda *args: MoveRequest.made_by_hand(args[0], "DEST", *args[1:]), "1.2.840.10008.5.1.4.1.2.2.2"),
    ],
)
def test_queries_are_made_of_what_clients_take(make: Any, model: str) -> None:
    request = make(STUDY)
    assert (request.level, request.sop_class_uid) == ("STUDY", model)
    assert request.identifier.PatientName == "DOE*"
    assert make(match(), "1.2.3").sop_class_uid == "1.2.3"
    assert make(match()).level == ""
    with pytest.raises(ValueError, match="is no keyword"):
        make({"NoSuchKeyword": ""})


def test_a_move_has_its_destination() -> None:
    assert MoveRequest.made_by_hand(STUDY, "DEST").destination == "DEST"


MANAGED: list[tuple[Any, dict[str, Any]]] = [
    (CreateRequest, {}),
    (SetRequest, {"attributes": match()}),
    (GetAttributesRequest, {}),
    (ActionRequest, {"action_type": 3}),
    (DeleteRequest, {}),
    (EventReport, {"event_number": 4}),
]


@pytest.mark.parametrize(("kind", "more"), MANAGED)
def test_requests_about_managed_instances_name_them(kind: Any, more: dict[str, Any]) -> None:
    request = kind.made_by_hand(FILM_SESSION, "1.2.3.4", **more)
    assert (request.sop_class_uid, request.sop_instance_uid) == (FILM_SESSION, "1.2.3.4")


def test_what_is_in_them_comes_back() -> None:
    assert CreateRequest.made_by_hand(FILM_SESSION, None, match("A")).attributes.PatientName == "A"
    assert not CreateRequest.made_by_hand(FILM_SESSION).names_instance
    assert CreateRequest.made_by_hand(FILM_SESSION, "1.2").names_instance
    assert SetRequest.made_by_hand(FILM_SESSION, "1.2", match("A")).attributes.PatientName == "A"
    assert ActionRequest.made_by_hand(FILM_SESSION, "1.2", 3, match("A")).information.PatientName == "A"
    assert EventReport.made_by_hand(FILM_SESSION, "1.2", 4, match("A")).information.PatientName == "A"
    assert ActionRequest.made_by_hand(FILM_SESSION, "1.2", 3).action_type == 3
    assert EventReport.made_by_hand(FILM_SESSION, "1.2", 4).event_number == 4


def test_nothing_in_them_is_an_empty_data_set() -> None:
    assert CreateRequest.made_by_hand(FILM_SESSION).attributes == Dataset()
    assert ActionRequest.made_by_hand(FILM_SESSION, "1.2", 3).information == Dataset()
    assert EventReport.made_by_hand(FILM_SESSION, "1.2", 4).information == Dataset()
    assert GetAttributesRequest.made_by_hand(FILM_SESSION, "1.2").tags == []


@given(st.lists(st.sampled_from([0x00100010, 0x00100020, 0x00080018]), max_size=3))
def test_tags_are_those_asked_for(tags: list[int]) -> None:
    request = GetAttributesRequest.made_by_hand(FILM_SESSION, "1.2", tags)
    assert request.tags == [Tag(tag) for tag in tags]


def test_an_instance_without_uids_is_none() -> None:
    with pytest.raises(AttributeError):
        StoreRequest.made_by_hand(Dataset())
    assert StoreRequest.made_by_hand(instance(IMPLICIT)).dataset.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4"
