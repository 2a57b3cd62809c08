"""Values of odd length, padded where they stand: fragments are even, and so are values (PS3.5 7.1.1, PS3.8 9.3.5).

The elements are walked over without looking at values.  A value of odd length gets a byte more, and its length with it.
A sequence or item of odd length holds such a value: it becomes one of undefined length, so that nothing in front of the
value depends on what comes, and a data set can be mended while it passes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator
from enum import Enum
from typing import Any

from attrs import define

from dicomwire._values import Shown
from dicomwire.data.encodings import (
    IMPLICIT,
    ITEM,
    ITEM_END,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    Coding,
    EncodedElement,
    NotAnElement,
    describe,
)
from dicomwire.upper_layer.connection import Buffer

_TEXT = frozenset((b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"LT", b"PN", b"SH", b"ST", b"TM", b"UC",
                   b"UR", b"UT"))  # fmt: skip
"""Padded with a space; all others with a NUL (PS3.5 6.2)."""

_ITEM_AHEAD = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
_OFFSETS = (0x7FE00001, 0x7FE00002)
"""Extended Offset Table, and its lengths."""

_DEEPEST = 100
_BLOCK = 4096


class CannotPad(ValueError):
    """A data set of odd length is damaged: there is no value to pad."""


class OffsetsMove(Exception):
    """Padding moves the frames that an offset table points to."""


class Compressed(Exception):
    """The pixel data are encapsulated."""


class _Do(Enum):
    PEEK = "give me the next bytes, fewer at the end"
    KEEP = "the next bytes pass as they are"
    DROP = "the next bytes are left out"
    PUT = "these bytes go out"


_Steps = Generator[tuple[_Do, Any], bytes, int]
"""Gives the bytes it has passed over."""


@define(eq=False, repr=False)
class Padding(Shown):
    """A walk over the elements of a data set that pads the odd ones."""

    coding: Coding
    drops_offsets: bool = False
    """Leave offset tables empty: they may be (PS3.5 A.4), and would be wrong."""

    is_native: bool = False
    """Encapsulated pixel data raise Compressed."""

    _has_offsets: bool = False

    def walk(self) -> _Steps:
        """From the first element to the end of the data."""
        return self._elements(self.coding, None, 0, top=True)

    def _elements(self, coding: Coding, size: int | None, depth: int, *, top: bool = False) -> _Steps:
        if depth > _DEEPEST:
            raise CannotPad("its sequences have no end")
        passed = 0
        while size is None or passed < size:
            ahead = yield _Do.PEEK, 20
            if top and len(ahead) < 8 and not ahead.strip(b"\0"):
                # Nothing, or less padding than an element takes.
                yield _Do.DROP, len(ahead)
                return passed
            element = _read(coding.element, ahead)
            if element.tag == ITEM_END and size is None and not top:
                yield _Do.KEEP, 8
                return passed + 8
            passed += yield from self._element(coding, element, ahead, depth)
        if passed != size:
            raise CannotPad("the lengths of an item and of what it holds differ")
        return passed

    def _element(self, coding: Coding, element: EncodedElement, ahead: bytes, depth: int) -> _Steps:
        header, length = element.header, element.length
        inner = IMPLICIT if element.vr == b"UN" else coding
        if length == UNDEFINED:
            yield _Do.KEEP, header
            if element.vr in (b"OB", b"OW") or element.tag == PIXEL_DATA:
                return header + (yield from self._fragments(coding))
            return header + (yield from self._items(inner, None, depth + 1))
        if element.tag in _OFFSETS:
            self._has_offsets = True
            if self.drops_offsets:
                yield _Do.DROP, header + length
                return header + length
        if not length & 1:
            yield _Do.KEEP, header + length
            return header + length
        if element.tag != PIXEL_DATA and _is_sequence(element, ahead[header : header + 4]):
            yield _Do.DROP, header
            yield _Do.PUT, coding.header(element, UNDEFINED)
            yield from self._items(inner, length, depth + 1)
            yield _Do.PUT, inner.mark(SEQUENCE_END)
            return header + length
        yield _Do.DROP, header
        yield _Do.PUT, coding.header(element, length + 1)
        yield _Do.KEEP, length
        yield _Do.PUT, _pad(element)
        return header + length

    def _items(self, coding: Coding, size: int | None, depth: int) -> _Steps:
        passed = 0
        while size is None or passed < size:
            item = _read(coding.item, (yield _Do.PEEK, 8))
            if item.tag == SEQUENCE_END and size is None:
                yield _Do.KEEP, 8
                return passed + 8
            if item.tag != ITEM:
                raise CannotPad(f"a sequence holds {describe(item.tag)}, which is no item")
            passed += 8
            if item.length == UNDEFINED:
                yield _Do.KEEP, 8
                passed += yield from self._elements(coding, None, depth)
            elif item.length & 1:
                yield _Do.DROP, 8
                yield _Do.PUT, coding.mark(ITEM, UNDEFINED)
                passed += yield from self._elements(coding, item.length, depth)
                yield _Do.PUT, coding.mark(ITEM_END)
            else:
                yield _Do.KEEP, 8 + item.length
                passed += item.length
        if passed != size:
            raise CannotPad("the lengths of a sequence and of its items differ")
        return passed

    def _fragments(self, coding: Coding) -> _Steps:
        """The items of encapsulated pixel data: an offset table first (PS3.5 A.4)."""
        if self.is_native:
            raise Compressed
        passed, is_table, was_odd = 0, True, False
        while True:
            item = _read(coding.item, (yield _Do.PEEK, 8))
            if item.tag == SEQUENCE_END:
                yield _Do.KEEP, 8
                return passed + 8
            if item.tag != ITEM or item.length == UNDEFINED:
                raise CannotPad(f"the pixel data hold {describe(item.tag)}, which is no fragment")
            if was_odd and self._has_offsets and not self.drops_offsets:
                # The first fragment behind the byte that is added.
                raise OffsetsMove
            passed += 8 + item.length
            if is_table and item.length > 4 and self.drops_offsets:
                yield _Do.DROP, 8 + item.length
                yield _Do.PUT, coding.mark(ITEM)
            elif item.length & 1:
                was_odd = True
                yield _Do.DROP, 8
                yield _Do.PUT, coding.mark(ITEM, item.length + 1)
                yield _Do.KEEP, item.length
                yield _Do.PUT, b"\0"
            else:
                yield _Do.KEEP, 8 + item.length
            if is_table and item.length > 4:
                self._has_offsets = True
            is_table = False


def _read(read: Callable[[bytes, int], EncodedElement], ahead: bytes) -> EncodedElement:
    try:
        return read(ahead, 0)
    except struct.error:
        raise CannotPad("it ends in the middle of an element") from None
    except NotAnElement as error:
        raise CannotPad(str(error)) from None


def _is_sequence(element: EncodedElement, ahead: bytes) -> bool:
    return element.vr == b"SQ" or (element.vr in (b"", b"UN") and ahead in _ITEM_AHEAD)


def _pad(element: EncodedElement) -> bytes:
    vr = element.vr
    if not vr:
        from pydicom.datadict import dictionary_VR

        try:
            vr = dictionary_VR(element.tag).encode()
        except KeyError:
            return b"\0"
    return b" " if vr in _TEXT else b"\0"


# -- a data set that can be read anywhere ------------------------------------------------------------------------
ReadAt = Callable[[int, int], Buffer]
"""The bytes at an offset, as many as asked for or as there are."""


def plan(read_at: ReadAt, size: int, coding: Coding) -> Padding:
    """The padding for a data set of ``size`` bytes: nothing will be wrong with it on the way.

    Raises:
        CannotPad: the data set is damaged.
    """
    try:
        _try(Padding(coding), read_at, size)
    except OffsetsMove:
        _try(Padding(coding, drops_offsets=True), read_at, size)
        return Padding(coding, drops_offsets=True)
    return Padding(coding)


def is_compressed(read_at: ReadAt, size: int, coding: Coding) -> bool:
    """Whether a data set of ``size`` bytes has encapsulated pixel data."""
    try:
        _try(Padding(coding, is_native=True), read_at, size)
    except Compressed:
        return True
    except (CannotPad, NotAnElement):
        pass
    return False


def _try(padding: Padding, read_at: ReadAt, size: int) -> None:
    at = start = 0
    block: Buffer = b""
    walk = padding.walk()
    given: bytes | None = None
    while True:
        try:
            do, what = walk.send(given) if given is not None else next(walk)
        except StopIteration:
            return
        except NotAnElement as error:
            raise CannotPad(str(error)) from None
        given = None
        if do is _Do.PEEK:
            if not start <= at <= start + len(block) - what:
                start, block = at, read_at(at, max(0, min(_BLOCK, size - at)))
            given = bytes(block[at - start : at - start + what])
        elif do is not _Do.PUT:
            at += what
            if at > size:
                raise CannotPad(f"it is cut off: {at - size} bytes are missing")


# -- a data set that passes ---------------------------------------------------------------------------------------
def padded(chunks: Iterator[Buffer], padding: Padding) -> Iterator[Buffer]:
    """The chunks of a data set with its odd values padded, on the way.

    Where it turns out to be damaged, the rest passes as it is.

    Raises:
        CannotPad: an offset table that has gone out has become wrong.
    """
    passing = _Passing(chunks)
    walk = padding.walk()
    given: bytes | None = None
    while True:
        try:
            do, what = walk.send(given) if given is not None else next(walk)
            given = None
            if do is _Do.PEEK:
                if len(passing.chunk) - passing.at < what:
                    yield from passing.kept()
                    passing.gather(what)
                given = bytes(passing.chunk[passing.at : passing.at + what])
            elif do is _Do.KEEP:
                yield from passing.keep(what)
            else:
                yield from passing.kept()
                if do is _Do.PUT:
                    yield what
                else:
                    passing.drop(what)
        except (StopIteration, CannotPad, NotAnElement):
            break
        except OffsetsMove:
            raise CannotPad("padding a fragment of odd length moves the ones that an offset table points to") from None
    yield from passing.kept()
    if passing.at < len(passing.chunk):
        yield passing.chunk[passing.at :]
    yield from chunks


class _Passing:
    """The chunk that passes, and how far."""

    def __init__(self, chunks: Iterator[Buffer]) -> None:
        self._chunks = chunks
        self.chunk = memoryview(b"")
        self.at = self._from = 0

    def kept(self) -> Iterator[Buffer]:
        """What passes as it is, and has not gone out."""
        if self.at > self._from:
            yield self.chunk[self._from : self.at]
            self._from = self.at

    def gather(self, count: int) -> None:
        """Have ``count`` bytes in one chunk, if there are so many."""
        while len(self.chunk) - self.at < count:
            # Before the next one is asked for, which may come in the same memory.
            left = bytes(self.chunk[self.at :])
            more = next(self._chunks, None)
            if more is None:
                self.chunk, self.at, self._from = memoryview(left), 0, 0
                return
            self.chunk, self.at, self._from = memoryview(left + more if left else more).cast("B"), 0, 0

    def keep(self, count: int) -> Iterator[Buffer]:
        while count > len(self.chunk) - self.at:
            count -= len(self.chunk) - self.at
            self.at = len(self.chunk)
            yield from self.kept()
            if not self._next():
                raise CannotPad("it is cut off")
        self.at += count

    def drop(self, count: int) -> None:
        while count > len(self.chunk) - self.at:
            count -= len(self.chunk) - self.at
            self.at = self._from = len(self.chunk)
            if not self._next():
                raise CannotPad("it is cut off")
        self.at += count
        self._from = self.at

    def _next(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self.chunk, self.at, self._from = memoryview(chunk).cast("B"), 0, 0
        return True
