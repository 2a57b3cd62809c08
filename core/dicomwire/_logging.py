"""Log output: showing it, and putting what a peer says into it safely."""

import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from dicomwire import _config
from dicomwire.errors import BrokenDataSet

_NONE = "-"

_LONGEST_LINE = 1000

_VARIABLES = ("association", "line", "invoker", "request")
_METHODS = ("Association", "AsyncAssociation", "Event.", "Line.")
"""Classes whose methods are looked at: a look copies the variables of the method, which others may want to let go."""


class AssociationFilter(logging.Filter):
    """Says on each log record which association it is about, and lets all records pass.

    With ``_config.LOG_PATIENT_DATA`` off it takes the text of the exception out of a traceback, too.

    ``record.association`` is a short name such as ``"A12"``, ``record.peer`` the peer's address and port,
    ``record.called`` and ``record.calling`` are the titles; each is ``"-"`` where there is none.
    ``record.association_label`` is all four with a space behind them, or ``""``.

    All loggers of this package have it.  Give it to a handler of your own for records of your own loggers, and of other
    libraries: those from inside an event handler get the association of the event.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the attributes to ``record``; it is always let through."""
        if record.exc_info and not _config.LOG_PATIENT_DATA:
            kind, _, trace = record.exc_info
            where = "".join(traceback.format_tb(trace))
            record.exc_info, record.exc_text = None, f"{where}{kind.__name__ if kind else ''}"
        if not hasattr(record, "association_label"):
            # As logging itself finds out who logs.  A context variable would have to be set for each message, whether
            # or not anything is logged.
            line = _at_work(sys._getframe(1))
            nobody = _NONE, _NONE, _NONE, _NONE
            fields: tuple[str, str, str, str] = nobody if line is None else line.log_fields()
            record.association, record.peer, record.called, record.calling = name, peer, called, calling = fields
            record.association_label = "" if name == _NONE else f"[{name} {peer} {calling}>{called}] "
            return self._passes(record, line)
        return True

    def _passes(self, record: logging.LogRecord, line: object) -> bool:
        return True


def _at_work(frame: FrameType | None) -> Any:
    """What the innermost association at work below ``frame`` says of itself with ``log_fields()``; None if none is."""
    while frame is not None:
        for name in _names_in(frame):
            value = _variable(frame, name)
            value = getattr(value, "assoc", value)
            value = getattr(value, "line", value)
            if hasattr(value, "log_fields"):
                return value
        frame = frame.f_back
    return None


def _names_in(frame: FrameType) -> Iterator[str]:
    """The variables that may lead to the association at work, in a function of this package."""
    if frame.f_globals.get("__name__", "").startswith("dicomwire."):
        code = frame.f_code
        yield from (name for name in _VARIABLES if name in code.co_varnames or name in code.co_cellvars)
        if code.co_qualname.startswith(_METHODS) and "self" in code.co_varnames:
            yield "self"


def _variable(frame: FrameType, name: str) -> Any:
    variables: Any = frame.f_locals
    value = variables.get(name)
    if isinstance(variables, dict):
        # Before Python 3.13 it is a copy that the frame keeps.  With an exception in it that has passed the frame, and
        # so has it in its traceback, both would stay, and all that they refer to, until the garbage is collected.
        variables.clear()
    return value


class _Repeats:
    """Lines of one kind about one association."""

    told = 0
    at = 0.0
    """When the last one was."""

    untold = 0


