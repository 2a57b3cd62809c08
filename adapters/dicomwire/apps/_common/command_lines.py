"""Programs of the user's that are run for what has arrived, one after the other; never through a shell."""

from __future__ import annotations

import logging
import queue
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import click
from attrs import define, field, frozen

from dicomwire._logging import printable
from dicomwire.apps._common.arrived_instance import OF_THE_REQUEST
from dicomwire.apps._common.templates import Template

OF_AN_INSTANCE = (*OF_THE_REQUEST, "path", "folder")
OF_A_STUDY = (*OF_THE_REQUEST, "folder", "count")

_WAITING = 1000
"""Programs that wait for their turn; then those who send have to."""

Value: TypeAlias = Callable[[str], str]


@frozen
class ProgramCall:
    """A program and its arguments, with keywords in braces."""

    arguments: Sequence[Template]

    @classmethod
    def parse(cls, text: str, names: Sequence[str]) -> ProgramCall:
        """What a command line says; quotes are those of a shell, and nothing else of one is known.

        Raises:
            ValueError: quotes do not match, there is no program, or what is in braces is no keyword.
        """
        words = shlex.split(text)
        if not words:
            raise ValueError("there is no program in it")
        if "{" in words[0]:
            raise ValueError(f"the program {words[0]!r} cannot be one that a peer names")
        if shutil.which(words[0]) is None:
            raise ValueError(f"there is no program {words[0]!r}")
        return cls([Template.parse(word, names) for word in words])

    def filled(self, value: Value) -> list[str]:
        """The arguments for one instance or study.

        What ``value`` gives is a part of an argument, and cannot become another one, nor an option: it begins with no
        hyphen.
        """
        return [argument.filled(value) for argument in self.arguments]


class CommandLine(click.ParamType):  # type: ignore[type-arg]
    """Such a command as an option."""

    name = "command"

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ProgramCall:
        """What was given, parsed."""
        if isinstance(value, ProgramCall):
            return value
        try:
            return ProgramCall.parse(value, self._names)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


@define(eq=False)
class Runner:
    """Runs programs in the order in which they were asked for, in a thread of its own."""

    logger: logging.Logger
    _tasks: queue.Queue[tuple[str, list[str]] | None] = field(factory=lambda: queue.Queue(_WAITING), init=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the block runs; behind it what was asked for is finished."""
        thread = threading.Thread(target=self._work, name="dicomwire-commands", daemon=True)
        thread.start()
        try:
            yield
        finally:
            if waiting := self._tasks.qsize():
                self.logger.info("%d commands are still to be run", waiting)
            self._tasks.put(None)
            thread.join()

    def run(self, what: str, arguments: list[str]) -> None:
        """Run a program when its turn comes; ``what`` it is for is in the log.  Waits if too many do."""
        self._tasks.put((what, arguments))

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            what, arguments = task
            try:
                done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
            except (OSError, ValueError) as error:
                self.logger.error("%s for %s cannot be run: %s", printable(arguments[0]), what, error)
                continue
            if done.returncode:
                how = f"killed by signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
                self.logger.error("%s for %s ended with %s", printable(arguments[0]), what, how)
