"""What the service class providers share: serving until somebody interrupts."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from dicomwire._logging import shown_address
from dicomwire.apps._common.describing import describe
from dicomwire.apps._common.exit_codes import DONE, CannotStart
from dicomwire.apps._common.options import Provider
from dicomwire.apps._common.output import tell
from dicomwire.apps._common.service_manager import READY, STOPPING, notify
from dicomwire.apps._common.tls_options import in_words
from dicomwire.associations import events as evt
from dicomwire.blocking import AE
from dicomwire.observing.observations import Observer
from dicomwire.sockets.listening import listening
from dicomwire.sockets.tls_files import UnusableTLS
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
    observers: Sequence[Observer] = (),
) -> S:
    """What ``make``, a method of ``ae``, makes with the settings of ``provider``.

    Raises:
        CannotListen: the address is taken, or is not ours.
    """
    configure(ae, provider)
    ae.observers.extend(observers)
    with _failing_to_listen(provider, advice) as address:
        return make(address, contexts=contexts, ssl_context=provider.tls, evt_handlers=handlers)


def configure(ae: AE, provider: Provider) -> None:
    """Give ``ae`` the settings that are not those of one server."""
    provider.network.apply(ae)
    ae.maximum_pdu_size = provider.network.max_pdu
    ae.proxy_protocol = provider.proxies
    ae.allowed = provider.allowed
    if provider.max_associations is not None:
        ae.maximum_associations = provider.max_associations


@contextmanager
def _failing_to_listen(provider: Provider, advice: str = _ADVICE) -> Iterator[tuple[str, int]]:
    """Where to listen; that it is not possible is told as a `CannotListen`."""
    try:
        yield (provider.bind_address, provider.port)
    except OSError as error:
        where = provider.bind_address or "any address"
        raise CannotListen(f"Cannot listen on {where} port {provider.port}: {error}; {advice}") from error


def drain(ae: AE, server: AssociationServer, seconds: float) -> None:
    """The end of a server: nobody new, and who is there has so many seconds to end by himself before being aborted."""
    server.shutdown()
    deadline = time.monotonic() + seconds
    for association in server.active_associations if seconds else ():
        association.join(max(0.0, deadline - time.monotonic()))
    ae.shutdown()


def _tell_where(address: tuple[Any, ...], logger: logging.Logger) -> None:
    """Whatever else is logged, unless nothing is."""
    host, port = address[:2]
    tell(logger, logging.INFO, f"Listening on {f'{host} port {port}' if port else shown_address((host, port))}")
    if reach := who_can_connect(host, "-ba (--bind-address)"):
        tell(logger, *reach)
    notify(READY)


def serve(
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    logger: logging.Logger,
    observers: Sequence[Observer] = (),
) -> int:
    """Accept associations until SIGINT or SIGTERM, which is how to end it; the exit code.

    Raises:
        CannotListen: the address is taken, or is not ours.
    """
    ae = AE(provider.ae_title)
    configure(ae, provider)
    if describe(ae, supported=contexts, handlers=handlers, tls=provider.tls_files):
        return DONE
    server = new_server(ae, provider, contexts, handlers, ae.make_server, observers=observers)
    try:
        try:
            _tell_where(server.server_address, logger)
            with _certificates_renewed(server, provider, logger):
                server.serve_forever()
        except KeyboardInterrupt as interrupt:
            if isinstance(interrupt.__context__, KeyboardInterrupt):
                # The second came while the server let go of its socket.
                raise
            _end(ae, provider.drain, logger)
    except KeyboardInterrupt:
        logger.info("Interrupted again: aborting")
    finally:
        ae.shutdown()
        server.shutdown()
    return DONE


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


def _read_again(provider: Provider, logger: logging.Logger) -> Provider | None:
    """``provider`` with what is in the files of TLS now; None if that is of no use, and the reason is logged."""
    if provider.tls_files is None:
        return None
    try:
        return evolve(provider, tls=provider.tls_files.server_context())
    except UnusableTLS as error:
        logger.error("The files of TLS are used as they were: %s", in_words(error))
        return None


def _renew(server: AssociationServer, provider: Provider, logger: logging.Logger) -> None:
    """Have ``server`` use what is in the files of TLS now, if it can."""
    if current := _read_again(provider, logger):
        server.ssl_context = current.tls
        logger.info("The files of TLS are read again")


@contextmanager
def _certificates_renewed(server: AssociationServer, provider: Provider, logger: logging.Logger) -> Iterator[None]:
    """While the block runs, SIGHUP has the files of TLS read again, for the connections that come from then on."""
    hangup = getattr(signal, "SIGHUP", None)
    if provider.tls_files is None or hangup is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    before = signal.signal(hangup, lambda *_: _renew(server, provider, logger))
    try:
        yield
    finally:
        signal.signal(hangup, before)


def _end(ae: AE, seconds: float, logger: logging.Logger) -> None:
    """Let what is under way finish, until time is up; a second signal comes out."""
    notify(STOPPING)
    logger.info("Interrupted: shutting down, operations may finish in %g s; once more aborts them", seconds)
    ae.shutdown(drain=seconds)


def serve_in_processes(
    provider: Provider, works: Callable[[Provider, socket.socket], Sequence[Work]], logger: logging.Logger
) -> int:
    """The same with several processes, which do what ``works`` gives for the socket that all of them listen on.

    The provider that it is given has what was in the files of TLS when they were read last: SIGHUP has that done.

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

    def ending() -> None:
        notify(STOPPING)
        close()

    def renewed() -> Sequence[Work] | None:
        # A process that begins later has what is read here, and those that run read for themselves.
        current = _read_again(provider, logger)
        return None if current is None else works(current, shared.sock)

    begun = partial(_tell_where, shared.server_address, logger)
    try:
        hangup = None if provider.tls_files is None else renewed
        Supervisor(works(provider, shared.sock), logger, begun, ending, provider.drain, hangup).run()
    finally:
        close()
    return DONE


def serve_as_worker(
    provider: Provider,
    contexts: list[PresentationContext],
    handlers: list[evt.EventHandler],
    sock: socket.socket,
    orders: Orders,
    logger: logging.Logger,
    observers: Sequence[Observer] = (),
) -> None:
    """Accept associations on ``sock`` until told to finish."""
    ae = AE(provider.ae_title)
    server = new_server(ae, provider, contexts, handlers, partial(ae.make_server, sock=sock), observers=observers)
    renew = partial(_renew, server, provider, logger)
    with orders.obeyed(finish=server.shutdown, abort=ae.shutdown, renew=renew):
        try:
            server.serve_forever()
        finally:
            ae.shutdown(drain=provider.drain)
