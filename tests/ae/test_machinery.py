"""``assoc.acse``, ``assoc.dimse`` and ``assoc.dul``."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import build_role, evt
from dicomwire.dimse_primitives import C_ECHO
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, Recorder, World, done

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


@pytest.mark.parametrize("codes", [(1, 1, 1), (1, 1, 7), (2, 2, 1), (2, 3, 2)])
async def test_a_handler_rejects_with_codes_of_its_own(world: World, codes: tuple[int, int, int]) -> None:
    seen = Recorder()
    server = await world.serve(
        [(evt.EVT_REQUESTED, lambda event: event.assoc.acse.send_reject(*codes)), *seen.bindings(evt.EVT_REJECTED)]
    )
    association = await world.associate(server)
    assert association.is_rejected
    answer = association.acceptor.primitive
    assert (answer.result, answer.result_source, answer.diagnostic) == codes
    await world.until(lambda: seen.names == ["REJECTED"])


@pytest.mark.parametrize("codes", [(0, 1, 1), (3, 1, 1), (1, 1, 4), (1, 2, 3), (1, 4, 1)])
async def test_codes_that_do_not_exist_are_refused(world: World, codes: tuple[int, int, int]) -> None:
    association = await world.join()
    with pytest.raises(ValueError, match="diagnostic"):
        association.acse.send_reject(*codes)
    await done(association.release())


@pytest.mark.parametrize(
    ("verb", "value", "source"), [("send_abort", 0, 0), ("send_abort", 2, 2), ("send_ap_abort", 5, 2)]
)
async def test_an_abort_carries_the_codes_given(world: World, verb: str, value: int, source: int) -> None:
    seen = Recorder()
    server = await world.serve(seen.bindings(evt.EVT_ABORTED, evt.EVT_PDU_RECV))
    association = await world.associate(server)
    getattr(association.acse, verb)(value)
    assert association.is_aborted
    assert not association.is_established
    await world.until(lambda: "ABORTED" in seen.names)
    pdu = [event.pdu for event in seen.of(evt.EVT_PDU_RECV)][-1]
    assert (pdu.source, pdu.reason_diagnostic) == (source, value if verb == "send_ap_abort" else 0)


async def test_abort_codes_that_do_not_exist_are_refused(world: World) -> None:
    association = await world.join()
    for source in (1, 3, None):
        with pytest.raises(ValueError, match="source"):
            association.acse.send_abort(source)
    for reason in (3, 7, -1):
        with pytest.raises(ValueError, match="reason"):
            association.acse.send_ap_abort(reason)
    await done(association.release())


async def test_a_request_made_by_hand_is_answered_and_the_next_goes_on(world: World) -> None:
    seen = Recorder()
    association = await world.join(evt_handlers=seen.bindings(evt.EVT_DIMSE_RECV))
    primitive = C_ECHO()
    primitive.MessageID = 7
    primitive.AffectedSOPClassUID = VERIFICATION
    await done(association.dimse.send_msg(primitive, 1))
    assert (await done(association.send_c_echo(msg_id=8))).Status == 0
    answered = [event.message.command_set.MessageIDBeingRespondedTo for event in seen.of(evt.EVT_DIMSE_RECV)]
    assert answered == [7, 8]
    await done(association.release())


async def test_the_socket_is_found_where_there_is_one(socket_world: World) -> None:
    association = await socket_world.join()
    assert association.dul.socket.socket.getpeername()[1] == association.acceptor.port
    await done(association.release())


async def test_a_handler_adds_items_to_the_answer(world: World) -> None:
    def add(event: Any) -> None:
        event.assoc.acceptor.add_negotiation_item(build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=True))

    server = await world.serve([(evt.EVT_REQUESTED, add)])
    association = await world.associate(server, ext_neg=[build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=True)])
    assert association.acceptor.role_selection[CT_IMAGE_STORAGE].scp_role is True
    await done(association.release())
