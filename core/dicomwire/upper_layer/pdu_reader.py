"""PDUs as they stand in the receive buffer; what they mean is not known here."""

from __future__ import annotations

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.buffer import ReceiveBuffer
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.other_protocols import unrecognized
from dicomwire.upper_layer.p_data_reader import PDataReader
from dicomwire.upper_layer.pdus import HEADER, NAMES, AssociateAC, PDataTF


class PDUReader:
    """Finds the next PDU in a buffer, judges it on its header, and drops what nobody needs."""

    __slots__ = ("_buffer", "_limits", "_p_data", "_skip", "dropped")

    def __init__(self, buffer: ReceiveBuffer, limits: Limits, p_data: PDataReader) -> None:
        self._buffer = buffer
        self._limits = limits
        self._p_data = p_data
        self._skip = 0
        """Bytes still to come of a body that is dropped."""

        self.dropped: int = 0
        """Bytes that nobody needed, so far."""

    def header(self) -> tuple[int, int] | None:
        """Type of the next PDU and length of its body; None if its header has not come.

        Raises:
            RemoteProtocolError: it begins with no PDU type; nothing more is waited for.
        """
        buffer = self._buffer
        if self._skip:
            dropped = min(self._skip, len(buffer))
            buffer.start += dropped
            self._skip -= dropped
            self.dropped += dropped
        start = buffer.start
        unread = buffer.end - start
        if not unread:
            return None
        if buffer.view[start] not in NAMES:
            raise unrecognized(buffer.view[start : start + min(unread, 4)].tobytes())
        if unread < 6:
            return None
        kind, length = HEADER.unpack_from(buffer.view, start)
        return kind, length

    def check(self, kind: int, length: int) -> None:
        """Judge the length of a PDU before its body is waited for.

        Raises:
            RemoteProtocolError: it is too long.
        """
        if kind == PDataTF.pdu_type:
            limit = self._p_data.limit
        elif kind <= AssociateAC.pdu_type:
            limit = self._limits.associate_pdu
        else:
            limit = self._limits.control_pdu
        if length > limit:
            raise RemoteProtocolError(f"{NAMES[kind]} of {length} bytes, more than {limit}")

    def take(self, length: int) -> bytes | None:
        """The next PDU, its header included, whose body has ``length`` bytes; None if they have not all come."""
        buffer = self._buffer
        start, stop = buffer.start, buffer.start + 6 + length
        if stop > buffer.end:
            buffer.wanted = stop - start
            return None
        buffer.start = stop
        buffer.wanted = 0
        return buffer.view[start:stop].tobytes()

    def drop(self, length: int) -> None:
        """Take off the header of the next PDU, and drop its body as it comes."""
        self._buffer.start += 6
        self._buffer.wanted = 0
        self.dropped += 6
        self._skip = length

    def discard(self) -> None:
        """Drop all that is there."""
        self.dropped += len(self._buffer)
        self._buffer.discard()

    def drop_rest(self, left: int) -> None:
        """Drop what is still to come of a body, if any is."""
        self._skip = self._skip or left

    def missing(self) -> int:
        """Bytes that the PDU which has begun lacks; 0 if none has."""
        unread = len(self._buffer)
        if self._p_data.left:
            # What is unread is the start of a PDV header.
            return self._p_data.left - unread
        if not unread:
            return 0
        if unread < 6:
            return 6 - unread
        return int(HEADER.unpack_from(self._buffer.view, self._buffer.start)[1]) + 6 - unread
