"""Transports that trio does not have itself, for ``associate_over`` and ``serve_over`` of its AE."""

from dicomwire.trio.serial_stream import serial_stream

__all__ = ["serial_stream"]
