"""The upper layer state machine as data (PS3.8 9.2, tables 9-6 to 9-10)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

from dicomwire._values import Value
from dicomwire.upper_layer.reasons import AbortSource


class Role(Enum):
    """Which side sent the A-ASSOCIATE-RQ; it stays so for the life of the association."""

    REQUESTOR = "requestor"
    ACCEPTOR = "acceptor"

    if not TYPE_CHECKING:
        __hash__ = object.__hash__


class State(Enum):
    """PS3.8 tables 9-1 to 9-5."""

    STA1 = 1, "idle"
    STA2 = 2, "connection open, awaiting A-ASSOCIATE-RQ"
    STA3 = 3, "awaiting our answer to the A-ASSOCIATE-RQ"
    STA4 = 4, "awaiting the transport connection"
    STA5 = 5, "awaiting A-ASSOCIATE-AC or -RJ"
    STA6 = 6, "established"
    STA7 = 7, "awaiting A-RELEASE-RP"
    STA8 = 8, "awaiting our release response"
    STA9 = 9, "release collision, requestor: awaiting our release response"
    STA10 = 10, "release collision, acceptor: awaiting A-RELEASE-RP"
    STA11 = 11, "release collision, requestor: awaiting A-RELEASE-RP"
    STA12 = 12, "release collision, acceptor: awaiting our release response"
    STA13 = 13, "awaiting the peer to close the connection"

    def __init__(self, number: int, meaning: str) -> None:
        self.number = number
        self.meaning = meaning

    @property
    def label(self) -> str:
        """As the standard writes it: ``Sta6``."""
        return f"Sta{self.number}"

    # Enum members are compared by identity everywhere; hashing by name, as Enum does in Python, costs a call
    # per P-DATA-TF in the table below.
    if not TYPE_CHECKING:
        __hash__ = object.__hash__


class Input(Enum):
    """PS3.8 table 9-6: the events of the machine, called inputs here to keep them apart from its output."""

    ASSOCIATE_REQUEST = 1
    TRANSPORT_CONFIRMED = 2
    ASSOCIATE_AC_RECEIVED = 3
    ASSOCIATE_RJ_RECEIVED = 4
    TRANSPORT_INDICATION = 5
    ASSOCIATE_RQ_RECEIVED = 6
    ASSOCIATE_ACCEPT = 7
    ASSOCIATE_REJECT = 8
    P_DATA_REQUEST = 9
    P_DATA_RECEIVED = 10
    RELEASE_REQUEST = 11
    RELEASE_RQ_RECEIVED = 12
    RELEASE_RP_RECEIVED = 13
    RELEASE_RESPONSE = 14
    ABORT_REQUEST = 15
    ABORT_RECEIVED = 16
    TRANSPORT_CLOSED = 17
    ARTIM_EXPIRED = 18
    INVALID_PDU = 19

    @property
    def label(self) -> str:
        """As the standard writes it: ``Evt10``."""
        return f"Evt{self.value}"

    if not TYPE_CHECKING:
        __hash__ = object.__hash__


class Tell(Enum):
    """What an action indicates to the local user."""

    ASSOCIATE_INDICATION = "A-ASSOCIATE indication"
    ASSOCIATE_ACCEPTED = "A-ASSOCIATE confirmation (accept)"
    ASSOCIATE_REJECTED = "A-ASSOCIATE confirmation (reject)"
    P_DATA = "P-DATA indication"
    RELEASE_INDICATION = "A-RELEASE indication"
    RELEASE_COLLISION = "A-RELEASE indication (collision)"
    RELEASE_CONFIRMATION = "A-RELEASE confirmation"
    ABORT = "A-ABORT or A-P-ABORT indication, as the PDU says"
    PROVIDER_ABORT = "A-P-ABORT indication"
    REQUEST_REFUSED = "of a request that it does not hear of"
    """No service primitive: for logs."""

    if not TYPE_CHECKING:
        __hash__ = object.__hash__


@frozen(repr=False, eq=False)
class Action(Value):
    """One row of PS3.8 tables 9-7 to 9-9: what a :class:`Connection` does, and all that it does.

    ``then`` is None where the next state is Sta9 for the association requestor and Sta10 for the acceptor (AR-8).
    """

    then: State | None
    send: str | None = None
    """The name of the PDU that is sent: the user's where it asks for one, else made by the provider."""

    tell: Tell | None = None
    artim: str | None = None
    """``"start"``, again if it runs, ``"stop"``, or None: as it is."""

    close: bool = False
    """The transport is to be closed, and by us."""

    source: int | None = None
    """Of an A-ABORT that the provider sends (PS3.8 table 9-26)."""

    otherwise: Action | None = None
    """What is done instead of all this if the request's protocol version is not supported (AE-6)."""


