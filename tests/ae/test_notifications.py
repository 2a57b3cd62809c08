"""Notification events: which, in what order, with what; and how handlers are bound."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from dicomwire import _config, build_context, evt
from dicomwire.sources import EncodedDataSet
from dicomwire.upper_layer.pdus import decode_pdu
from tests.support.adapters import (
    CT_IMAGE_STORAGE,
    NOTIFICATIONS,
    VERIFICATION,
    Recorder,
    World,
    done,
    keep,
    port_of,
)
from tests.support.sessions import IMPLICIT, p_data, pdv, proposal, request, store_rq, whole_command
from tests.support.storing import EXPLICIT, Store, instance, large_instance, save, storage
from tests.support.streams import RELEASE_RQ

ASSOCIATION = ("REQUESTED", "ACCEPTED", "ESTABLISHED", "REJECTED", "RELEASED", "ABORTED")
TRANSPORT = ("CONN_OPEN", "CONN_CLOSE", "DATA_SENT", "PDU_SENT", "DATA_RECV", "PDU_RECV")
SENDING = ("ACSE_SENT", "DIMSE_SENT", "DATA_SENT", "PDU_SENT")
RECEIVING = ("DATA_RECV", "PDU_RECV", "ACSE_RECV", "DIMSE_RECV")
SENT, RECEIVED = ["DATA_SENT", "PDU_SENT"], ["DATA_RECV", "PDU_RECV"]


def in_order(told: list[str], *wanted: str) -> bool:
    """``wanted`` is a subsequence of ``told``."""
    rest = iter(told)
    return all(name in rest for name in wanted)


async def both_sides(world: World) -> tuple[Recorder, Recorder]:
    """What requestor and acceptor are told about one echo and a release."""
    here, there = Recorder(), Recorder()
    server = await world.serve(there.bindings())
    association = await world.associate(server, evt_handlers=here.bindings())
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())
    await world.until(lambda: "CONN_CLOSE" in there.names and "RELEASED" in there.names)
    return here, there


async def test_the_requestor_is_told_in_order(world: World) -> None:
    here, _ = await both_sides(world)
    assert here.only(*ASSOCIATION) == ["REQUESTED", "ACCEPTED", "ESTABLISHED", "RELEASED"]
    assert here.only(*SENDING) == ["ACSE_SENT", *SENT, "DIMSE_SENT", *SENT, "ACSE_SENT", *SENT]
    assert here.only(*RECEIVING) == [*RECEIVED, "ACSE_RECV", *RECEIVED, "DIMSE_RECV", *RECEIVED, "ACSE_RECV"]
    assert in_order(here.names, "CONN_OPEN", *SENT, *RECEIVED, "ACCEPTED", "DIMSE_SENT", "DIMSE_RECV", "CONN_CLOSE")
    assert here.only("CONN_OPEN", "CONN_CLOSE") == ["CONN_OPEN", "CONN_CLOSE"]


async def test_the_acceptor_is_told_in_order(world: World) -> None:
    _, there = await both_sides(world)
    assert there.only(*ASSOCIATION) == ["REQUESTED", "ACCEPTED", "ESTABLISHED", "RELEASED"]
    assert there.only(*SENDING) == ["ACSE_SENT", *SENT, "DIMSE_SENT", *SENT, "ACSE_SENT", *SENT]
    assert there.only(*RECEIVING) == [*RECEIVED, "ACSE_RECV", *RECEIVED, "DIMSE_RECV", *RECEIVED, "ACSE_RECV"]
    assert there.only("CONN_OPEN", "CONN_CLOSE") == ["CONN_OPEN", "CONN_CLOSE"]
    assert in_order(there.names, "CONN_OPEN", *RECEIVED, "ACSE_RECV", "REQUESTED", "ACSE_SENT", "ACCEPTED", *SENT)


async def test_both_sides_are_told_of_the_same_bytes_and_they_are_whole_pdus(world: World) -> None:
    here, there = await both_sides(world)
    for one, other in ((here, there), (there, here)):
        sent = [event.data for event in one.of(evt.EVT_DATA_SENT)]
        received = [event.data for event in other.of(evt.EVT_DATA_RECV)]
        assert sent == received
        assert [event.pdu for event in one.of(evt.EVT_PDU_SENT)] == [decode_pdu(data) for data in sent]
        assert [event.pdu for event in other.of(evt.EVT_PDU_RECV)] == [decode_pdu(data) for data in received]
        assert all(isinstance(data, bytes) for data in sent)
    assert [event.pdu.pdu_type for event in here.of(evt.EVT_PDU_SENT)] == [1, 4, 5]
    assert [event.pdu.pdu_type for event in there.of(evt.EVT_PDU_SENT)] == [2, 4, 6]


async def test_each_notification_comes_with_its_association_and_time_and_no_request(world: World) -> None:
    for recorder in await both_sides(world):
        assert {event.event for event in recorder.events} == set(NOTIFICATIONS) - {evt.EVT_ABORTED, evt.EVT_REJECTED}
        for event in recorder.events:
            assert event.assoc is recorder.events[0].assoc
            assert event.timestamp.year >= 2000
            for name in ("dataset", "request", "message_id", "context"):
                with pytest.raises(AttributeError):
                    getattr(event, name)


async def test_the_events_of_a_connection_have_its_other_end(world: World) -> None:
    for recorder in await both_sides(world):
        for kind in (evt.EVT_CONN_OPEN, evt.EVT_CONN_CLOSE):
            (event,) = recorder.of(kind)
            assert event.address[1] == event.assoc.remote["port"]


async def test_the_events_of_association_control_have_primitives(world: World) -> None:
    for recorder in await both_sides(world):
        kinds = [
            type(event.primitive).__name__
            for event in recorder.events
            if event.event in (evt.EVT_ACSE_SENT, evt.EVT_ACSE_RECV)
        ]
        assert kinds == ["A_ASSOCIATE", "A_ASSOCIATE", "A_RELEASE", "A_RELEASE"]


async def test_the_events_of_messages_have_them(world: World) -> None:
    for recorder in await both_sides(world):
        messages = [
            event.message for event in recorder.events if event.event in (evt.EVT_DIMSE_SENT, evt.EVT_DIMSE_RECV)
        ]
        assert [type(message).__name__ for message in messages] == ["C_ECHO_RQ", "C_ECHO_RSP"]
        assert [message.context_id for message in messages] == [1, 1]
        assert messages[0].command_set.MessageID == 1
        assert messages[1].command_set.Status == 0


async def test_transitions_have_the_names_of_the_standard(world: World) -> None:
    here, there = await both_sides(world)
    wanted = [
        [("Sta1", "Evt1", "AE-1", "Sta4"), ("Sta4", "Evt2", "AE-2", "Sta5"), ("Sta5", "Evt3", "AE-3", "Sta6")],
        [("Sta1", "Evt5", "AE-5", "Sta2"), ("Sta2", "Evt6", "AE-6", "Sta3"), ("Sta3", "Evt7", "AE-7", "Sta6")],
    ]
    ends = [
        [("Sta6", "Evt11", "AR-1", "Sta7"), ("Sta7", "Evt13", "AR-3", "Sta1")],
        [("Sta6", "Evt12", "AR-2", "Sta8"), ("Sta8", "Evt14", "AR-4", "Sta13"), ("Sta13", "Evt17", "AR-5", "Sta1")],
    ]
    for recorder, beginning, end in zip((here, there), wanted, ends, strict=True):
        steps = [
            (event.current_state, event.fsm_event, event.action, event.next_state)
            for event in recorder.of(evt.EVT_FSM_TRANSITION)
        ]
        assert steps[-len(end) :] == end
        first = steps.index(beginning[-1])
        # The transport was open before anybody could listen to the machine of an acceptor.
        assert beginning[-1 - first :] == steps[: first + 1]
        assert {step[2] for step in steps[first + 1 : -len(end)]} == {"DT-1", "DT-2"}


async def test_a_data_set_is_told_after_the_pdus_that_brought_it(world: World) -> None:
    here, there = Recorder(), Recorder()
    store = Store()
    contexts = storage(EXPLICIT)
    server = await world.serve([*store.bindings, *there.bindings()], contexts=contexts)
    association = await world.associate(server, contexts=contexts, evt_handlers=here.bindings())
    dataset = large_instance()
    assert (await done(association.send_c_store(dataset))).Status == 0
    await done(association.release())
    await world.until(lambda: "CONN_CLOSE" in there.names)
    sent = b"".join(event.data for event in here.of(evt.EVT_DATA_SENT))
    assert b"".join(event.data for event in there.of(evt.EVT_DATA_RECV)) == sent
    (message,) = (event.message for event in there.of(evt.EVT_DIMSE_RECV))
    assert type(message).__name__ == "C_STORE_RQ"
    assert message.data_set.getvalue() == store.data[0]
    before = there.names[: there.names.index("DIMSE_RECV")]
    count = sum(event.pdu.pdu_type == 4 for event in here.of(evt.EVT_PDU_SENT))
    assert before.count("PDU_RECV") == before.count("DATA_RECV") == 1 + count
    assert count > 50


async def test_a_message_that_is_streamed_is_told_of_before_its_bytes(world: World, tmp_path: Path) -> None:
    """Its data set is not shown: it is never in memory."""
    here = Recorder()
    contexts = storage(EXPLICIT)
    server = await world.serve(Store().bindings, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    for told in (evt.EVT_DIMSE_SENT, evt.EVT_PDU_SENT):
        association.bind(told, here)
    assert (await done(association.send_c_store(save(large_instance(), tmp_path / "large.dcm")))).Status == 0
    assert here.names[:2] == ["DIMSE_SENT", "PDU_SENT"]
    assert here.names.count("DIMSE_SENT") == 1
    message = here.events[0].message
    assert (message.command_set.CommandField, message.data_set) == (0x0001, None)
    await done(association.release())


async def test_pdus_are_told_with_the_names_of_their_classes(world: World) -> None:
    here, there = Recorder(), Recorder()
    server = await world.serve(there.bindings(evt.EVT_PDU_RECV))
    server.ae.require_called_aet = True
    await world.associate(server, evt_handlers=here.bindings(evt.EVT_PDU_RECV))
    rejection = here.events[0].pdu
    assert (rejection.result, rejection.source, rejection.reason_diagnostic) == (1, 1, 7)
    assert rejection.reason_str and rejection.result_str and rejection.source_str
    request = there.events[0].pdu
    assert request.called_ae_title == "ANY-SCP"
    assert request.calling_ae_title == "CLIENT"
    assert str(request) and request.pdu_length == len(request.encode()) - 6


# -- exactly one end ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("end", ["release", "abort", "reject"])
async def test_exactly_one_end_is_told_exactly_once(world: World, end: str) -> None:
    here, there = Recorder(), Recorder()
    ends = (evt.EVT_REJECTED, evt.EVT_RELEASED, evt.EVT_ABORTED)
    server = await world.serve(there.bindings(*ends, evt.EVT_CONN_CLOSE))
    server.ae.require_called_aet = end == "reject"
    association = await world.associate(server, evt_handlers=here.bindings(*ends))
    if end != "reject":
        await done(getattr(association, end)())
        await done(association.abort())
    await world.until(lambda: "CONN_CLOSE" in there.names)
    wanted = {"release": "RELEASED", "abort": "ABORTED", "reject": "REJECTED"}[end]
    assert here.names == [wanted]
    assert there.only("REJECTED", "RELEASED", "ABORTED") == [wanted]


# -- binding ------------------------------------------------------------------------------------------------------
async def test_arguments_and_order_of_binding(world: World) -> None:
    seen: list[Any] = []

    def first(event: evt.Event, *args: Any) -> None:
        seen.append(("first", *args))

    def second(event: evt.Event) -> None:
        seen.append(("second",))

    handlers = [
        (evt.EVT_ACCEPTED, first, [1]),
        (evt.EVT_ACCEPTED, second),
        (evt.EVT_ACCEPTED, first, [1]),
        (evt.EVT_ACCEPTED, first, [2, 3]),
        (evt.EVT_ACCEPTED, first),
    ]
    server = await world.serve()
    association = await world.associate(server, evt_handlers=handlers)
    assert seen == [("first", 1), ("second",), ("first", 2, 3), ("first",)]
    assert association.get_handlers(evt.EVT_ACCEPTED) == [(first, [1]), (second, None), (first, [2, 3]), (first, None)]
    association.unbind(evt.EVT_ACCEPTED, first)
    association.unbind(evt.EVT_ACCEPTED, print)
    assert association.get_handlers(evt.EVT_ACCEPTED) == [(second, None)]
    await done(association.release())


async def targets_in(world: World) -> list[Any]:
    """What handlers are bound to, without those of the log."""
    _config.LOG_HANDLER_LEVEL = "none"
    server = await world.serve()
    return [server, await world.associate(server)]


def answering(event: evt.Event) -> int:
    return 0x0000


async def test_events_with_handlers_are_listed_by_name(world: World) -> None:
    for target in await targets_in(world):
        events = target.get_events()
        assert len(events) == 15 and all(event.is_intervention for event in events)
        assert [event.name for event in events] == sorted(event.name for event in events)
        target.bind(evt.EVT_ABORTED, answering)
        assert target.get_events() == [evt.EVT_ABORTED, *events]
        assert target.get_handlers(evt.EVT_RELEASED) == []
        target.unbind(evt.EVT_ABORTED, answering)
        assert target.get_events() == events


async def test_an_intervention_has_the_handler_bound_last_or_else_the_default(world: World) -> None:
    for target in await targets_in(world):
        default = evt.get_default_handler(evt.EVT_C_STORE), None
        assert target.get_handlers(evt.EVT_C_STORE) == default
        target.bind(evt.EVT_C_STORE, answering, ["x"])
        assert target.get_handlers(evt.EVT_C_STORE) == (answering, ["x"])
        target.unbind(evt.EVT_C_STORE, print)
        assert target.get_handlers(evt.EVT_C_STORE) == (answering, ["x"])
        target.unbind(evt.EVT_C_STORE, answering)
        assert target.get_handlers(evt.EVT_C_STORE) == default


async def test_arguments_of_a_handler_that_are_no_list_are_a_type_error(world: World) -> None:
    for target in await targets_in(world):
        with pytest.raises(TypeError):
            target.bind(evt.EVT_ABORTED, answering, "x")


async def test_the_librarys_log_handlers_are_bound_unless_switched_off(world: World) -> None:
    logged = (evt.EVT_DIMSE_RECV, evt.EVT_DIMSE_SENT, evt.EVT_PDU_RECV, evt.EVT_PDU_SENT)
    server = await world.serve()
    association = await world.associate(server)
    for target in (server, association):
        assert all(len(target.get_handlers(event)) == 1 for event in logged)
    await done(association.release())


async def test_binding_on_a_server_affects_running_and_later_associations(world: World) -> None:
    server = await world.serve()
    running = await world.associate(server)
    await world.until(lambda: server.active_associations)
    theirs = server.active_associations[0]
    seen = Recorder()
    # One association has a table of its own from here on.
    theirs.bind(evt.EVT_RELEASED, lambda event: None)
    server.bind(evt.EVT_PDU_RECV, seen)
    server.bind(evt.EVT_C_ECHO, lambda event: 0x0122)
    assert (await done(running.send_c_echo())).Status == 0x0122
    await world.until(lambda: len(seen.names) == 1)
    later = await world.associate(server)
    await world.until(lambda: len(seen.names) == 2)
    assert (await done(later.send_c_echo())).Status == 0x0122
    server.unbind(evt.EVT_PDU_RECV, seen)
    (bound, _) = server.get_handlers(evt.EVT_C_ECHO)
    server.unbind(evt.EVT_C_ECHO, bound)
    count = len(seen.names)
    for association in (running, later):
        assert (await done(association.send_c_echo())).Status == 0x0000
        await done(association.release())
    assert len(seen.names) in (count, 3)
    await world.until(lambda: not server.active_associations)
    assert len(seen.names) == 3


async def test_binding_on_one_association_does_not_affect_others(world: World) -> None:
    server = await world.serve()
    one = await world.associate(server)
    await world.until(lambda: server.active_associations)
    server.active_associations[0].bind(evt.EVT_C_ECHO, lambda event: 0x0122)
    other = await world.associate(server)
    assert (await done(one.send_c_echo())).Status == 0x0122
    assert (await done(other.send_c_echo())).Status == 0x0000
    for association in (one, other):
        await done(association.release())


async def test_what_a_handler_raises_is_logged_and_later_handlers_are_called(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: evt.Event) -> None:
        raise ZeroDivisionError("the handler is broken")

    async def broken_later(event: evt.Event) -> None:
        raise ZeroDivisionError("the handler is broken")

    here, there = Recorder(), Recorder()
    bindings = [(event, handler) for event in NOTIFICATIONS for handler in (broken, broken_later)]
    server = await world.serve([*bindings, *there.bindings()])
    association = await world.associate(server, evt_handlers=[*bindings, *here.bindings()])
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())
    await world.until(lambda: "CONN_CLOSE" in there.names and "RELEASED" in there.names)
    for recorder in (here, there):
        assert recorder.only(*ASSOCIATION) == ["REQUESTED", "ACCEPTED", "ESTABLISHED", "RELEASED"]
    assert "the handler is broken" in caplog.text


async def test_binding_and_unbinding_inside_a_handler(world: World) -> None:
    seen: list[str] = []

    def once(event: evt.Event) -> None:
        seen.append("once")
        event.assoc.unbind(evt.EVT_DIMSE_RECV, once)
        event.assoc.bind(evt.EVT_DIMSE_RECV, after)

    def after(event: evt.Event) -> None:
        seen.append("after")

    server = await world.serve()
    association = await world.associate(server, evt_handlers=[(evt.EVT_DIMSE_RECV, once)])
    for _ in range(3):
        await done(association.send_c_echo())
    assert seen.count("once") == 1
    assert seen[-2:] == ["after", "after"]
    await done(association.release())


# -- where handlers run -------------------------------------------------------------------------------------------
async def test_async_handlers_may_wait(async_world: World) -> None:
    gate = async_world.signal()
    seen: list[str] = []

    async def waits(event: evt.Event) -> int:
        seen.append("begins")
        await gate.wait()
        seen.append("ends")
        return 0x0000

    server = await async_world.serve([(evt.EVT_C_ECHO, waits)])
    slow = await async_world.associate(server)
    quick = await async_world.associate(server, ae=slow.ae)
    job = async_world.start(lambda: slow.send_c_echo())
    await async_world.until(lambda: seen)
    store_refused = await quick.send_c_store(instance())
    assert store_refused.Status == 0xC211
    assert seen == ["begins"]
    gate.set()
    assert (await job.result()).Status == 0
    assert seen == ["begins", "ends"]
    await slow.release()
    await quick.release()


async def test_an_async_handler_that_waits_is_refused_by_the_blocking_adapter(
    blocking_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    import asyncio

    async def waits(event: evt.Event) -> int:
        await asyncio.sleep(0)
        return 0x0000

    server = await blocking_world.serve([(evt.EVT_C_STORE, waits)])
    association = await blocking_world.associate(server)
    association.dimse_timeout = 1
    status = await done(association.send_c_store(instance()))
    assert status.Status == 0xC211
    assert "asyncio or trio adapter" in caplog.text
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


async def test_plain_handlers_run_in_threads_if_asked_to(loop_world: World) -> None:
    threads: set[Any] = set()

    def plain(event: evt.Event) -> int:
        threads.add(threading.current_thread())
        return 0x0000

    async def waits(event: evt.Event) -> int:
        assert threading.current_thread() is threading.main_thread()
        return 0x0000

    ae = loop_world.ae()
    ae.handlers_in_threads = True
    server = await loop_world.serve(
        [(evt.EVT_C_ECHO, plain), (evt.EVT_C_STORE, waits), (evt.EVT_PDU_RECV, plain)], ae=ae
    )
    association = await loop_world.associate(server)
    assert (await association.send_c_echo()).Status == 0
    assert (await association.send_c_store(instance())).Status == 0
    assert threads and threading.main_thread() not in threads
    await association.release()


async def test_handlers_of_the_blocking_adapter_run_on_a_thread_of_the_association(blocking_world: World) -> None:
    threads: list[Any] = []
    server = await blocking_world.serve([(evt.EVT_C_ECHO, lambda event: keep(threads, threading.current_thread()))])
    one = await blocking_world.associate(server)
    other = await blocking_world.associate(server)
    for association in (one, one, other):
        await done(association.send_c_echo())
        assert threading.current_thread() not in threads
    assert threads[0] is threads[1] is not threads[2]
    assert port_of(server) == one.acceptor.port
    for association in (one, other):
        await done(association.release())


async def test_a_handler_bound_in_the_middle_of_a_pdu_hears_of_those_that_follow(world: World) -> None:
    heard: list[bytes] = []
    bound = world.signal()

    def listen(event: evt.Event) -> Any:
        def sink(fragment: memoryview) -> None:
            event.assoc.bind(evt.EVT_DATA_RECV, lambda event: heard.append(event.data))
            bound.set()

        return sink

    server = await world.serve([(evt.EVT_C_STORE_SINK, listen), (evt.EVT_C_STORE, lambda event: 0x0000)])
    peer = await world.connect(server)
    await peer.send(request([proposal(3, CT_IMAGE_STORAGE, IMPLICIT)]).encode())
    assert (await peer.pdu())[0] == 2
    first, second = p_data(pdv(3, 0, bytes(3000))), p_data(pdv(3, 2, bytes(1000)))
    await peer.send(whole_command(3, store_rq()) + first[:1000])
    await bound.wait()
    await peer.send(first[1000:] + second)
    assert (await peer.pdu())[0] == 4
    await peer.send(RELEASE_RQ)
    assert (await peer.pdu())[0] == 6
    assert set(heard) == {second, RELEASE_RQ}
    await peer.close()


async def test_while_a_handler_of_sent_messages_runs_others_may_send(world: World) -> None:
    entities = world.ae("SERVER"), world.ae("CLIENT")
    for entity in entities:
        entity.asynchronous_operations = (4, 4)
    go_on = world.signal()
    jobs: list[Any] = []

    async def sink(fragment: memoryview) -> None:
        await go_on.wait()

    async def store() -> Any:
        data = EncodedDataSet(
            sop_class_uid=CT_IMAGE_STORAGE,
            sop_instance_uid="1.2.3",
            transfer_syntax_uid=IMPLICIT,
            data=bytes(16 << 20),
        )
        return await done(association.send_c_store(data, msg_id=7))

    async def sent(event: evt.Event) -> None:
        if not jobs:
            jobs.append(world.start(store))
            await world.until(lambda: association.line.is_sending)
            go_on.set()

    handlers = [(evt.EVT_C_STORE_SINK, lambda event: sink), (evt.EVT_C_STORE, lambda event: 0x0000)]
    server = await world.serve(handlers, ae=entities[0])
    contexts = [build_context(VERIFICATION), build_context(CT_IMAGE_STORAGE, IMPLICIT)]
    association = await world.associate(server, ae=entities[1], contexts=contexts)
    association.bind(evt.EVT_DIMSE_SENT, sent)
    assert (await done(association.send_c_echo())).Status == 0x0000
    assert (await jobs[0].result()).Status == 0x0000
    await done(association.release())
