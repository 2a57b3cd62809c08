"""What ``connect`` of the adapters with sockets takes beside the address."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping

from dicomwire.client.opening_client import OpeningOptions, ProposedOptions
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.socket_dialer import Call


class CallOptions(OpeningOptions, total=False):
    """Keywords of whatever opens connections to an address; all may be left out."""

    tls: ssl.SSLContext | None
    """How to speak TLS; the name on the certificate is that of the host."""

    server_name: str | None
    """Another name than that of the host to find on the certificate of the peer."""

    bind_address: tuple[str, int] | tuple[str, int, int, int] | None
    """The local address to connect from."""


class PooledOptions(CallOptions, ProposedOptions, total=False):
    """Keywords of ``Pool``, beside its own: those of ``connect`` without ``sock``."""


class ConnectOptions(PooledOptions, total=False):
    """Keywords of ``connect``; all may be left out."""

    sock: socket.socket | None
    """A stream socket that is connected already, in place of an address."""


def tls_of(options: Mapping[str, object]) -> ssl.SSLContext | None:
    """How to speak TLS; `TypeError` for what is no ``SSLContext``, before anything is opened."""
    tls = options.get("tls")
    if tls is not None and not isinstance(tls, ssl.SSLContext):
        raise TypeError(f"'tls' is an ssl.SSLContext, not {type(tls).__name__}")
    return tls


def call_for(host: Peer | None, port: int | None, options: ConnectOptions) -> Call:
    """Whom to call; `TypeError` if neither an address nor a socket is given, or for what is no TLS."""
    sock = options.get("sock")
    if port is None and sock is None and not _is_path(host):
        raise TypeError("connect() needs the port, too, unless the address is a path or 'sock' is given")
    return _call(host, port, options, sock)


def call_again(host: Peer, port: int | None, options: CallOptions, kind: str) -> Call:
    """Whom a ``kind`` calls again and again; `TypeError` if there is no address."""
    if host is None or (port is None and not _is_path(host)):
        raise TypeError(f"{kind}() needs a host and its port, or the path of a Unix domain socket")
    return _call(host, port, options, None)


def _call(host: Peer | None, port: int | None, options: CallOptions, sock: socket.socket | None) -> Call:
    is_path, tls = _is_path(host), tls_of(options)
    if tls is None and options.get("server_name") is not None:
        raise TypeError("'server_name' is looked for on a certificate, and there is none without 'tls'")
    name = options.get("server_name") or (host if isinstance(host, str) and not is_path else None)
    return Call(
        addr=host,
        port=0 if is_path else port,
        bind_address=options.get("bind_address"),
        tls_args=None if tls is None else (tls, name),
        sock=sock,
    )


def _is_path(host: Peer | None) -> bool:
    return isinstance(host, os.PathLike) or (isinstance(host, str) and host.startswith("unix:"))
