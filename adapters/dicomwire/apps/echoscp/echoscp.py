"""``dicomwire echoscp port``: answer C-ECHO until interrupted."""

from __future__ import annotations

import click

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
from dicomwire.apps._common.providing import serve
from dicomwire.apps._common.running import run
from dicomwire.vocabulary.contexts import build_context
from dicomwire.vocabulary.sop_classes import Verification

LOGGER = application_logger("echoscp")


@click.command("echoscp", context_settings=CONTEXT_SETTINGS, epilog=OF_PROVIDERS)
@provider_options("ECHOSCP")
@supported_syntaxes
@logging_options("echoscp")
def echoscp(provider: Provider, syntaxes: list[str], quiet: bool) -> int:
    """Answer C-ECHO requests on PORT (0: any free one, and it says which) until interrupted."""
    return serve(provider, [build_context(Verification, syntaxes)], [], LOGGER)


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(echoscp, args, PROVIDER_SPELLINGS)
