"""What log records and reprs say of associations."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import dicomwire
from dicomwire import AssociationFilter, evt
from dicomwire.presentation import build_context
from tests.support.accepting import VERIFICATION
from tests.support.adapters import World, done, keep

OTHER = logging.getLogger("a.program")


class Records(logging.Handler):
    """Keeps what arrives at the root, as a handler of a program would."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)

    def of(self, name: str) -> list[Any]:
        return [record for record in self.kept if record.name.startswith(name)]


@pytest.fixture
def records() -> Iterator[Records]:
    handler, root, library = Records(), logging.getLogger(), logging.getLogger("dicomwire")
    level = library.level
    root.addHandler(handler)
    library.setLevel(logging.DEBUG)
    yield handler
    library.setLevel(level)
    root.removeHandler(handler)


def about(association: Any) -> tuple[str, str, str, str]:
    fields: tuple[str, str, str, str] = association.line.log_fields()
    return fields


def fields_of(record: Any) -> tuple[str, str, str, str]:
    return record.association, record.peer, record.called, record.calling


async def test_every_record_of_an_association_says_so(world: World, records: Records) -> None:
    accepted: list[Any] = []
    server = await world.serve([(evt.EVT_REQUESTED, lambda event: keep(accepted, event.assoc, None))])
    first = await world.associate(server, ae_title="FIRST")
    second = await world.associate(server, ae_title="SECOND")
    for association in (first, second, first):
        assert (await done(association.send_c_echo())).Status == 0
    await done(first.release())
    await done(second.release())
    await world.until(lambda: not server.active_associations)
    everybody = [first, second, *accepted]
    told = records.of("dicomwire")
    assert told and len({association.line.name for association in everybody}) == 4
    # Of the sockets and threads themselves nothing is said here.
    assert {fields_of(record) for record in told} == {about(association) for association in everybody}
    for association in everybody:
        own = [record.getMessage() for record in told if fields_of(record) == about(association)]
        way = "sent" if association.is_requestor else "received"
        echoes = [text for text in own if text.startswith("C-ECHO-RQ")]
        assert len(echoes) == (2 if about(association)[2] == "FIRST" else 1)
        assert all(f"C-ECHO-RQ {way}" in text for text in echoes)


async def test_the_fields_are_name_peer_and_titles(world: World, records: Records) -> None:
    server = await world.serve()
    association = await world.associate(server, ae_title="STORE")
    host, port = server.server_address[:2]
    name, peer, called, calling = about(association)
    assert re.fullmatch(r"A\d+", name)
    assert (peer, called, calling) == (f"{host}:{port}", "STORE", association.ae.ae_title)
    records.kept.clear()
    await done(association.release())
    (record,) = [record for record in records.of("dicomwire") if record.getMessage() == "Release request sent"]
    assert record.association_label == f"[{name} {peer} {calling}>{called}] "


async def test_a_connection_that_fails_is_told_with_its_association(socket_world: World, records: Records) -> None:
    server = await socket_world.serve()
    server.shutdown()
    association = await socket_world.associate(server)
    (record,) = [record for record in records.of("dicomwire") if record.getMessage().startswith("no connection")]
    assert fields_of(record) == about(association)


@pytest.mark.parametrize("in_threads", [False, True])
async def test_a_handler_of_a_program_can_have_the_fields_too(world: World, records: Records, in_threads: bool) -> None:
    records.addFilter(AssociationFilter())
    seen: list[Any] = []

    def log_echo(event: evt.Event) -> int:
        seen.append(event.assoc)
        OTHER.warning("an echo")
        return 0x0000

    ae = world.ae()
    ae.handlers_in_threads = in_threads and world.name in ("asyncio", "trio")
    server = await world.serve([(evt.EVT_C_ECHO, log_echo)], ae=ae)
    association = await world.associate(server)
    await done(association.send_c_echo())
    await done(association.release())
    OTHER.warning("nothing to do with it")
    inside, outside = records.of(OTHER.name)
    assert fields_of(inside) == about(seen[0])
    assert fields_of(outside) == ("-", "-", "-", "-")
    assert outside.association_label == ""


