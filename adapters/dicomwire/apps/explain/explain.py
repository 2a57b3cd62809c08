"""``dicomwire explain``: what a peer supports and refuses, or what happened in a trace, in words."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from attrs import evolve

from dicomwire.apps._common.exit_codes import DONE, FAILED, OF_USERS
from dicomwire.apps._common.logging_options import logging_options
from dicomwire.apps._common.options import CONTEXT_SETTINGS, User, user_options
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.reading_traces import read_or_tell
from dicomwire.apps._common.running import run
from dicomwire.apps.explain.probing import Probe
from dicomwire.tracing.explanations import explain_trace, explained, trace_as_values
from dicomwire.tracing.peer_profile import PeerProfile, explain_peer, peer_as_values, profile
from dicomwire.tracing.trace_files import TraceFile, read_trace

LOGGER = application_logger("explain")


@click.command("explain", context_settings=CONTEXT_SETTINGS, epilog=OF_USERS)
@user_options("EXPLAIN")
@click.option(
    "--connections",
    type=click.IntRange(min=1),
    default=8,
    metavar="N",
    help="Ask in so many associations at most, one after the other.",
)
@click.option("--json", "as_json", is_flag=True, help="Print values instead of text.")
@logging_options("explain")
def explain(user: User, connections: int, as_json: bool, quiet: bool) -> int:
    """Tell what the AE at ADDR PORT supports and refuses, or, without PORT, what happened in the trace or capture ADDR.

    A peer is asked in a few associations, with all SOP classes that are known, and a C-ECHO; nothing is stored,
    queried or changed. Both tell what was not as the standard has it, with its section.
    """
    if user.port is None:
        return _file(user.addr, as_json)
    with TemporaryDirectory() as folder:
        own = user.network.trace
        trace = own.of_this_process() if own is not None else TraceFile(Path(folder, "asked.dwtrace"))
        with trace:
            asking = evolve(user, network=evolve(user.network, trace=trace))
            probe = Probe(asking, trace, connections, LOGGER)
            is_known = probe.run()
        peer = profile(one for one in map(explained, read_trace(trace.path)) if one.negotiation.request is not None)
    if peer.connections:
        _tell(user, peer, probe, as_json)
    return DONE if is_known else FAILED


def _tell(user: User, peer: PeerProfile, probe: Probe, as_json: bool) -> None:
    left_out = "; ".join(probe.left_out)
    if left_out:
        left_out += f". --connections is how often it may be asked, now {probe.connections}."
    if as_json:
        _print(peer_as_values(peer, probe.echo, left_out))
        return
    for line in explain_peer(peer, f"{user.addr} port {user.port}", probe.echo, left_out):
        click.echo(line)


def _file(path: str, as_json: bool) -> int:
    if not Path(path).is_file():
        raise click.UsageError(f"{path} is no file: a trace or a capture, or an address with its PORT.")
    trace = read_or_tell(path)
    if trace is None:
        return FAILED
    if as_json:
        _print(trace_as_values(trace))
        return DONE
    for line in explain_trace(trace):
        click.echo(line)
    return DONE


def _print(values: dict[str, Any]) -> None:
    click.echo(dumps(values, indent=2))


def _make_port_optional() -> None:
    for parameter in explain.params:
        if parameter.name == "port":
            parameter.required = False
        elif parameter.name == "addr":
            parameter.metavar = "ADDR|FILE"


_make_port_optional()


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(explain, args)
