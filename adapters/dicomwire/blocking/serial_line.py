"""A serial port as a transport; needs pyserial: ``pip install dicomwire[serial]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomwire.upper_layer.connection import Buffer

if TYPE_CHECKING:
    from serial import Serial

_PIECE = 512
"""Bytes that a slow line takes in a moment: who takes none of them for too long is given up."""

_AT_ONCE = 1 << 16


class SerialLine:
    """A port of pyserial's that is open, for ``associate_over`` and ``serve_over`` of the blocking AE.

    A line has no end of a connection: when one side closes its port, the other one may not notice.  So who has
    answered a release waits until ``timeouts.close`` is over, and whoever waits for a peer that is gone, until its
    timeout is.
    """

    def __init__(self, port: Serial) -> None:
        self._port = port

    def receive(self, seconds: float) -> bytes:
        """See :meth:`Transport.receive`."""
        port = self._port
        port.timeout = seconds
        data: bytes = port.read(min(max(1, port.in_waiting), _AT_ONCE))
        if not data:
            raise TimeoutError
        return data

    def send(self, data: Buffer, seconds: float | None) -> None:
        """See :meth:`Transport.send`."""
        from serial import SerialTimeoutException

        self._port.write_timeout = seconds
        rest = memoryview(data)
        for at in range(0, len(rest), _PIECE):
            try:
                self._port.write(rest[at : at + _PIECE])
            except SerialTimeoutException as error:
                raise TimeoutError(str(error)) from error

    def send_eof(self) -> None:
        """A line cannot say that."""

    def close(self) -> None:
        """Close the port; may be called again."""
        self._port.close()
