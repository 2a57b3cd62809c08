"""C-STORE as SCU (PS3.4 annex B, PS3.7 9.1.1)."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable
from mmap import mmap
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeGuard, TypeVar

from dicomwire import _config
from dicomwire._globals import EXPLICIT_BIG, IMPLICIT_LITTLE
from dicomwire._logging import logger, reason
from dicomwire.associations.invoking import HasInvoker, Invoker
from dicomwire.associations.response_streams import Stream
from dicomwire.data.bytes_to_send import Content
from dicomwire.data.data_sets import encode_data_set
from dicomwire.data.sources import (
    EncodedDataSet,
    IncompleteFileMeta,
    Opened,
    decoded,
    opened,
    opened_file,
    runs_no_code,
)
from dicomwire.dimse.command import DATA_SET, Command
from dicomwire.dimse.messages import C_STORE_RQ
from dicomwire.operations.argument_checks import check_message_id, check_request, command_title
from dicomwire.operations.returned_status import status_of
from dicomwire.vocabulary.titles_and_uids import set_ae, set_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

T = TypeVar("T")

_PLAIN_UID = re.compile(r"[0-9.]{1,64}")


class _Instance(NamedTuple):
    """What is stored: its UIDs, and how its data set is encoded."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


async def send_c_store(
    self: HasInvoker,
    dataset: Dataset | str | os.PathLike[str] | BinaryIO | bytes | bytearray | memoryview | mmap | EncodedDataSet,
    msg_id: int = 1,
    priority: int = 2,
    originator_aet: str | None = None,
    originator_id: int | None = None,
) -> Dataset:
    """Store one instance at the peer: a ``Dataset`` with its ``Status``, 0x0000 for success.

    ``dataset`` is a ``Dataset``, the path of a DICOM file, its bytes (also an ``mmap``), a binary file object at its
    beginning, or an :class:`~dicomwire.sources.EncodedDataSet`.  All but the first are sent as they are, in pieces,
    if their transfer syntax was accepted: not decoded, and a file never wholly in memory.  ``originator_aet`` and
    ``originator_id`` name the C-MOVE this belongs to.  The result is empty if the peer did not answer in time,
    aborted, or the connection was lost.

    What the request says of the instance is what its data set says; the file meta information serves where that has no
    SOP class or SOP instance.  Values of odd length are padded.

    Raises:
        RuntimeError: the association is not established.
        ValueError: no suitable presentation context was accepted, the data set cannot be encoded, is not encoded as its
            transfer syntax says, or is damaged and of odd length; or a bad message ID, priority or UID.
        AttributeError: the data set or file lacks its SOP class, SOP instance or transfer syntax.
        OSError, pydicom.errors.InvalidDicomError: the file cannot be read, or is no DICOM file.
        TypeError: ``dataset`` is nothing that can be stored.
    """
    invoker = self.invoker
    sent = await _begin(invoker, dataset, msg_id, priority, originator_aet, originator_id)
    if sent is None:
        return status_of(None)
    with invoker.line.exchange:
        return status_of(await invoker.response(sent))


async def _begin(
    invoker: Invoker,
    dataset: Any,
    msg_id: int,
    priority: int,
    originator_aet: str | None = None,
    originator_id: int | None = None,
) -> Command | None:
    """Check the arguments of :func:`send_c_store` and send the request: as it was sent, or None."""
    invoker.require_established()
    check_request(msg_id, priority)
    origin = None
    if originator_aet is not None or originator_id is not None:
        origin = _origin(originator_aet, originator_id)
    is_path = type(dataset) is str
    instance: _Instance | EncodedDataSet
    if not is_path and _is_data_set(dataset):
        instance = _instance_of_data_set(dataset)
        context = invoker.choose_context(instance.sop_class_uid, instance.transfer_syntax_uid)
    else:
        # Nobody else has a say in reading a path: straight to the file.
        is_short = is_path and not _config.STORE_SEND_CHUNKED_DATASET
        source = opened_file(dataset) if is_short else await open_source(invoker, dataset)
        try:
            instance = encoded = source.instance
            if source.is_bare or _config.ENFORCE_UID_CONFORMANCE:
                instance = _checked(encoded.sop_class_uid, encoded.sop_instance_uid, encoded.transfer_syntax_uid)
            content: Content = encoded.data
            found = invoker.contexts.find(instance.sop_class_uid, instance.transfer_syntax_uid, exact=True)
            if found is not None:
                command = _command(instance, msg_id, priority, origin)
                whole = content.at_once()
                if whole is not None:
                    return await invoker.send(found, command, whole)
                pieces = content.pieces(invoker.line.piece_size)
                return await invoker.stream(found, command, pieces, foreign=content.is_foreign)
            # With chunked sending, or for a bare data set, there is only the exact match.
            exact = _config.STORE_SEND_CHUNKED_DATASET or source.is_bare
            context = invoker.choose_context(instance.sop_class_uid, instance.transfer_syntax_uid, exact=exact)
            # It has to be converted.
            dataset = await invoker.call(decoded, encoded) if content.is_foreign else decoded(encoded)
        finally:
            if source.is_open:
                source.close()
    data = encode_data_set(dataset, context.transfer_syntax)
    command = _command(instance, msg_id, priority, origin)
    return await invoker.send(context, command, data)


