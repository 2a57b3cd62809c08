"""What a process has used, from /proc: memory in KiB, processor time in seconds."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path


def _status(pid: int | str, name: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    found = re.search(rf"^{name}:\s*(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def resident_memory(pid: int | str = "self") -> int:
    return _status(pid, "VmRSS")


def peak_memory(pid: int | str = "self") -> int:
    """The most memory so far, or since :func:`reset_peak`."""
    return _status(pid, "VmHWM")


def thread_count(pid: int) -> int:
    return _status(pid, "Threads")


def reset_peak(pid: int | str = "self") -> None:
    """Let the peak begin anew; where the kernel does not allow it, it stays that of the whole life."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and of its children, also of those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    waited_for = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    # The clock of another process, as clock_getcpuclockid(3) makes it: nanoseconds, where stat has 10 ms.
    own = time.clock_gettime((~pid << 3) | 2)
    return own + waited_for + sum(map(_cpu_of_child, _children(pid)))


def _children(pid: int) -> list[int]:
    """Those that nobody has waited for yet: of a server that forks, who works and who has."""
    listed = [path.read_text("ascii") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for child in " ".join(listed).split()]


def _cpu_of_child(pid: int) -> float:
    with contextlib.suppress(OSError):
        return cpu_seconds(pid)
    # It was waited for meanwhile: the next look at its parent has it.
    return 0.0


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
