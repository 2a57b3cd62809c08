"""From a command line to an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

INTERRUPTED = 130


def run(command: click.Command, args: Sequence[str] | None, translate: Mapping[str, str] | None = None) -> int:
    """Run ``command`` with ``args``, default: the command line; 2 if that is wrong.

    ``translate`` replaces whole arguments that click cannot take as they are.
    """
    given = sys.argv[1:] if args is None else list(args)
    if translate:
        given = [translate.get(argument, argument) for argument in given]
    try:
        code = command.main(args=given, prog_name=f"dicomwire {command.name}", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    return code if isinstance(code, int) else 0
