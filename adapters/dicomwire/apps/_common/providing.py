"""What the service class providers share: serving until somebody interrupts."""

from __future__ import annotations

import ipaddress
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from dicomwire._logging import shown_address
from dicomwire.apps._common.exit_codes import DONE, CannotStart
from dicomwire.apps._common.options import Provider
from dicomwire.apps._common.tls_options import in_words
from dicomwire.associations import events as evt
from dicomwire.blocking import AE
from dicomwire.blocking.server import AssociationServer
from dicomwire.sockets.tls_files import UnusableTLS
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
        _tell(logger, logging.INFO, f"Listening on {f'{host} port {port}' if port else shown_address((host, port))}")
        if reach := who_can_connect(host, "-ba (--bind-address)"):
            _tell(logger, *reach)
        with _certificates_renewed(server, provider, logger):
            server.serve_forever()
    except KeyboardInterrupt:
        logger.info("Interrupted: shutting down")
    finally:
        ae.shutdown()
        server.shutdown()
    return DONE


def _tell(logger: logging.Logger, level: int, text: str) -> None:
    """Say this whatever else is logged, unless nothing is."""
    if logger.isEnabledFor(level):
        logger.log(level, "%s", text)
    elif logger.isEnabledFor(logging.CRITICAL):
        click.echo(f"{logging.getLevelName(level)[0]}: {text}", err=True)


def who_can_connect(host: str, option: str) -> tuple[int, str] | None:
    """Who reaches a server on this address, and at which level to say so; None where the address says it."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # A path of the file system.
        return None
    if address.is_unspecified:
        here = "::1" if address.version == 6 else "127.0.0.1"
        return logging.WARNING, (
            f"On all interfaces: whoever reaches this machine can connect; {option} {here} is for this machine alone"
        )
    return (logging.INFO, "On the loopback interface: only this machine can connect") if address.is_loopback else None


@contextmanager
def _certificates_renewed(server: AssociationServer, provider: Provider, logger: logging.Logger) -> Iterator[None]:
    """While the block runs, SIGHUP has the files of TLS read again, for the connections that come from then on."""
    files, hangup = provider.tls_files, getattr(signal, "SIGHUP", None)
    if files is None or hangup is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def renew(*_: object) -> None:
        try:
            server.ssl_context = files.server_context()
        except UnusableTLS as error:
            logger.error("The files of TLS are used as they were: %s", in_words(error))
        else:
            logger.info("The files of TLS are read again")

    before = signal.signal(hangup, renew)
    try:
        yield
    finally:
        signal.signal(hangup, before)
