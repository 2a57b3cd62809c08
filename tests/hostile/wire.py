"""What peers of any kind say, as bytes; one that is polite, and one that may be anything."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Self

from tests.support.sessions import (
    CT_IMAGE_STORAGE as CT,
    EXPLICIT,
    IMPLICIT,
    PATIENT_ROOT_GET as GET,
    STUDY_ROOT_FIND as FIND,
    VERIFICATION,
    command_set,
    element,
    p_data,
    pdv,
    us,
    whole_command,
    whole_data,
)
from tests.support.streams import ABORT, RELEASE_RQ

__all__ = ["ABORT", "CT", "EXPLICIT", "FIND", "GET", "IMPLICIT", "RELEASE_RQ", "VERIFICATION"]

MR = "1.2.840.10008.5.1.4.1.1.4"
PUSH = "1.2.840.10008.1.20.1"
"""Storage Commitment Push Model: notifications come with N-EVENT-REPORT."""

DEFLATED = "1.2.840.10008.1.2.1.99"

SECONDS = 20.0
"""For anything that a peer waits for."""

CONTEXTS = {
    1: (VERIFICATION, IMPLICIT), 3: (CT, IMPLICIT), 5: (FIND, IMPLICIT), 7: (GET, IMPLICIT), 9: (MR, IMPLICIT),
    11: (MR, EXPLICIT), 13: (MR, DEFLATED), 15: (PUSH, IMPLICIT),
}  # fmt: skip
"""Context IDs of :func:`request`."""


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BxL", kind, len(body) if length is None else length) + body


def item(kind: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BxH", kind, len(body) if length is None else length) + body


def proposal(number: int, abstract: str | bytes, *transfer: str | bytes) -> bytes:
    """A presentation context item (PS3.8 9.3.2.2)."""
    uids = [uid.encode() if isinstance(uid, str) else uid for uid in (abstract, *transfer)]
    body = item(0x30, uids[0]) + b"".join(item(0x40, uid) for uid in uids[1:])
    return item(0x20, struct.pack(">Bxxx", number & 0xFF) + body)


ROLES = b"".join(item(0x54, struct.pack(">H", len(CT)) + CT.encode() + b"\1\1") for _ in range(1))
"""SCP/SCU role selection (PS3.7 D.3.3.4): we take what C-GET sends."""


def request(proposals: Iterable[bytes] | None = None, user: Sequence[bytes] = (ROLES,), *, more: bytes = b"") -> bytes:
    """An A-ASSOCIATE-RQ (PS3.8 9.3.2), with anything in it."""
    if proposals is None:
        proposals = [proposal(number, *uids) for number, uids in CONTEXTS.items()]
    information = item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3")
    # A sub-item says its length in 16 bits, and so does what they are in.
    whole = item(0x50, (information + b"".join(user))[:0xFFFF])
    head = struct.pack(">Hxx16s16s32x", 1, b"TARGET".ljust(16), b"HOSTILE".ljust(16))
    return pdu(1, head + item(0x10, b"1.2.840.10008.3.1.1.1") + b"".join(proposals) + whole + more)


def uid(number: int, text: str) -> bytes:
    return element(number, text.encode() + b"\0" * (len(text) % 2))


def command(field: int, sop_class: str, message_id: int, *more: bytes, data: bool = True) -> bytes:
    """A command set: a request with the elements that all have, and ``more`` in order behind them."""
    return command_set(
        uid(0x0002, sop_class), us(0x0100, field), us(0x0110, message_id), us(0x0800, 1 if data else 0x0101), *more
    )


def store(context: int, instance: str = "1.2.3", message_id: int = 1) -> bytes:
    made = command_set(
        uid(0x0002, CONTEXTS[context][0]), us(0x0100, 0x0001), us(0x0110, message_id), us(0x0700, 0), us(0x0800, 1),
        uid(0x1000, instance),
    )  # fmt: skip
    return whole_command(context, made)


def echo(message_id: int = 1) -> bytes:
    return whole_command(1, command(0x0030, VERIFICATION, message_id, data=False))


def query(field: int, context: int, message_id: int, identifier: bytes | None = None) -> bytes:
    """A C-FIND or C-GET request in one piece."""
    made = command_set(
        uid(0x0002, CONTEXTS[context][0]), us(0x0100, field), us(0x0110, message_id), us(0x0700, 0), us(0x0800, 1)
    )
    level = element(0x0052, b"STUDY ", group=0x0008)
    return whole_command(context, made) + whole_data(context, level if identifier is None else identifier)


def data(context: int, content: bytes, *, last: bool = True, size: int = 16000) -> bytes:
    """A data set in fragments."""
    out = []
    for at in range(0, max(1, len(content)), size):
        is_last = last and at + size >= len(content)
        out.append(p_data(pdv(context, 2 * is_last, content[at : at + size])))
    return b"".join(out)


class Peer:
    """A connection on which anything may be said."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, *pieces: bytes) -> bool:
        """Send it all, unless the server has ended the connection."""
        try:
            for piece in pieces:
                self.sock.sendall(piece)
        except (ConnectionError, TimeoutError):
            return False
        return True

    def storm(self, piece: bytes, times: int) -> None:
        """Send a piece over and over and read nothing, until the server takes no more of it."""
        self.sock.settimeout(0.5)
        batch = max(1, 60_000 // len(piece))
        for _ in range(0, times, batch):
            if not self.send(piece * min(batch, times)):
                break
        self.sock.settimeout(SECONDS)

    def exactly(self, count: int) -> bytes:
        got = b""
        while len(got) < count:
            piece = self.sock.recv(count - len(got))
            if not piece:
                break
            got += piece
        return got

    def pdu(self) -> bytes:
        """The next PDU; what there is of it at the end of the stream."""
        head = self.exactly(6)
        return head + self.exactly(struct.unpack(">L", head[2:])[0]) if len(head) == 6 else head

    def established(self, asking: bytes | None = None) -> Self:
        """Have an association."""
        self.send(request() if asking is None else asking)
        assert self.pdu()[:1] == b"\x02"
        return self

    def rest(self, most: int = 1 << 20) -> bytes:
        """What comes until the server closes."""
        got = b""
        with suppress(ConnectionError):
            while len(got) < most and (piece := self.sock.recv(65536)):
                got += piece
        return got

    def half_close(self) -> None:
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close it with RST."""
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


POLITE = request([proposal(1, VERIFICATION, IMPLICIT)], ())


def be_polite(port: int) -> None:
    """Associate, echo and release.

    Raises:
        AssertionError, OSError: it was not served.
    """
    with Peer(port) as peer:
        peer.send(POLITE)
        answer = peer.pdu()
        assert answer[:1] == b"\x02", f"no association: {answer[:10].hex()}"
        peer.send(echo())
        answer = peer.pdu()
        assert answer[:1] == b"\x04", f"no echo: {answer[:10].hex()}"
        peer.send(RELEASE_RQ)
        answer = peer.pdu()
        assert answer[:1] == b"\x06", f"no release: {answer[:10].hex()}"
