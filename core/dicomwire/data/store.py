"""The one place where the core opens, names, renames and removes files.

What is sent from a path, read from one or received to one goes through :data:`STORE`.  Which files a folder holds is
asked of the file system itself.  A program that keeps files elsewhere puts a :class:`FileStore` of its own there, or
gives a sink or a binary file object instead of a path.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

_IOV_MAX = 512
_BINARY = getattr(os, "O_BINARY", 0)
"""Else Windows changes the ends of lines."""

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


class FileStore:
    """Files by their paths, on the file system of the machine.

    What is open is known by a descriptor.  Every method may raise ``OSError``; those that give a second name may raise
    ``NotImplementedError`` too.
    """

    temporary_folder: str | os.PathLike[str] | None = None
    """Where temporary files are; None: where those of this system are, which ``TMPDIR`` may say."""

    def open_to_read(self, path: str) -> int:
        """Open a file that exists; it is read by its descriptor."""
        return os.open(path, os.O_RDONLY | _BINARY)

    def reader(self, path: str | os.PathLike[str]) -> BinaryIO:
        """A file that exists, as a file object whose ``name`` is the path; for those who read it whole."""
        return open(os.fspath(path), "rb", opener=lambda path, flags: self.open_to_read(path))

    def open_to_write(self, path: str, *, new: bool) -> int:
        """Open what is no symbolic link: a ``new`` file, which nobody else has made, or what is there."""
        flags = os.O_WRONLY | _BINARY | _NO_FOLLOW
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666) if new else os.open(path, flags)

    def open_temporary(self) -> tuple[int, str]:
        """Make a new file for a while; its descriptor and its path."""
        return tempfile.mkstemp(suffix=".dcm", dir=self.temporary_folder)

    def open_nameless(self) -> Any:
        """Make a new file that no folder shows, and that is gone when it is closed and no mapping of it is used.

        A file object that is written by its ``fileno()``.
        """
        # Without a name from the beginning where the system can (O_TMPFILE), or deleted when it is closed (Windows).
        return tempfile.TemporaryFile(buffering=0, dir=self.temporary_folder)

    def map_nameless(self, file: Any) -> memoryview:
        """The bytes of such a file that is not empty, to be read only; they stay when it is closed."""
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def write(self, descriptor: int, fragments: list[memoryview]) -> None:
        """Append buffers, all of them."""
        write_all(descriptor, fragments)

    def close(self, descriptor: int) -> None:
        """Nothing more is read or written."""
        os.close(descriptor)

    def identity(self, opened: int | str | Path) -> tuple[int, int]:
        """Which file it is that is open, or has this path: device and inode."""
        found = os.fstat(opened) if isinstance(opened, int) else os.lstat(opened)
        return found.st_dev, found.st_ino

    def mode(self, path: str | Path) -> int | None:
        """What is under a path, as ``st_mode`` of ``os.lstat`` says it; None if nothing is."""
        try:
            return os.lstat(path).st_mode
        except FileNotFoundError:
            return None

    def set_permissions(self, path: str, permissions: int) -> None:
        """Say who may do what with a file."""
        os.chmod(path, permissions)

    def link(self, path: str | Path, second: str, *, symlink: bool = False) -> None:
        """Give a file a second path, where there is nothing yet; if it may be a ``symlink``, that, not its target."""
        if symlink:
            # Not every system can.
            os.link(path, second, follow_symlinks=False)
        else:
            os.link(path, second)

    def rename(self, path: str | Path, to: str | Path) -> None:
        """Give a file another path, in one step; what was there is gone."""
        os.replace(path, to)

    def remove(self, path: str) -> None:
        """Take a path away."""
        os.unlink(path)

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it, as far as they are missing."""
        path.mkdir(parents=True, exist_ok=True)

    def one_name(self, path: str) -> str:
        """The same for all spellings of a path."""
        return path if is_plain(path) else os.path.normcase(os.path.abspath(path))


def is_plain(path: str) -> bool:
    """Whether it is a path of POSIX from the root that can be written in no other way, as nearly all are."""
    if not path[:1] == "/" == os.sep or "//" in path or path[-1] == "/":
        return False
    return "/./" not in path and "/../" not in path and path[-2:] != "/." and path[-3:] != "/.."


def write_all(descriptor: int, fragments: list[memoryview]) -> None:
    """Write buffers to a file descriptor, all of them, in as few calls as it takes."""
    for start in range(0, len(fragments), _IOV_MAX):
        batch = fragments if len(fragments) <= _IOV_MAX else fragments[start : start + _IOV_MAX]
        size = sum(map(len, batch))
        written = _write_vector(descriptor, batch)
        if written < size:
            for fragment in batch:
                skip = min(written, len(fragment))
                written -= skip
                rest = fragment[skip:]
                while rest:
                    rest = rest[os.write(descriptor, rest) :]


def _write_joined(descriptor: int, fragments: list[memoryview]) -> int:
    return os.write(descriptor, b"".join(fragments))


_write_vector: Callable[[int, list[memoryview]], int] = getattr(os, "writev", _write_joined)
"""Windows has none."""


STORE: FileStore = FileStore()
"""Whoever opens a path looks here, when it does."""
