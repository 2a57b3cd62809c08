"""Which bytes of a stream of PDUs a trace may have: neither credentials nor, if so wished, data sets."""

from __future__ import annotations

from collections.abc import Generator
from enum import StrEnum
from functools import lru_cache
from struct import Struct
from typing import TypeAlias

from dicomwire.upper_layer.buffer import Buffer
from dicomwire.upper_layer.items import USER_INFORMATION, UserIdentityACItem, UserIdentityRQItem
from dicomwire.upper_layer.pdus import HEADER, NAMES, P_DATA_HEAD, AssociateAC, AssociateRQ, PDataTF

_ITEM = Struct(">BxH")
_PDV = Struct(">LBB")
_IDENTITY = Struct(">BBH")
_FIXED_LENGTH = 68
_ALL_THAT_FOLLOWS = 1 << 62
_LONGEST = 1 << 20
"""Of fragments of which only heads are recorded."""


class Treatment(StrEnum):
    """What becomes of a run of bytes."""

    KEPT = "kept"
    PDU_HEAD = "the head of a PDU: kept, and what follows depends on it"
    LOOKED_AT = "kept, and what follows depends on it"
    MASKED = "as many asterisks"
    LEFT_OUT = "counted only"
    ONLY_HEADS = "the 12 bytes before each fragment of a data set, which is left out"


_Plan: TypeAlias = Generator[tuple[int, Treatment], bytes, None]
"""Runs of bytes, one after the other; of those that are looked at it is sent the bytes."""


def _first_pdu() -> _Plan:
    kind, length = HEADER.unpack((yield HEADER.size, Treatment.PDU_HEAD))
    if kind in (AssociateRQ.pdu_type, AssociateAC.pdu_type):
        yield from _associate(length)


def _all_pdus(*, credentials: bool) -> _Plan:
    while True:
        kind, length = HEADER.unpack((yield HEADER.size, Treatment.PDU_HEAD))
        if kind == PDataTF.pdu_type:
            yield from _p_data(length)
        elif kind in (AssociateRQ.pdu_type, AssociateAC.pdu_type) and not credentials:
            yield from _associate(length)
        elif kind in NAMES:
            yield length, Treatment.KEPT
        else:
            # Nobody knows what it is.
            yield _ALL_THAT_FOLLOWS, Treatment.LEFT_OUT


def _associate(length: int) -> _Plan:
    yield min(length, _FIXED_LENGTH), Treatment.KEPT
    yield from _items(max(0, length - _FIXED_LENGTH))


def _items(left: int) -> _Plan:
    """Items of an A-ASSOCIATE PDU, or of the user information in it (PS3.8 9.3.2, PS3.7 D.3.3.7)."""
    while left >= _ITEM.size:
        kind, length = _ITEM.unpack((yield _ITEM.size, Treatment.LOOKED_AT))
        length = min(length, left - _ITEM.size)
        left -= _ITEM.size + length
        if kind == USER_INFORMATION:
            yield from _items(length)
        elif kind == UserIdentityRQItem.kind and length >= _IDENTITY.size:
            yield from _identity(length)
        elif kind in (UserIdentityRQItem.kind, UserIdentityACItem.kind):
            yield min(length, 2), Treatment.KEPT
            yield max(0, length - 2), Treatment.MASKED
        else:
            yield length, Treatment.KEPT
    yield left, Treatment.KEPT


def _identity(left: int) -> _Plan:
    """Type, whether an answer is wanted, and two fields behind their lengths."""
    _, _, length = _IDENTITY.unpack((yield _IDENTITY.size, Treatment.LOOKED_AT))
    left -= _IDENTITY.size
    primary = min(length, left)
    yield primary, Treatment.MASKED
    left -= primary
    yield min(left, 2), Treatment.KEPT
    yield max(0, left - 2), Treatment.MASKED


def _p_data(left: int) -> _Plan:
    while left >= _PDV.size:
        length, _, control = _PDV.unpack((yield _PDV.size, Treatment.LOOKED_AT))
        left -= _PDV.size
        fragment = min(max(0, length - 2), left)
        yield fragment, Treatment.KEPT if control & 1 else Treatment.LEFT_OUT
        left -= fragment
    yield left, Treatment.LEFT_OUT


@lru_cache(maxsize=16)
def _every_head(size: int) -> Struct:
    """Unpacks the heads of PDUs of this size."""
    return Struct(f"{P_DATA_HEAD.size}s{size - P_DATA_HEAD.size}x")


