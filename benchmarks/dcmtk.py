"""Where DCMTK's tools are."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache


@cache
def find_tool(name: str) -> str | None:
    """DCMTK's tool of that name; pynetdicom's, which a virtual environment may put in front, are none."""
    for folder in os.get_exec_path():
        path = shutil.which(name, path=folder)
        if path is not None:
            version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=30)
            if "$dcmtk" in version.stdout:
                return path
    return None
