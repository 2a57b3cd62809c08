"""The bytes of a PDU as they may be shown: credentials never, patients only if asked for."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import TypeAlias

from dicomwire.tracing.dissecting import SeenMessage, SeenPDU
from dicomwire.tracing.redaction import Redaction
from dicomwire.upper_layer.items import UnknownItem
from dicomwire.upper_layer.pdus import HEADER, AssociateAC, AssociateRQ, PDataTF, PresentationDataValue

_PDV = Struct(">LBB")
_SHORT = 10
"""Bytes of the PDUs that have four behind their header; what is beyond that nobody knows."""

_MOST = 1024
_MOST_OF_A_DATA_SET = 256

Run: TypeAlias = tuple[bytes, int, str]
"""Bytes to show; how many follow that are not shown, and why not."""


def visible_bytes(seen: SeenPDU, *, patient_data: bool) -> list[Run]:
    """The bytes of a PDU, in runs.  Of what could not be decoded nobody knows what it is, and nothing is shown."""
    pdu = seen.pdu
    if pdu is None or pdu.received is None:
        return [(b"", seen.length, "cannot be decoded")]
    if isinstance(pdu, PDataTF):
        runs = _p_data(pdu, seen, patient_data)
    elif isinstance(pdu, AssociateRQ | AssociateAC):
        runs = iter([(_without_credentials(pdu), 0, "")])
    else:
        runs = iter([(pdu.received[:_SHORT], max(0, len(pdu.received) - _SHORT), "should not be there")])
    return [run for one in _joined(runs) for run in _capped(one, _MOST)]


def _without_credentials(pdu: AssociateRQ | AssociateAC) -> bytes:
    assert pdu.received is not None
    made = b"".join(bytes(run) for _, run in Redaction(credentials=False, data_sets=True).treat_all([pdu.received]))
    # An unknown item may be a user identity in the wrong place.
    items = (*pdu.unknown_items, *(item for item in pdu.user_information if isinstance(item, UnknownItem)))
    for item in sorted(items, key=lambda item: -len(item.body)):
        whole = item.encode()
        made = made.replace(whole, whole[:4] + b"*" * len(item.body))
    return made


def _p_data(pdu: PDataTF, seen: SeenPDU, patient_data: bool) -> Iterator[Run]:
    assert pdu.received is not None
    yield pdu.received[: HEADER.size], 0, ""
    commands = [message for message in seen.messages if message.length is None]
    for value in pdu.presentation_data_value_items:
        yield _PDV.pack(len(value.fragment) + 2, value.context_id, value.control_header), 0, ""
        if seen.left_out and not value.is_command:
            yield b"", len(value.fragment), "of a data set, not in the trace"
        elif patient_data:
            yield from _capped((value.fragment, 0, ""), _MOST if value.is_command else _MOST_OF_A_DATA_SET)
        elif not value.is_command:
            yield b"", len(value.fragment), "of a data set, not shown"
        elif _is_known(value, commands):
            yield value.fragment, 0, ""
        else:
            yield b"", len(value.fragment), "of a command set, not shown: not all of it is known"


def _is_known(value: PresentationDataValue, commands: list[SeenMessage]) -> bool:
    """It is a whole command set of nothing but elements of commands: nothing of a patient can be in it."""
    return value.is_last and len(commands) == 1 and not commands[0].command.other


def _joined(runs: Iterator[Run]) -> Iterator[Run]:
    """Runs that follow each other with nothing left out between."""
    shown = b""
    for data, count, why in runs:
        shown += data
        if count:
            yield shown, count, why
            shown = b""
    if shown:
        yield shown, 0, ""


def _capped(run: Run, most: int) -> Iterator[Run]:
    data, count, why = run
    if len(data) <= most:
        yield run
        return
    yield data[:most], len(data) - most, "more"
    if count:
        yield b"", count, why
