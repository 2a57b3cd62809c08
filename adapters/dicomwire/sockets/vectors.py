"""Writing many buffers with few system calls."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from dicomwire.sockets.tls_stream import TLSStream
from dicomwire.upper_layer.connection import Buffer

IOV_MAX = 1024
"""The most buffers one ``sendmsg`` takes."""

HAS_SENDMSG = hasattr(socket.socket, "sendmsg")


def send_some(sock: socket.socket | TLSStream, buffers: list[Buffer]) -> None:
    """Send as much as the socket takes of ``buffers``, and remove from the list what was sent.

    Raises what ``send`` raises, with nothing sent.
    """
    first, *more = buffers[:2]
    if not more:
        sent = sock.send(first)
        if sent == len(first):
            del buffers[0]
        else:
            remove(buffers, sent)
        return
    if type(sock) is not socket.socket or not HAS_SENDMSG:
        # TLS sockets cannot take a vector, and Windows has no sendmsg: one copy of a few buffers instead.
        remove(buffers, sock.send(b"".join(buffers[:64])))
        return
    batch = buffers[:IOV_MAX]
    sent = sock.sendmsg(batch)
    if sent == sum(map(len, batch)):
        del buffers[:IOV_MAX]
    else:
        remove(buffers, sent)


def remove(buffers: list[Buffer], sent: int) -> None:
    """Remove the first ``sent`` bytes; a buffer that was sent in part is replaced by the rest of it."""
    count = 0
    for buffer in buffers:
        size = len(buffer)
        if sent < size:
            if sent:
                buffers[count] = memoryview(buffer)[sent:]
            break
        sent -= size
        count += 1
    del buffers[:count]


def pieces(buffers: list[Buffer], size: int) -> Iterator[bytes]:
    """The same bytes in copies of up to ``size`` each."""
    part: list[Buffer] = []
    room = size
    for buffer in buffers:
        view = memoryview(buffer)
        while len(view) > room:
            part.append(view[:room])
            yield b"".join(part)
            view = view[room:]
            part, room = [], size
        part.append(view)
        room -= len(view)
    if room < size:
        yield b"".join(part)
