"""Data sets to bytes and back, file meta information, and printing data sets (PS3.5, PS3.10)."""

import zlib
from collections.abc import Iterator
from io import SEEK_END, BytesIO
from os import PathLike
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from dicomwire._implementation import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from dicomwire._logging import logger, reason
from dicomwire.data import store
from dicomwire.errors import BrokenDataSet
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.pdus import DEFAULT_LIMITS

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset, FileMetaDataset

LOGGER = logger(__name__)

MAX_INFLATED_LENGTH = 2**30
"""Deflated data sets that would become longer than this, in bytes, are refused, where no ``Limits`` of an association
say how long; read at the time of use."""

_STEP = 2**16

_UNMEASURED = 1 << 25
"""Bytes that a deflated data set may become before it is looked through to its end."""


def create_file_meta(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax: str,
    implementation_uid: str = IMPLEMENTATION_UID,
    implementation_version: str | None = IMPLEMENTATION_VERSION,
) -> "FileMetaDataset":
    """The file meta information for an instance (PS3.10 7.1); its group length stays 0 until written."""
    from pydicom.config import IGNORE
    from pydicom.dataelem import DataElement
    from pydicom.dataset import FileMetaDataset

    file_meta = FileMetaDataset()
    file_meta.FileMetaInformationGroupLength = 0
    file_meta.FileMetaInformationVersion = b"\x00\x01"
    # Peers send UIDs that are not conformant; they are written as they came.
    for tag, uid in (
        (0x00020002, sop_class_uid),
        (0x00020003, sop_instance_uid),
        (0x00020010, transfer_syntax),
        (0x00020012, implementation_uid),
    ):
        file_meta[tag] = DataElement(tag, "UI", uid, validation_mode=IGNORE)
    if implementation_version is not None:
        file_meta.ImplementationVersionName = implementation_version
    return file_meta


def encode_dataset(ds: "Dataset", is_implicit_vr: bool, is_little_endian: bool, deflated: bool = False) -> bytes:
    """`ds` as bytes, without its file meta (PS3.5 7); `deflated` is padded to even length and implies explicit LE.

    Values that were read and not looked at keep their bytes.  Text goes out in the Specific Character Set that the data
    set or item states; where none is stated and it is needed, ISO_IR 100 or ISO_IR 192 is, in the bytes, not in `ds`.
    `ValueError` if something in it cannot be encoded, with the name of the element.
    """
    from dicomwire.data.plain_data_sets import encode_plain

    implicit, little = is_implicit_vr and not deflated, is_little_endian or deflated
    encoded = encode_plain(ds, implicit=implicit) if little else None
    if encoded is None:
        from dicomwire.data.data_set_writer import written

        encoded = written(ds, implicit=implicit, little=little)
    if not deflated:
        return encoded
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    encoded = compressor.compress(encoded) + compressor.flush()
    return encoded + b"\0" * (len(encoded) % 2)


def encode(ds: "Dataset", is_implicit_vr: bool, is_little_endian: bool, deflated: bool = False) -> bytes | None:
    """As `encode_dataset`, but `None`, and a log entry, for what cannot be encoded, be it no data set at all."""
    try:
        return encode_dataset(ds, is_implicit_vr, is_little_endian, deflated)
    except (ValueError, TypeError, AttributeError) as exc:
        LOGGER.error("%s", reason(exc))
        LOGGER.debug("The data set cannot be encoded", exc_info=exc)
        return None


def decode(
    bytestring: bytes | bytearray | memoryview | BinaryIO,
    is_implicit_vr: bool,
    is_little_endian: bool,
    deflated: bool = False,
    *,
    max_inflated: int | None = None,
    max_elements: int | None = None,
    limits: Limits | None = None,
    is_constant: bool = False,
) -> "Dataset":
    """The data set in a buffer or a file-like, read from its start (PS3.5 7); values are decoded when they are used.

    Elements of VR UN that the dictionary knows have their VR (PS3.5 6.2.2).  Of a buffer that `is_constant` long
    values are copied when they are used, and it is held until then.

    `deflated` implies explicit LE.  `dicomwire.BrokenDataSet`, a `ValueError`, if the data set is damaged, if its
    sequences are nested deeper than `limits.nesting`, if it has more elements, items and values than `max_elements`, or
    if what is deflated is longer than `max_inflated` bytes; without that, than `limits` allow (by default
    `MAX_INFLATED_LENGTH` and what `Limits()` has).
    """
    try:
        most = limits or DEFAULT_LIMITS
        return _decoded(
            bytestring,
            is_implicit_vr,
            is_little_endian,
            deflated,
            max_inflated,
            max_elements,
            most,
            is_constant=is_constant and not deflated,
        )
    except Exception as error:
        if is_of_the_system(error):
            raise
        raise broken(error) from cause_of(error)


