"""File meta information by hand: a small reader and writer for the hot path (PS3.10 7.1).

pydicom needs longer to parse one than a whole C-STORE takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from struct import Struct
from typing import Protocol

from attrs import frozen

from dicomwire._values import Value
from dicomwire.data.encodings import LONG_VRS, SHORT_VRS

_HEAD = Struct("<HH2sH")
_LONG = Struct("<L")
_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = 0x0002, 0x0003, 0x0010
_FIRST_READ = 4096
_LONGEST = 1 << 20
_LONGEST_VALUE = 1024
"""Bytes of a value that are kept: a UID has 64, and some pad it."""

PREAMBLE = bytes(128) + b"DICM"
"""Zeroed: a preamble can be made an executable (CVE-2019-11687), ours never is."""


# Without slots: frozen classes with slots take twice as long to make.
@frozen(kw_only=True, slots=False, repr=False, eq=False)
class FileMeta(Value):
    """What of a file's meta information sending it needs; None where an element is missing or empty."""

    transfer_syntax_uid: str | None
    values: Mapping[int, bytes]
    """By number, as they are in the file: those that are looked at."""

    data_set_offset: int
    """Where the data set begins in the file, in bytes."""

    has_prefix: bool = True
    """False for what has no 'DICM': it may still be a data set."""

    # Most data sets say these themselves, and nobody asks.
    @property
    def sop_class_uid(self) -> str | None:
        return _text(self.values.get(_SOP_CLASS, b""))

    @property
    def sop_instance_uid(self) -> str | None:
        return _text(self.values.get(_SOP_INSTANCE, b""))


_WANTED = frozenset((_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX))

_FIRST = b"DICM\2\0\0\0UL\4\0"
_VERSION = b"\2\0\1\0OB\0\0\2\0\0\0\0\1"
"""Group length, but for its value, and version, as nearly all have them."""

_SHORT = {
    b"\2\0" + number.to_bytes(2, "little") + vr: number
    for number, vr in (
        (0x0000, b"UL"),
        (_SOP_CLASS, b"UI"),
        (_SOP_INSTANCE, b"UI"),
        (_TRANSFER_SYNTAX, b"UI"),
        (0x0012, b"UI"),
        (0x0013, b"SH"),
        (0x0016, b"AE"),
    )
}
"""The elements with short lengths, as they begin; by that, their numbers."""

_BARE = (b"\2\0", b"\x08\0", b"\0\x08")
"""The groups that a file without preamble begins with: file meta information, or a data set in either byte order."""


class Readable(Protocol):
    """What has bytes one after the other."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most ``size``; none at the end."""
        ...


def read_file_meta(file: Readable) -> FileMeta:
    """The file meta information of ``file``, read from where it stands; it is left somewhere behind it.

    Raises:
        pydicom.errors.InvalidDicomError: this is no DICOM file.
    """
    return parse_file_meta(file.read(_FIRST_READ), file.read)


