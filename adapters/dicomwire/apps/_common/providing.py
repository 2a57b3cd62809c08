"""What the service class providers share: serving until somebody interrupts."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dicomwire import events as evt
from dicomwire.apps._common.options import Provider
from dicomwire.blocking import AE
from dicomwire.presentation import PresentationContext


def serve(
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    logger: logging.Logger,
) -> int:
    """Accept associations until SIGINT or SIGTERM; the exit code: 1 if there is nowhere to listen."""
    ae = AE(provider.ae_title)
    ae.acse_timeout = provider.network.acse_timeout
    ae.dimse_timeout = provider.network.dimse_timeout
    ae.network_timeout = provider.network.network_timeout
    ae.maximum_pdu_size = provider.network.max_pdu
    try:
        server = ae.make_server(
            (provider.bind_address, provider.port), contexts=contexts, ssl_context=provider.tls, evt_handlers=handlers
        )
    except OSError as error:
        logger.error("Cannot listen on %s port %d: %s", provider.bind_address or "any address", provider.port, error)
        return 1
    try:
        with _termination_interrupts():
            logger.info("Listening on %s port %d", *server.server_address[:2])
            server.serve_forever()
    except KeyboardInterrupt:
        logger.info("Interrupted: shutting down")
    finally:
        ae.shutdown()
        server.shutdown()
    return 0


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """SIGTERM ends the program as Ctrl-C does: service managers send it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
