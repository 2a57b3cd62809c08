"""What is done with each instance that has been stored: a line of JSON, programs of the user's."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import click
from attrs import define, field, frozen

from dicomwire._logging import reason
from dicomwire.apps._common.arrived_instance import ArrivedInstance
from dicomwire.apps._common.command_lines import OF_A_STUDY, OF_AN_INSTANCE, CommandLine, ProgramCall, Runner
from dicomwire.apps._common.options import Decorator, grouped
from dicomwire.apps._common.output import drop_output
from dicomwire.apps.storescp.studies import Studies, Study
from dicomwire.data.receiving_files import SUCCESS
from dicomwire.errors import BrokenDataSet


@frozen
class Following:
    """What the user wants done."""

    json: bool = False
    command: ProgramCall | None = None
    study_command: ProgramCall | None = None
    study_timeout: float = 60.0

    @contextmanager
    def told(self, logger: logging.Logger) -> Iterator[Callable[[ArrivedInstance, int], None] | None]:
        """While the block runs: what is to be called with each instance and its status; None if nothing is."""
        if not (self.json or self.command or self.study_command):
            yield None
            return
        runner = Runner(logger)
        studies = Studies(self.study_timeout, partial(self._study_finished, runner, logger))
        with ExitStack() as stack:
            if self.command or self.study_command:
                stack.enter_context(runner.running())
            if self.study_command:
                stack.enter_context(studies.watched())
            yield _Follower(self, logger, runner, studies).told

    def _study_finished(self, runner: Runner, logger: logging.Logger, uid: str, study: Study) -> None:
        assert self.study_command is not None
        try:
            arguments = self.study_command.filled(study.value)
        except (BrokenDataSet, OSError) as error:
            logger.error("No command for study %s: %s", uid, reason(error))
            return
        logger.info("Study %s: %d instances, nothing more for %g s", uid, study.count, self.study_timeout)
        runner.run(f"study {uid}", arguments)


@define(eq=False)
class _Follower:
    wanted: Following
    logger: logging.Logger
    runner: Runner
    studies: Studies
    _lock: threading.Lock = field(factory=threading.Lock)
    _is_read: bool = True
    """Whether somebody still reads standard output."""

    def told(self, arrival: ArrivedInstance, status: int) -> None:
        if self.wanted.json and self._is_read:
            self._write(arrival.as_json(status))
        if status != SUCCESS:
            return
        try:
            if self.wanted.command is not None:
                arguments = self.wanted.command.filled(partial(_value, arrival))
                self.runner.run(arrival.path.name, arguments)
            if self.wanted.study_command is not None:
                self.studies.arrived(arrival)
        except (BrokenDataSet, OSError) as error:
            # It is stored all the same.
            self.logger.error("No command for %s: %s", arrival.path.name, reason(error))

    def _write(self, line: str) -> None:
        with self._lock:
            try:
                # In one go: processes share the stream.
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
            except OSError as error:
                self._is_read = False
                self.logger.error("Standard output cannot be written to any more: %s", error)
                drop_output()


def _value(arrival: ArrivedInstance, keyword: str) -> str:
    if keyword == "path":
        return str(arrival.path.absolute())
    return str(arrival.path.absolute().parent) if keyword == "folder" else arrival.safe_value(keyword)


def following_options() -> Decorator:
    """What to do with each instance: an argument ``following``."""
    return grouped(
        "following",
        lambda json, exec_, exec_study, study_timeout: Following(json, exec_, exec_study, study_timeout),
        [
            click.option("--json", is_flag=True, help="Write a line of JSON for each instance to standard output."),
            click.option(
                "--exec",
                "exec_",
                type=CommandLine(OF_AN_INSTANCE),
                metavar="COMMAND",
                help="Run this for each stored instance, without a shell; {path}, {folder}, {CallingAETitle} and "
                "keywords of elements are filled in, made safe.",
            ),
            click.option(
                "--exec-study",
                type=CommandLine(OF_A_STUDY),
                metavar="COMMAND",
                help="Run this for each study when nothing more of it comes; {folder}, {count} and keywords are filled "
                "in.",
            ),
            click.option(
                "--study-timeout",
                type=click.FloatRange(min=0),
                default=60.0,
                metavar="SECONDS",
                help="How long nothing more of a study comes when it counts as finished.",
                show_default=True,
            ),
        ],
    )
