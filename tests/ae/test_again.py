"""The same association again: what was worked out for the last one serves where nothing has changed, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import _config, build_context, evt
from dicomwire.pdu_primitives import AsynchronousOperationsWindowNegotiation
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World, done, keep

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"


async def test_a_server_may_change_what_it_supports_between_equal_requests(world: World) -> None:
    server = await world.serve(contexts=[build_context(VERIFICATION, IMPLICIT)])
    found = []
    for contexts in ([VERIFICATION], [VERIFICATION, CT_IMAGE_STORAGE], [VERIFICATION]):
        server.contexts = [build_context(uid, IMPLICIT) for uid in contexts]
        association = await world.associate(
            server, contexts=[build_context(uid, IMPLICIT) for uid in (VERIFICATION, CT_IMAGE_STORAGE)]
        )
        found.append([context.abstract_syntax for context in association.accepted_contexts])
        await done(association.release())
    assert found == [[VERIFICATION], [VERIFICATION, CT_IMAGE_STORAGE], [VERIFICATION]]


async def test_a_context_of_a_server_may_be_changed_in_place(world: World) -> None:
    server = await world.serve(contexts=[build_context(VERIFICATION, IMPLICIT)])
    found = []
    for syntax in (IMPLICIT, EXPLICIT):
        server.contexts[0].transfer_syntax = [syntax]
        association = await world.associate(server, contexts=[build_context(VERIFICATION, [IMPLICIT, EXPLICIT])])
        found += [context.transfer_syntax[0] for context in association.accepted_contexts]
        await done(association.release())
    assert found == [IMPLICIT, EXPLICIT]


async def test_unrestricted_storage_may_be_turned_on_between_equal_requests(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await world.serve(contexts=[build_context(VERIFICATION)])
    found = []
    for unrestricted in (False, True, False):
        monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", unrestricted)
        association = await world.associate(server, contexts=[build_context(VERIFICATION), build_context("1.2.3.4")])
        found.append(len(association.accepted_contexts))
        await done(association.release())
    assert found == [1, 2, 1]


async def test_the_ae_of_a_server_may_change_what_it_says_of_itself(world: World) -> None:
    ae = world.ae()
    server = await world.serve(ae=ae)
    said = []
    for version, length, window in (("ONE", 16382, (1, 1)), ("TWO", 32768, (4, 4))):
        ae.implementation_version_name, ae.maximum_pdu_size, ae.asynchronous_operations = version, length, window
        item = AsynchronousOperationsWindowNegotiation()
        item.maximum_number_operations_invoked, item.maximum_number_operations_performed = 3, 3
        association = await world.associate(server, ext_neg=[item])
        answer = association.acceptor
        said.append((answer.implementation_version_name, answer.maximum_length, answer.asynchronous_operations))
        await done(association.release())
    assert said == [("ONE", 16382, (1, 1)), ("TWO", 32768, (3, 3))]


async def test_what_one_association_is_changed_to_is_not_seen_by_the_next(world: World) -> None:
    server, heard = await world.serve(), list[str]()
    first = await world.associate(server)
    first.bind(evt.EVT_RELEASED, lambda event: heard.append("first"))
    first.requestor.primitive.presentation_context_definition_list.clear()
    second = await world.associate(server)
    assert evt.EVT_RELEASED not in second.get_events()
    assert len(second.requestor.primitive.presentation_context_definition_list) == 2
    await done(second.release())
    await done(first.release())
    assert heard == ["first"]


async def test_the_answer_to_an_equal_request_is_made_once(world: World) -> None:
    accepted: list[Any] = []
    server = await world.serve([(evt.EVT_REQUESTED, lambda event: keep(accepted, event.assoc, None))])
    for _ in range(2):
        await done((await world.associate(server)).release())
    first, second = (association.line.sides.acceptor.said for association in accepted)
    assert first is second


async def test_a_handler_that_is_bound_while_the_association_runs_hears_of_its_end(world: World) -> None:
    server, heard = await world.serve(), list[str]()
    association = await world.associate(server)
    for event in (evt.EVT_ACSE_SENT, evt.EVT_ACSE_RECV, evt.EVT_RELEASED, evt.EVT_CONN_CLOSE):
        association.bind(event, lambda event: heard.append(event.event.name))
    await done(association.release())
    assert heard == ["EVT_ACSE_SENT", "EVT_ACSE_RECV", "EVT_RELEASED", "EVT_CONN_CLOSE"]


async def test_the_context_for_a_request_is_chosen_anew_where_a_handler_has_changed_them(world: World) -> None:
    server, found = await world.serve(), list[bool]()
    for forget in (False, True, False):
        association = await world.associate(server)
        if forget:
            association.contexts.set([])
        found.append(association.contexts.find(VERIFICATION) is not None)
        await done(association.release())
    assert found == [True, False, True]
