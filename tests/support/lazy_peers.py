"""A peer that reads only when it is told to, and what is sent to it."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any

from dicomwire import build_context
from dicomwire.sources import EncodedDataSet
from tests.support.accepting import acceptance

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
SECONDS = 20.0
CONTEXTS = [build_context(VERIFICATION, IMPLICIT)]


class LazyPeer:
    """Accepts one association, and then reads only when it is told to."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._listener.settimeout(SECONDS)
        self.port = self._listener.getsockname()[1]
        self.received = b""
        self.sock: socket.socket
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        self.sock, _ = self._listener.accept()
        self.sock.settimeout(SECONDS)
        (length,) = struct.unpack(">2xL", self.sock.recv(6, socket.MSG_WAITALL))
        self.sock.recv(length, socket.MSG_WAITALL)
        self.sock.sendall(acceptance())

    def wait_accepted(self) -> None:
        self._thread.join()

    def take_some(self) -> None:
        """Make room for the sender to write."""
        self.received += self.sock.recv(4096)
        self.sock.settimeout(0.05)
        try:
            while piece := self.sock.recv(4096):
                self.received += piece
        except TimeoutError:
            self.sock.settimeout(SECONDS)

    def end_of_data(self) -> bytes:
        """What came behind the last byte of the data, when the stream has ended."""
        try:
            while piece := self.sock.recv(1 << 16):
                self.received += piece
        except ConnectionError:
            pass
        return self.received[self.received.rfind(b"\xd0" * 100) + 100 :]

    def close(self) -> None:
        self.wait_accepted()
        self.sock.close()
        self._listener.close()


def small(association: Any) -> None:
    association.dul.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


def data_set(size: int) -> EncodedDataSet:
    return EncodedDataSet(
        sop_class_uid=VERIFICATION, sop_instance_uid="1.2.3", transfer_syntax_uid=IMPLICIT, data=bytes(size)
    )
