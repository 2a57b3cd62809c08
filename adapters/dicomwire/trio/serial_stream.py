"""A serial port as a stream of trio's; needs pyserial: ``pip install dicomwire[serial]``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from serial import Serial


def serial_stream(port: Serial) -> trio.abc.Stream:
    """A port of pyserial's that is open, for ``associate_over`` and ``serve_over`` of the trio AE.

    The stream takes it over: the port itself is closed.  For systems whose serial ports are terminals: not Windows.
    """
    import termios

    descriptor = port.fileno()
    settings = termios.tcgetattr(descriptor)
    # Else nothing there would be the end: trio reads before it waits.
    settings[6][termios.VMIN] = 1
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)
    reading, writing = os.dup(descriptor), os.dup(descriptor)
    port.close()
    stream: trio.StapledStream[Any, Any] = trio.StapledStream(
        trio.lowlevel.FdStream(writing), trio.lowlevel.FdStream(reading)
    )
    return stream
