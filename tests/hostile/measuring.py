"""One attack, what it costs the server, and whether others are served meanwhile."""

from __future__ import annotations

import threading
import time

from attrs import define, field

from tests.hostile.attacks import ATTACKS
from tests.hostile.target import Target, running
from tests.hostile.wire import be_polite

MIB = 1 << 20
PROMPT = 2.0
"""Seconds in which a polite peer is served during an attack of full size."""

LEFT_AFTER = 5.0
"""Seconds after which nothing is left of an attack."""

HOLD = 1.5
"""Seconds for which an attack of full size is held."""

LINES = 20
"""Lines of the log for each connection of an attack."""


@define
class Judgement:
    """What came of an attack; ``wrong`` is what should not be."""

    adapter: str
    name: str
    seconds: float = 0.0
    slowest: float = 0.0
    memory: int = 0
    connections: int = 0
    lines: int = 0
    wrong: list[str] = field(factory=list)

    def __str__(self) -> str:
        figures = (
            f"{self.adapter:8} {self.name:28} {self.seconds:5.1f} s, others {self.slowest:5.2f} s, "
            f"{self.memory / MIB:+6.1f} MiB, {self.lines} lines for {self.connections} connections"
        )
        return "\n".join([figures, *(f"    WRONG: {text}" for text in self.wrong)])


def attack(
    target: Target, name: str, size: float, *, prompt: float = PROMPT, left_after: float = LEFT_AFTER
) -> Judgement:
    """Attack ``target``; ``size`` 1 is the full size."""
    attack = ATTACKS[name]
    judged = Judgement(target.adapter, name)
    before = target.held("gc" if size == 1 else "")
    baseline = target.memory()
    target.new_lines()
    target.forget_peak()
    target.connections = 0
    errors: list[BaseException] = []

    def run() -> None:
        try:
            attack.run(target, size)
        except BaseException as error:
            errors.append(error)

    began = time.monotonic()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        while True:
            is_last = not thread.is_alive() and time.monotonic() - began >= HOLD * size
            start = time.monotonic()
            try:
                be_polite(target.port)
            except (AssertionError, OSError) as error:
                judged.wrong.append(f"a polite peer was not served: {error!r}")
                break
            judged.slowest = max(judged.slowest, time.monotonic() - start)
            if is_last:
                break
            time.sleep(0.05 * size)
    finally:
        thread.join()
        target.open.close()
    judged.seconds, judged.connections = time.monotonic() - began, target.connections
    judged.wrong += [f"the attack failed: {error!r}" for error in errors]
    judged.wrong += [f"left: {text}" for text in target.settled(before, left_after)]
    judged.memory = target.peak() - baseline
    lines = target.new_lines()
    judged.lines = len(lines)
    if judged.slowest > prompt:
        judged.wrong.append(f"a polite peer waited {judged.slowest:.1f} s")
    if judged.memory > attack.memory:
        judged.wrong.append(f"{judged.memory / MIB:.0f} MiB of memory, {attack.memory // MIB} allowed")
    if judged.lines > LINES * max(1, judged.connections):
        judged.wrong.append(f"{judged.lines} lines of log, as {lines[-1][:150]!r}")
    judged.wrong += [f"raw in the log: {line[:100]!r}" for line in lines if not line.isprintable()][:3]
    judged.wrong += [f"a long line of {len(line)}: {line[:100]!r}" for line in lines if len(line) > 2000][:3]
    judged.wrong += [f"a traceback: {line!r}" for line in lines if line.startswith("Traceback")][:1]
    return judged


def attacked(adapter: str, name: str, size: float = 1.0) -> Judgement:
    """The same on a server of its own."""
    with running(adapter) as target:
        return attack(target, name, size)
