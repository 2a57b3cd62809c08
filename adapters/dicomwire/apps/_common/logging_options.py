"""Options on what is logged, which all applications have."""

from __future__ import annotations

import logging
from functools import wraps
from typing import Any

import click

from dicomwire._version import __version__
from dicomwire.apps._common.exit_codes import NOBODY_READS, CannotStart
from dicomwire.apps._common.options import Decorator, Function, flag, with_options
from dicomwire.apps._common.output import LEVELS, SILENT, application_logger, drop_output, logging_at


def logging_options(name: str, default: int = logging.ERROR) -> Decorator:
    """``--version``, what is logged, and whether patients may be.

    The command runs with its log set up, and gets an argument ``quiet``.  With INFO as ``default`` it tells what the
    application does; what the library says to that takes ``-v``: the application says the end of it in its own words.
    """
    options: list[Decorator] = [
        click.version_option(__version__, message=f"{name}.py v%(version)s"),
        flag("-q", "--quiet", group="log", text="No output."),
        flag("-v", "--verbose", group="log", text="Log level info."),
        flag("-d", "--debug", group="log", text="Log level debug."),
        click.option(
            "-ll",
            "--log-level",
            type=click.Choice([*LEVELS], case_sensitive=False),
            help="Log level; wins over the others.",
            show_default=logging.getLevelName(default).lower(),
        ),
        click.option(
            "--log-patient-data/--no-log-patient-data",
            default=True,
            help="Dangerous with -d: the log has what identifiers say of patients, and errors repeat values. Without, "
            "elements and kinds of errors are named only.",
        ),
    ]

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(
            quiet: bool, verbose: bool, debug: bool, log_level: str | None, log_patient_data: bool, **values: Any
        ) -> Any:
            level = default
            if log_level is not None:
                level = LEVELS[log_level.lower()]
            elif quiet or verbose or debug:
                level = SILENT if quiet else logging.INFO if verbose else logging.DEBUG
            unasked = log_level is None and not (quiet or verbose or debug)
            with logging_at(level, max(level, logging.ERROR) if unasked else None, patient_data=log_patient_data):
                try:
                    return function(quiet=quiet, **values)
                except CannotStart as error:
                    application_logger(name).error("%s", error)
                    return error.exit_code
                except BrokenPipeError:
                    # Standard output's: what becomes of connections never comes here.
                    drop_output()
                    return NOBODY_READS

        return with_options(command, options)

    return decorate
