"""``dicomwire storescp port``: write what peers send to files, until interrupted."""

from __future__ import annotations

from pathlib import Path

import click

from dicomwire.apps._common.options import (
    CONTEXT_SETTINGS,
    PROVIDER_SPELLINGS,
    Provider,
    logging_options,
    provider_options,
    supported_syntaxes,
)
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.providing import serve
from dicomwire.apps._common.running import run
from dicomwire.apps._common.storage import Discarding, Storage
from dicomwire.presentation import AllStoragePresentationContexts, build_context
from dicomwire.sop_class import Verification

LOGGER = application_logger("storescp")


@click.command("storescp", context_settings=CONTEXT_SETTINGS)
@provider_options("STORESCP")
@supported_syntaxes
@click.option(
    "-od",
    "--output-directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIRECTORY",
    help="Where to write files; made if it is missing.",
    show_default="current directory",
)
@click.option("--ignore", is_flag=True, help="Answer success and keep nothing.")
@click.option("--no-echo", is_flag=True, help="Do not answer C-ECHO requests.")
@logging_options("storescp")
def storescp(
    provider: Provider, syntaxes: list[str], output_directory: Path, ignore: bool, no_echo: bool, quiet: bool
) -> int:
    """Receive instances on PORT (0: any free one, see -v) and write them to files, until interrupted."""
    contexts = [build_context(context.abstract_syntax or "", syntaxes) for context in AllStoragePresentationContexts]
    if not no_echo:
        contexts.append(build_context(Verification, syntaxes))
    storage = Discarding(LOGGER) if ignore else Storage(output_directory, LOGGER)
    try:
        return serve(provider, contexts, storage.handlers(), LOGGER)
    finally:
        storage.discard_all()


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(storescp, args, PROVIDER_SPELLINGS)
