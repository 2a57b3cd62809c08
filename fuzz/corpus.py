"""What the seeds of the targets are made of: recorded conversations and vectors, and DICOM files made here."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "tests" / "data"


@cache
def streams() -> tuple[bytes, ...]:
    """Both directions of each capture."""
    found: set[bytes] = set()
    for path in sorted((DATA / "captures").glob("*.json")):
        capture = json.loads(path.read_text("utf-8"))
        for side in ("requestor", "acceptor"):
            found.add(b"".join(bytes.fromhex(chunk["hex"]) for chunk in capture["chunks"] if chunk["from"] == side))
    return tuple(sorted(found))


@cache
def pdus() -> tuple[bytes, ...]:
    """Every PDU of the captures and of the vectors, valid or not."""
    found: set[bytes] = set()
    for path in sorted((DATA / "captures").glob("*.json")):
        capture = json.loads(path.read_text("utf-8"))
        for side in ("requestor", "acceptor"):
            stream = b"".join(bytes.fromhex(chunk["hex"]) for chunk in capture["chunks"] if chunk["from"] == side)
            for pdu in capture["pdus"]:
                if pdu["from"] == side:
                    found.add(stream[pdu["stream_offset"] : pdu["stream_offset"] + pdu["total_bytes"]])
    vectors = json.loads((DATA / "reference" / "vectors.json").read_text("utf-8"))
    for vector in vectors["pdus"] + vectors["invalid"] + vectors["data_level_invalid"]:
        found.add(bytes.fromhex(vector["hex"]))
    return tuple(sorted(found))


@cache
def conversations() -> tuple[bytes, ...]:
    """Streams and PDUs."""
    return tuple(sorted({*streams(), *pdus()}))


@cache
def fragments(*, command: bool) -> tuple[bytes, ...]:
    """What the P-DATA-TF of the captures carry: command sets, or pieces of data sets."""
    found: set[bytes] = set()
    for pdu in pdus():
        at = 6
        while pdu[:1] == b"\4" and at + 6 <= len(pdu):
            length = int.from_bytes(pdu[at : at + 4], "big")
            if length < 2 or (pdu[at + 5] & 1 == 1) is command:
                found.add(pdu[at + 6 : at + 4 + length])
            at += 4 + length
    return tuple(sorted(found - {b""}))
