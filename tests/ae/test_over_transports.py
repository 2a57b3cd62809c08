"""``associate_over`` and ``serve_over``: the same over whatever carries bytes in the adapter's own way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import build_context, build_role, evt
from dicomwire.upper_layer.state import Role
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World, done
from tests.support.cancelling import cancelled_after
from tests.support.finding import FIND, match
from tests.support.flags import ABORTED, flags
from tests.support.getting import GET, PENDING, collect, image, sending
from tests.support.recording import Recording
from tests.support.scripted import accepting, hear, offering, reply
from tests.support.storing import instance
from tests.support.streams import ABORT
from tests.support.transports import KINDS, Wires

everywhere = pytest.mark.parametrize(("world", "kind"), KINDS, indirect=["world"])
loops = pytest.mark.parametrize(
    ("loop_world", "kind"), [row for row in KINDS if row[0] in ("asyncio", "trio")], indirect=["loop_world"]
)

CONTEXTS = [build_context(uid) for uid in (VERIFICATION, CT_IMAGE_STORAGE, FIND, GET)]
BOTH_ROLES = [build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=True)]
MIB = 1 << 20


def large() -> Dataset:
    dataset = instance()
    dataset.PixelData = bytes(range(256)) * (3 * MIB // 256)
    return dataset


def supported() -> list[Any]:
    contexts = [build_context(context.abstract_syntax or "") for context in CONTEXTS]
    contexts[1].scu_role = contexts[1].scp_role = True
    return contexts


class Joined:
    """An association over a connection of this kind with an AE that serves the other end."""

    def __init__(self, world: World, kind: str, handlers: Any = ()) -> None:
        self.wires = Wires(world, kind)
        self.server, self.client = world.ae("SERVER"), world.ae("CLIENT")
        self.job = world.start(lambda: self.wires.serve(self.server, handlers, contexts=supported()))

    async def associate(self, *handlers: Any) -> Any:
        association = await self.wires.associate(
            self.client, contexts=CONTEXTS, ext_neg=BOTH_ROLES, evt_handlers=list(handlers)
        )
        assert association.is_established, association.failure
        return association


@everywhere
async def test_all_services_work_and_the_end_is_an_end(world: World, kind: str) -> None:
    stored: list[Dataset] = []

    def store(event: evt.Event) -> int:
        stored.append(event.dataset)
        return 0x0000

    joined = Joined(world, kind, [(evt.EVT_C_STORE, store), (evt.EVT_C_GET, sending(1, image()))])
    association = await joined.associate((evt.EVT_C_STORE, store))
    sent = large()
    async with world.using(association):
        assert (await done(association.send_c_echo())).Status == 0x0000
        assert (await done(association.send_c_store(sent))).Status == 0x0000
        assert [each[0] for each in await collect(association.send_c_get(match(), GET))] == [PENDING, 0x0000]
    assert stored[0].PixelData == sent.PixelData
    assert stored[1].SOPInstanceUID == image().SOPInstanceUID
    served = await joined.job.result()
    assert association.is_released and served.is_released
    assert joined.client.active_associations == joined.server.active_associations == []


@everywhere
async def test_a_handler_sees_that_its_request_was_cancelled(world: World, kind: str) -> None:
    def endless(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        while not event.is_cancelled:
            yield PENDING, match()
        yield 0xFE00, None

    joined = Joined(world, kind, [(evt.EVT_C_FIND, endless)])
    association = await joined.associate()
    async with world.using(association):
        responses = await done(association.send_c_find(match(), FIND, msg_id=3))
        statuses: list[int] = []

        async def take(status: Any) -> None:
            statuses.append(status.Status)
            if len(statuses) == 2:
                await done(association.send_c_cancel(3, query_model=FIND))

        if hasattr(responses, "__aiter__"):
            async for status, _ in responses:
                await take(status)
        else:
            for status, _ in responses:
                await take(status)
    assert statuses[-1] == 0xFE00
    assert (await joined.job.result()).is_released


@everywhere
async def test_a_peer_that_aborts_while_we_send_is_heard(world: World, kind: str) -> None:
    wires = Wires(world, kind)

    async def peer() -> None:
        other = await accepting(wires)
        await other.read(MIB)
        await other.send(ABORT)
        await other.close()

    job = world.start(peer)
    association = await wires.associate(world.ae(), contexts=CONTEXTS)
    async with world.using(association):
        assert "Status" not in await done(association.send_c_store(large()))
    await job.result()
    assert flags(association) == ABORTED
    assert association.failure.startswith("aborted by the peer")


@everywhere
async def test_a_peer_that_takes_nothing_is_given_up(world: World, kind: str) -> None:
    wires, finished = Wires(world, kind), world.signal()

    async def peer() -> None:
        other = await accepting(wires)
        await finished.wait()
        await other.close()

    job = world.start(peer)
    ae = world.ae()
    ae.dimse_timeout = 0.05
    if kind != "memory streams":
        # Those take all that they are given: then it is the response which does not come.
        ae.write_timeout = 0.05
    association = await wires.associate(ae, contexts=CONTEXTS)
    ae.acse_timeout = 0.05
    status = await done(association.send_c_store(large()))
    finished.set()
    await job.result()
    assert "Status" not in status
    assert ("response" if kind == "memory streams" else " read ") in association.failure
    assert flags(association) == ABORTED


@everywhere
async def test_a_peer_that_never_answers_has_acse_timeout(world: World, kind: str) -> None:
    wires = Wires(world, kind)

    async def peer() -> bytes:
        other = await wires.accept()
        await other.pdu()
        rest = await other.rest()
        await other.close()
        return rest

    job = world.start(peer)
    ae = world.ae()
    ae.acse_timeout = 0.05
    association = await wires.associate(ae, contexts=CONTEXTS)
    assert flags(association) == ABORTED and "timed out" in association.failure
    assert await job.result() == ABORT


@everywhere
async def test_who_aborts_half_closes_and_waits_for_the_peer_to_close(world: World, kind: str) -> None:
    wires, may_close = Wires(world, kind), world.signal()

    async def peer() -> bytes:
        other = await accepting(wires)
        # To the end of the stream, which comes before we close.
        rest = await other.rest()
        may_close.set()
        await other.close()
        return rest

    job = world.start(peer)
    ae = world.ae()
    association = await wires.associate(ae, contexts=CONTEXTS)
    await done(association.abort())
    assert may_close.is_set
    assert await job.result() == ABORT
    assert flags(association) == ABORTED


@everywhere
async def test_a_requestor_that_goes_is_the_end_of_who_serves(world: World, kind: str) -> None:
    wires = Wires(world, kind)
    job = world.start(lambda: wires.serve(world.ae(), contexts=supported()))
    other = await offering(wires, None, VERIFICATION)
    await other.close()
    served = await job.result()
    assert flags(served) == ABORTED and "without release" in served.failure


@loops
async def test_a_verb_that_is_cancelled_aborts_and_closes(loop_world: World, kind: str) -> None:
    wires, started = Wires(loop_world, kind), loop_world.signal()

    async def peer() -> bytes:
        other = await accepting(wires)
        await hear(other)
        started.set()
        rest = await other.rest()
        await other.close()
        return rest

    job = loop_world.start(peer)
    ae = loop_world.ae()
    association = await wires.associate(ae, contexts=CONTEXTS)

    async def work() -> None:
        await association.send_c_echo()

    await cancelled_after(loop_world, work, started)
    # A lockstep stream may still be sending when the peer has it all.
    assert await job.result() in ((ABORT, b"") if kind == "lockstep streams" else (ABORT,))
    assert flags(association) == ABORTED and ae.active_associations == []


@loops
async def test_who_serves_and_is_cancelled_aborts_and_closes(loop_world: World, kind: str) -> None:
    wires, started = Wires(loop_world, kind), loop_world.signal()
    ae = loop_world.ae()

    async def peer() -> bytes:
        other = await offering(wires, None, VERIFICATION)
        started.set()
        rest = await other.rest()
        await other.close()
        return rest

    job = loop_world.start(peer)
    await cancelled_after(loop_world, lambda: wires.serve(ae, contexts=supported()), started)
    assert await job.result() in ((ABORT, b"") if kind == "lockstep streams" else (ABORT,))
    assert ae.active_associations == []


@loops
async def test_cancelling_who_waits_for_the_end_loses_no_byte(loop_world: World, kind: str) -> None:
    wires, sent = Wires(loop_world, kind), loop_world.signal()

    async def peer() -> None:
        other = await accepting(wires)
        for number in range(3):
            await hear(other)
            for at in range(len(answer := reply(1, 0x0030, 0x0000, message_id=number + 1))):
                # Byte by byte, so that one more or less would be seen.
                await other.send(answer[at : at + 1])
        sent.set()
        await other.rest()
        await other.close()

    job = loop_world.start(peer)
    association = await wires.associate(loop_world.ae(), contexts=CONTEXTS)
    async with loop_world.using(association):
        for number in range(3):
            before = loop_world.signal()
            before.set()
            await cancelled_after(loop_world, association.wait_closed, before)
            assert (await association.send_c_echo(msg_id=number + 1)).Status == 0x0000
        await sent.wait()
        await association.abort()
    await job.result()


@everywhere
async def test_it_is_recorded_where_an_argument_says(world: World, kind: str) -> None:
    recording = Recording()
    wires, server, client = Wires(world, kind), world.ae("SERVER"), world.ae("CLIENT")
    job = world.start(lambda: wires.serve(server, contexts=supported(), trace=recording))
    association = await wires.associate(client, contexts=CONTEXTS, trace=recording)
    await done(association.release())
    await job.result()
    assert len(recording.of(Role.REQUESTOR)) == len(recording.of(Role.ACCEPTOR)) == 1