ACTIONS: dict[str, Action] = {
    "AE-1": Action(State.STA4),
    "AE-2": Action(State.STA5, send="A-ASSOCIATE-RQ"),
    "AE-3": Action(State.STA6, tell=Tell.ASSOCIATE_ACCEPTED),
    "AE-4": Action(State.STA1, tell=Tell.ASSOCIATE_REJECTED, close=True),
    "AE-5": Action(State.STA2, artim="start"),
    "AE-6": Action(
        State.STA3,
        tell=Tell.ASSOCIATE_INDICATION,
        artim="stop",
        otherwise=Action(State.STA13, send="A-ASSOCIATE-RJ", tell=Tell.REQUEST_REFUSED, artim="start"),
    ),
    "AE-7": Action(State.STA6, send="A-ASSOCIATE-AC"),
    "AE-8": Action(State.STA13, send="A-ASSOCIATE-RJ", artim="start"),
    "DT-1": Action(State.STA6, send="P-DATA-TF"),
    "DT-2": Action(State.STA6, tell=Tell.P_DATA),
    "AR-1": Action(State.STA7, send="A-RELEASE-RQ"),
    "AR-2": Action(State.STA8, tell=Tell.RELEASE_INDICATION),
    "AR-3": Action(State.STA1, tell=Tell.RELEASE_CONFIRMATION, close=True),
    "AR-4": Action(State.STA13, send="A-RELEASE-RP", artim="start"),
    "AR-5": Action(State.STA1, artim="stop"),
    "AR-6": Action(State.STA7, tell=Tell.P_DATA),
    "AR-7": Action(State.STA8, send="P-DATA-TF"),
    "AR-8": Action(None, tell=Tell.RELEASE_COLLISION),
    "AR-9": Action(State.STA11, send="A-RELEASE-RP"),
    "AR-10": Action(State.STA12, tell=Tell.RELEASE_CONFIRMATION),
    "AA-1": Action(State.STA13, send="A-ABORT", artim="start", source=AbortSource.USER),
    "AA-2": Action(State.STA1, artim="stop", close=True),
    "AA-3": Action(State.STA1, tell=Tell.ABORT, close=True),
    "AA-4": Action(State.STA1, tell=Tell.PROVIDER_ABORT),
    "AA-5": Action(State.STA1, artim="stop"),
    "AA-6": Action(State.STA13),
    "AA-7": Action(State.STA13, send="A-ABORT", source=AbortSource.PROVIDER),
    "AA-8": Action(State.STA13, send="A-ABORT", tell=Tell.PROVIDER_ABORT, artim="start", source=AbortSource.PROVIDER),
}

_COLUMNS = (
    State.STA1, State.STA2, State.STA3, State.STA4, State.STA5, State.STA6, State.STA7,
    State.STA8, State.STA9, State.STA10, State.STA11, State.STA12, State.STA13,
)  # fmt: skip

# PS3.8 table 9-10 as printed, a row per event and a column per state; a dot is an empty cell.
_ROWS = """
 1  AE-1  .     .     .     .     .     .     .     .     .      .     .     .
 2  .     .     .     AE-2  .     .     .     .     .     .      .     .     .
 3  .     AA-1  AA-8  .     AE-3  AA-8  AA-8  AA-8  AA-8  AA-8   AA-8  AA-8  AA-6
 4  .     AA-1  AA-8  .     AE-4  AA-8  AA-8  AA-8  AA-8  AA-8   AA-8  AA-8  AA-6
 5  AE-5  .     .     .     .     .     .     .     .     .      .     .     .
 6  .     AE-6  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8   AA-8  AA-8  AA-7
 7  .     .     AE-7  .     .     .     .     .     .     .      .     .     .
 8  .     .     AE-8  .     .     .     .     .     .     .      .     .     .
 9  .     .     .     .     .     DT-1  .     AR-7  .     .      .     .     .
10  .     AA-1  AA-8  .     AA-8  DT-2  AR-6  AA-8  AA-8  AA-8   AA-8  AA-8  AA-6
11  .     .     .     .     .     AR-1  .     .     .     .      .     .     .
12  .     AA-1  AA-8  .     AA-8  AR-2  AR-8  AA-8  AA-8  AA-8   AA-8  AA-8  AA-6
13  .     AA-1  AA-8  .     AA-8  AA-8  AR-3  AA-8  AA-8  AR-10  AR-3  AA-8  AA-6
14  .     .     .     .     .     .     .     AR-4  AR-9  .      .     AR-4  .
15  .     .     AA-1  AA-2  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1   AA-1  AA-1  .
16  .     AA-2  AA-3  .     AA-3  AA-3  AA-3  AA-3  AA-3  AA-3   AA-3  AA-3  AA-2
17  .     AA-5  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4   AA-4  AA-4  AR-5
18  .     AA-2  .     .     .     .     .     .     .     .      .     .     AA-2
19  .     AA-1  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8   AA-8  AA-8  AA-7
"""


def _read(rows: str) -> dict[State, dict[Input, str]]:
    table: dict[State, dict[Input, str]] = {state: {} for state in State}
    for row in rows.strip().splitlines():
        number, *cells = row.split()
        for state, cell in zip(_COLUMNS, cells, strict=True):
            if cell != ".":
                table[state][Input(int(number))] = cell
    return table


TABLE: dict[State, dict[Input, str]] = _read(_ROWS)
"""Action name by state and input; a missing pair is an empty cell."""
