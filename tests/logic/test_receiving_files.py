"""Received instances on their way to files: without an association, as their handlers call it."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dicomwire import evt
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.data.data_set_beginning import NoDataSet
from dicomwire.data.receiving_files import IncomingFile, Receiver
from dicomwire.data.receiving_folder import Folder
from dicomwire.data.safe_names import safe_name
from dicomwire.dimse.accepted_contexts import AcceptedContext
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_STORE_RQ
from tests.support.encoded import CT, EXPLICIT

LOGGER = logging.getLogger("test")

HEADER = b"header, "


def pieces(*data: bytes) -> list[memoryview]:
    return [memoryview(item) for item in data]


class Association:
    """Something to be looked up by."""


def request(association: Any, message_id: int = 1, instance: str | None = "1.2.3") -> evt.Event:
    command = Command(
        command_field=C_STORE_RQ,
        message_id=message_id,
        affected_sop_class_uid=CT,
        affected_sop_instance_uid=instance,
    )
    message = ReceivedMessage(AcceptedContext(1, CT, EXPLICIT), command)
    return evt.Event(association, evt.EVT_C_STORE, message=message)


# -- one file ------------------------------------------------------------------------------------------------------
def test_an_instance_has_a_name_of_its_own_until_it_is_kept(tmp_path: Path) -> None:
    told: list[str] = []
    file = IncomingFile.within(
        tmp_path,
        HEADER,
        arrived=lambda: told.append("arrived"),
        failed=lambda error: told.append("failed"),
    )
    file.write(pieces(b"one", b"two"))
    file.write(pieces(b"three"))
    (part,) = tmp_path.iterdir()
    assert re.fullmatch(r"\.[0-9a-f]{24}\.part", part.name)
    assert part == file.path
    assert (file.size, file.error, told) == (11, None, ["arrived", "arrived"])
    file.close()
    assert part.read_bytes() == HEADER + b"onetwothree"
    assert file.keep(tmp_path / "1.dcm", LOGGER) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["1.dcm"]
    assert told == ["arrived", "arrived"]


def test_without_callbacks_it_is_the_same(tmp_path: Path) -> None:
    file = IncomingFile.within(tmp_path, HEADER)
    file.write(pieces(b"one"))
    file.fail(OSError("full"))
    assert not [*tmp_path.iterdir()]


def test_one_that_is_discarded_is_gone_and_does_not_come_back(tmp_path: Path) -> None:
    file = IncomingFile.within(tmp_path, HEADER)
    file.write(pieces(b"one"))
    file.discard()
    assert not [*tmp_path.iterdir()]
    # From another thread.
    file.write(pieces(b"two"))
    file.close()
    assert not [*tmp_path.iterdir()]
    assert isinstance(file.error, OSError) and str(file.error) == "discarded"


def test_the_first_error_is_the_one_that_counts(tmp_path: Path) -> None:
    told: list[Exception] = []
    file = IncomingFile.within(tmp_path / "missing", HEADER, failed=told.append)
    file.write(pieces(b"one"))
    first = file.error
    assert isinstance(first, FileNotFoundError)
    file.attempt(told.append, LookupError())
    file.write(pieces(b"two"))
    file.close()
    file.discard()
    assert file.error is first
    assert told == [first]


def test_an_error_does_not_hold_on_to_what_was_being_written(tmp_path: Path) -> None:
    file = IncomingFile.within(tmp_path, HEADER)
    file.write(pieces(b"one"))

    def act(number: int, *, text: str) -> None:
        try:
            raise LookupError(text)
        except LookupError:
            raise OSError(number, text)  # noqa: B904

    file.attempt(act, errno.ENOSPC, text="no room")
    assert isinstance(file.error, OSError) and file.error.errno == errno.ENOSPC
    assert file.error.__traceback__ is None and file.error.__context__ is None
    # Room for the next one.
    assert not [*tmp_path.iterdir()]


def test_what_is_closed_without_having_begun_is_a_file_too(tmp_path: Path) -> None:
    file = IncomingFile.within(tmp_path, HEADER)
    file.close()
    assert file.path.read_bytes() == HEADER
    bad = IncomingFile.within(tmp_path / "missing", HEADER)
    bad.close()
    assert isinstance(bad.error, FileNotFoundError)


def test_a_file_that_cannot_be_removed_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = IncomingFile.within(tmp_path, HEADER)
    file.write(pieces(b"one"))

    def refuse(*args: object, **options: object) -> None:
        raise OSError("busy")

    monkeypatch.setattr(file.store, "remove", refuse)
    file.discard()
    assert file.path.exists()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError("full"), 0xA700),
        (MemoryError("full"), 0xA700),
        (NoDataSet("no data set"), 0x0210),
        (LookupError("odd"), 0xA701),
    ],
)
def test_an_error_is_a_status_and_a_line_in_the_log(
    error: Exception, status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = IncomingFile.within(tmp_path, HEADER)
    file.write(pieces(b"one"))
    file.fail(error)
    assert file.keep(tmp_path / "1.dcm", LOGGER) == status
    assert caplog.messages == [f"1.dcm cannot be stored: {type(error).__name__}: {error}"]
    assert not [*tmp_path.iterdir()]


def test_a_link_under_the_name_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, name = tmp_path / "target", tmp_path / "1.dcm"
    target.write_text("precious")
    name.symlink_to(target)
    file = IncomingFile.within(tmp_path, HEADER)
    file.close()
    assert file.keep(name, LOGGER) == 0
    assert not name.is_symlink()
    assert (target.read_text(), name.read_bytes()) == ("precious", HEADER)


# -- many requests -------------------------------------------------------------------------------------------------
class Kept:
    """A sink that notes what becomes of it."""

    def __init__(self) -> None:
        self.discarded = 0

    def write(self, fragments: list[memoryview]) -> None:
        """Nothing comes."""

    def close(self) -> None:
        """It is complete."""

    def discard(self) -> None:
        self.discarded += 1


class Receiving(Receiver[Kept]):
    """Keeps what it is told to."""

    def __init__(self, decide: Callable[[Kept], int] = lambda sink: 0) -> None:
        super().__init__()
        self._decide = decide

    def new(self, event: evt.Event) -> Kept:
        return Kept()

    def keep(self, event: evt.Event, sink: Kept) -> int:
        return self._decide(sink)


def handlers(receiver: Receiver[Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Those for the sink and for the request."""
    found: dict[Any, Any] = {bound[0]: bound[1] for bound in receiver.handlers()}
    assert [*found] == [evt.EVT_C_STORE_SINK, evt.EVT_C_STORE]
    return found[evt.EVT_C_STORE_SINK], found[evt.EVT_C_STORE]


