"""What is tolerated never depends on who watches."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings, strategies as st

from dicomwire import Limits, evt
from dicomwire.memory import ends
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, MemoryWorld, Recorder, World, done
from tests.support.sessions import (
    IMPLICIT,
    acceptance,
    echo_rq,
    proposal,
    request,
    result,
    store_rq,
    whole_command,
    whole_data,
)
from tests.support.streams import ABORT, RELEASE_RQ

ODD = [0, 2, 254]


@pytest.fixture(params=[False, True], ids=["unwatched", "watched"])
def watcher(request: pytest.FixtureRequest) -> Recorder | None:
    return Recorder() if request.param else None


@pytest.mark.parametrize("context_id", ODD)
async def test_an_even_context_id_is_served(world: World, watcher: Recorder | None, context_id: int) -> None:
    server = await world.serve(watcher.bindings() if watcher else ())
    peer = await world.connect(server)
    await peer.send(request([proposal(context_id, VERIFICATION, IMPLICIT)]).encode())
    assert (await peer.pdu())[:1] == b"\x02"
    await peer.send(whole_command(context_id, echo_rq()))
    assert (await peer.pdu())[:1] == b"\x04"
    (association,) = server.active_associations
    assert [context.context_id for context in association.accepted_contexts] == [context_id]
    await peer.send(RELEASE_RQ)
    assert (await peer.pdu())[:1] == b"\x06"
    await peer.close()
    if watcher:
        (said,) = [event.primitive for event in watcher.of(evt.EVT_ACSE_RECV)][:1]
        assert [context.context_id for context in said.presentation_context_definition_list] == [context_id]


async def test_an_answer_with_an_even_context_id_is_shown_as_it_is(world: World) -> None:
    told = Recorder()
    listener = await world.listen()
    job = world.start(lambda: world.associate(listener, evt_handlers=told.bindings()))
    peer = await listener.accept()
    await peer.pdu()
    await peer.send(acceptance([result(1, 0, IMPLICIT), result(2, 9, ""), result(3, 0, IMPLICIT)]).encode())
    association = await job.result()
    assert association.is_established
    (event,) = told.of(evt.EVT_ACSE_RECV)
    assert [context.context_id for context in event.primitive.presentation_context_definition_results_list] == [1, 2, 3]
    await peer.close()
    await done(association.abort())


async def test_our_own_request_is_shown_beyond_the_limits_for_peers(world: World) -> None:
    told = Recorder()
    ae = world.ae()
    ae.limits = Limits(contexts=1, transfer_syntaxes=1)
    association = await world.associate(await world.serve(), ae=ae, evt_handlers=told.bindings(evt.EVT_PDU_SENT))
    assert len(told.of(evt.EVT_PDU_SENT)[0].pdu.presentation_context) == 2
    # What was accepted is more than this AE takes.
    assert not association.is_established


TEXT = st.text("\0 1.2é/", max_size=70)
CONTEXT = st.builds(
    proposal,
    st.integers(0, 255),
    st.one_of(TEXT, st.sampled_from([VERIFICATION, CT_IMAGE_STORAGE])),
    st.one_of(TEXT, st.just(IMPLICIT)),
)
REQUEST = st.one_of(
    st.lists(CONTEXT, max_size=4).map(lambda contexts: request(contexts).encode()),
    st.just(request([proposal(1, VERIFICATION, IMPLICIT), proposal(3, CT_IMAGE_STORAGE, IMPLICIT)]).encode()),
)
MESSAGE = st.one_of(
    st.integers(0, 4).map(lambda context_id: whole_command(context_id, echo_rq())),
    st.integers(0, 4).map(lambda context_id: whole_command(context_id, store_rq()) + whole_data(context_id, bytes(20))),
    st.sampled_from([RELEASE_RQ, ABORT, request([]).encode(), acceptance([]).encode()]),
)
CHANGE = st.tuples(st.integers(0, 10000), st.integers(0, 255))


def said_to(data: bytes, watcher: Recorder | None) -> tuple[bytes, bool]:
    """What an acceptor says to ``data``, and whether an association was made of it."""
    world = MemoryWorld()
    accepted = Recorder()
    handlers = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_ESTABLISHED, accepted)]
    said: list[bytes] = []

    async def talk() -> None:
        server = await world.serve([*handlers, *(watcher.bindings() if watcher else ())])
        here, there = ends(world.network)
        server.take_up(there, ("memory", 40000))
        here.send(data)
        here.send_eof()
        while True:
            await here.arrival()
            piece = here.receive()
            if not piece:
                break
            said.append(piece)
        here.close()
        await world.until(lambda: not server.active_associations)

    world.run(talk)
    return b"".join(said), bool(accepted.events)


@settings(max_examples=150)
@given(REQUEST, st.lists(MESSAGE, max_size=3), st.lists(CHANGE, max_size=3))
def test_a_peer_hears_the_same_whoever_watches(
    asked: bytes, messages: list[bytes], changes: list[tuple[int, int]]
) -> None:
    data = bytearray(asked + b"".join(messages))
    for at, value in changes:
        data[at % len(data)] = value
    logger = logging.getLogger("dicomwire")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        unwatched = said_to(bytes(data), None)
        logger.setLevel(logging.DEBUG)
        told = Recorder()
        assert said_to(bytes(data), told) == unwatched
    finally:
        logger.setLevel(before)
    assert evt.EVT_CONN_CLOSE in {event.event for event in told.events}
