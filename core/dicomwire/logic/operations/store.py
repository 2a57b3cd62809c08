"""C-STORE as SCU (PS3.4 annex B, PS3.7 9.1.1)."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from attrs import frozen

from dicomwire import _config
from dicomwire.dimse.command import DATA_SET, Command
from dicomwire.dimse.messages import C_STORE_RQ
from dicomwire.errors import LocalProtocolError
from dicomwire.logic.file_meta import FileMeta, read_file_meta
from dicomwire.logic.operations.common import (
    DEFLATED,
    EXPLICIT_BIG,
    IMPLICIT_LITTLE,
    check_message_id,
    check_priority,
    choose_context,
    exchange,
    find_context,
    lost,
    require_established,
    status_of,
)
from dicomwire.negotiation import NegotiatedContext
from dicomwire.utils import set_ae, set_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomwire.logic.association import AssociationBase
    from dicomwire.upper_layer.connection import Buffer

LOGGER = logging.getLogger(__name__)


@frozen
class _Instance:
    """What is stored: its UIDs, and how its data set is encoded."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


async def send_c_store(
    self: AssociationBase,
    dataset: Dataset | str | os.PathLike[str],
    msg_id: int = 1,
    priority: int = 2,
    originator_aet: str | None = None,
    originator_id: int | None = None,
) -> Dataset:
    """Store one instance at the peer: a ``Dataset`` with its ``Status``, 0x0000 for success.

    ``dataset`` is a ``Dataset`` or the path of a DICOM file.  A file whose transfer syntax was accepted is sent as
    it is, in pieces: it is not decoded and never wholly in memory.  ``originator_aet`` and ``originator_id`` name
    the C-MOVE this belongs to.  The result is empty if the peer did not answer in time, aborted, or the
    connection was lost.

    Raises:
        RuntimeError: the association is not established.
        ValueError: no suitable presentation context was accepted, the data set cannot be encoded, or a bad
            message ID, priority or UID.
        AttributeError: the data set or file lacks its SOP class, SOP instance or transfer syntax.
        OSError, pydicom.errors.InvalidDicomError: the file cannot be read, or is no DICOM file.
    """
    require_established(self)
    check_message_id(msg_id)
    check_priority(priority)
    origin = _origin(originator_aet, originator_id)
    if isinstance(dataset, str | os.PathLike):
        # Reading from the page cache does not block worth mentioning, and costs no hand-over to a thread.
        with open(Path(dataset), "rb", buffering=0) as file:  # noqa: ASYNC230
            meta = read_file_meta(file)
            instance = _instance_of_file(meta)
            context = find_context(self, instance.sop_class_uid, instance.transfer_syntax_uid, exact=True)
            if context is not None:
                command = _command(instance, msg_id, priority, origin)
                size = os.fstat(file.fileno()).st_size - meta.data_set_offset
                file.seek(meta.data_set_offset)
                pad = size & 1 and instance.transfer_syntax_uid == DEFLATED
                pieces = _read_pieces(file, size, self._piece_size(), pad=bool(pad))
                return await _send_stream(self, context, command, pieces)
        if _config.STORE_SEND_CHUNKED_DATASET:
            # Without conversion there is only the exact match: this raises.
            choose_context(self, instance.sop_class_uid, instance.transfer_syntax_uid, exact=True)
        from pydicom import dcmread

        dataset = dcmread(Path(dataset))
    instance = _instance_of_data_set(dataset)
    context = choose_context(self, instance.sop_class_uid, instance.transfer_syntax_uid)
    data = _encode(dataset, context.transfer_syntax)
    command = _command(instance, msg_id, priority, origin)
    return status_of(await exchange(self, context.context_id, command, data))


