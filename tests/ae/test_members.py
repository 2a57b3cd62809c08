"""Documented members that only objects have, and what programs override."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from dicomwire import build_context, evt
from dicomwire.events import trigger
from dicomwire.transport import AddressInformation, AssociationServer, RequestHandler, ThreadedAssociationServer
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, PATIENCE, VERIFICATION, Recorder, World, done, keep

ASSOCIATION = (
    "is_established", "is_rejected", "is_aborted", "is_released", "is_requestor", "is_acceptor", "mode",
    "accepted_contexts", "rejected_contexts", "requestor", "acceptor", "local", "remote", "ae", "acse_timeout",
    "dimse_timeout", "network_timeout", "connection_timeout", "network_timeout_response", "name", "acse", "dimse",
    "dul",
)  # fmt: skip
SERVICE_USER = (
    "ae_title", "address", "port", "address_info", "mode", "is_requestor", "is_acceptor", "writeable", "primitive",
    "info", "maximum_length", "implementation_class_uid", "implementation_version_name", "requested_contexts",
    "supported_contexts", "role_selection", "sop_class_extended", "sop_class_common_extended",
    "asynchronous_operations", "user_identity", "user_information", "extended_negotiation",
)  # fmt: skip
PRIMITIVE = (
    "application_context_name", "calling_ae_title", "called_ae_title", "result", "result_source", "diagnostic",
    "result_str", "source_str", "reason_str", "user_information", "maximum_length_received",
    "implementation_class_uid", "presentation_context_definition_list",
    "presentation_context_definition_results_list", "calling_presentation_address", "called_presentation_address",
)  # fmt: skip
PDU = {
    "A_ASSOCIATE_RQ": ("called_ae_title", "calling_ae_title", "presentation_context", "user_information",
                       "application_context_name", "protocol_version"),
    "A_ASSOCIATE_AC": ("called_ae_title", "calling_ae_title", "presentation_context", "user_information",
                       "application_context_name", "protocol_version"),
    "A_ASSOCIATE_RJ": ("result", "source", "reason_diagnostic", "result_str", "source_str"),
    "A_ABORT_RQ": ("source", "reason_diagnostic", "source_str", "reason_str"),
    "P_DATA_TF": ("presentation_data_value_items",),
    "A_RELEASE_RQ": (),
    "A_RELEASE_RP": (),
}  # fmt: skip


async def test_both_ends_have_the_documented_members_at_every_time(world: World) -> None:
    seen = Recorder()
    server = await world.serve(seen.bindings(evt.EVT_REQUESTED, evt.EVT_ESTABLISHED, evt.EVT_RELEASED))
    association = await world.associate(server, evt_handlers=seen.bindings(evt.EVT_REQUESTED, evt.EVT_RELEASED))
    await done(association.release())
    await world.until(lambda: seen.names.count("RELEASED") == 2)
    for event in seen.events:
        for name in ASSOCIATION:
            getattr(event.assoc, name)
        for side in (event.assoc.requestor, event.assoc.acceptor):
            for name in SERVICE_USER:
                getattr(side, name)
        for name in PRIMITIVE:
            getattr(event.assoc.requestor.primitive, name)
    assert {type(event.assoc.name) for event in seen.events} == {str}
    assert association.local["mode"] == association.mode == "requestor"
    association.mode = "requestor"
    for other in ("acceptor", "nonsense", None):
        with pytest.raises(ValueError, match="mode"):
            association.mode = other


async def test_pdus_in_events_have_their_documented_names_and_members(world: World) -> None:
    seen = Recorder()
    handlers = [(evt.EVT_C_ECHO, lambda event: event.assoc.acse.send_abort(0))]
    association = await world.join(handlers, evt_handlers=seen.bindings(evt.EVT_PDU_RECV, evt.EVT_PDU_SENT))
    await done(association.send_c_echo())
    association = await world.join(evt_handlers=seen.bindings(evt.EVT_PDU_RECV, evt.EVT_PDU_SENT))
    await done(association.release())
    reject = [(evt.EVT_REQUESTED, lambda event: event.assoc.acse.send_reject(1, 1, 1))]
    server = await world.serve(reject)
    await world.associate(server, evt_handlers=seen.bindings(evt.EVT_PDU_RECV, evt.EVT_PDU_SENT))
    pdus = [event.pdu for event in seen.events]
    import dicomwire.pdu as module

    named = {name: [pdu for pdu in pdus if type(pdu) is getattr(module, name)] for name in PDU}
    assert all(named.values())
    for name, members in PDU.items():
        for member in (*members, "pdu_type", "pdu_length"):
            getattr(named[name][0], member)
        assert named[name][0].encode()
        assert str(named[name][0])


async def test_a_server_has_its_documented_members(blocking_world: World) -> None:
    ae = blocking_world.ae()
    server = await blocking_world.serve(ae=ae)
    assert (server.ae, server.ae_title, server.ssl_context) == (ae, "TESTER", None)
    assert server.address_info == AddressInformation(LOCALHOST, 0)
    assert server.address_family == socket.AF_INET
    assert server.socket.getsockname() == server.server_address
    assert server.request_handler is RequestHandler
    assert [str(context.abstract_syntax) for context in server.contexts] == [VERIFICATION, CT_IMAGE_STORAGE]
    assert server.timeout == 60
    assert server.active_associations == []


async def test_what_a_server_is_named_and_supports_may_change_while_it_runs(world: World) -> None:
    ae = world.ae()
    ae.require_called_aet = True
    server = await world.serve(ae=ae)
    server.ae_title = "OTHER"
    server.contexts = [build_context(CT_IMAGE_STORAGE)]
    association = await world.associate(server, ae_title="OTHER")
    assert [str(context.abstract_syntax) for context in association.accepted_contexts] == [CT_IMAGE_STORAGE]
    await done(association.release())
    assert (await world.associate(server)).is_rejected


class Overriding(AssociationServer):
    """Every point that programs override."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.called: list[str] = []
        super().__init__(*args, **kwargs)

    def server_bind(self) -> None:
        self.called.append("server_bind")
        super().server_bind()

    def server_activate(self) -> None:
        self.called.append("server_activate")
        super().server_activate()

    def get_request(self) -> tuple[socket.socket, tuple[Any, ...]]:
        request, client_address = super().get_request()
        self.called.append("get_request")
        return request, client_address

    def verify_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> bool:
        self.called.append("verify_request")
        return super().verify_request(request, client_address)

    def process_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        self.called.append("process_request")
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        self.called.append("process_request_thread")
        super().process_request_thread(request, client_address)

    def finish_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        self.called.append("finish_request")
        super().finish_request(request, client_address)

    def service_actions(self) -> None:
        self.called.append("service_actions")


