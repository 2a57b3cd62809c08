"""Bytes of the upper layer protocol typed by hand, and ways to bring a Connection where a test needs it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import (
    Abort,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    Connection,
    ConnectionEvent,
    Data,
    DataReceived,
    Limits,
    ReleaseRP,
    ReleaseRQ,
    Role,
    Tap,
    Timeouts,
)
from dicomwire.upper_layer.items import MaximumLengthItem, PresentationContextACItem, PresentationContextRQItem

DATA = Path(__file__).parents[1] / "data"


def wire(text: str) -> bytes:
    """Bytes of a listing: hex digits, ``"text"`` in quotes, and comments from ``#`` to the end of the line."""
    out = b""
    for line in text.splitlines():
        for quoted, digits in re.findall(r'"([^"]*)"|([0-9A-Fa-f ]+)', line.split("#", 1)[0]):
            out += quoted.encode("ascii") if quoted else bytes.fromhex(digits)
    return out


ASSOCIATE_RQ = wire("""
    01 00 00 00 00 8B            # A-ASSOCIATE-RQ of 139 bytes
    00 01 00 00                  # protocol version 1, reserved
    "STORESCP        "           # called AE title
    "ECHOSCU         "           # calling AE title
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    10 00 00 15 "1.2.840.10008.3.1.1.1"      # application context
    20 00 00 1E                              # presentation context of 30 bytes
       01 00 00 00                           # ID 1
       30 00 00 11 "1.2.840.10008.1.1"       # abstract syntax
       40 00 00 01 "1"                       # transfer syntax
    50 00 00 08                              # user information of 8 bytes
       51 00 00 04 00 00 40 00               # maximum length 16384
""")

ASSOCIATE_AC = wire("""
    02 00 00 00 00 76            # A-ASSOCIATE-AC of 118 bytes
    00 01 00 00                  # protocol version 1, reserved
    "STORESCP        "           # called AE title, as the request had it
    "ECHOSCU         "           # calling AE title, as the request had it
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    10 00 00 15 "1.2.840.10008.3.1.1.1"      # application context
    21 00 00 09                              # presentation context of 9 bytes
       01 00 00 00                           # ID 1, result 0: accepted
       40 00 00 01 "1"                       # transfer syntax
    50 00 00 08                              # user information of 8 bytes
       51 00 00 04 00 00 40 00               # maximum length 16384
""")

ASSOCIATE_RJ = wire("""
    03 00 00 00 00 04            # A-ASSOCIATE-RJ
    00 01 01 07                  # permanent, service-user, called AE title not recognized
""")

P_DATA = wire("""
    04 00 00 00 00 0A            # P-DATA-TF of 10 bytes
    00 00 00 06                  # PDV of 6 bytes
    01 03                        # context 1, last fragment of a command
    AA BB CC DD
""")

RELEASE_RQ = wire("05 00 00 00 00 04  00 00 00 00")
RELEASE_RP = wire("06 00 00 00 00 04  00 00 00 00")

ABORT = wire("""
    07 00 00 00 00 04            # A-ABORT
    00 00 00 00                  # service-user
""")

PROVIDER_ABORT = wire("""
    07 00 00 00 00 04            # A-ABORT
    00 00 02 00                  # service-provider, reason not specified
""")

UNRECOGNIZED = wire("""
    08                           # no such PDU type; nothing more is waited for
""")


def abort(source: int, reason: int) -> bytes:
    """An A-ABORT as it stands on the wire."""
    return wire("07 00 00 00 00 04  00 00") + bytes((source, reason))


def request(maximum_length: int | None = 16384) -> AssociateRQ:
    return AssociateRQ(
        called_ae_title="STORESCP",
        calling_ae_title="ECHOSCU",
        presentation_context=(
            PresentationContextRQItem(context_id=1, abstract_syntax="1.2.840.10008.1.1", transfer_syntax=("1",)),
        ),
        user_information=() if maximum_length is None else (MaximumLengthItem(maximum_length=maximum_length),),
    )


def acceptance(maximum_length: int | None = 16384) -> AssociateAC:
    return AssociateAC(
        called_ae_title="STORESCP",
        calling_ae_title="ECHOSCU",
        presentation_context=(PresentationContextACItem(context_id=1, result=0, transfer_syntax="1"),),
        user_information=() if maximum_length is None else (MaximumLengthItem(maximum_length=maximum_length),),
    )


REJECTION = AssociateRJ(result=1, source=1, reason_diagnostic=7)
DATA_TO_SEND = Data(context_id=1, command=True, last=True, fragment=b"\xaa\xbb\xcc\xdd")

ONLY_ARTIM = Timeouts(artim=30.0, associate=None, release=None, progress=None, response=None, idle=None)
"""Makes ``next_deadline`` tell whether ARTIM runs; not to be changed."""


