"""What the service class providers share: serving until somebody interrupts."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dicomwire._logging import shown_address
from dicomwire.apps._common.exit_codes import DONE, CannotStart
from dicomwire.apps._common.options import Provider
from dicomwire.associations import events as evt
from dicomwire.blocking import AE
from dicomwire.sockets.listening import listening
from dicomwire.vocabulary.contexts import PresentationContext

if TYPE_CHECKING:
    from dicomwire.apps._common.worker_process import Orders, Work
    from dicomwire.blocking.server import AssociationServer

S = TypeVar("S")

_ADVICE = "PORT and -ba (--bind-address) name another place"


class CannotListen(CannotStart):
    """There is nowhere to listen: the text says where and why."""


def new_server(
    ae: AE,
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    make: Callable[..., S],
    *,
    advice: str = _ADVICE,
) -> S:
    """What ``make``, a method of ``ae``, makes with the settings of ``provider``.

    Raises:
        CannotListen: the address is taken, or is not ours.
    """
    ae.acse_timeout = provider.network.acse_timeout
    ae.dimse_timeout = provider.network.dimse_timeout
    ae.network_timeout = provider.network.network_timeout
    ae.maximum_pdu_size = provider.network.max_pdu
    with _failing_to_listen(provider, advice) as address:
        return make(address, contexts=contexts, ssl_context=provider.tls, evt_handlers=handlers)


@contextmanager
def _failing_to_listen(provider: Provider, advice: str = _ADVICE) -> Iterator[tuple[str, int]]:
    """Where to listen; that it is not possible is told as a `CannotListen`."""
    try:
        yield (provider.bind_address, provider.port)
    except OSError as error:
        where = provider.bind_address or "any address"
        raise CannotListen(f"Cannot listen on {where} port {provider.port}: {error}; {advice}") from error


def drain(ae: AE, server: AssociationServer, seconds: float) -> None:
    """The end of a server: nobody new, and who is there has so many seconds to finish before being aborted."""
    server.shutdown()
    deadline = time.monotonic() + seconds
    for association in server.active_associations if seconds else ():
        association.join(max(0.0, deadline - time.monotonic()))
    ae.shutdown()


def _tell_where(address: tuple[Any, ...], logger: logging.Logger) -> None:
    """Whatever else is logged, unless nothing is."""
    host, port = address[:2]
    listens = f"Listening on {f'{host} port {port}' if port else shown_address((host, port))}"
    if logger.isEnabledFor(logging.INFO):
        logger.info("%s", listens)
    elif logger.isEnabledFor(logging.CRITICAL):
        click.echo(f"I: {listens}", err=True)


def serve(
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    logger: logging.Logger,
) -> int:
    """Accept associations until SIGINT or SIGTERM, which is how to end it; the exit code.

    Raises:
        CannotListen: the address is taken, or is not ours.
    """
    ae = AE(provider.ae_title)
    server = new_server(ae, provider, contexts, handlers, ae.make_server)
    try:
        _tell_where(server.server_address, logger)
        server.serve_forever()
    except KeyboardInterrupt:
        logger.info("Interrupted: shutting down")
    finally:
        drain(ae, server, 0)
    return DONE


def serve_in_processes(
    provider: Provider, works: Callable[[socket.socket], Sequence[Work]], logger: logging.Logger
) -> int:
    """The same with several processes, which do what ``works`` gives for the socket that all of them listen on.

    Raises:
        CannotListen: the address is taken, or is not ours.
        CannotStart: a process died before any could begin.
    """
    # Most servers have no need of what makes processes.
    from dicomwire.apps._common.supervising import Supervisor

    with _failing_to_listen(provider) as address:
        shared = listening(address)

    def close() -> None:
        shared.end()
        shared.sock.close()

    try:
        Supervisor(works(shared.sock), logger, lambda: _tell_where(shared.server_address, logger), close).run()
    finally:
        close()
    return DONE


def serve_as_worker(
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    sock: socket.socket,
    orders: Orders,
) -> None:
    """Accept associations on ``sock`` until told to finish."""
    from dicomwire.apps._common.worker_process import DRAIN

    ae = AE(provider.ae_title)
    server = new_server(ae, provider, contexts, handlers, partial(ae.make_server, sock=sock))
    with orders.obeyed(finish=server.shutdown, abort=ae.shutdown):
        try:
            server.serve_forever()
        finally:
            drain(ae, server, DRAIN)
