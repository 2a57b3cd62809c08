"""What ``serve`` of the adapters with sockets takes beside the address and the services."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from dicomwire.providing.serve_options import ServedOptions, Serving
from dicomwire.sockets.connect_options import tls_of


class ServeOptions(ServedOptions, total=False):
    """Keywords of ``serve``; all may be left out."""

    tls: ssl.SSLContext | None
    """How to speak TLS; without it nobody is encrypted."""

    sock: socket.socket | None
    """A stream socket that listens, or is bound and will, in place of an address."""

    reuse_port: bool
    """Others may listen on the same port, if all say so."""


def start_arguments(serving: Serving, options: ServeOptions) -> dict[str, Any]:
    """What ``start_server`` of the AE is called with, beside the address; `TypeError` for what is no TLS."""
    return {
        "block": False,
        "ssl_context": tls_of(options),
        "evt_handlers": serving.handlers,
        "contexts": serving.contexts,
        "sock": options.get("sock"),
        "reuse_port": options.get("reuse_port", False),
        "trace": options.get("trace"),
    }