def test_each_request_gets_its_own_sink_back() -> None:
    kept: list[Kept] = []
    receiver = Receiving(lambda sink: kept.append(sink) or 0)  # type: ignore[func-returns-value]
    receive, store = handlers(receiver)
    one, other = Association(), Association()
    requests = [request(one), request(one, 2), request(other)]
    sinks = [receive(item) for item in requests]
    assert len({*sinks}) == 3
    for item in reversed(requests):
        assert store(item) == 0
    assert kept == sinks[::-1]
    assert [sink.discarded for sink in sinks] == [0, 0, 0]
    # Nothing of them is left to be discarded.
    receiver.discard_all()
    assert [sink.discarded for sink in sinks] == [0, 0, 0]


def test_what_is_not_kept_is_discarded() -> None:
    receive, store = handlers(Receiving(lambda sink: 0xA700))
    event = request(Association())
    sink = receive(event)
    assert store(event) == 0xA700
    assert sink.discarded == 1


def test_what_cannot_be_kept_for_an_error_is_discarded() -> None:
    def decide(sink: Kept) -> int:
        raise LookupError("odd")

    receive, store = handlers(Receiving(decide))
    event = request(Association())
    sink = receive(event)
    with pytest.raises(LookupError):
        store(event)
    assert sink.discarded == 1


