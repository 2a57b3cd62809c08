"""Where an instance to store comes from: files, bytes, streams; read in pieces, decoded never."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from mmap import mmap
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from attrs import evolve, frozen

from dicomwire._logging import logger, printable
from dicomwire._values import Value
from dicomwire.data import store
from dicomwire.data.bytes_to_send import (
    Content,
    FromFile,
    FromIterable,
    InFile,
    InMemory,
    Pieces,
    content_of,
    is_buffer,
    view_of,
)
from dicomwire.data.data_set_head import Head, Unsendable, guess, name_of, quick_uids, read_head, without_file_meta
from dicomwire.data.encodings import Coding, known
from dicomwire.data.file_meta import FileMeta, parse_file_meta
from dicomwire.data.padding import CannotPad, Padding, is_compressed, plan

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

_HEAD = 16 * 1024
"""Read at once from the front of a file: small files are whole in it."""

_HEADS = (1024, _HEAD, 8 * _HEAD, 64 * _HEAD)
"""How far to look for the UIDs, in bytes of the data set: nearly always they are in the first KiB."""

_is_uid = re.compile(r"[0-9.]{1,64}").fullmatch
_is_padded_uid = re.compile(rb"([0-9.]{1,64})[\0 ]*").fullmatch
_is_name = re.compile(r"[!-\[\]-~]{1,64}").fullmatch
"""No UID, but what a data set may call its instance: hashes are found in the field, and archives have them."""


@lru_cache(maxsize=256)
def _uid_of_few(value: bytes) -> str | None:
    """A value that is a UID without its padding: of SOP classes, of which there are few."""
    found = _is_padded_uid(value)
    return None if found is None else str(found[1], "ascii")


# Without slots: frozen classes with slots take twice as long to make.
@frozen(kw_only=True, slots=False, repr=False, eq=False)
class EncodedDataSet(Value):
    """A data set that is encoded already, with what a C-STORE has to say of it.

    ``data`` is the data set without file meta information: bytes-like (also an ``mmap``), a binary file object at
    its beginning, or an iterable of bytes-likes.  UIDs that are found in its beginning win over the stated ones.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data: Any

    def pieces(self, step: int) -> Pieces:
        """The data in pieces of at most ``step`` bytes, an even number, and of even length.

        Values of odd length are padded; deflated data as a whole.

        Raises:
            ValueError: it cannot be made even.
        """
        made = self if isinstance(self.data, Content) else _of_stated(self)
        pieces: Pieces = made.data.pieces(step)
        return pieces


class Opened:
    """Gives the instance in a ``with`` statement, at whose end a file that was opened for it is closed."""

    __slots__ = ("_descriptor", "_meta", "instance", "is_bare", "is_open")

    def __init__(self, instance: EncodedDataSet, meta: FileMeta | None = None, descriptor: int = -1) -> None:
        self.instance: EncodedDataSet = instance
        self._meta = meta
        self._descriptor = descriptor
        self.is_bare: bool = meta is None
        """It was given as an :class:`EncodedDataSet`."""

        self.is_open: bool = descriptor >= 0
        """There is a file to be closed."""

    @property
    def lacks(self) -> str:
        """What its file meta information should say, and only its data set says."""
        return "" if self._meta is None else _lacking(self._meta)

    def __enter__(self) -> EncodedDataSet:
        return self.instance

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file that was opened for it, if there is one."""
        if self.is_open:
            self.is_open = False
            store.STORE.close(self._descriptor)


class IncompleteFileMeta(AttributeError):
    """Neither the file meta information nor the data set says what a C-STORE has to."""


Storable: TypeAlias = (
    "Dataset | str | os.PathLike[str] | BinaryIO | bytes | bytearray | memoryview | mmap | EncodedDataSet"
)
"""An instance: a ``Dataset``, the path of a DICOM file, its bytes, a binary file object, or an `EncodedDataSet`."""


def is_source(source: Any) -> bool:
    """Whether :func:`opened` may make something of this; text is a path if there is something."""
    if isinstance(source, str):
        return os.path.exists(source)
    return runs_no_code(source) or isinstance(source, EncodedDataSet) or hasattr(source, "read")


def runs_no_code(source: Any) -> bool:
    """Whether :func:`opened` runs no code of the user's for this."""
    return isinstance(source, str | os.PathLike) or is_buffer(source)


