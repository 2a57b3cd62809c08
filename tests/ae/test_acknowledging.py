"""A peer that writes its messages in pieces is acknowledged at once; one that does not costs nothing."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from dicomwire import build_context, evt
from tests.support.accepting import CONTEXTS, IMPLICIT, acceptance, asking
from tests.support.adapters import CT_IMAGE_STORAGE, World, done
from tests.support.finding import collect, match
from tests.support.scripted import accepting, hear, offering, reply
from tests.support.sessions import STUDY_ROOT_FIND, echo_rq, element, store_rq, whole_command, whole_data
from tests.support.storing import instance
from tests.support.streams import RELEASE_RP, RELEASE_RQ

pytestmark = pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="this system has no TCP_QUICKACK")

DATA = element(0x0020, b"A ", group=0x0010)
"""A data set."""

QUICKACK = getattr(socket, "TCP_QUICKACK", -1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One more for each time that a socket is asked to acknowledge at once."""
    times: list[int] = []
    set_option = socket.socket.setsockopt

    def setsockopt(self: socket.socket, level: int, option: int, *value: Any) -> None:
        set_option(self, level, option, *value)
        if (level, option) == (socket.IPPROTO_TCP, QUICKACK):
            times.append(self.fileno())

    monkeypatch.setattr(socket.socket, "setsockopt", setsockopt, raising=False)
    return times


async def in_pieces(world: World, peer: Any, data: bytes, asked: list[int]) -> None:
    """Send as Nagle's algorithm does: the second piece when the first has been acknowledged."""
    before = len(asked)
    await peer.send(data[:8])
    await world.until(lambda: len(asked) > before)
    await peer.send(data[8:])


async def test_a_requestor_acknowledges_each_piece(socket_world: World, asked: list[int]) -> None:
    listener = await socket_world.listen()

    async def answer() -> None:
        peer = await listener.accept()
        assert (await peer.pdu())[0] == 1
        await in_pieces(socket_world, peer, acceptance(), asked)
        for message_id in (1, 2):
            assert (await peer.pdu())[0] == 4
            await in_pieces(socket_world, peer, reply(1, 0x0030, 0x0000, message_id=message_id), asked)
        assert (await peer.pdu())[0] == 5
        await in_pieces(socket_world, peer, RELEASE_RP, asked)

    job = socket_world.start(answer)
    association = await socket_world.associate(listener, contexts=CONTEXTS)
    for message_id in (1, 2):
        assert (await done(association.send_c_echo(msg_id=message_id))).Status == 0
    await done(association.release())
    await job.result()
    assert association.is_released


async def test_an_acceptor_acknowledges_each_piece(socket_world: World, asked: list[int]) -> None:
    server = await socket_world.serve(contexts=CONTEXTS)
    peer = await socket_world.connect(server)
    await in_pieces(socket_world, peer, asking(), asked)
    assert (await peer.pdu())[0] == 2
    for message_id in (1, 2):
        await in_pieces(socket_world, peer, whole_command(1, echo_rq(message_id)), asked)
        assert (await peer.pdu())[0] == 4
    await in_pieces(socket_world, peer, RELEASE_RQ, asked)
    assert (await peer.pdu())[0] == 6
    await peer.close()


async def test_a_data_set_that_follows_is_waited_for_in_the_same_way(socket_world: World, asked: list[int]) -> None:
    """Its command is whole, and no answer to that is due."""
    server = await socket_world.serve([(evt.EVT_C_STORE, lambda event: 0x0000)])
    peer = await offering(socket_world, server, CT_IMAGE_STORAGE)
    before = len(asked)
    await peer.send(whole_command(1, store_rq()))
    await socket_world.until(lambda: len(asked) > before)
    await in_pieces(socket_world, peer, whole_data(1, DATA), asked)
    assert (await hear(peer)).status == 0
    await peer.close()


async def test_the_next_of_many_responses_is_waited_for_in_the_same_way(socket_world: World, asked: list[int]) -> None:
    """A peer that writes each in one piece holds back the second all the same."""
    listener = await socket_world.listen()

    async def answer() -> None:
        peer = await accepting(listener)
        await hear(peer)
        for _ in range(3):
            del asked[:]
            await peer.send(reply(1, 0x0020, 0xFF00, data=DATA))
            await socket_world.until(lambda: asked)
        await peer.send(reply(1, 0x0020, 0x0000))
        await peer.close()

    job = socket_world.start(answer)
    association = await socket_world.associate(listener, contexts=[build_context(STUDY_ROOT_FIND, IMPLICIT)])
    found = await collect(association.send_c_find(match("*"), STUDY_ROOT_FIND))
    await job.result()
    assert [status for status, _ in found] == [0xFF00, 0xFF00, 0xFF00, 0x0000]


async def test_messages_that_come_in_one_piece_cost_nothing(socket_world: World, asked: list[int]) -> None:
    association = await socket_world.join([(evt.EVT_C_STORE, lambda event: 0x0000)])
    del asked[:]
    for _ in range(20):
        assert (await done(association.send_c_echo())).Status == 0
    for _ in range(5):
        assert (await done(association.send_c_store(instance()))).Status == 0
    assert asked == []
    await done(association.release())
