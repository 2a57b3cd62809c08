"""One side of an association as PS3.8 9.2 has it, fed with the same bytes as a Connection.

It reads the stream and looks into the table of ``printed_table`` by itself; nothing of it is taken from the library.
"""

from __future__ import annotations

from struct import unpack_from
from typing import TypeAlias

from attrs import define, field

from dicomwire.upper_layer import Role
from tests.support.streams import ABORT, ASSOCIATE_AC, ASSOCIATE_RJ, ASSOCIATE_RQ, RELEASE_RP, RELEASE_RQ, abort
from tests.upper_layer import printed_table as printed

Piece: TypeAlias = tuple[int, bool, bool, bytes]
"""Context, whether it is a command, whether it is the end of a message, and bytes."""

EVENTS = {1: 6, 2: 3, 3: 4, 4: 10, 5: 12, 6: 13, 7: 16}
"""Events of table 9-6 by PDU type."""

SENT = {1: ASSOCIATE_RQ, 7: ASSOCIATE_AC, 8: ASSOCIATE_RJ, 11: RELEASE_RQ, 14: RELEASE_RP, 15: ABORT}
"""What the user's requests write, by event; all but P-DATA."""

TOLD = {
    "AE-3": "AssociateAccepted",
    "AE-4": "AssociateRejected",
    "AE-6": "AssociateRequested",
    "AR-2": "ReleaseRequested",
    "AR-3": "Released",
    "AR-8": "ReleaseRequested",
    "AR-10": "Released",
    "AA-3": "Aborted",
    "AA-4": "ConnectionClosed",
    "AA-8": "Refused",
}
"""What the actions tell, by the names of our events; beside DT-2 and AR-6, which tell pieces of messages."""

SERVES = (6, 7, 8)
"""States in which P-DATA comes or goes; in 8 it only goes."""


@define
class ModelledSide:
    """Where a side is, and what it has told and written."""

    role: Role
    state: int = 1
    artim: bool = False
    closed: bool = False
    told: list[str] = field(factory=list)
    """What was told, as names; P-DATA is in ``pieces``."""

    pieces: list[Piece] = field(factory=list)
    """Fragments as far as they have come, merged up to the ends of messages."""

    written: bytearray = field(factory=bytearray)
    stream: bytearray = field(factory=bytearray)
    """Received, and not understood yet."""

    _skipped: int = 0
    """Bytes still to come of a PDU that nobody needs."""

    _left: int = 0
    """Bytes still to come of the P-DATA-TF that is being read."""

    _of_value: int = -1
    """Bytes still to come of a presentation data value; below 0 between two of them."""

    _header: tuple[int, int] = (0, 0)
    _is_deaf: bool = False
    _has_aborted_again: bool = False

    def action(self, event: int) -> str | None:
        """What table 9-10 has for it; None for an empty cell."""
        return printed.TABLE[event].get(self.state)

    def happens(self, event: int, *, pdu: bytes = b"") -> None:
        """Do what the table says.  ``pdu`` is an A-ASSOCIATE-RQ that was received, or P-DATA-TF to be sent."""
        name = self.action(event)
        assert name is not None
        effect = printed.ACTIONS[name]
        told = TOLD.get(name)
        if name == "AE-6" and not pdu[7] & 1:
            assert effect.otherwise is not None
            effect, told = effect.otherwise, "RequestRefused"
            self.written += bytes.fromhex("03 00 00000004 00 01 02 02")
        elif effect.send is not None:
            self._writes(name, event, pdu)
        if name == "AA-1" and event != 15:
            told = "Refused"
        elif event == 18:
            told = "TimedOut"
        if told is not None:
            self.told.append(told)
        before, self.state = self.state, effect.then or (9 if self.role is Role.REQUESTOR else 10)
        if effect.artim is not None:
            self.artim = effect.artim == "start"
        self.closed = self.closed or effect.close or event == 17
        if self.state in (1, 13) and before != self.state:
            self._skipped, self._left, self._of_value = self._skipped or self._left, 0, -1
        if self.state == 1:
            self.stream.clear()

    def _writes(self, name: str, event: int, pdu: bytes) -> None:
        if name in ("DT-1", "AR-7"):
            self.written += pdu
        elif name == "AE-2":
            self.written += ASSOCIATE_RQ
        elif event in SENT:
            self.written += SENT[event]
        elif name != "AA-7" or not self._has_aborted_again:
            self._has_aborted_again = self._has_aborted_again or name == "AA-7"
            # Not recognized is 1, unexpected 2; a user's has none.
            self.written += abort(0, 0) if name == "AA-1" else abort(2, 1 if event == 19 else 2)

    # -- what arrives ---------------------------------------------------------------------------------------------
    def hears(self, data: bytes) -> None:
        """Bytes arrive; b"" is the end of the stream."""
        self.stream += data
        while self._understands():
            pass
        if not data and not self.closed and self.action(17) is not None:
            self.happens(17)

    def looks_again(self) -> None:
        """What has arrived may mean something in the state that it is in now."""
        while self._understands():
            pass

    def _understands(self) -> bool:
        """Take the next thing from the stream, if it is there."""
        if self._is_deaf or self.closed or self.state in (1, 4):
            self.stream.clear()
            return False
        if self._left:
            return self._takes_piece()
        dropped = min(self._skipped, len(self.stream))
        self._skipped -= dropped
        del self.stream[:dropped]
        if self.stream and not 1 <= self.stream[0] <= 7:
            self._is_deaf = True
            self.happens(19)
            return False
        return len(self.stream) >= 6 and self._takes_pdu()

    def _takes_pdu(self) -> bool:
        event = EVENTS[self.stream[0]]
        length: int = unpack_from(">L", self.stream, 2)[0]
        name = self.action(event)
        assert name is not None
        if name in ("DT-2", "AR-6"):
            self.happens(event)
            self._left = length
        elif self.state == 13 or printed.ACTIONS[name].send == "A-ABORT":
            # Its body is not waited for.
            self._skipped = length
            self.happens(event)
        elif len(self.stream) < 6 + length:
            return False
        else:
            pdu = bytes(self.stream[: 6 + length])
            del self.stream[: 6 + length]
            self.happens(event, pdu=pdu)
            return True
        del self.stream[:6]
        return True

    def _takes_piece(self) -> bool:
        if self._of_value < 0:
            if len(self.stream) < 6:
                return False
            length, context, control = unpack_from(">LBB", self.stream)
            del self.stream[:6]
            self._header, self._of_value = (context, control), length - 2
            self._left -= 6
        taken = bytes(self.stream[: self._of_value])
        if not taken and self._of_value:
            return False
        del self.stream[: len(taken)]
        self._left -= len(taken)
        self._of_value -= len(taken)
        context, control = self._header
        last = control & 2 == 2 and not self._of_value
        if not self._of_value:
            self._of_value = -1
        self._adds((context, control & 1 == 1, last, taken))
        return True

    def _adds(self, piece: Piece) -> None:
        add_to(self.pieces, piece)


def add_to(pieces: list[Piece], piece: Piece) -> None:
    """Append it, or join it to what it goes on with."""
    if pieces and not pieces[-1][2] and pieces[-1][:2] == piece[:2]:
        piece = (*piece[:3], pieces.pop()[3] + piece[3])
    pieces.append(piece)
