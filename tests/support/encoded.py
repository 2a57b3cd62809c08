"""Data sets and files by hand, element by element: as crooked as a test wants them."""

from __future__ import annotations

import zlib

from attrs import frozen

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
SYNTAXES = (IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG)

UNDEFINED = 0xFFFFFFFF
_LONG = ("OB", "OW", "SQ", "UN", "UT", "UC", "OV")


@frozen
class Writer:
    """Writes elements, their lengths as they are: nothing is padded."""

    syntax: str = EXPLICIT

    def __call__(self, tag: int, vr: str, value: bytes | str = b"", length: int | None = None) -> bytes:
        """An element; ``length`` is what it says, if not that of its value."""
        order = "big" if self.syntax == BIG else "little"
        raw = value.encode() if isinstance(value, str) else value
        size = len(raw) if length is None else length
        begin = (tag >> 16).to_bytes(2, order) + (tag & 0xFFFF).to_bytes(2, order)  # type: ignore[arg-type]
        if self.syntax == IMPLICIT or tag >> 16 == 0xFFFE:
            return begin + size.to_bytes(4, order) + raw  # type: ignore[arg-type]
        if vr in _LONG:
            return begin + vr.encode() + b"\0\0" + size.to_bytes(4, order) + raw  # type: ignore[arg-type]
        return begin + vr.encode() + size.to_bytes(2, order) + raw  # type: ignore[arg-type]

    def uid(self, tag: int, text: str) -> bytes:
        """A UID, padded."""
        return self(tag, "UI", text.encode() + b"\0" * (len(text) & 1))

    def uids(self, instance: str, sop_class: str = CT) -> bytes:
        return self.uid(0x00080016, sop_class) + self.uid(0x00080018, instance)

    def item(self, content: bytes, *, defined: bool = True) -> bytes:
        if defined:
            return self(0xFFFEE000, "", content)
        return self(0xFFFEE000, "", content, UNDEFINED) + self(0xFFFEE00D, "")

    def sequence(self, tag: int, *items: bytes, defined: bool = True) -> bytes:
        content = b"".join(items)
        if defined:
            return self(tag, "SQ", content)
        return self(tag, "SQ", content, UNDEFINED) + self(0xFFFEE0DD, "")

    def encapsulated(self, *fragments: bytes, table: bytes = b"") -> bytes:
        content = b"".join(self(0xFFFEE000, "", fragment) for fragment in (table, *fragments))
        return self(0x7FE00010, "OB", content, UNDEFINED) + self(0xFFFEE0DD, "")

    def finish(self, elements: bytes) -> bytes:
        """The elements as a data set: deflated, if that is the transfer syntax."""
        return zlib.compress(elements, wbits=-zlib.MAX_WBITS) if self.syntax == DEFLATED else elements


def data_set(syntax: str, instance: str = "1.2.3", sop_class: str = CT, *, more: int = 64) -> bytes:
    """An instance as others begin, and ``more`` bytes of something."""
    write = Writer(syntax)
    return write.finish(
        write(0x00080005, "CS", "ISO_IR 100")
        + write(0x00080008, "CS", "ORIGINAL\\PRIMARY")
        + write(0x00080012, "DA", "20200101")
        + write.uids(instance, sop_class)
        + write(0x00080020, "DA", "")
        + write(0x00100020, "LO", "ID")
        + write(0x7FE00010, "OW", bytes(index % 251 for index in range(more)))
    )


def file_meta(
    *,
    sop_class: str | None = CT,
    instance: str | None = "1.2.3",
    syntax: str | None = EXPLICIT,
    length: int | None = None,
    has_length: bool = True,
    pad: str = "\0",
) -> bytes:
    """Group 0002; ``length`` is the group length it states, if not the right one."""
    write = Writer(EXPLICIT)
    body = write(0x00020001, "OB", b"\0\1")
    for tag, text in ((0x00020002, sop_class), (0x00020003, instance), (0x00020010, syntax)):
        if text is not None:
            body += write(tag, "UI", text + pad * (len(text) & 1 or len(pad) - 1))
    body += write.uid(0x00020012, "1.2.3.4")
    stated = len(body) if length is None else length
    return (write(0x00020000, "UL", stated.to_bytes(4, "little")) if has_length else b"") + body


PREFIX = bytes(128) + b"DICM"


def dicom_file(content: bytes, meta: bytes | None = None) -> bytes:
    """A file that holds ``content``."""
    return PREFIX + (file_meta() if meta is None else meta) + content
