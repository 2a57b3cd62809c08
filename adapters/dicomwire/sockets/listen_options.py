"""What ``serve`` of the adapters with sockets takes beside the address and the services."""

from __future__ import annotations

import socket
import ssl

from dicomwire.providing.serve_options import ServedOptions


class ServeOptions(ServedOptions, total=False):
    """Keywords of ``serve``; all may be left out."""

    tls: ssl.SSLContext | None
    """How to speak TLS; without it nobody is encrypted."""

    sock: socket.socket | None
    """A stream socket that listens, or is bound and will, in place of an address."""

    reuse_port: bool
    """Others may listen on the same port, if all say so."""
