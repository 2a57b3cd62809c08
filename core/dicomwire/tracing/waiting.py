"""How long nobody said anything, and whom that was waiting for."""

from __future__ import annotations

from attrs import define, field, frozen

from dicomwire._values import Value
from dicomwire.tracing.dissecting import SeenEvent, SeenPDU

WORTH_TELLING = 0.010
"""Seconds from which a wait is told."""

_DELAYED_ACKNOWLEDGEMENT = ((0.038, 0.056), (0.195, 0.216))
"""Seconds for which systems hold back the acknowledgement of what came alone: 40 ms (Linux), 200 ms (others)."""

_SMALL = 1 << 16


@frozen(kw_only=True, repr=False, eq=False)
class Wait(Value):
    """How long it took until something happened, in seconds."""

    before: float
    """From what was before to its first byte."""

    within: float
    """From its first byte to its last."""

    is_like_delayed_acknowledgement: bool = False
    """One of them is about as long as TCP holds back an acknowledgement, for which somebody may have waited."""

    @property
    def longest(self) -> float:
        return max(self.before, self.within)


@define
class Waits:
    """Measures one association, thing by thing; ``is_sent`` of what we were waiting for says by whom."""

    begin: float
    _before: float = field(init=False)
    waited: dict[bool, float] = field(factory=lambda: {True: 0.0, False: 0.0})
    """Seconds by who spoke then: True, who has recorded it."""

    def __attrs_post_init__(self) -> None:
        self._before = self.begin

    def take(self, seen: SeenPDU | SeenEvent) -> Wait:
        """How long we have waited for the next thing."""
        if isinstance(seen, SeenEvent):
            before, within, small = max(0.0, seen.time - self._before), 0.0, False
        else:
            # The clock may have been set, and the directions overlap.
            before = max(0.0, seen.began - self._before)
            within = max(0.0, seen.time - max(seen.began, self._before))
            small = seen.length <= _SMALL
            self.waited[seen.is_sent] += before + within
        self._before = max(self._before, seen.time)
        stalls = (before, within) if small else ()
        is_like = any(least <= stall <= most for stall in stalls for least, most in _DELAYED_ACKNOWLEDGEMENT)
        return Wait(before=before, within=within, is_like_delayed_acknowledgement=is_like)
