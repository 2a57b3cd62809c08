"""``dicomwire storescp port``: write what peers send to files, until interrupted."""

from __future__ import annotations

import socket

import click

from dicomwire.apps._common.describing import is_describing
from dicomwire.apps._common.exit_codes import OF_PROVIDERS
from dicomwire.apps._common.logging_options import logging_options
from dicomwire.apps._common.options import (
    CONTEXT_SETTINGS,
    PROVIDER_SPELLINGS,
    Provider,
    provider_options,
    supported_syntaxes,
)
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.providing import serve, serve_in_processes
from dicomwire.apps._common.running import run
from dicomwire.apps._common.storage import OutputDirectory, Received, destination_options, storage_contexts
from dicomwire.vocabulary.contexts import PresentationContext

LOGGER = application_logger("storescp")


@click.command("storescp", context_settings=CONTEXT_SETTINGS, epilog=OF_PROVIDERS)
@provider_options("STORESCP")
@supported_syntaxes
@destination_options()
@click.option("--no-echo", is_flag=True, help="Do not answer C-ECHO requests.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Worker processes that share PORT; those that die are replaced.",
)
@logging_options("storescp")
def storescp(
    provider: Provider, syntaxes: list[str], destination: OutputDirectory, no_echo: bool, processes: int, quiet: bool
) -> int:
    """Receive instances on PORT (0: any free one, and it says which) and write them to files, until interrupted."""
    contexts = storage_contexts(syntaxes, echo=not no_echo)
    if processes > 1 and not is_describing():
        code, tally = _in_processes(provider, contexts, destination, processes)
    else:
        tally = Received()
        with destination.storing(LOGGER, tally.stored) as storage:
            code = serve(provider, contexts, storage.handlers(), LOGGER)
    if not quiet and not is_describing():
        click.echo(tally.arrivals())
    return code


def _in_processes(
    provider: Provider, contexts: list[PresentationContext], destination: OutputDirectory, processes: int
) -> tuple[int, Received]:
    from dicomwire.apps.storescp.worker import StoringWorker, all_received, new_counts

    counts = [new_counts() for _ in range(processes)]

    def works(current: Provider, sock: socket.socket) -> list[StoringWorker]:
        return [StoringWorker(current, contexts, destination, sock, each) for each in counts]

    with destination.claimed(LOGGER):
        return serve_in_processes(provider, works, LOGGER), all_received(counts)


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(storescp, args, PROVIDER_SPELLINGS)
