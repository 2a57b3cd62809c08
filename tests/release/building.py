"""Building what is committed, twice, so that who builds it again gets the same bytes."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.release.readiness import NotReady, git


def build_twice(root: Path, out: Path) -> list[Path]:
    """The wheel and the source distribution of what is committed, in ``out``.

    The second time folder, time of the files and umask are others.

    Raises:
        NotReady: ``out`` has files, something cannot be built, or the second time something else comes of it.
    """
    if out.exists() and any(out.iterdir()):
        raise NotReady(f"{out} is not empty")
    built = build(root, out, umask=0o022)
    with TemporaryDirectory(prefix="once more ") as folder:
        again = build(root, Path(folder), umask=0o077)
        one, other = hashes_of(built), hashes_of(again)
    if one != other:
        differ = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
        raise NotReady(f"built a second time, these are not the same: {', '.join(differ)}")
    return built


def build(root: Path, out: Path, *, umask: int) -> list[Path]:
    """What is committed, built elsewhere, with the time of the commit in it."""
    archive = subprocess.run(["git", "-C", str(root), "archive", "HEAD"], capture_output=True, check=True).stdout
    with TemporaryDirectory(prefix="dicomwire-") as folder:
        before = os.umask(umask)
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as source:
                for member in source:
                    member.mtime += umask
                    member.mode &= ~umask
                    source.extract(member, folder, filter="data")
            # Without a new environment, which takes longer than all else here; what it would have is in the extra.
            command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), folder]
            environment = {**os.environ, "SOURCE_DATE_EPOCH": git(root, "log", "-1", "--format=%ct")}
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        finally:
            os.umask(before)
    if done.returncode:
        raise NotReady(done.stdout + done.stderr)
    return sorted(out.iterdir())


def hashes_of(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
