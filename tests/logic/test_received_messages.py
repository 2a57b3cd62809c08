"""A received request with its data set, in memory or in a file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from dicomwire._implementation import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from dicomwire.associations.received_message import ReceivedMessage, made_by_hand
from dicomwire.data.data_set_beginning import NoDataSet
from dicomwire.dimse.accepted_contexts import AcceptedContext
from dicomwire.dimse.command import Command
from dicomwire.dimse_primitives import C_FIND, N_GET
from tests.support.encoded import CT, EXPLICIT, IMPLICIT, MR, Writer

DATA = Writer().uids("1.2.3")


class File:
    """The file that a data set went to."""

    def __init__(self, path: Path) -> None:
        self.where = path
        self.settled: list[bool] = []

    def settle(self, *, kept: bool) -> None:
        self.settled.append(kept)


def received(data: bytes | None = DATA, **said: Any) -> ReceivedMessage:
    said = {"affected_sop_class_uid": CT, "affected_sop_instance_uid": "1.2.3"} | said
    command = Command(command_field=1, message_id=7, **said)
    message = ReceivedMessage(AcceptedContext(3, MR, EXPLICIT), command)
    message.data = data
    return message


def test_a_data_set_in_memory_is_decoded_once_and_makes_a_file() -> None:
    message = received()
    assert message.data_set().SOPInstanceUID == "1.2.3" and message.data_set() is message.data_set()
    assert message.encoded(include_meta=False) == DATA
    assert message.encoded(include_meta=True) == message.header() + DATA
    assert (message.message_id, message.context_tuple, message.path) == (7, (3, MR, EXPLICIT), None)
    assert message.primitive is message.primitive and message.primitive.MessageID == 7
    assert message.is_cancelled is False


def test_without_a_data_set_everything_is_empty() -> None:
    message = received(None)
    assert len(message.data_set()) == 0
    assert message.encoded(include_meta=False) == b""
    assert message.encoded(include_meta=True) == message.header()


def test_what_is_no_data_set_is_given_as_it_came_and_no_otherwise() -> None:
    message = received(b"no data set")
    message.unfit = "it is plainly none"
    assert message.encoded(include_meta=False) == b"no data set"
    for ask in (message.data_set, lambda: message.encoded(include_meta=True)):
        with pytest.raises(NoDataSet, match="plainly none"):
            ask()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, (CT, "1.2.3")),
        ({"affected_sop_class_uid": None}, (MR, "1.2.3")),
        ({"affected_sop_instance_uid": None}, (CT, "")),
    ],
)
def test_a_file_says_what_the_request_says_or_its_context(said: dict[str, Any], expected: tuple[str, str]) -> None:
    message = received(**said)
    read = dcmread(BytesIO(message.encoded(include_meta=True))).file_meta
    made = message.file_meta()
    for meta in (read, made):
        assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID or "") == expected
        assert meta.TransferSyntaxUID == EXPLICIT
        assert meta.ImplementationClassUID == IMPLEMENTATION_UID
        assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION


def test_a_data_set_in_a_file_is_read_from_there(tmp_path: Path) -> None:
    message = received(None)
    path = tmp_path / "file"
    path.write_bytes(message.header() + DATA)
    file: Any = File(path)
    message.settle(kept=True)
    message.file = file
    assert message.path == path
    assert message.data_set().SOPInstanceUID == "1.2.3"
    assert message.encoded(include_meta=False) == DATA
    assert message.encoded(include_meta=True) == message.header() + DATA
    message.settle(kept=False)
    assert file.settled == [False]


def test_one_that_was_made_by_hand_has_a_context_of_its_own_or_the_given() -> None:
    find = C_FIND()
    find.MessageID, find.AffectedSOPClassUID, find.Identifier = 7, MR, BytesIO(DATA)
    message = made_by_hand(find, None)
    assert message.context == AcceptedContext(1, MR, IMPLICIT)
    assert (message.message_id, bytes(message.data or b"")) == (7, DATA)
    assert made_by_hand(find, (5, CT, EXPLICIT)).context == AcceptedContext(5, CT, EXPLICIT)
    get = N_GET()
    get.MessageID, get.RequestedSOPClassUID, get.RequestedSOPInstanceUID = 7, CT, "1.2.3"
    assert made_by_hand(get, None).context == AcceptedContext(1, CT, IMPLICIT)
    assert made_by_hand(N_GET(), None).context == AcceptedContext(1, "", IMPLICIT)
