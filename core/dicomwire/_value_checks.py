"""Checks of AE titles and UIDs; what is checked by default, and how strictly, is in ``_config``."""

import re

_CONFORMANT_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")


def validate_ae(value: str) -> tuple[bool, str]:
    """Whether `value` can be an AE title, and why not (PS3.5 table 6.2-1, VR AE).

    Emptiness is judged elsewhere: some places allow it.
    """
    if len(value) > 16:
        return False, "must not be longer than 16 characters"
    if not value.isascii():
        return False, "must only contain ASCII characters"
    # Of ASCII only the control characters are not printable.
    if "\\" in value or not value.isprintable():
        return False, "must not contain control characters or backslashes"
    return True, ""


def is_conformant_uid(value: str) -> bool:
    """Whether `value` follows the rules for UIDs to the letter (PS3.5 9.1)."""
    return len(value) <= 64 and _CONFORMANT_UID.fullmatch(value) is not None


def positive_count(value: object, name: str) -> int:
    """``value``; `ValueError` for what is no int from 1."""
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"'{name}' must be an int from 1, not {value!r}")
    return value
