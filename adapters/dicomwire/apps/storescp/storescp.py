"""``dicomwire storescp port``: write what peers send to files, until interrupted."""

from __future__ import annotations

import socket

import click
from attrs import evolve

from dicomwire.apps._common.describing import is_describing
from dicomwire.apps._common.exit_codes import OF_PROVIDERS
from dicomwire.apps._common.logging_options import logging_options
from dicomwire.apps._common.metrics_endpoint import (
    Address,
    metrics_of_processes,
    metrics_of_this_process,
    metrics_option,
    with_metrics,
)
from dicomwire.apps._common.options import (
    CONTEXT_SETTINGS,
    PROVIDER_SPELLINGS,
    Provider,
    provider_options,
    supported_syntaxes,
)
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.output_directory import OutputDirectory, destination_options
from dicomwire.apps._common.providing import serve, serve_in_processes
from dicomwire.apps._common.running import run
from dicomwire.apps._common.storage import Received, storage_contexts
from dicomwire.apps._common.worker_process import Work
from dicomwire.apps.storescp.following import Following, following_options
from dicomwire.apps.storescp.storage_service import StorageService

LOGGER = application_logger("storescp")


@click.command("storescp", context_settings=CONTEXT_SETTINGS, epilog=OF_PROVIDERS)
@provider_options("STORESCP")
@supported_syntaxes
@destination_options()
@following_options()
@click.option("--any-class", is_flag=True, help="Take private SOP classes too, and those that nobody knows.")
@click.option("--no-echo", is_flag=True, help="Do not answer C-ECHO requests.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Worker processes that share PORT; those that die are replaced.",
)
@metrics_option
@logging_options("storescp")
def storescp(
    provider: Provider,
    syntaxes: list[str],
    destination: OutputDirectory,
    following: Following,
    any_class: bool,
    no_echo: bool,
    processes: int,
    metrics: Address | None,
    quiet: bool,
) -> int:
    """Receive instances on PORT (0: any free one, and it says which) and write them to files, until interrupted."""
    if following.study_command is not None and processes > 1:
        raise click.UsageError("--exec-study and --processes exclude each other: each process has a part of a study.")
    if destination.ignore and (following.command or following.study_command):
        raise click.UsageError("--ignore keeps no file that --exec or --exec-study could be run for.")
    service = StorageService(provider, storage_contexts(syntaxes, echo=not no_echo), destination, following, any_class)
    if processes > 1 and not is_describing():
        code, tally = _in_processes(service, processes, metrics)
    else:
        tally = Received()
        with (
            destination.claimed(LOGGER),
            service.handlers(LOGGER, tally.stored) as handlers,
            metrics_of_this_process(None if is_describing() else metrics, LOGGER) as observers,
        ):
            code = serve(provider, service.contexts, handlers, LOGGER, observers)
    if not quiet and not is_describing():
        # Standard output has nothing but JSON then.
        click.echo(tally.arrivals(), err=following.json)
    return code


def _in_processes(service: StorageService, processes: int, metrics: Address | None) -> tuple[int, Received]:
    from dicomwire.apps.storescp.worker import StoringWorker, all_received, new_counts

    counts = [new_counts() for _ in range(processes)]

    with service.destination.claimed(LOGGER), metrics_of_processes(metrics, LOGGER) as endpoint:

        def works(current: Provider, sock: socket.socket) -> list[Work]:
            storing = [StoringWorker(evolve(service, provider=current), sock, each, endpoint) for each in counts]
            return with_metrics(storing, endpoint)

        return serve_in_processes(service.provider, works, LOGGER), all_received(counts)


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(storescp, args, PROVIDER_SPELLINGS)
