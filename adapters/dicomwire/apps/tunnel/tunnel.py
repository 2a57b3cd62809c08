"""``dicomwire tunnel addr port``: bytes between a peer, and the standard input and output."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from typing import Any

import click

from dicomwire.apps._common.exit_codes import DONE, FAILED, OF_THE_TUNNEL
from dicomwire.apps._common.logging_options import logging_options
from dicomwire.apps._common.options import CONTEXT_SETTINGS
from dicomwire.apps._common.output import application_logger, drop_output
from dicomwire.apps._common.running import run

LOGGER = application_logger("tunnel")

_PIECE = 1 << 18


@click.command("tunnel", context_settings=CONTEXT_SETTINGS, epilog=OF_THE_TUNNEL)
@click.argument("addr")
@click.argument("port", type=click.IntRange(1, 65535))
@click.option(
    "-t", "--timeout", type=click.FloatRange(min=0), default=30.0, metavar="SECONDS", help="For the peer to connect."
)
@logging_options("tunnel")
def tunnel(addr: str, port: int, timeout: float, quiet: bool) -> int:
    """Carry bytes between ADDR PORT, and the standard input and output.

    For the other applications, on another machine: --proxy-command "ssh HOST dicomwire tunnel %h %p".
    """
    try:
        sock = socket.create_connection((addr, port), timeout or None)
    except OSError as error:
        LOGGER.error("No connection with %s port %d: %s", addr, port, error)
        return FAILED
    with sock:
        sock.settimeout(None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        source: Any = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        threading.Thread(target=_send, args=(source, sock), daemon=True).start()
        try:
            _receive(sock, sys.stdout.buffer)
        except OSError as error:
            # Reset by the peer, or nobody reads what it says: an abort looks like that, too.
            LOGGER.info("The connection was lost: %s", error)
            drop_output()
    return DONE


def _send(source: Any, sock: socket.socket) -> None:
    """Until the input ends; the peer is told."""
    with contextlib.suppress(OSError):
        while data := source.read(_PIECE):
            sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)


def _receive(sock: socket.socket, target: Any) -> None:
    """Until the peer has said all."""
    buffer = bytearray(_PIECE)
    view = memoryview(buffer)
    while count := sock.recv_into(buffer):
        target.write(view[:count])
        target.flush()


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(tunnel, args)
