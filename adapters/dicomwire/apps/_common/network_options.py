"""Options of all applications that are about the wire: timeouts, lengths, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import click
from attrs import frozen

from dicomwire.apps._common.describing import is_describing
from dicomwire.associations.entity_base import SMALLEST_MAXIMUM_LENGTH, ApplicationEntityBase
from dicomwire.tracing.trace_files import TraceFile

_Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


@frozen(kw_only=True)
class NetworkOptions:
    """Timeouts in seconds, the longest P-DATA-TF body to take, and where associations are recorded."""

    acse_timeout: float
    dimse_timeout: float
    network_timeout: float
    max_pdu: int
    trace: TraceFile | None = None

    def apply(self, ae: ApplicationEntityBase) -> None:
        """``ae`` is to keep to them."""
        ae.acse_timeout = self.acse_timeout
        ae.dimse_timeout = self.dimse_timeout
        ae.network_timeout = self.network_timeout
        ae.trace = None if self.trace is None else self.trace.of_this_process()


def _timeout(*names: str, text: str) -> _Decorator:
    return click.option(*names, type=click.FloatRange(min=0), default=30.0, metavar="SECONDS", help=text)


def _maximum_length(context: click.Context, option: click.Parameter, value: int) -> int:
    if 0 < value < SMALLEST_MAXIMUM_LENGTH:
        raise click.BadParameter(f"nothing fits in {value} bytes: 0 for no limit, or {SMALLEST_MAXIMUM_LENGTH} up.")
    return value


_KEEPS = f"{__name__}.data_sets"


def _keep_data_sets(context: click.Context, option: click.Parameter, value: bool) -> None:
    context.meta[_KEEPS] = value


def _new_trace(context: click.Context, option: click.Parameter, value: str | None) -> TraceFile | None:
    if value is None or is_describing():
        return None
    try:
        made = TraceFile(value, data_sets=context.meta.get(_KEEPS, False))
    except FileExistsError:
        raise click.BadParameter(f"{value} exists already.") from None
    except OSError as error:
        raise click.BadParameter(f"{value} cannot be written: {error.strerror}.") from error
    context.call_on_close(made.close)
    return made


NETWORK: list[_Decorator] = [
    _timeout("-ta", "--acse-timeout", text="For the peer to connect, and to answer association and release requests."),
    _timeout("-td", "--dimse-timeout", text="For each DIMSE response; inf is no limit."),
    _timeout("-tn", "--network-timeout", text="Without traffic."),
    click.option(
        "-pdu",
        "--max-pdu",
        type=click.IntRange(0, 0xFFFFFFFF),
        default=16382,
        metavar="BYTES",
        callback=_maximum_length,
        help="Longest PDU to receive, 0 is unlimited.",
    ),
    click.option(
        "--trace",
        metavar="FILE",
        callback=_new_trace,
        help="Record all associations in this new file, without data sets; `dicomwire trace show FILE` shows it.",
    ),
    click.option(
        "--trace-data-sets",
        is_flag=True,
        # Before --trace, wherever it stands.
        is_eager=True,
        expose_value=False,
        callback=_keep_data_sets,
        help="Record data sets too, with the names of patients.",
    ),
]
