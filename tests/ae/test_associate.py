"""``AE.associate``: outcomes, arguments and what is proposed."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from dicomwire import build_context, build_role, evt
from dicomwire.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from dicomwire.presentation import PresentationContext
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, Recorder, World, done, port_of
from tests.support.flags import ABORTED, ESTABLISHED, RELEASED, flags
from tests.support.patience import SOON
from tests.support.streams import ABORT, ASSOCIATE_RJ, PROVIDER_ABORT, abort

REJECTED = (False, True, False, False)


# -- outcomes -----------------------------------------------------------------------------------------------------
async def test_an_accepted_association_is_established_and_nothing_else(world: World) -> None:
    association = await world.join()
    assert flags(association) == ESTABLISHED
    assert association.failure is None
    assert association.is_requestor and not association.is_acceptor
    assert association.mode == "requestor"
    await done(association.release())
    assert flags(association) == RELEASED
    assert association.failure is None


async def test_an_accepted_association_has_its_contexts(world: World) -> None:
    association = await world.join()
    assert [context.context_id for context in association.accepted_contexts] == [1, 3]
    assert association.rejected_contexts == []
    await done(association.release())


async def test_an_association_is_active_until_it_is_released(world: World) -> None:
    association = await world.join()
    assert association in association.ae.active_associations
    await done(association.release())
    assert association.ae.active_associations == []


async def test_without_an_accepted_context_the_requestor_aborts_with_source_2(world: World) -> None:
    seen, told = Recorder(), Recorder()
    server = await world.serve(told.bindings(evt.EVT_PDU_RECV, evt.EVT_ABORTED))
    association = await world.associate(
        server,
        contexts=[build_context("1.2.840.10008.5.1.4.1.1.4"), build_context(VERIFICATION, "1.2.840.10008.1.2.4.50")],
        evt_handlers=seen.bindings(evt.EVT_ACCEPTED, evt.EVT_ESTABLISHED, evt.EVT_ABORTED),
    )
    assert flags(association) == ABORTED
    assert seen.names == ["ACCEPTED", "ABORTED"]
    assert "no presentation context" in association.failure
    assert [context.result for context in association.rejected_contexts] == [3, 4]
    assert association.accepted_contexts == []
    await world.until(lambda: "ABORTED" in told.names)
    pdu = told.of(evt.EVT_PDU_RECV)[-1].pdu
    assert (pdu.pdu_type, pdu.source) == (7, 2)


async def test_a_rejection_shows_its_codes_in_the_primitive_of_the_acceptor(world: World) -> None:
    listener = await world.listen()

    async def peer() -> bytes:
        other = await listener.accept()
        assert (await other.pdu())[0] == 1
        await other.send(ASSOCIATE_RJ)
        rest: bytes = await other.rest()
        await other.close()
        return rest

    job = world.start(peer)
    association = await world.associate(listener)
    assert flags(association) == REJECTED
    primitive = association.acceptor.primitive
    assert (primitive.result, primitive.result_source, primitive.diagnostic) == (1, 1, 7)
    assert "called AE title" in association.failure
    assert association.accepted_contexts == []
    assert await job.result() == b""


@pytest.mark.parametrize("answer", [ABORT, PROVIDER_ABORT], ids=["by-user", "by-provider"])
async def test_a_peer_that_aborts_makes_the_association_aborted(world: World, answer: bytes) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await listener.accept()
        await other.pdu()
        await other.send(answer)
        await other.rest()
        await other.close()

    job = world.start(peer)
    seen = Recorder()
    association = await world.associate(listener, evt_handlers=seen.bindings(evt.EVT_ABORTED, evt.EVT_REJECTED))
    assert flags(association) == ABORTED
    assert seen.names == ["ABORTED"]
    assert association.failure.startswith("aborted by the")
    assert association.acceptor.primitive is None
    await job.result()


async def test_a_peer_that_closes_makes_the_association_aborted(world: World) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await listener.accept()
        await other.pdu()
        await other.close()

    job = world.start(peer)
    association = await world.associate(listener)
    assert flags(association) == ABORTED
    assert "closed" in association.failure
    await job.result()


async def test_without_an_answer_within_acse_timeout_the_requestor_aborts_with_source_0(world: World) -> None:
    listener = await world.listen()

    async def peer() -> bytes:
        other = await listener.accept()
        await other.pdu()
        said: bytes = await other.pdu()
        await other.close()
        return said

    job = world.start(peer)
    ae = world.ae()
    ae.acse_timeout = 0.05
    seen = Recorder()
    association = await world.associate(listener, ae=ae, evt_handlers=seen.bindings(evt.EVT_ABORTED))
    assert flags(association) == ABORTED
    assert seen.names == ["ABORTED"]
    assert "timed out" in association.failure
    assert await job.result() == abort(0, 0)


async def test_garbage_as_the_answer_aborts(world: World) -> None:
    listener = await world.listen()

    async def peer() -> bytes:
        other = await listener.accept()
        await other.pdu()
        await other.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        said: bytes = await other.pdu()
        await other.close()
        return said

    job = world.start(peer)
    association = await world.associate(listener)
    assert flags(association) == ABORTED
    assert "HTTP" in association.failure
    assert (await job.result())[0] == 7


async def test_where_nobody_listens_the_association_is_aborted_without_an_exception(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    server = await world.serve()
    server.shutdown()
    seen = Recorder()
    association = await world.associate(server, evt_handlers=seen.bindings())
    assert flags(association) == ABORTED
    assert association.failure
    assert seen.only("CONN_OPEN", "CONN_CLOSE", "ABORTED") == ["ABORTED"]
    assert association.ae.active_associations == []


async def test_connection_timeout_makes_the_association_aborted(socket_world: World) -> None:
    # A listening socket with a full backlog does not answer.
    with socket.socket() as full:
        full.bind((LOCALHOST, 0))
        full.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        try:
            ae = socket_world.ae()
            ae.connection_timeout = 0.05
            began = time.monotonic()
            association = await done(
                ae.associate(LOCALHOST, full.getsockname()[1], contexts=[build_context(VERIFICATION)])
            )
            assert flags(association) == ABORTED
            assert time.monotonic() - began < SOON
            assert association.failure.startswith("no connection")
        finally:
            for filler in fillers:
                filler.close()


async def test_operations_on_an_association_that_failed_do_no_harm(world: World) -> None:
    server = await world.serve()
    server.shutdown()
    association = await world.associate(server)
    await done(association.release())
    await done(association.abort())
    association.kill()
    assert flags(association) == ABORTED
    with pytest.raises(RuntimeError):
        await done(association.send_c_echo())


# -- arguments ----------------------------------------------------------------------------------------------------
BAD_TITLES = [
    pytest.param(None, TypeError, id="none"),
    pytest.param(7, TypeError, id="int"),
    pytest.param("", ValueError, id="empty"),
    pytest.param("    ", ValueError, id="blank"),
    pytest.param("ABCDEFGHIJKLMNOPQ", ValueError, id="17-characters"),
    pytest.param("GRÖSSE", ValueError, id="not-ascii"),
    pytest.param("A\\B", ValueError, id="backslash"),
    pytest.param("A\tB", ValueError, id="control"),
]


@pytest.mark.parametrize(("title", "kind"), BAD_TITLES)
async def test_a_bad_called_title_is_refused(world: World, title: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await done(world.ae().associate(LOCALHOST, 11112, contexts=[build_context(VERIFICATION)], ae_title=title))


async def test_a_called_title_in_bytes_is_deprecated(world: World) -> None:
    server = await world.serve()
    with pytest.warns(DeprecationWarning, match="ae_title"):
        association = await world.associate(server, ae_title=b"BYTES")
    assert association.acceptor.ae_title == "BYTES"
    assert association.requestor.primitive.called_ae_title == "BYTES"
    await done(association.release())


@pytest.mark.parametrize(
    ("max_pdu", "kind"), [(-1, ValueError), (3, ValueError), (None, TypeError), ("16382", TypeError)]
)
async def test_a_bad_max_pdu_is_refused(world: World, max_pdu: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await done(world.ae().associate(LOCALHOST, 11112, contexts=[build_context(VERIFICATION)], max_pdu=max_pdu))


@pytest.mark.parametrize("item", ["role", 7, build_context(VERIFICATION)])
async def test_what_is_no_extended_negotiation_is_refused(world: World, item: Any) -> None:
    with pytest.raises(TypeError):
        await done(world.ae().associate(LOCALHOST, 11112, contexts=[build_context(VERIFICATION)], ext_neg=[item]))


def _incomplete_items() -> list[Any]:
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid = CT_IMAGE_STORAGE
    return [
        pytest.param([build_role(CT_IMAGE_STORAGE)], id="role-without-role"),
        pytest.param([UserIdentityNegotiation()], id="identity-without-type"),
        pytest.param([extended], id="extended-without-information"),
        pytest.param([AsynchronousOperationsWindowNegotiation()] * 2, id="two-windows"),
    ]


@pytest.mark.parametrize("items", _incomplete_items())
async def test_an_incomplete_extended_negotiation_is_refused_before_connecting(world: World, items: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        await done(world.ae().associate(LOCALHOST, 11112, contexts=[build_context(VERIFICATION)], ext_neg=items))


async def test_what_is_no_context_is_refused(world: World) -> None:
    contexts: list[Any] = [build_context(VERIFICATION), VERIFICATION]
    with pytest.raises(ValueError, match="presentation context"):
        await done(world.ae().associate(LOCALHOST, 11112, contexts=contexts))


async def test_a_context_without_transfer_syntax_is_refused(world: World) -> None:
    context = PresentationContext()
    context.abstract_syntax = VERIFICATION
    with pytest.raises(ValueError, match="transfer syntax"):
        await done(world.ae().associate(LOCALHOST, 11112, contexts=[context]))


async def test_the_129th_context_is_refused(world: World) -> None:
    contexts = [build_context(VERIFICATION)] * 129
    with pytest.raises(ValueError, match="128"):
        await done(world.ae().associate(LOCALHOST, 11112, contexts=contexts))


async def test_without_any_contexts_there_is_a_runtime_error(world: World) -> None:
    with pytest.raises(RuntimeError):
        await done(world.ae().associate(LOCALHOST, 11112))


@pytest.mark.parametrize("addr", [None, 7, b"127.0.0.1", ("::1", 0), ("::1", 0, 0, 0), ["::1", 0, 0]])
async def test_an_address_of_the_wrong_type_is_refused(socket_world: World, addr: Any) -> None:
    with pytest.raises(TypeError):
        await done(socket_world.ae().associate(addr, 11112, contexts=[build_context(VERIFICATION)]))


@pytest.mark.parametrize("port", [None, "11112", 11112.0])
async def test_a_port_of_the_wrong_type_is_refused(socket_world: World, port: Any) -> None:
    with pytest.raises(TypeError):
        await done(socket_world.ae().associate(LOCALHOST, port, contexts=[build_context(VERIFICATION)]))


async def test_a_host_that_cannot_be_resolved_is_a_gaierror(socket_world: World) -> None:
    with pytest.raises(socket.gaierror):
        await done(socket_world.ae().associate("no such host", 11112, contexts=[build_context(VERIFICATION)]))


@pytest.mark.parametrize("address", [7, "abc", ("127.0.0.1",), ("127.0.0.1", "0"), (7, 0), ("::", 0, 0)])
async def test_a_malformed_bind_address_is_refused(socket_world: World, address: Any) -> None:
    with pytest.raises(TypeError):
        await done(
            socket_world.ae().associate(LOCALHOST, 11112, contexts=[build_context(VERIFICATION)], bind_address=address)
        )


async def test_a_local_port_in_use_is_an_os_error(socket_world: World) -> None:
    with socket.socket() as taken:
        taken.bind((LOCALHOST, 0))
        taken.listen()
        with pytest.raises(OSError, match=r"."):
            await done(
                socket_world.ae().associate(
                    LOCALHOST, 11112, contexts=[build_context(VERIFICATION)], bind_address=taken.getsockname()
                )
            )


ARGUMENTS: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"addr": 7}, TypeError),
    ({"addr": "no such host"}, socket.gaierror),
    ({"bind_address": (LOCALHOST,)}, TypeError),
    ({"bind_address": ("no such host", 0)}, socket.gaierror),
    ({"bind_address": ("192.0.2.1", 0)}, OSError),
    ({"ae_title": ""}, ValueError),
    ({"max_pdu": "x"}, TypeError),
    ({"ext_neg": [7]}, TypeError),
    ({"contexts": [7]}, ValueError),
    ({"contexts": []}, RuntimeError),
]


@pytest.mark.parametrize("first", range(len(ARGUMENTS) - 1))
async def test_of_several_bad_arguments_the_documented_first_one_is_reported(socket_world: World, first: int) -> None:
    # Later ones differ in their exception type where they can; 'addr' twice is one argument.
    good = {"addr": LOCALHOST, "port": 11112, "contexts": [build_context(VERIFICATION)]}
    bad: dict[str, Any] = {}
    for arguments, _ in reversed(ARGUMENTS[first:]):
        bad |= arguments
    with pytest.raises(ARGUMENTS[first][1]) as caught:
        await done(socket_world.ae().associate(**(good | bad)))
    assert type(caught.value) is ARGUMENTS[first][1]


# -- what is proposed ---------------------------------------------------------------------------------------------
async def test_contexts_are_copied_and_numbered_1_3_5(world: World) -> None:
    mine = [build_context(VERIFICATION), build_context(CT_IMAGE_STORAGE), build_context(VERIFICATION)]
    server = await world.serve()
    association = await world.associate(server, contexts=mine)
    assert [context.context_id for context in association.accepted_contexts] == [1, 3, 5]
    assert [context.context_id for context in mine] == [None, None, None]
    assert [len(context.transfer_syntax) for context in mine] == [4, 4, 4]
    proposed = association.requestor.get_contexts("pcdl")
    assert [(context.context_id, context.abstract_syntax) for context in proposed] == [
        (1, VERIFICATION),
        (3, CT_IMAGE_STORAGE),
        (5, VERIFICATION),
    ]
    mine[0].abstract_syntax = CT_IMAGE_STORAGE
    assert association.accepted_contexts[0].abstract_syntax == VERIFICATION
    assert association.requestor.requested_contexts[0].abstract_syntax == VERIFICATION
    await done(association.release())


async def test_the_contexts_of_the_ae_are_proposed_by_default_and_keep_no_ids(world: World) -> None:
    server = await world.serve()
    ae = world.ae()
    ae.add_requested_context(CT_IMAGE_STORAGE)
    association = await done(ae.associate(LOCALHOST, port_of(server)))
    assert [context.abstract_syntax for context in association.accepted_contexts] == [CT_IMAGE_STORAGE]
    assert ae.requested_contexts[0].context_id is None
    await done(association.release())


async def test_128_contexts_can_be_proposed(world: World) -> None:
    server = await world.serve()
    association = await world.associate(server, contexts=[build_context(VERIFICATION)] * 128)
    assert [context.context_id for context in association.accepted_contexts] == list(range(1, 256, 2))
    await done(association.release())


@pytest.mark.parametrize("max_pdu", [0, 8, 128, 16382, 0xFFFFFFFF])
async def test_max_pdu_is_what_the_peer_is_told(world: World, max_pdu: int) -> None:
    seen = Recorder()
    server = await world.serve(seen.bindings(evt.EVT_REQUESTED))
    association = await world.associate(server, max_pdu=max_pdu)
    assert association.is_established
    assert association.requestor.maximum_length == max_pdu
    assert seen.events[0].assoc.requestor.maximum_length == max_pdu
    assert association.local["pdv_size"] == max_pdu
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


async def test_the_acceptor_announces_the_maximum_pdu_size_of_its_ae(world: World) -> None:
    ae = world.ae()
    ae.maximum_pdu_size = 4096
    server = await world.serve(ae=ae)
    client = world.ae()
    client.maximum_pdu_size = 8192
    association = await world.associate(server, ae=client)
    assert association.acceptor.maximum_length == 4096
    assert association.requestor.maximum_length == 16382
    await done(association.release())


async def test_the_acceptor_is_told_who_we_are(world: World) -> None:
    seen = Recorder()
    server = await world.serve(seen.bindings(evt.EVT_REQUESTED))
    ae = world.ae("  MINE")
    ae.implementation_class_uid = "1.2.3.4"
    ae.implementation_version_name = None
    association = await world.associate(server, ae=ae, ae_title="THEIRS")
    requestor = seen.events[0].assoc.requestor
    assert requestor.ae_title == "MINE"
    assert requestor.primitive.calling_ae_title == "MINE"
    assert requestor.primitive.called_ae_title == "THEIRS"
    assert requestor.primitive.application_context_name == "1.2.840.10008.3.1.1.1"
    assert requestor.implementation_class_uid == "1.2.3.4"
    assert requestor.implementation_version_name is None
    await done(association.release())


async def test_the_requestor_knows_both_titles_and_what_the_acceptor_is(world: World) -> None:
    server = await world.serve()
    association = await world.associate(server, ae=world.ae("  MINE"), ae_title="THEIRS")
    assert association.acceptor.ae_title == "THEIRS"
    assert association.requestor.ae_title.strip() == "MINE"
    assert association.acceptor.implementation_class_uid == server.ae.implementation_class_uid
    await done(association.release())


async def test_after_negotiation_the_sides_cannot_be_written(world: World) -> None:
    association = await world.join()
    for side in (association.requestor, association.acceptor):
        assert not side.writeable
        for name, value in (
            ("maximum_length", 1000),
            ("implementation_class_uid", "1.2"),
            ("implementation_version_name", "X"),
        ):
            with pytest.raises(RuntimeError):
                setattr(side, name, value)
        with pytest.raises(RuntimeError):
            side.add_negotiation_item(build_role(CT_IMAGE_STORAGE, scu_role=True))
        with pytest.raises(RuntimeError):
            side.reset_negotiation_items()
    with pytest.raises(AttributeError):
        association.requestor.supported_contexts = []
    with pytest.raises(AttributeError):
        association.acceptor.requested_contexts = []
    with pytest.raises(RuntimeError):
        _ = association.requestor.accepted_common_extended
    assert association.remote["mode"] == "acceptor"
    assert association.local["ae_title"] == "CLIENT"
    await done(association.release())


async def test_the_bind_address_is_where_the_connection_comes_from(socket_world: World) -> None:
    seen = Recorder()
    server = await socket_world.serve(seen.bindings(evt.EVT_CONN_OPEN))
    for address in ((LOCALHOST, 0), [LOCALHOST, 0], ("", 0), None):
        association = await socket_world.associate(server, bind_address=address)
        assert association.is_established
        there = seen.events[-1]
        assert there.address[0] == LOCALHOST
        assert association.requestor.port == there.address[1]
        assert association.requestor.address == LOCALHOST
        assert association.acceptor.port == port_of(server)
        await done(association.release())


async def test_the_request_is_on_its_way_before_anybody_is_told(world: World) -> None:
    listener = await world.listen()
    arrived = world.signal()

    async def peer() -> None:
        other = await listener.accept()
        await other.pdu()
        arrived.set()
        await other.close()

    job = world.start(peer)

    async def requested(event: evt.Event) -> None:
        # A handler that waits for the peer to have the request.
        await arrived.wait()
        seen.append(event.assoc.requestor.ae_title)

    seen: list[str] = []
    contexts = [build_context(VERIFICATION)]
    ae = world.ae("ME")
    association = await done(
        ae.associate(*listener.server_address, contexts=contexts, evt_handlers=[(evt.EVT_REQUESTED, requested)])
    )
    await job.result()
    assert seen == ["ME"]
    assert association.is_aborted
