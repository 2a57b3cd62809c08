"""What was measured, where and when."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from benchmarks.dcmtk import find_tool
from benchmarks.orthanc import find_orthanc

_ROOT = Path(__file__).resolve().parents[1]


@frozen(kw_only=True)
class Machine:
    """A machine, and the versions on it."""

    date: str
    commit: str
    """Of this package; it ends with ``+`` if files differ from it."""

    cpu: str
    cores: int
    memory_gib: int
    system: str
    python: str
    versions: dict[str, str]

    @property
    def line(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"{self.date}; commit {self.commit}; {self.cpu}, {self.cores} cores, {self.memory_gib} GiB; {self.system}; "
            f"Python {self.python}; {versions}"
        )


def this_machine() -> Machine:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8", "replace"), re.MULTILINE)
    versions = {}
    for package in ("dicomwire", "pydicom", "trio", "pynetdicom"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    versions["OpenSSL"] = ssl.OPENSSL_VERSION.split()[1]
    if dcmtk := _version_of(find_tool("storescp"), r"storescp v(\S+)"):
        versions["DCMTK"] = dcmtk
    if orthanc := _version_of(find_orthanc(), r"Orthanc (\S+)"):
        versions["Orthanc"] = orthanc
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        cpu=found[1].strip() if found else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=versions,
    )


def _version_of(program: str | None, pattern: str) -> str | None:
    if program is None:
        return None
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    found = re.search(pattern, text)
    return found[1] if found else None


def _commit() -> str:
    """The commit that the files beside this one come from."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    if commit is None:
        return "unknown"
    return commit + ("+" if _git("status", "--porcelain", "--", "core", "adapters", "benchmarks/*.py") else "")


def _git(*arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    run = subprocess.run([git, *arguments], cwd=_ROOT, capture_output=True, text=True, check=False, timeout=30)
    return run.stdout.strip() if run.returncode == 0 else None
