"""From a command line to an exit code."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

from dicomwire.apps._common.exit_codes import DONE, INTERRUPTED, NOBODY_READS
from dicomwire.apps._common.output import drop_output


def run(command: click.Command, args: Sequence[str] | None, translate: Mapping[str, str] | None = None) -> int:
    """Run ``command`` with ``args``, default: the command line; 2 if that is wrong.

    ``translate`` replaces whole arguments that click cannot take as they are.
    """
    given = sys.argv[1:] if args is None else list(args)
    if translate:
        given = [translate.get(argument, argument) for argument in given]
    try:
        with _termination_interrupts():
            code = command.main(args=given, prog_name=f"dicomwire {command.name}", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit:
        # click's way out where nobody reads what --help and --version say.
        drop_output()
        return NOBODY_READS
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    return code if isinstance(code, int) else DONE


@contextmanager
def told_if_interrupted(tell: Callable[[], object]) -> Iterator[None]:
    """What was done so far is told also after Ctrl-C in the block."""
    try:
        yield
    except KeyboardInterrupt:
        tell()
        raise


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """SIGTERM ends the program as Ctrl-C does: service managers send it."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        yield
        return
    # This handler, and no other: the server knows what it does.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
