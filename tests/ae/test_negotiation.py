"""What the acceptor decides: rejections, identities, roles, extended negotiation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dicomwire import _config, build_context, build_role, evt
from dicomwire.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from dicomwire.upper_layer import remembered
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRQ
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, Recorder, World, done, keep, usual_contexts
from tests.support.rejections import codes
from tests.support.sessions import proposal, request
from tests.support.streams import ASSOCIATE_RQ, abort

PRIVATE = "1.2.3.4.5.6.7"
IMPLICIT = "1.2.840.10008.1.2"
JPEG = "1.2.840.10008.1.2.4.50"


# -- rejections ---------------------------------------------------------------------------------------------------
async def test_a_calling_title_that_is_not_required_is_rejected(world: World) -> None:
    ae = world.ae()
    ae.require_calling_aet = ["  FRIEND", "OTHER "]
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_REQUESTED, evt.EVT_REJECTED, evt.EVT_ACCEPTED), ae=ae)
    association = await world.associate(server, ae=world.ae("STRANGER"))
    assert codes(association) == (1, 1, 3)
    assert "calling AE title" in association.failure
    await world.until(lambda: "REJECTED" in told.names)
    assert told.names == ["REQUESTED", "REJECTED"]
    assert told.events[0].assoc.is_rejected
    friend = await world.associate(server, ae=world.ae("FRIEND  "))
    assert friend.is_established
    ae.require_calling_aet = []
    stranger = await world.associate(server, ae=world.ae("STRANGER"))
    assert stranger.is_established
    await done(friend.release())
    await done(stranger.release())


async def test_a_called_title_that_is_not_the_servers_is_rejected_if_required(world: World) -> None:
    ae = world.ae("OF-THE-AE")
    ae.require_called_aet = True
    server = await world.serve(ae=ae, ae_title=" OF-THE-SERVER ")
    assert codes(await world.associate(server, ae_title="OF-THE-AE")) == (1, 1, 7)
    association = await world.associate(server, ae_title="OF-THE-SERVER")
    assert association.is_established
    await done(association.release())
    server.ae_title = "CHANGED"
    association = await world.associate(server, ae_title="CHANGED")
    assert association.is_established
    await done(association.release())
    ae.require_called_aet = False
    association = await world.associate(server, ae_title="ANYTHING")
    assert association.is_established
    await done(association.release())


async def test_more_associations_than_the_maximum_are_rejected(world: World) -> None:
    ae = world.ae()
    ae.maximum_associations = 2
    server = await world.serve(ae=ae)
    other = await world.serve(ae=ae)
    first, second = await world.associate(server), await world.associate(other)
    assert codes(await world.associate(server)) == (2, 3, 2)
    assert first.is_established and second.is_established
    await done(first.release())
    await world.until(lambda: len(ae.active_associations) == 1)
    third = await world.associate(server)
    assert third.is_established
    for association in (second, third):
        await done(association.release())


async def test_associations_that_we_request_do_not_count_for_the_maximum(world: World) -> None:
    ae = world.ae()
    ae.maximum_associations = 1
    server = await world.serve(ae=ae)
    outside = await world.serve()
    requested = await world.associate(outside, ae=ae)
    accepted = await world.associate(server)
    assert requested.is_established and accepted.is_established
    assert len(ae.active_associations) == 2
    for association in (requested, accepted):
        await done(association.release())


async def test_an_unknown_protocol_version_is_rejected_before_any_event(world: World) -> None:
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_REQUESTED, evt.EVT_REJECTED))
    peer = await world.connect(server)
    await peer.send(ASSOCIATE_RQ[:6] + b"\0\2" + ASSOCIATE_RQ[8:])
    assert await peer.pdu() == bytes.fromhex("030000000004 00010202")
    await peer.close()
    await world.until(lambda: not server.active_associations)
    assert "REQUESTED" not in told.names


async def test_a_wrong_application_context_is_rejected_only_with_uid_conformance(world: World) -> None:
    server = await world.serve()
    wrong = ASSOCIATE_RQ.replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.2")
    wrong = wrong.replace(b"\x40\0\0\x011", b"\x40\0\0\x11" + b"1.2.840.10008.1.2")
    wrong = wrong.replace(b"\x20\0\0\x1e", b"\x20\0\0\x2e").replace(b"\x01\0\0\0\0\x8b", b"\x01\0\0\0\0\x9b", 1)
    peer = await world.connect(server)
    await peer.send(wrong)
    assert (await peer.pdu())[0] == 2
    await peer.send(abort(0, 0))
    await peer.close()
    _config.ENFORCE_UID_CONFORMANCE = True
    peer = await world.connect(server)
    await peer.send(wrong)
    assert await peer.pdu() == bytes.fromhex("030000000004 00010102")
    await peer.close()


async def test_a_handler_can_reject_a_request_by_aborting(world: World) -> None:
    async def refuse(event: evt.Event) -> None:
        await done(event.assoc.abort())

    told = Recorder()
    server = await world.serve([(evt.EVT_REQUESTED, refuse), *told.bindings(evt.EVT_ABORTED, evt.EVT_ACCEPTED)])
    association = await world.associate(server)
    assert association.is_aborted and not association.is_rejected
    await world.until(lambda: told.names)
    assert told.names == ["ABORTED"]


async def test_a_request_is_accepted_even_if_every_context_is_rejected(world: World) -> None:
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_ACCEPTED, evt.EVT_ESTABLISHED, evt.EVT_REJECTED))
    association = await world.associate(server, contexts=[build_context(PRIVATE)])
    assert association.is_aborted
    await world.until(lambda: told.names)
    assert "ACCEPTED" in told.names and "REJECTED" not in told.names


async def test_the_transfer_syntax_is_chosen_in_the_order_of_the_acceptor(world: World) -> None:
    explicit = "1.2.840.10008.1.2.1"
    server = await world.serve(contexts=[build_context(VERIFICATION, [JPEG, explicit, IMPLICIT])])
    association = await world.associate(server, contexts=[build_context(VERIFICATION, [IMPLICIT, explicit])])
    assert association.accepted_contexts[0].transfer_syntax == [explicit]
    assert association.accepted_contexts[0].result == 0
    await done(association.release())


async def test_the_contexts_of_a_server_may_be_changed_while_it_runs(world: World) -> None:
    server = await world.serve()
    server.contexts = [build_context(VERIFICATION)]
    association = await world.associate(server)
    assert [context.abstract_syntax for context in association.accepted_contexts] == [VERIFICATION]
    assert [context.result for context in association.rejected_contexts] == [3]
    await done(association.release())


async def test_a_handler_may_change_what_is_supported_for_one_association(world: World) -> None:
    chosen = [[build_context(VERIFICATION)], None]

    def choose(event: evt.Event) -> None:
        acceptor = event.assoc.acceptor
        assert len(acceptor.supported_contexts) == len(usual_contexts())
        if contexts := chosen.pop(0):
            acceptor.supported_contexts = contexts
            acceptor.maximum_length = 4096

    server = await world.serve([(evt.EVT_REQUESTED, choose)])
    one, other = await world.associate(server), await world.associate(server)
    assert [context.abstract_syntax for context in one.accepted_contexts] == [VERIFICATION]
    assert len(other.accepted_contexts) == 2
    assert (one.acceptor.maximum_length, other.acceptor.maximum_length) == (4096, 16382)
    await done(one.release())
    await done(other.release())


# -- user identity ------------------------------------------------------------------------------------------------
def identity(kind: int, primary: bytes = b"me", secondary: bytes = b"", *, asks: bool = True) -> Any:
    item = UserIdentityNegotiation()
    item.user_identity_type = kind
    item.primary_field = primary
    item.secondary_field = secondary
    item.positive_response_requested = asks
    return item


async def test_who_the_user_was_is_not_kept_when_the_answer_does_not_name_it(world: World) -> None:
    server = await world.serve([(evt.EVT_USER_ID, lambda event: (True, None))])
    association = await world.associate(server, ext_neg=[identity(2, b"me", b"no such secret", asks=False)])
    assert association.is_established
    await done(association.release())
    assert remembered._known, "nothing is remembered at all"
    for data, (_, pdu) in remembered._known.items():
        assert b"no such secret" not in data
        kept = [part for key in pdu.derived_values for part in (key if isinstance(key, tuple) else [key])]
        assert not any(remembered.names_user(part) for part in kept if isinstance(part, AssociateRQ | AssociateAC))


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5])
async def test_an_identity_is_shown_to_the_handler_and_its_response_sent(world: World, kind: int) -> None:
    seen: list[Any] = []

    def check(event: evt.Event) -> Any:
        seen.append((event.user_id_type, event.primary_field, event.secondary_field or b""))
        assert event.assoc.requestor.user_identity is not None
        return True, b"ticket"

    secondary = b"secret" if kind == 2 else b""
    server = await world.serve([(evt.EVT_USER_ID, check)])
    association = await world.associate(server, ext_neg=[identity(kind, secondary=secondary)])
    assert association.is_established
    assert seen == [(kind, b"me", secondary)]
    answer = association.acceptor.user_identity
    if kind in (3, 4, 5):
        assert answer.server_response == b"ticket"
    else:
        assert answer is None
    await done(association.release())


@pytest.mark.parametrize(
    ("response", "asks"), [pytest.param(None, True, id="none"), pytest.param(b"x", False, id="not-asked-for")]
)
async def test_no_identity_response_is_sent_unless_there_is_one_and_it_was_asked_for(
    world: World, response: bytes | None, asks: bool
) -> None:
    server = await world.serve([(evt.EVT_USER_ID, lambda event: (True, response))])
    association = await world.associate(server, ext_neg=[identity(3, asks=asks)])
    assert association.is_established
    assert association.acceptor.user_identity is None
    await done(association.release())


@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize(("asks", "response"), [(True, b""), (False, None)])
async def test_an_empty_response_tells_who_asks_that_a_user_name_was_checked(
    world: World, kind: int, asks: bool, response: bytes | None
) -> None:
    server = await world.serve([(evt.EVT_USER_ID, lambda event: (True, b""))])
    secondary = b"secret" if kind == 2 else b""
    association = await world.associate(server, ext_neg=[identity(kind, secondary=secondary, asks=asks)])
    assert association.is_established
    answer = association.acceptor.user_identity
    assert (None if answer is None else answer.server_response) == response
    await done(association.release())


def _raises(event: evt.Event) -> Any:
    raise RuntimeError("the handler is broken")


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(lambda event: (False, None), id="refused"),
        pytest.param(lambda event: (False, b"x"), id="refused-with-response"),
        pytest.param(_raises, id="raised"),
        pytest.param(lambda event: None, id="none"),
        pytest.param(lambda event: True, id="no-pair"),
    ],
)
async def test_an_identity_that_is_not_verified_is_rejected(world: World, handler: Any) -> None:
    server = await world.serve([(evt.EVT_USER_ID, handler)])
    assert codes(await world.associate(server, ext_neg=[identity(1)])) == (2, 2, 1)


async def test_an_identity_that_nobody_checks_is_accepted_without_response(world: World) -> None:
    server = await world.serve()
    association = await world.associate(server, ext_neg=[identity(3)])
    assert association.is_established
    assert association.acceptor.user_identity is None
    await done(association.release())


async def test_nobody_is_asked_about_the_identity_of_who_is_rejected_anyway(world: World) -> None:
    asked: list[Any] = []
    ae = world.ae()
    ae.require_calling_aet = ["FRIEND"]
    server = await world.serve([(evt.EVT_USER_ID, asked.append)], ae=ae)
    assert codes(await world.associate(server, ext_neg=[identity(1)])) == (1, 1, 3)
    assert asked == []


async def test_without_identity_the_identity_handler_is_not_called(world: World) -> None:
    association = await world.join([(evt.EVT_USER_ID, _raises)])
    await done(association.release())


# -- roles --------------------------------------------------------------------------------------------------------
ROWS = json.loads((Path(__file__).parents[1] / "data" / "contract" / "role_outcomes.json").read_text("utf-8"))["rows"]


def _can_be_asked(row: dict[str, Any]) -> bool:
    """On the wire: an item with no role cannot be sent, and a server needs both roles or none."""
    wish, grant = row["requestor_proposes"], row["acceptor_setting"]
    sides = [grant["scu_role"], grant["scp_role"]]
    return any(value is True for value in wish.values()) and (None not in sides or sides == [None, None])


def test_role_outcomes_holds_what_is_tested() -> None:
    assert sum(map(_can_be_asked, ROWS)) >= 12


def _row_id(row: dict[str, Any]) -> str:
    letters = {True: "T", False: "F", None: "N"}
    wish, grant = row["requestor_proposes"], row["acceptor_setting"]
    return "-".join(letters[value] for value in (wish["scu"], wish["scp"], grant["scu_role"], grant["scp_role"]))


@pytest.mark.parametrize("row", [pytest.param(row, id=_row_id(row)) for row in ROWS if _can_be_asked(row)])
async def test_roles_come_out_as_documented_on_both_sides(world: World, row: dict[str, Any]) -> None:
    wish, grant = row["requestor_proposes"], row["acceptor_setting"]
    context = build_context(CT_IMAGE_STORAGE)
    context.scu_role, context.scp_role = grant["scu_role"], grant["scp_role"]
    told = Recorder()
    server = await world.serve(told.bindings(evt.EVT_ACCEPTED), contexts=[context, build_context(VERIFICATION)])
    role = build_role(CT_IMAGE_STORAGE, scu_role=bool(wish["scu"]), scp_role=bool(wish["scp"]))
    association = await world.associate(server, ext_neg=[role])
    assert association.is_established
    here = [*association.accepted_contexts, *association.rejected_contexts]
    await world.until(lambda: told.names)
    acceptor = told.events[0].assoc
    there = [*acceptor.accepted_contexts, *acceptor.rejected_contexts]
    (mine,) = (item for item in here if item.abstract_syntax == CT_IMAGE_STORAGE)
    (theirs,) = (item for item in there if item.abstract_syntax == CT_IMAGE_STORAGE)
    assert mine.result == theirs.result == row["context_result"]
    assert (bool(mine.as_scu), bool(mine.as_scp)) == tuple(row["requestor_as"].values())
    assert (bool(theirs.as_scu), bool(theirs.as_scp)) == tuple(row["acceptor_as"].values())
    await done(association.release())


async def test_without_a_role_item_the_requestor_is_scu(world: World) -> None:
    context = build_context(CT_IMAGE_STORAGE)
    context.scu_role, context.scp_role = False, True
    server = await world.serve(contexts=[context])
    association = await world.associate(server)
    (accepted,) = association.accepted_contexts
    assert accepted.as_scu and not accepted.as_scp
    assert association.acceptor.role_selection == {}
    await done(association.release())


async def test_the_answer_holds_only_roles_of_accepted_classes(world: World) -> None:
    context = build_context(CT_IMAGE_STORAGE)
    context.scu_role = context.scp_role = True
    server = await world.serve(contexts=[context])
    roles = [build_role(CT_IMAGE_STORAGE, scp_role=True), build_role(PRIVATE, scp_role=True)]
    contexts = [build_context(CT_IMAGE_STORAGE), build_context(PRIVATE)]
    association = await world.associate(server, contexts=contexts, ext_neg=roles)
    assert set(association.requestor.role_selection) == {CT_IMAGE_STORAGE, PRIVATE}
    (granted,) = association.acceptor.role_selection.values()
    assert (granted.sop_class_uid, granted.scu_role, granted.scp_role) == (CT_IMAGE_STORAGE, False, True)
    with pytest.raises(ValueError, match="SCU"):
        await done(association.send_c_store(_minimal_ct()))
    await done(association.release())


def _minimal_ct() -> Any:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    dataset = Dataset()
    dataset.SOPClassUID = CT_IMAGE_STORAGE
    dataset.SOPInstanceUID = "1.2.3"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(IMPLICIT)
    return dataset


@pytest.mark.parametrize(("scu", "scp"), [(True, None), (None, False)])
async def test_a_server_refuses_a_context_with_one_role(world: World, scu: bool | None, scp: bool | None) -> None:
    context = build_context(CT_IMAGE_STORAGE)
    context.scu_role, context.scp_role = scu, scp
    with pytest.raises(ValueError, match=r"."):
        await world.serve(contexts=[context])


# -- extended negotiation -----------------------------------------------------------------------------------------
async def test_sop_class_extended_information_is_asked_and_answered(world: World) -> None:
    seen: list[Any] = []

    def answer(event: evt.Event) -> Any:
        seen.append(event.app_info)
        return {CT_IMAGE_STORAGE: b"\1\2", "1.2.3": b"never asked"}

    item = SOPClassExtendedNegotiation()
    item.sop_class_uid = CT_IMAGE_STORAGE
    item.service_class_application_information = b"\0\1"
    server = await world.serve([(evt.EVT_SOP_EXTENDED, answer)])
    association = await world.associate(server, ext_neg=[item])
    assert seen == [{CT_IMAGE_STORAGE: b"\0\1"}]
    assert association.requestor.sop_class_extended == {CT_IMAGE_STORAGE: b"\0\1"}
    assert association.acceptor.sop_class_extended == {CT_IMAGE_STORAGE: b"\1\2"}
    await done(association.release())


async def test_sop_class_extended_fires_for_every_request(world: World) -> None:
    seen: list[Any] = []
    association = await world.join([(evt.EVT_SOP_EXTENDED, lambda event: keep(seen, event.app_info, {}))])
    assert seen == [{}]
    await done(association.release())


@pytest.mark.parametrize("handler", [_raises, lambda event: None, lambda event: 7, lambda event: {"x": 7}])
async def test_an_extended_negotiation_handler_that_fails_answers_nothing(world: World, handler: Any) -> None:
    item = SOPClassExtendedNegotiation()
    item.sop_class_uid = CT_IMAGE_STORAGE
    item.service_class_application_information = b"\0\1"
    events = (evt.EVT_SOP_EXTENDED, evt.EVT_SOP_COMMON)
    server = await world.serve([(event, handler) for event in events])
    association = await world.associate(server, ext_neg=[item])
    assert association.is_established
    assert association.acceptor.sop_class_extended == {}
    await done(association.release())


async def test_common_extended_items_are_accepted_by_the_handler_and_serve_their_service_class(world: World) -> None:
    storage = "1.2.840.10008.4.2"
    item = SOPClassCommonExtendedNegotiation()
    item.sop_class_uid = PRIVATE
    item.service_class_uid = storage
    item.related_general_sop_class_identification = [CT_IMAGE_STORAGE]
    told = Recorder()
    handlers = [
        (evt.EVT_SOP_COMMON, lambda event: event.items),
        (evt.EVT_C_STORE, lambda event: 0x0000),
        *told.bindings(evt.EVT_ACCEPTED),
    ]
    server = await world.serve(handlers, contexts=[build_context(PRIVATE)])
    association = await world.associate(server, contexts=[build_context(PRIVATE)], ext_neg=[item])
    await world.until(lambda: told.names)
    acceptor = told.events[0].assoc.acceptor
    assert acceptor.accepted_common_extended == {PRIVATE: (storage, [CT_IMAGE_STORAGE])}
    assert acceptor.sop_class_common_extended == {}
    assert association.requestor.sop_class_common_extended[PRIVATE] == item
    dataset = _minimal_ct()
    dataset.SOPClassUID = PRIVATE
    assert (await done(association.send_c_store(dataset))).Status == 0x0000
    await done(association.release())


@pytest.mark.parametrize(
    ("handler", "answered"),
    [
        pytest.param(None, False, id="unbound"),
        pytest.param(lambda event: (5, 5), True, id="bound"),
        pytest.param(_raises, True, id="raises"),
    ],
)
async def test_an_operations_window_is_answered_with_1_1_if_somebody_listens(
    world: World, handler: Any, answered: bool
) -> None:
    seen: list[Any] = []

    def listen(event: evt.Event) -> Any:
        seen.append((event.nr_invoked, event.nr_performed, event.invoked, event.performed))
        return handler(event)

    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = 3
    window.maximum_number_operations_performed = 0
    server = await world.serve([] if handler is None else [(evt.EVT_ASYNC_OPS, listen)])
    association = await world.associate(server, ext_neg=[window])
    assert association.is_established
    assert association.requestor.asynchronous_operations == (3, 0)
    assert association.acceptor.asynchronous_operations == (1, 1)
    kinds = [type(item).__name__ for item in association.acceptor.extended_negotiation]
    assert ("AsynchronousOperationsWindowNegotiation" in kinds) is answered
    assert seen == ([(3, 0, 3, 0)] if answered else [])
    await done(association.release())


async def test_a_window_of_1_1_asks_nobody(world: World) -> None:
    server = await world.serve([(evt.EVT_ASYNC_OPS, _raises)])
    association = await world.associate(server, ext_neg=[AsynchronousOperationsWindowNegotiation()])
    assert association.is_established
    assert association.acceptor.extended_negotiation == []
    await done(association.release())


# -- unrestricted storage -----------------------------------------------------------------------------------------
async def test_unrestricted_storage_takes_private_and_storage_classes_with_the_first_transfer_syntax(
    world: World,
) -> None:
    _config.UNRESTRICTED_STORAGE_SERVICE = True
    stored: list[Any] = []
    server = await world.serve([(evt.EVT_C_STORE, lambda event: keep(stored, event.context))], contexts=[])
    contexts = [
        build_context(PRIVATE, [IMPLICIT, JPEG]),
        build_context(CT_IMAGE_STORAGE, [JPEG, IMPLICIT]),
        build_context(VERIFICATION),
    ]
    association = await world.associate(server, contexts=contexts)
    accepted = {item.abstract_syntax: item.transfer_syntax for item in association.accepted_contexts}
    assert accepted == {PRIVATE: [IMPLICIT], CT_IMAGE_STORAGE: [JPEG]}
    dataset = _minimal_ct()
    dataset.SOPClassUID = PRIVATE
    assert (await done(association.send_c_store(dataset))).Status == 0x0000
    assert [tuple(context) for context in stored] == [(1, PRIVATE, IMPLICIT)]
    await done(association.release())


async def test_without_contexts_a_server_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="contexts"):
        await world.serve(contexts=[])


async def test_a_sop_class_that_was_accepted_but_has_no_service_is_answered_not_supported(world: World) -> None:
    contexts = [build_context(PRIVATE)]
    server = await world.serve([(evt.EVT_C_STORE, lambda event: 0)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    dataset = _minimal_ct()
    dataset.SOPClassUID = PRIVATE
    assert (await done(association.send_c_store(dataset))).Status == 0x0122
    await done(association.release())


async def test_duplicate_context_ids_and_unknown_items_do_not_break_the_acceptor(world: World) -> None:
    server = await world.serve()
    peer = await world.connect(server)
    items = [proposal(1, VERIFICATION, IMPLICIT), proposal(1, CT_IMAGE_STORAGE, IMPLICIT)]
    await peer.send(request(items).encode())
    answer = await peer.pdu()
    assert answer[0] == 2
    await peer.send(abort(0, 0))
    await peer.close()
    association = await world.associate(server, contexts=usual_contexts())
    assert association.is_established
    await done(association.release())
