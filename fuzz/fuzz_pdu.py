"""Bytes are a PDU, which encodes to the same bytes, or the peer's mistake."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "core")]

import attrs

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import decode_pdu
from fuzz.corpus import main

STEERING = 0


def TestOneInput(data: bytes) -> None:
    try:
        pdu = decode_pdu(data)
    except RemoteProtocolError:
        return
    assert pdu.encode() == data
    assert pdu.pdu_length == len(data) - 6
    # What the standard makes of it says the same.
    assert decode_pdu(attrs.evolve(pdu).encode()) == pdu
    repr(pdu)


if __name__ == "__main__":
    main(TestOneInput, STEERING)
