"""storescu over several associations at the same time."""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps.storescu.sending import LinesInTurn
from dicomwire.blocking import Association
from tests.apps.helpers import HOST, SECONDS, dicom_file, peer

LOGGER = "dicomwire.apps.storescu"


def storescu(port: str, folder: Path, *options: str, jobs: int = 2) -> int:
    return main(["storescu", HOST, port, str(folder), "--jobs", str(jobs), *options])


def made(folder: Path, count: int) -> list[str]:
    """The instances of so many new files, in the order in which they are sent."""
    for number in range(count):
        dicom_file(folder / str(number), instance=f"1.{number}")
    return [f"1.{number}" for number in range(count)]


def instance(event: evt.Event) -> str:
    return str(event.request.AffectedSOPInstanceUID)


def test_files_go_out_over_several_associations_at_the_same_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = made(tmp_path, 9)
    together = threading.Barrier(3)
    seen: list[tuple[str, Any]] = []

    def store(event: evt.Event) -> int:
        seen.append((instance(event), event.assoc))
        # Nine are three times three: none gets on before three are there.
        together.wait(SECONDS)
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, jobs=3) == 0
    assert sorted(name for name, _ in seen) == expected
    assert len({association for _, association in seen}) == 3
    assert server.outcomes == ["EVT_RELEASED"] * 3
    captured = capsys.readouterr()
    assert captured.out.startswith("9 stored, 0 stored with a warning, 0 failed, 0 skipped;") and not captured.err


def test_what_is_said_of_files_is_in_their_order_whichever_is_done_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, 4)
    others_are_done = threading.Event()

    def store(event: evt.Event) -> int:
        if instance(event) == "1.0":
            others_are_done.wait(SECONDS)
        if instance(event) == "1.3":
            others_are_done.set()
        return 0xA700 if instance(event) == "1.2" else 0

    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, "-v") == 1
    err = capsys.readouterr().err
    said = re.findall(rf"^[IE]: (Sending file: {tmp_path}/\d|Stored|{tmp_path}/\d not stored)", err, re.MULTILINE)
    outcomes = ["Stored", "Stored", f"{tmp_path}/2 not stored", "Stored"]
    assert said == [line for number in range(4) for line in (f"Sending file: {tmp_path}/{number}", outcomes[number])]


def test_one_association_will_do_if_the_peer_accepts_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = made(tmp_path, 6)
    stored, refused = [], threading.Event()

    def store(event: evt.Event) -> int:
        # So that it is still there when the others ask.
        refused.wait(SECONDS)
        stored.append(instance(event))
        return 0

    handlers: list[evt.EventHandler] = [(evt.EVT_C_STORE, store), (evt.EVT_REJECTED, lambda event: refused.set())]
    with peer(handlers=handlers, maximum_associations=1) as server:
        assert storescu(server.port, tmp_path, "-ll", "warning", jobs=2) == 0
    assert stored == expected
    err = capsys.readouterr().err
    assert err.startswith("W: No association with ") and err.count("\n") == 1


def test_the_files_of_a_lost_association_go_over_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = made(tmp_path, 8)
    stored: list[str] = []

    def store(event: evt.Event) -> int:
        if instance(event) == "1.3":
            cast(Association, event.assoc).abort()
        else:
            stored.append(instance(event))
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path) == 1
    assert sorted(stored) == [name for name in expected if name != "1.3"]
    captured = capsys.readouterr()
    assert captured.out.startswith("7 stored, 0 stored with a warning, 1 failed, 0 skipped;")
    assert f"E: {tmp_path}/3 not stored: no answer" in captured.err


def test_when_all_associations_are_lost_what_is_left_has_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, 20)

    def abort(event: evt.Event) -> int:
        cast(Association, event.assoc).abort()
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, abort)]) as server:
        assert storescu(server.port, tmp_path) == 1
    captured = capsys.readouterr()
    # Two associations in vain for each of the two.
    assert captured.out.startswith("0 stored, 0 stored with a warning, 20 failed, 0 skipped;")
    assert "E: 16 files not sent" in captured.err and "Traceback" not in captured.err


def test_more_jobs_than_files_are_no_more_associations(tmp_path: Path) -> None:
    made(tmp_path, 2)
    both = threading.Barrier(2)

    def store(event: evt.Event) -> int:
        both.wait(SECONDS)
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, "-q", jobs=9) == 0
    assert len(server.requestors) == 2


def test_an_interruption_aborts_all_of_them_and_tells_the_totals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, 9)
    join, both, never = threading.Thread.join, threading.Barrier(3), threading.Event()
    main_thread = threading.current_thread()

    def interrupted(self: threading.Thread, timeout: float | None = None) -> None:
        if threading.current_thread() is main_thread and self.name == "storescu-1" and not never.is_set():
            both.wait(SECONDS)
            never.set()
            raise KeyboardInterrupt
        join(self, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)

    def store(event: evt.Event) -> int:
        if instance(event) != "1.0":
            both.wait(SECONDS)
            never.wait(SECONDS)
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, jobs=2) == 130
        monkeypatch.undo()
    captured = capsys.readouterr()
    assert re.match(r"[123] stored, 0 stored with a warning, [678] failed, 0 skipped;", captured.out)
    assert "Interrupted" in captured.err and "not stored" not in captured.err
    assert server.outcomes == ["EVT_ABORTED"] * 2


def test_what_breaks_in_a_thread_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, 4)

    def broken(self: Any, *args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(LinesInTurn, "done", broken)
    with peer(handlers=[(evt.EVT_C_STORE, lambda event: 0)]) as server, pytest.raises(ZeroDivisionError):
        storescu(server.port, tmp_path, "-q")


def test_lines_wait_for_their_turn_and_none_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    lines = LinesInTurn()
    with caplog.at_level(logging.INFO, LOGGER):
        lines.log(1, logging.INFO, "%s", "b")
        lines.log(2, logging.ERROR, "%s", "c")
        lines.log(0, logging.INFO, "%s", "a")
        lines.log(1, logging.DEBUG, "%s", "nobody wants it")
        assert caplog.messages == ["a"]
        lines.done(1)
        assert caplog.messages == ["a"]
        lines.done(0)
        assert caplog.messages == ["a", "b", "c"]
        lines.log(4, logging.INFO, "%s", "e")
        lines.end()
        assert caplog.messages == ["a", "b", "c", "e"]
