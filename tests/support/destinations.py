"""Destinations that answer, that refuse and that are silent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dicomwire.sockets.addresses import Destination
from dicomwire.sockets.dialing import Dialing
from tests.support.patience import SOON

LOCALHOST = "127.0.0.1"


@contextmanager
def listening() -> Iterator[Destination]:
    with socket.socket() as sock:
        sock.bind((LOCALHOST, 0))
        sock.listen()
        yield Destination(socket.AF_INET, sock.getsockname())


@contextmanager
def silent(family: socket.AddressFamily = socket.AF_INET) -> Iterator[Destination]:
    """A listening socket with a full backlog: it does not answer."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket(family))
        full.bind(("::1" if family == socket.AF_INET6 else LOCALHOST, 0))
        full.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket(family))
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        yield Destination(family, full.getsockname())


def refusing() -> Destination:
    with socket.socket() as sock:
        sock.bind((LOCALHOST, 0))
        return Destination(socket.AF_INET, sock.getsockname())


def opened(choice: list[Destination], timeout: float | None = SOON) -> Dialing:
    dialing = Dialing(choice)
    dialing.allow(timeout, None)
    return dialing
