"""How associations end: release, abort, kill, the peer, timeouts."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import build_context, evt
from dicomwire.sources import EncodedDataSet
from tests.support.accepting import CONTEXTS, IMPLICIT, VERIFICATION, accepted, requested, silent_after_acceptance
from tests.support.adapters import CT_IMAGE_STORAGE, Recorder, SocketPeer, World, done, keep, reset
from tests.support.flags import ABORTED, ESTABLISHED, RELEASED, flags
from tests.support.sessions import echo_rq, whole_command
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ, abort

ENDS = (evt.EVT_REJECTED, evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_CONN_CLOSE)


# -- release ------------------------------------------------------------------------------------------------------
async def test_release_ends_both_sides_and_tells_each_once(world: World) -> None:
    here, there = Recorder(), Recorder()
    server = await world.serve(there.bindings(*ENDS))
    association = await world.associate(server, evt_handlers=here.bindings(*ENDS))
    await done(association.release())
    assert flags(association) == RELEASED
    assert sorted(here.names) == ["CONN_CLOSE", "RELEASED"]
    await world.until(lambda: len(there.names) == 2)
    assert sorted(there.names) == ["CONN_CLOSE", "RELEASED"]
    assert flags(there.events[0].assoc) == RELEASED
    await done(association.release())
    await done(association.abort())
    assert flags(association) == RELEASED
    assert len(here.names) == 2
    with pytest.raises(RuntimeError):
        await done(association.send_c_echo())
    await world.until(lambda: not server.active_associations)


async def test_two_releases_that_wait_for_a_message_to_be_sent_are_one(world: World) -> None:
    go_on = world.signal()

    async def sink(fragment: memoryview) -> None:
        await go_on.wait()

    data = EncodedDataSet(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid="1.2.3", transfer_syntax_uid=IMPLICIT, data=bytes(16 << 20)
    )
    server = await world.serve([(evt.EVT_C_STORE_SINK, lambda event: sink), (evt.EVT_C_STORE, lambda event: 0x0000)])
    association = await world.associate(server, contexts=[build_context(CT_IMAGE_STORAGE, IMPLICIT)])

    async def store() -> None:
        await done(association.send_c_store(data))

    async def release() -> None:
        await done(association.release())

    jobs = [world.start(store)]
    await world.until(lambda: association.line.is_sending)
    jobs += [world.start(release), world.start(release)]
    go_on.set()
    for job in jobs:
        await job.result()
    assert flags(association) == RELEASED


async def test_flags_are_set_before_the_handlers_of_the_end_are_called(world: World) -> None:
    seen: list[Any] = []
    server = await world.serve()
    for event in (evt.EVT_RELEASED, evt.EVT_ABORTED):
        association = await world.associate(
            server, evt_handlers=[(event, lambda event: seen.append(flags(event.assoc)))]
        )
        await done(association.release() if event is evt.EVT_RELEASED else association.abort())
    assert seen == [RELEASED, ABORTED]


async def test_a_release_that_is_not_answered_within_acse_timeout_aborts_with_source_2(world: World) -> None:
    listener = await world.listen()

    async def peer() -> list[bytes]:
        other = await accepted(listener)
        pdus = [await other.pdu(), await other.pdu()]
        await other.close()
        return pdus

    job = world.start(peer)
    seen = Recorder()
    association = await world.associate(listener, contexts=CONTEXTS, evt_handlers=seen.bindings(*ENDS))
    association.acse_timeout = 0.05
    await done(association.release())
    assert flags(association) == ABORTED
    assert "release" in association.failure
    assert sorted(seen.names) == ["ABORTED", "CONN_CLOSE"]
    assert await job.result() == [RELEASE_RQ, abort(2, 0)]


async def test_a_release_that_is_not_answered_ends_while_another_task_reads(world: World) -> None:
    listener = await world.listen()
    answering = world.start(lambda: accepted(listener))
    entity = world.ae("CLIENT")
    entity.network_timeout = None
    association = await world.associate(listener, ae=entity, contexts=CONTEXTS)
    association.acse_timeout = 0.1
    await answering.result()
    # In trio a task is there by now, which waits for the peer for as long as that takes.
    async with world.using(association):
        await world.until(lambda: association.line.is_reading or world.name != "trio")
    assert association.is_aborted


async def test_a_peer_that_aborts_or_closes_during_release_makes_it_aborted(world: World) -> None:
    for answer in (ABORT, b""):
        listener = await world.listen()

        async def peer(listener: Any = listener, answer: bytes = answer) -> None:
            other = await accepted(listener)
            await other.pdu()
            if answer:
                await other.send(answer)
            await other.close()

        job = world.start(peer)
        association = await world.associate(listener, contexts=CONTEXTS)
        await done(association.release())
        assert flags(association) == ABORTED
        await job.result()


async def test_a_release_collision_at_the_requestor_ends_released(world: World) -> None:
    listener = await world.listen()

    async def peer() -> list[bytes]:
        other = await accepted(listener)
        pdus = [await other.pdu()]
        await other.send(RELEASE_RQ)
        pdus.append(await other.pdu())
        await other.send(RELEASE_RP)
        pdus.append(await other.pdu())
        await other.close()
        return pdus

    job = world.start(peer)
    seen = Recorder()
    association = await world.associate(listener, contexts=CONTEXTS, evt_handlers=seen.bindings(*ENDS))
    await done(association.release())
    assert flags(association) == RELEASED
    assert sorted(seen.names) == ["CONN_CLOSE", "RELEASED"]
    assert await job.result() == [RELEASE_RQ, RELEASE_RP, b""]


async def test_a_release_collision_at_the_acceptor_ends_released(world: World) -> None:
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_ESTABLISHED, *ENDS))
    peer = await requested(world, server)
    await world.until(lambda: told.names)
    job = world.start(lambda: _await(told.events[0].assoc.release()))
    assert await peer.pdu() == RELEASE_RQ
    await peer.send(RELEASE_RQ)
    await peer.send(RELEASE_RP)
    assert await peer.pdu() == RELEASE_RP
    await peer.close()
    await job.result()
    await world.until(lambda: "CONN_CLOSE" in told.names)
    assert flags(told.events[0].assoc) == RELEASED
    assert told.only("RELEASED", "ABORTED") == ["RELEASED"]


async def _await(value: Any) -> Any:
    return await done(value)


async def test_both_sides_releasing_at_once_end_released(world: World) -> None:
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_ESTABLISHED))
    association = await world.associate(server)
    await world.until(lambda: told.names)
    theirs = told.events[0].assoc
    job = world.start(lambda: _await(theirs.release()))
    await done(association.release())
    await job.result()
    await world.until(lambda: not server.active_associations)
    assert flags(association) == flags(theirs) == RELEASED


async def test_the_acceptor_may_release(world: World) -> None:
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_ESTABLISHED))
    released = world.signal()
    association = await world.associate(server, evt_handlers=[(evt.EVT_RELEASED, lambda event: released.set())])
    async with world.using(association):
        await world.until(lambda: told.names)
        await done(told.events[0].assoc.release())
        assert flags(told.events[0].assoc) == RELEASED
        await released.wait()
        assert flags(association) == RELEASED


async def test_requests_that_arrive_during_release_are_dropped(world: World, caplog: pytest.LogCaptureFixture) -> None:
    served: list[Any] = []
    told = Recorder()
    server = await world.serve([(evt.EVT_C_ECHO, lambda event: keep(served, 1)), *told.bindings(evt.EVT_ESTABLISHED)])
    peer = await requested(world, server)
    await world.until(lambda: told.names)
    job = world.start(lambda: _await(told.events[0].assoc.release()))
    assert await peer.pdu() == RELEASE_RQ
    await peer.send(whole_command(1, echo_rq()))
    await peer.send(RELEASE_RP)
    assert await peer.rest() == b""
    await peer.close()
    await job.result()
    assert served == []
    assert "dropped" in caplog.text


# -- abort --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("block", [True, False])
async def test_abort_sends_source_0_and_ends_both_sides(world: World, block: bool) -> None:
    here, there = Recorder(), Recorder()
    server = await world.serve(there.bindings(evt.EVT_PDU_RECV, *ENDS))
    association = await world.associate(server, evt_handlers=here.bindings(*ENDS))
    await done(association.abort(block))
    assert flags(association) == ABORTED
    assert association.failure == "aborted by us"
    assert "ABORTED" in here.names
    await done(association.abort())
    await done(association.release())
    await world.until(lambda: "CONN_CLOSE" in there.names)
    assert here.only("ABORTED") == there.only("ABORTED") == ["ABORTED"]
    assert flags(there.of(evt.EVT_ABORTED)[0].assoc) == ABORTED
    pdu = there.of(evt.EVT_PDU_RECV)[-1].pdu
    assert (pdu.pdu_type, pdu.source, pdu.reason_diagnostic) == (7, 0, 0)
    await world.until(lambda: "CONN_CLOSE" in here.names)
    assert association not in association.ae.active_associations


@pytest.mark.parametrize("side", ["requestor", "acceptor"])
async def test_when_abort_returns_the_peer_has_dealt_with_it(world: World, side: str) -> None:
    there = Recorder()
    told = there.bindings(evt.EVT_ABORTED)
    server = await world.serve([*there.bindings(evt.EVT_ESTABLISHED), *(told if side == "requestor" else [])])
    association = await world.associate(server, evt_handlers=told if side == "acceptor" else [])
    acceptor = there.of(evt.EVT_ESTABLISHED)[0].assoc
    aborting, other = (association, acceptor) if side == "requestor" else (acceptor, association)
    async with world.using(association):
        await done(aborting.abort())
        assert there.names == ["ESTABLISHED", "ABORTED"]
        assert flags(aborting) == flags(other) == ABORTED
        assert aborting not in aborting.ae.active_associations


async def test_abort_returns_when_a_peer_that_does_not_close_has_had_its_time(socket_world: World) -> None:
    seen = Recorder()
    server = await socket_world.serve(seen.bindings(evt.EVT_ESTABLISHED))
    peer = await requested(socket_world, server)
    acceptor = seen.events[0].assoc
    acceptor.acse_timeout = 0.1
    # Where associations have threads, that of this one reads meanwhile.
    await done(acceptor.abort())
    assert acceptor not in acceptor.ae.active_associations
    assert await peer.rest() == ABORT
    await peer.close()


async def test_a_rejection_is_told_before_the_requestor_knows(world: World) -> None:
    told = Recorder()
    ae = world.ae()
    ae.require_called_aet = True
    server = await world.serve(told.bindings(evt.EVT_REJECTED, evt.EVT_PDU_SENT), ae=ae)
    association = await world.associate(server, ae_title="SOMEBODY")
    assert association.is_rejected
    await world.until(lambda: len(told.names) == 2)
    assert told.names == ["REJECTED", "PDU_SENT"]


@pytest.mark.parametrize("block", [True, False])
@pytest.mark.parametrize(
    "event",
    [evt.EVT_REQUESTED, evt.EVT_ACCEPTED, evt.EVT_ESTABLISHED, evt.EVT_DIMSE_RECV, evt.EVT_PDU_RECV, evt.EVT_C_ECHO],
    ids=str,
)
async def test_abort_in_a_handler_of_the_acceptor_never_hangs(world: World, event: Any, block: bool) -> None:
    async def handler(event: evt.Event) -> int:
        await done(event.assoc.abort(block))
        return 0x0000

    told = Recorder()
    server = await world.serve([(event, handler), *told.bindings(evt.EVT_ABORTED, evt.EVT_CONN_CLOSE)])
    association = await world.associate(server)
    if association.is_established:
        assert not await done(association.send_c_echo())
    await world.until(lambda: not server.active_associations)
    assert flags(association) == ABORTED
    assert told.only("ABORTED") == ["ABORTED"]


@pytest.mark.parametrize(
    "event", [evt.EVT_REQUESTED, evt.EVT_ACCEPTED, evt.EVT_ESTABLISHED, evt.EVT_DIMSE_SENT, evt.EVT_PDU_RECV], ids=str
)
async def test_abort_in_a_handler_of_the_requestor_never_hangs(world: World, event: Any) -> None:
    async def handler(event: evt.Event) -> None:
        await done(event.assoc.abort())

    seen = Recorder()
    server = await world.serve()
    association = await world.associate(server, evt_handlers=[(event, handler), *seen.bindings(evt.EVT_ABORTED)])
    if association.is_established:
        assert not await done(association.send_c_echo())
    assert flags(association) == ABORTED
    assert seen.names == ["ABORTED"]
    await world.until(lambda: not server.active_associations)


@pytest.mark.parametrize("verb", ["abort", "release", "kill"])
@pytest.mark.parametrize("event", [evt.EVT_ABORTED, evt.EVT_RELEASED, evt.EVT_CONN_CLOSE, evt.EVT_CONN_OPEN], ids=str)
async def test_verbs_in_handlers_of_the_end_do_nothing(world: World, event: Any, verb: str) -> None:
    async def handler(event: evt.Event) -> None:
        if event.event is not evt.EVT_CONN_OPEN or verb == "release":
            await done(getattr(event.assoc, verb)())

    server = await world.serve([(event, handler)])
    association = await world.associate(server, evt_handlers=[(event, handler)])
    await done(association.release() if event is evt.EVT_RELEASED else association.abort())
    assert flags(association) == (RELEASED if event is evt.EVT_RELEASED else ABORTED)
    await world.until(lambda: not server.active_associations)


async def test_release_in_a_handler_ends_the_association_and_nothing_is_answered(world: World) -> None:
    seen: list[Any] = []

    async def handler(event: evt.Event) -> int:
        await done(event.assoc.release())
        seen.append(flags(event.assoc))
        return 0x0000

    server = await world.serve([(evt.EVT_C_ECHO, handler)])
    association = await world.associate(server)
    assert not await done(association.send_c_echo())
    assert flags(association) == RELEASED
    await world.until(lambda: seen)
    assert seen == [RELEASED]


async def test_a_request_to_the_requestor_from_a_handler_is_refused_for_lack_of_a_role(world: World) -> None:
    errors: list[Any] = []

    async def handler(event: evt.Event) -> int:
        try:
            await done(event.assoc.send_c_echo())
        except ValueError as error:
            errors.append(error)
        return 0x0000

    association = await world.join([(evt.EVT_C_ECHO, handler)])
    assert (await done(association.send_c_echo())).Status == 0
    assert len(errors) == 1
    await done(association.release())


async def test_a_handler_may_send_requests_on_its_association_if_it_has_the_role(world: World) -> None:
    from dicomwire import build_role

    statuses: list[Any] = []

    async def handler(event: evt.Event) -> int:
        statuses.append((await done(event.assoc.send_c_echo(msg_id=77))).Status)
        return 0x0000

    context = build_context(VERIFICATION)
    context.scu_role = context.scp_role = True
    server = await world.serve([(evt.EVT_C_ECHO, handler)], contexts=[context])
    association = await world.associate(
        server,
        ext_neg=[build_role(VERIFICATION, scu_role=True, scp_role=True)],
        evt_handlers=[(evt.EVT_C_ECHO, lambda event: 0x0000)],
    )
    assert (await done(association.send_c_echo())).Status == 0
    assert statuses == [0]
    await done(association.release())


async def test_kill_sends_nothing_fires_nothing_and_frees_the_connection(world: World) -> None:
    seen = Recorder()
    listener = await world.listen()

    async def peer() -> bytes:
        other = await accepted(listener)
        rest: bytes = await other.rest()
        await other.close()
        return rest

    job = world.start(peer)
    association = await world.associate(listener, contexts=CONTEXTS, evt_handlers=seen.bindings(*ENDS))
    association.kill()
    association.kill()
    assert flags(association) == (False, False, False, False)
    assert await job.result() == b""
    assert seen.names == []
    assert association.ae.active_associations == []
    await done(association.release())
    await done(association.abort())
    assert seen.names == []


# -- the peer ends it ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("bytes_sent", "outcome"),
    [(ABORT, ABORTED), (b"", ABORTED), (RELEASE_RQ, RELEASED)],
    ids=["abort", "close", "release"],
)
async def test_an_idle_requestor_notices_what_its_peer_does(
    world: World, bytes_sent: bytes, outcome: tuple[bool, ...]
) -> None:
    listener = await world.listen()
    go, told = world.signal(), world.signal()

    async def peer() -> bytes:
        other = await accepted(listener)
        await go.wait()
        if not bytes_sent:
            await other.close()
            return b""
        await other.send(bytes_sent)
        rest: bytes = await other.rest()
        await other.close()
        return rest

    job = world.start(peer)
    handlers = [(event, lambda event: told.set()) for event in (evt.EVT_ABORTED, evt.EVT_RELEASED)]
    association = await world.associate(listener, contexts=CONTEXTS, evt_handlers=handlers)
    async with world.using(association):
        assert flags(association) == ESTABLISHED
        go.set()
        await told.wait()
        assert flags(association) == outcome
    assert await job.result() == (RELEASE_RP if bytes_sent == RELEASE_RQ else b"")
    await world.until(lambda: not association.ae.active_associations)


async def test_an_idle_requestor_notices_again_after_it_was_used(world: World) -> None:
    told = world.signal()
    seen = Recorder()
    server = await world.serve(seen.bindings(evt.EVT_ESTABLISHED))
    association = await world.associate(server, evt_handlers=[(evt.EVT_ABORTED, lambda event: told.set())])
    async with world.using(association):
        for _ in range(3):
            assert (await done(association.send_c_echo())).Status == 0
        await done(seen.events[0].assoc.abort())
        await told.wait()
        assert flags(association) == ABORTED


@pytest.mark.parametrize("data", [b"", ABORT, b"\x09garbage", bytes(6)], ids=["close", "abort", "garbage", "zeros"])
async def test_an_acceptor_notices_what_its_peer_does(world: World, data: bytes) -> None:
    told = Recorder()
    server = await world.serve(told.bindings(*ENDS))
    peer = await requested(world, server)
    if data:
        await peer.send(data)
        rest = await peer.rest()
        assert rest == (b"" if data == ABORT else abort(2, 1))
    await peer.close()
    await world.until(lambda: "CONN_CLOSE" in told.names)
    assert told.only("ABORTED", "RELEASED") == ["ABORTED"]


async def test_a_connection_that_is_reset_makes_the_acceptor_aborted(socket_world: World) -> None:
    told = Recorder()
    server = await socket_world.serve(told.bindings(*ENDS))
    peer = await requested(socket_world, server)
    assert isinstance(peer, SocketPeer)
    reset(peer.sock)
    await socket_world.until(lambda: "CONN_CLOSE" in told.names)
    assert told.only("ABORTED", "RELEASED") == ["ABORTED"]


async def test_before_a_request_other_pdus_get_an_abort_of_source_0(world: World) -> None:
    told = Recorder()
    server = await world.serve(told.bindings())
    for data in (RELEASE_RQ, b"GET / HTTP/1.1\r\n\r\n", whole_command(1, echo_rq())):
        peer = await world.connect(server)
        await peer.send(data)
        assert await peer.rest() == abort(0, 0)
        await peer.close()
    await world.until(lambda: not server.active_associations)
    assert "REQUESTED" not in told.names


async def test_a_connection_that_never_asks_is_closed_silently_after_acse_timeout(world: World) -> None:
    ae = world.ae()
    ae.acse_timeout = 0.05
    told = Recorder()
    server = await world.serve(told.bindings(), ae=ae)
    peer = await world.connect(server)
    assert await peer.rest() == b""
    await peer.close()
    await world.until(lambda: not server.active_associations)
    assert told.only("REQUESTED", "ABORTED", "REJECTED", "RELEASED") == []
    assert told.only("CONN_OPEN", "CONN_CLOSE") == ["CONN_OPEN", "CONN_CLOSE"]


# -- timeouts -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("side", ["requestor", "acceptor"])
async def test_network_timeout_aborts_an_idle_association(world: World, side: str) -> None:
    seen = Recorder()
    server = await world.serve(seen.bindings(evt.EVT_ESTABLISHED, *ENDS))
    association = await world.associate(server, evt_handlers=seen.bindings(*ENDS))
    await world.until(lambda: "ESTABLISHED" in seen.names)
    acceptor = seen.of(evt.EVT_ESTABLISHED)[0].assoc
    quick = association if side == "requestor" else acceptor
    # Set while somebody waits already; an operation makes everybody look.
    quick.network_timeout = 0.1
    async with world.using(association):
        await done(association.send_c_echo())
        await world.until(lambda: len(seen.only("CONN_CLOSE")) == 2)
    assert flags(association) == flags(acceptor) == ABORTED
    assert "traffic" in quick.failure
    assert seen.only("ABORTED") == ["ABORTED", "ABORTED"]


async def test_network_timeout_may_release_instead(world: World) -> None:
    seen = Recorder()
    server = await world.serve(seen.bindings(evt.EVT_ESTABLISHED, *ENDS))
    association = await world.associate(server, evt_handlers=seen.bindings(*ENDS))
    assert association.network_timeout_response == "A-ABORT"
    association.network_timeout_response = "A-RELEASE"
    with pytest.raises(ValueError, match="A-RELEASE"):
        association.network_timeout_response = "A-NONSENSE"
    association.network_timeout = 0.1
    async with world.using(association):
        await done(association.send_c_echo())
        await world.until(lambda: len(seen.only("CONN_CLOSE")) == 2)
    assert flags(association) == RELEASED
    assert seen.only("ABORTED", "RELEASED") == ["RELEASED", "RELEASED"]


async def test_network_timeout_is_noticed_after_an_operation_that_took_longer(world: World) -> None:
    async def slow(event: evt.Event) -> int:
        with pytest.raises(TimeoutError):
            await world.until(lambda: False, 0.25 if world.name != "memory" else 0.0025)
        return 0x0000

    server = await world.serve([(evt.EVT_C_ECHO, slow)])
    client = world.ae()
    client.network_timeout = 0.1
    association = await world.associate(server, ae=client)
    async with world.using(association):
        assert (await done(association.send_c_echo())).Status == 0
        await world.until(lambda: association.is_aborted)
    assert "traffic" in association.failure


async def test_a_handler_that_looks_for_a_cancel_later_than_the_network_timeout_may_go_on(world: World) -> None:
    async def slow(event: evt.Event) -> Any:
        with pytest.raises(TimeoutError):
            await world.until(lambda: False, 0.25 if world.name != "memory" else 0.0025)
        return [] if not event.is_cancelled else None

    acceptor = world.ae()
    acceptor.network_timeout = 0.1
    contexts = [build_context("1.2.840.10008.5.1.4.1.2.2.1")]
    server = await world.serve([(evt.EVT_C_FIND, slow)], ae=acceptor, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    responses = await done(association.send_c_find(Dataset(), contexts[0].abstract_syntax))
    answers = [item async for item in responses] if hasattr(responses, "__anext__") else list(responses)
    assert [status.get("Status") for status, _ in answers] == [0x0000]
    await done(association.release())


async def test_network_timeout_of_the_ae_applies_to_its_associations(world: World) -> None:
    seen = Recorder()
    server = await world.serve(seen.bindings(evt.EVT_ABORTED))
    server.ae.network_timeout = 0.1
    association = await world.associate(server)
    async with world.using(association):
        await world.until(lambda: seen.names)
        await world.until(lambda: association.is_aborted)


async def test_network_timeout_is_not_acted_on_while_a_handler_runs(world: World) -> None:
    ae = world.ae()
    ae.network_timeout = 0.05

    async def slow(event: evt.Event) -> int:
        with pytest.raises(TimeoutError):
            await world.until(lambda: False, 0.2 if world.name != "memory" else 0.002)
        return 0x0000

    server = await world.serve([(evt.EVT_C_ECHO, slow)], ae=ae)
    association = await world.associate(server)
    assert (await done(association.send_c_echo())).Status == 0x0000
    await done(association.abort())


async def test_dimse_timeout_gives_an_empty_status_and_aborts(world: World) -> None:
    listener = await world.listen()

    async def peer() -> bytes:
        other = await accepted(listener)
        await other.pdu()
        said: bytes = await other.pdu()
        await other.close()
        return said

    job = world.start(peer)
    seen = Recorder()
    association = await world.associate(listener, contexts=CONTEXTS, evt_handlers=seen.bindings(evt.EVT_ABORTED))
    association.dimse_timeout = 0.05
    status = await done(association.send_c_echo())
    assert len(status) == 0 and "Status" not in status
    assert flags(association) == ABORTED
    assert seen.names == ["ABORTED"]
    assert "response" in association.failure
    assert await job.result() == abort(0, 0)


async def test_with_no_dimse_timeout_the_network_timeout_finds_a_dead_peer(world: World) -> None:
    listener = await world.listen()

    job = world.start(partial(silent_after_acceptance, listener))
    association = await world.associate(listener, contexts=CONTEXTS)
    association.dimse_timeout = None
    association.network_timeout = 0.05
    assert not await done(association.send_c_echo())
    assert flags(association) == ABORTED
    await job.result()


@pytest.mark.parametrize("answer", [ABORT, b""], ids=["abort", "close"])
async def test_a_peer_that_ends_the_association_during_a_request_gives_an_empty_status(
    world: World, answer: bytes
) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await accepted(listener)
        await other.pdu()
        if answer:
            await other.send(answer)
        await other.close()

    job = world.start(peer)
    association = await world.associate(listener, contexts=CONTEXTS)
    status = await done(association.send_c_echo())
    assert len(status) == 0
    assert flags(association) == ABORTED
    assert association not in association.ae.active_associations
    await job.result()


# -- with ---------------------------------------------------------------------------------------------------------
async def test_leaving_with_releases(world: World) -> None:
    association = await world.join()
    async with world.using(association) as same:
        assert same is association
        assert (await done(association.send_c_echo())).Status == 0
    assert flags(association) == RELEASED


async def test_leaving_with_by_an_exception_aborts(world: World) -> None:
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_ABORTED))
    association = await world.associate(server)
    with pytest.raises(ZeroDivisionError):
        async with world.using(association):
            raise ZeroDivisionError
    assert flags(association) == ABORTED
    await world.until(lambda: told.names)


async def test_with_around_an_association_that_failed_does_no_harm(world: World) -> None:
    server = await world.serve()
    server.shutdown()
    association = await world.associate(server)
    async with world.using(association):
        assert not association.is_established
    assert flags(association) == ABORTED


@pytest.mark.parametrize("how", ["release", "abort"])
@pytest.mark.parametrize("told", [evt.EVT_CONN_CLOSE, evt.EVT_RELEASED, evt.EVT_ABORTED], ids=str)
async def test_an_association_is_there_until_its_last_handlers_have_returned(
    world: World, how: str, told: evt.NotificationEvent
) -> None:
    entered, go_on = world.signal(), world.signal()
    returned: list[str] = []

    async def last(event: evt.Event) -> None:
        entered.set()
        await go_on.wait()
        returned.append(event.event.name)

    if (how, told) in (("release", evt.EVT_ABORTED), ("abort", evt.EVT_RELEASED)):
        # That event does not come then; the end is waited for all the same.
        go_on.set()
        entered.set()
    server = await world.serve([(told, last)])
    association = await world.associate(server)
    await world.until(lambda: server.active_associations)
    there = server.active_associations[0]
    ending = world.start(lambda: done(getattr(association, how)()))
    await entered.wait()
    if not go_on.is_set:
        assert server.active_associations == server.ae.active_associations == [there]
        shutdown = world.start(lambda: done(server.ae.shutdown()))
        assert not returned
        go_on.set()
        await shutdown.result()
        assert returned == [told.name]
    await ending.result()
    await world.until(lambda: not server.active_associations)


async def test_the_last_handlers_may_shut_down_and_cannot_wait_for_themselves(world: World) -> None:
    raised: list[str] = []

    async def last(event: evt.Event) -> None:
        wait = getattr(event.assoc, "join", None) or event.assoc.wait_closed
        try:
            await done(wait())
        except RuntimeError as error:
            raised.append(str(error))
        await done(event.assoc.ae.shutdown())

    server = await world.serve([(evt.EVT_CONN_CLOSE, last), (evt.EVT_RELEASED, last)])
    association = await world.associate(server)
    await done(association.release())
    await world.until(lambda: len(raised) == 2)
    assert all("cannot wait" in text for text in raised)
    await world.until(lambda: not server.active_associations)