def _decoded(
    encoded: bytes | bytearray | memoryview | BinaryIO,
    implicit: bool,
    little: bool,
    deflated: bool,
    max_inflated: int | None,
    max_elements: int | None,
    limits: Limits,
    *,
    is_constant: bool,
) -> "Dataset":
    from pydicom.filereader import read_dataset

    from dicomwire.data.nesting import check_nesting
    from dicomwire.data.plain_data_sets import decode_plain
    from dicomwire.data.unknown_vr import as_known

    implicit, is_little = implicit and not deflated, little or deflated
    source = encoded
    if deflated:
        source = _inflate(_as_file(encoded), _longest(encoded, max_inflated, limits))
    short = source if little and isinstance(source, bytes | bytearray) else None
    is_checked = implicit or (max_elements is not None and short is not None and len(short) > max_elements)
    if short is not None and not is_checked and (plain := decode_plain(short, implicit=False)) is not None:
        # Nothing in it is a sequence.
        return plain
    view = view_of_all(source)
    if view is not None:
        with view:
            check_nesting(view, limits.nesting, implicit=implicit, little=is_little, most_elements=max_elements)
    if short is not None and is_checked and (plain := decode_plain(short, implicit=implicit)) is not None:
        return plain
    if is_constant and isinstance(source, bytes | bytearray | memoryview):
        from dicomwire.data.long_values import read_with_long_values

        whole = memoryview(source).cast("B")
        return as_known(read_with_long_values(BufferReader(whole), whole, implicit, is_little))
    return as_known(read_dataset(_as_file(source), implicit, is_little))


def is_of_the_system(error: Exception) -> bool:
    """Whether something could not be read.  pydicom says so of bytes that end early, too, but without a number."""
    return isinstance(error, OSError) and error.errno is not None


def broken(error: Exception) -> BrokenDataSet:
    """What is raised instead of what was raised for a data set, by pydicom or anybody."""
    if isinstance(error, BrokenDataSet):
        return error
    return BrokenDataSet(f"a data set cannot be decoded: {type(error).__name__}: {reason(error)}")


def cause_of(error: Exception) -> BaseException | None:
    """What that says of its cause: a thousand frames tell nobody anything, and hold on to what memory lacks."""
    if isinstance(error, BrokenDataSet):
        return error.__cause__
    return None if isinstance(error, RecursionError | MemoryError) else error


def view_of_all(source: bytes | bytearray | memoryview | BinaryIO) -> memoryview | None:
    """All the bytes of it without a copy; None if there is no other way than to read them."""
    if isinstance(source, BytesIO):
        return source.getbuffer()
    return memoryview(source).cast("B") if isinstance(source, bytes | bytearray | memoryview) else None


def _longest(deflated: bytes | bytearray | memoryview | BinaryIO, stated: int | None, limits: Limits) -> int:
    """How long it may become."""
    if stated is not None:
        return stated
    if isinstance(deflated, bytes | bytearray | memoryview):
        size = memoryview(deflated).nbytes
    else:
        size = deflated.seek(0, SEEK_END)
        deflated.seek(0)
    most = MAX_INFLATED_LENGTH if limits is DEFAULT_LIMITS else limits.inflated
    return min(most, max(limits.inflated_freely, limits.inflation * size))


