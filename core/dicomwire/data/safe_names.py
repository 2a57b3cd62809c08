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


_OTHER = re.compile(r"[^0-9A-Za-z._-]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
"""What Windows takes for a device, in every folder."""


def safe_text(text: str) -> str:
    """A part of a path for any text, such as a patient ID or name: ASCII letters, digits, ``.``, ``_`` and ``-``.

    What else there is becomes ``_``, one for any number of them; 64 characters are kept.  The result is never empty,
    hidden, ``..``, an option or the name of a device.  If what was left out is more than spaces, ``^`` and ``/``, a
    part of the text's SHA-256 is added, so that two names in another script are not the same.
    """
    name = _OTHER.sub("_", text.strip())[:_LONGEST].rstrip(".").lstrip("-.")
    if _RESERVED.match(name):
        name = f"_{name}"
    is_told = all(char in " ^/" or not _OTHER.match(char) for char in text) and len(text.strip()) <= _LONGEST
    if name and is_told:
        return name
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name or '_'}-{digest[:_DIGEST_LENGTH]}"
