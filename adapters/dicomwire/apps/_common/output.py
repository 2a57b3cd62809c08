"""What the applications write for people: log lines on standard error."""

from __future__ import annotations

import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dicomwire import _config
from dicomwire._logging import AssociationFilter, Dump, printable
from dicomwire.apps._common.words import in_options

_LONGEST_LINE = 1000
_LOGGERS = ("dicomwire", "pydicom", "py.warnings")
_APPLICATIONS = "dicomwire.apps"

LEVELS = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}
"""What levels are called on a command line."""

SILENT = logging.CRITICAL + 1

DETAILS = logging.getLogger("dicomwire.details")
"""For what takes ``-v``, also in applications that tell by default what they do."""


class _Lines(logging.Formatter):
    """One letter of the level, colon, text; with ``-d`` the association in between.

    Everything is escaped here, once: a peer's AE title cannot forge a line or reach the terminal.
    """

    def __init__(self, *, labelled: bool) -> None:
        super().__init__()
        self._labelled = labelled

    def format(self, record: logging.LogRecord) -> str:
        text = in_options(record.getMessage())
        if record.name == "py.warnings":
            # The line of source behind it helps nobody who runs an application.
            text = text.partition("\n")[0]
        texts = record.msg.lines if isinstance(record.msg, Dump) else [text]
        lines = [printable(text, _LONGEST_LINE) for text in texts]
        if self._labelled and lines:
            lines[0] = printable(getattr(record, "association_label", ""), _LONGEST_LINE) + lines[0]
        if record.exc_info and record.exc_info[0] is not None:
            trace = "".join(traceback.format_exception(*record.exc_info)).splitlines()
            lines += [f"  | {printable(line, _LONGEST_LINE)}" for line in trace]
        return "\n".join(f"{record.levelname[:1]}: {line}" for line in lines)


def say(lines: str) -> None:
    """Write to standard error in one go: ``print`` writes the end of a line apart, and processes share the stream."""
    sys.stderr.write(f"{lines}\n")


class _StandardError(logging.Handler):
    """Looks up ``sys.stderr`` for each line: a progress bar replaces it while it is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            say(self.format(record))
        except Exception:
            self.handleError(record)


def tell(logger: logging.Logger, level: int, text: str) -> None:
    """Log what has to be said whatever else is logged, unless nothing is."""
    if logger.isEnabledFor(level):
        logger.log(level, "%s", text)
    elif logger.isEnabledFor(logging.CRITICAL):
        say(f"{logging.getLevelName(level)[:1]}: {printable(text, _LONGEST_LINE)}")


def drop_output() -> None:
    """Nobody reads standard output any more: what is left to write to it goes nowhere, also at the end of Python."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def logging_at(level: int, library: int | None = None, patient_data: bool = True) -> Iterator[None]:
    """Log to standard error from ``level`` on, as long as the block lasts; the library from its own level on.

    Without ``patient_data`` nothing of a patient is logged, at no level.
    """
    handler = _StandardError()
    handler.setFormatter(_Lines(labelled=level <= logging.DEBUG))
    handler.addFilter(AssociationFilter())
    before = []
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        before.append((logger, logger.level))
        logger.addHandler(handler)
        logger.setLevel(level if library is None else library)
    if library is not None:
        own = logging.getLogger(_APPLICATIONS)
        before.append((own, own.level))
        own.setLevel(level)
    patient_data_before, _config.LOG_PATIENT_DATA = _config.LOG_PATIENT_DATA, patient_data
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        _config.LOG_PATIENT_DATA = patient_data_before
        for logger, old in before:
            logger.removeHandler(handler)
            logger.setLevel(old)


def logging_settings() -> tuple[int, int | None, bool]:
    """What :func:`logging_at` was given, for another process."""
    library, own = logging.getLogger("dicomwire").level, logging.getLogger(_APPLICATIONS).level
    patient_data = _config.LOG_PATIENT_DATA
    return (own, library, patient_data) if own else (library, None, patient_data)


@contextmanager
def only_own_errors() -> Iterator[None]:
    """Hold back the library's own errors, which the application is about to tell in one line; not with ``-d``."""
    logger = logging.getLogger("dicomwire")
    if logger.isEnabledFor(logging.DEBUG):
        yield
        return

    def is_ours(record: logging.LogRecord) -> bool:
        return record.name.startswith(_APPLICATIONS) or record.levelno < logging.WARNING

    handlers = [handler for handler in logger.handlers if isinstance(handler, _StandardError)]
    for handler in handlers:
        handler.addFilter(is_ours)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(is_ours)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Pass over what pydicom remarks on odd values, in its log and by warnings; errors stay."""
    logger = logging.getLogger("pydicom")
    logger.addFilter(_is_error)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def application_logger(name: str) -> logging.Logger:
    """The logger of an application."""
    return logging.getLogger(f"{_APPLICATIONS}.{name}")
