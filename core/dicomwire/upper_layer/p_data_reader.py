"""P-DATA-TF PDUs received: fragments handed on piece by piece, as their bytes arrive (PS3.8 9.3.5)."""

from __future__ import annotations

from struct import Struct

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.buffer import ReceiveBuffer
from dicomwire.upper_layer.connection_events import DataReceived, Tolerated
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.pdus import HEADER, P_DATA_HEAD, PDataTF, check_pdv_length
from dicomwire.upper_layer.progress import enough
from dicomwire.upper_layer.tap import Tap
from dicomwire.upper_layer.timers import Timer, Timers

_PDV = Struct(">LBB")
_P_DATA = PDataTF.pdu_type
_WHOLE_COMMAND = 3
"""Control header of a command set in one fragment (PS3.8 E.2)."""

_LEAST_LIMIT = 1 << 20
"""Peers mistake whose limit is meant, and streaming makes long PDUs cheap."""


class PDataReader:
    """Where one side is in what its peer sends: in which fragment of which P-DATA-TF, and in a message or not.

    Whether P-DATA may come now is for the state machine to say.  ``tap`` watches what is read, if anybody does.
    """

    __slots__ = (
        "_buffer",
        "_context",
        "_control",
        "_empty_fragments",
        "_limits",
        "_odd_tolerated",
        "_pdv_left",
        "_progress",
        "_timers",
        "command_context",
        "is_free",
        "left",
        "limit",
        "message_open",
    )

    def __init__(self, buffer: ReceiveBuffer, limits: Limits, timers: Timers) -> None:
        self._buffer = buffer
        self._limits = limits
        self._timers = timers
        self._pdv_left = -1
        self._context = 0
        self._control = 0
        self._empty_fragments = 0
        self._odd_tolerated = False
        self._progress = 0

        self.is_free: bool = False
        """P-DATA may be read without a step of the state machine, which would change nothing."""

        self.left: int = 0
        """Bytes still to be read of the P-DATA-TF that has begun."""

        self.limit: int = limits.p_data_pdu or _LEAST_LIMIT
        """The longest body of a P-DATA-TF that is taken."""

        self.message_open: bool = False
        """The peer is in the middle of a message.  A layer above that knows of messages corrects it."""

        self.command_context: int = 0
        """On which presentation context :meth:`whole_command` found its command."""

    def announced(self, maximum_length: int | None) -> None:
        """We told the peer this maximum length, 0 for none: it says how long a P-DATA-TF may be."""
        if self._limits.strict_maximum_length and maximum_length:
            self.limit = min(maximum_length, self._limits.p_data_pdu or maximum_length)
        elif self._limits.p_data_pdu is None:
            # Without a limit of ours there is none: fragments are handed on as they arrive.
            self.limit = 0xFFFFFFFF if maximum_length == 0 else max(2 * (maximum_length or 0), _LEAST_LIMIT)

    def check(self, length: int) -> None:
        """Judge the length of a P-DATA-TF body.

        Raises:
            RemoteProtocolError: it is too short or too long.
        """
        if length < 6:
            raise RemoteProtocolError(
                f"P-DATA-TF of {length} bytes, too short for a presentation data value"
                if length
                else "P-DATA-TF without any presentation data value"
            )
        if length > self.limit:
            raise RemoteProtocolError(f"P-DATA-TF of {length} bytes, more than {self.limit}")

    def begin(self, tap: Tap | None) -> DataReceived | Tolerated | None:
        """The next in the buffer is a P-DATA-TF, and its header is there: what has arrived of its first fragment.

        Raises:
            RemoteProtocolError: it is too short or too long, or the fragment has no valid length.
        """
        buffer = self._buffer
        _, length = HEADER.unpack_from(buffer.view, buffer.start)
        self.check(length)
        if tap is not None:
            tap.p_data_read(buffer.view[buffer.start : buffer.start + 6], begins_pdu=True)
        buffer.start += 6
        self.left = length
        return self.next(tap)

    def next(self, tap: Tap | None) -> DataReceived | Tolerated | None:
        """What has arrived of the next fragment; one piece of it at most.

        Raises:
            RemoteProtocolError: it has no valid length.
        """
        buffer = self._buffer
        start = buffer.start
        available = buffer.end - start
        if self._pdv_left < 0:
            if self.left < 6:
                raise RemoteProtocolError(f"{self.left} bytes left in a P-DATA-TF, too few for a PDV")
            if available < 6:
                return None
            length, self._context, self._control = _PDV.unpack_from(buffer.view, start)
            check_pdv_length(length, self.left)
            if tap is not None:
                tap.p_data_read(buffer.view[start : start + 6], ends_pdu=self.left == 6)
            start += 6
            available -= 6
            self.left -= 6
            self._pdv_left = length - 2
            buffer.start = start
            if length == 2:
                self._count_empty_fragment()
            elif length & 1 and not self._odd_tolerated:
                self._odd_tolerated = True
                return Tolerated(what=f"fragments of odd length, the first of {length - 2} bytes")
        count = self._pdv_left
        if available < count:
            if not available:
                return None
            count = available
        buffer.start = end = start + count
        fragment = buffer.view[start:end]
        self.left -= count
        self._pdv_left -= count
        if tap is not None and count:
            tap.p_data_read(fragment, ends_pdu=not self.left)
        last = False
        if not self._pdv_left:
            self._pdv_left = -1
            last = self._control & 2 != 0
        self._progressed(count, last)
        return DataReceived(self._context, self._control & 1 != 0, last, fragment)

    def whole_command(self, tap: Tap | None) -> bytes | None:
        """The command set that is next in the buffer, if it is alone in one P-DATA-TF, as nearly all of them are.

        Whatever else there is, or is wrong, is left to :meth:`next`.
        """
        buffer = self._buffer
        start = buffer.start
        if not self.is_free or self.left or buffer.end - start < 12 or tap is not None:
            return None
        kind, length, pdv_length, context, control = P_DATA_HEAD.unpack_from(buffer.view, start)
        stop = start + 6 + length
        if (
            kind != _P_DATA
            or control != _WHOLE_COMMAND
            or pdv_length != length - 4
            or pdv_length < 3
            or pdv_length & 1
            or length > self.limit
            or stop > buffer.end
        ):
            return None
        buffer.start = stop
        self.command_context = context
        self._empty_fragments = self._progress = 0
        self.message_open = False
        running = self._timers.running
        if Timer.PROGRESS in running:
            del running[Timer.PROGRESS]
        return bytes(buffer.view[start + 12 : stop])

    def more(self, context_id: int, fragments: list[memoryview], tap: Tap | None) -> bool:
        """Append what has arrived of a data set on ``context_id``, as far as it is what large ones are made of.

        That is fragments that are not empty, each alone in its P-DATA-TF.  Whatever else there is, or is wrong, is left
        to :meth:`next`.  True if the data set ends with them.
        """
        left = self.left
        if tap is not None or not self.is_free:
            return False
        buffer = self._buffer
        view, start, end = buffer.view, buffer.start, buffer.end
        begin, last = start, False
        if left:
            if left != self._pdv_left or self._context != context_id or self._control & 1 or start == end:
                return False
            # In the middle of one.
            stop = min(start + left, end)
            fragments.append(view[start:stop])
            self.left = left = left - (stop - start)
            self._pdv_left = left or -1
            last = not left and self._control & 2 != 0
            start = stop
        limit, may_be_odd = self.limit, self._odd_tolerated
        while end - start >= 12 and not last:
            kind, length, pdv_length, context, control = P_DATA_HEAD.unpack_from(view, start)
            if (
                kind != _P_DATA
                or length > limit
                or pdv_length != length - 4
                or pdv_length < 3
                or context != context_id
                or control & 1
                or (pdv_length & 1 and not may_be_odd)
            ):
                break
            stop = start + 6 + length
            if stop > end:
                # The rest of this one is still to come.
                if start + 12 < end:
                    fragments.append(view[start + 12 : end])
                self.left = self._pdv_left = stop - end
                self._context, self._control = context, control
                start = end
                break
            fragments.append(view[start + 12 : stop])
            start = stop
            last = control & 2 != 0
        if start != begin:
            buffer.start = start
            self._progressed(start - begin, last)
            if start == end and not last:
                self._timers.start_if_stopped(Timer.PROGRESS)
        return last

    def watch(self) -> None:
        """Nothing more can be read now: is the peer in the middle of something?"""
        if self.left or self.message_open or self._buffer.start != self._buffer.end:
            self._timers.start_if_stopped(Timer.PROGRESS)
        else:
            self._timers.stop(Timer.PROGRESS)

    def abandon(self) -> int:
        """Nobody reads on: how many bytes of the P-DATA-TF that has begun are still to come, and nobody's."""
        left, self.left = self.left, 0
        self.message_open = False
        return left

    def _count_empty_fragment(self) -> None:
        self._empty_fragments += 1
        if self._empty_fragments > self._limits.empty_fragments:
            raise RemoteProtocolError(f"more than {self._limits.empty_fragments} empty fragments in a row")

    def _progressed(self, count: int, last: bool) -> None:
        """A message has come ``count`` bytes further, perhaps to its end."""
        if count:
            self._empty_fragments = 0
        self.message_open = not last
        self._progress += count
        if Timer.PROGRESS not in self._timers.running:
            # What comes without being waited for says nothing about what does.
            self._progress = 0
        elif last or self._progress >= enough(self._limits, self._timers.timeouts.progress):
            self._progress = 0
            self._timers.stop(Timer.PROGRESS)
