"""What the system knows of the bytes we sent: whether the peer's has taken them, and when the last set out."""

from __future__ import annotations

import contextlib
import socket
import sys
from struct import Struct
from typing import Any

from dicomwire.sockets.addresses import family_of
from dicomwire.upper_layer.connection import Connection

if sys.platform != "win32":
    import fcntl
    import termios

# Of Linux's struct tcp_info: tcpi_retransmits, tcpi_last_data_sent (ms), tcpi_bytes_acked (since Linux 4.1).
_TCP_INFO = Struct("=2xB41xI72xQ")
_INT = Struct("=i")

_OF_LATE = 0.3
"""Seconds that an acknowledgement may take: systems put it off, and lines are long."""


class SocketDelivery:
    """For a connected socket, or what a transport gives out as one; None if there is none.

    Linux counts what the peer's system has acknowledged.  That tells of progress where the socket does not: it takes
    nothing more before a third of its buffer is free, which may be megabytes.  Else what left our buffers counts.
    """

    def __init__(self, sock: Any, connection: Connection) -> None:
        self._sock = sock
        self._connection = connection
        self._taken = 0
        self.moved = 0
        """To be added to what was queued: what has left a buffer of ours, less what is still there."""

    def taken(self) -> int:
        """See :class:`dicomwire.upper_layer.progress.Delivery`."""
        information = self._information()
        if information is not None and information[2]:
            taken = information[2]
        else:
            taken = self._connection.queued + self.moved - self._output_queue()
        self._taken = max(taken, self._taken)
        return self._taken

    def left_at(self, now: float) -> float | None:
        """See :class:`dicomwire.upper_layer.progress.Delivery`."""
        information = self._information()
        if information is None:
            return None
        retransmits, last_data_sent, acknowledged = information
        return None if retransmits or not acknowledged else now - last_data_sent / 1000

    def is_stuck(self, now: float) -> bool:
        """See :class:`dicomwire.upper_layer.progress.Delivery`."""
        left_at = self.left_at(now)
        # What has set out of late will be acknowledged yet.
        return (left_at is None or now - left_at > _OF_LATE) and self._output_queue() > 0

    def _information(self) -> tuple[int, int, int] | None:
        if sys.platform == "linux" and family_of(self._sock) in (socket.AF_INET, socket.AF_INET6):
            # It may be closed meanwhile.
            with contextlib.suppress(OSError):
                data = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
                if len(data) == _TCP_INFO.size:
                    retransmits, last_data_sent, acknowledged = _TCP_INFO.unpack(data)
                    return retransmits, last_data_sent, acknowledged
        return None

    def _output_queue(self) -> int:
        """Bytes that wait in our system, 0 if it does not tell."""
        if sys.platform != "win32" and self._sock is not None:
            # Linux's sockets know; others do not, or are closed.
            with contextlib.suppress(OSError, ValueError):
                (queued,) = _INT.unpack(fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size)))
                return int(queued)
        return 0
