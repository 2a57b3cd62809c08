"""An instance that a peer has sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dicomwire.associations import events as evt
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.data import store
from dicomwire.data.safe_names import safe_name
from dicomwire.data.sinks import FileSink

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileMetaDataset


class ReceivedInstance:
    """An instance as it came: nothing of it is decoded before somebody asks."""

    def __init__(self, event: evt.Event) -> None:
        self._message: ReceivedMessage = evt.message_of(event)

    @property
    def sop_class_uid(self) -> str:
        """What kind of instance it is, as the request says."""
        return self._message.command.affected_sop_class_uid or self._message.context.abstract_syntax

    @property
    def sop_instance_uid(self) -> str:
        """Which one it is, as the request says: text of the peer's, so no name of a file."""
        return self._message.command.affected_sop_instance_uid or ""

    @property
    def transfer_syntax_uid(self) -> str:
        """How it is encoded."""
        return self._message.context.transfer_syntax

    @property
    def dataset(self) -> Dataset:
        """The decoded data set, with ``file_meta``; pixel data is not decompressed.

        Raises:
            BrokenDataSet: it cannot be decoded.
        """
        dataset = self._message.data_set()
        if not hasattr(dataset, "file_meta"):
            dataset.file_meta = self.file_meta
        return dataset

    @property
    def file_meta(self) -> FileMetaDataset:
        """New file meta information for it."""
        return self._message.file_meta()

    @property
    def path(self) -> Path | None:
        """The file that it went to as it came, if it was sent to one; else it is in memory."""
        return self._message.path

    def encoded(self) -> bytes:
        """A complete DICOM file of it, as it came: preamble, file meta information, data set.

        Raises:
            ValueError: what came is no data set.
        """
        return self._message.encoded(include_meta=True)

    def save(self, folder: str | os.PathLike[str], name: str | None = None) -> Path:
        """Write it to a file in ``folder``, which is made if it is missing: the path.

        It is named after its SOP instance, or ``name``.  The file is complete when it has its name, and replaces what
        had it before.

        Raises:
            OSError: it cannot be written.
            ValueError: what came is no data set, or ``name`` would lead out of the folder.
        """
        path = Path(folder) / (f"{safe_name(self.sop_instance_uid)}.dcm" if name is None else _plain(name))
        file = memoryview(self.encoded())
        store.STORE.make_folder(path.parent)
        sink = FileSink(path)
        try:
            sink.finish([file])
        except BaseException:
            sink.discard()
            raise
        return path

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {safe_name(self.sop_instance_uid)}>"


def _plain(name: str) -> str:
    if Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(f"a name has no folder in it: {name!r}")
    return name
