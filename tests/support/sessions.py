"""Two Sessions joined by hand, and messages as bytes that no code under test has made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import pack

from attrs import evolve, frozen

from dicomwire.dimse import Command, DataSetReceived, Session
from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer import AssociateAC, AssociateRQ, Connection, ConnectionEvent, Limits, Role, Timeouts
from dicomwire.upper_layer.items import MaximumLengthItem, PresentationContextACItem, PresentationContextRQItem
from tests.support.streams import Refused

VERIFICATION = "1.2.840.10008.1.1"
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT_GET = "1.2.840.10008.5.1.4.1.2.1.3"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

ECHO, STORE, FIND, GET = 1, 3, 5, 7
"""The context IDs of :func:`joined`."""

CONTEXTS = ((ECHO, VERIFICATION), (STORE, CT_IMAGE_STORAGE), (FIND, STUDY_ROOT_FIND), (GET, PATIENT_ROOT_GET))

ECHO_RQ = Command(command_field=0x0030, message_id=1, affected_sop_class_uid=VERIFICATION)
STORE_RQ = Command(
    command_field=0x0001,
    message_id=1,
    affected_sop_class_uid=CT_IMAGE_STORAGE,
    affected_sop_instance_uid="1.2.3",
    priority=0,
)
FIND_RQ = Command(command_field=0x0020, message_id=1, affected_sop_class_uid=STUDY_ROOT_FIND, priority=0)
CANCEL_RQ = Command(command_field=0x0FFF, message_id_being_responded_to=1)

NO_TIMEOUTS = Timeouts(artim=None, associate=None, release=None, progress=None, response=None, idle=None)
"""Not to be changed."""


def request(proposed: Iterable[PresentationContextRQItem], *, maximum_length: int = 16384) -> AssociateRQ:
    return AssociateRQ(
        called_ae_title="ACCEPTOR",
        calling_ae_title="REQUESTOR",
        presentation_context=tuple(proposed),
        user_information=(MaximumLengthItem(maximum_length=maximum_length),),
    )


def acceptance(answers: Iterable[PresentationContextACItem], *, maximum_length: int = 16384) -> AssociateAC:
    return AssociateAC(
        called_ae_title="ACCEPTOR",
        calling_ae_title="REQUESTOR",
        presentation_context=tuple(answers),
        user_information=(MaximumLengthItem(maximum_length=maximum_length),),
    )


def proposal(context_id: int, abstract_syntax: str, *transfer_syntax: str) -> PresentationContextRQItem:
    return PresentationContextRQItem(
        context_id=context_id, abstract_syntax=abstract_syntax, transfer_syntax=transfer_syntax
    )


def result(context_id: int, number: int, transfer_syntax: str | None) -> PresentationContextACItem:
    return PresentationContextACItem(context_id=context_id, result=number, transfer_syntax=transfer_syntax)


@frozen
class Piece:
    """A DataSetReceived with a copy of its bytes, which outlives the receive buffer."""

    context_id: int
    data: bytes
    last: bool


def drain(session: Session) -> list[ConnectionEvent | Piece | Refused]:
    """All there is to be told now."""
    told: list[ConnectionEvent | Piece | Refused] = []
    while True:
        try:
            event = session.next_event()
        except RemoteProtocolError as error:
            told.append(Refused(error.source, error.reason))
            continue
        if event is None:
            return told
        if isinstance(event, DataSetReceived):
            told.append(Piece(event.context_id, b"".join(event.fragments), event.last))
        else:
            told.append(event)


def feed(session: Session, data: bytes) -> list[ConnectionEvent | Piece | Refused]:
    """Receive ``data`` and say what came of it."""
    session.receive_data(data)
    return drain(session)


def sent(session: Session) -> bytes:
    """What the session wants to be written, joined."""
    return b"".join(session.data_to_send())


def carry(source: Session, target: Session) -> list[ConnectionEvent | Piece | Refused]:
    """Take what ``source`` has to send to ``target`` and say what came of it there."""
    return feed(target, sent(source))


def merged(told: Sequence[ConnectionEvent | Piece | Refused]) -> list[ConnectionEvent | Piece | Refused]:
    """``told`` with the pieces of each data set joined, so that it does not show how the bytes were split."""
    out: list[ConnectionEvent | Piece | Refused] = []
    for event in told:
        before = out[-1] if out else None
        if isinstance(event, Piece) and isinstance(before, Piece) and not before.last:
            out[-1] = Piece(event.context_id, before.data + event.data, event.last)
        else:
            out.append(event)
    return out


def joined(
    *,
    contexts: Iterable[tuple[int, str]] = CONTEXTS,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
    requestor_maximum_length: int = 16384,
    acceptor_maximum_length: int = 16384,
) -> tuple[Session, Session]:
    """A requestor and an acceptor with an association, and nothing left to send or to tell.

    All contexts are accepted with implicit VR; ``limits`` and ``timeouts`` are those of both sides.
    """
    # Each side needs its own copy of what can be changed.
    patience = timeouts if timeouts is not None else NO_TIMEOUTS
    requestor = Session(Connection(Role.REQUESTOR, limits=limits, timeouts=evolve(patience)))
    acceptor = Session(Connection(Role.ACCEPTOR, limits=limits, timeouts=evolve(patience)))
    proposed = [proposal(number, abstract_syntax, EXPLICIT, IMPLICIT) for number, abstract_syntax in contexts]
    requestor.send(request(proposed, maximum_length=requestor_maximum_length))
    carry(requestor, acceptor)
    answers = [result(context.context_id, 0, IMPLICIT) for context in proposed]
    acceptor.send(acceptance(answers, maximum_length=acceptor_maximum_length))
    carry(acceptor, requestor)
    assert requestor.connection.is_established
    assert acceptor.connection.is_established
    assert sorted(requestor.contexts) == sorted(acceptor.contexts) == [context.context_id for context in proposed]
    return requestor, acceptor


DATA, COMMAND, LAST = 0, 1, 2
"""Bits of the message control header (PS3.8 E.2)."""


def pdv(context_id: int, control: int, fragment: bytes) -> bytes:
    """One PDV item of a P-DATA-TF (PS3.8 9.3.5.1)."""
    return pack(">LBB", len(fragment) + 2, context_id, control) + fragment


def p_data(*items: bytes) -> bytes:
    """One P-DATA-TF (PS3.8 9.3.5) of some PDV items."""
    body = b"".join(items)
    return pack(">BxL", 4, len(body)) + body


def element(number: int, value: bytes, *, group: int = 0) -> bytes:
    """One element in implicit VR little endian (PS3.5 7.1.3)."""
    return pack("<HHL", group, number, len(value)) + value


def us(number: int, value: int) -> bytes:
    return element(number, pack("<H", value))


def command_set(*elements: bytes) -> bytes:
    """The elements behind a correct Command Group Length."""
    body = b"".join(elements)
    return element(0x0000, pack("<L", len(body))) + body


def echo_rq(message_id: int = 1, data_set_type: int = 0x0101) -> bytes:
    return command_set(
        element(0x0002, b"1.2.840.10008.1.1\0"), us(0x0100, 0x0030), us(0x0110, message_id), us(0x0800, data_set_type)
    )


def find_rq(message_id: int = 1) -> bytes:
    return command_set(
        element(0x0002, b"1.2.840.10008.5.1.4.1.2.2.1\0"),
        us(0x0100, 0x0020),
        us(0x0110, message_id),
        us(0x0700, 0),
        us(0x0800, 1),
    )


def store_rq(message_id: int = 1) -> bytes:
    return command_set(
        element(0x0002, b"1.2.840.10008.5.1.4.1.1.2\0"),
        us(0x0100, 0x0001),
        us(0x0110, message_id),
        us(0x0700, 0),
        us(0x0800, 1),
        element(0x1000, b"1.2.3\0"),
    )


def cancel_rq(message_id: int = 1, data_set_type: int = 0x0101) -> bytes:
    return command_set(us(0x0100, 0x0FFF), us(0x0120, message_id), us(0x0800, data_set_type))


def response(command_field: int, message_id: int, status: int, data_set_type: int = 0x0101) -> bytes:
    return command_set(
        us(0x0100, command_field | 0x8000), us(0x0120, message_id), us(0x0800, data_set_type), us(0x0900, status)
    )


def whole_command(context_id: int, command: bytes) -> bytes:
    """A command in one P-DATA-TF."""
    return p_data(pdv(context_id, COMMAND | LAST, command))


def whole_data(context_id: int, data: bytes) -> bytes:
    """A data set in one P-DATA-TF."""
    return p_data(pdv(context_id, DATA | LAST, data))
