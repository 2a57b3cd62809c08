"""File names made of what a peer sent."""

from __future__ import annotations

import re
from hashlib import sha256

_UNSAFE = re.compile(r"[^0-9.]")
_LONGEST = 64
_DIGEST_LENGTH = 16


def safe_name(uid: str) -> str:
    """A part of a file name for ``uid``: a proper UID as it is, whatever else without anything that could do harm.

    What a peer calls a UID may be ``../../etc/passwd`` or end in a NUL.  Characters other than digits and dots
    become ``_``, 64 of them are kept, and dots at either end go: the result is never empty, never hidden, never
    ``..``, and the same file on every system.  To a name that had to be changed a part of the UID's SHA-256 is
    added, so that two UIDs do not end in one file.
    """
    name = _UNSAFE.sub("_", uid)[:_LONGEST].strip(".")
    if name == uid and name:
        return name
    digest = sha256(uid.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name or '_'}-{digest[:_DIGEST_LENGTH]}"
