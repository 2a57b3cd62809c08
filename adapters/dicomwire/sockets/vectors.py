"""Writing many buffers with few system calls."""

from __future__ import annotations

import socket

from dicomwire.sockets.tls_stream import TLSStream
from dicomwire.upper_layer.connection import Buffer

IOV_MAX = 1024
"""The most buffers one ``sendmsg`` takes."""

HAS_SENDMSG = hasattr(socket.socket, "sendmsg")


def send_some(sock: socket.socket | TLSStream, buffers: list[Buffer], index: int) -> int:
    """Send as much as the socket takes of ``buffers`` from ``index`` on; the index of the first not sent whole.

    A buffer that was sent in part is replaced by the rest of it.  Raises what ``send`` raises, with nothing sent.
    """
    if type(sock) is not socket.socket or not HAS_SENDMSG:
        # TLS sockets cannot take a vector, and Windows has no sendmsg: one copy of a few buffers instead.
        return advance(buffers, index, sock.send(b"".join(buffers[index : index + 64])))
    batch = buffers[index : index + IOV_MAX]
    sent = sock.sendmsg(batch)
    if sent == sum(map(len, batch)):
        return index + len(batch)
    return advance(buffers, index, sent)


def advance(buffers: list[Buffer], index: int, sent: int) -> int:
    """Move on by ``sent`` bytes; see :func:`send_some`."""
    count = len(buffers)
    while index < count:
        size = len(buffers[index])
        if sent < size:
            if sent:
                buffers[index] = memoryview(buffers[index])[sent:]
            break
        sent -= size
        index += 1
    return index
