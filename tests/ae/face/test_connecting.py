"""``connect``: its options, and why there is no client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicomwire import AE, ConnectionLost, Failure, Refused, Service, Status, build_context, evt
from dicomwire.associations.allowed import Allowed
from dicomwire.pdu_primitives import UserIdentityNegotiation
from dicomwire.traces import TraceFile, read_trace
from dicomwire.upper_layer.limits import Limits, Timeouts
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, Recorder, World, done, port_of
from tests.support.face import STUDY, Kept, answering, listed
from tests.support.storing import EXPLICIT, instance, save


class _Nobody:
    def __init__(self, port: int) -> None:
        self.server_address = (LOCALHOST, port)


async def nobody(world: World) -> _Nobody:
    """Where a server has listened."""
    server = await world.provide(Service())
    server.shutdown()
    return _Nobody(port_of(server))


# -- refused ---------------------------------------------------------------------------------------------------------
async def test_nobody_listens(world: World) -> None:
    with pytest.raises(Refused, match="nobody listens there"):
        await world.client(await nobody(world))


async def test_a_name_that_cannot_be_resolved(socket_world: World) -> None:
    with pytest.raises(Refused, match=r"host name .*'no\.such\.host\.invalid'"):
        await done(socket_world.face.connect("no.such.host.invalid", 104))


async def test_a_peer_that_rejects(world: World) -> None:
    server = await world.provide(Service())
    server.ae.require_called_aet = True
    with pytest.raises(Refused, match=r"'OTHER' is not its title: give its own \(to=...\)"):
        await world.client(server, to="OTHER")
    assert (await done((await world.client(server, to="SERVER")).echo())).is_success


async def test_a_peer_that_does_not_know_us(world: World) -> None:
    server = await world.provide(Service())
    server.ae.require_calling_aet = ["SOMEBODY"]
    with pytest.raises(Refused, match=r"title it knows \(title=...\)"):
        await world.client(server)


async def test_no_context_that_is_accepted(world: World) -> None:
    with pytest.raises(Refused, match="CT Image Storage"):
        await world.client(await world.provide(Service()), contexts=[CT_IMAGE_STORAGE])


async def test_a_peer_that_hangs_up(world: World) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await listener.accept()
        await other.pdu()
        await other.close()

    job = world.start(peer)
    with pytest.raises(Refused, match="closed"):
        await world.client(listener)
    await job.result()


async def test_a_peer_that_does_not_answer(world: World) -> None:
    listener = await world.listen()
    timeouts = Timeouts(associate=0.05, close=0.02)
    with pytest.raises(Refused, match=r"timeouts=Timeouts\(associate=...\) says how long"):
        await world.client(listener, timeouts=timeouts)


async def test_refusals_are_failures_and_no_client_is_left(world: World) -> None:
    entity = world.ae()
    with pytest.raises(Failure):
        await world.client(await nobody(world), entity=entity)
    assert entity.active_associations == []


# -- lost ------------------------------------------------------------------------------------------------------------
async def test_a_client_that_was_released_has_no_association(world: World) -> None:
    client = await world.client(await world.provide(Service()))
    await done(client.release())
    with pytest.raises(ConnectionLost, match="released"):
        await done(client.echo())
    with pytest.raises(ConnectionLost, match="released"):
        await listed(client.find(STUDY))


async def test_the_body_of_with_has_an_association_and_its_end_releases_it(world: World) -> None:
    seen = Recorder()
    server = await world.provide(Service(), handlers=seen.bindings(evt.EVT_RELEASED, evt.EVT_ABORTED))
    async with world.using(await world.client(server)) as client:
        assert (await done(client.echo())).is_success
    await world.until(lambda: seen.names == ["RELEASED"])


async def test_an_exception_in_the_body_aborts(world: World) -> None:
    seen = Recorder()
    server = await world.provide(Service(), handlers=seen.bindings(evt.EVT_RELEASED, evt.EVT_ABORTED))
    with pytest.raises(KeyError, match="mine"):
        async with world.using(await world.client(server)):
            raise KeyError("mine")
    await world.until(lambda: seen.names == ["ABORTED"])


async def test_an_answer_that_takes_too_long(world: World) -> None:
    never = world.signal()

    async def handler(request: Any) -> int:
        await never.wait()
        return 0

    server = await world.provide(answering("echo", handler))
    client = await world.client(server, timeouts=Timeouts(response=0.1, close=0.02))
    with pytest.raises(ConnectionLost, match=r"timed out waiting for a response.*Timeouts\(response"):
        await done(client.echo())
    never.set()


# -- options ---------------------------------------------------------------------------------------------------------
async def test_a_keyword_that_there_is_not_is_refused(world: World) -> None:
    server = await world.provide(Service())
    with pytest.raises(TypeError, match=r"connect\(\) got an unexpected keyword argument 'ae_title'"):
        await world.client(server, ae_title="ARCHIVE")
    with pytest.raises(TypeError, match=r"serve\(\) got an unexpected keyword argument 'ae_title'"):
        await world.provide(Service(), ae_title="ARCHIVE")


async def test_titles_are_those_given(world: World) -> None:
    requests: list[Any] = []

    def echo(request: Any) -> Status:
        requests.append(request)
        return Status.SUCCESS

    server = await world.provide(answering("echo", echo))
    given: list[dict[str, Any]] = [{"title": "US", "to": "THEM"}, {"title": "US"}, {"timeouts": None}]
    for options in given:
        client = await world.client(server, **options)
        await done(client.echo())
    assert [(request.calling_title, request.called_title) for request in requests] == [
        ("US", "THEM"),
        ("US", "ANY-SCP"),
        ("DICOMWIRE", "ANY-SCP"),
    ]


@pytest.mark.parametrize("option", ["title", "to"])
@pytest.mark.parametrize("title", ["", "A TITLE OF TOO MANY LETTERS", "a\\b", 3])
async def test_what_is_no_title_is_refused(world: World, option: str, title: Any) -> None:
    server = await world.provide(Service())
    with pytest.raises((TypeError, ValueError)):
        await world.client(server, **{option: title})


async def test_the_usual_services_are_proposed(world: World) -> None:
    client = await world.client(await world.provide(answering("find", lambda request: [])))
    assert (await done(client.echo())).is_success
    assert await listed(client.find(STUDY)) == []
    assert len(client.accepted_contexts) == 3
    with pytest.raises(Refused, match="not proposed"):
        await done(client.store(instance()))


async def test_files_say_what_is_proposed(world: World, tmp_path: Path) -> None:
    save(instance(EXPLICIT), tmp_path / "a.dcm")
    client = await world.client(await world.provide(answering("store", Kept())), files=[tmp_path / "a.dcm"])
    assert {str(context.abstract_syntax) for context in client.accepted_contexts} == {VERIFICATION, CT_IMAGE_STORAGE}
    assert (await done(client.store(tmp_path / "a.dcm"))).is_success


async def test_files_that_are_missing_are_told_and_the_rest_proposed(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(instance(EXPLICIT), tmp_path / "a.dcm")
    client = await world.client(await world.provide(answering("store", Kept())), files=[tmp_path / "missing", path])
    assert len(client.accepted_contexts) == 2
    assert "missing skipped" in caplog.text


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"services": ["search"]}, ValueError),
        ({"contexts": [3]}, (TypeError, ValueError)),
        ({"contexts": [build_context(f"1.2.{number}") for number in range(129)]}, ValueError),
        ({"contexts": []}, ValueError),
        ({"max_pdu": -1}, ValueError),
        ({"negotiation": [3]}, TypeError),
        ({"handlers": [(3, 4)]}, TypeError),
        ({"entity": 3}, TypeError),
        ({"timeouts": 3}, TypeError),
        ({"limits": 3}, TypeError),
        ({"contexts": ["CTImageStorage"]}, ValueError),
        ({"trace": "calls.dwtrace"}, TypeError),
    ],
)
async def test_bad_options_are_refused(world: World, options: dict[str, Any], error: Any) -> None:
    server = await world.provide(Service())
    with pytest.raises(error):
        await world.client(server, **options)


async def test_an_entity_has_its_own_title_and_limits(world: World) -> None:
    server = await world.provide(Service())
    entity = world.ae("MINE")
    client = await world.client(server, entity=entity)
    assert client.ae is entity
    given: list[dict[str, Any]] = [{"title": "OTHER"}, {"limits": Limits()}]
    for options in given:
        with pytest.raises(TypeError, match="of the entity"):
            await world.client(server, entity=entity, **options)
    for options in [*given, {"maximum_associations": 3}]:
        with pytest.raises(TypeError, match="setting of the entity"):
            await world.provide(Service(), entity=entity, **options)


async def test_an_entity_of_another_adapter_is_refused(async_world: World) -> None:
    server = await async_world.provide(Service())
    with pytest.raises(TypeError, match="AE of this adapter, not AE"):
        await async_world.client(server, entity=AE())
    with pytest.raises(TypeError, match="AE of this adapter, not AE"):
        await async_world.provide(Service(), entity=AE())


async def test_limits_are_kept(world: World) -> None:
    limits = Limits(data_set=1000)
    client = await world.client(await world.provide(Service()), limits=limits)
    assert client.ae.limits == limits


async def test_handlers_hear_and_more_is_negotiated(world: World) -> None:
    seen = Recorder()
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field, identity.secondary_field = 2, b"me", b"secret"
    asked: list[Any] = []

    def user(event: evt.Event) -> tuple[bool, None]:
        asked.append((event.user_id_type, event.primary_field))
        return True, None

    server = await world.provide(Service(), handlers=[(evt.EVT_USER_ID, user)])
    await world.client(server, negotiation=[identity], handlers=seen.bindings(evt.EVT_ESTABLISHED))
    assert asked == [(2, b"me")]
    assert seen.names == ["ESTABLISHED"]


async def test_the_longest_pdu_is_told(world: World) -> None:
    server = await world.provide(Service())
    client = await world.client(server, max_pdu=4096)
    assert client.requestor.maximum_length == 4096


async def test_in_memory_somebody_says_where(memory_world: World) -> None:
    with pytest.raises(TypeError, match="network"):
        await memory_world.face.connect("anywhere", 104)
    with pytest.raises(TypeError, match="network"):
        await memory_world.face.serve(("anywhere", 104), Service())


# -- what servers take -----------------------------------------------------------------------------------------------
async def test_a_server_has_the_settings_given(world: World) -> None:
    timeouts, limits = Timeouts(response=7.0), Limits(data_set=1000)
    server = await world.provide(
        Service(), title="ARCHIVE", timeouts=timeouts, limits=limits, maximum_associations=3, handlers=[]
    )
    entity = server.ae
    assert (entity.ae_title, entity.limits, entity.maximum_associations) == ("ARCHIVE", limits, 3)
    assert entity.timeouts.response == 7.0


async def test_a_server_takes_no_more_than_it_may(world: World) -> None:
    server = await world.provide(Service(), maximum_associations=1)
    client = await world.client(server)
    with pytest.raises(Refused, match="try again later"):
        await world.client(server)
    await done(client.release())


async def test_contexts_of_the_program_replace_those_of_services(world: World) -> None:
    server = await world.provide(answering("store", Kept()), contexts=[build_context(VERIFICATION)])
    with pytest.raises(Refused):
        await world.client(server, contexts=[CT_IMAGE_STORAGE])


async def test_without_a_handler_an_echo_is_answered(world: World) -> None:
    assert (await done((await world.client(await world.provide(Service()))).echo())).is_success


async def test_only_those_who_may_are_served(world: World) -> None:
    server = await world.provide(Service(), allowed=Allowed(calling_ae_titles=["FRIEND"]))
    client = await world.client(server, title="FRIEND")
    assert (await done(client.echo())).is_success
    with pytest.raises(Refused, match="does not know 'STRANGER'"):
        await world.client(server, title="STRANGER")


async def test_associations_are_recorded(world: World, tmp_path: Path) -> None:
    with TraceFile(tmp_path / "trace") as trace:
        server = await world.provide(Service(), trace=trace)
        client = await world.client(server, trace=trace)
        await done(client.echo())
        await done(client.release())
        await world.until(lambda: not server.active_associations)
    assert sorted(each.role.value for each in read_trace(tmp_path / "trace")) == ["acceptor", "requestor"]


async def test_a_server_in_memory_is_waited_for_until_it_is_shut_down(memory_world: World) -> None:
    server = await memory_world.provide(Service())
    job = memory_world.start(server.serve_forever)
    client = await memory_world.client(server)
    await client.echo()
    await client.release()
    assert not job.is_finished
    server.shutdown()
    await job.result()
