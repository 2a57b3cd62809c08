"""How a data set begins: whether it is one, and what came in front of it that is none of it (PS3.5 7, PS3.10 7.1).

Some devices send the file meta information of the file along, some the whole file.  Kept, a stored file would have two
transfer syntaxes, and readers take the wrong one.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from struct import Struct

from dicomwire.data.encodings import LONG_VRS, SHORT_VRS, UNDEFINED, VRS, Encoding, encoding_of
from dicomwire.errors import BrokenDataSet
from dicomwire.upper_layer.connection import Buffer

_EXPLICIT = {True: Struct("<HH2sH"), False: Struct(">HH2sH")}
_LONG = {True: Struct("<L"), False: Struct(">L")}
_IMPLICIT = Struct("<HHL")

_ITEMS = (0xFFFEE000, 0xFFFEE0DD)

_NEVER = frozenset((0xFFFE, 0xFFFF))
"""Groups that no element of a data set has (PS3.5 7.1, 7.5); 0001 to 0007 are forbidden too, but found."""

_LONGEST_META = 1 << 20
_ENOUGH = 512
"""Bytes of a data set that tell whether it is one: the tables of a deflated one alone may take three hundred."""

_PREAMBLE = 128


class NoDataSet(BrokenDataSet):
    """What came as a data set is none in the transfer syntax of its presentation context."""


def why_no_data_set(head: Buffer, transfer_syntax: str, *, length: int | None = None) -> str | None:
    """Why what begins with ``head`` is plainly no data set in a transfer syntax, in words; None if it may be one.

    ``head`` is the first 512 bytes, or all there is.  ``length`` is that of the whole data set in bytes, if it has been
    seen.  An empty one is a data set, and so are zeros, with which nothing can be said.  What devices send is put up
    with: odd lengths, unknown and private tags, VRs of later editions of the standard, and ``??`` and the like where
    the tag is known.
    """
    encoding = judged_encoding(transfer_syntax)
    why = None if encoding is None else _why_not(bytes(head), encoding, length)
    return None if why is None else f"what came is no data set in {_name(transfer_syntax)}: {why}"


@lru_cache(maxsize=256)
def judged_encoding(transfer_syntax: str) -> Encoding | None:
    """The encoding of a transfer syntax of the standard; nothing is known of others."""
    if not transfer_syntax.startswith("1.2.840.10008."):
        return None
    try:
        return encoding_of(transfer_syntax)
    except ValueError:
        return None


def _name(uid: str) -> str:
    from dicomwire.vocabulary.titles_and_uids import uid_name

    return uid_name(uid)


def _why_not(head: bytes, encoding: Encoding, length: int | None) -> str | None:
    if encoding.deflated:
        return _why_not_deflated(head, length)
    if len(head) < 8:
        return None if length is None or not head else f"{len(head)} bytes are no element"
    if not any(head[:8]):
        return None
    if int.from_bytes(head[:2], "little" if encoding.little else "big") in _NEVER:
        return f"it begins with {head[:8].hex(' ')}"
    if encoding.implicit:
        return _why_not_implicit(head, length)
    return _why_not_explicit(head, encoding.little, length)


def _why_not_explicit(head: bytes, little: bool, length: int | None) -> str | None:
    group, number, vr, size = _EXPLICIT[little].unpack_from(head)
    begins = f"it begins with {head[:8].hex(' ')}"
    start = 8
    if vr in LONG_VRS:
        start = 12
        size = _LONG[little].unpack_from(head, 8)[0] if len(head) >= 12 else 0
        if size == UNDEFINED:
            size = 0
    elif vr in SHORT_VRS:
        pass
    elif vr.isalpha() and vr.isupper():
        # Of a later edition, maybe.  Those have long lengths; whether the writer knew that is not certain.
        if not _vrs_of(group, number):
            return begins
    elif not (vr.isascii() and vr.decode().isprintable() and _vrs_of(group, number)):
        return f"{begins}, which is no tag and VR"
    if vr in VRS and not _vrs_of(group, number) and _vrs_of(_swapped(group), _swapped(number)):
        return f"{begins}, in the other byte order"
    if length is not None and start + size > length:
        return f"its first element would be longer than the {length} bytes that came"
    return None


def _why_not_implicit(head: bytes, length: int | None) -> str | None:
    group, number, size = _IMPLICIT.unpack_from(head)
    begins = f"it begins with {head[:8].hex(' ')}"
    known = _vrs_of(group, number)
    vr = head[4:6]
    # All VRs with long lengths are odd as a length; of the others, some are none.
    if (vr in LONG_VRS and not any(head[6:8])) or (vr in SHORT_VRS and (not known or vr in known)):
        return f"{begins}, as in explicit VR"
    if size == UNDEFINED:
        follows = _tag(head, 8)
        is_sequence = not known or not known <= SHORT_VRS
        return None if is_sequence and (follows is None or follows in _ITEMS) else begins
    end = 8 + size
    if length is not None and end > length:
        return f"{begins}, and is {length} bytes long: too short for its first element"
    if known:
        return begins if known <= SHORT_VRS and size > 0xFFFF else None
    follows = _tag(head, end)
    if follows is None:
        # Its end is not in sight, or it is the only one.
        return None if size <= 0xFFFF or end == length else begins
    return None if follows > group << 16 | number and follows >> 16 not in _NEVER else begins


def _why_not_deflated(head: bytes, length: int | None) -> str | None:
    if not head:
        return None
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(head, 2 * _ENOUGH)
    except zlib.error:
        return f"it begins with {head[:8].hex(' ')}, which is not deflated"
    if plain[:2] == b"\2\0":
        return "it begins with file meta information, deflated"
    complete = len(plain) if inflater.eof else None
    if complete is None and length is not None and length <= len(head) and len(plain) < 2 * _ENOUGH:
        return "it is deflated and ends early"
    return _why_not(plain, Encoding(implicit=False, little=True, deflated=False), complete)


def _tag(data: bytes, offset: int) -> int | None:
    if len(data) < offset + 4:
        return None
    return int.from_bytes(data[offset : offset + 2], "little") << 16 | int.from_bytes(
        data[offset + 2 : offset + 4], "little"
    )


def _swapped(number: int) -> int:
    return (number & 0xFF) << 8 | number >> 8


def _vrs_of(group: int, number: int) -> frozenset[bytes]:
    """The VRs that the standard has for a tag; none if it does not know it."""
    if number == 0:
        return frozenset((b"UL",)) if group <= 0x7FFF else frozenset()
    from pydicom.datadict import dictionary_VR

    try:
        return frozenset(vr.encode() for vr in dictionary_VR(group << 16 | number).split(" or "))
    except KeyError:
        return frozenset()


class DataSetBeginning:
    """Looks at a data set while it arrives, in pieces of any size, until it is clear what it is.

    File meta information in front of it, and the preamble of a whole file, are taken away.
    """

    __slots__ = ("_encoding", "_held", "_is_file", "_named", "_needed", "_offset", "_syntax", "is_plain", "reason")

    def __init__(self, transfer_syntax: str) -> None:
        self._syntax = transfer_syntax
        self._encoding = judged_encoding(transfer_syntax)
        self._held = bytearray()
        self._needed = 8
        self._offset = 0
        self._is_file: bool | None = None
        self._named: str | None = None
        self.is_plain: bool = False
        """It begins as nearly all do: nothing is to be said of it."""

        self.reason: str | None = None
        """Why it is no data set, once that is clear."""

    @property
    def dropped(self) -> int:
        """How many bytes in front of the data set were taken away."""
        return 0 if self.reason else self._offset

    def take(self, fragments: list[memoryview], *, last: bool) -> list[memoryview] | None:
        """What of all that has come is the data set's, once that is clear; None before.

        Whatever comes later is the data set's.  What is no data set comes out as it went in.
        """
        held = self._held
        if not held and fragments:
            first = fragments[0]
            end = self._first_end(first)
            if end and (not last or end <= first.nbytes or end <= sum(map(len, fragments))):
                self.is_plain = True
                return fragments
        for fragment in fragments:
            held += fragment
        if not last and (len(held) < self._needed or not self._is_clear(last=False)):
            return None
        if last:
            self._is_clear(last=True)
        kept = memoryview(held)[self.dropped :]
        return [kept] if kept else []

    def _first_end(self, data: memoryview) -> int:
        """Where the first element ends, of data sets that begin as nearly all do; 0 for the others."""
        encoding = self._encoding
        if encoding is None or encoding.deflated or data.nbytes < 12:
            return 0
        if encoding.implicit:
            # A length with two letters in it may be a VR.
            is_plain = data[0] == 8 and data[1] == 0 and data[5] < 0x41 and data[6] == 0 and data[7] == 0
            return 8 + data[4] + (data[5] << 8) if is_plain else 0
        group, _, vr, size = _EXPLICIT[encoding.little].unpack_from(data)
        if group != 0x0008 or vr not in VRS:
            return 0
        if vr in SHORT_VRS:
            return 8 + int(size)
        long_size: int = _LONG[encoding.little].unpack_from(data, 8)[0]
        return 12 if long_size == UNDEFINED else 12 + long_size

    def _is_clear(self, *, last: bool) -> bool:
        """Whether enough has come; ``reason`` and ``dropped`` are set then."""
        held = self._held
        if self._is_file is None:
            if len(held) < _PREAMBLE + 6 and not last:
                self._needed = _PREAMBLE + 6
                return False
            starts = held[_PREAMBLE + 4 : _PREAMBLE + 6] == b"\2\0" or not any(held[:_PREAMBLE])
            self._is_file = starts and held[_PREAMBLE : _PREAMBLE + 4] == b"DICM"
            self._offset = _PREAMBLE + 4 if self._is_file else 0
        if not self._skip_meta(last=last):
            return False
        if self.reason is None:
            if len(held) < self._offset + _ENOUGH and not last:
                self._needed = self._offset + _ENOUGH
                return False
            length = len(held) - self._offset if last else None
            head = held[self._offset : self._offset + _ENOUGH]
            self.reason = self._why_other_syntax() or why_no_data_set(head, self._syntax, length=length)
        return True

    def _skip_meta(self, *, last: bool) -> bool:
        """Go on behind the file meta information as far as it has come; whether its end has."""
        held = self._held
        while True:
            self._needed = self._offset + 12
            if len(held) < self._needed and not last:
                return False
            found = self._meta_element(held)
            if found is None:
                return True
            number, start, end = found
            if end > _LONGEST_META:
                self.reason = f"the file meta information in front of a data set is longer than {_LONGEST_META} bytes"
                return True
            if end > len(held):
                self._needed = end
                if last:
                    self.reason = "what came ends within file meta information"
                return last
            if number == 0x0010:
                self._named = held[start:end].decode("ascii", "replace").strip("\0 ")
            self._offset = end

    def _meta_element(self, held: bytearray) -> tuple[int, int, int] | None:
        """The number of the next element, if it is of group 0002, and where its value begins and ends."""
        at = self._offset
        if len(held) < at + 8:
            return None
        is_big = self._encoding is not None and not self._encoding.little
        little = True
        if is_big and held[at : at + 2] == b"\0\2":
            little = False
        elif held[at : at + 2] != b"\2\0":
            return None
        _, number, vr, length = _EXPLICIT[little].unpack_from(held, at)
        if vr in SHORT_VRS:
            return number, at + 8, at + 8 + length
        if vr in LONG_VRS:
            length = _LONG[little].unpack_from(held, at + 8)[0] if len(held) >= at + 12 else 0
            return number, at + 12, at + 12 + length
        if is_big or (self._encoding is not None and self._encoding.deflated):
            return None
        return number, at + 8, at + 8 + int.from_bytes(held[at + 4 : at + 8], "little")

    def _why_other_syntax(self) -> str | None:
        """Of a whole file, that it is in another transfer syntax: where the bytes cannot tell, its meta does."""
        named = self._named
        if not self._is_file or not named or named == self._syntax or judged_encoding(named) != self._encoding:
            return None
        return f"what came is a file in {_name(named)}, on a presentation context in {_name(self._syntax)}"
