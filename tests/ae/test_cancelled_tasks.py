"""A task that is cancelled in the middle of anything aborts its association and leaves nothing behind."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from dicomwire import build_context, build_role, evt
from dicomwire.memory import Cancelled
from dicomwire.pdu_primitives import A_ABORT
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, Recorder, World, done, port_of
from tests.support.cancelling import cancelled_after
from tests.support.finding import FIND, MATCH, advance, match
from tests.support.flags import ABORTED, flags
from tests.support.getting import GET, PENDING, A, uid
from tests.support.moving import MOVE
from tests.support.normalized import FILM_SESSION
from tests.support.scripted import accepting, ask, hear, offering, reply, uid as uid_element
from tests.support.sessions import element, us
from tests.support.storing import instance
from tests.support.streams import ABORT

MODELS = (VERIFICATION, CT_IMAGE_STORAGE, FIND, GET, MOVE, FILM_SESSION)
CONTEXTS = [build_context(model) for model in MODELS]
STORE_RQ = ask(3, 0x0001, CT_IMAGE_STORAGE, us(0x0700, 0), uid_element(0x1000, uid(0)), data=b"")


async def exhaust(responses: Any) -> None:
    async for _ in await responses:
        pass


FILM = FILM_SESSION, "1.2.3"
OPERATIONS: dict[str, Any] = {
    "echo": lambda association: association.send_c_echo(),
    "store": lambda association: association.send_c_store(instance()),
    "store many": lambda association: exhaust(association.send_c_store_many([instance()] * 3)),
    "find": lambda association: exhaust(association.send_c_find(match(), FIND)),
    "get": lambda association: exhaust(association.send_c_get(match(), GET)),
    "move": lambda association: exhaust(association.send_c_move(match(), "DEST", MOVE)),
    "action": lambda association: association.send_n_action(None, 1, *FILM),
    "create": lambda association: association.send_n_create(None, *FILM),
    "delete": lambda association: association.send_n_delete(*FILM),
    "event report": lambda association: association.send_n_event_report(None, 1, *FILM),
    "get attributes": lambda association: association.send_n_get([], *FILM),
    "set": lambda association: association.send_n_set(match(), *FILM),
    "release": lambda association: association.release(),
}

SCRIPTS: dict[str, bytes] = {
    "find, iterated": reply(5, 0x0020, PENDING, data=MATCH),
    "get, iterated": reply(7, 0x0010, PENDING),
    "move, iterated": reply(9, 0x0021, PENDING),
    "get, with an instance": STORE_RQ,
}
"""What the peer answers before it falls silent."""


@pytest.mark.parametrize("name", [*OPERATIONS, *SCRIPTS])
async def test_cancelling_an_operation_aborts_and_frees_everything(loop_world: World, name: str) -> None:
    started, never = loop_world.signal(), loop_world.signal()
    listener = await loop_world.listen()

    async def peer() -> bytes:
        other = await accepting(listener, roles={CT_IMAGE_STORAGE: (True, True)})
        if name == "release":
            await other.pdu()
        else:
            await hear(other)
        if name in SCRIPTS:
            await other.send(SCRIPTS[name])
        if name != "get, with an instance":
            started.set()
        rest = await other.rest()
        await other.close()
        return rest

    async def store(event: evt.Event) -> int:
        started.set()
        await never.wait()
        return 0

    job = loop_world.start(peer)
    ae = loop_world.ae()
    told = Recorder()
    association = await ae.associate(
        LOCALHOST,
        port_of(listener),
        contexts=CONTEXTS,
        ext_neg=[build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, store), *told.bindings(evt.EVT_ABORTED, evt.EVT_CONN_CLOSE)],
    )

    async def work() -> None:
        await OPERATIONS[name.split(",")[0]](association)

    await cancelled_after(loop_world, work, started)
    assert (await job.result())[-10:] == ABORT
    assert flags(association) == ABORTED
    assert ae.active_associations == []
    assert sorted(told.names) == ["ABORTED", "CONN_CLOSE"]
    with pytest.raises(RuntimeError):
        await association.send_c_echo()
    # An iterator that was left in the middle does no harm either.
    gc.collect()


async def test_cancelling_a_store_that_nobody_reads_frees_everything(loop_world: World) -> None:
    started = loop_world.signal()
    listener = await loop_world.listen()

    async def peer() -> None:
        other = await accepting(listener)
        await other.read(100000)
        started.set()

    job = loop_world.start(peer)
    ae = loop_world.ae()
    association = await ae.associate(LOCALHOST, port_of(listener), contexts=CONTEXTS)
    large = instance()
    large.PixelData = bytes(64 << 20)
    large["PixelData"].VR = "OW"

    async def work() -> None:
        await association.send_c_store(large)

    await cancelled_after(loop_world, work, started)
    await job.result()
    assert flags(association) == ABORTED
    assert ae.active_associations == []


async def test_cancelling_who_waits_for_another_users_turn_harms_nobody_or_aborts(loop_world: World) -> None:
    """One user waits for a response, another one for its turn; the second is cancelled."""
    started, go_on = loop_world.signal(), loop_world.signal()

    async def echo(event: evt.Event) -> int:
        started.set()
        await go_on.wait()
        return 0

    association = await loop_world.join([(evt.EVT_C_ECHO, echo)])
    first = loop_world.start(association.send_c_echo)
    await started.wait()
    waiting = loop_world.signal()

    async def work() -> None:
        waiting.set()
        await association.send_c_echo(msg_id=2)

    await cancelled_after(loop_world, work, waiting)
    go_on.set()
    status = await first.result()
    if association.is_established:
        assert status.Status == 0
        assert (await association.send_c_echo(msg_id=3)).Status == 0
        await association.release()
    else:
        assert flags(association) == ABORTED


# -- serving ------------------------------------------------------------------------------------------------------
async def start_and_cancel(
    world: World, ae: Any, started: Any, contexts: list[Any], handlers: list[Any], use: Any
) -> None:
    """Serve until a request is in the middle, then cancel who serves."""
    servers: list[Any] = []

    async def serve() -> None:
        server = await ae.start_server((LOCALHOST, 0), block=False, evt_handlers=handlers, contexts=contexts)
        async with server:
            servers.append(server)
            await server.serve_forever()

    async def client() -> Any:
        await world.until(lambda: servers)
        return await use(servers[0])

    job = world.start(client)
    await cancelled_after(world, serve, started)
    await job.result()
    assert ae.active_associations == []


@pytest.mark.parametrize("service", ["echo", "find", "find, async generator", "get", "store"])
async def test_cancelling_a_server_ends_its_handlers_and_aborts(loop_world: World, service: str) -> None:
    started, never = loop_world.signal(), loop_world.signal()
    ended: list[str] = []

    async def wait(event: evt.Event) -> Any:
        try:
            started.set()
            await never.wait()
        finally:
            ended.append("handler")

    async def matches(event: evt.Event) -> AsyncIterator[Any]:
        try:
            yield PENDING, match()
            started.set()
            await never.wait()
        finally:
            ended.append("handler")

    def instances(event: evt.Event) -> Iterator[Any]:
        try:
            yield 2
            yield PENDING, A
        finally:
            ended.append("handler")

    handlers: dict[str, Any] = {
        "echo": (evt.EVT_C_ECHO, wait),
        "store": (evt.EVT_C_STORE, wait),
        "find": (evt.EVT_C_FIND, wait),
        "find, async generator": (evt.EVT_C_FIND, matches),
        "get": (evt.EVT_C_GET, instances),
    }
    requests = {
        "echo": ask(1, 0x0030, VERIFICATION),
        "store": STORE_RQ,
        "find": ask(5, 0x0020, FIND, us(0x0700, 0), data=b""),
        "get": ask(7, 0x0010, GET, us(0x0700, 0), data=b""),
    }
    supported = [build_context(model) for model in MODELS]
    supported[1].scu_role = supported[1].scp_role = True

    async def use(server: Any) -> None:
        peer = await offering(loop_world, server, *MODELS, roles={CT_IMAGE_STORAGE: (True, True)})
        await peer.send(requests[service.split(",")[0]])
        if service == "get":
            await hear(peer)
            started.set()
        assert (await peer.rest())[-10:] == ABORT
        await peer.close()

    ae = loop_world.ae("SERVER")
    await start_and_cancel(loop_world, ae, started, supported, [handlers[service]], use)
    await loop_world.until(lambda: ended == ["handler"])


@pytest.mark.parametrize("where", ["handler", "associate", "store", "release"])
async def test_cancelling_a_server_in_the_middle_of_a_move_aborts_the_destination_too(
    loop_world: World, where: str
) -> None:
    started, never = loop_world.signal(), loop_world.signal()
    listener = await loop_world.listen()
    ended: list[str] = []

    async def destination() -> bytes:
        if where == "associate":
            other = await listener.accept()
            await other.pdu()
        else:
            other = await accepting(listener)
            said = await hear(other)
            if where != "store":
                await other.send(reply(1, 0x0001, 0, message_id=said.command.MessageID))
            if where == "release":
                await other.pdu()
        if where != "handler":
            started.set()
        rest = await other.rest()
        await other.close()
        return rest

    async def handler(event: evt.Event) -> AsyncIterator[Any]:
        try:
            yield LOCALHOST, port_of(listener)
            yield 1
            yield PENDING, A
            if where == "handler":
                started.set()
                await never.wait()
        finally:
            ended.append("handler")

    async def use(server: Any) -> None:
        peer = await offering(loop_world, server, MOVE)
        await peer.send(ask(1, 0x0021, MOVE, us(0x0700, 0), element(0x0600, b"DEST"), data=b""))
        assert (await peer.rest())[-10:] == ABORT
        await peer.close()

    ae = loop_world.ae("MOVER")
    ae.requested_contexts = [build_context(CT_IMAGE_STORAGE)]
    job = loop_world.start(destination)
    await start_and_cancel(loop_world, ae, started, [build_context(MOVE)], [(evt.EVT_C_MOVE, handler)], use)
    assert (await job.result())[-10:] == ABORT
    await loop_world.until(lambda: ended == ["handler"])


@pytest.mark.parametrize(
    ("event", "names"), [(evt.EVT_ABORTED, ["CONN_CLOSE"]), (evt.EVT_ACSE_SENT, ["ABORTED", "CONN_CLOSE"])], ids=str
)
async def test_who_is_cancelled_while_it_aborts_leaves_nothing_to_those_who_wait(
    loop_world: World, event: evt.NotificationEvent, names: list[str]
) -> None:
    started, never = loop_world.signal(), loop_world.signal()

    async def hangs(said: evt.Event) -> None:
        if isinstance(getattr(said, "primitive", None), A_ABORT) or event is evt.EVT_ABORTED:
            started.set()
            await never.wait()

    told = Recorder()
    kept = {evt.EVT_ABORTED, evt.EVT_CONN_CLOSE} - {event}
    handlers = [(event, hangs), *told.bindings(*kept)]
    server = await loop_world.serve(handlers, contexts=CONTEXTS)
    peer = await offering(loop_world, server, VERIFICATION)
    (association,) = server.active_associations
    await cancelled_after(loop_world, association.abort, started)
    assert (await peer.rest())[-10:] == ABORT
    # The task of the server waits for that.
    await association.wait_closed()
    await loop_world.until(lambda: not server.active_associations)
    assert told.names == names


async def test_in_memory_whoever_is_cancelled_while_it_aborts_leaves_nothing(memory_world: World) -> None:
    told = Recorder()
    handlers = told.bindings(evt.EVT_ABORTED, evt.EVT_CONN_CLOSE)
    server = await memory_world.serve(handlers, contexts=CONTEXTS)
    await offering(memory_world, server, VERIFICATION)
    (association,) = server.active_associations
    aborting = association.abort()
    # It has told the peer, and lets others have a turn.
    aborting.send(None)
    with pytest.raises(Cancelled):
        aborting.throw(Cancelled())
    await association.wait_closed()
    await memory_world.until(lambda: not server.active_associations)
    assert told.names == ["ABORTED", "CONN_CLOSE"]


async def test_an_iterator_that_is_only_begun_is_no_burden(loop_world: World) -> None:
    """Cancelled between two responses, in code of the user's: ``async with`` aborts."""
    started, never = loop_world.signal(), loop_world.signal()

    def handler(event: evt.Event) -> Iterator[Any]:
        for _ in range(3):
            yield PENDING, match()

    contexts = [build_context(FIND)]
    server = await loop_world.serve([(evt.EVT_C_FIND, handler)], contexts=contexts)
    found: list[Any] = []

    async def work() -> None:
        async with await loop_world.associate(server, contexts=contexts) as association:
            found.append(association)
            responses = await association.send_c_find(match(), FIND)
            await advance(responses)
            started.set()
            await never.wait()

    await cancelled_after(loop_world, work, started)
    assert flags(found[0]) == ABORTED
    await loop_world.until(lambda: not server.active_associations)
    again = await loop_world.associate(server, contexts=contexts)
    assert len(await done_list(again.send_c_find(match(), FIND))) == 4
    await done(again.release())


async def done_list(responses: Any) -> list[Any]:
    return [item async for item in await responses]
