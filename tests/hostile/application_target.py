"""``dicomwire storescp`` as what is attacked: what it holds is asked of the system, and what it stores is looked at."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define, field

from benchmarks.measure import thread_count
from tests.hostile.attacks import ATTACKS
from tests.hostile.target import Held, Target, import_path
from tests.hostile.wire import SECONDS

_PROGRAM = """
import sys
from dicomwire.__main__ import main
from dicomwire.blocking import workers
# Threads that wait for more work are not what is looked for.
workers._PATIENCE = 0.1
sys.exit(main(sys.argv[1:]))
"""

_OPTIONS = ("-ba", "127.0.0.1", "-ll", "warning", "--max-associations", "400", "-ta", "3", "-td", "3", "-tn", "3")

NOT_FOR_STORAGE = frozenset(
    ("silent-before-tls", "slow-tls", "no-tls-where-tls-is", "cancels", "reports", "queries-without-end",
     "retrievals-without-end", "sub-operations-answered-wrongly", "identifiers-of-small-elements")
)  # fmt: skip
"""Attacks on TLS and on other services."""

FOR_STORAGE = [name for name in ATTACKS if name not in NOT_FOR_STORAGE]


@define(eq=False)
class ApplicationTarget(Target):
    """A ``storescp`` in a process of its own."""

    folder: Path = field(kw_only=True)

    def held(self, question: str = "") -> Held:
        """What it has now, as the system tells: an association is a thread and a descriptor.

        Raises:
            AssertionError: it has ended.
        """
        assert self.process.poll() is None, f"it has ended with {self.process.poll()}: {self.new_lines()[-5:]}"
        pid = self.process.pid
        return Held(0, 0, threads=thread_count(pid), descriptors=len(os.listdir(f"/proc/{pid}/fd")))

    def unfinished(self) -> list[str]:
        """Names in its folder that are none of whole instances."""
        return [name for name in os.listdir(self.folder) if not re.fullmatch(r"[A-Z]{2}\.[\w.-]+", name)]


@contextmanager
def running_storescp() -> Iterator[ApplicationTarget]:
    """One that stores into a folder of its own, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="dicomwire-hostile-") as name:
        log, folder = Path(name, "log"), Path(name, "received")
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, "storescp", "0", "-od", str(folder), *_OPTIONS],
                env={**os.environ, "PYTHONPATH": import_path()}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=stderr, text=True,
            )  # fmt: skip
        with process:
            try:
                port = _port(process, log)
                made = ApplicationTarget("storescp", process, log, port, port, folder=folder)
                made.warm_up()
                yield made
                made.open.close()
            finally:
                process.kill()


def _port(process: subprocess.Popen[str], log: Path) -> int:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            if found := re.search(r"^I: Listening on \S+ port (\d+)$", log.read_text(), re.MULTILINE):
                return int(found[1])
        time.sleep(0.02)
    raise AssertionError(log.read_text())
