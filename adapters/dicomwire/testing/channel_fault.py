"""What a check of a transport says when it fails, and bytes that tell where they belong."""

from __future__ import annotations

from collections import Counter
from random import Random

from attrs import frozen

_TELLING = 16
"""So many bytes are found again at one place only."""


class ChannelFault(AssertionError):
    """A transport does not do what is asked of it; see docs/how-to/write-a-transport.md."""

    def __init__(self, check: str, *, asked: str, came: str, look_at: str) -> None:
        super().__init__(f"{check}\n  asked:   {asked}\n  came:    {came}\n  look at: {look_at}")
        self.check = check
        """The sentence that is not true."""

        self.asked = asked
        self.came = came
        self.look_at = look_at


@frozen
class Finding:
    """The same without the name of the check, as those raise it who do not know that."""

    asked: str
    came: str
    look_at: str


class Unfit(Exception):
    """A check has found something."""

    def __init__(self, asked: str, came: str, look_at: str) -> None:
        super().__init__(came)
        self.finding: Finding = Finding(asked, came, look_at)


def received(data: object, receives: str) -> bytes:
    """What ``receives`` gave, copied; Unfit if it is nothing that bytes are in, as None is where nothing came."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    look_at = f"{receives}: where nothing comes in time it raises TimeoutError, and the end is b''"
    raise Unfit(receives, f"{data!r:.100}, which is no bytes", look_at)


def pattern(count: int, number: int = 0) -> bytes:
    """So many bytes, the same ones every time, no 16 of which occur twice; those of another ``number`` are others."""
    return Random(number).randbytes((count + 3) // 4 * 4)[:count]


def difference(sent: bytes, came: bytes) -> str | None:
    """How what came differs from what was sent, in words; None if it does not."""
    if came == sent:
        return None
    at = _common(sent, came)
    if at == len(came):
        return f"{at:,} of {len(sent):,} bytes: the last {len(sent) - at:,} are missing"
    if at == len(sent):
        return f"all {at:,} bytes, and behind them {len(came) - at:,} that were not sent"
    # What belongs here may have come later, and what came here may be from elsewhere.
    belongs = came.find(sent[at : at + _TELLING], at)
    found = sent.find(came[at : at + _TELLING])
    if found > at:
        if belongs >= 0:
            return f"bytes in another order: behind the first {at:,} came what was sent as byte {found:,} and on"
        return f"a stream with a gap: behind the first {at:,} bytes {found - at:,} are missing"
    if 0 <= found < at:
        return f"bytes twice: behind the first {at:,} came those from byte {found:,} on once more"
    if Counter(sent) == Counter(came):
        return f"the right bytes in another order, from number {at:,} on"
    return f"other bytes: number {at:,} is 0x{came[at]:02X}, and not 0x{sent[at]:02X} as it was sent"


def _common(one: bytes, other: bytes) -> int:
    """How many bytes at the beginning are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
