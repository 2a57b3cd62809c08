"""Every operation and service with a fault at every call of the transport, at either end, in every adapter."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomwire.testing import Fault, Faults
from dicomwire.testing.faults import KINDS
from tests.support import adapters
from tests.support.adapters import PATIENCE, WORLDS, MemoryWorld, World
from tests.support.faulting import NAMES, SIDES, Operation, Tracebacks, Trial, operations

AT_ONCE = 32
"""Associations that run beside each other where time passes."""

SHORT = 0.05
"""Seconds of all timeouts where time passes."""

LONG = 100.0
"""Seconds that a test waits there for what ends by these timeouts."""

LONGEST = 20.0
"""Seconds that an association with timeouts of 6 may take, whatever happens: three of them and a little."""


@pytest.fixture(autouse=True)
def tracebacks() -> Iterator[list[str]]:
    handler, logger = Tracebacks(), logging.getLogger("dicomwire")
    logger.addHandler(handler)
    yield handler.told
    logger.removeHandler(handler)
    # What was left unclosed says so now, and not in the next test.
    gc.collect()


def in_memory(operation: Operation, side: str, faults: Faults) -> Trial:
    """One association in a network of its own."""
    world = MemoryWorld()
    trial = Trial(world, "ends", side, faults, PATIENCE)
    world.run(lambda: trial.perform(operation))
    return trial


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", NAMES)
def test_no_fault_at_any_step_breaks_what_must_hold(
    name: str, side: str, tmp_path: Path, tracebacks: list[str]
) -> None:
    operation = operations(tmp_path)[name]
    whole = in_memory(operation, side, Faults(split=operation.split))
    assert [*whole.wrong()] == tracebacks == []
    wrong: list[str] = []
    for kind in KINDS:
        for at in range(1, len(whole.faults.calls) + 1):
            faults = Faults(Fault(kind, at), split=operation.split)
            trial = in_memory(operation, side, faults)
            found = [*trial.wrong(), *tracebacks]
            tracebacks.clear()
            if trial.world.network.now > LONGEST:  # type: ignore[attr-defined]
                found.append("it took too long")
            if not faults.struck:
                found.append("it did not come to that")
            wrong += [f"{kind} at {at}: {words}" for words in found]
    assert wrong == []


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_only_late_or_in_pieces_changes_nothing(name: str, side: str, tmp_path: Path) -> None:
    operation = operations(tmp_path)[name]
    whole = in_memory(operation, side, Faults(split=operation.split))
    plans = [Faults(split=1), Faults(delay=0.01), Faults(split=7, delay=0.001)]
    plans += [Faults(Fault("stall", at, seconds=1.0)) for at in range(1, len(whole.faults.calls) + 1)]
    for faults in plans:
        trial = in_memory(operation, side, faults)
        assert [*trial.wrong()] == [], faults
        assert trial.acknowledged == whole.acknowledged, faults
        if name == "find cancelled":
            # The cancel may overtake more or fewer of them, or come too late.
            assert trial.statuses[-1] in (0xFE00, 0x0000), faults
        else:
            assert trial.statuses == whole.statuses, faults


def plans(operation: Operation, side: str) -> list[Faults]:
    """All steps, as they are in memory: other adapters may make fewer calls, or more."""
    count = len(in_memory(operation, side, Faults(split=operation.split)).faults.calls)
    return [Faults(Fault(kind, at), split=operation.split) for kind in KINDS for at in range(1, count + 1)]


STEP = 1 if "DICOMWIRE_FAULTS" in os.environ else 5
"""Where time passes: each so many steps one is tried, another one for each kind of fault."""


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("world_name", "kind"), [("blocking", "unix socket"), ("asyncio", "unix socket"), ("trio", "memory streams")]
)
def test_nor_where_time_passes(
    world_name: str, kind: str, side: str, tmp_path: Path, tracebacks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Those beside each other get their turns late on a machine that is busy.  Their timeouts may strike anywhere then.
    monkeypatch.setattr(adapters, "PATIENCE", LONG)
    planned = [
        (name, operation, faults)
        for name, operation in operations(tmp_path).items()
        for faults in plans(operation, side)
    ]
    # Those that wait, wait together.
    planned.sort(key=lambda item: repr(item[2]))
    wrong: list[str] = []
    for batch in batches(planned[::STEP]):
        world = WORLDS[world_name]()
        trials = [(name, operation, Trial(world, kind, side, faults, SHORT)) for name, operation, faults in batch]
        world.run(lambda world=world, trials=trials: beside_each_other(world, trials))  # type: ignore[misc]
        wrong += [f"{name}, {trial.faults}: {words}" for name, _, trial in trials for words in trial.wrong()]
    assert wrong == tracebacks == []


def batches(planned: list[tuple[str, Operation, Faults]]) -> Iterator[list[tuple[str, Operation, Faults]]]:
    """As many at a time as run beside each other."""
    return (planned[at : at + AT_ONCE] for at in range(0, len(planned), AT_ONCE))


async def beside_each_other(world: World, trials: list[tuple[str, Operation, Trial]]) -> None:
    def start(operation: Operation, trial: Trial) -> object:
        return world.start(lambda: trial.perform(operation))

    jobs = [start(operation, trial) for _, operation, trial in trials]
    for job in jobs:
        await job.result()  # type: ignore[attr-defined]
