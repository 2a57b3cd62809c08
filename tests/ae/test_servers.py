"""Servers: their life, their members, and many associations at once."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

import pytest

from dicomwire import AE, evt
from dicomwire.transport import (
    AddressInformation,
    AssociationServer,
    RequestHandler,
    ThreadedAssociationServer,
)
from tests.support.accepting import IMPLICIT, VERIFICATION
from tests.support.adapters import (
    LOCALHOST,
    PATIENCE,
    Recorder,
    World,
    done,
    port_of,
    usual_contexts,
)
from tests.support.cancelling import cancelled_after
from tests.support.flags import ABORTED, ESTABLISHED, RELEASED, flags
from tests.support.sessions import echo_rq, proposal, request, whole_command
from tests.support.storing import Store, instance
from tests.support.streams import RELEASE_RP, RELEASE_RQ


# -- shutdown -----------------------------------------------------------------------------------------------------
async def test_shutdown_of_a_server_leaves_its_associations_running(world: World) -> None:
    server = await world.serve()
    association = await world.associate(server)
    server.shutdown()
    server.shutdown()
    server.server_close()
    assert (await done(association.send_c_echo())).Status == 0
    refused = await world.associate(server)
    assert flags(refused) == ABORTED
    assert flags(association) == ESTABLISHED
    await done(association.release())
    await world.until(lambda: not server.active_associations)


async def test_shutdown_of_an_ae_aborts_everything_and_the_ae_can_be_used_again(world: World) -> None:
    ae = world.ae()
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_ABORTED), ae=ae)
    elsewhere = await world.serve()
    accepted = await world.associate(server)
    requested = await world.associate(elsewhere, ae=ae)
    await world.until(lambda: len(ae.active_associations) == 2)
    async with world.using(accepted):
        await done(ae.shutdown())
        await done(ae.shutdown())
        assert ae.active_associations == []
        assert flags(requested) == ABORTED
        assert told.names == ["ABORTED"]
        await world.until(lambda: accepted.is_aborted)
    assert flags(await world.associate(server)) == ABORTED
    again = await world.associate(await world.serve(ae=ae))
    assert flags(again) == ESTABLISHED
    await done(again.release())


async def test_shutdown_at_once_after_the_start_leaves_nothing_behind(world: World) -> None:
    for _ in range(20):
        ae = world.ae()
        server = await world.serve(ae=ae)
        if _ % 2:
            server.shutdown()
        await done(ae.shutdown())
        assert flags(await world.associate(server)) == ABORTED


async def test_the_thread_of_a_server_has_ended_when_its_shutdown_returns(blocking_world: World) -> None:
    ae = blocking_world.ae()
    before = set(threading.enumerate())
    for _ in range(20):
        server = ae.start_server((LOCALHOST, 0), block=False, contexts=usual_contexts())
        (thread,) = set(threading.enumerate()) - before
        server.shutdown()
        # Programs count threads in their own tests.
        assert not thread.is_alive()


async def test_active_associations_are_those_that_run(world: World) -> None:
    ae = world.ae()
    one, other = await world.serve(ae=ae), await world.serve(ae=ae)
    client = world.ae()
    first, second = await world.associate(one, ae=client), await world.associate(other, ae=client)
    await world.until(lambda: len(ae.active_associations) == 2)
    assert len(one.active_associations) == len(other.active_associations) == 1
    assert set(ae.active_associations) == {*one.active_associations, *other.active_associations}
    assert set(client.active_associations) == {first, second}
    assert client.active_associations is not client.active_associations
    assert all(item.is_acceptor and item.ae is ae for item in ae.active_associations)
    await done(first.release())
    await world.until(lambda: not one.active_associations)
    assert client.active_associations == [second]
    assert len(other.active_associations) == 1
    await done(second.abort())
    await world.until(lambda: not ae.active_associations)


async def test_a_connection_counts_as_active_before_its_request_has_arrived(world: World) -> None:
    server = await world.serve()
    peer = await world.connect(server)
    await world.until(lambda: server.active_associations)
    assert not server.active_associations[0].is_established
    await peer.close()
    await world.until(lambda: not server.active_associations)


async def test_one_ae_may_be_both_ends(world: World) -> None:
    ae = world.ae("BOTH")
    server = await world.serve(ae=ae)
    association = await world.associate(server, ae=ae)
    assert (await done(association.send_c_echo())).Status == 0
    assert len(ae.active_associations) == 2
    await done(association.release())


async def test_a_port_in_use_is_an_os_error(world: World) -> None:
    server = await world.serve()
    with pytest.raises(OSError, match=r"."):
        await done(world.ae().start_server((LOCALHOST, port_of(server)), block=False, contexts=usual_contexts()))


async def test_bad_arguments_of_a_server_are_refused(socket_world: World) -> None:
    ae = socket_world.ae()
    for address, kind in (((LOCALHOST,), TypeError), ((7, 0), TypeError), (("no such host", 0), socket.gaierror)):
        with pytest.raises(kind):
            await done(ae.start_server(address, block=False, contexts=usual_contexts()))
    with pytest.raises(ValueError, match=r"."):
        await done(ae.start_server((LOCALHOST, 0), block=False, contexts=usual_contexts(), ae_title="X" * 17))
    with pytest.raises(ValueError, match=r"."):
        await done(ae.start_server((LOCALHOST, 0), block=False))


async def test_ipv6_works_like_ipv4(socket_world: World) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    told = Recorder()
    ae = socket_world.ae()
    for address in (("::1", 0, 0, 0), ("::", 0)):
        server = await done(
            ae.start_server(address, block=False, contexts=usual_contexts(), evt_handlers=told.bindings())
        )
        if hasattr(server, "__aenter__"):
            async with server:
                await _use_ipv6(socket_world, server, address[0])
        else:
            await _use_ipv6(socket_world, server, address[0])
            server.shutdown()
    assert len(told.of(evt.EVT_CONN_OPEN)[0].address) == 4


async def _use_ipv6(world: World, server: Any, host: str) -> None:
    assert len(server.server_address) == 4
    for addr in ("::1", ("::1", 0, 0), *([LOCALHOST] if host == "::" else [])):
        association = await done(world.ae().associate(addr, port_of(server), contexts=usual_contexts()))
        assert association.is_established, association.failure
        assert (await done(association.send_c_echo())).Status == 0
        await done(association.release())


# -- a faulty or greedy peer --------------------------------------------------------------------------------------
async def test_a_flood_of_requests_is_served_in_order_with_bounded_memory(world: World) -> None:
    count = 1500
    unread: list[int] = []
    served: list[int] = []

    def handler(event: evt.Event) -> int:
        served.append(event.message_id)
        unread.append(event.assoc.line.session.connection.unread)
        return 0x0000

    server = await world.serve([(evt.EVT_C_ECHO, handler)])
    peer = await world.connect(server)
    await peer.send(request([proposal(1, VERIFICATION, IMPLICIT)]).encode())
    assert (await peer.pdu())[0] == 2
    flood = b"".join(whole_command(1, echo_rq(number)) for number in range(count))
    job = world.start(lambda: peer.send(flood))
    answered = []
    for _ in range(count):
        answer = await peer.pdu()
        at = answer.index(bytes.fromhex("0000200102000000")) + 8
        answered.append(int.from_bytes(answer[at : at + 2], "little"))
    await job.result()
    assert answered == served == list(range(count))
    if world.name != "memory":
        # In memory a piece is whatever the sender hands over.
        assert max(unread) <= 512 * 1024
    await peer.send(RELEASE_RQ)
    assert await peer.pdu() == RELEASE_RP
    await peer.close()


async def test_a_peer_that_is_silent_or_faulty_does_not_hinder_others(world: World) -> None:
    server = await world.serve()
    silent = [await world.connect(server) for _ in range(3)]
    garbage = await world.connect(server)
    await garbage.send(b"\xff" * 100)
    half = await world.connect(server)
    await half.send(request([proposal(1, VERIFICATION, IMPLICIT)]).encode()[:50])
    association = await world.associate(server)
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())
    for peer in (*silent, garbage, half):
        await peer.close()
    await world.until(lambda: not server.active_associations)


async def test_one_fast_association_does_not_starve_another(loop_world: World) -> None:
    order: list[int] = []

    def handler(event: evt.Event, *args: Any) -> int:
        order.append(event.message_id)
        return 0x0000

    server = await loop_world.serve([(evt.EVT_C_ECHO, handler)])
    count = 3000
    peer = await loop_world.connect(server)
    await peer.send(request([proposal(1, VERIFICATION, IMPLICIT)]).encode())
    assert (await peer.pdu())[0] == 2
    association = await loop_world.associate(server)

    async def flood() -> None:
        await peer.send(b"".join(whole_command(1, echo_rq(1)) for _ in range(count)))

    async def drain() -> None:
        for _ in range(count):
            await peer.pdu()

    jobs = [loop_world.start(flood), loop_world.start(drain)]
    await loop_world.until(lambda: order)
    for _ in range(5):
        assert (await association.send_c_echo(msg_id=2)).Status == 0
    at = [index for index, number in enumerate(order) if number == 2]
    assert len(at) == 5
    assert at[-1] < count, "the other association had to wait for the end of the flood"
    for job in jobs:
        await job.result()
    await association.release()
    await peer.close()


async def test_many_associations_at_once(world: World) -> None:
    ae = world.ae()
    ae.maximum_associations = 100
    store = Store()
    server = await world.serve(store.bindings, ae=ae)

    async def work() -> int:
        association = await world.associate(server)
        assert association.is_established, association.failure
        for number in range(5):
            assert (await done(association.send_c_echo(msg_id=number))).Status == 0
            assert (await done(association.send_c_store(instance(), msg_id=number))).Status == 0
        await done(association.release())
        return 1 if association.is_released else 0

    jobs = [world.start(work) for _ in range(20)]
    assert sum([await job.result() for job in jobs]) == 20
    assert len(store.data) == 100
    await world.until(lambda: not server.active_associations)


async def test_several_users_of_one_association_take_turns(world: World) -> None:
    store = Store()
    association = await world.join(store.bindings)

    async def work(first: int) -> None:
        for number in range(first, first + 10):
            assert (await done(association.send_c_echo(msg_id=number))).Status == 0
            assert (await done(association.send_c_store(instance(), msg_id=number))).Status == 0

    jobs = [world.start(lambda first=first: work(first)) for first in range(0, 80, 10)]  # type: ignore[misc]
    for job in jobs:
        await job.result()
    assert sorted(item.MessageID for item in store.requests) == list(range(80))
    await done(association.release())
    assert association.is_released


async def test_users_take_turns_even_if_a_handler_of_what_is_sent_takes_its_time(world: World) -> None:
    told: list[Any] = []

    async def sent(event: evt.Event) -> None:
        told.append(event)
        if len(told) == 1:
            # Until the other users have had every chance to come between.
            with suppress(TimeoutError):
                await world.until(lambda: len(told) > 1, 0.05 if world.name != "memory" else 0.0005)

    large = instance()
    large.PixelData = bytes(3 << 20)
    large["PixelData"].VR = "OW"
    association = await world.join(Store().bindings, evt_handlers=[(evt.EVT_DIMSE_SENT, sent)])

    async def echo() -> Any:
        return await done(association.send_c_echo())

    async def store() -> Any:
        return await done(association.send_c_store(large))

    jobs = [world.start(work) for work in (echo, store, echo, store)]
    assert [(await job.result()).Status for job in jobs] == [0, 0, 0, 0]
    assert sorted(event.message.command_set.CommandField for event in told) == [0x0001, 0x0001, 0x0030, 0x0030]
    await done(association.release())


@pytest.mark.parametrize("verb", ["abort", "release"])
async def test_an_association_may_be_ended_while_another_waits_for_a_response(world: World, verb: str) -> None:
    gate, inside = world.signal(), world.signal()

    async def handler(event: evt.Event) -> int:
        inside.set()
        await gate.wait()
        return 0x0000

    server = await world.serve([(evt.EVT_C_ECHO, handler)])
    association = await world.associate(server)
    job = world.start(lambda: _echo(association))
    await inside.wait()
    ending = world.start(lambda: _end(association, verb))
    if verb == "abort":
        await world.until(lambda: association.is_aborted)
    # The peer reads on, and closes, when its handler has ended.
    gate.set()
    await ending.result()
    status = await job.result()
    assert len(status) <= 1
    assert flags(association) == (ABORTED if verb == "abort" else RELEASED)
    await world.until(lambda: not server.active_associations)


async def _echo(association: Any) -> Any:
    return await done(association.send_c_echo())


async def _end(association: Any, verb: str) -> None:
    await done(getattr(association, verb)())


# -- blocking -----------------------------------------------------------------------------------------------------
async def test_a_server_that_blocks_ends_by_shutdown_from_elsewhere(blocking_world: World) -> None:
    ae = blocking_world.ae()
    returned: list[Any] = []

    def serve() -> None:
        returned.append(ae.start_server((LOCALHOST, 0), block=True, contexts=usual_contexts()))

    thread = threading.Thread(target=serve)
    thread.start()
    await blocking_world.until(lambda: ae.servers)
    server = ae.servers[0]
    association = await blocking_world.associate(server)
    assert association.is_established
    ae.shutdown()
    thread.join(PATIENCE)
    assert returned == [None]
    await blocking_world.until(lambda: association.is_aborted)


async def test_a_server_that_blocks_ends_by_shutdown_in_event_loops_too(async_world: World) -> None:
    ae = async_world.ae()

    async def serve() -> None:
        await ae.start_server((LOCALHOST, 0), block=True, contexts=usual_contexts())

    job = async_world.start(serve)
    await async_world.until(lambda: ae.servers)
    association = await async_world.associate(ae.servers[0])
    assert association.is_established
    await association.release()
    await ae.shutdown()
    await job.result()


class MyServer(AssociationServer):
    """Takes an argument of its own, and counts."""

    def __init__(self, *args: Any, extra: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra = extra
        self.taken: list[Any] = []
        self.actions = 0

    def process_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        self.taken.append(client_address)
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        self.actions += 1


@pytest.fixture
def made(blocking_world: World) -> tuple[MyServer, Recorder]:
    """A server of a class of our own, which does not serve yet, and whom it tells of associations."""
    ae: AE = blocking_world.ae()
    seen = Recorder()
    server = ae.make_server(
        (LOCALHOST, 0),
        ae_title="MADE",
        contexts=usual_contexts(),
        evt_handlers=[*seen.bindings(evt.EVT_ESTABLISHED)],
        server_class=MyServer,
        extra=7,
    )
    assert isinstance(server, MyServer) and server.ae is ae
    return server, seen


def test_make_server_makes_a_server_of_the_given_class(made: tuple[MyServer, Recorder]) -> None:
    server, _ = made
    assert server.extra == 7
    assert (server.ae_title, server.ssl_context) == ("MADE", None)
    assert [context.abstract_syntax for context in server.contexts] == [
        context.abstract_syntax for context in usual_contexts()
    ]
    assert server.allow_reuse_address is True
    server.server_close()


def test_a_server_that_was_made_listens(made: tuple[MyServer, Recorder]) -> None:
    server, _ = made
    assert server.address_family == socket.AF_INET
    assert server.address_info == AddressInformation(LOCALHOST, 0)
    assert server.socket.getsockname() == server.server_address
    server.server_close()


async def test_a_server_that_was_made_serves_when_it_is_told_to_and_until_its_ae_shuts_down(
    blocking_world: World, made: tuple[MyServer, Recorder]
) -> None:
    server, seen = made
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    association = await blocking_world.associate(server)
    assert association.is_established
    await blocking_world.until(lambda: seen.names and server.actions)
    assert len(server.taken) == 1
    server.ae.shutdown()
    thread.join(PATIENCE)
    assert not thread.is_alive()


async def test_a_server_that_never_serves_can_be_shut_down(blocking_world: World) -> None:
    ae: AE = blocking_world.ae()
    server = ae.make_server((LOCALHOST, 0), contexts=usual_contexts())
    server.shutdown()
    server.shutdown()
    server.serve_forever()
    assert server.socket.fileno() == -1
    with pytest.raises(TypeError):
        ae.make_server((LOCALHOST, 0), contexts=usual_contexts(), nonsense=1)


async def test_a_request_handler_of_ones_own_may_make_the_association(blocking_world: World) -> None:
    made: list[Any] = []

    class MyHandler(RequestHandler):
        def _create_association(self) -> Any:
            association = super()._create_association()
            made.append((association, self.local.as_tuple, self.remote.as_tuple, self.ae, self.server))
            return association

    ae: AE = blocking_world.ae()
    server = ae.make_server((LOCALHOST, 0), contexts=usual_contexts(), request_handler=MyHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    association = await blocking_world.associate(server)
    assert made[0][1:] == (
        server.server_address,
        (association.requestor.address, association.requestor.port),
        ae,
        server,
    )
    await done(association.release())
    server.shutdown()
    thread.join(PATIENCE)


async def test_start_server_gives_the_documented_class(blocking_world: World) -> None:
    assert type(await blocking_world.serve()) is ThreadedAssociationServer


async def test_an_association_is_alive_until_it_can_be_joined(blocking_world: World) -> None:
    server = await blocking_world.serve()
    association = await blocking_world.associate(server)
    assert association.name.startswith("RequestorThread@")
    assert association.is_alive()
    association.join(0.01)
    assert association.is_alive()
    joiner = threading.Thread(target=association.join)
    joiner.start()
    await done(association.release())
    joiner.join(PATIENCE)
    assert not joiner.is_alive()
    assert not association.is_alive()
    association.join()


async def test_the_socket_can_be_reached_for_its_options(blocking_world: World) -> None:
    server = await blocking_world.serve()
    association = await blocking_world.associate(server)
    assert association.line.channel.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await done(association.release())


# -- tasks that are cancelled -------------------------------------------------------------------------------------
@pytest.mark.parametrize("operation", ["associate", "echo", "release", "abort", "store"])
async def test_cancelling_an_operation_aborts_and_frees_the_socket_and_the_server_lives_on(
    loop_world: World, operation: str
) -> None:
    from tests.support.accepting import CONTEXTS, accepted

    listener = await loop_world.listen()
    started = loop_world.signal()

    async def peer() -> bytes:
        if operation == "associate":
            other = await listener.accept()
            await other.pdu()
        else:
            other = await accepted(listener)
        if operation in ("echo", "release", "abort", "store"):
            await other.pdu()
        started.set()
        rest: bytes = await other.rest()
        await other.close()
        return rest

    job = loop_world.start(peer)
    ae = loop_world.ae()
    contexts = [*CONTEXTS]
    found: list[Any] = []

    async def work() -> None:
        association = await ae.associate(LOCALHOST, port_of(listener), contexts=contexts)
        found.append(association)
        if operation == "store":
            association.contexts.set([_as_storage(item) for item in association.contexts.all])
            await association.send_c_store(instance(IMPLICIT))
        await {"echo": association.send_c_echo, "release": association.release, "abort": association.abort}[operation]()

    await cancelled_after(loop_world, work, started)
    rest = await job.result()
    if operation != "abort":
        assert b"\x07\0\0\0\0\x04\0\0\0\0" in rest
    assert ae.active_associations == []
    for association in found:
        assert flags(association) == ABORTED
        with pytest.raises(RuntimeError):
            await association.send_c_echo()
    server = await loop_world.serve()
    again = await loop_world.associate(server)
    assert (await again.send_c_echo()).Status == 0
    await again.release()


def _as_storage(context: Any) -> Any:
    from attrs import evolve

    return evolve(context, abstract_syntax="1.2.840.10008.5.1.4.1.1.2")


async def test_cancelling_the_body_of_a_with_aborts(loop_world: World) -> None:
    told = Recorder()
    server = await loop_world.serve(told.bindings(evt.EVT_ABORTED))
    found: list[Any] = []
    started = loop_world.signal()
    never = loop_world.signal()

    async def work() -> None:
        async with await loop_world.associate(server) as association:
            found.append(association)
            await association.send_c_echo()
            started.set()
            await never.wait()

    await cancelled_after(loop_world, work, started)
    assert flags(found[0]) == ABORTED
    await loop_world.until(lambda: told.names)
    await loop_world.until(lambda: not server.active_associations)
    again = await loop_world.associate(server)
    assert again.is_established
    await again.release()


async def test_leaving_a_server_by_with_ends_its_associations(async_world: World) -> None:
    ae = async_world.ae()
    leave = async_world.signal()
    servers: list[Any] = []

    async def serve() -> None:
        async with await ae.start_server((LOCALHOST, 0), block=False, contexts=usual_contexts()) as server:
            servers.append(server)
            await leave.wait()
        assert ae.active_associations == []

    job = async_world.start(serve)
    await async_world.until(lambda: servers)
    async with await async_world.associate(servers[0]) as association:
        assert (await association.send_c_echo()).Status == 0
        leave.set()
        await job.result()
        await async_world.until(lambda: association.is_aborted)


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyError])
async def test_the_exception_of_a_with_comes_out_unwrapped(async_world: World, kind: type[Exception]) -> None:
    association = await async_world.join()
    with pytest.raises(kind):
        async with association:
            raise kind
    assert flags(association) == ABORTED


async def test_two_requests_that_wait_for_the_end_of_a_message_go_one_after_the_other(async_world: World) -> None:
    server = await async_world.serve()
    association = await async_world.associate(server)
    # Somebody is in the middle of a long response, say.
    association.line.is_sending = True
    begun: list[None] = []

    async def ask() -> Any:
        begun.append(None)
        return await association.send_c_echo()

    jobs = [async_world.start(ask) for _ in range(2)]
    await async_world.until(lambda: len(begun) == 2)
    association.line.is_sending = False
    association.line.channel.changed()
    assert [(await job.result()).Status for job in jobs] == [0, 0]
    await done(association.release())


async def test_active_associations_are_listed_oldest_first(world: World) -> None:
    server = await world.serve()
    client = world.ae("CLIENT")
    associations = [await world.associate(server, ae=client) for _ in range(8)]
    await world.until(lambda: len(server.active_associations) == 8)
    await done(associations.pop(3).release())
    await world.until(lambda: len(server.active_associations) == 7)
    assert client.active_associations == associations
    mine = [item for item in server.ae.active_associations if item.is_acceptor]
    assert mine == server.active_associations
    if world.name != "memory":
        # In the memory network every requestor has the same port.
        ports = [association.requestor.port for association in associations]
        assert [association.requestor.port for association in server.active_associations] == ports
    for association in associations:
        await done(association.release())