class BoundedFilter(AssociationFilter):
    """No peer fills the log: of warnings and errors of one kind about one association the first ones are written, and
    then one now and then, with how many there were between.
    """

    FREELY = 10
    """So many are written."""

    APART = 10.0
    """Seconds between those that come then."""

    def __init__(self) -> None:
        super().__init__()
        self._of: WeakKeyDictionary[object, dict[tuple[str, str], _Repeats]] = WeakKeyDictionary()

    def _passes(self, record: logging.LogRecord, line: object) -> bool:
        if line is None or record.levelno < logging.WARNING or not isinstance(record.msg, str):
            return True
        kinds = self._of.setdefault(line, {})
        repeats = kinds.setdefault((record.name, record.msg), _Repeats())
        if repeats.told >= self.FREELY and record.created - repeats.at < self.APART:
            repeats.untold += 1
            return False
        repeats.told += 1
        repeats.at = record.created
        note = ""
        if repeats.untold:
            note = f" ({repeats.untold} more like this since the last)"
        elif repeats.told == self.FREELY:
            note = f" (more like this of this association only every {self.APART:.0f} s)"
        if note:
            record.msg, record.args = f"{record.getMessage()}{note}", ()
        repeats.untold = 0
        return True


_FILTER = BoundedFilter()


def logger(name: str) -> logging.Logger:
    """The logger of a module of this package, whose records say which association they are about."""
    made = logging.getLogger(name)
    made.addFilter(_FILTER)
    return made


LOGGER = logger("dicomwire")
LOGGER.addHandler(logging.NullHandler())


def log_raised(log: logging.Logger, name: str, error: Exception) -> None:
    """Log that the handler of an event raised ``error``, and where, unless it is what the peer sent."""
    if isinstance(error, BrokenDataSet):
        log.error("handler of %s raised: %s: %s", name, type(error).__name__, reason(error))
    else:
        log.error("handler of %s raised", name, exc_info=error)


class Dump:
    """Several lines of one record, escaped and cut already; to be logged as the message itself."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines

    def __str__(self) -> str:
        return "\n".join(self.lines)


class _Escaping(logging.Formatter):
    """Escapes tracebacks, in which a handler's exception may repeat what a peer said.  Messages are escaped already."""

    def formatException(self, ei: Any) -> str:
        return "\n".join(printable(line, _LONGEST_LINE) for line in super().formatException(ei).split("\n"))


def debug_logger() -> None:
    """Write all that this package logs to standard error.

    That is the first letter of the level, which association it is about (:class:`AssociationFilter`), and the message.
    """
    for handler in LOGGER.handlers[:]:
        LOGGER.removeHandler(handler)
    handler = logging.StreamHandler()
    handler.setFormatter(_Escaping("%(levelname).1s: %(association_label)s%(message)s"))
    # Handlers of child loggers hand on what has it already; somebody may have taken it from a logger.
    handler.addFilter(_FILTER)
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)


def printable(text: object, length: int = 64) -> str:
    """`text` for a log line: control characters escaped, at most `length` characters, ``...`` where it was cut.

    For whatever a peer chose, so that it can neither forge log lines nor fill the log.
    """
    full = text.decode("latin-1") if isinstance(text, bytes) else str(text)
    shown = full[: length + 1]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)
    return shown if len(shown) <= length else f"{shown[: max(length - 3, 0)]}..."


def shown_address(address: tuple[Any, ...]) -> str:
    """Where an end of a connection is, for people: ``host:port``, ``[IPv6]:port`` or ``unix:path``."""
    host, port = str(address[0]), address[1]
    if not host and not port:
        # Of a Unix domain socket only the end that listens has a name.
        return "a local process"
    if "/" in host or host.startswith("\0"):
        return f"unix:{printable(host.replace(chr(0), '@', 1), 120)}"
    shown = printable(host)
    return f"[{shown}]:{port}" if ":" in host else f"{shown}:{port}"


def reason(error: BaseException) -> str:
    """Why something failed, in one line: pydicom puts tracebacks and whole elements below that.

    That may repeat a value of a data set: without ``_config.LOG_PATIENT_DATA`` it is only the kind of error.
    """
    if not (_config.LOG_PATIENT_DATA or isinstance(error, OSError)):
        return type(error).__name__
    return printable(str(error).partition("\n")[0].strip(), 300) or type(error).__name__
