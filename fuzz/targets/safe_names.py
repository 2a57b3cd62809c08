"""Whatever a peer calls a UID or a patient, its file name is safe on every system, and that of no other UID."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath

from dicomwire.data.safe_names import safe_text
from dicomwire.safe_names import safe_name

_UNCHANGED = re.compile(r"[0-9_](?:[0-9._]{0,62}[0-9_])?")
_TEXT = re.compile(r"(?![.-])[0-9A-Za-z._-]{1,82}")
_CHANGED = re.compile(_UNCHANGED.pattern + "-[0-9a-f]{16}")


def one_input(data: bytes) -> None:
    uid, _, other = data.decode("utf-8", "surrogateescape").partition("\n")
    name = safe_name(uid)
    is_kept = _UNCHANGED.fullmatch(uid) is not None
    assert name == uid if is_kept else _CHANGED.fullmatch(name), name
    # One part of a path, and no device, drive or stream.
    assert PurePosixPath(name).parts == PureWindowsPath(name).parts == (name,)
    assert not PureWindowsPath(name).drive and name.casefold() == name
    assert safe_name(uid) == name
    assert (safe_name(other) == name) is (other == uid)
    text = safe_text(uid)
    assert _TEXT.fullmatch(text), text
    assert PurePosixPath(text).parts == PureWindowsPath(text).parts == (text,)
    assert not PureWindowsPath(text).is_reserved()
    assert safe_text(uid) == text


def seeds() -> Iterable[bytes]:
    return [
        b"",
        b"1.2.840.10008.1.1\n1.2.840.10008.1.1\0",
        b"../../etc/passwd\n.._.._etc_passwd",
        b"1.2.3.\n1.2.3",
        b"1" * 65,
        b"..\n.",
        b"CON\nNUL:x",
        "1.2.é".encode(),
        b"1.2.3\xff\n1.2.3_",
    ]