def opened(source: Any) -> Opened:
    """The instance that ``source`` holds: a path, the bytes of a DICOM file, a binary file object at the beginning
    of one, or an :class:`EncodedDataSet`.

    Its SOP class and SOP instance are those of its data set; where that has none in its beginning, or too far behind,
    they are those of the file meta information.  If that has no transfer syntax, it is guessed from the data set.  What
    has no preamble is an instance if it begins like a data set that has both UIDs.

    Raises:
        OSError: a file cannot be read.
        pydicom.errors.InvalidDicomError: it is no DICOM file.
        IncompleteFileMeta: its file meta information lacks something, and its data set does not tell.
        Unsendable, a ValueError: its data set is not encoded as its transfer syntax says, is damaged and of odd length,
            or a UID is none.
        TypeError: it is nothing of the kind.
    """
    if isinstance(source, str | os.PathLike):
        return opened_file(os.fspath(source))
    if isinstance(source, EncodedDataSet):
        return Opened(source if isinstance(source.data, Content) else _of_stated(source))
    if is_buffer(source):
        return _opened_buffer(view_of(source))
    if hasattr(source, "read"):
        content = FromFile(source)
        first = content.head(_HEAD)
        meta = parse_file_meta(first, content.grow, or_bare=True)
        content.drop(meta.data_set_offset)
        return _opened(content, meta, content.head(0), 0)
    raise TypeError(f"{type(source).__name__} is nothing that can be stored")


def _opened_buffer(view: memoryview) -> Opened:
    at = _HEAD

    def more(size: int) -> bytes:
        nonlocal at
        start, at = at, at + size
        return bytes(view[start:at])

    content = InMemory(view)
    try:
        head = bytes(view[:_HEAD])
        meta = parse_file_meta(head, more, or_bare=True)
        content.drop(meta.data_set_offset)
        return _opened(content, meta, head, meta.data_set_offset)
    except BaseException:
        content.release()
        view.release()
        raise


def opened_file(path: str) -> Opened:
    """As :func:`opened`, for a path that is text already."""
    # Descriptors, because a file object costs more than all its reads of a small file.
    descriptor = store.STORE.open_to_read(path)
    try:
        head = os.read(descriptor, _HEAD)
        meta = parse_file_meta(head, lambda size: os.read(descriptor, size), or_bare=True)
        offset = meta.data_set_offset
        size, have = os.fstat(descriptor).st_size, len(head)
        if size < have:
            raise OSError("this is no regular file, or it has just been cut off")
        view = memoryview(head)[offset:]
        if size > have:
            return _opened(InFile(descriptor, offset, max(0, size - offset), view), meta, head, offset, descriptor)
        made = _opened(InMemory(view), meta, head, offset)
    except BaseException:
        store.STORE.close(descriptor)
        raise
    # All of it has been read.
    store.STORE.close(descriptor)
    return made


def _opened(content: Content, meta: FileMeta, data: bytes, start: int, descriptor: int = -1) -> Opened:
    """The instance of a file whose data set is ``content``, and begins at ``data[start]``."""
    syntax = meta.transfer_syntax_uid
    if syntax is None or not known(syntax).is_uid:
        syntax = _guessed(content, meta)
    what = known(syntax)
    uids = None if what.deflated else quick_uids(data, start, what.coding)
    # Of nearly all files this is all there is to be looked at.
    if uids is None or (sop_class := _uid_of_few(uids[0])) is None or (found := _is_padded_uid(uids[1])) is None:
        sop_class, instance = _identity(content, meta, syntax, data, start)
    else:
        instance = str(found[1], "ascii")
    if content.size is None or content.size & 1:
        _make_even(content, syntax, instance)
    made = EncodedDataSet(sop_class_uid=sop_class, sop_instance_uid=instance, transfer_syntax_uid=syntax, data=content)
    return Opened(made, meta, descriptor)


def _identity(content: Content, meta: FileMeta, syntax: str, data: bytes, start: int) -> tuple[str, str]:
    """SOP class and SOP instance, wherever they are."""
    try:
        head = _look(content, syntax, data, start)
    except Unsendable as error:
        if meta.has_prefix:
            error.sop_instance_uid = error.sop_instance_uid or meta.sop_instance_uid
            raise
        head = Head()
    if not (meta.has_prefix or (head.sop_class_uid and head.sop_instance_uid)):
        # Something that looks like an element in its first bytes: says what is missing.
        parse_file_meta(b"", lambda size: b"")
    instance, sop_class = head.sop_instance_uid, head.sop_class_uid
    if _is_uid(instance) is None:
        instance = _uid(instance, meta.sop_instance_uid, "SOP Instance UID", "(0002,0003)", None)
    if _is_uid(sop_class) is None:
        sop_class = _uid(sop_class, meta.sop_class_uid, "SOP Class UID", "(0002,0002)", instance)
    return sop_class, instance


def _lacking(meta: FileMeta) -> str:
    """The first element that it has not; empty if it has all."""
    if meta.sop_class_uid is None:
        return "(0002,0002) Media Storage SOP Class UID"
    if meta.sop_instance_uid is None:
        return "(0002,0003) Media Storage SOP Instance UID"
    return "(0002,0010) Transfer Syntax UID" if meta.transfer_syntax_uid is None else ""


