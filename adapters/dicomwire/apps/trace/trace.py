"""``dicomwire trace``: look at what ``--trace`` has recorded."""

from __future__ import annotations

from pathlib import Path

import click

from dicomwire._logging import printable
from dicomwire._version import __version__
from dicomwire.apps._common.exit_codes import DONE, FAILED, OF_TRACES
from dicomwire.apps._common.options import CONTEXT_SETTINGS
from dicomwire.apps._common.reading_traces import read_or_tell
from dicomwire.apps._common.running import run
from dicomwire.data import store
from dicomwire.tracing.deviations import deviations
from dicomwire.tracing.showing import show as lines_of
from dicomwire.tracing.trace_files import write_pcapng, write_trace
from dicomwire.tracing.trace_page import page


@click.group("trace", context_settings=CONTEXT_SETTINGS, epilog=OF_TRACES)
@click.version_option(__version__, message="trace.py v%(version)s")
def trace() -> None:
    """Look at recorded associations."""


@trace.command("show", context_settings=CONTEXT_SETTINGS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--patient-data",
    is_flag=True,
    help="With the values of data sets, patients' names among them; else which there are.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False),
    metavar="OUT",
    help="Write a page for a browser instead: a new file, which needs nothing else.",
)
def show(file: str, patient_data: bool, html: str | None) -> int:
    """Print every PDU, item and message in FILE: what --trace has recorded, or a capture (pcap, pcapng).

    Each line begins with the seconds since the association began, and the time since the one before if that is long.
    Arrows to the right are what was sent by whoever recorded it.
    """
    found = read_or_tell(file)
    if found is None:
        return FAILED
    if html is not None:
        return _written(html, page(found, title=Path(file).name, patient_data=patient_data))
    for line in lines_of(found, patient_data=patient_data):
        click.echo(line)
    return DONE


@trace.command("check", context_settings=CONTEXT_SETTINGS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def check(file: str) -> int:
    """Tell what both sides in FILE did otherwise than the standard has it, and where that says so.

    That is for information: peers are served in spite of it, and the exit code says nothing of it.
    """
    found = read_or_tell(file)
    if found is None:
        return FAILED
    for association in found:
        for deviation in deviations(association):
            click.echo(f"Association {association.number}, {printable(deviation, 200)}")
    for remark in found.remarks:
        click.echo(f"Note: {printable(remark, 200)}")
    return DONE


@trace.command("convert", context_settings=CONTEXT_SETTINGS)
@click.argument("source", metavar="IN", type=click.Path(exists=True, dir_okay=False))
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False))
def convert(source: str, target: str) -> int:
    """Write what is in IN to OUT, a new file: for Wireshark if its name ends in .pcapng, else a trace.

    What the TCP around it was like is made up, but for the times.
    """
    found = read_or_tell(source)
    if found is None:
        return FAILED
    try:
        if target.endswith(".pcapng"):
            write_pcapng(found, target)
        else:
            write_trace(found, target)
    except OSError as error:
        click.echo(f"E: {target}: {error.strerror or error}", err=True)
        return FAILED
    return DONE


def _written(path: str, text: str) -> int:
    """Write a new file that only we may read: whoever asked for patients' names has them in it."""
    try:
        descriptor = store.STORE.open_to_write(path, new=True)
        try:
            store.STORE.write(descriptor, [memoryview(text.encode("ascii"))])
        finally:
            store.STORE.close(descriptor)
    except OSError as error:
        click.echo(f"E: {path}: {error.strerror or error}", err=True)
        return FAILED
    return DONE


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(trace, args)
