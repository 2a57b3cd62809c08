"""Bytes now and then put off no deadline, in no phase, on neither side, in no adapter."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from dicomwire import Timeouts, build_context
from tests.support.adapters import LOCALHOST, VERIFICATION, MemoryWorld, World, done, port_of
from tests.support.certificates import self_signed
from tests.support.dripping import TLSPeer, drip
from tests.support.flags import ABORTED, RELEASED, flags
from tests.support.scripted import accepting, offering
from tests.support.sessions import IMPLICIT, pdv, proposal, request

SHORT = 0.2
"""Seconds of the deadline where time passes."""

SECONDS = 5.0
"""The same in memory."""

P_DATA_OF_4000 = bytes.fromhex("04 00 00000FA0 00000F9C 01 01")
REQUEST_OF_4000 = bytes.fromhex("01 00 00000FA0 0001 0000")
ACCEPTANCE_OF_4000 = bytes.fromhex("02 00 00000FA0 0001 0000")
TINY_FRAGMENT = b"\4\0\0\0\0\7" + pdv(1, 1, b"\0")
"""A whole P-DATA-TF with a byte of a command that never ends."""

GARBAGE = b"\x55"


def seconds(world: World) -> float:
    return SECONDS if isinstance(world, MemoryWorld) else SHORT


def only(world: World, *names: str) -> Timeouts:
    """Timeouts of which only these end anything, and then ``close``, as the peer does not."""
    patient = dict.fromkeys(("artim", "associate", "progress", "response", "idle", "release"), 500.0)
    return Timeouts(**(patient | dict.fromkeys((*names, "close"), seconds(world))))


def check(world: World, began: float) -> None:
    """In memory it is known how long it took: the deadline, ``close``, and a second for the byte before it."""
    if isinstance(world, MemoryWorld):
        assert world.network.now - began <= 2 * SECONDS + 2.0


def now(world: World) -> float:
    return world.network.now if isinstance(world, MemoryWorld) else 0.0


@frozen
class Phase:
    """What a peer drips to an acceptor, and which deadline ends it."""

    deadline: str
    data: bytes
    is_established: bool = True
    before: bytes = b""


PHASES = {
    "request": Phase("artim", REQUEST_OF_4000, is_established=False),
    "partial PDU": Phase("progress", P_DATA_OF_4000),
    "tiny PDUs": Phase("progress", TINY_FRAGMENT),
    "close": Phase("close", GARBAGE, before=GARBAGE),
}


@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
async def test_to_an_acceptor(world: World, phase: Phase) -> None:
    entity = world.ae("SERVER")
    entity.timeouts = only(world, phase.deadline)
    server = await world.serve(ae=entity)
    if phase.is_established:
        peer = await offering(world, server, VERIFICATION)
        await peer.send(phase.before)
    else:
        peer = await world.connect(server)
    began = now(world)
    said = await drip(world, peer, phase.data)
    # Whoever has an association hears of its end.
    assert said[:1] == (b"\7" if phase.is_established else b"")
    check(world, began)


async def _answer(world: World, entity: Any, listener: Any) -> tuple[Any, bytes]:
    """An association whose answer drips."""

    async def answer() -> bytes:
        peer = await listener.accept()
        await peer.pdu()
        return await drip(world, peer, ACCEPTANCE_OF_4000)

    peer = world.start(answer)
    contexts = [_verification()]
    association = await done(entity.associate(LOCALHOST, port_of(listener), contexts=contexts))
    return association, await peer.result()


def _verification() -> Any:
    return build_context(VERIFICATION)


async def _operation(world: World, entity: Any, listener: Any, data: bytes, perform: Callable[[Any], Any]) -> Any:
    """An association with a peer that accepts it, and drips when the next PDU comes."""

    async def answer() -> bytes:
        peer = await accepting(listener)
        await peer.pdu()
        return await drip(world, peer, data)

    peer = world.start(answer)
    association = await done(entity.associate(LOCALHOST, port_of(listener), contexts=[_verification()]))
    await done(perform(association))
    return association, await peer.result()


@pytest.mark.parametrize(
    ("deadline", "phase", "data"),
    [
        pytest.param("associate", "answer", b"", id="answer"),
        pytest.param("response", "echo", P_DATA_OF_4000, id="partial response"),
        pytest.param("progress", "echo", P_DATA_OF_4000, id="partial PDU"),
        pytest.param("response", "echo", TINY_FRAGMENT, id="tiny PDUs"),
        pytest.param("release", "release", b"\4\0\0\0\0\7" + pdv(1, 3, b"\0"), id="commands instead of the release"),
        pytest.param("release", "release", P_DATA_OF_4000, id="partial PDU instead of the release"),
        pytest.param("close", "abort", TINY_FRAGMENT, id="after our abort"),
    ],
)
async def test_to_a_requestor(world: World, deadline: str, phase: str, data: bytes) -> None:
    entity, listener = world.ae("CLIENT"), await world.listen()
    entity.timeouts = only(world, deadline)
    began = now(world)
    if phase == "answer":
        association, said = await _answer(world, entity, listener)
    else:
        perform = {"echo": "send_c_echo", "release": "release", "abort": "abort"}[phase]
        association, said = await _operation(
            world, entity, listener, data, lambda association: getattr(association, perform)()
        )
    assert flags(association) in (ABORTED, RELEASED)
    assert phase == "abort" or said[:1] == b"\7"
    check(world, began)


# -- TLS -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(self_signed(tmp_path))
    return made


RECORD = bytes.fromhex("16 0301 4000 01 003ffc") + bytes(1000)
"""The beginning of a handshake record of 16 KiB."""


async def test_in_the_tls_handshake_to_an_acceptor(socket_world: World, context: ssl.SSLContext) -> None:
    entity = socket_world.ae("SERVER")
    entity.timeouts = only(socket_world, "handshake")
    server = await socket_world.serve(ae=entity, ssl_context=context)
    await drip(socket_world, await socket_world.connect(server), RECORD)
    await socket_world.until(lambda: not len(entity.half_open))
    assert not server.active_associations


async def test_in_the_tls_handshake_to_a_requestor(socket_world: World) -> None:
    entity, listener = socket_world.ae("CLIENT"), await socket_world.listen()
    entity.timeouts = only(socket_world, "handshake")

    async def answer() -> bytes:
        return await drip(socket_world, await listener.accept(), bytes.fromhex("16 0303 4000 02 003ffc") + bytes(1000))

    peer = socket_world.start(answer)
    association = await done(
        entity.associate(
            LOCALHOST, port_of(listener), contexts=[_verification()], tls_args=(ssl.create_default_context(), "x")
        )
    )
    await peer.result()
    assert flags(association) == ABORTED
    assert association.failure


@pytest.mark.parametrize("data", [b"", P_DATA_OF_4000], ids=["stalls", "drips"])
@pytest.mark.parametrize("is_established", [False, True], ids=["request", "partial PDU"])
async def test_over_tls(socket_world: World, context: ssl.SSLContext, is_established: bool, data: bytes) -> None:
    entity = socket_world.ae("SERVER")
    entity.timeouts = only(socket_world, "progress" if is_established else "artim")
    server = await socket_world.serve(ae=entity, ssl_context=context)
    asked = request([proposal(1, VERIFICATION, IMPLICIT)]).encode()
    begins = asked if is_established else asked[:-1]
    rest = data or P_DATA_OF_4000
    if is_established:
        # A stall in the middle of a PDU.
        begins, data = begins + rest, data and bytes(1)
    elif data:
        begins, data = REQUEST_OF_4000, bytes(1)
    peer = TLSPeer(port_of(server), begins, is_established, data)
    await socket_world.until(peer.has_ended, 30.0)
    assert peer.closed
    await socket_world.until(lambda: not server.active_associations)