class Redaction:
    """What is to be recorded of one direction of an association, which comes in pieces of any size.

    Nothing is held back: that a PDU never ends, or comes byte by byte, makes no difference.
    """

    def __init__(self, *, credentials: bool, data_sets: bool) -> None:
        plan = None if credentials else _first_pdu()
        self._plan: _Plan | None = plan if data_sets else _all_pdus(credentials=credentials)
        self._leaves_out = not data_sets
        self._seen = bytearray()
        self._missing = 0
        """Bytes still to come of a PDU with nothing but a fragment that is left out."""

        self._left, self._treatment = (0, Treatment.KEPT) if self._plan is None else next(self._plan)

    @property
    def is_over(self) -> bool:
        """All that follows is kept."""
        return self._plan is None

    def treat_all(self, buffers: list[Buffer]) -> list[tuple[Treatment, Buffer]]:
        """Buffers in runs that are kept, masked already, or left out.

        Of PDUs with nothing but a fragment of a data set, which are nearly all, only the heads come out.
        """
        out: list[tuple[Treatment, Buffer]] = []
        index, end = 0, len(buffers)
        while index < end:
            heads, count = self._heads_of_pairs(buffers, index) if index + 1 < end else (b"", 0)
            if count:
                index += 2 * count
                out.append((Treatment.ONLY_HEADS, heads))
            else:
                self._treat(buffers[index], out)
                index += 1
        return out

    @property
    def _is_between_fragments(self) -> bool:
        """A PDU may begin here whose data set is left out."""
        is_head = self._treatment is Treatment.PDU_HEAD
        return is_head and self._leaves_out and not self._seen and not self._missing

    def _heads_of_pairs(self, buffers: list[Buffer], index: int) -> tuple[bytes, int]:
        """As we send them: each fragment in a buffer of its own, behind its head.  The heads, and how many they are.

        Full fragments have one object for a head.
        """
        heads: list[Buffer] = []
        if not self._is_between_fragments:
            return b"", 0
        last: Buffer | None = None
        size = 0
        for head, fragment in zip(buffers[index::2], buffers[index + 1 :: 2], strict=False):
            if head is not last:
                if len(head) != P_DATA_HEAD.size:
                    break
                kind, length, pdv, _, control = P_DATA_HEAD.unpack(head)
                if kind != PDataTF.pdu_type or control & 1 or pdv + 4 != length or pdv > _LONGEST:
                    break
                last, size = head, pdv - 2
            if len(fragment) != size:
                break
            heads.append(head)
        return b"".join(heads), len(heads)

    def _heads_in(self, data: memoryview) -> tuple[bytes, int, int]:
        """As they come, one behind the other; where the last whole one ends, and what is missing of the one there.

        The latter is 0 if there is none, or something else.
        """
        heads: list[bytes] = []
        at, end = 0, len(data)
        missing = 0
        while at + P_DATA_HEAD.size <= end:
            head = bytes(data[at : at + P_DATA_HEAD.size])
            kind, length, pdv, _, control = P_DATA_HEAD.unpack(head)
            if kind != PDataTF.pdu_type or control & 1 or pdv + 4 != length or not 2 <= pdv <= _LONGEST:
                break
            size = HEADER.size + length
            count = (end - at) // size
            if not count:
                missing = at + size - end
                break
            if count > 1:
                # Full fragments have the same head: one step for all of them.
                same = 0
                for (other,) in _every_head(size).iter_unpack(data[at : at + count * size]):
                    if other != head:
                        break
                    same += 1
                count = same
            heads.append(head * count)
            at += size * count
        return b"".join(heads), at, missing

    def _treat(self, data: Buffer, out: list[tuple[Treatment, Buffer]]) -> None:
        rest = memoryview(data).cast("B")
        while len(rest):
            if missing := self._missing:
                run, rest = rest[:missing], rest[missing:]
                self._missing -= len(run)
                out.append((Treatment.LEFT_OUT, run))
                continue
            if self._is_between_fragments:
                heads, end, self._missing = self._heads_in(rest)
                if heads:
                    out.append((Treatment.ONLY_HEADS, heads))
                    rest = rest[end:]
                if self._missing:
                    # It goes on in what comes next.
                    out.append((Treatment.KEPT, rest[: P_DATA_HEAD.size]))
                    if len(rest) > P_DATA_HEAD.size:
                        out.append((Treatment.LEFT_OUT, rest[P_DATA_HEAD.size :]))
                    return
                if heads:
                    continue
            if self._plan is None:
                out.append((Treatment.KEPT, rest))
                return
            run, rest = rest[: self._left], rest[self._left :]
            self._left -= len(run)
            if self._treatment is Treatment.LOOKED_AT or self._treatment is Treatment.PDU_HEAD:
                self._seen += run
            if self._treatment is Treatment.LEFT_OUT:
                out.append((Treatment.LEFT_OUT, run))
            elif self._treatment is Treatment.MASKED:
                out.append((Treatment.KEPT, b"*" * len(run)))
            else:
                out.append((Treatment.KEPT, run))
            while not self._left and self._plan is not None:
                self._go_on()

    def _go_on(self) -> None:
        assert self._plan is not None
        seen = bytes(self._seen)
        self._seen.clear()
        try:
            self._left, self._treatment = self._plan.send(seen)
        except StopIteration:
            self._plan = None