def _of_stated(stated: EncodedDataSet) -> EncodedDataSet:
    """As :func:`opened`, for what says itself what it is."""
    content = content_of(stated.data)
    # An iterable may be in no hurry: no more is asked of it than tells the UIDs.
    data = content.head(1 if isinstance(content, FromIterable) else _HEAD)
    try:
        head = _look(content, stated.transfer_syntax_uid, data, 0, strict=False)
    except Unsendable as error:
        error.sop_instance_uid = error.sop_instance_uid or stated.sop_instance_uid
        raise
    instance, sop_class = stated.sop_instance_uid, stated.sop_class_uid
    if _is_name(head.sop_instance_uid) is not None:
        instance = head.sop_instance_uid
    if _is_uid(head.sop_class_uid) is not None:
        sop_class = head.sop_class_uid
    for actual, said, name in (
        (sop_class, stated.sop_class_uid, "SOP Class"),
        (instance, stated.sop_instance_uid, "SOP Instance"),
    ):
        if actual != said:
            LOGGER.warning("the %s UID of a data set is %s, and not %s as stated", name, actual, printable(said, 100))
    if content.size is None or content.size & 1:
        _make_even(content, stated.transfer_syntax_uid, instance)
    return evolve(stated, sop_class_uid=sop_class, sop_instance_uid=instance, data=content)


def _look(content: Content, syntax: str, data: bytes, start: int, *, strict: bool = True) -> Head:
    """The head of a data set that begins at ``data[start]``, and with more of it if that takes more."""
    size = content.size
    have = len(data) - start
    head = read_head(data, start, syntax, size, whole=size is not None and have >= size, strict=strict)
    if not head.is_cut:
        if head.skip:
            content.drop(head.skip)
        return head
    for wanted in _HEADS:
        if not head.is_cut:
            break
        if wanted > have:
            data = content.head(wanted)
            have = len(data)
            head = read_head(data, 0, syntax, size, whole=have < wanted, strict=strict)
    if head.is_cut and not head.skip and content.head(2)[:2] in (b"\2\0", b"\0\2"):
        raise Unsendable("too much file meta information is in front of its data set")
    content.drop(head.skip)
    return head


def _guessed(content: Content, meta: FileMeta) -> str:
    """The transfer syntax of a file that does not say it: an uncompressed one, by its first elements."""
    data = content.head(_HEAD)
    coding = guess(data, without_file_meta(data, 0) or 0, content.size)
    if coding is None:
        why = "and its data set does not tell how it is encoded"
    elif content.size is not None and is_compressed(content.read_at, content.size, coding):
        why = "and its pixel data are compressed in a way that nothing tells"
    else:
        content.rewind()
        LOGGER.info("a file without transfer syntax is encoded as %s", name_of(coding.transfer_syntax))
        return coding.transfer_syntax
    if not meta.has_prefix:
        parse_file_meta(b"", lambda size: b"")
    said = "no" if meta.transfer_syntax_uid is None else "something else than a UID as"
    raise IncompleteFileMeta(f"the file meta information has {said} (0002,0010) Transfer Syntax UID, {why}")


def _uid(found: str, stated: str | None, name: str, element: str, instance: str | None) -> str:
    """The UID of the data set, else that of the file meta information; ``instance`` is known once the class is wanted.

    Raises:
        Unsendable: it is none.
        IncompleteFileMeta: there is none.
    """
    uid = found or stated
    if not uid:
        raise IncompleteFileMeta(
            f"the file meta information has no {element} Media Storage {name}, and the data set no {name}"
        )
    if _is_uid(uid) is None:
        if found and instance is None and _is_name(found) is not None:
            LOGGER.warning("the %s in a data set is no UID, and sent as it is: %s", name, printable(found))
            return found
        where = "in its data set" if found else f"in its file meta information ({element}), which its data set lacks,"
        raise Unsendable(f"the {name} {where} is no UID: {printable(uid, 100)!r}", instance)
    return uid


def _make_even(content: Content, syntax: str, instance: str) -> None:
    """Let ``content``, whose length is odd or unknown, have an even one.

    Raises:
        Unsendable: it cannot have.
    """
    size = content.size
    what = known(syntax)
    if what.deflated:
        content.pads = True
        return
    coding: Coding | None = what.coding or guess(content.head(_HEAD), 0, size)
    if size is None:
        content.padding = None if coding is None else Padding(coding)
        return
    try:
        if coding is None:
            raise CannotPad(f"nobody knows how {syntax} is encoded")
        content.padding = plan(content.read_at, size, coding)
        content.rewind()
    except CannotPad as error:
        raise Unsendable(
            f"its data set is of odd length ({size} bytes) and cannot be padded: {error}", instance
        ) from None


def decoded(instance: EncodedDataSet) -> Dataset:
    """The whole data set of an opened instance, with a ``file_meta`` that says how it was encoded.

    Raises: what reading or decoding it raises.
    """
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    from dicomwire.data.data_sets import decode_data_set

    data = b"".join(bytes(piece) for piece, _ in instance.pieces(1 << 20))
    dataset = decode_data_set(data, instance.transfer_syntax_uid)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(instance.transfer_syntax_uid)
    return dataset
