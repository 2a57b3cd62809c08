"""What a service manager such as systemd wants to hear, where there is one."""

from __future__ import annotations

import os
import socket

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(state: str) -> bool:
    """Tell the service manager, as ``sd_notify(3)`` says; False if there is none, or it cannot be told.

    It is the datagram socket of the Unix domain that the environment variable ``NOTIFY_SOCKET`` names; an "@" at the
    beginning stands for the abstract namespace.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.sendto(state.encode(), address)
    except OSError:
        # It must not keep us from serving.
        return False
    return True
