"""Traces and captures that an application is given."""

from __future__ import annotations

import click

from dicomwire.captures.capture_files import read_any
from dicomwire.tracing.trace_format import BadTrace
from dicomwire.tracing.trace_records import Trace


def read_or_tell(file: str) -> Trace | None:
    """What is in ``file``; if it cannot be read that is told in one line, and it is None."""
    try:
        return read_any(file)
    except ModuleNotFoundError as error:
        click.echo(f"E: {error.name} is not installed, which captures need: pip install dicomwire[trace]", err=True)
    except (BadTrace, OSError) as error:
        click.echo(f"E: {file}: {error}", err=True)
    return None
