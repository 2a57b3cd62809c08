"""The option that names the proxies of a server."""

from __future__ import annotations

import click

from dicomwire.associations.proxied import ProxyProtocol


def _proxies(context: click.Context, parameter: click.Parameter, networks: tuple[str, ...]) -> ProxyProtocol | None:
    try:
        return ProxyProtocol(trusted=networks) if networks else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


PROXY_PROTOCOL = click.option(
    "--proxy-protocol",
    multiple=True,
    metavar="NETWORK",
    callback=_proxies,
    help="Proxies in this network say for whom they connect (PROXY protocol 1 or 2); may be repeated.",
)
