"""Where and when something was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from benchmarks.dcmtk import find_tool


@frozen(kw_only=True)
class Machine:
    """A machine and the versions on it."""

    date: str
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
            f"{self.date}; {self.cpu}, {self.cores} cores, {self.memory_gib} GiB; {self.system}; "
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
    if dcmtk := _dcmtk_version():
        versions["DCMTK"] = dcmtk
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        cpu=found[1].strip() if found else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=versions,
    )


def _dcmtk_version() -> str | None:
    tool = find_tool("storescp")
    if tool is None:
        return None
    text = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"storescp v(\S+)", text)
    return found[1] if found else None
