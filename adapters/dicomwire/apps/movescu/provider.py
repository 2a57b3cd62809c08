"""The storage provider that movescu can be for the time of its request."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import click
from attrs import frozen

from dicomwire._globals import ALL_TRANSFER_SYNTAXES
from dicomwire.apps._common.describing import describe
from dicomwire.apps._common.options import Decorator, Provider, User, grouped, title_option
from dicomwire.apps._common.providing import configure, drain, new_server, who_can_connect
from dicomwire.apps._common.storage import storage_contexts
from dicomwire.apps._common.tls_options import server_context
from dicomwire.associations import events as evt
from dicomwire.blocking import AE

PATIENCE = 5.0
"""Seconds for associations to end that are open when the peer says that it is done."""


@frozen
class Store:
    """Where and as whom to listen."""

    port: int
    ae_title: str
    address: str
    has_tls: bool


def _make_store(store: bool, store_port: int, store_aet: str, store_address: str, store_tls: bool) -> Store | None:
    return Store(store_port, store_aet, store_address, store_tls) if store else None


store_options: Decorator = grouped(
    "store",
    _make_store,
    [
        click.option("--store", is_flag=True, help="Receive the instances ourselves, and write them to files."),
        click.option(
            "--store-port", type=click.IntRange(0, 65535), default=11113, help="With --store: where to listen."
        ),
        title_option("--store-aet", default="STORESCP", text="With --store: our AE title as the receiver."),
        click.option(
            "--store-address",
            default="",
            metavar="ADDRESS",
            help="With --store: the address to listen on.",
            show_default="everywhere",
        ),
        click.option(
            "--store-tls", is_flag=True, help="With --store: receive over TLS, with --tls-cert and --tls-key."
        ),
    ],
)
"""An argument ``store``, None without ``--store``."""


@contextmanager
def listening(store: Store, user: User, handlers: list[evt.EventHandler], logger: logging.Logger) -> Iterator[None]:
    """Receive instances while the block runs, and after it what is under way.

    Raises:
        CannotListen: the address is taken, or is not ours.
        click.UsageError: TLS is wanted, but a certificate or key is missing.
    """
    files = user.tls_files if store.has_tls else None
    if store.has_tls and (files is None or files.certificate is None):
        raise click.UsageError("--store-tls needs --tls-cert, and --tls-key if the private key is in another file.")
    provider = Provider(
        port=store.port,
        bind_address=store.address,
        ae_title=store.ae_title,
        tls=server_context(files),
        tls_files=files,
        network=user.network,
    )
    ae = AE(provider.ae_title)
    configure(ae, provider)
    contexts = storage_contexts(ALL_TRANSFER_SYNTAXES, echo=True)
    if describe(ae, supported=contexts, handlers=handlers, tls=files):
        yield
        return
    server = new_server(
        ae,
        provider,
        contexts,
        handlers,
        partial(ae.start_server, block=False),
        advice="--store-port and --store-address name another place",
    )
    assert server is not None
    host, listens_on = server.server_address[:2]
    logger.info("Listening on %s port %d", host, listens_on)
    if reach := who_can_connect(host, "--store-address"):
        logger.log(*reach)
    try:
        yield
        # The peer's last words on our association may be faster than those on its other one.
        drain(ae, server, PATIENCE)
    finally:
        ae.shutdown()