async def open_source(invoker: Invoker, source: Any) -> Opened:
    """What :func:`~dicomwire.sources.opened` gives, code of the user's run where that belongs.

    Raises: as that, and IncompleteFileMeta where only chunked sending wants complete file meta information.
    """
    if type(source) is Opened:
        return source
    # Reading from the page cache does not block worth mentioning, and costs no hand-over to a thread.
    made: Opened = opened(source) if runs_no_code(source) else await invoker.call(opened, source)
    if _config.STORE_SEND_CHUNKED_DATASET and made.lacks:
        with made:
            raise IncompleteFileMeta(f"the file meta information has no {made.lacks}, which chunked sending needs")
    return made


def _origin(originator_aet: str | None, originator_id: int | None) -> tuple[str | None, int | None]:
    title = None
    if originator_aet is not None:
        try:
            title = command_title(set_ae(originator_aet, "originator_aet", allow_empty=False))
        except (TypeError, ValueError) as error:
            LOGGER.error("originator AE title left out: %s", reason(error))
    if originator_id is not None:
        check_message_id(originator_id)
    return title, originator_id


def _command(
    instance: _Instance | EncodedDataSet, message_id: int, priority: int, origin: tuple[str | None, int | None] | None
) -> Command:
    title, originator_id = origin or (None, None)
    return Command(
        command_field=C_STORE_RQ,
        message_id=message_id,
        affected_sop_class_uid=instance.sop_class_uid,
        affected_sop_instance_uid=instance.sop_instance_uid,
        priority=priority,
        command_data_set_type=DATA_SET,
        move_originator_application_entity_title=title,
        move_originator_message_id=originator_id,
    )


def _is_data_set(instance: object) -> TypeGuard[Dataset]:
    from pydicom.dataset import Dataset

    return isinstance(instance, Dataset)


def _instance_of_data_set(dataset: Dataset) -> _Instance:
    sop_class, instance = dataset.SOPClassUID, dataset.SOPInstanceUID
    file_meta = getattr(dataset, "file_meta", None)
    if file_meta is None or "TransferSyntaxUID" not in file_meta:
        raise AttributeError("the data set needs file_meta.TransferSyntaxUID, which says how it is encoded")
    return _checked(sop_class, instance, _own_transfer_syntax(dataset, file_meta.TransferSyntaxUID))


def _checked(sop_class: Any, instance: Any, transfer_syntax: Any) -> _Instance:
    return _Instance(
        _checked_uid(sop_class, "SOP Class UID"), _checked_uid(instance, "SOP Instance UID"), str(transfer_syntax)
    )


def _checked_uid(uid: Any, name: str) -> str:
    # The full check costs more than sending a small instance; most UIDs are plainly right.
    if isinstance(uid, str) and _PLAIN_UID.fullmatch(uid) and not _config.ENFORCE_UID_CONFORMANCE:
        return str(uid)
    return str(set_uid(uid, name, allow_empty=False, allow_none=False))


