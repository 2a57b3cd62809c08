"""Bytes in a file without a name, for data sets that are too large for memory."""

from __future__ import annotations

import contextlib
from typing import Any, final

from dicomwire.data import store
from dicomwire.data.store import FileStore
from dicomwire.upper_layer.connection import Buffer


@final
class SpooledMemory:
    """Bytes that can be appended to, in a temporary file that nobody else sees; ``len()`` is how many there are.

    Whatever happens to the process, the file does not outlive it.

    Raises:
        OSError: the file cannot be made or written, as when the disk is full.
    """

    def __init__(self, beginning: Buffer, files: FileStore | None = None) -> None:
        self._size = 0
        self._store = store.STORE if files is None else files
        self._file: Any = self._store.open_nameless()
        try:
            self.write([memoryview(beginning)])
        except OSError:
            self.close()
            raise

    def __len__(self) -> int:
        return self._size

    def write(self, fragments: list[memoryview]) -> None:
        """Append buffers, all of them."""
        self._store.write(self._file.fileno(), fragments)
        self._size += sum(map(len, fragments))

    def view(self) -> memoryview:
        """All of them, as the system brings them from the file: memory that it can take back at any time."""
        return self._store.map_nameless(self._file)

    def close(self) -> None:
        """Nothing more is written; what was viewed stays."""
        # What could not be written may be tried once more here.
        with contextlib.suppress(OSError):
            self._file.close()
