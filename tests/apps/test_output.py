"""Log lines and progress."""

from __future__ import annotations

import logging
import warnings
from types import SimpleNamespace
from typing import TextIO

import pytest
from rich.console import Console

from dicomwire.apps._common import progress_bar as module
from dicomwire.apps._common.output import logging_at, only_own_errors, without_warnings
from dicomwire.apps._common.progress_bar import ProgressLines, progress

LOGGER = logging.getLogger("dicomwire.apps.test")


def test_a_line_is_the_letter_of_the_level_and_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_at(logging.INFO):
        LOGGER.debug("no")
        LOGGER.info("yes")
        LOGGER.critical("help")
    LOGGER.error("too late")
    assert capsys.readouterr().err == "I: yes\nC: help\n"


def test_a_line_is_written_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else lines of processes that share the stream are mixed."""
    written: list[str] = []
    monkeypatch.setattr("sys.stderr", SimpleNamespace(write=written.append, flush=lambda: None))
    with logging_at(logging.INFO):
        LOGGER.info("one")
        LOGGER.error("two")
    assert written == ["I: one\n", "E: two\n"]


def test_a_peer_cannot_forge_lines_or_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_at(logging.INFO):
        LOGGER.info("%s", "EVIL\nE: all is lost\x1b[2J\r")
    assert capsys.readouterr().err == "I: EVIL\\nE: all is lost\\x1b[2J\\r\n"


def test_a_line_has_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_at(logging.INFO):
        LOGGER.info("%s", "x" * 100_000)
    assert len(capsys.readouterr().err) < 1100


def test_every_line_of_a_traceback_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_at(logging.INFO):
        try:
            raise ValueError("one\nI: two")
        except ValueError:
            LOGGER.exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "E: failed" and len(lines) > 3
    assert all(line.startswith("E:   | ") for line in lines[1:])


def test_warnings_of_python_are_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with logging_at(logging.WARNING):
            warnings.warn("an odd value", stacklevel=1)
    err = capsys.readouterr().err
    assert err.startswith("W: ") and err.endswith("UserWarning: an odd value\n")


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (logging.ERROR, ["E: ours"]),
        (logging.INFO, ["I: theirs", "E: ours"]),
        (logging.DEBUG, ["I: theirs", "E: theirs", "E: ours"]),
    ],
)
def test_errors_of_the_library_can_be_held_back_unless_everything_is_asked_for(
    level: int, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_at(level), only_own_errors():
        logging.getLogger("dicomwire.blocking").info("theirs")
        logging.getLogger("dicomwire.blocking").error("theirs")
        LOGGER.error("ours")
    assert capsys.readouterr().err.splitlines() == shown


def test_the_library_may_have_a_level_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    levels = [logging.getLogger(name).level for name in ("dicomwire", "dicomwire.apps")]
    with logging_at(logging.INFO, logging.WARNING):
        logging.getLogger("dicomwire.blocking").info("theirs")
        logging.getLogger("dicomwire.blocking").warning("theirs")
        LOGGER.info("ours")
    assert capsys.readouterr().err == "W: theirs\nI: ours\n"
    assert [logging.getLogger(name).level for name in ("dicomwire", "dicomwire.apps")] == levels


def test_what_pydicom_remarks_on_values_can_be_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("pydicom")
    with logging_at(logging.INFO), without_warnings():
        warnings.warn("odd", stacklevel=1)
        logger.warning("odd")
        logger.error("bad")
    assert capsys.readouterr().err == "E: bad\n"
    assert not logger.filters


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    lines = ProgressLines(files=10, size=10_000_000, now=lambda: now)
    for _ in range(4):
        now += 2.0
        lines(1_000_000)
    assert capsys.readouterr().err == "3/10 files, 3.0 of 10.0 MB, 0.5 MB/s, 14 s left\n"


def test_progress_of_empty_files_divides_by_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    lines = ProgressLines(files=2, size=0, now=lambda: now)
    now = 9.0
    lines(0)
    assert "1/2 files" in capsys.readouterr().err


def test_a_short_transfer_without_a_terminal_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(1, 1) as advance:
        advance(1)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_with_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def terminal(*, stderr: bool, file: TextIO | None = None) -> Console:
        return Console(stderr=stderr, force_terminal=True, width=100)

    monkeypatch.setattr(module, "Console", terminal)
    with progress(2, 4_000_000) as advance, logging_at(logging.ERROR):
        advance(2_000_000)
        LOGGER.error("in between")
        advance(2_000_000)
    err = capsys.readouterr().err
    assert "2/2 files" in err and "E: in between" in err and "/s" in err


def test_quiet_shows_no_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "Console", lambda *, stderr: Console(stderr=stderr, force_terminal=True))
    with progress(1, 1, quiet=True) as advance:
        advance(1)
    assert capsys.readouterr() == ("", "")
