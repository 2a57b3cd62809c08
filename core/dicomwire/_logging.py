"""Log output: showing it, and putting what a peer says into it safely."""

import logging
from typing import Any

LOGGER = logging.getLogger("dicomwire")
LOGGER.addHandler(logging.NullHandler())


def debug_logger() -> None:
    """Write all that this package logs to standard error: the first letter of the level, and the message."""
    for handler in LOGGER.handlers[:]:
        LOGGER.removeHandler(handler)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname).1s: %(message)s"))
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
    """Why something failed, in one line: pydicom puts tracebacks and whole elements below that."""
    return printable(str(error).partition("\n")[0].strip(), 300) or type(error).__name__
