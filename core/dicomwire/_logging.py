"""Log output: showing it, and putting what a peer says into it safely."""

import logging

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


def reason(error: BaseException) -> str:
    """Why something failed, in one line: pydicom puts tracebacks and whole elements below that."""
    return printable(str(error).partition("\n")[0].strip(), 300) or type(error).__name__
