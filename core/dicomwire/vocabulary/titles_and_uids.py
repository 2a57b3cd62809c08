"""Checks and conversions of AE titles, UIDs and bytes."""

import contextvars
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from io import BytesIO
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from dicomwire import _config
from dicomwire._logging import logger, printable
from dicomwire._value_checks import is_conformant_uid
from dicomwire.vocabulary.lazy_uids import as_uid

if TYPE_CHECKING:
    from pydicom.uid import UID

LOGGER = logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


def uid_name(uid: str) -> str:
    """The name of a UID, or the UID itself; whoever chose it."""
    return printable(as_uid(uid).name, 100)


def decode_bytes(b: bytes) -> str:
    """ASCII text from bytes a peer sent, by the first of ``_config.CODECS`` that fits.

    What a fallback codec decodes beyond ASCII is dropped.  ``ValueError`` if none fits.
    """
    for codec in _config.CODECS:
        try:
            text = b.decode(codec)
        except (UnicodeError, LookupError):
            continue
        return text.encode("ascii", "ignore").decode("ascii")
    raise ValueError(f"{b!r} cannot be decoded with {', '.join(_config.CODECS) or 'no codecs'}")


def received_text(text: str) -> str:
    """Text that was received and read as Latin-1, as the first of ``_config.CODECS`` that fits reads it.

    If none does it stays as it is.
    """
    if text.isascii():
        return text
    try:
        return decode_bytes(text.encode("latin-1")).strip()
    except ValueError:
        return text


def pretty_bytes(
    bytestream: bytes | BytesIO,
    prefix: str = "  ",
    delimiter: str = "  ",
    items_per_line: int = 16,
    max_size: int | None = 512,
    suffix: str = "",
) -> list[str]:
    """Lines of a hexadecimal dump.

    More than `max_size` bytes are cut, and a first line says so; `None` is no limit.  `suffix` ends the last line.
    """
    data = bytestream.getvalue() if isinstance(bytestream, BytesIO) else bytestream
    shown = data if max_size is None else data[:max_size]
    lines = [
        prefix + delimiter.join(f"{byte:02x}" for byte in shown[start : start + items_per_line])
        for start in range(0, len(shown), items_per_line)
    ]
    if lines:
        lines[-1] += suffix
    if len(shown) < len(data):
        lines.insert(0, f"{prefix}First {len(shown)} of {len(data)} bytes:")
    return lines


def set_ae(value: str | bytes | None, name: str, allow_empty: bool = True, allow_none: bool = True) -> str | None:
    """`value` exactly as given, if it can be an AE title (PS3.5 table 6.2-1); `name` is for messages.

    `bytes` are decoded as ASCII, with a `DeprecationWarning`.  Not allowed to be empty means not blank either.
    Raises `TypeError` or `ValueError`.
    """
    if value is None and allow_none:
        return None
    if isinstance(value, bytes):
        warnings.warn(f"'{name}' should be str, not bytes", DeprecationWarning, stacklevel=3)
        value = value.decode("ascii")
    if not isinstance(value, str):
        raise TypeError(f"'{name}' must be str{' or None' * allow_none}, not {type(value).__name__}")
    if not value.strip():
        if not allow_empty:
            raise ValueError(f"'{name}' must not be empty or blank")
        if not value:
            return value
    return _checked_title(value, name)


def set_version_name(value: str | None, name: str) -> str | None:
    """`value` if it can be an implementation version name: 1 to 16 characters, blank allowed (PS3.7 D.3.3.2).

    Raises `TypeError` (also for `bytes`) or `ValueError`.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"'{name}' must be str or None, not {type(value).__name__}")
    if not value:
        raise ValueError(f"'{name}' must not be empty")
    return _checked_title(value, name)


def _checked_title(value: str, name: str) -> str:
    ok, reason = _config.VALIDATORS["AE"](value)
    if not ok:
        raise ValueError(f"'{name}' {reason}: {value!r}")
    return value


def set_uid(
    value: str | bytes | None,
    name: str,
    allow_empty: bool = True,
    allow_none: bool = True,
    validate: bool = True,
) -> "UID | None":
    """`value` as a `UID`, if it can be one (PS3.5 9.1); `name` is for messages.

    A trailing zero byte of `bytes` is padding.  A UID that breaks the rules but is short enough is logged, unless
    ``_config.ENFORCE_UID_CONFORMANCE`` refuses it.  Raises `TypeError` or `ValueError`.
    """
    if value is None and allow_none:
        return None
    if isinstance(value, bytes):
        value = decode_bytes(value).rstrip("\0")
    if not isinstance(value, str):
        raise TypeError(f"'{name}' must be str, bytes, UID{' or None' * allow_none}, not {type(value).__name__}")
    uid = as_uid(value)
    if not uid:
        if not allow_empty:
            raise ValueError(f"'{name}' must not be empty")
        return uid
    if validate:
        ok, reason = _config.VALIDATORS["UI"](uid)
        if not ok:
            raise ValueError(f"'{name}' {reason}: {str(uid)!r}")
        if not is_conformant_uid(uid):
            LOGGER.warning("'%s' is not a conformant UID: %r", name, str(uid))
    return uid


def validate_uid(uid: str) -> bool:
    """Whether ``_config.VALIDATORS["UI"]`` takes `uid`: 1 to 64 characters, or conformance if configured."""
    return _config.VALIDATORS["UI"](uid)[0]


def make_target(fn: Callable[P, T]) -> Callable[P, T]:
    """`fn`, to be run in a copy of the present context if ``_config.PASS_CONTEXTVARS``, else `fn` itself."""
    if not _config.PASS_CONTEXTVARS:
        return fn
    context = contextvars.copy_context()

    @wraps(fn)
    def in_context(*args: P.args, **kwargs: P.kwargs) -> T:
        # A context cannot be entered twice at once, and handlers may overlap.
        return context.copy().run(fn, *args, **kwargs)

    return in_context


@contextmanager
def set_timer_resolution(resolution: int | None) -> Iterator[None]:
    """Nothing, on every system: kept for programs that use it, since nothing here polls a timer."""
    yield


def require_uid(uid: str) -> None:
    """`TypeError`, or `ValueError` for what has anything but digits and dots, such as the keyword of an SOP class.

    More is not asked: peers have UIDs that are too long, or have a zero in front.
    """
    if not isinstance(uid, str):
        raise TypeError(f"a UID is str, not {type(uid).__name__}")
    if not uid.strip("\0 ") or uid.strip("\0 0123456789."):
        raise ValueError(f"{uid!r} is no UID: those of SOP classes are in dicomwire.sop_class")