@frozen
class Refused:
    """Stands in a list of events where ``next_event`` raised RemoteProtocolError."""

    source: int
    reason: int


def drain(connection: Connection) -> list[ConnectionEvent | Refused]:
    """All events there are now; fragments are copied, because feeding more makes them invalid."""
    told: list[ConnectionEvent | Refused] = []
    while True:
        try:
            event = connection.next_event()
        except RemoteProtocolError as error:
            told.append(Refused(error.source, error.reason))
            continue
        if event is None:
            return told
        if isinstance(event, DataReceived):
            event = DataReceived(event.context_id, event.command, event.last, memoryview(bytes(event.fragment)))
        told.append(event)


def feed(connection: Connection, data: bytes) -> list[ConnectionEvent | Refused]:
    """Receive ``data`` and say what came of it."""
    connection.receive_data(data)
    return drain(connection)


def feed_buffer(connection: Connection, data: bytes) -> list[ConnectionEvent | Refused]:
    """The same through ``get_buffer`` and ``buffer_updated``."""
    told = []
    while data:
        room = connection.get_buffer()
        assert len(room) > 0
        count = min(len(room), len(data))
        room[:count] = data[:count]
        connection.buffer_updated(count)
        data = data[count:]
        told += drain(connection)
    return told


def sent(connection: Connection) -> bytes:
    """What the connection wants to be written, joined."""
    return b"".join(connection.data_to_send())


def in_state(
    number: int,
    role: Role,
    *,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
    tap: Tap | None = None,
    own_maximum_length: int | None = 16384,
    peer_maximum_length: int = 16384,
) -> Connection:
    """A connection in the state of that number, with nothing left to send or to tell."""
    connection = Connection(
        role,
        limits=limits,
        timeouts=timeouts if timeouts is not None else ONLY_ARTIM,
        connected=number not in (1, 4),
        tap=tap,
    )
    announced = peer_maximum_length.to_bytes(4, "big")
    if role is Role.REQUESTOR:
        if number >= 4:
            connection.send(request(own_maximum_length))
        if number >= 6:
            feed(connection, ASSOCIATE_AC[:-4] + announced)
    else:
        if number >= 3:
            feed(connection, ASSOCIATE_RQ[:-4] + announced)
        if number >= 6:
            connection.send(acceptance(own_maximum_length))
    if number in (7, 9, 10, 11, 12):
        connection.send(ReleaseRQ())
    if number in (8, 9, 10, 11, 12):
        feed(connection, RELEASE_RQ)
    if number == 11:
        connection.send(ReleaseRP())
    if number == 12:
        feed(connection, RELEASE_RP)
    if number == 13:
        connection.send(Abort())
    assert connection.state.number == number
    assert drain(connection) == []
    connection.data_to_send()
    return connection


STATES_BY_ROLE = {
    Role.REQUESTOR: (1, 4, 5, 6, 7, 8, 9, 11, 13),
    Role.ACCEPTOR: (1, 2, 3, 6, 7, 8, 10, 12, 13),
}
"""States 2, 3, 10 and 12 are the acceptor's alone, 4, 5, 9 and 11 the requestor's."""


def merged(told: Iterable[object]) -> list[object]:
    """``told`` with the pieces of fragments joined, so that it does not show how the bytes were split."""
    out: list[object] = []
    for event in told:
        before = out[-1] if out else None
        if (
            isinstance(event, DataReceived)
            and isinstance(before, DataReceived)
            and not before.last
            and (before.context_id, before.command) == (event.context_id, event.command)
        ):
            joined = memoryview(bytes(before.fragment) + bytes(event.fragment))
            out[-1] = DataReceived(event.context_id, event.command, event.last, joined)
        else:
            out.append(event)
    return out


@cache
def vectors() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / "reference" / "vectors.json").read_text("utf-8"))
    return loaded


@frozen(eq=False)
class Capture:
    """A recorded conversation."""

    name: str
    pdus: list[dict[str, Any]]
    """Of both directions in the order recorded, as an independent program decoded them."""

    streams: dict[str, bytes]
    """The bytes of each direction, by who sent them."""

    def turns(self) -> Iterator[tuple[str, dict[str, Any], bytes]]:
        """Who sent it, what it is and its bytes, for each PDU."""
        for pdu in self.pdus:
            start = pdu["stream_offset"]
            yield pdu["from"], pdu, self.streams[pdu["from"]][start : start + pdu["total_bytes"]]


@cache
def captures() -> tuple[Capture, ...]:
    found = []
    for path in sorted((DATA / "captures").glob("*.json")):
        loaded = json.loads(path.read_text("utf-8"))
        streams = {"requestor": b"", "acceptor": b""}
        for chunk in loaded["chunks"]:
            streams[chunk["from"]] += bytes.fromhex(chunk["hex"])
        found.append(Capture(loaded["name"], loaded["pdus"], streams))
    return tuple(found)