async def test_the_points_to_override_are_called(blocking_world: World) -> None:
    ae = blocking_world.ae()
    contexts = [build_context(VERIFICATION)]
    with ae.make_server((LOCALHOST, 0), contexts=contexts, server_class=Overriding) as server:
        assert server.called == ["server_bind", "server_activate"]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        association = await blocking_world.associate(server)
        assert (await done(association.send_c_echo())).Status == 0
        await blocking_world.until(lambda: "service_actions" in server.called)
        called = [name for name in server.called if name != "service_actions"]
        assert called == [
            "server_bind", "server_activate", "get_request", "verify_request", "process_request",
            "process_request_thread", "finish_request",
        ]  # fmt: skip
        await done(association.release())
    thread.join(PATIENCE)
    assert not thread.is_alive()


async def test_leaving_a_blocking_server_ends_its_associations(blocking_world: World) -> None:
    ae = blocking_world.ae()
    with ae.start_server((LOCALHOST, 0), block=False, contexts=[build_context(VERIFICATION)]) as server:
        assert isinstance(server, ThreadedAssociationServer)
        association = await blocking_world.associate(server)
        assert association.is_established
        (accepted,) = server.active_associations
    assert not accepted.is_alive() and accepted.is_aborted
    assert server.active_associations == []
    assert server.socket.fileno() == -1
    await blocking_world.until(lambda: association.is_aborted)


# -- trigger -------------------------------------------------------------------------------------------------------
async def test_triggering_a_notification_calls_every_handler_whatever_they_raise(world: World) -> None:
    seen: list[Any] = []
    association = await world.join()

    def fail(event: evt.Event) -> None:
        raise LookupError("no")

    association.bind(evt.EVT_PDU_SENT, fail)
    association.bind(evt.EVT_PDU_SENT, lambda event, more: seen.append((event.pdu, event.assoc, more)), ["more"])
    association.unbind(evt.EVT_PDU_RECV, fail)
    assert trigger(association, evt.EVT_PDU_SENT, {"pdu": 7}) is None
    assert (7, association, "more") in seen
    association.unbind(evt.EVT_PDU_SENT, fail)
    await done(association.release())


async def test_triggering_an_intervention_gives_what_the_handler_gives_and_raises(world: World) -> None:
    association = await world.join()
    association.bind(evt.EVT_USER_ID, lambda event: (event.user_id_type == 1, None))
    assert trigger(association, evt.EVT_USER_ID, {"user_id_type": 1}) == (True, None)
    with pytest.raises(NotImplementedError):
        trigger(association, evt.EVT_C_STORE)
    seen: list[Any] = []
    association.bind(evt.EVT_C_ECHO, lambda event: keep(seen, event.timestamp, 5))
    assert trigger(association, evt.EVT_C_ECHO) == 5
    await done(association.release())


async def test_a_blocking_association_has_what_programs_ask_of_a_thread(blocking_world: World) -> None:
    seen = Recorder()
    server = await blocking_world.serve(seen.bindings(evt.EVT_ESTABLISHED))
    association = await blocking_world.associate(server)
    await blocking_world.until(lambda: seen.events)
    accepted = seen.events[0].assoc
    assert association.ident == threading.get_ident()
    assert association.native_id == threading.get_native_id()
    assert accepted.ident not in (association.ident, None)
    assert (association.daemon, association.getName()) == (True, association.name)
    association.release()
