"""A received request with its data set, as handlers see it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicomwire._globals import IMPLICIT_LITTLE
from dicomwire._implementation import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from dicomwire.compat.dimse_primitives import from_command, to_command
from dicomwire.data import store
from dicomwire.data.data_set_beginning import NoDataSet
from dicomwire.data.data_sets import decode_data_set
from dicomwire.data.dsutils import create_file_meta
from dicomwire.data.file_meta import encode_file_meta
from dicomwire.data.reading_files import read_instance
from dicomwire.data.sinks import FileSink
from dicomwire.dimse.accepted_contexts import AcceptedContext
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_STORE_RQ, bounds_of
from dicomwire.upper_layer.connection import Buffer
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.pdus import DEFAULT_LIMITS
from dicomwire.vocabulary.contexts import PresentationContextTuple
from dicomwire.vocabulary.lazy_uids import as_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileMetaDataset


class ReceivedMessage:
    """One whole message.  Nothing is decoded before somebody asks for it."""

    # Of the class until they are set, because most never are, and one is made for every message.
    data: Buffer | None = None
    """The encoded data set, if it came to memory."""

    file: FileSink | None = None
    """The DICOM file it went to, if it did."""

    refused: int | None = None
    """The status of a data set that could not be put where it should go.  Not the exception, which would hold on to all
    that was there when it was raised."""

    unfit: str | None = None
    """Why what came to memory is no data set in the transfer syntax of its context."""

    limits: Limits = DEFAULT_LIMITS
    """What its data set may be when somebody looks into it."""

    _data_set: Dataset | None = None
    made_primitive: Any = None
    """What ``primitive`` has given; None again when its data set has come."""

    def __init__(self, context: AcceptedContext, command: Command) -> None:
        self.context: AcceptedContext = context
        self.command: Command = command

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer has sent C-CANCEL for it; one that was made by hand has no peer."""
        return False

    @property
    def is_instance(self) -> bool:
        """Its data set is one to be stored, and no identifier or attribute list."""
        return self.command.command_field == C_STORE_RQ

    @property
    def path(self) -> Path | None:
        return None if self.file is None else self.file.where

    @property
    def message_id(self) -> int:
        assert self.command.message_id is not None
        return self.command.message_id

    @property
    def context_tuple(self) -> PresentationContextTuple:
        context = self.context
        return PresentationContextTuple(
            context.context_id, as_uid(context.abstract_syntax), as_uid(context.transfer_syntax)
        )

    @property
    def primitive(self) -> Any:
        if self.made_primitive is None:
            self.made_primitive = from_command(self.command, self.data)
        return self.made_primitive

    def data_set(self) -> Dataset:
        """The decoded data set; empty if none came."""
        if self._data_set is None:
            self._data_set = self._decode()
        return self._data_set

    def _decode(self) -> Dataset:
        if self.path is not None:
            return read_instance(self.path, limits=self.limits)
        if self.unfit is not None:
            raise NoDataSet(self.unfit)
        bounds = None if self.is_instance else bounds_of(self.command.command_field, self.limits)
        return decode_data_set(self.data, self.context.transfer_syntax, self.limits, bounds=bounds)

    def encoded(self, *, include_meta: bool) -> bytes:
        """The data set as it came, by default as a complete DICOM file.

        Raises:
            NoDataSet: of what came no file can be made.
        """
        if self.path is not None:
            with store.STORE.reader(self.path) as file:
                data = file.read()
            return data if include_meta else data[len(self.header()) :]
        if not include_meta:
            return bytes(self.data or b"")
        if self.unfit is not None:
            raise NoDataSet(self.unfit)
        return b"".join((self.header(), self.data or b""))

    def settle(self, *, kept: bool) -> None:
        """The request is served: what becomes of its file, if it has one; only the first word counts.

        Raises:
            OSError: it cannot be kept.
        """
        if self.file is not None:
            self.file.settle(kept=kept)

    def header(self) -> bytes:
        """What a file of this instance begins with."""
        return encode_file_meta(
            sop_class_uid=self.command.affected_sop_class_uid or self.context.abstract_syntax,
            sop_instance_uid=self.command.affected_sop_instance_uid or "",
            transfer_syntax_uid=self.context.transfer_syntax,
            implementation_class_uid=IMPLEMENTATION_UID,
            implementation_version_name=IMPLEMENTATION_VERSION,
        )

    def file_meta(self) -> FileMetaDataset:
        """New file meta information for the instance."""
        return create_file_meta(
            sop_class_uid=self.command.affected_sop_class_uid or self.context.abstract_syntax,
            sop_instance_uid=self.command.affected_sop_instance_uid or "",
            transfer_syntax=self.context.transfer_syntax,
        )


def made_by_hand(primitive: Any, context: tuple[int, str, str] | None) -> ReceivedMessage:
    """A request as if it had been received, without a context in the default transfer syntax (PS3.5 10.1)."""
    command, data = to_command(primitive)
    uid = command.affected_sop_class_uid or command.requested_sop_class_uid or ""
    message = ReceivedMessage(AcceptedContext(*(context or (1, uid, IMPLICIT_LITTLE))), command)
    message.data = data
    return message
