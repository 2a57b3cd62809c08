"""Associations are recorded, and what was recorded replays to the same events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicomwire import Session, evt
from dicomwire.compat.pdu_primitives import UserIdentityNegotiation
from dicomwire.traces import TraceFile, new_connection, read_trace, replay
from dicomwire.upper_layer.state import Role
from tests.support.adapters import World, done
from tests.support.recording import Recording, Told, add
from tests.support.storing import EXPLICIT, Store, instance, large_instance, storage
from tests.support.streams import ASSOCIATE_RQ


def replayed(association: Any) -> list[Any]:
    events: list[Any] = []
    for item in replay(association, Session(new_connection(association))):
        add(events, item.event)
    return events


async def some_traffic(world: World, trace: Any, **options: Any) -> Store:
    """An echo, two instances, one of them large, and a release; both sides are recorded."""
    store = Store()
    here, there = world.ae("CLIENT"), world.ae("SERVER")
    here.trace = there.trace = trace
    server = await world.serve(store.bindings, ae=there, contexts=storage(EXPLICIT))
    association = await world.associate(server, ae=here, contexts=storage(EXPLICIT), **options)
    assert (await done(association.send_c_echo())).Status == 0
    for dataset in (instance(EXPLICIT), large_instance()):
        assert (await done(association.send_c_store(dataset))).Status == 0
    await done(association.release())
    await world.until(lambda: not there.active_associations)
    return store


async def test_one_association_or_one_server_is_recorded_where_it_says(world: World, tmp_path: Path) -> None:
    here, there = world.ae("CLIENT"), world.ae("SERVER")
    with TraceFile(tmp_path / "all") as here.trace, TraceFile(tmp_path / "one") as one:
        server, other = await world.serve(ae=there, trace=one), await world.serve(ae=there)
        choices: list[dict[str, Any]] = [{"trace": one}, {}]
        for options in choices:
            for each in (server, other):
                await done((await world.associate(each, ae=here, **options)).release())
        await world.until(lambda: not there.active_associations and not here.active_associations)
    roles = {name: [each.role.value for each in read_trace(tmp_path / name)] for name in ("all", "one")}
    assert sorted(roles["all"]) == ["requestor"] * 2
    assert sorted(roles["one"]) == ["acceptor"] * 2 + ["requestor"] * 2


def credentials() -> UserIdentityNegotiation:
    item = UserIdentityNegotiation()
    item.user_identity_type = 2
    item.primary_field, item.secondary_field = b"alice", b"open sesame"
    return item


async def test_what_was_recorded_replays_to_the_same_events(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recording, told = Recording(), Told()
    told.watch(monkeypatch)
    await some_traffic(world, recording)
    for role in Role:
        events = [replayed(association) for association in recording.of(role)]
        assert events == told.of(role)
        assert len(events) == 1 and len(events[0]) >= 5


async def test_a_peer_that_breaks_the_protocol_does_so_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recording, told = Recording(), Told()
    told.watch(monkeypatch)
    ae = world.ae("SERVER")
    ae.trace = recording
    server = await world.serve(ae=ae)
    peer = await world.connect(server)
    await peer.send(ASSOCIATE_RQ)
    await peer.pdu()
    await peer.send(bytes.fromhex("09 00 00 00 00 04 00 00 00 00"))
    await peer.rest()
    await peer.close()
    await world.until(lambda: not ae.active_associations)
    (association,) = recording.of(Role.ACCEPTOR)
    assert [replayed(association)] == told.of(Role.ACCEPTOR)
    assert "RemoteProtocolError" in [kind for kind, *_ in replayed(association)]


async def test_a_timer_expires_again(memory_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recording, told = Recording(), Told()
    told.watch(monkeypatch)
    ae = memory_world.ae("SERVER")
    ae.trace, ae.network_timeout = recording, 5
    server = await memory_world.serve(ae=ae)
    peer = await memory_world.connect(server)
    await peer.send(ASSOCIATE_RQ)
    await peer.pdu()
    await peer.rest()
    await peer.close()
    await memory_world.until(lambda: not ae.active_associations)
    (association,) = recording.of(Role.ACCEPTOR)
    assert [replayed(association)] == told.of(Role.ACCEPTOR)
    assert "TimedOut" in [kind for kind, *_ in replayed(association)]


async def test_a_file_has_data_sets_but_no_credentials(world: World, tmp_path: Path) -> None:
    path = tmp_path / "all.dwtrace"
    with TraceFile(path, data_sets=True) as trace:
        store = await some_traffic(world, trace, ext_neg=[credentials()])
    content = path.read_bytes()
    assert b"Test^Patient" in content and b"alice" not in content and b"sesame" not in content
    found = read_trace(path)
    acceptor = next(item for item in found if item.role is Role.ACCEPTOR)
    assert [event[1] for event in replayed(acceptor) if event[0] == "data set"] == store.data
    assert not found.remarks and all(association.is_complete for association in found)


async def test_a_file_without_data_sets_replays_to_the_same_messages(world: World, tmp_path: Path) -> None:
    path = tmp_path / "lengths.dwtrace"
    with TraceFile(path, data_sets=False) as trace:
        store = await some_traffic(world, trace, ext_neg=[credentials()])
    content = path.read_bytes()
    assert b"Test^Patient" not in content and b"sesame" not in content and len(content) < 50_000
    acceptor = next(item for item in read_trace(path) if item.role is Role.ACCEPTOR)
    data_sets = [event[1] for event in replayed(acceptor) if event[0] == "data set"]
    assert data_sets == [bytes(len(data)) for data in store.data]


async def test_a_file_that_cannot_be_written_stops_no_association(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = TraceFile(tmp_path / "full.dwtrace", data_sets=True)

    def full(descriptor: int, fragments: list[memoryview]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dicomwire.data.store.write_all", full)
    ae = world.ae("CLIENT")
    ae.trace = trace
    association = await world.join([(evt.EVT_C_ECHO, lambda event: 0)], ae=ae)
    assert (await done(association.send_c_echo())).Status == 0
    assert trace.failure is not None and "No space" in trace.failure
    await done(association.release())


async def test_commands_in_many_pieces_replay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recording, told = Recording(), Told()
    told.watch(monkeypatch)
    here, there = world.ae("CLIENT"), world.ae("SERVER")
    here.trace = there.trace = recording
    there.maximum_pdu_size = 32
    server = await world.serve(ae=there)
    association = await world.associate(server, ae=here, max_pdu=32)
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())
    await world.until(lambda: not there.active_associations)
    for role in Role:
        assert [replayed(association) for association in recording.of(role)] == told.of(role)
