"""Completion of command lines in a shell, by click's means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module

import click
from click.shell_completion import get_completion_class

PROGRAM = "dicomwire"
VARIABLE = "_DICOMWIRE_COMPLETE"
"""What the function in the shell sets when it asks for words."""


class Applications(click.Group):
    """All of them as commands of one, each loaded when its options are asked for."""

    def __init__(self, applications: Mapping[str, str]) -> None:
        super().__init__(PROGRAM, add_help_option=False)
        self._applications = applications

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted(self._applications)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        if cmd_name not in self._applications:
            return None
        command: click.Command = getattr(import_module(f"dicomwire.apps.{cmd_name}.{cmd_name}"), cmd_name)
        # What it is in one line: for shells that show more than words.
        command.short_help = self._applications[cmd_name]
        return command


def completion_script(shell: str, applications: Mapping[str, str]) -> str | None:
    """What a shell reads to complete command lines; None for one that is not known."""
    kind = get_completion_class(shell)
    return None if kind is None else kind(Applications(applications), {}, PROGRAM, VARIABLE).source()


def answer_shell(applications: Mapping[str, str]) -> int:
    """Print the words that the shell asks for in the environment; the exit code."""
    shell, _, instruction = os.environ[VARIABLE].partition("_")
    kind = get_completion_class(shell)
    if kind is None or instruction != "complete":
        return 1
    click.echo(kind(Applications(applications), {}, PROGRAM, VARIABLE).complete())
    return 0
