"""What associations do is told to observers, in every adapter."""

from __future__ import annotations

from functools import partial
from typing import Any

from dicomwire import build_context, build_role, evt
from dicomwire.observing import ObservedAssociation, ObservedOperation, Observer
from dicomwire.sop_class import PatientRootQueryRetrieveInformationModelGet as Get
from dicomwire.traces import TraceFile, read_trace
from dicomwire.upper_layer.state import Role
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, World, done
from tests.support.storing import EXPLICIT, Store, instance, large_instance, storage
from tests.support.streams import ASSOCIATE_RQ


class Kept(Observer):
    """Keeps what has ended, and counts what has begun."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.established: list[ObservedAssociation] = []
        self.associations: list[ObservedAssociation] = []
        self.operations: list[ObservedOperation] = []
        self.bytes: dict[ObservedAssociation, tuple[int, int]] = {}

    def association_begun(self, association: ObservedAssociation) -> None:
        self.begun.append(association)

    def association_established(self, association: ObservedAssociation) -> None:
        self.established.append(association)

    def association_ended(self, association: ObservedAssociation) -> None:
        self.associations.append(association)

    def operation_begun(self, operation: ObservedOperation) -> None:
        self.begun.append(operation)

    def operation_ended(self, operation: ObservedOperation) -> None:
        self.operations.append(operation)

    def traffic(self, association: ObservedAssociation, received: int, sent: int) -> None:
        before = self.bytes.get(association, (0, 0))
        self.bytes[association] = before[0] + received, before[1] + sent

    def of(self, *, invoked: bool) -> list[ObservedOperation]:
        return [operation for operation in self.operations if operation.is_invoked is invoked]


def observed(world: World) -> tuple[Any, Any, Kept]:
    """Two AEs and who observes both."""
    here, there, kept = world.ae("CLIENT"), world.ae("SERVER"), Kept()
    here.observers.append(kept)
    there.observers.append(kept)
    return here, there, kept


async def test_operations_are_told_with_their_ends_and_sizes(world: World) -> None:
    here, there, kept = observed(world)
    server = await world.serve(Store().bindings, ae=there, contexts=storage(EXPLICIT))
    association = await world.associate(server, ae=here, contexts=storage(EXPLICIT))
    await done(association.send_c_echo())
    await done(association.send_c_store(large_instance()))
    await done(association.release())
    await world.until(lambda: len(kept.associations) == 2)
    for is_invoked in (True, False):
        echo, store = kept.of(invoked=is_invoked)
        assert [(each.name, each.status, each.responses) for each in (echo, store)] == [
            ("C-ECHO", 0, 1),
            ("C-STORE", 0, 1),
        ]
        moved = store.data_set_bytes_sent if is_invoked else store.data_set_bytes_received
        assert moved > 1 << 20 and moved % 2 == 0
        assert store.duration is not None and store.waiting is not None and store.duration >= store.waiting >= 0
        assert store.abstract_syntax == CT_IMAGE_STORAGE
    assert sum(each.data_set_bytes_sent for each in kept.operations) == sum(
        each.data_set_bytes_received for each in kept.operations
    )


async def test_associations_are_told_with_their_ends_and_bytes(world: World) -> None:
    here, there, kept = observed(world)
    server = await world.serve(ae=there)
    association = await world.associate(server, ae=here)
    await done(association.send_c_echo())
    await done(association.release())
    await world.until(lambda: len(kept.associations) == 2)
    by_role = {each.role: each for each in kept.associations}
    ours, theirs = by_role[Role.REQUESTOR], by_role[Role.ACCEPTOR]
    assert (ours.outcome, theirs.outcome, ours.trouble, theirs.trouble) == ("released", "released", None, None)
    assert (ours.bytes_sent, ours.bytes_received) == (theirs.bytes_received, theirs.bytes_sent)
    assert kept.bytes[ours] == (ours.bytes_received, ours.bytes_sent)
    assert (ours.calling, ours.called, ours.peer_title, theirs.peer_title) == ("CLIENT", "ANY-SCP", "ANY-SCP", "CLIENT")
    assert len(kept.established) == 2 and ours.duration is not None and ours.duration >= 0
    assert ours.peer is not None and ours.peer[0] in (LOCALHOST, "memory")
    assert [type(each).__name__[8:] for each in kept.begun].count("Association") == 2


async def test_stores_within_a_retrieval_are_operations_of_their_own(world: World) -> None:
    here, there, kept = observed(world)
    store = Store()
    on_get = (evt.EVT_C_GET, lambda event: iter([1, (0xFF00, instance(EXPLICIT))]))
    server = await world.serve([on_get], ae=there, contexts=_with_get(roles=True))
    roles = [build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=True)]
    options = {"ext_neg": roles, "evt_handlers": store.bindings}
    association = await world.associate(server, ae=here, contexts=_with_get(), **options)
    responses = association.send_c_get(instance(EXPLICIT), Get)
    if hasattr(responses, "__aiter__"):
        assert len([pair async for pair in responses]) == 2
    else:
        assert len(list(responses)) == 2
    await done(association.release())
    await world.until(lambda: len(kept.associations) == 2)
    assert sorted((each.name, each.is_invoked, each.status) for each in kept.operations) == [
        ("C-GET", False, 0),
        ("C-GET", True, 0),
        ("C-STORE", False, 0),
        ("C-STORE", True, 0),
    ]
    assert {each.responses for each in kept.operations if each.name == "C-GET"} == {2}


def _has(kept: list[Any], count: int) -> bool:
    return len(kept) == count


def _with_get(*, roles: bool = False) -> list[Any]:
    contexts = [*storage(EXPLICIT), build_context(Get)]
    for context in contexts if roles else ():
        context.scu_role = context.scp_role = True
    return contexts


async def test_a_rejected_association_is_told(world: World) -> None:
    here, there, kept = observed(world)
    there.require_called_aet = True
    server = await world.serve(ae=there)
    assert (await world.associate(server, ae=here, ae_title="NOBODY")).is_rejected
    await world.until(lambda: len(kept.associations) == 2)
    assert {(each.outcome, each.trouble) for each in kept.associations} == {("rejected", "rejected")}
    assert not kept.established


async def test_an_aborted_association_is_told_with_who_did_it(world: World) -> None:
    here, there, kept = observed(world)
    server = await world.serve(ae=there)
    association = await world.associate(server, ae=here)
    await done(association.abort())
    await world.until(lambda: len(kept.associations) == 2)
    assert {(each.role, each.outcome, each.trouble) for each in kept.associations} == {
        (Role.REQUESTOR, "aborted", "aborted_by_us"),
        (Role.ACCEPTOR, "aborted", "aborted_by_peer"),
    }


async def test_a_connection_without_a_request_is_no_association(world: World) -> None:
    _, there, kept = observed(world)
    server = await world.serve(ae=there)
    await (await world.connect(server)).close()
    await world.until(lambda: kept.associations)
    assert [(each.outcome, each.trouble) for each in kept.associations] == [("none", "no_request")]


async def test_a_peer_that_breaks_the_protocol_or_goes_away_is_told(world: World) -> None:
    _, there, kept = observed(world)
    server = await world.serve(ae=there)
    for number, data in enumerate((bytes.fromhex("09 00 00 00 00 04 00 00 00 00"), b""), 1):
        peer = await world.connect(server)
        await peer.send(ASSOCIATE_RQ)
        await peer.pdu()
        await peer.send(data)
        await peer.close()
        await world.until(partial(_has, kept.associations, number))
    troubles = [(each.outcome, each.trouble) for each in kept.associations]
    assert troubles == [("aborted", "protocol_error"), ("aborted", "connection_closed")]


async def test_no_connection_is_told(world: World) -> None:
    here, _, kept = observed(world)
    server = await world.serve()
    port = int(server.server_address[1])
    await done(server.shutdown())
    association = await done(here.associate(LOCALHOST, port, contexts=storage(EXPLICIT)))
    assert association.is_aborted
    assert [(each.outcome, each.trouble) for each in kept.associations] == [("aborted", "no_connection")]


async def test_an_observer_that_fails_harms_nobody(world: World, caplog: Any) -> None:
    class Broken(Observer):
        def operation_ended(self, operation: ObservedOperation) -> None:
            raise RuntimeError("on purpose")

    here, there, kept = observed(world)
    here.observers.insert(0, Broken())
    association = await world.associate(await world.serve(ae=there), ae=here)
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())
    await world.until(lambda: len(kept.associations) == 2)
    assert len(kept.operations) == 2
    assert "an observer failed: operation_ended" in caplog.text


async def test_who_observes_can_record_as_well(world: World, tmp_path: Any) -> None:
    here, there, kept = observed(world)
    with TraceFile(tmp_path / "both.dwtrace") as here.trace:
        association = await world.associate(await world.serve(ae=there), ae=here)
        await done(association.send_c_echo())
        await done(association.release())
        await world.until(lambda: len(kept.associations) == 2)
    (recorded,) = read_trace(tmp_path / "both.dwtrace").associations
    (ours,) = (each for each in kept.associations if each.role is Role.REQUESTOR)
    received = sum(record.length for record in recorded.records if record.kind.name.startswith("RECEIVED"))
    assert recorded.is_complete and received == ours.bytes_received
