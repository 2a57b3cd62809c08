"""What the service class providers share: serving until somebody interrupts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import click

from dicomwire._logging import shown_address
from dicomwire.apps._common.exit_codes import DONE, CannotStart
from dicomwire.apps._common.options import Provider
from dicomwire.associations import events as evt
from dicomwire.blocking import AE
from dicomwire.vocabulary.contexts import PresentationContext

S = TypeVar("S")


class CannotListen(CannotStart):
    """There is nowhere to listen: the text says where and why."""


def new_server(
    ae: AE,
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    make: Callable[..., S],
    *,
    advice: str = "PORT and -ba (--bind-address) name another place",
) -> S:
    """What ``make``, a method of ``ae``, makes with the settings of ``provider``.

    Raises:
        CannotListen: the address is taken, or is not ours.
    """
    ae.acse_timeout = provider.network.acse_timeout
    ae.dimse_timeout = provider.network.dimse_timeout
    ae.network_timeout = provider.network.network_timeout
    ae.maximum_pdu_size = provider.network.max_pdu
    address = provider.bind_address, provider.port
    try:
        return make(address, contexts=contexts, ssl_context=provider.tls, evt_handlers=handlers)
    except OSError as error:
        where = provider.bind_address or "any address"
        raise CannotListen(f"Cannot listen on {where} port {provider.port}: {error}; {advice}") from error


def serve(
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    logger: logging.Logger,
) -> int:
    """Accept associations until SIGINT or SIGTERM, which is how to end it; the exit code.

    Where it listens is told whatever else is logged, unless nothing is.

    Raises:
        CannotListen: the address is taken, or is not ours.
    """
    ae = AE(provider.ae_title)
    server = new_server(ae, provider, contexts, handlers, ae.make_server)
    try:
        host, port = server.server_address[:2]
        listens = f"Listening on {f'{host} port {port}' if port else shown_address((host, port))}"
        if logger.isEnabledFor(logging.INFO):
            logger.info("%s", listens)
        elif logger.isEnabledFor(logging.CRITICAL):
            click.echo(f"I: {listens}", err=True)
        server.serve_forever()
    except KeyboardInterrupt:
        logger.info("Interrupted: shutting down")
    finally:
        ae.shutdown()
        server.shutdown()
    return DONE