def encode_file_meta(file_meta: "FileMetaDataset") -> bytes:
    """`file_meta` in explicit VR little endian, with its group length computed (PS3.10 7.1); it is not changed."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info

    complete = FileMetaDataset()
    complete.FileMetaInformationGroupLength = 0
    for elem in file_meta:
        if elem.tag != 0x00020000:
            complete.add(elem)
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, complete, enforce_standard=False)
    encoded: bytes = buffer.getvalue()
    return encoded


def split_dataset(path: str | PathLike[str]) -> tuple["Dataset", int]:
    """The file meta information of a file, and the offset in bytes of the data set after it (PS3.10 7.1).

    The data set is not read.  `pydicom.errors.InvalidDicomError` if it is no DICOM file; `OSError`.
    """
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset, read_preamble

    with store.STORE.reader(path) as file:
        read_preamble(file, force=False)
        # The end is where another group begins: the group length may be wrong or missing.
        read = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 0x0002)
        return FileMetaDataset(read), file.tell()


def pretty_dataset(ds: "Dataset", indent: int = 0, indent_char: str = "  ") -> list[str]:
    """One line for each element, the items of sequences nested."""
    margin = indent_char * indent
    lines = []
    for tag in sorted(ds.keys()):
        try:
            elem = ds[tag]
        except Exception as exc:  # a peer sent it, and a log line must not fail for that
            lines.append(f"{margin}{_tag_text(tag)} (cannot be decoded: {type(exc).__name__})")
            continue
        lines.append(margin + pretty_element(elem))
        if elem.VR == "SQ":
            for number, item in enumerate(elem.value, 1):
                lines.append(f"{margin}{indent_char}(Sequence item #{number})")
                lines += pretty_dataset(item, indent + 2, indent_char)
    return lines


def pretty_element(elem: "DataElement") -> str:
    """``(gggg,eeee) VR [value]  # VM Keyword``, in one line; binary longer than 13 bytes only by its length."""
    return f"{_tag_text(elem.tag)} {elem.VR} {_value_text(elem):<40} # {elem.VM} {elem.keyword}"


def _tag_text(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _value_text(elem: "DataElement") -> str:
    value = elem.value
    if elem.VR == "SQ":
        return f"(Sequence with {len(value)} item{'s' * (len(value) != 1)})"
    if elem.is_empty:
        return "(no value available)"
    if isinstance(value, bytes):
        return f"({len(value)} bytes of binary data)" if len(value) > 13 else f"[{value.hex(' ')}]"
    if not isinstance(value, str) and elem.VM > 1:
        value = "\\".join(str(item) for item in value)
    # No control characters of a peer in our logs.
    return f"[{''.join(char if char.isprintable() else repr(char)[1:-1] for char in str(value))}]"


class BufferReader:
    """A file-like over a buffer, which it does not copy: as much of a file as pydicom reads from."""

    def __init__(self, buffer: bytearray | memoryview) -> None:
        self._view = memoryview(buffer).cast("B")
        self._position = 0

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, all of them by default."""
        end = len(self._view) if size is None or size < 0 else self._position + size
        data = bytes(self._view[self._position : end])
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to another position; it comes back."""
        self._position = max(0, offset + (0, self._position, len(self._view))[whence])
        return self._position

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._position


def _as_file(source: bytes | bytearray | memoryview | BinaryIO) -> BinaryIO:
    if isinstance(source, bytes):
        return BytesIO(source)  # shares them
    if isinstance(source, bytearray | memoryview):
        return cast(BinaryIO, BufferReader(source))
    source.seek(0)
    return source


def _inflate(source: BinaryIO, limit: int) -> BytesIO:
    """What `source` holds, inflated in steps (PS3.5 A.5).  Never holds more than `limit` bytes: `BrokenDataSet`.

    What becomes large is first looked through to its end: one that is longer than allowed is never held.
    """
    inflated = BytesIO()
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    is_measured = limit <= _UNMEASURED
    try:
        for piece in _inflated(inflater, source, 0, limit):
            inflated.write(piece)
            if not is_measured and inflated.tell() > _UNMEASURED:
                is_measured = True
                position = source.tell()
                for _ in _inflated(inflater.copy(), source, inflated.tell(), limit):
                    pass
                source.seek(position)
    except zlib.error as exc:
        raise BrokenDataSet(f"deflated data set is damaged: {exc}") from exc
    inflated.seek(0)
    return inflated


def _inflated(inflater: Any, source: BinaryIO, done: int, limit: int) -> Iterator[bytes]:
    """The pieces that come next where `done` bytes have come."""
    while not inflater.eof:
        data = inflater.unconsumed_tail or source.read(_STEP)
        # One byte more than allowed is enough to know.
        piece = inflater.decompress(data, min(_STEP, limit - done) + 1)
        if not data and not piece:
            raise BrokenDataSet("deflated data set ends early")
        done += len(piece)
        if done > limit:
            raise BrokenDataSet(f"deflated data set is longer than {limit} bytes")
        yield piece
