"""Options on who may open an association with a service class provider, and how many."""

from __future__ import annotations

import click

from dicomwire.associations.allowed import Allowed

ADMISSION = [
    click.option(
        "--accept-network",
        multiple=True,
        metavar="NETWORK",
        help="Close connections from elsewhere, such as 10.1.0.0/16; may be repeated.",
    ),
    click.option(
        "--accept-title",
        multiple=True,
        metavar="TITLE",
        help="Reject those who call themselves otherwise; may be repeated. Anybody can claim any title.",
    ),
    click.option(
        "--max-associations",
        type=click.IntRange(min=1),
        metavar="N",
        help="How many at the same time, in each process; others are rejected for now.",
        show_default="10",
    ),
]


def admitted(networks: tuple[str, ...], titles: tuple[str, ...]) -> Allowed | None:
    """Who is let in; None if all are.

    Raises:
        click.BadParameter: no network, or no AE title.
    """
    if not networks and not titles:
        return None
    try:
        return Allowed(networks=networks, calling_ae_titles=titles)
    except (ValueError, TypeError) as error:
        raise click.BadParameter(str(error)) from error