def _own_transfer_syntax(dataset: Dataset, stated: Any) -> str:
    """The transfer syntax of a data set, where its own encoding may contradict its file meta.

    Raises:
        AttributeError: it is explicit little endian and the file meta says otherwise: that could be compressed too.
    """
    implicit = getattr(dataset, "_is_implicit_VR", None)
    little = getattr(dataset, "_is_little_endian", None)
    if implicit is None or little is None:
        implicit, little = dataset.original_encoding
    if implicit is None or little is None or stated.is_private:
        return str(stated)
    if bool(implicit) == stated.is_implicit_VR and bool(little) == stated.is_little_endian:
        return str(stated)
    if not implicit and little:
        raise AttributeError(
            f"the data set is encoded as explicit VR little endian, but its file meta says {stated.name}"
        )
    actual = IMPLICIT_LITTLE if implicit else EXPLICIT_BIG
    LOGGER.warning("the data set is encoded as %s, but its file meta says %s", actual, stated)
    return actual


class Stores(Stream[tuple[T, "Dataset"]]):
    """Keeps as many C-STOREs under way as the window allows; gives each instance with its status as that comes."""

    def __init__(self, invoker: Invoker, instances: Iterable[T], msg_id: int, priority: int) -> None:
        self._invoker = invoker
        self._instances = iter(instances)
        self._taken: deque[T] = deque()
        self._next_id = msg_id
        self._priority = priority
        self._under_way: dict[int, tuple[T, Command]] = {}
        self._lost: deque[T] = deque()
        self._is_exhausted = False

    def prepare(self) -> None:
        """Take as many as the window lets through."""
        room, standing = self._invoker.most - len(self._under_way), self._invoker.line.standing
        while not self._is_exhausted and len(self._taken) < room and standing.is_established:
            try:
                self._taken.append(next(self._instances))
            except StopIteration:
                self._is_exhausted = True

    async def __anext__(self) -> tuple[T, Dataset]:
        """The next instance that is stored or refused; its status is empty if the association ended before."""
        invoker = self._invoker
        await self._fill()
        while not self._lost:
            for message_id in self._under_way:
                if invoker.has_response(message_id):
                    instance, request = self._under_way.pop(message_id)
                    return instance, status_of(await invoker.response(request))
            if not self._under_way:
                raise StopAsyncIteration
            if invoker.line.standing.has_ended:
                self._lost.extend(instance for instance, _ in self._under_way.values())
                self._under_way.clear()
            else:
                with invoker.line.exchange:
                    await invoker.line.advance()
        return self._lost.popleft(), status_of(None)

    async def _fill(self) -> None:
        """Send as many as the window lets through."""
        invoker, standing = self._invoker, self._invoker.line.standing
        while len(self._under_way) < invoker.most and standing.is_established:
            self.prepare()
            if not self._taken:
                return
            instance = self._taken.popleft()
            request = await _begin(invoker, instance, invoker.free_message_id(self._next_id), self._priority)
            if request is None:
                self._lost.append(instance)
                return
            assert request.message_id is not None
            self._next_id = (request.message_id + 1) & 0xFFFF
            self._under_way[request.message_id] = instance, request
        if not standing.is_established:
            self._lost.extend(self._taken)
            self._taken.clear()

    def leave(self) -> None:
        """Store no more; what is under way is finished by the peer."""
        self._is_exhausted = True
        self._taken.clear()
        for message_id in self._under_way:
            self._invoker.forget(message_id, None)
        self._under_way.clear()


async def send_c_store_many(
    self: HasInvoker, datasets: Iterable[T], msg_id: int = 1, priority: int = 2
) -> Stream[tuple[T, Dataset]]:
    """Store many instances: an iterator of ``(instance, status)``, in the order in which they are done (extension).

    As many C-STOREs are under way at a time as the negotiated asynchronous operations window allows; with the usual
    window of one it is one after the other.  Each of ``datasets`` is what :meth:`send_c_store` takes, and its errors
    are raised by the iterator when it comes to that one; the iterator can go on then.  Message IDs count from
    ``msg_id``.

    Raises:
        RuntimeError: the association is not established.
        ValueError, TypeError: a bad message ID or priority.
    """
    self.invoker.require_established()
    check_request(msg_id, priority)
    return Stores(self.invoker, datasets, msg_id, priority)
