"""What operations make of their arguments: defaults, limits, roles, and which one an error is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dicomwire import build_context, build_role, evt
from dicomwire.dsutils import encode
from dicomwire.operations.unified_steps import PULL, PUSH, WATCH
from tests.support.adapters import VERIFICATION, World, done
from tests.support.finding import FIND, collect, match
from tests.support.normalized import ACTION, ALL, CREATE, DELETE, FILM_SESSION, GET, INSTANCE, REPORT, SAID, SET, invoke
from tests.support.scripted import accepting, hear, reply

RETRIEVE, MOVE = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.2.2"
PRINT_META = "1.2.840.10008.5.1.1.9"


async def served(world: World, handlers: Any, *models: str, **options: Any) -> Any:
    contexts = [build_context(model) for model in models or (FILM_SESSION,)]
    association = await world.associate(await world.serve(handlers, contexts=contexts), contexts=contexts, **options)
    assert association.is_established
    return association


@pytest.mark.parametrize("event", ALL, ids=str)
async def test_a_request_of_an_n_service_has_the_message_id_1_by_default(memory_world: World, event: Any) -> None:
    seen: list[int] = []

    def handler(event: evt.Event) -> Any:
        seen.append(event.message_id)
        return 0x0000 if event.event is DELETE else (0x0000, None)

    association = await served(memory_world, [(event, handler)])
    await invoke(association, event, FILM_SESSION)
    assert seen == [1]


async def test_queries_and_echoes_have_the_message_id_1_by_default(memory_world: World) -> None:
    seen: list[Any] = []

    def find(event: evt.Event) -> list[Any]:
        seen.append((event.message_id, event.request.Priority))
        return []

    def echo(event: evt.Event) -> int:
        seen.append(event.message_id)
        return 0x0000

    handlers = [(evt.EVT_C_FIND, find), (evt.EVT_C_ECHO, echo), (evt.EVT_C_GET, find), (evt.EVT_C_MOVE, find)]
    association = await served(memory_world, handlers, FIND, VERIFICATION, RETRIEVE, MOVE)
    await done(association.send_c_echo())
    await collect(association.send_c_find(match(), FIND))
    await collect(association.send_c_get(match(), RETRIEVE))
    await collect(association.send_c_move(match(), "DEST", MOVE))
    assert seen == [1, (1, 2), (1, 2), (1, 2)]


async def test_a_cancel_goes_on_a_context_by_its_id_or_for_ups_on_any_that_queries(memory_world: World) -> None:
    seen: list[Any] = []

    def find(event: evt.Event) -> Iterator[Any]:
        yield 0xFF00, match()
        seen.append((event.context.abstract_syntax, event.is_cancelled))

    for options in ({"context_id": 3}, {"query_model": PUSH}):
        association = await served(memory_world, [(evt.EVT_C_FIND, find)], WATCH, PULL)
        responses = association.send_c_find(match(), PUSH)
        responses = await done(responses)
        await done(association.send_c_cancel(1, **options))
        await collect(responses)
    assert seen == [(PULL, True)] * 2


async def test_a_match_that_cannot_be_decoded_is_told(memory_world: World, caplog: pytest.LogCaptureFixture) -> None:
    association = await served(memory_world, [(evt.EVT_C_FIND, lambda event: [(0xFF00, b"\xff" * 8)])], FIND)
    assert [identifier for _, identifier in await collect(association.send_c_find(match(), FIND))] == [None, None]
    (line,) = [text for text in caplog.messages if "cannot be decoded: " in text]
    assert line.partition("cannot be decoded: ")[2] not in ("", "None", "NoneType")


@pytest.mark.parametrize("listed", [["1.2.3", "1.02.4"], ["1.2.5"]])
async def test_a_list_in_the_command_set_is_added_to_the_data_set_that_came(
    memory_world: World, listed: list[str]
) -> None:
    listener = await memory_world.listen()
    value = "\\".join(listed).encode()
    value += b"\0" * (len(value) & 1)

    async def script() -> None:
        peer = await accepting(listener)
        await hear(peer)
        element = b"\x08\0\x58\0" + len(value).to_bytes(4, "little") + value
        await peer.send(reply(1, 0x0010, 0xC000, element, data=encode(match("Doe"), True, True)))
        await peer.rest()

    memory_world.start(script)
    association = await memory_world.associate(listener, contexts=[build_context(RETRIEVE)])
    ((status, identifier),) = await collect(association.send_c_get(match(), RETRIEVE))
    assert (status, identifier.PatientName) == (0xC000, "Doe")
    assert identifier["FailedSOPInstanceUIDList"].VR == "UI"
    given = identifier.FailedSOPInstanceUIDList
    assert [given] == listed if isinstance(given, str) else list(given) == listed
    await done(association.abort())


async def test_the_first_and_the_last_type_are_sent(memory_world: World) -> None:
    seen: list[int | None] = []

    def action(event: evt.Event) -> Any:
        seen.append(event.action_type)
        return 0x0000, None

    def report(event: evt.Event) -> Any:
        seen.append(event.event_type)
        return 0x0000, None

    association = await served(memory_world, [(ACTION, action), (REPORT, report)])
    for number in (0, 65535):
        await done(association.send_n_action(None, number, FILM_SESSION, INSTANCE))
        await done(association.send_n_event_report(None, number, FILM_SESSION, INSTANCE))
    assert seen == [0, 0, 65535, 65535]


async def test_an_error_says_which_argument_it_is_about(memory_world: World) -> None:
    association = await served(memory_world, [])
    long: str = "1." + 63 * "2"
    wrong: list[tuple[Any, type[Exception], str]] = [
        (association.send_n_action(None, "1", FILM_SESSION, INSTANCE), TypeError, "type is an int, not str"),
        (association.send_n_action(None, 65536, FILM_SESSION, INSTANCE), ValueError, "type.* 65536"),
        (association.send_n_get("x", FILM_SESSION, INSTANCE), ValueError, "list of tags, not str"),
        (association.send_n_get([None], FILM_SESSION, INSTANCE), ValueError, "list of tags: "),
        (association.send_n_set(None, FILM_SESSION, INSTANCE), ValueError, "modification list"),
        (association.send_c_move(match(), "", FILM_SESSION), ValueError, "'move_aet'"),
        (association.send_c_move(match(), None, FILM_SESSION), TypeError, "'move_aet' must be str,"),
        (association.send_c_cancel(1, query_model=FIND), ValueError, "Study Root|1.2.840.10008.5.1.4.1.2.2.1"),
        (association.send_c_cancel(1, 3), ValueError, "context 3"),
        (association.send_n_delete(long, INSTANCE), ValueError, "'class_uid'"),
        (association.send_n_delete(FILM_SESSION, long), ValueError, "'instance_uid'"),
        (association.send_n_delete(FILM_SESSION, INSTANCE, meta_uid=long), ValueError, "'meta_uid'"),
        (association.send_n_delete(FILM_SESSION, INSTANCE, msg_id="1"), TypeError, "message ID.*str"),
    ]
    for call, kind, said in wrong:
        with pytest.raises(kind, match=said):
            await done(call)


async def test_without_the_scu_role_events_can_be_reported_and_nothing_else(memory_world: World) -> None:
    contexts = [build_context(FILM_SESSION)]
    supported = [build_context(FILM_SESSION)]
    supported[0].scu_role, supported[0].scp_role = False, True
    server = await memory_world.serve([], contexts=supported)
    roles = [build_role(FILM_SESSION, scu_role=True, scp_role=True)]
    association = await memory_world.associate(server, contexts=contexts, ext_neg=roles)
    for event in (ACTION, CREATE, DELETE, GET, SET):
        with pytest.raises(ValueError, match="for the SCU role"):
            await invoke(association, event, FILM_SESSION)
    # Nothing is bound, or it does not serve in that role: it was sent, and answered.
    assert (await invoke(association, REPORT, FILM_SESSION))[0].Status != 0x0000


async def test_a_reply_that_cannot_be_decoded_is_told(memory_world: World, caplog: pytest.LogCaptureFixture) -> None:
    association = await served(memory_world, [(GET, lambda event: (0x0000, b"\xff" * 8))])
    status, returned = await invoke(association, GET, FILM_SESSION)
    assert (status.Status, returned) == (0x0110, None)
    (line,) = [text for text in caplog.messages if "cannot be decoded: " in text]
    assert line.partition("cannot be decoded: ")[2] not in ("", "None", "NoneType")


async def test_a_class_stands_for_itself_where_a_meta_class_is_asked_for(memory_world: World) -> None:
    """The presentation context is that of the meta class, also where one of the class itself was accepted."""
    seen: list[str] = []

    def handler(event: evt.Event) -> Any:
        seen.append(event.context.abstract_syntax)
        return 0x0000, SAID

    association = await served(memory_world, [(GET, handler)], PUSH, WATCH)
    await invoke(association, GET, PUSH, meta_uid=WATCH)
    await invoke(association, GET, PUSH)
    assert seen == [WATCH, PUSH]
    with pytest.raises(ValueError, match="Basic Grayscale Print Management Meta"):
        await invoke(association, GET, PUSH, meta_uid=PRINT_META)
