"""One value against one value of a key (PS3.4 C.2.2.2.1 to C.2.2.2.5): text on both sides."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

ValueTest: TypeAlias = Callable[[str], bool]
"""Whether a value of an entity matches."""

WILD = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs whose keys may hold ``*`` and ``?`` (PS3.4 C.2.2.2.4)."""

_NUMBERS = frozenset(("DS", "IS", "FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"))

_DIGITS = {"DA": 8, "TM": 6, "DT": 14}
_MOMENT = {
    "DA": re.compile(r"[0-9]{8}"),
    "TM": re.compile(r"(?:[0-9]{2}){1,2}|[0-9]{6}(?:\.[0-9]{1,6})?"),
    "DT": re.compile(r"(?:[0-9]{4}(?:[0-9]{2}){0,4}|[0-9]{14}(?:\.[0-9]{1,6})?)(?:[+-][0-9]{4})?"),
}
_SEPARATORS = {"DA": ".", "TM": ":", "DT": ""}
"""As ACR-NEMA 2.0 had them; objects of that time are still about (PS3.5 6.2)."""

_LARGEST_OFFSET = {"+": "1400", "-": "1200"}

_Span: TypeAlias = tuple[str, str]
"""The first and the last moment of what may be said with less precision, as digits of one length."""


def value_test(vr: str, key: str, *, names_in_any_case: bool) -> ValueTest | None:
    """What a value of this VR has to be to match one value of a key; None if any matches, and none at all too."""
    wanted = key.strip(" \0")
    if not wanted or (vr in WILD and not wanted.strip("*")):
        return None
    if vr == "PN":
        return _name_test(wanted, any_case=names_in_any_case)
    if vr in _DIGITS:
        return _moment_test(vr, wanted)
    if vr in _NUMBERS:
        return _number_test(wanted)
    if vr in WILD and ("*" in wanted or "?" in wanted):
        return lambda value: is_like(wanted, value.strip(" \0"))
    return lambda value: value.strip(" \0") == wanted


def is_like(pattern: str, text: str) -> bool:
    """Whether ``text`` is what ``pattern`` says: ``*`` is any characters and none, ``?`` is one.

    It takes at most as many steps as the product of their lengths, whatever a peer writes.
    """
    at, along, star, begun = 0, 0, -1, 0
    while along < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, begun, at = at, along, at + 1
        elif at < len(pattern) and pattern[at] in ("?", text[along]):
            at, along = at + 1, along + 1
        elif star >= 0:
            # The last star has to take one character more.
            begun += 1
            at, along = star + 1, begun
        else:
            return False
    return not pattern[at:].strip("*")


# -- names ---------------------------------------------------------------------------------------------------------
def _name_test(key: str, *, any_case: bool) -> ValueTest:
    """A key without ``=`` is for any of the component groups, one with it for each at its place (PS3.5 6.2.1)."""
    wanted = [_group(part, any_case=any_case) for part in key.split("=")]

    def test(value: str) -> bool:
        groups = [_group(part, any_case=any_case) for part in value.split("=")]
        if len(wanted) == 1:
            return any(is_like(wanted[0], each) for each in (*groups, "=".join(groups)))
        groups += [""] * (len(wanted) - len(groups))
        return all(not group or is_like(group, each) for group, each in zip(wanted, groups, strict=False))

    return test


def _group(text: str, *, any_case: bool) -> str:
    """A component group without what means nothing: spaces around components, and carets at its end."""
    plain = "^".join(part.strip(" \0") for part in text.split("^")).rstrip("^")
    return plain.casefold() if any_case else plain


# -- numbers -------------------------------------------------------------------------------------------------------
def _number(text: str) -> Decimal | str:
    plain = text.strip(" \0")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return plain
    # What is not a number equals nothing, and one kind of it cannot even be asked.
    return number if number.is_finite() else plain


def _number_test(key: str) -> ValueTest:
    wanted = _number(key)
    return lambda value: _number(value) == wanted


# -- dates and times -----------------------------------------------------------------------------------------------
def _moment_test(vr: str, key: str) -> ValueTest:
    """A single moment or a range; what is said with less precision is all that it may be (PS3.4 C.2.2.2.5)."""
    if (span := _span_of_key(vr, key)) is None:
        # What is no date matches what is the same.
        return lambda value: value.strip(" \0") == key
    (first, last), offset = span

    def test(value: str) -> bool:
        found = _read(vr, value.strip(" \0"))
        if found is None:
            return False
        digits, its_offset = found
        # Without an offset it is the time of wherever that is.
        shift = offset - its_offset if offset is not None and its_offset is not None else 0
        moment = _padded(vr, digits, last=False)
        return first <= (_shifted(moment, shift) if shift else moment) <= last

    return test


def _span_of_key(vr: str, key: str) -> tuple[_Span, int | None] | None:
    """The moments that a key is for, and its offset from UTC in minutes, if it has one; None if it is no moment."""
    if single := _read(vr, key):
        digits, offset = single
        return (_padded(vr, digits, last=False), _padded(vr, digits, last=True)), offset
    for hyphen in re.finditer("-", key):
        begin, end = key[: hyphen.start()].strip(), key[hyphen.end() :].strip()
        low, high = _read(vr, begin) if begin else ("", None), _read(vr, end) if end else ("", None)
        if low is None or high is None or not (begin or end):
            continue
        offset = low[1] if low[1] is not None else high[1]
        upper = _padded(vr, high[0], last=True)
        if low[1] is not None and high[1] is not None and low[1] != high[1]:
            upper = _shifted(upper, low[1] - high[1])
        return (_padded(vr, low[0], last=False), upper), offset
    return None


def _read(vr: str, text: str) -> tuple[str, int | None] | None:
    """Digits of a moment, and its offset from UTC in minutes."""
    if separator := _SEPARATORS[vr]:
        text = text.replace(separator, "") if vr == "TM" or len(text) == 10 else text
    if not _MOMENT[vr].fullmatch(text):
        return None
    offset = None
    if vr == "DT" and len(text) > 5 and text[-5] in "+-":
        sign, digits = text[-5], text[-4:]
        if digits > _LARGEST_OFFSET[sign]:
            # A hyphen and a year: a range.
            return None
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * (1 if sign == "+" else -1)
        text = text[:-5]
    return text, offset


def _padded(vr: str, digits: str, *, last: bool) -> str:
    """All digits of the first or the last moment that may be meant."""
    whole, _, fraction = digits.partition(".")
    rest = "99999999999999" if last else "00000101000000" if vr == "DT" else "00000000000000"
    if not last or vr == "DA":
        return whole + rest[len(whole) : _DIGITS[vr]] + "." + fraction.ljust(6, "0")
    return whole + rest[len(whole) : _DIGITS[vr]] + "." + fraction.ljust(6, "9")


def _shifted(moment: str, minutes: int) -> str:
    """The same moment with another offset from UTC; as it is where no calendar has it."""
    whole, _, fraction = moment.partition(".")
    try:
        return f"{datetime.strptime(whole, '%Y%m%d%H%M%S') + timedelta(minutes=minutes):%Y%m%d%H%M%S}.{fraction}"
    except (ValueError, OverflowError):
        return moment
