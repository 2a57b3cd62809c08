"""Programs that run in a Python of their own, always with a time limit."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]

SECONDS = 30.0
"""For a program to end: never used up unless the test fails."""


def environment(**more: str) -> dict[str, str]:
    """For a Python that finds both halves of the package."""
    path = os.pathsep.join([str(ROOT / "core"), str(ROOT / "adapters"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, **more}


def run_python(program: str, *args: str, seconds: float = SECONDS, warnings: str = "error") -> str:
    """Run a program, which has to succeed; what it printed.  If it hangs, where is said."""
    head = f"import faulthandler; faulthandler.dump_traceback_later({seconds}, exit=True)\n"
    ran = subprocess.run(
        [sys.executable, "-W", warnings, "-c", head + dedent(program), *args],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds + 10,
        check=False,
    )
    assert ran.returncode == 0, f"exit code {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@contextmanager
def ends_in_time(process: subprocess.Popen[str], seconds: float = SECONDS) -> Iterator[None]:
    """Within the block the process ends, or is killed: whoever reads what it says goes on then, and sees how it ended."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
