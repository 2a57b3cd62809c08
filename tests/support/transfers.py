"""A transfer to the program storescp that stops in the middle."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.apps.helpers import (
    CT,
    EXPLICIT,
    HOST,
    SECONDS,
)
from tests.support.sessions import element, p_data, pdv, proposal, request, us

COMMAND_AND_LAST, DATA, DATA_AND_LAST = 3, 0, 2


@contextmanager
def started_transfer(
    port: int, sop_class: str = CT, *, complete: bool = False, data: bytes = bytes(1000)
) -> Iterator[socket.socket]:
    """A sender that stops behind the first bytes of its data set, or behind the last."""
    with socket.create_connection((HOST, port)) as sock:
        sock.sendall(request([proposal(1, CT, EXPLICIT)]).encode())
        head = sock.recv(6, socket.MSG_WAITALL)
        sock.recv(struct.unpack(">L", head[2:])[0], socket.MSG_WAITALL)
        uid = sop_class.encode() + b"\0" * (len(sop_class) & 1)
        body = (
            element(0x0002, uid)
            + us(0x0100, 1)
            + us(0x0110, 1)
            + us(0x0700, 0)
            + us(0x0800, 1)
            + element(0x1000, b"1.2.3\0")
        )
        command = element(0, struct.pack("<L", len(body))) + body
        control = DATA_AND_LAST if complete else DATA
        sock.sendall(p_data(pdv(1, COMMAND_AND_LAST, command)) + p_data(pdv(1, control, data)))
        yield sock


def wait_for_part(directory: Path) -> None:
    """Return when a temporary file is there, with something in it."""
    deadline = threading.Event()
    timer = threading.Timer(SECONDS, deadline.set)
    timer.start()
    try:
        while not any(path.stat().st_size > 1000 for path in directory.glob(".*.part")):
            assert not deadline.is_set()
    finally:
        timer.cancel()
