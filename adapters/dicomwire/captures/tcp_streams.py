"""The two byte streams of each TCP connection in a capture: in order, without what came twice, and with gaps named."""

from __future__ import annotations

from typing import TypeAlias

from attrs import define, field

from dicomwire._values import Shown

End: TypeAlias = tuple[str, int]
"""Address and port."""

_WRAP = 1 << 32
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_MOST_AHEAD = 16 << 20
"""Bytes that wait for a missing segment, at most: then it is given up."""


@define(repr=False)
class Piece(Shown):
    """Bytes of one direction; or a gap, if there are none."""

    time: float
    is_first: bool
    """Sent by the end that opened the connection."""

    data: bytes = b""
    missing: int = 0
    is_end: bool = False


@define(repr=False)
class _Way(Shown):
    """One direction."""

    is_first: bool
    expected: int | None = None
    ahead: dict[int, tuple[float, bytes]] = field(factory=dict)
    has_ended: bool = False


@define(repr=False)
class TCPStream(Shown):
    """One connection; ``first`` opened it, or was heard first."""

    first: End
    second: End
    pieces: list[Piece] = field(factory=list)
    missing: int = 0
    has_syn: bool = False
    _ways: dict[bool, _Way] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._ways = {is_first: _Way(is_first) for is_first in (True, False)}

    @property
    def has_ended(self) -> bool:
        return all(way.has_ended for way in self._ways.values())

    def take(self, time: float, sender: End, sequence: int, flags: int, data: bytes) -> None:
        """One segment."""
        way = self._ways[sender == self.first]
        if flags & _SYN:
            way.expected = (sequence + 1) % _WRAP
            self.has_syn = True
            return
        if data:
            if way.expected is None:
                way.expected = sequence
            self._take_data(way, time, sequence, data)
        if flags & (_FIN | _RST) and not way.has_ended:
            way.has_ended = True
            self.give_up(is_first=way.is_first)
            self.pieces.append(Piece(time, way.is_first, is_end=True))

    def _take_data(self, way: _Way, time: float, sequence: int, data: bytes) -> None:
        assert way.expected is not None
        distance = (sequence - way.expected + _WRAP // 2) % _WRAP - _WRAP // 2
        if distance > 0:
            # A segment before it is late, or was not captured.
            if sequence not in way.ahead or len(way.ahead[sequence][1]) < len(data):
                way.ahead[sequence] = (time, data)
            if sum(len(waiting) for _, waiting in way.ahead.values()) > _MOST_AHEAD:
                self._skip(way)
            return
        data = data[-distance:]
        if data:
            self.pieces.append(Piece(time, way.is_first, data))
            way.expected = (way.expected + len(data)) % _WRAP
        self._go_on(way)

    def _go_on(self, way: _Way) -> None:
        """What waits may follow now."""
        while way.ahead:
            assert way.expected is not None
            base = way.expected
            nearest = min(way.ahead, key=lambda sequence: (sequence - base + _WRAP // 2) % _WRAP)
            if (nearest - base + _WRAP // 2) % _WRAP - _WRAP // 2 > 0:
                return
            time, data = way.ahead.pop(nearest)
            fresh = data[(base - nearest) % _WRAP :]
            if fresh:
                self.pieces.append(Piece(time, way.is_first, fresh))
                way.expected = (base + len(fresh)) % _WRAP

    def _skip(self, way: _Way) -> None:
        """Something is missing, up to the nearest segment that waits."""
        assert way.expected is not None
        base = way.expected
        nearest = min(way.ahead, key=lambda sequence: (sequence - base) % _WRAP)
        gap = (nearest - base) % _WRAP
        self.missing += gap
        self.pieces.append(Piece(way.ahead[nearest][0], way.is_first, missing=gap))
        way.expected = nearest
        self._go_on(way)

    def give_up(self, *, is_first: bool) -> None:
        """Nothing more comes: what was missing is."""
        way = self._ways[is_first]
        while way.ahead:
            self._skip(way)


def is_opening(flags: int) -> bool:
    """Whether a segment opens a connection."""
    return bool(flags & _SYN) and not flags & _ACK