def test_a_request_whose_sink_is_gone_is_answered_as_out_of_resources() -> None:
    receiver = Receiving()
    receive, store = handlers(receiver)
    association = Association()
    assert store(request(association)) == 0xA700
    sink = receive(request(association))
    receiver.discard_all()
    assert sink.discarded == 1
    assert store(request(association)) == 0xA700
    assert store(request(association, 2)) == 0xA700
    assert sink.discarded == 1


def test_a_second_request_of_the_same_id_discards_what_is_left_of_the_first() -> None:
    receive, store = handlers(Receiving())
    event = request(Association())
    first, second = receive(event), receive(event)
    assert (first.discarded, second.discarded) == (1, 0)
    assert store(event) == 0
    assert (first.discarded, second.discarded) == (1, 0)


def test_the_end_of_an_association_discards_what_is_its_own() -> None:
    receiver = Receiving()
    receive, store = handlers(receiver)
    one, other = Association(), Association()
    mine = [receive(request(one, number)) for number in (1, 2)]
    theirs = receive(request(other))
    receiver.closed(request(one))
    receiver.closed(request(Association()))
    receiver.closed(request(None))
    assert [sink.discarded for sink in (*mine, theirs)] == [1, 1, 0]
    assert store(request(other)) == 0


def test_an_association_is_not_kept_alive() -> None:
    receiver = Receiving()
    receive, _ = handlers(receiver)
    sink = receive(request(Association()))
    receiver.discard_all()
    assert sink.discarded == 0


# -- in a folder ---------------------------------------------------------------------------------------------------
@pytest.fixture
def association() -> Association:
    return Association()


def stored(folder: Folder, event: evt.Event, data: bytes = b"data") -> int:
    receive, store = handlers(folder)
    file = receive(event)
    file.write(pieces(data))
    file.close()
    status: int = store(event)
    return status


def test_a_folder_lists_its_files_each_once_in_the_order_in_which_they_came(
    association: Association, tmp_path: Path
) -> None:
    arrived: list[None] = []
    folder = Folder(str(tmp_path), arrived=lambda: arrived.append(None))
    assert (folder.stored, folder.last, folder.count, folder.error) == ((), None, 0, None)
    for uid in ("1.1", "1.2", "1.3", "1.1"):
        assert stored(folder, request(association, instance=uid), uid.encode()) == 0
    names = [path.name for path in folder.stored]
    assert names == ["1.2.dcm", "1.3.dcm", "1.1.dcm"]
    assert folder.last == tmp_path / "1.1.dcm"
    assert (folder.count, len(arrived), folder.error) == (4, 4, None)
    assert sorted(os.listdir(tmp_path)) == ["1.1.dcm", "1.2.dcm", "1.3.dcm"]
    content = (tmp_path / "1.2.dcm").read_bytes()
    assert content[128:132] == b"DICM" and content.endswith(b"1.2")


def test_a_folder_needs_nobody_to_be_told(association: Association, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert stored(folder, request(association, instance=None)) == 0
    (only,) = tmp_path.iterdir()
    assert folder.stored == (only,)
    assert only.name == f"{safe_name('')}.dcm"


def test_a_folder_knows_its_first_error(association: Association, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (tmp_path / "1.1.dcm").mkdir()
    assert stored(folder, request(association, instance="1.1")) == 0xA700
    first = folder.error
    assert isinstance(first, OSError)
    (tmp_path / "1.2.dcm").mkdir()
    assert stored(folder, request(association, instance="1.2")) == 0xA700
    assert folder.error is first
    assert stored(folder, request(association, instance="1.3")) == 0
    assert folder.error is first
    assert (folder.count, [path.name for path in folder.stored]) == (1, ["1.3.dcm"])
    assert sorted(os.listdir(tmp_path)) == ["1.1.dcm", "1.2.dcm", "1.3.dcm"]