async def test_refused_contexts_are_logged_by_name(world: World, records: Records) -> None:
    server = await world.serve(contexts=[build_context(VERIFICATION)])
    await done((await world.associate(server)).release())
    told = [record.getMessage() for record in records.of("dicomwire") if record.levelno == logging.INFO]
    refused = "accepted 1 and rejected 1 of 2: abstract syntax not supported: CT Image Storage"
    assert f"the peer {refused}" in told and f"we {refused}" in told


def test_debug_logger_shows_the_association_in_front(
    memory_world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = logging.getLogger("dicomwire")
    level = library.level
    # The runner's own handlers are at the root.
    monkeypatch.setattr(library, "handlers", [])
    dicomwire.debug_logger()
    try:
        memory_world.run(lambda: _echo(memory_world))
        library.getChild("presentation").warning("of nobody")
    finally:
        library.setLevel(level)
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if re.fullmatch(r"I: \[A\d+ \S+ \S+>ANY-SCP\] C-ECHO-RQ sent: .*", line)]
    assert "W: of nobody" in lines


async def _echo(world: World) -> None:
    association = await world.associate(await world.serve())
    await done(association.send_c_echo())
    await done(association.release())


class Curious:
    """What a program might have in a variable of that name."""

    looked_at = False

    @property
    def _log_fields(self) -> Any:
        self.looked_at = True
        return None


def test_the_variables_of_a_program_are_left_alone(records: Records) -> None:
    """They may be of anything, and a look keeps them in memory."""

    def work(association: Curious) -> bool:
        logging.getLogger("dicomwire.vocabulary.contexts").warning("of nobody")
        return association.looked_at

    assert work(Curious()) is False
    (record,) = records.of("dicomwire")
    assert fields_of(record) == ("-", "-", "-", "-")


async def test_a_failure_of_the_server_itself_is_told_with_the_association(
    loop_world: World, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any) -> Any:
        raise RuntimeError("no idea what we support")

    accepted: list[Any] = []
    server = await loop_world.serve([(evt.EVT_CONN_OPEN, lambda event: keep(accepted, event.assoc, None))])
    monkeypatch.setattr(type(server), "supported", fail)
    peer = await loop_world.connect(server)
    await loop_world.until(lambda: [record for record in records.of("dicomwire") if record.exc_info])
    (record,) = [record for record in records.of("dicomwire") if record.exc_info]
    assert fields_of(record) == about(accepted[0])
    await peer.close()


# -- repr -----------------------------------------------------------------------------------------------------------
async def test_an_association_tells_what_it_is(world: World) -> None:
    server = await world.serve()
    association = await world.associate(server, ae_title="STORE")
    (name, peer, *_), title = about(association), association.ae.ae_title
    shown = f"<Association {name} as requestor with {peer}: {title} calls STORE, "
    assert repr(association) == f"{shown}established>"
    (accepted,) = server.active_associations
    assert re.fullmatch(rf"<Association A\d+ as acceptor with \S+: {title} calls STORE, established>", repr(accepted))
    await done(association.release())
    assert repr(association) == f"{shown}released>"


async def test_servers_and_application_entities_tell_what_they_are(world: World) -> None:
    ae = world.ae("SHOWN")
    assert repr(ae) == "<AE 'SHOWN': 0 active associations>"
    server = await world.serve(ae=ae)
    host, port = server.server_address[:2]
    assert repr(ae) == f"<AE 'SHOWN': 0 active associations, listening on {host}:{port}>"
    name = type(server).__name__
    assert repr(server) == f"<{name} 'SHOWN' on {host}:{port}: listening, 0 active associations>"
    association = await world.associate(server)
    assert "1 active associations" in repr(server)
    await done(association.release())
    server.shutdown()
    assert f"on {host}:{port}: stopped" in repr(server)


async def test_nothing_that_a_peer_chose_is_shown_raw(world: World) -> None:
    server = await world.serve()
    association = await world.associate(server)
    association.line.sides.acceptor.ae_title = "A\nB"
    association.line.sides.requestor.said = None
    assert "\n" not in repr(association)
    await done(association.release())


async def test_the_threads_of_a_server_hold_its_port(blocking_world: World) -> None:
    server = await blocking_world.serve()
    host, port = server.server_address
    assert f"dicomwire-server-{host}:{port}" in {thread.name for thread in threading.enumerate()}
