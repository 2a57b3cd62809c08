"""Traces that nobody has recorded: what crossed, one thing per record, at times of one's choice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from dicomwire.dimse.command import Command
from dicomwire.traces import RecordKind, Trace, TracedAssociation, TraceRecord
from dicomwire.upper_layer.items import PresentationContextACItem, PresentationContextRQItem, UserIdentityRQItem
from dicomwire.upper_layer.pdus import (
    AssociateAC,
    AssociateRQ,
    PDataTF,
    PresentationDataValue,
    ReleaseRP,
    ReleaseRQ,
)
from dicomwire.upper_layer.state import Role

BEGIN = 1_800_000_000.0
VERIFICATION, IMPLICIT = "1.2.840.10008.1.1", "1.2.840.10008.1.2"
SENT, RECEIVED = RecordKind.SENT, RecordKind.RECEIVED

REQUEST = AssociateRQ(
    called_ae_title="ARCHIVE",
    calling_ae_title="MODALITY",
    presentation_context=(
        PresentationContextRQItem(context_id=1, abstract_syntax=VERIFICATION, transfer_syntax=(IMPLICIT,)),
    ),
    user_information=(UserIdentityRQItem(user_identity_type=2, primary_field=b"alice", secondary_field=b"sesame"),),
)
ACCEPT = AssociateAC(
    called_ae_title="ARCHIVE",
    calling_ae_title="MODALITY",
    presentation_context=(PresentationContextACItem(context_id=1, result=0, transfer_syntax=IMPLICIT),),
)
ECHO = Command(command_field=0x0030, message_id=1, affected_sop_class_uid=VERIFICATION)
ECHOED = Command(
    command_field=0x8030, message_id_being_responded_to=1, affected_sop_class_uid=VERIFICATION, status=0x0000
)


def p_data(control: int, fragment: bytes, context_id: int = 1) -> bytes:
    """A P-DATA-TF with one fragment; ``control`` is 1 for a command, and 2 for the last of them."""
    return PDataTF(presentation_data_value_items=(PresentationDataValue(context_id, control, fragment),)).encode()


def made(said: Iterable[tuple[float, RecordKind, bytes]], role: Role = Role.REQUESTOR, number: int = 1) -> Trace:
    """A trace of one association: seconds since the thing before, kind and bytes."""
    time = BEGIN
    records = [TraceRecord(kind=RecordKind.OPENED, association=number, time=time)]
    for since, kind, data in said:
        time += since
        records.append(TraceRecord(kind=kind, association=number, time=time, data=data))
    about = {"local": ["192.0.2.1", 50000], "peer": ["192.0.2.2", 104]}
    return Trace(associations=[TracedAssociation(number=number, role=role, about=about, records=records)])


def conversation(
    *within: tuple[float, RecordKind, bytes], request: AssociateRQ = REQUEST
) -> list[tuple[float, RecordKind, bytes]]:
    """An association with something in it, up to its release."""
    return [
        (0.0001, SENT, request.encode()),
        (0.002, RECEIVED, ACCEPT.encode()),
        *within,
        (0.0001, SENT, ReleaseRQ().encode()),
        (0.001, RECEIVED, ReleaseRP().encode()),
        (0.0001, RecordKind.CLOSED, b""),
    ]


def echoes(count: int, *, stall: float = 0.0003, every: int = 500) -> Iterator[tuple[float, RecordKind, bytes]]:
    """So many requests with their responses; now and then one comes after ``stall`` seconds."""
    ask, answer = p_data(3, ECHO.encode()), p_data(3, ECHOED.encode())
    for number in range(count):
        yield 0.0003, SENT, ask
        yield stall if number % every == every // 2 else 0.0003, RECEIVED, answer


def together(*traces: Trace) -> Trace:
    """Their associations in one trace."""
    found = [association for trace in traces for association in trace]
    return Trace(associations=[evolve(one, number=number) for number, one in enumerate(found, 1)])
