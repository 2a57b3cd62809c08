"""Programs that run in a Python of their own, always with a time limit."""

from __future__ import annotations

import contextlib
import os
import signal
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

WHERE = "import faulthandler; faulthandler.dump_traceback_later({}, exit=True)\n"
"""Says where a program hangs.  Not for those that fork: a child that exits would wait for a thread that it has not."""


def environment(**more: str) -> dict[str, str]:
    """For a Python that finds both halves of the package."""
    path = os.pathsep.join([str(ROOT / "core"), str(ROOT / "adapters"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, **more}


def run_python(program: str, *args: str, seconds: float = SECONDS, warnings: str = "error", forks: bool = False) -> str:
    """Run a program, which has to succeed; what it printed.  It and its children are ended if it takes too long."""
    head = "" if forks else WHERE.format(seconds)
    with subprocess.Popen(
        [sys.executable, "-W", warnings, "-c", head + dedent(program), *args],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        late = threading.Timer(seconds + 2, _kill_all, [process])
        late.start()
        try:
            out, errors = process.communicate(timeout=seconds + 10)
        finally:
            late.cancel()
            if forks:
                _kill_all(process)
    assert process.returncode == 0, f"exit code {process.returncode}\n{out}\n{errors}"
    return out


def _kill_all(process: subprocess.Popen[str]) -> None:
    """The process and its children: they are a group of their own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def ends_in_time(process: subprocess.Popen[str], seconds: float = SECONDS) -> Iterator[None]:
    """Within the block the process ends, or is killed: then whoever reads what it says goes on."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
