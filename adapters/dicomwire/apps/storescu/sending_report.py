"""``storescu --report FILE``: what became of each file, a line of JSON for each, by which a later run goes on."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from attrs import define, field

from dicomwire.apps._common.exit_codes import CannotStart
from dicomwire.apps._common.options import User
from dicomwire.apps._common.output import application_logger
from dicomwire.data.files import StoredFile, shown_path

LOGGER = application_logger("storescu")

_BEGINNING = b'{"path":'
_LONGEST_LINE = 65536
_MODE = 0o600
"""Names of files often are those of patients."""

Key: TypeAlias = tuple[object, ...]


def peer_of(user: User) -> str:
    """Who the files go to, for the report: what one peer has stored another one has not."""
    return f"{user.called_aet}@{user.addr}:{user.port}"


@define(eq=False)
class SendingReport:
    """A file to which a line is appended for each file that is done, in one go: there is never a part of a line.

    Raises:
        CannotStart: it cannot be written, or what is there is no report.
    """

    path: Path
    peer: str
    is_whole: bool = field(default=True, init=False)
    """All lines could be written."""

    _stored: set[Key] = field(factory=set, init=False)
    _descriptor: int = field(default=-1, init=False)

    def __enter__(self) -> Self:
        """Open it, and read what is there already."""
        name = shown_path(self.path)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self.path, flags, _MODE)
            try:
                self._read(name)
            except BaseException:
                os.close(self._descriptor)
                raise
        except OSError as error:
            raise CannotStart(f"The report {name} cannot be written: {error.strerror or error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def _read(self, name: str) -> None:
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            # A device or a pipe tells nothing of what was before.
            return
        with open(self._descriptor, "rb", closefd=False) as file:
            for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
                if not line.endswith(b"\n") and (line.startswith(_BEGINNING) or _BEGINNING.startswith(line)):
                    # The machine went down, or the disk was full, in the middle of it.
                    os.ftruncate(self._descriptor, file.tell() - len(line))
                    return
                try:
                    told = json.loads(line)
                    is_stored, key = told["stored"], _key(told)
                    hash(key)
                except (ValueError, TypeError, KeyError, RecursionError) as error:
                    raise CannotStart(f"{name} is no report of storescu: nothing is written to it") from error
                if is_stored is True:
                    self._stored.add(key)

    def left_of(self, files: Iterable[StoredFile]) -> list[StoredFile]:
        """The files that no line says are stored at this peer as they are now."""
        return [file for file in files if _key(self._about(file)) not in self._stored]

    def tell(self, file: StoredFile, status: int | None, error: str | None, *, stored: bool, attempts: int) -> None:
        """Write the line of a file; that it cannot be written is logged once, and tried again with the next one."""
        line = {
            **self._about(file),
            "sop_class_uid": file.sop_class_uid,
            "stored": stored,
            "status": None if status is None else f"{status:04X}",
            "error": error,
            "attempts": attempts,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            end = os.fstat(self._descriptor).st_size
            if (written := os.write(self._descriptor, data)) < len(data):
                # The disk is full.
                os.ftruncate(self._descriptor, end)
                raise OSError(f"{written} of {len(data)} bytes could be written")
        except OSError as failed:
            if self.is_whole:
                why = failed.strerror or failed
                LOGGER.error("Lines of the report %s cannot be written: %s", shown_path(self.path), why)
            self.is_whole = False

    def _about(self, file: StoredFile) -> dict[str, Any]:
        return {
            "path": str(file.path.absolute()),
            "sop_instance_uid": file.sop_instance_uid,
            "size": file.size,
            "peer": self.peer,
        }


def _key(told: dict[str, Any]) -> Key:
    return told["path"], told["sop_instance_uid"], told["size"], told["peer"]
