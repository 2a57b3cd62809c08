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


_LONGEST_PATTERN = 10240
"""Characters of a key with wild cards beside its ``*``, as many as LT has at most (PS3.5 6.2): more match nothing."""

_MOST_PATTERNS = 4096
"""Values of a key that have wild cards or are ranges."""

_LONGEST_RANGE = 80
"""Characters: two moments with all digits, separators, offsets, and spaces around them, are 67."""


def key_test(vr: str, keys: list[str], *, names_in_any_case: bool) -> ValueTest | None:
    """What a value of this VR has to be to match one of the values of a key; None if any matches, and none at all too.

    How long a test takes hardly depends on how many values without wild cards there are: lists of UIDs are long.

    Raises:
        ValueError: more than 4,096 have wild cards or are ranges.
    """
    plain = _number if vr in _NUMBERS else _stripped
    same: set[Decimal | str] = set()
    others: list[ValueTest] = []
    for key in keys:
        wanted = _stripped(key)
        if not wanted or (vr in WILD and not wanted.strip("*")):
            return None
        if test := _test_of(vr, wanted, any_case=names_in_any_case):
            others.append(test)
        else:
            same.add(plain(wanted))
        if len(others) > _MOST_PATTERNS:
            raise ValueError(f"more than {_MOST_PATTERNS} values have wild cards or are ranges")
    if not keys:
        return None
    return lambda value: plain(value) in same or any(test(value) for test in others)


def _stripped(text: str) -> str:
    return text.strip(" \0")


def _test_of(vr: str, key: str, *, any_case: bool) -> ValueTest | None:
    """None if a value has to be the same."""
    if vr == "PN":
        return _name_test(key, any_case=any_case)
    if vr in _DIGITS:
        return _moment_test(vr, key)
    if vr in WILD and ("*" in key or "?" in key):
        is_like = like(key)
        return lambda value: is_like(_stripped(value))
    return None


def like(pattern: str) -> ValueTest:
    """Whether a text is what ``pattern`` says: ``*`` is any characters and none, ``?`` is one.

    A bit for each character of the pattern says whether the text may have come so far.  They are looked at all at
    once, so that the time depends on the length of the text, whatever a peer writes.
    """
    if len(pattern) - pattern.count("*") > _LONGEST_PATTERN:
        return lambda text: False
    length, stays, any_one = 0, 0, 0
    goes: dict[str, int] = {}
    for char in pattern:
        here = 1 << length
        if char == "*":
            stays |= here
            continue
        if char == "?":
            any_one |= here
        else:
            goes[char] = goes.get(char, 0) | here
        length += 1
    goes = {char: places | any_one for char, places in goes.items()}
    is_open_end = stays & 1 << length

    def test(text: str) -> bool:
        if len(text) < length:
            return False
        places = 1
        for char in text:
            places = (places & goes.get(char, any_one)) << 1 | places & stays
            if places & is_open_end:
                return True
            if not places:
                return False
        return bool(places >> length & 1)

    return test


# -- names ---------------------------------------------------------------------------------------------------------
_NAME_GROUPS = 3
"""Alphabetic, ideographic, phonetic."""


def _name_test(key: str, *, any_case: bool) -> ValueTest:
    """A key without ``=`` is for any of the component groups, one with it for each at its place (PS3.5 6.2.1)."""
    parts = [_group(part, any_case=any_case) for part in key.split("=")]
    wanted = {place: like(part) for place, part in enumerate(parts) if part.strip("*")}
    if len(wanted) > _NAME_GROUPS:
        return lambda value: False

    def groups_of(value: str) -> list[str]:
        return [_group(part, any_case=any_case) for part in value.split("=")]

    def in_any_group(value: str) -> bool:
        groups = groups_of(value)
        return any(wanted[0](each) for each in (*groups, "=".join(groups)))

    def each_at_its_place(value: str) -> bool:
        groups = groups_of(value)
        return all(test(groups[place] if place < len(groups) else "") for place, test in wanted.items())

    return in_any_group if len(parts) == 1 and wanted else each_at_its_place


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
    # Longer text is no range, and a look at each of its hyphens would take long.
    for hyphen in re.finditer("-", key if len(key) <= _LONGEST_RANGE else ""):
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
