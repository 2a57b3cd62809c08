"""``dicomwire demo``: a bit of everything through every adapter, on this machine alone.

It sends the sample files that come with pydicom with clients over the loopback interface to servers of the same
adapter, queries and retrieves them, and compares what arrived with what was sent, byte for byte.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from attrs import define, field
from rich.console import Console
from rich.table import Table

from dicomwire import blocking
from dicomwire.apps._common.exit_codes import OF_THE_DEMO
from dicomwire.apps._common.logging_options import logging_options
from dicomwire.apps._common.options import CONTEXT_SETTINGS
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.running import run
from dicomwire.apps.demo.samples import Differs, Sample, samples
from dicomwire.apps.demo.steps import STEPS, Demo, Note, perform
from dicomwire.associations.coroutines import run as run_at_once

LOGGER = application_logger("demo")


@define
class Outcome:
    """What became of one adapter."""

    cells: dict[str, str] = field(factory=dict)
    """What came of each step, in some words."""

    differences: list[str] = field(factory=list)
    """What went wrong, in words."""

    seconds: float = 0.0

    def note(self, name: str, result: str | Exception) -> None:
        """Remember what came of a step."""
        self.cells[name] = result if isinstance(result, str) else "no"
        if isinstance(result, Differs):
            self.differences.append(f"{name}: {result}")
        elif isinstance(result, Exception):
            self.differences.append(f"{name}: {type(result).__name__}: {result}")


def try_blocking(make: Callable[[Any], Demo], note: Note) -> None:
    """All steps with the blocking adapter."""
    run_at_once(perform(make(blocking), note))


def try_asyncio(make: Callable[[Any], Demo], note: Note) -> None:
    """All steps with the asyncio adapter."""
    asyncio.run(perform(make(import_module("dicomwire.asyncio")), note))


def try_trio(make: Callable[[Any], Demo], note: Note) -> None:
    """All steps with the trio adapter."""
    trio, adapter = import_module("trio"), import_module("dicomwire.trio")
    trio.run(perform, make(adapter), note)


ADAPTERS: dict[str, Callable[[Callable[[Any], Demo], Note], None]] = {
    "blocking": try_blocking,
    "asyncio": try_asyncio,
    "trio": try_trio,
}


def exercise(name: str, files: Sequence[Sample]) -> Outcome:
    """All steps through one adapter, with a directory that is gone afterwards."""
    outcome = Outcome()
    start = time.monotonic()
    with TemporaryDirectory(prefix="dicomwire-demo-") as directory:
        try:
            ADAPTERS[name](lambda of: Demo(of.connect, of.serve, files, Path(directory), LOGGER), outcome.note)
        except Exception as error:
            LOGGER.debug("the %s adapter failed", name, exc_info=True)
            outcome.note("start and end", error)
    outcome.seconds = time.monotonic() - start
    return outcome


@click.command("demo", context_settings=CONTEXT_SETTINGS, epilog=OF_THE_DEMO)
@logging_options("demo")
def demo(quiet: bool) -> int:
    """Store, query, retrieve and more through every adapter, and compare what arrives with what was sent."""
    files = samples()
    outcomes: dict[str, Outcome | None] = {}
    for name in ADAPTERS:
        outcomes[name] = None if name == "trio" and find_spec("trio") is None else exercise(name, files)
    if not quiet:
        Console().print(_table(outcomes))
    differences = [f"{name}: {what}" for name, outcome in outcomes.items() if outcome for what in outcome.differences]
    for difference in differences:
        LOGGER.error("%s", difference)
    return int(bool(differences))


def _table(outcomes: dict[str, Outcome | None]) -> Table:
    """A line for each step, a column for each adapter."""
    table = Table("Step", *outcomes, title="What arrived as it was sent, over loopback")
    for step in STEPS:
        cells = ("not installed" if outcome is None else outcome.cells.get(step, "-") for outcome in outcomes.values())
        table.add_row(step, *cells)
    table.add_row("Seconds", *("" if outcome is None else f"{outcome.seconds:.2f}" for outcome in outcomes.values()))
    return table


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(demo, args)
