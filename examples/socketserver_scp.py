"""Associations in a server of ``socketserver``: ``python examples/socketserver_scp.py PORT``, until the input ends.

For programs that have such a server already.  Each connection is a transport with four methods, and an association is
accepted over it.
"""

from __future__ import annotations

import socket
import socketserver
import sys
import threading

from dicomwire import AE
from dicomwire.sop_class import Verification

ae = AE("SOCKETSERVER")
ae.add_supported_context(Verification)


class SocketTransport:
    """A connected socket: `dicomwire.blocking.Transport`."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        # One thread may send while another receives, and a socket has one timeout: each has a descriptor of its own.
        self.sender = sock.dup()

    def receive(self, seconds: float) -> bytes:
        self.sock.settimeout(max(seconds, 0.001))
        return self.sock.recv(65536)

    def send(self, data: bytes | bytearray | memoryview, seconds: float | None) -> None:
        self.sender.settimeout(seconds)
        rest = memoryview(data)
        while rest:
            rest = rest[self.sender.send(rest) :]

    def send_eof(self) -> None:
        self.sender.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sender.close()
        self.sock.close()


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        association = ae.serve_over(SocketTransport(self.request))
        print("released" if association.is_released else "aborted", flush=True)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        print("port", server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever).start()
        sys.stdin.read()
        server.shutdown()
        # Who is just releasing an association may finish.
        ae.shutdown(drain=5)
