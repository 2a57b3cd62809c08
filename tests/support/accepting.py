"""Scripted peers that propose or accept verification, and nothing else."""

from __future__ import annotations

from typing import Any

from dicomwire import build_context
from tests.support.adapters import World, done
from tests.support.sessions import proposal, request
from tests.support.streams import ASSOCIATE_AC

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
CONTEXTS = [build_context(VERIFICATION, IMPLICIT)]


def acceptance() -> bytes:
    """ASSOCIATE_AC for :data:`CONTEXTS`."""
    answer = ASSOCIATE_AC.replace(b"\x40\0\0\x011", b"\x40\0\0\x11" + IMPLICIT.encode())
    return answer.replace(b"\x21\0\0\x09", b"\x21\0\0\x19").replace(b"\x02\0\0\0\0\x76", b"\x02\0\0\0\0\x86", 1)


def asking() -> bytes:
    """A request for :data:`CONTEXTS`."""
    return request([proposal(1, VERIFICATION, IMPLICIT)]).encode()


async def accepted(listener: Any) -> Any:
    """A scripted acceptor that has accepted."""
    peer = await listener.accept()
    assert (await peer.pdu())[0] == 1
    await peer.send(acceptance())
    return peer


async def silent_after_acceptance(listener: Any) -> None:
    """An acceptor that accepts, and answers nothing until the peer is gone."""
    peer = await accepted(listener)
    await peer.rest()
    await peer.close()


async def echoed(association: Any) -> Any:
    """The status of a C-ECHO, to be asked for beside the scenario."""
    return await done(association.send_c_echo())


async def requested(world: World, server: Any) -> Any:
    """A scripted requestor that was accepted."""
    peer = await world.connect(server)
    await peer.send(asking())
    assert (await peer.pdu())[0] == 2
    return peer
