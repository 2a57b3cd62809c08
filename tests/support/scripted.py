"""Scripted peers that speak DIMSE: whole messages, their commands made and read by hand with pydicom."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any, NamedTuple

from attrs import evolve
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomwire.upper_layer.items import RoleSelectionItem
from dicomwire.upper_layer.pdus import AssociateRQ, decode_pdu
from tests.support.adapters import Peer
from tests.support.sessions import (
    COMMAND,
    DATA,
    IMPLICIT,
    LAST,
    acceptance,
    command_set,
    element,
    p_data,
    pdv,
    proposal,
    request,
    result,
    us,
)

Roles = dict[str, tuple[bool, bool]]
"""SCU and SCP role by SOP class."""


class Said(NamedTuple):
    """A whole message that was read."""

    context_id: int
    command: Dataset
    data: bytes | None

    @property
    def field(self) -> int:
        return int(self.command.CommandField)

    @property
    def status(self) -> int:
        return int(self.command.Status)


async def offering(world: Any, server: Any, *abstract_syntaxes: str, roles: Roles | None = None) -> Peer:
    """A scripted requestor whose contexts 1, 3, ... were accepted with implicit VR."""
    peer: Peer = await world.connect(server)
    asked = request(proposal(2 * index + 1, uid, IMPLICIT) for index, uid in enumerate(abstract_syntaxes))
    await peer.send(with_roles(asked, roles).encode())
    assert (await peer.pdu())[0] == 2
    return peer


async def accepting(listener: Any, *, roles: Roles | None = None, more: bytes = b"") -> Peer:
    """A scripted acceptor that accepts every context with implicit VR, and sends ``more`` at once."""
    peer: Peer = await listener.accept()
    asked = decode_pdu(await peer.pdu())
    assert isinstance(asked, AssociateRQ)
    answer = acceptance(result(context.context_id, 0, IMPLICIT) for context in asked.presentation_context)
    await peer.send(with_roles(answer, roles).encode() + more)
    return peer


def with_roles(pdu: Any, roles: Roles | None) -> Any:
    items = [
        RoleSelectionItem(sop_class_uid=uid, scu_role=scu, scp_role=scp) for uid, (scu, scp) in (roles or {}).items()
    ]
    return evolve(pdu, user_information=(*pdu.user_information, *items))


async def hear(peer: Peer) -> Said:
    """The next whole message, which has to be next."""
    command, data, context_id = b"", b"", 0
    is_complete = False
    while not is_complete:
        pdu = await peer.pdu()
        assert pdu[:1] == b"\x04", f"no message but {pdu!r}"
        at = 6
        while at < len(pdu):
            length, context_id, control = struct.unpack_from(">LBB", pdu, at)
            fragment = pdu[at + 6 : at + 4 + length]
            at += 4 + length
            if control & COMMAND:
                command += fragment
            else:
                data += fragment
            if control & LAST:
                is_complete = not control & COMMAND or _read(command).CommandDataSetType == 0x0101
    read = _read(command)
    return Said(context_id, read, None if read.CommandDataSetType == 0x0101 else data)


def _read(command: bytes) -> Dataset:
    return dcmread(BytesIO(command), force=True)


def say(context_id: int, field: int, *elements: bytes, data: bytes | None = None) -> bytes:
    """A whole message in one PDU: ``elements`` follow Command Field; those of lower tags go in front."""
    has = us(0x0800, 0x0101 if data is None else 1)
    parts = sorted([us(0x0100, field), has, *elements], key=lambda part: struct.unpack_from("<HH", part))
    message = [pdv(context_id, COMMAND | LAST, command_set(*parts))]
    if data is not None:
        message.append(pdv(context_id, DATA | LAST, data))
    return p_data(*message)


def uid(number: int, value: str) -> bytes:
    """A UID element."""
    return element(number, value.encode() + b"\0" * (len(value) & 1))


def ask(
    context_id: int, field: int, sop_class: str, *elements: bytes, message_id: int = 1, data: bytes | None = None
) -> bytes:
    """A request that names its SOP class as affected."""
    return say(context_id, field, uid(0x0002, sop_class), us(0x0110, message_id), *elements, data=data)


def reply(
    context_id: int, field: int, status: int, *elements: bytes, message_id: int = 1, data: bytes | None = None
) -> bytes:
    """The response to the request with that command field."""
    return say(context_id, field | 0x8000, us(0x0120, message_id), us(0x0900, status), *elements, data=data)
