"""What the service class providers share: serving until somebody interrupts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from dicomwire import events as evt
from dicomwire._logging import shown_address
from dicomwire.apps._common.options import Provider
from dicomwire.blocking import AE
from dicomwire.presentation import PresentationContext

S = TypeVar("S")


class CannotListen(Exception):
    """There is nowhere to listen: the text says where and why."""


def new_server(
    ae: AE,
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    make: Callable[..., S],
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
        raise CannotListen(f"Cannot listen on {where} port {provider.port}: {error}") from error


def serve(
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    logger: logging.Logger,
) -> int:
    """Accept associations until SIGINT or SIGTERM; the exit code: 1 if there is nowhere to listen."""
    ae = AE(provider.ae_title)
    try:
        server = new_server(ae, provider, contexts, handlers, ae.make_server)
    except CannotListen as error:
        logger.error("%s", error)
        return 1
    try:
        host, port = server.server_address[:2]
        logger.info("Listening on %s", f"{host} port {port}" if port else shown_address((host, port)))
        server.serve_forever()
    except KeyboardInterrupt:
        logger.info("Interrupted: shutting down")
    finally:
        ae.shutdown()
        server.shutdown()
    return 0
