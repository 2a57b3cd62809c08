"""``dicomwire conformance``: the DICOM conformance statement of an application, or of an AE in a module."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from dicomwire._version import __version__
from dicomwire.apps._common.exit_codes import DONE, FAILED, OF_STATEMENTS
from dicomwire.apps._common.options import CONTEXT_SETTINGS
from dicomwire.apps._common.running import run
from dicomwire.apps.conformance.entities_found import NoEntity, in_module, of_application
from dicomwire.conformance import DescribedEntity, as_html, as_markdown, conformance_statement


@click.command(
    "conformance",
    context_settings={**CONTEXT_SETTINGS, "ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog=OF_STATEMENTS,
)
@click.version_option(__version__, message="conformance.py v%(version)s")
@click.option("--html", is_flag=True, help="A page of HTML that needs nothing else, not Markdown.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write it.",
    show_default="standard output",
)
@click.option("--title", default="DICOM conformance statement", metavar="TEXT", help="What is above it.")
@click.argument("target")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def conformance(html: bool, output: Path | None, title: str, target: str, arguments: tuple[str, ...]) -> int:
    """Write the DICOM conformance statement (PS3.2) of TARGET.

    TARGET is one of the applications, as storescp, and ARGUMENTS are the ones that it would be called with; those that
    it needs and that are not given are made up.  It opens no connection and writes no file.

    Or TARGET is module:name, and that is an AE, a DescribedEntity, several of them, or a function without arguments
    that gives one of these.
    """
    try:
        entities = in_module(target, arguments) if ":" in target else of_application(target, arguments)
    except NoEntity as error:
        click.echo(f"E: {error}", err=True)
        return error.exit_code
    text = _written(entities, title, html=html)
    if output is None:
        click.echo(text, nl=False)
        return DONE
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"E: {output} cannot be written: {error.strerror or error}", err=True)
        return FAILED
    return DONE


def _written(entities: Sequence[DescribedEntity], title: str, *, html: bool) -> str:
    statement = conformance_statement(*entities, title=title)
    return as_html(statement) if html else as_markdown(statement)


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(conformance, args)
