"""What this adapter can run in."""

from __future__ import annotations

import socket


def refuse_eventlet() -> None:
    """Raise RuntimeError where eventlet has put its own sockets in place of Python's.

    They lack what it takes to end an association: whoever waits would wait for ever.
    """
    if socket.socket.__module__.startswith("eventlet"):
        raise RuntimeError(
            "dicomwire does not support eventlet, which has patched this program: use gevent, threads or asyncio"
        )
