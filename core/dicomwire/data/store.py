"""The one place where the core opens, names, renames and removes files.

What is sent from a path, read from one or received to one goes through :data:`STORE`.  Which files a folder holds is
asked of the file system itself.  A program that keeps files elsewhere puts a :class:`FileStore` of its own there, or
gives a sink or a binary file object instead of a path.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

try:
    import fcntl
except ImportError:
    # Windows.
    fcntl = None  # type: ignore[assignment]

_IOV_MAX = 512
_BINARY = getattr(os, "O_BINARY", 0)
"""Else Windows changes the ends of lines."""

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)

_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)
"""What is needed to read a file again is written with its data; when it was changed need not be."""

Sync: TypeAlias = Literal["none", "file", "file and folder"]
"""What is on the disk, and not only on its way there, before an instance is acknowledged."""

SYNCS: tuple[Sync, ...] = ("none", "file", "file and folder")

_OWNER_ONLY = 0o077
"""Bits of a mode that let somebody else in."""


class FileStore:
    """Files by their paths, on the file system of the machine.

    What is open is known by a descriptor.  Every method may raise ``OSError``; those that give a second name may raise
    ``NotImplementedError`` too.

    Raises:
        ValueError: ``sync`` is none of `SYNCS`, or a mode has other bits than those of permissions.
    """

    temporary_folder: str | os.PathLike[str] | None = None
    """Where temporary files are; None: where those of this system are, which ``TMPDIR`` may say."""

    # Here too, for subclasses that have their own way to be made.
    sync: Sync = "none"
    """What of a received file is forced to the disk before its name is given: nothing, its contents, or those and then
    the name.  With any of them a process that is killed loses nothing; the others are for power cuts."""

    file_mode: int = 0o600
    """Permissions of new files, whatever the umask."""

    folder_mode: int = 0o700
    """The same for new folders."""

    def __init__(self, *, sync: Sync = "none", file_mode: int = 0o600, folder_mode: int = 0o700) -> None:
        if sync not in SYNCS:
            raise ValueError(f"'sync' must be one of {', '.join(map(repr, SYNCS))}, not {sync!r}")
        for mode in (file_mode, folder_mode):
            if not 0 <= mode <= 0o777:
                raise ValueError(f"permissions are from 0 to 0o777, not {mode:#o}")
        self.sync, self.file_mode, self.folder_mode = sync, file_mode, folder_mode

    def open_to_read(self, path: str) -> int:
        """Open a file that exists; it is read by its descriptor."""
        return os.open(path, os.O_RDONLY | _BINARY)

    def reader(self, path: str | os.PathLike[str]) -> BinaryIO:
        """A file that exists, as a file object whose ``name`` is the path; for those who read it whole."""
        return open(os.fspath(path), "rb", opener=lambda path, flags: self.open_to_read(path))

    def open_to_write(self, path: str, *, new: bool) -> int:
        """Open what is no symbolic link: a ``new`` file, which nobody else has made, or what is there."""
        flags = os.O_WRONLY | _BINARY | _NO_FOLLOW
        if not new:
            return os.open(path, flags)
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, self.file_mode)
        if self.file_mode & _OWNER_ONLY:
            # The umask has taken away what was asked for; files that nobody else sees save the call.
            try:
                os.chmod(descriptor if os.chmod in os.supports_fd else path, self.file_mode)
            except BaseException:
                os.close(descriptor)
                with suppress(OSError):
                    os.unlink(path)
                raise
        return descriptor

    def open_temporary(self) -> tuple[int, str]:
        """Make a new file for a while; its descriptor and its path."""
        # It loads random numbers of all kinds, for programs that never keep a file for a while.
        import tempfile

        return tempfile.mkstemp(suffix=".dcm", dir=self.temporary_folder)

    def open_nameless(self) -> Any:
        """Make a new file that no folder shows, and that is gone when it is closed and no mapping of it is used.

        A file object that is written by its ``fileno()``.
        """
        import tempfile

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
            # Not every system can.  Such a name is for a while.
            os.link(path, second, follow_symlinks=False)
        else:
            with self._synced_folder(second):
                os.link(path, second)

    def rename(self, path: str | Path, to: str | Path) -> None:
        """Give a file another path, in one step; what was there is gone."""
        if self.sync != "file and folder":
            # As below, in fewer steps.
            os.replace(path, to)
            return
        with self._synced_folder(to):
            os.replace(path, to)

    def remove(self, path: str) -> None:
        """Take a path away."""
        os.unlink(path)

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it, as far as they are missing; what is there keeps its permissions."""
        missing = []
        while not path.is_dir():
            missing.append(path)
            if path.parent == path:
                break
            path = path.parent
        for folder in reversed(missing):
            try:
                with self._synced_folder(folder):
                    os.mkdir(folder, self.folder_mode)
            except FileExistsError:
                # Somebody else has made it meanwhile; or it is none, and the next step says so.
                if not folder.is_dir():
                    raise
                continue
            if self.folder_mode & _OWNER_ONLY:
                os.chmod(folder, self.folder_mode)

    def sync_file(self, descriptor: int) -> None:
        """Return when what was written is on the disk, as far as the system and the disk tell the truth."""
        _sync(descriptor)

    def sync_folder(self, descriptor: int) -> None:
        """The same for the names in a folder."""
        os.fsync(descriptor)

    @contextmanager
    def _synced_folder(self, path: str | Path) -> Iterator[None]:
        """What the block does to a path is on the disk behind it, if the store is so careful."""
        if self.sync != "file and folder" or os.name == "nt":
            # Windows opens no folders.
            yield
            return
        # Before: without descriptors nothing is done.
        descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            yield
            self.sync_folder(descriptor)
        finally:
            os.close(descriptor)

    def lock_folder(self, path: str) -> tuple[int | None, bool]:
        """Say that this process makes files in a folder, until it closes the descriptor that comes back, or ends.

        The second value is whether nobody else has said so before; False as well where that cannot be known.  Then the
        descriptor is None: on Windows, and on some file systems of other machines.  If it is True, others wait until
        :meth:`share_folder`.
        """
        if fcntl is None:
            return None, False
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.share_folder(descriptor)
            return descriptor, False
        except OSError:
            os.close(descriptor)
            return None, False
        return descriptor, True

    def share_folder(self, descriptor: int) -> None:
        """Others may say that they make files there, too."""
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_SH)

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
