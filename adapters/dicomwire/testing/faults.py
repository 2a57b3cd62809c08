"""What goes wrong with a connection, and when: the plan that every faulty transport here follows."""

from __future__ import annotations

import errno
import math
import os
from typing import Literal, TypeAlias

from attrs import field, frozen
from attrs.validators import ge, in_

from dicomwire._values import Value

Call: TypeAlias = Literal["receive", "send", "send_eof", "close"]
"""What can be asked of a transport.  A ``receive`` is counted when there is something, or the end of the stream: how
often somebody has looked before depends on the machine."""

Kind: TypeAlias = Literal["stall", "fail", "reset", "cut", "end", "half_close"]
"""See :class:`Fault`."""

KINDS: tuple[Kind, ...] = ("stall", "fail", "reset", "cut", "end", "half_close")
"""All there are."""


@frozen(repr=False, eq=False)
class Fault(Value):
    """One thing that goes wrong, at one call.

    =============== ==================================================================================================
    ``stall``       from this call on nothing arrives and nothing goes out, for ``seconds``
    ``fail``        this call raises an OSError and does nothing; those behind it work, if anybody tries
    ``reset``       the connection is lost: this call and all behind it raise ConnectionResetError
    ``cut``         as ``reset``; if this call sends, the first half of the bytes still goes out
    ``end``         the peer sends nothing more: receiving gives the end of the stream from now on
    ``half_close``  nothing more gets out: the peer sees the end of the stream, and sending raises BrokenPipeError
    =============== ==================================================================================================
    """

    kind: Kind = field(validator=in_(KINDS))
    at: int = field(default=1, validator=ge(1))
    """Which call it is, counted from 1: of all, or of those of the kind ``call``."""

    call: Call | None = field(default=None, kw_only=True)
    seconds: float = field(default=math.inf, kw_only=True)
    """How long a stall takes; without it for ever."""

    errno: int = field(default=errno.EIO, kw_only=True)
    """Of the error that ``fail`` raises."""

    def error(self) -> OSError:
        """What the call raises that this strikes."""
        if self.kind == "fail":
            return OSError(self.errno, os.strerror(self.errno))
        return lost()


class Faults:
    """What goes wrong with one end of one connection: a plan, and an account of the calls that were made.

    Without a fault, ``calls`` tells how many there are; so a test can let each of them go wrong, one after another.
    ``split`` is the most bytes that arrive at once.  ``delay`` are the seconds by which everything arrives late.
    """

    def __init__(self, *faults: Fault, split: int | None = None, delay: float = 0.0) -> None:
        if split is not None and split < 1:
            raise ValueError(f"bytes arrive by one at least, not by {split}")
        self.split = split
        self.delay = delay
        self.calls: list[Call] = []
        """Every call so far."""

        self.struck: list[Fault] = []
        """The faults that have come."""

        self.is_lost: bool = False
        self.has_ended: bool = False
        """The peer sends nothing more, as far as this end can see."""

        self.is_half_closed: bool = False
        self.stalled_until: float = -math.inf
        """On the clock of the adapter."""

        self._planned = list(faults)

    def __repr__(self) -> str:
        return f"Faults({', '.join(map(repr, (*self.struck, *self._planned)))}), {len(self.calls)} calls"

    def count(self, call: Call, now: float) -> Fault | None:
        """One more call: the fault that strikes it, if one does, which is known to the attributes then."""
        self.calls.append(call)
        if self.delay and call == "receive":
            self.stalled_until = max(self.stalled_until, now + self.delay)
        for fault in self._planned:
            if fault.at == (len(self.calls) if fault.call is None else self.calls.count(call)) and (
                fault.call in (None, call)
            ):
                self._planned.remove(fault)
                self._strike(fault, now)
                return fault
        return None

    def _strike(self, fault: Fault, now: float) -> None:
        self.struck.append(fault)
        if fault.kind == "stall":
            self.stalled_until = max(self.stalled_until, now + fault.seconds)
        elif fault.kind == "end":
            self.has_ended = True
        elif fault.kind == "half_close":
            self.is_half_closed = True
        elif fault.kind != "fail":
            self.is_lost = True

    def is_stalled(self, now: float) -> bool:
        """Whether nothing moves at this time."""
        return now < self.stalled_until and not self.is_lost

    def piece(self, data: bytes) -> tuple[bytes, bytes]:
        """What arrives of ``data`` at once, and the rest."""
        return (data, b"") if self.split is None else (data[: self.split], data[self.split :])


def lost() -> ConnectionResetError:
    """What a lost connection raises."""
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def half_closed() -> BrokenPipeError:
    """What sending raises behind a half-close."""
    return BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
