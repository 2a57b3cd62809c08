"""A program that carries the bytes to the peer, as an option."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dicomwire.tunnelling import command_for

PROXY_COMMAND: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--proxy-command",
    metavar="COMMAND",
    help="A program whose standard input and output lead to the peer, %h port %p: 'ssh -W %h:%p gateway'.",
)


def filled_in(template: str | None, addr: str, port: int) -> list[str] | None:
    """The command for this peer, if there is one.

    Raises:
        click.BadParameter: it can be none.
    """
    if template is None:
        return None
    try:
        return command_for(template, addr, port)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--proxy-command") from error
