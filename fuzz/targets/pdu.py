"""Bytes are a PDU, which encodes to the same bytes and is not larger than they are, or the peer's mistake."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import decode_pdu
from fuzz.corpus import pdus


def one_input(data: bytes) -> None:
    try:
        pdu = decode_pdu(data)
    except RemoteProtocolError:
        return
    assert pdu.encode() == data
    assert pdu.pdu_length == len(data) - 6
    # What the standard makes of it says the same, and the standard makes no more of it than that.
    normal = attrs.evolve(pdu).encode()
    again = decode_pdu(normal)
    assert again == pdu
    assert attrs.evolve(again).encode() == normal
    # Whoever shows it gets a text in proportion to it.
    assert len(repr(pdu)) < 2000 + 100 * len(data)


def seeds() -> Iterable[bytes]:
    return pdus()
