"""``dicomwire storescp port``: write what peers send to files, until interrupted."""

from __future__ import annotations

import click

from dicomwire.apps._common.exit_codes import OF_PROVIDERS
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
from dicomwire.apps._common.storage import OutputDirectory, Received, destination_options, storage_contexts

LOGGER = application_logger("storescp")


@click.command("storescp", context_settings=CONTEXT_SETTINGS, epilog=OF_PROVIDERS)
@provider_options("STORESCP")
@supported_syntaxes
@destination_options()
@click.option("--no-echo", is_flag=True, help="Do not answer C-ECHO requests.")
@logging_options("storescp")
def storescp(provider: Provider, syntaxes: list[str], destination: OutputDirectory, no_echo: bool, quiet: bool) -> int:
    """Receive instances on PORT (0: any free one, and it says which) and write them to files, until interrupted."""
    tally = Received()
    storage = destination.storage(LOGGER, tally.stored)
    try:
        code = serve(provider, storage_contexts(syntaxes, echo=not no_echo), storage.handlers(), LOGGER)
    finally:
        storage.discard_all()
    if not quiet:
        click.echo(tally.arrivals())
    return code


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(storescp, args, PROVIDER_SPELLINGS)
