"""What programs that began as a copy of one of pynetdicom's applications take from its ``apps.common``."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire.apps.common import create_dataset, get_files, setup_logging


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Callable[..., logging.Logger]:
    """A program begins: no logger has a handler, not even pytest's, which are there when a test is called."""

    def set_up(**settings: str | None) -> logging.Logger:
        for name in ("dicomwire", "outside"):
            logger = logging.getLogger(name)
            for attribute, value in (("handlers", []), ("level", logging.NOTSET), ("propagate", False)):
                monkeypatch.setattr(logger, attribute, value)
            logger.setLevel(logging.NOTSET)
        return setup_logging(Namespace(**{"log_type": None, "log_level": None} | settings), "outside")

    return set_up


@pytest.mark.parametrize(
    ("log_type", "log_level", "level"),
    [
        (None, None, logging.ERROR),
        ("v", None, logging.INFO),
        ("d", None, logging.DEBUG),
        (None, "warn", logging.WARNING),
        ("d", "critical", logging.CRITICAL),
    ],
)
def test_a_program_gets_a_logger_and_the_library_logs_at_its_level(
    begin: Any, log_type: str | None, log_level: str | None, level: int, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = begin(log_type=log_type, log_level=log_level)
    assert (logger.name, logger.level, logging.getLogger("dicomwire").level) == ("outside", level, level)
    logger.critical("nothing %s", "works")
    assert capsys.readouterr().err == "C: nothing works\n"


def test_a_quiet_program_says_nothing(begin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    logger = begin(log_type="q")
    logger.critical("loud")
    logging.getLogger("dicomwire").critical("loud")
    assert capsys.readouterr().err == ""


def test_what_a_program_has_set_up_by_itself_stays(begin: Any) -> None:
    logger = begin(log_type="v")
    handlers = logger.handlers[:]
    assert setup_logging(Namespace(log_type="d", log_level=None), "outside") is logger
    assert (logger.handlers, logger.level) == (handlers, logging.INFO)


def test_files_are_found_once_and_sorted_and_paths_of_nothing_are_told(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    for path in (tmp_path / "b", tmp_path / "a", below / "c"):
        path.touch()
    first, second, deep = (str(path) for path in (tmp_path / "a", tmp_path / "b", below / "c"))
    nothing = str(tmp_path / "nothing")
    assert get_files([str(tmp_path), first, nothing]) == ([first, second], [nothing])
    assert get_files([str(tmp_path)], recurse=True) == ([first, second, deep], [])


def test_an_identifier_is_made_of_a_file_and_keywords(tmp_path: Path) -> None:
    stored = Dataset()
    stored.PatientID = "7"
    stored.StudyDate = "20200101"
    stored.save_as(tmp_path / "query", implicit_vr=True, little_endian=True)
    keys = ["QueryRetrieveLevel=STUDY", "StudyDate="]
    made = create_dataset(Namespace(file=str(tmp_path / "query"), keyword=keys))
    assert (made.PatientID, made.QueryRetrieveLevel, made.StudyDate) == ("7", "STUDY", None)
    assert create_dataset(Namespace(file=None, keyword=None)) == Dataset()


def test_a_keyword_that_nobody_knows_is_logged_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("outside")
    logger.addHandler(caplog.handler)
    with pytest.raises(ValueError, match="NoSuchKeyword"):
        create_dataset(Namespace(file=None, keyword=["NoSuchKeyword=1"]), logger)
    assert "NoSuchKeyword" in caplog.text