def parse_file_meta(data: bytes, more: Callable[[int], bytes | None], *, or_bare: bool = False) -> FileMeta:
    """The file meta information at the front of ``data``; ``more`` reads what follows it.

    With ``or_bare``, a file without preamble is one too if it begins as one may: with file meta information, or with a
    data set at once.

    It ends where another group than 0002 begins: group lengths are wrong too often.  Of elements that come twice, as
    where there are two file meta informations, the first counts; no group 0002 is part of the data set.  Elements in
    implicit VR are taken for what they are.

    Raises:
        pydicom.errors.InvalidDicomError: this is no DICOM file.
    """
    size = len(data)
    has_prefix = data[128:132] == b"DICM"
    if data[128:140] == _FIRST and data[144:158] == _VERSION:
        # As nearly all begin, at the end of which there is nothing to be looked at.
        offset = 158
    elif has_prefix:
        offset = 132
    elif or_bare and data[:2] in _BARE:
        offset = 0
    else:
        raise _invalid("there is no 'DICM' behind the preamble")
    found: dict[int, bytes] = {}
    while True:
        if size < offset + 12:
            data += more(_FIRST_READ) or b""
            size = len(data)
            if size < offset + 8:
                break
        # Slices and single bytes: the quickest way to a few small numbers.
        key = data[offset : offset + 6]
        start = offset + 8
        if key in _SHORT:
            element = _SHORT[key]
            offset = start + (data[offset + 6] | data[offset + 7] << 8)
        elif data[offset] != 2 or data[offset + 1]:
            break
        else:
            element = data[offset + 2] | data[offset + 3] << 8
            start, offset = _value(data, offset, size)
        if offset > _LONGEST:
            raise _invalid(f"the file meta information is longer than {_LONGEST} bytes")
        if size < offset:
            data += more(offset - size + _FIRST_READ) or b""
            size = len(data)
            if size < offset:
                raise _invalid("the file meta information is cut off")
        if element in _WANTED and element not in found:
            found[element] = data[start:offset][:_LONGEST_VALUE]
    syntax = _text(found[_TRANSFER_SYNTAX]) if _TRANSFER_SYNTAX in found else None
    return FileMeta(transfer_syntax_uid=syntax, values=found, data_set_offset=offset, has_prefix=has_prefix)


def _value(data: bytes, offset: int, size: int) -> tuple[int, int]:
    """Where the value of the element at ``data[offset]`` begins and ends."""
    vr = data[offset + 4 : offset + 6]
    start = offset + 8
    if vr in SHORT_VRS:
        return start, start + (data[offset + 6] | data[offset + 7] << 8)
    if vr not in LONG_VRS:
        # Implicit VR, as some have it that know of nothing else.
        (length,) = _LONG.unpack_from(data, offset + 4)
        return start, start + length
    if size < start + 4:
        raise _invalid("the file meta information is cut off")
    (length,) = _LONG.unpack_from(data, start)
    return start + 4, start + 4 + length


# Those that are asked for, transfer syntaxes nearly always, are few.
@lru_cache(maxsize=64)
def _text(value: bytes) -> str | None:
    return value.decode("ascii", "replace").strip("\0 ") or None


def _invalid(why: str) -> Exception:
    from pydicom.errors import InvalidDicomError

    return InvalidDicomError(f"File is not a DICOM file: {why}")


def encode_file_meta(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    implementation_class_uid: str,
    implementation_version_name: str | None,
) -> bytes:
    """Preamble, prefix and file meta information: all that comes before the data set of a file."""
    instance = _element(_SOP_INSTANCE, b"UI", sop_instance_uid)
    before, behind = _around_instance(
        sop_class_uid, transfer_syntax_uid, implementation_class_uid, implementation_version_name, len(instance)
    )
    return before + instance + behind


# Of many instances only their UIDs differ.
@lru_cache(maxsize=64)
def _around_instance(
    sop_class_uid: str,
    transfer_syntax_uid: str,
    implementation_class_uid: str,
    implementation_version_name: str | None,
    length: int,
) -> tuple[bytes, bytes]:
    """What comes before and behind the ``length`` bytes of the element that names the instance."""
    before = b"\2\0\1\0OB\0\0\2\0\0\0\0\1" + _element(_SOP_CLASS, b"UI", sop_class_uid)
    behind = _element(_TRANSFER_SYNTAX, b"UI", transfer_syntax_uid)
    behind += _element(0x0012, b"UI", implementation_class_uid)
    if implementation_version_name:
        behind += _element(0x0013, b"SH", implementation_version_name)
    length += len(before) + len(behind)
    return PREAMBLE + b"\2\0\0\0UL\4\0" + _LONG.pack(length) + before, behind


def _element(number: int, vr: bytes, text: str) -> bytes:
    raw = text.encode("ascii", "replace")
    if len(raw) & 1:
        raw += b"\0" if vr == b"UI" else b" "
    return _HEAD.pack(0x0002, number, vr, len(raw)) + raw
