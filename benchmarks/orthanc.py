"""Orthanc as a server: where it is, and what it is told."""

from __future__ import annotations

import json
import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def find_orthanc() -> str | None:
    """The program, which Debian keeps where only administrators look."""
    return shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/local/sbin:/usr/sbin")


def configuration(folder: Path, port: int) -> Path:
    """A new configuration file: it stores everything from everybody, in a folder of its own, and does nothing else."""
    storage = tempfile.mkdtemp(prefix="orthanc-", dir=folder)
    path = Path(storage) / "orthanc.json"
    values = {
        "StorageDirectory": storage,
        "IndexDirectory": storage,
        "DicomServerEnabled": True,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        # The same instance again and again is stored each time.
        "OverwriteInstances": True,
        "HttpServerEnabled": False,
        "RemoteAccessAllowed": False,
        "Plugins": [],
    }
    path.write_text(json.dumps(values), "utf-8")
    return path