def _origin(originator_aet: str | None, originator_id: int | None) -> tuple[str | None, int | None]:
    title = None
    if originator_aet is not None:
        try:
            title = set_ae(originator_aet, "originator_aet", allow_empty=False)
        except (TypeError, ValueError) as error:
            LOGGER.error("originator AE title left out: %s", error)
    if originator_id is not None:
        check_message_id(originator_id)
    return title, originator_id


def _command(instance: _Instance, message_id: int, priority: int, origin: tuple[str | None, int | None]) -> Command:
    return Command(
        command_field=C_STORE_RQ,
        message_id=message_id,
        affected_sop_class_uid=instance.sop_class_uid,
        affected_sop_instance_uid=instance.sop_instance_uid,
        priority=priority,
        command_data_set_type=DATA_SET,
        move_originator_application_entity_title=origin[0],
        move_originator_message_id=origin[1],
    )


def _instance_of_file(meta: FileMeta) -> _Instance:
    for name, uid in (
        ("(0002,0002) Media Storage SOP Class UID", meta.sop_class_uid),
        ("(0002,0003) Media Storage SOP Instance UID", meta.sop_instance_uid),
        ("(0002,0010) Transfer Syntax UID", meta.transfer_syntax_uid),
    ):
        if uid is None:
            raise AttributeError(f"the file meta information has no {name}")
    return _checked(meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid)


def _instance_of_data_set(dataset: Dataset) -> _Instance:
    sop_class, instance = dataset.SOPClassUID, dataset.SOPInstanceUID
    file_meta = getattr(dataset, "file_meta", None)
    if file_meta is None or "TransferSyntaxUID" not in file_meta:
        raise AttributeError("the data set needs file_meta.TransferSyntaxUID, which says how it is encoded")
    return _checked(sop_class, instance, _own_transfer_syntax(dataset, file_meta.TransferSyntaxUID))


def _checked(sop_class: Any, instance: Any, transfer_syntax: Any) -> _Instance:
    return _Instance(
        str(set_uid(sop_class, "SOP Class UID", allow_empty=False, allow_none=False)),
        str(set_uid(instance, "SOP Instance UID", allow_empty=False, allow_none=False)),
        str(transfer_syntax),
    )


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


def _encode(dataset: Dataset, transfer_syntax: str) -> bytes:
    from pydicom.uid import UID

    from dicomwire.dsutils import encode_dataset

    syntax = UID(transfer_syntax)
    if any(element.tag.group == 0x0002 for element in dataset.group_dataset(0x0002)):
        dataset = dataset[0x00030000:]
    implicit = False if syntax.is_private else syntax.is_implicit_VR
    little = True if syntax.is_private else syntax.is_little_endian
    return encode_dataset(dataset, implicit, little, transfer_syntax == DEFLATED)


def _read_pieces(file: BinaryIO, size: int, step: int, *, pad: bool) -> Iterator[tuple[Buffer, bool]]:
    """The rest of a file in pieces, through one buffer that each piece reuses."""
    if size <= 0:
        yield b"", True
        return
    buffer = bytearray(min(size, step) + 1)
    view = memoryview(buffer)
    left = size
    while left:
        want = min(left, step)
        have = 0
        while have < want:
            count = file.readinto(view[have:want])  # type: ignore[attr-defined]
            if not count:
                raise OSError(f"the file ended {left - have} bytes early: it changed while it was sent")
            have += count
        left -= have
        if pad and not left:
            # A deflated stream may be followed by one NUL; fragments are even (PS3.5 A.5, PS3.8 9.3.5).
            buffer[have] = 0
            have += 1
        yield view[:have], not left


async def _send_stream(
    association: AssociationBase, context: NegotiatedContext, command: Command, pieces: Iterator[tuple[Buffer, bool]]
) -> Dataset:
    assert command.message_id is not None
    await association._window(command)
    with association._exchange():
        try:
            await association._send_pieces(context.context_id, command, pieces)
        except LocalProtocolError as error:
            lost(association, error)
            return status_of(None)
        return status_of(await association._response(command.message_id))
