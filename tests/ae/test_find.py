"""C-FIND and C-CANCEL: what is sent, what is answered, how it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import build_context, evt
from dicomwire.dsutils import encode
from dicomwire.status import code_to_status
from tests.support.adapters import VERIFICATION, Recorder, SocketPeer, World, done, reset
from tests.support.finding import (
    EMPTY,
    FIND,
    MATCH,
    advance,
    collect,
    done_all,
    joined,
    match,
    raising,
    unencodable,
    yielding,
)
from tests.support.scripted import accepting, hear, reply, uid
from tests.support.sessions import element, find_rq, proposal, request, whole_command, whole_data
from tests.support.streams import ABORT, RELEASE_RQ

REPOSITORY = "1.2.840.10008.5.1.4.1.1.201.6"
WORKLIST = "1.2.840.10008.5.1.4.31"
RELEVANT_PATIENT = "1.2.840.10008.5.1.4.37.1"
SUBSTANCE = "1.2.840.10008.5.1.4.42"
UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
UPS_PULL = "1.2.840.10008.5.1.4.34.6.3"


ROWS = [
    pytest.param(yielding((0xFF00, match())), [0xFF00, 0x0000], id="pending, exhausted"),
    pytest.param(yielding((0xFF01, match())), [0xFF01, 0x0000], id="pending with a remark"),
    pytest.param(yielding((code_to_status(0xFF00), match())), [0xFF00, 0x0000], id="status as a data set"),
    pytest.param(yielding(), [0x0000], id="no match"),
    pytest.param(lambda event: None, [0x0000], id="None"),
    pytest.param(lambda event: [(0xFF00, match()), (0xFF00, match())], [0xFF00, 0xFF00, 0x0000], id="a list"),
    pytest.param(yielding((0xFF00, None), (0xFF00, match())), [0xC312], id="no identifier"),
    pytest.param(yielding((0xFF00, EMPTY)), [0xC312], id="an empty identifier"),
    pytest.param(yielding((0xFF00, unencodable())), [0xC312], id="cannot be encoded"),
    pytest.param(yielding((0x0000, None), (0xFF00, match())), [0x0000], id="success ends"),
    pytest.param(yielding((0xA700, None), (0xFF00, match())), [0xA700], id="failure ends"),
    pytest.param(yielding((0xFE00, None), (0xFF00, match())), [0xFE00], id="cancel ends"),
    pytest.param(yielding((0xFFF0, None), (0xFF00, match())), [0xFFF0], id="unknown ends"),
    # Only a repository query goes on after it: for everybody else it is the last response.
    pytest.param(yielding((0xFF00, match()), (0xB001, None), (0xFF00, match())), [0xFF00, 0xB001], id="warning ends"),
    pytest.param(yielding((0xFF00, b"")), [0xC312], id="no bytes"),
    pytest.param(yielding((0xFF00, 7)), [0xC312], id="no data set but a number"),
    pytest.param(yielding((Dataset(), None)), [0xC001], id="no Status"),
    pytest.param(yielding(("x", None)), [0xC002], id="no status at all"),
    pytest.param(yielding(ValueError("no")), [0xC311], id="raises at once"),
    pytest.param(yielding((0xFF00, match()), ValueError("no")), [0xFF00, 0xC311], id="raises later"),
    pytest.param(raising, [0xC311], id="the call raises"),
    pytest.param(None, [0xC311], id="unbound"),
    pytest.param(yielding(7), [0xC311], id="no pair"),
    pytest.param(lambda event: 7, [0xC311], id="nothing to iterate"),
]


@pytest.mark.parametrize(("handler", "statuses"), ROWS)
async def test_what_the_handler_yields_is_answered(world: World, handler: Any, statuses: list[int]) -> None:
    association = await joined(world, handler)
    responses = await collect(association.send_c_find(match("*"), FIND))
    assert [status for status, _ in responses] == statuses
    for status, identifier in responses:
        assert (identifier is not None) is (status in (0xFF00, 0xFF01))
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


async def test_the_handler_sees_the_query_and_the_caller_the_matches(world: World) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        seen.append((event.identifier.PatientName, event.message_id, event.request.Priority, event.is_cancelled))
        yield 0xFF00, match("Doe^Jane")

    association = await joined(world, handler)
    responses = await collect(association.send_c_find(match("D*"), FIND, msg_id=9, priority=1))
    assert seen == [("D*", 9, 1, False)]
    assert responses[0][1].PatientName == "Doe^Jane"
    await done(association.release())


async def test_identifiers_may_be_encoded_already(world: World) -> None:
    data = encode(match("Doe^John"), True, True)
    association = await joined(world, lambda event: [(0xFF00, data)])
    responses = await collect(association.send_c_find(data, FIND))
    assert responses[0][1].PatientName == "Doe^John"
    await done(association.release())


async def test_handlers_may_be_asynchronous(async_world: World) -> None:
    async def generator(event: evt.Event) -> AsyncIterator[Any]:
        yield 0xFF00, match()
        yield 0xFF00, match()

    async def coroutine(event: evt.Event) -> list[Any]:
        return [(0xFF00, match())]

    for handler, count in ((generator, 2), (coroutine, 1)):
        association = await joined(async_world, handler)
        responses = await collect(association.send_c_find(match(), FIND))
        assert [status for status, _ in responses] == [0xFF00] * count + [0]
        await done(association.release())


async def test_a_relevant_patient_query_has_one_match_at_most(world: World) -> None:
    closed: list[bool] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        try:
            yield 0xFF00, match("A")
            yield 0xFF00, match("B")
        finally:
            closed.append(True)

    association = await joined(world, handler, RELEVANT_PATIENT)
    responses = await collect(association.send_c_find(match(), RELEVANT_PATIENT))
    assert [status for status, _ in responses] == [0xFF00, 0x0000]
    assert closed == [True]
    await done(association.release())


async def test_a_repository_query_goes_on_after_its_warning(world: World) -> None:
    association = await joined(world, yielding((0xFF00, match()), (0xB001, None), (0xFF00, match())), REPOSITORY)
    responses = await collect(association.send_c_find(match(), REPOSITORY))
    assert [status for status, _ in responses] == [0xFF00, 0xB001, 0xFF00, 0x0000]
    await done(association.release())


async def test_a_repository_query_can_be_cancelled_after_its_warning(world: World) -> None:
    def handler(event: evt.Event) -> Iterator[Any]:
        yield 0xB001, None
        for _ in range(100000):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, match()

    association = await joined(world, handler, REPOSITORY)
    responses = await done(association.send_c_find(match(), REPOSITORY, msg_id=3))
    assert (await advance(responses))[0].Status == 0xB001
    await done(association.send_c_cancel(3, query_model=REPOSITORY))
    assert (await collect(responses))[-1] == (0xFE00, None)
    await done(association.release())


@pytest.mark.parametrize("model", [WORKLIST, SUBSTANCE, UPS_PULL])
async def test_other_services_are_queried_too(world: World, model: str) -> None:
    association = await joined(world, yielding((0xFF00, match())), model)
    responses = await collect(association.send_c_find(match(), model))
    assert [status for status, _ in responses] == [0xFF00, 0x0000]
    await done(association.release())


async def test_ups_push_may_use_the_context_of_another_ups_class(world: World) -> None:
    association = await joined(world, yielding((0xFF00, match())), UPS_PULL)
    assert len(await collect(association.send_c_find(match(), UPS_PUSH))) == 2
    await done(association.release())


async def test_cancel_from_inside_the_loop_is_seen_by_the_handler(world: World) -> None:
    asked: list[bool] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        for _ in range(100000):
            if event.is_cancelled:
                asked.append(event.is_cancelled)
                yield 0xFE00, None
                return
            yield 0xFF00, match()

    association = await joined(world, handler)
    responses = await done(association.send_c_find(match(), FIND, msg_id=3))
    statuses = []
    while (item := await advance(responses)) is not None:
        statuses.append(item[0].Status)
        if len(statuses) == 1:
            await done(association.send_c_cancel(3, query_model=FIND))
    assert statuses[-1] == 0xFE00
    assert set(statuses[:-1]) == {0xFF00}
    assert asked == [True]
    await done(association.release())


async def test_a_cancel_for_another_request_does_not_hide_the_right_one(world: World) -> None:
    async def find(event: evt.Event) -> AsyncIterator[Any]:
        yield 0xFF00, match()
        await world.until(lambda: event.is_cancelled)
        yield 0xFE00, None

    association = await joined(world, find)
    responses = await done(association.send_c_find(match(), FIND, msg_id=7))
    assert (await advance(responses))[0].Status == 0xFF00
    await done(association.send_c_cancel(5, query_model=FIND))
    await done(association.send_c_cancel(7, query_model=FIND))
    assert [status for status, _ in await collect(responses)] == [0xFE00]
    await done(association.release())


async def test_an_iterator_may_be_left_early(world: World) -> None:
    def handler(event: evt.Event) -> Iterator[Any]:
        for _ in range(1000):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, match()

    association = await joined(world, handler)
    responses = await done(association.send_c_find(match(), FIND))
    await advance(responses)
    del responses
    assert (await done(association.send_c_echo(msg_id=2))).Status == 0
    assert len(await collect(association.send_c_find(match(), FIND))) > 1
    await done(association.release())


async def test_a_request_while_an_iterator_is_open_is_refused(world: World) -> None:
    association = await joined(world, yielding((0xFF00, match()), (0xFF00, match())))
    responses = await done(association.send_c_find(match(), FIND))
    await advance(responses)
    with pytest.raises(RuntimeError):
        await done(association.send_c_echo(msg_id=2))
    assert [status for status, _ in await collect(responses)] == [0xFF00, 0x0000]
    assert (await done(association.send_c_echo(msg_id=2))).Status == 0
    await done(association.release())


async def test_the_request_is_sent_at_the_call(world: World) -> None:
    called = world.signal()

    def handler(event: evt.Event) -> Any:
        called.set()
        return []

    association = await joined(world, handler)
    responses = await done(association.send_c_find(match(), FIND))
    await called.wait()
    assert [status for status, _ in await collect(responses)] == [0]
    await done(association.release())


async def test_bad_arguments_are_refused_and_the_association_stays(world: World) -> None:
    association = await joined(world, yielding())
    for arguments, kind in (
        ((match(), FIND, -1), ValueError),
        ((match(), FIND, "1"), TypeError),
        ((match(), FIND, 1, 3), ValueError),
        ((match(), "P"), ValueError),
        ((match(), WORKLIST), ValueError),
        ((unencodable(), FIND), ValueError),
    ):
        with pytest.raises(kind):
            await done(association.send_c_find(*arguments))
    with pytest.raises(ValueError, match="query_model"):
        await done(association.send_c_cancel(1))
    with pytest.raises(ValueError, match="context"):
        await done(association.send_c_cancel(1, context_id=99))
    with pytest.raises(TypeError):
        await done(association.send_c_cancel("1", query_model=FIND))
    assert [status for status, _ in await collect(association.send_c_find(match(), FIND))] == [0]
    await done(association.release())
    with pytest.raises(RuntimeError):
        await done(association.send_c_find(match(), FIND))
    with pytest.raises(RuntimeError):
        await done(association.send_c_cancel(1, query_model=FIND))


async def test_a_timeout_ends_the_iterator_with_an_empty_status(world: World) -> None:
    async def script(peer: Any) -> None:
        await peer.send(reply(1, 0x0020, 0xFF00, data=MATCH))
        assert await peer.pdu() == ABORT

    async with asking(world, script) as association:
        association.dimse_timeout = 0.05
        assert [status for status, _ in await collect(association.send_c_find(match(), FIND))] == [0xFF00, None]
        assert association.is_aborted


async def test_an_abort_ends_the_handler_and_the_iterator(world: World) -> None:
    closed = world.signal()
    seen = Recorder()

    def handler(event: evt.Event) -> Iterator[Any]:
        try:
            for _ in range(1000000):
                yield 0xFF00, match()
        finally:
            closed.set()

    association = await joined(world, handler, evt_handlers=seen.bindings(evt.EVT_ABORTED))
    responses = await done(association.send_c_find(match(), FIND))
    await advance(responses)
    await done(association.abort())
    left = await collect(responses)
    assert left[-1] == (None, None)
    await closed.wait()
    assert seen.names == ["ABORTED"]


async def test_an_async_generator_may_ask_whether_it_is_cancelled_in_every_adapter(world: World) -> None:
    asked: list[bool] = []

    async def find(event: evt.Event) -> AsyncIterator[Any]:
        asked.append(event.is_cancelled)
        yield 0xFF00, match()

    association = await joined(world, find)
    assert [status for status, _ in await collect(association.send_c_find(match(), FIND))] == [0xFF00, 0x0000]
    assert asked == [False]
    await done(association.release())


# -- a scripted SCP -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def asking(world: World, script: Any) -> AsyncIterator[Any]:
    """An association with a scripted SCP, which plays its part when the query has come."""
    listener = await world.listen()

    async def peer() -> None:
        other = await accepting(listener)
        said = await hear(other)
        assert said.field == 0x0020
        await script(other)
        await other.rest()
        await other.close()

    job = world.start(peer)
    association = await world.associate(listener, contexts=[build_context(FIND)])
    yield association
    await done(association.abort())
    await job.result()


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        pytest.param(
            [reply(1, 0x0020, 0xFF00, data=b"\xff" * 8), reply(1, 0x0020, 0xFF01, data=MATCH), reply(1, 0x0020, 0)],
            [(0xFF00, None), (0xFF01, match("A")), (0, None)],
            id="an identifier that cannot be decoded",
        ),
        pytest.param(
            [reply(1, 0x0020, 0xFF00), reply(1, 0x0020, 0, data=MATCH)],
            [(0xFF00, Dataset()), (0, None)],
            id="an identifier where it should not be",
        ),
        pytest.param([reply(1, 0x0020, 0xB001)], [(0xB001, None)], id="a warning ends"),
        pytest.param([reply(1, 0x0020, 0xFFF0)], [(0xFFF0, None)], id="unknown ends"),
        pytest.param(
            [reply(1, 0x0020, 0xFF00, data=MATCH, message_id=9), reply(1, 0x0020, 0xA700)],
            [(0xA700, None)],
            id="to another message",
        ),
        pytest.param([reply(1, 0x0020, 0xFF00, data=MATCH), ABORT], [(0xFF00, match("A")), (None, None)], id="abort"),
        pytest.param([RELEASE_RQ], [(None, None)], id="release"),
        pytest.param([reply(1, 0x0010, 0x0000)], [(None, None)], id="to another kind of request"),
        pytest.param([b"nonsense"], [(None, None)], id="nonsense"),
    ],
)
async def test_responses_are_interpreted_as_documented(
    world: World, responses: list[bytes], expected: list[tuple[Any, Any]]
) -> None:
    async def script(peer: Any) -> None:
        await peer.send(b"".join(responses))

    async with asking(world, script) as association:
        assert await collect(association.send_c_find(match(), FIND)) == expected


async def test_the_status_comes_with_its_optional_elements(world: World) -> None:
    async def script(peer: Any) -> None:
        elements = [element(0x0901, b"\x10\0\x20\0\x10\0\x10\0"), element(0x0902, b"no luck ")]
        await peer.send(reply(1, 0x0020, 0xA900, uid(0x0002, FIND), *elements))

    async with asking(world, script) as association:
        (status,) = [status for status, _ in await done_all(association.send_c_find(match(), FIND))]
        assert {item.keyword for item in status} == {"Status", "OffendingElement", "ErrorComment"}
        assert (status.OffendingElement, status.ErrorComment) == ([0x00100020, 0x00100010], "no luck")


async def test_a_handler_is_stopped_when_its_peer_is_gone_and_everybody_else_goes_on(socket_world: World) -> None:
    """Nothing can be written any more; still the end has to be seen, which event loops see when they may run."""
    closed = socket_world.signal()
    numbers = iter(range(5000))
    peers: list[SocketPeer] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        try:
            yield 0xFF00, match()
            # The next response cannot be written, and no event loop has run since.
            reset(peers[0].sock)
            for _ in numbers:
                yield 0xFF00, match()
        finally:
            closed.set()

    contexts = [build_context(FIND, "1.2.840.10008.1.2"), build_context(VERIFICATION)]
    server = await socket_world.serve([(evt.EVT_C_FIND, handler)], contexts=contexts)
    peer = await socket_world.connect(server)
    assert isinstance(peer, SocketPeer)
    peers.append(peer)
    await peer.send(request([proposal(1, FIND, "1.2.840.10008.1.2")]).encode())
    assert (await peer.pdu())[0] == 2
    await peer.send(whole_command(1, find_rq()) + whole_data(1, bytes.fromhex("1000100002000000 4120")))
    await closed.wait()
    assert next(numbers, None) is not None
    association = await socket_world.associate(server, contexts=contexts)
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())
