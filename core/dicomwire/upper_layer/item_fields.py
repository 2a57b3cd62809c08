"""What items are made of: types, lengths and text (PS3.8 9.3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct, error as StructError

from dicomwire.errors import RemoteProtocolError

_HEADER = Struct(">BxH")
_U16 = Struct(">H")


def pack(layout: Struct, *values: int | bytes) -> bytes:
    """``layout.pack``.

    Raises:
        ValueError: a number does not fit in its field.
    """
    try:
        return layout.pack(*values)
    except StructError as error:
        raise ValueError(f"{values} cannot be encoded: {error}") from None


def encode_item(kind: int, body: bytes) -> bytes:
    """One item.

    Raises:
        ValueError: the body is longer than the 16-bit length can say, or the kind more than a byte.
    """
    if len(body) > 0xFFFF:
        raise ValueError(f"item {kind:#04x} of {len(body)} bytes is longer than 65535")
    return pack(_HEADER, kind, len(body)) + body


def split_items(body: bytes, what: str) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each item in ``body``, which must be filled exactly.

    Raises:
        RemoteProtocolError: an item runs over its parent, or stray bytes are left.
    """
    offset, end = 0, len(body)
    while offset < end:
        if end - offset < 4:
            raise RemoteProtocolError(f"{end - offset} stray bytes at the end of {what}")
        kind, length = _HEADER.unpack_from(body, offset)
        offset += 4
        if length > end - offset:
            raise RemoteProtocolError(
                f"item {kind:#04x} of {length} bytes in {what}, which has only {end - offset} left"
            )
        yield kind, body[offset : offset + length]
        offset += length


def decode_text(raw: bytes) -> str:
    """Text as sent, without the NULs and spaces some peers pad with; never fails (robustness comes first)."""
    return raw.decode("latin-1").rstrip("\0 ")


def encode_text(text: str) -> bytes:
    """Text as it is sent; what is not in its character set as a question mark."""
    return text.encode("latin-1", "replace")


def take_counted(body: bytes, offset: int, what: str) -> tuple[bytes, int]:
    """A field with a 16-bit length in front, and the offset behind it.

    Raises:
        RemoteProtocolError: ``body`` ends before it does.
    """
    if len(body) - offset < 2:
        raise RemoteProtocolError(f"{what} ends where a length is due")
    (length,) = _U16.unpack_from(body, offset)
    offset += 2
    if length > len(body) - offset:
        raise RemoteProtocolError(f"{what} has a field of {length} bytes, but only {len(body) - offset} left")
    return body[offset : offset + length], offset + length


def counted(raw: bytes) -> bytes:
    """A field with a 16-bit length in front.

    Raises:
        ValueError: it is longer than that can say.
    """
    if len(raw) > 0xFFFF:
        raise ValueError(f"a field of {len(raw)} bytes is longer than 65535")
    return _U16.pack(len(raw)) + raw
