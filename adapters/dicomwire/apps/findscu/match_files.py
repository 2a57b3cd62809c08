"""Matches as DICOM files."""

from __future__ import annotations

import logging
from os import PathLike
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicomwire._implementation import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from dicomwire._logging import reason
from dicomwire.data import store
from dicomwire.data.data_sets import encode_data_set
from dicomwire.data.file_meta import encode_file_meta
from dicomwire.data.sinks import FileSink


class MatchFiles:
    """Writes ``rsp000001.dcm``, ``rsp000002.dcm``, ... to a directory, which is made if it is missing."""

    def __init__(self, directory: str | PathLike[str], model: str, syntax: str, logger: logging.Logger) -> None:
        self._directory = Path(directory)
        self._model = model
        self._syntax = syntax
        self._logger = logger
        self.failed: int = 0

    def write(self, number: int, identifier: Dataset) -> None:
        """Write one match, as it came; what cannot be written is logged and counted."""
        path = self._directory / f"rsp{number:06}.dcm"
        try:
            data = encode_data_set(identifier, self._syntax)
            header = encode_file_meta(
                sop_class_uid=self._model,
                sop_instance_uid=generate_uid(None),
                transfer_syntax_uid=self._syntax,
                implementation_class_uid=IMPLEMENTATION_UID,
                implementation_version_name=IMPLEMENTATION_VERSION,
            )
            store.STORE.make_folder(self._directory)
            file = FileSink(path, header)
            try:
                file.write([memoryview(data)])
                file.close()
            except BaseException:
                file.discard()
                raise
        except (OSError, ValueError) as error:
            self.failed += 1
            self._logger.error("%s not written: %s", path, reason(error))
        else:
            self._logger.debug("%s written", path)
