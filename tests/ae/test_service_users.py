"""``assoc.requestor`` and ``assoc.acceptor``: before, after and without negotiation, seen from both ends."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import build_context, build_role, evt
from dicomwire.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, Recorder, World, done, port_of

STORAGE = "1.2.840.10008.4.2"
PRIVATE = "1.2.3.4.5.6.9"
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


def items() -> list[Any]:
    """One of each kind."""
    identity = UserIdentityNegotiation()
    identity.user_identity_type = 5
    identity.primary_field = b"token"
    identity.positive_response_requested = True
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid = CT_IMAGE_STORAGE
    extended.service_class_application_information = b"\1\2"
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid = PRIVATE
    common.service_class_uid = STORAGE
    common.related_general_sop_class_identification = [CT_IMAGE_STORAGE]
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = 5
    return [build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=True), extended, common, window, identity]


async def negotiated(world: World, told: Any = ()) -> tuple[Any, Any]:
    """Both ends of an association in which everything was negotiated."""
    seen = Recorder()
    supported = [build_context(uid) for uid in (VERIFICATION, CT_IMAGE_STORAGE)]
    supported[1].scu_role, supported[1].scp_role = False, True
    handlers = [
        (evt.EVT_USER_ID, lambda event: (True, b"welcome")),
        (evt.EVT_SOP_EXTENDED, lambda event: {CT_IMAGE_STORAGE: b"\3"}),
        (evt.EVT_SOP_COMMON, lambda event: event.items),
        (evt.EVT_ASYNC_OPS, lambda event: (3, 1)),
        *seen.bindings(evt.EVT_ESTABLISHED),
        *told,
    ]
    server_ae = world.ae("SERVER")
    server_ae.maximum_pdu_size = 20000
    server_ae.implementation_class_uid = "1.2.9"
    server = await world.serve(handlers, ae=server_ae, contexts=supported)
    association = await world.associate(
        server,
        contexts=[build_context(uid) for uid in (VERIFICATION, CT_IMAGE_STORAGE, MR_IMAGE_STORAGE)],
        ext_neg=items(),
        ae_title="CALLED",
        max_pdu=10000,
    )
    assert association.is_established
    return association, seen.events[0].assoc


async def test_both_ends_agree_on_who_is_who(world: World) -> None:
    ends = await negotiated(world)
    for association in ends:
        requestor, acceptor = association.requestor, association.acceptor
        assert (requestor.mode, requestor.is_requestor, requestor.is_acceptor) == ("requestor", True, False)
        assert (acceptor.mode, acceptor.is_requestor, acceptor.is_acceptor) == ("acceptor", False, True)
        assert not requestor.writeable and not acceptor.writeable
        assert requestor.ae_title == "CLIENT"
        assert (requestor.maximum_length, acceptor.maximum_length) == (10000, 20000)
        assert acceptor.implementation_class_uid == "1.2.9"
        assert requestor.implementation_version_name
    await done(ends[0].release())


async def test_each_side_has_its_primitive_and_its_address_on_both_ends(world: World) -> None:
    ends = await negotiated(world)
    for side in (side for association in ends for side in (association.requestor, association.acceptor)):
        assert isinstance(side.primitive, A_ASSOCIATE)
        assert side.info == {
            "ae_title": side.ae_title,
            "address": side.address,
            "port": side.port,
            "mode": side.mode,
            "pdv_size": side.maximum_length,
        }
        assert {type(item).__name__ for item in side.user_information} >= {
            "MaximumLengthNotification",
            "ImplementationClassUIDNotification",
            "ImplementationVersionNameNotification",
        }
        if world.name != "memory":
            assert (side.address_info.address, side.address_info.port) == (side.address, side.port)
    await done(ends[0].release())


async def test_both_ends_know_what_was_proposed(world: World) -> None:
    ends = await negotiated(world)
    for requestor in (association.requestor for association in ends):
        assert [item.sop_class_uid for item in requestor.role_selection.values()] == [CT_IMAGE_STORAGE]
        assert requestor.role_selection[CT_IMAGE_STORAGE].scu_role is True
        assert requestor.sop_class_extended == {CT_IMAGE_STORAGE: b"\1\2"}
        assert requestor.sop_class_common_extended[PRIVATE].service_class_uid == STORAGE
        assert requestor.asynchronous_operations == (5, 1)
        assert (requestor.user_identity.user_identity_type, requestor.user_identity.primary_field) == (5, b"token")
        assert len(requestor.extended_negotiation) == 5
    await done(ends[0].release())


async def test_both_ends_know_what_was_answered(world: World) -> None:
    ends = await negotiated(world)
    for acceptor in (association.acceptor for association in ends):
        answered = acceptor.role_selection[CT_IMAGE_STORAGE]
        assert (answered.scu_role, answered.scp_role) == (False, True)
        assert acceptor.sop_class_extended == {CT_IMAGE_STORAGE: b"\3"}
        assert acceptor.sop_class_common_extended == {}
        assert acceptor.asynchronous_operations == (1, 1)
        assert acceptor.user_identity.server_response == b"welcome"
    await done(ends[0].release())


async def test_each_side_has_its_contexts_on_both_ends(world: World) -> None:
    ends = await negotiated(world)
    for association in ends:
        requestor, acceptor = association.requestor, association.acceptor
        assert [cx.context_id for cx in requestor.requested_contexts] == [1, 3, 5]
        assert requestor.get_contexts("requested") == requestor.get_contexts("pcdl")
        assert [(cx.context_id, cx.result) for cx in acceptor.get_contexts("pcdrl")] == [(1, 0), (3, 0), (5, 3)]
        for side, kinds in ((requestor, ("supported", "pcdrl", "x")), (acceptor, ("requested", "pcdl", "x"))):
            for kind in kinds:
                with pytest.raises(ValueError, match="contexts"):
                    side.get_contexts(kind)
    await done(ends[0].release())


async def test_common_extended_negotiation_is_accepted_on_the_acceptors_end(world: World) -> None:
    here, there = await negotiated(world)
    assert there.acceptor.accepted_common_extended == {PRIVATE: (STORAGE, [CT_IMAGE_STORAGE])}
    for requestor in (here.requestor, there.requestor):
        with pytest.raises(RuntimeError):
            _ = requestor.accepted_common_extended
    await done(here.release())


async def test_roles_and_results_are_seen_from_each_end(world: World) -> None:
    here, there = await negotiated(world)
    for association, ours in (
        (here, {1: (True, False), 3: (False, True)}),
        (there, {1: (False, True), 3: (True, False)}),
    ):
        found = {cx.context_id: (cx.as_scu, cx.as_scp) for cx in association.accepted_contexts}
        assert found == ours
        assert all(len(cx.transfer_syntax) == 1 and cx.result == 0 for cx in association.accepted_contexts)
        assert [(cx.context_id, cx.result) for cx in association.rejected_contexts] == [(5, 3)]
    await done(here.release())


async def test_before_negotiation_the_requestors_side_says_what_the_acceptor_will_be_asked(world: World) -> None:
    """In a handler of EVT_REQUESTED the acceptor's side can be changed, the requestor's not any more."""
    seen: dict[str, Any] = {}

    def requested(event: evt.Event) -> None:
        requestor, acceptor = event.assoc.requestor, event.assoc.acceptor
        seen["writeable"] = requestor.writeable, acceptor.writeable
        seen["primitive"] = requestor.primitive is not None, acceptor.primitive
        seen["info"] = acceptor.info
        item = build_role(MR_IMAGE_STORAGE, scu_role=True)
        acceptor.add_negotiation_item(item)
        seen["added"] = acceptor.extended_negotiation, len(acceptor.user_information)
        acceptor.remove_negotiation_item(item)
        acceptor.remove_negotiation_item(item)
        seen["removed"] = acceptor.extended_negotiation
        acceptor.add_negotiation_item(item)
        acceptor.reset_negotiation_items()
        seen["reset"] = acceptor.extended_negotiation, acceptor.asynchronous_operations, acceptor.user_identity
        for act in (acceptor.add_negotiation_item, acceptor.remove_negotiation_item):
            with pytest.raises(TypeError):
                act("nothing")
        for name, value, kind in (
            ("maximum_length", -1, ValueError),
            ("ae_title", "", ValueError),
            ("implementation_class_uid", None, TypeError),
            ("implementation_version_name", "", ValueError),
        ):
            with pytest.raises(kind):
                setattr(acceptor, name, value)
        acceptor.maximum_length = 30000
        acceptor.implementation_class_uid = "1.2.8"
        acceptor.implementation_version_name = None
        with pytest.raises(RuntimeError):
            requestor.maximum_length = 1
        with pytest.raises(RuntimeError):
            requestor.requested_contexts = []

    here, _ = await negotiated(world, [(evt.EVT_REQUESTED, requested)])
    assert seen["writeable"] == (False, True)
    assert seen["primitive"] == (True, None)
    assert "pdv_size" not in seen["info"]
    assert [item.sop_class_uid for item in seen["added"][0]] == [MR_IMAGE_STORAGE]
    assert (seen["removed"], seen["reset"]) == ([], ([], (1, 1), None))
    assert here.acceptor.maximum_length == 30000
    assert here.acceptor.implementation_class_uid == "1.2.8"
    assert here.acceptor.implementation_version_name is None
    await done(here.release())


async def test_without_an_association_the_acceptor_is_unknown(world: World) -> None:
    ae = world.ae("SERVER")
    ae.require_called_aet = True
    server = await world.serve(ae=ae)
    rejected = await world.associate(server, ae_title="OTHER")
    assert rejected.is_rejected
    assert (rejected.acceptor.primitive.result, rejected.acceptor.primitive.diagnostic) == (1, 7)
    server.shutdown()
    refused = await world.associate(server)
    assert refused.is_aborted and refused.acceptor.primitive is None
    for association in (rejected, refused):
        assert association.accepted_contexts == association.rejected_contexts == []
        assert association.acceptor.port == port_of(server)


async def test_the_side_cannot_be_changed(world: World) -> None:
    here, there = await negotiated(world)
    for association, mode, other in ((here, "requestor", "acceptor"), (there, "acceptor", "requestor")):
        assert association.mode == mode
        association.mode = mode
        for wrong in (other, "nonsense", None):
            with pytest.raises(ValueError, match="association"):
                association.mode = wrong
        assert (association.is_requestor, association.is_acceptor) == (mode == "requestor", mode == "acceptor")
        assert association.local["mode"] == mode
        assert association.remote["mode"] == other
        assert isinstance(association.name, str)
    await done(here.release())
