"""Pieces of messages to send, cut into P-DATA-TF PDUs that the peer can take (PS3.8 9.3.5, annex D)."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from dicomwire._values import Value
from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.buffer import Buffer
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.pdus import P_DATA_HEAD, PDataTF
from dicomwire.upper_layer.tap import Tap
from dicomwire.upper_layer.timers import Timer, Timers

_P_DATA = PDataTF.pdu_type
_UNLIMITED_FRAGMENT = 0xFFFFFFF0

SCARCE = 16384
"""Maximum length of a side that does not say its own (reference value of the oldest implementations)."""


@frozen(kw_only=True, repr=False, eq=False)
class Data(Value):
    """A piece of a message to send (P-DATA request); cut into P-DATA-TF PDUs the peer can take.

    ``fragment`` is any bytes-like of any length, even unless ``last``; it is not copied, so it must not change
    until the buffers of ``data_to_send()`` are written.
    """

    name: ClassVar[str] = PDataTF.name

    context_id: int
    command: bool
    last: bool
    fragment: Buffer = field(repr=False)


class PDataWriter:
    """How long a P-DATA-TF the peer takes, and the cutting."""

    __slots__ = ("_least", "_timers", "fragment_size", "peer_maximum_length")

    def __init__(self, limits: Limits, timers: Timers) -> None:
        self._timers = timers
        # Below 8 not even the smallest fragment of even length fits.
        self._least = max(limits.peer_maximum_length, 8)
        self.peer_maximum_length: int = SCARCE
        self.fragment_size: int = SCARCE - 6
        """The most bytes of a message that one P-DATA-TF to this peer can carry, an even number."""

    def adopt(self, maximum_length: int | None) -> None:
        """Judge and keep the peer's maximum length, 0 for none; None if it did not say.

        Raises:
            RemoteProtocolError: it is too small.
        """
        if maximum_length is None:
            maximum_length = SCARCE
        elif 0 < maximum_length < self._least:
            raise RemoteProtocolError(
                f"maximum length {maximum_length} is too small to serve, the least is {self._least}"
            )
        self.peer_maximum_length = maximum_length
        self.fragment_size = (maximum_length - 6) & ~1 if maximum_length else _UNLIMITED_FRAGMENT

    def write(
        self, out: list[Buffer], context_id: int, data: Buffer, command: bool, last: bool, tap: Tap | None
    ) -> int:
        """Append the PDUs that carry ``data`` to ``out``, and say how many bytes of it they are.

        Raises:
            ValueError: the context ID does not fit in a byte.
        """
        if not 0 <= context_id <= 255:
            raise ValueError(f"presentation context ID {context_id} does not fit in a byte")
        running = self._timers.running
        if Timer.IDLE in running:
            running[Timer.IDLE] = None
        if type(data) is not bytes and type(data) is not bytearray:
            data = memoryview(data)
            if data.itemsize != 1 or data.ndim != 1:
                data = data.cast("B")
        size, length = self.fragment_size, len(data)
        if command and last and length <= size and tap is None:
            # A command set has few bytes: to copy them costs less than to hand them on apart.
            out += (P_DATA_HEAD.pack(_P_DATA, length + 6, length + 2, context_id, 3) + bytes(data),)
            return length
        left = length
        kind = 1 if command else 0
        if left > size:
            view = memoryview(data)
            # Full fragments share one header.
            head = P_DATA_HEAD.pack(_P_DATA, size + 6, size + 2, context_id, kind)
            full = (left - 1) // size * size
            fragments = [view[offset : offset + size] for offset in range(0, full, size)]
            for fragment in fragments:
                out += (head, fragment)
            if tap is not None:
                for fragment in fragments:
                    tap.p_data_queued([head, fragment])
            data = view[full:]
            left -= full
        if left or last:
            # Never an empty fragment that is not the last.
            head = P_DATA_HEAD.pack(_P_DATA, left + 6, left + 2, context_id, kind | 2 if last else kind)
            out += (head, data)
            if tap is not None:
                tap.p_data_queued([head, memoryview(data)])
        return length
