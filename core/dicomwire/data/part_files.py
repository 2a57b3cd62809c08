"""Names of files that are not complete, and what becomes of those whose process is gone."""

from __future__ import annotations

import os
import re
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import define, field

from dicomwire._logging import logger, printable, reason
from dicomwire._values import Shown
from dicomwire.data import store as _store
from dicomwire.data.store import FileStore

LOGGER = logger(__name__)

_NAME = re.compile(r"\.([0-9a-f]{8})([0-9a-f]{8})[0-9a-f]{8}\.(part|earlier)")
"""The process, which run of it, which file."""

_MOST_NAMED = 3

_numbers = count()
_run = ""
_begins = ""


def _begin() -> None:
    """This is a new process: the names of its files are not those of another, not of an earlier one either."""
    global _run, _begins
    _run = os.urandom(4).hex()
    _begins = f".{os.getpid():08x}{_run}"


_begin()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


def part_name(kind: str = "part") -> str:
    """A new file name that nobody takes for an instance; ``kind`` "earlier" is for one that was acknowledged."""
    return f"{_begins}{next(_numbers) & 0xFFFFFFFF:08x}.{kind}"


def _is_ours(process: int, run: str) -> bool:
    return (process, run) == (os.getpid(), _run)


def _has_owner(process: int) -> bool:
    """Whether the process that made a file may be there still; it is not this one."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        # It is there, and somebody else's.
        pass
    return True


@define(eq=False, repr=False)
class FolderClaim(Shown):
    """This process makes files in ``path``, until :meth:`close`, or until it ends.

    To begin with, what processes have left there that are gone is removed: incomplete files under the names that
    :class:`~dicomwire.sinks.FileSink` gives, and no others.  Nothing is removed while another process has claimed the
    folder, or one that could be the owner is running, or where neither can be known.

    Raises:
        OSError: there is no such folder, or it cannot be read.
    """

    path: Path = field(converter=Path)
    store: FileStore = field(factory=lambda: _store.STORE, kw_only=True, repr=False)
    removed: list[Path] = field(factory=list, init=False)
    """What was left, and is gone."""

    size: int = field(default=0, init=False)
    """Bytes of that."""

    kept: list[Path] = field(factory=list, init=False)
    """Of the same kind, but maybe somebody's."""

    earlier: list[Path] = field(factory=list, init=False)
    """Instances that a crash kept from being replaced or restored: acknowledged once, so they are left alone."""

    _descriptor: int | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._descriptor, is_alone = self.store.lock_folder(str(self.path))
        try:
            for name in sorted(os.listdir(self.path)):
                self._judge(name, is_alone=is_alone)
            if is_alone and self._descriptor is not None:
                self.store.share_folder(self._descriptor)
        except BaseException:
            self.close()
            raise

    def _judge(self, name: str, *, is_alone: bool) -> None:
        found = _NAME.fullmatch(name)
        if found is None or _is_ours(process := int(found[1], 16), found[2]):
            return
        path = self.path / name
        if not is_alone or _has_owner(process):
            self.kept.append(path)
        elif found[3] == "earlier":
            self.earlier.append(path)
        else:
            self._remove(path)

    def _remove(self, path: Path) -> None:
        try:
            size = os.lstat(path).st_size
            self.store.remove(str(path))
        except OSError as error:
            LOGGER.warning("%s cannot be removed and stays: %s", printable(str(path), 300), reason(error))
            self.kept.append(path)
        else:
            self.removed.append(path)
            self.size += size

    def explain(self) -> list[str]:
        """In words, what was found; nothing if all is well."""
        where = printable(str(self.path), 300)
        said = []
        if self.removed:
            said.append(f"{_files(self.removed)} in {where} removed, {self.size} bytes, that a crash left incomplete")
        if self.kept:
            said.append(f"{_files(self.kept)} in {where} kept: another process may be writing there")
        if self.earlier:
            said.append(f"{_files(self.earlier)} in {where} kept: a crash left earlier versions of instances there")
        return said

    def tell(self) -> None:
        """Log that."""
        for text in self.explain():
            LOGGER.warning("%s", text)

    def close(self) -> None:
        """Files are made there no more.  May be called again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self.store.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _files(paths: list[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_MOST_NAMED]) + (", ..." if len(paths) > _MOST_NAMED else "")
    return f"{len(paths)} file{'s' if len(paths) > 1 else ''} ({names})"
