"""C-MOVE: where instances go, what they carry, and every way to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.uid import UID

from dicomwire import build_context, evt
from dicomwire.dsutils import encode
from dicomwire.status import code_to_status
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, Recorder, World, done, port_of
from tests.support.finding import advance, match, raising, unencodable, yielding
from tests.support.getting import (
    FAIL,
    MR,
    NONE_AT_ALL,
    OK,
    PENDING,
    WARN,
    A,
    B,
    C,
    Outcome,
    Statuses,
    collect,
    failures,
    image,
    outcome,
    sending,
    uid,
)
from tests.support.moving import CONTEXTS, HERE, MOVE, moving
from tests.support.scripted import accepting, ask, hear, offering, reply
from tests.support.sessions import element, us
from tests.support.storing import instance
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ

ROWS = [
    # -- how it goes well
    pytest.param(
        sending(HERE, 2, A, B),
        [],
        [(PENDING, (1, 1, 0, 0), None), (PENDING, (0, 2, 0, 0), None), (0x0000, (None, 2, 0, 0), None)],
        id="all stored",
    ),
    pytest.param(
        lambda event: [HERE, 1, (code_to_status(PENDING), A)],
        [],
        [(PENDING, (0, 1, 0, 0), None), (0x0000, (None, 1, 0, 0), None)],
        id="a list",
    ),
    # -- warnings and failures
    pytest.param(
        sending(HERE, 3, A, B, C),
        [OK, FAIL, WARN],
        [
            (PENDING, (2, 1, 0, 0), None),
            (PENDING, (1, 1, 1, 0), None),
            (PENDING, (0, 1, 1, 1), None),
            (0xB000, (None, 1, 1, 1), [uid(1)]),
        ],
        id="one failed, one warned",
    ),
    pytest.param(
        sending(HERE, 2, A, MR),
        [FAIL],
        [(PENDING, (1, 0, 1, 0), None), (PENDING, (0, 0, 2, 0), None), (0xA702, (None, 0, 2, 0), [uid(0), uid(9)])],
        id="all failed",
    ),
    pytest.param(
        sending(HERE, 2, None, "x", A),
        [],
        [(PENDING, (2, 0, 1, 0), None), (PENDING, (1, 1, 1, 0), None), (0xB000, (None, 1, 1, 0), None)],
        id="what is no instance",
    ),
    pytest.param(
        sending(HERE, 3, A), [], [(PENDING, (2, 1, 0, 0), None), (0xB000, (None, 1, 2, 0), None)], id="fewer than said"
    ),
    pytest.param(
        sending(HERE, 1, A, B),
        [],
        [(PENDING, (0, 1, 0, 0), None), (0x0000, (None, 1, 0, 0), None)],
        id="more than said",
    ),
    *(
        pytest.param(
            sending(HERE, 2, A, B, last),
            [FAIL, FAIL],
            [(PENDING, (1, 0, 1, 0), None), (PENDING, (0, 0, 2, 0), None), (0xA702, (None, 0, 2, 0), [uid(0), uid(1)])],
            id=f"{name} after all failed",
        )
        for name, last in {
            "success": (0x0000, None),
            "warning": (0xB000, None),
            "failure": (0xC000, failures("9.9")),
            "cancel": (0xFE00, None),
            "an exception": ValueError("no"),
        }.items()
    ),
    pytest.param(
        sending(HERE, 65535, A),
        [],
        [(PENDING, (65534, 1, 0, 0), None), (0xB000, (None, 1, 65534, 0), None)],
        id="as many as can be counted",
    ),
    # -- the destination
    pytest.param(sending((None, None), 1, A), [], [(0xA801, NONE_AT_ALL, None)], id="unknown"),
    pytest.param(sending((LOCALHOST, None), 1, A), [], [(0xA801, NONE_AT_ALL, None)], id="without port"),
    pytest.param(sending((LOCALHOST, 1), 1, A), [], [(0xA801, NONE_AT_ALL, None)], id="nobody listens"),
    pytest.param(
        sending(HERE.with_options(contexts=[build_context(VERIFICATION)]), 1, A),
        [],
        [(0xA801, NONE_AT_ALL, None)],
        id="no context accepted",
    ),
    pytest.param(sending((LOCALHOST,), 1, A), [], [(0xC515, NONE_AT_ALL, None)], id="too short"),
    pytest.param(sending((LOCALHOST, 104, {}, 1), 1, A), [], [(0xC515, NONE_AT_ALL, None)], id="too long"),
    pytest.param(sending(104, 1, A), [], [(0xC515, NONE_AT_ALL, None)], id="no pair"),
    pytest.param(sending((LOCALHOST, "104"), 1, A), [], [(0xC515, NONE_AT_ALL, None)], id="port of the wrong type"),
    pytest.param(sending((104, 104), 1, A), [], [(0xC515, NONE_AT_ALL, None)], id="address of the wrong type"),
    pytest.param(sending((LOCALHOST, 104, 7), 1, A), [], [(0xC515, NONE_AT_ALL, None)], id="options of the wrong type"),
    pytest.param(sending(HERE.with_options(nonsense=1), 1, A), [], [(0xC515, NONE_AT_ALL, None)], id="no such option"),
    pytest.param(sending(HERE.with_options(ae_title=""), 1, A), [], [(0xC515, NONE_AT_ALL, None)], id="no title"),
    pytest.param(sending(), [], [(0xC514, NONE_AT_ALL, None)], id="yields nothing"),
    pytest.param(lambda event: None, [], [(0xC514, NONE_AT_ALL, None)], id="nothing at all"),
    pytest.param(sending(ValueError("no")), [], [(0xC514, NONE_AT_ALL, None)], id="raises before the destination"),
    # -- the number
    pytest.param(sending(HERE, 0, A), [], [(0x0000, (None, 0, 0, 0), None)], id="none"),
    pytest.param(sending((LOCALHOST, 1), -1, A), [], [(0x0000, (None, 0, 0, 0), None)], id="none, for nobody"),
    pytest.param(sending(HERE, 65536, A), [], [(0xC516, NONE_AT_ALL, None)], id="too many"),
    pytest.param(sending(HERE, "x", A), [], [(0xC513, NONE_AT_ALL, None)], id="no number"),
    pytest.param(sending(HERE, (PENDING, A)), [], [(0xC513, NONE_AT_ALL, None)], id="no number but a pair"),
    pytest.param(sending(HERE), [], [(0xC513, NONE_AT_ALL, None)], id="no number at all"),
    pytest.param(sending(HERE, ValueError("no")), [], [(0xC513, NONE_AT_ALL, None)], id="raises before the number"),
    # -- it says how it ends
    pytest.param(
        sending(HERE, 2, A, (0x0000, None)),
        [WARN],
        [(PENDING, (1, 0, 0, 1), None), (0xB000, (None, 0, 0, 1), None)],
        id="success after a warning",
    ),
    pytest.param(
        sending(HERE, 3, A, (0xA701, None), C),
        [FAIL],
        [(PENDING, (2, 0, 1, 0), None), (0xA701, (None, 0, 3, 0), [uid(0)])],
        id="failure",
    ),
    pytest.param(
        sending(HERE, 2, (0xA701, failures("9.9"))), [], [(0xA701, (None, 0, 2, 0), ["9.9"])], id="a list of its own"
    ),
    pytest.param(
        sending(HERE, 2, A, (0xFE00, None), B),
        [FAIL],
        [(PENDING, (1, 0, 1, 0), None), (0xFE00, (1, 0, 1, 0), [uid(0)])],
        id="cancel",
    ),
    pytest.param(
        sending(HERE, 2, A, (0xFFF0, None)),
        [],
        [(PENDING, (1, 1, 0, 0), None), (0xFFF0, (None, 1, 1, 0), None)],
        id="unknown status",
    ),
    # -- it refuses
    pytest.param(sending((0xA900, None)), [], [(0xA900, NONE_AT_ALL, None)], id="refused at once"),
    pytest.param(
        sending((code_to_status(0xA801), None)), [], [(0xA801, NONE_AT_ALL, None)], id="refused by a data set"
    ),
    # -- it is broken
    pytest.param(None, [], [(0xC511, NONE_AT_ALL, None)], id="unbound"),
    pytest.param(raising, [], [(0xC511, NONE_AT_ALL, None)], id="the call raises"),
    pytest.param(lambda event: 7, [], [(0xC511, NONE_AT_ALL, None)], id="nothing to iterate"),
    pytest.param(
        sending(HERE, 3, A, ValueError("no")),
        [FAIL],
        [(PENDING, (2, 0, 1, 0), None), (0xC511, (None, 0, 3, 0), [uid(0)])],
        id="raises later",
    ),
    pytest.param(yielding(HERE, 2, 7), [], [(0xC511, (None, 0, 2, 0), None)], id="no pair"),
]


@pytest.mark.parametrize(("handler", "statuses", "expected"), ROWS)
async def test_what_the_handler_yields_is_stored_at_the_destination_and_counted(
    world: World, handler: Any, statuses: list[Any], expected: list[Outcome]
) -> None:
    told = Recorder()
    ends = told.bindings(evt.EVT_ESTABLISHED, evt.EVT_RELEASED, evt.EVT_ABORTED)
    association = await moving(world, handler, Statuses(*statuses), told=ends)
    assert await collect(association.send_c_move(match(), "DEST", MOVE)) == expected
    assert (await done(association.send_c_echo())).Status == 0
    # However it ended, the association with the destination was released, if there was one.
    if any(status == PENDING for status, _, _ in expected):
        await world.until(lambda: len(told.names) == 2)
    assert "ABORTED" not in told.names or expected[0][0] == 0xA801
    await done(association.release())


# -- what is asked and what is stored -----------------------------------------------------------------------------
async def test_the_handler_sees_the_request_and_the_destination_where_it_comes_from(world: World) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        seen.append((event.identifier.PatientName, event.move_destination, event.message_id, event.is_cancelled))
        yield HERE
        yield 3
        for item in (A, B, C):
            yield PENDING, item

    store = Statuses()
    titles: list[tuple[str, str]] = []

    def established(event: evt.Event) -> None:
        titles.append((event.assoc.requestor.ae_title, event.assoc.acceptor.primitive.called_ae_title.strip()))

    association = await moving(
        world, handler, store, ae=world.ae("THE MOVER"), told=[(evt.EVT_ESTABLISHED, established)]
    )
    await collect(association.send_c_move(match("D*"), "DEST", MOVE, msg_id=65534, priority=0))
    assert seen == [("D*", "DEST", 65534, False)]
    assert titles == [("THE MOVER", "DEST")]
    assert [(item.MessageID, item.AffectedSOPInstanceUID, item.Priority) for item in store.requests] == [
        (65535, uid(0), 0),
        (1, uid(1), 0),
        (2, uid(2), 0),
    ]
    for item in store.requests:
        # Whoever asked for the C-MOVE, not who sends (PS3.7 9.1.1.1.8).
        assert item.MoveOriginatorApplicationEntityTitle == "CLIENT"
        assert item.MoveOriginatorMessageID == 65534
    assert store.data == [encode(item, True, True) for item in (A, B, C)]
    await done(association.release())


async def test_options_of_the_destination_are_those_of_associate(world: World) -> None:
    here, there = Recorder(), Recorder()
    jpeg = "1.2.840.10008.1.2.4.50"
    compressed = image(3)
    compressed.file_meta.TransferSyntaxUID = UID(jpeg)
    proposed = [build_context(CT_IMAGE_STORAGE, jpeg), build_context(CT_IMAGE_STORAGE)]
    options = HERE.with_options(
        contexts=proposed, ae_title="OTHER", max_pdu=4096, evt_handlers=here.bindings(evt.EVT_ESTABLISHED)
    )
    store = Statuses()
    destination = await world.serve(
        [(evt.EVT_C_STORE, store), *there.bindings(evt.EVT_ESTABLISHED)],
        contexts=[build_context(CT_IMAGE_STORAGE, [jpeg, "1.2.840.10008.1.2"])],
    )
    association = await moving(world, sending(options, 2, compressed, A), destination=destination)
    assert (await collect(association.send_c_move(match(), "DEST", MOVE)))[-1][0] == 0
    assert store.syntaxes == [jpeg, "1.2.840.10008.1.2"]
    assert there.events[0].assoc.requestor.maximum_length == 4096
    assert there.events[0].assoc.acceptor.primitive.called_ae_title.strip() == "OTHER"
    assert here.events[0].assoc.is_requestor
    await done(association.release())


async def test_the_same_program_may_be_the_destination(world: World) -> None:
    """The requester runs a server of its own, whose title and address the mover knows."""
    ae, store = world.ae("BOTH"), Statuses()
    destination = await world.serve([(evt.EVT_C_STORE, store)], ae=ae, contexts=[build_context(CT_IMAGE_STORAGE)])
    association = await moving(world, sending(HERE, 2, A, B), destination=destination)
    assert (await collect(association.send_c_move(match(), "BOTH", MOVE)))[-1] == (0, (None, 2, 0, 0), None)
    assert len(store.requests) == 2
    await done(association.release())


async def test_cancel_is_answered_with_what_remains(world: World) -> None:
    def handler(event: evt.Event) -> Iterator[Any]:
        yield HERE
        yield 60000
        for number in range(60000):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield PENDING, image(number)

    told = Recorder()
    association = await moving(world, handler, Statuses(FAIL), told=told.bindings(evt.EVT_RELEASED, evt.EVT_ABORTED))
    responses = await done(association.send_c_move(match(), "DEST", MOVE, msg_id=7))
    outcomes = [outcome(*await advance(responses))]
    await done(association.send_c_cancel(7, query_model=MOVE))
    while (item := await advance(responses)) is not None:
        outcomes.append(outcome(*item))
    status, (remaining, completed, failed, warned), uids = outcomes[-1]
    assert (status, failed, warned, uids) == (0xFE00, 1, 0, [uid(0)])
    assert remaining is not None and completed is not None
    assert remaining + completed + 1 == 60000
    await world.until(lambda: told.names)
    assert told.names == ["RELEASED"]
    await done(association.release())


@pytest.mark.parametrize("title", ["", "   ", "SEVENTEEN LETTERS", "A\\B", None, 7])
async def test_a_bad_destination_title_is_refused(world: World, title: Any) -> None:
    association = await moving(world, sending(HERE, 0))
    with pytest.raises(ValueError if isinstance(title, str) else TypeError):
        await done(association.send_c_move(match(), title, MOVE))
    with pytest.raises(ValueError, match=r"."):
        await done(association.send_c_move(unencodable(), "DEST", MOVE))
    with pytest.raises(ValueError, match="context"):
        await done(association.send_c_move(match(), "DEST", "1.2.840.10008.5.1.4.1.2.1.2"))
    assert await collect(association.send_c_move(match(), "DEST", MOVE)) == [(0, (None, 0, 0, 0), None)]
    await done(association.release())


# -- the end in the middle ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("end", ["abort", "release", "close"])
async def test_when_the_requester_is_gone_the_handler_is_closed_and_the_destination_released(
    world: World, end: str
) -> None:
    started, go_on, closed = world.signal(), world.signal(), world.signal()
    steps: list[int] = []
    told = Recorder()

    async def store(event: evt.Event) -> int:
        started.set()
        await go_on.wait()
        return 0

    def handler(event: evt.Event) -> Iterator[Any]:
        try:
            yield LOCALHOST, port_of(destination)
            yield 100
            while True:
                steps.append(1)
                yield PENDING, A
        finally:
            closed.set()

    destination = await world.serve(
        [(evt.EVT_C_STORE, store), *told.bindings(evt.EVT_RELEASED, evt.EVT_ABORTED)],
        contexts=[build_context(CT_IMAGE_STORAGE)],
    )
    ae = world.ae("MOVER")
    ae.requested_contexts = [build_context(CT_IMAGE_STORAGE)]
    server = await world.serve([(evt.EVT_C_MOVE, handler)], ae=ae, contexts=CONTEXTS)
    peer = await offering(world, server, MOVE)
    await peer.send(ask(1, 0x0021, MOVE, us(0x0700, 0), element(0x0600, b"DEST"), message_id=7, data=b""))
    await started.wait()
    if end == "close":
        await peer.close()
    else:
        await peer.send(ABORT if end == "abort" else RELEASE_RQ)
    if world.name == "asyncio":
        # Let the loop see it.
        session = server.active_associations[0].line.session
        await world.until(lambda: not session.wants_data or session.connection.closed)
    go_on.set()
    if end != "close":
        assert await peer.rest() == (RELEASE_RP if end == "release" else b"")
        await peer.close()
    await closed.wait()
    await world.until(lambda: told.names)
    assert told.names == ["RELEASED"]
    assert len(steps) <= 2


@pytest.mark.parametrize("end", [ABORT, b"", b"nonsense"])
async def test_when_the_destination_is_gone_what_remains_has_failed(world: World, end: bytes) -> None:
    listener = await world.listen()

    async def peer() -> Any:
        other = await accepting(listener)
        said = await hear(other)
        await other.send(reply(1, 0x0001, 0, message_id=said.command.MessageID))
        said = await hear(other)
        await other.send(end)
        if not end:
            await other.close()
            return
        await other.rest()
        await other.close()

    job = world.start(peer)
    association = await moving(world, sending(HERE, 3, A, B, C), destination=listener)
    outcomes = await collect(association.send_c_move(match(), "DEST", MOVE))
    assert [status for status, _, _ in outcomes] == [PENDING, PENDING, PENDING, 0xB000]
    assert outcomes[-1] == (0xB000, (None, 1, 2, 0), [uid(1), uid(2)])
    await job.result()
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


async def test_a_destination_that_does_not_answer_in_time_has_failed(world: World) -> None:
    listener = await world.listen()

    async def peer() -> bytes:
        other = await accepting(listener)
        await hear(other)
        rest = await other.rest()
        await other.close()
        return rest

    job = world.start(peer)
    ae = world.ae("MOVER")
    association = await moving(world, sending(HERE, 2, A, B), ae=ae, destination=listener)
    ae.dimse_timeout = 0.05
    association.dimse_timeout = 6
    outcomes = await collect(association.send_c_move(match(), "DEST", MOVE))
    assert outcomes[-1] == (0xA702, (None, 0, 2, 0), [uid(0), uid(1)])
    assert await job.result() == ABORT
    await done(association.release())


@pytest.mark.parametrize("end", [ABORT, RELEASE_RQ, b"nonsense"])
async def test_when_the_peer_ends_a_retrieval_the_last_status_is_empty(world: World, end: bytes) -> None:
    listener = await world.listen()

    async def peer() -> Any:
        other = await accepting(listener)
        said = await hear(other)
        await other.send(reply(1, 0x0021, PENDING, us(0x1020, 5), message_id=7) + end)
        await other.rest()
        await other.close()
        return said

    job = world.start(peer)
    association = await world.associate(listener, contexts=CONTEXTS)
    outcomes = await collect(association.send_c_move(match(), "DEST", MOVE, msg_id=7))
    assert outcomes == [(PENDING, (5, None, None, None), None), (None, NONE_AT_ALL, None)]
    await done(association.abort())
    said = await job.result()
    assert (said.command.MoveDestination, said.command.Priority) == ("DEST", 2)
    assert said.data == encode(match(), True, True)


# -- words for a destination that cannot be used --------------------------------------------------------------------
def said(caplog: pytest.LogCaptureFixture) -> str:
    """What the log says of a C-MOVE."""
    (line,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("C-MOVE to")]
    return line


async def ended(association: Any) -> tuple[int, str]:
    """The final status of a C-MOVE and its comment."""
    responses = [status for status, _ in await listed(association.send_c_move(match(), "DEST", MOVE))]
    await done(association.release())
    return responses[-1].Status, responses[-1].get("ErrorComment", "")


async def listed(responses: Any) -> list[Any]:
    responses = await done(responses)
    return [item async for item in responses] if hasattr(responses, "__aiter__") else list(responses)


async def test_a_destination_that_refuses_every_context_is_explained(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    destination = await world.serve(contexts=[build_context(VERIFICATION)])
    association = await moving(world, sending(HERE, 1, A), destination=destination)
    assert await ended(association) == (0xA801, "destination accepted no presentation context")
    line = said(caplog)
    # Who, what was proposed and refused and why, and what to do.
    assert f"'DEST' at {LOCALHOST}:{port_of(destination)}" in line
    assert "rejected 1 of 1: abstract syntax not supported: CT Image Storage" in line
    assert "requested_contexts" in line


async def test_a_destination_that_rejects_is_explained(world: World, caplog: pytest.LogCaptureFixture) -> None:
    ae = world.ae("OTHER")
    ae.require_called_aet = True
    destination = await world.serve(ae=ae, contexts=[build_context(CT_IMAGE_STORAGE)])
    association = await moving(world, sending(HERE, 1, A), destination=destination)
    status, comment = await ended(association)
    assert status == 0xA801 and comment.startswith("destination rejected: ") and "called" in comment.lower()
    assert "'DEST' is not its title" in said(caplog)


async def test_a_destination_that_cannot_be_reached_is_explained(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    association = await moving(world, sending((LOCALHOST, 1), 1, A))
    # The address is the archive's to know.
    assert await ended(association) == (0xA801, "no connection to the destination")
    assert f"'DEST' at {LOCALHOST}:1: no association: no connection" in said(caplog)


async def test_a_destination_that_the_handler_does_not_know_is_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    association = await moving(world, sending((None, None), 1, A))
    assert await ended(association) == (0xA801, "")
    assert said(caplog) == "C-MOVE to 'DEST': the handler knows no such destination"


class Unspeakable:
    """No address, and cannot even be shown as one."""

    def __str__(self) -> str:
        raise ValueError("no")

    def __repr__(self) -> str:
        return "o" * 130


@pytest.mark.parametrize(
    ("destination", "shown"),
    [
        (HERE.with_options(nonsense=1), f"'DEST' at {LOCALHOST}:"),
        ((Unspeakable(), 104), "'DEST' at (" + "o" * 116 + "...: no association: "),
    ],
)
async def test_a_destination_that_is_none_is_told(
    memory_world: World, caplog: pytest.LogCaptureFixture, destination: Any, shown: str
) -> None:
    association = await moving(memory_world, sending(destination, 1, A))
    assert await ended(association) == (0xC515, "the destination cannot be used as it is configured")
    line = said(caplog)
    assert shown in line
    assert line.partition("no association: ")[2] not in ("", "None", "NoneType")


async def test_classes_without_a_context_are_told_once_each_and_to_whoever_asked(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    other = instance(SOPClassUID="1.2.3.4", SOPInstanceUID=uid(8))
    association = await moving(world, sending(HERE, 5, MR, A, MR, other, MR), Statuses())
    assert await ended(association) == (0xB000, "no context for MR Image Storage, 1.2.3.4")
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len([line for line in errors if "a sub-operation failed" in line and "it was not proposed" in line]) == 2
    assert [line for line in errors if "for want of" in line] == [
        "sub-operations failed for want of a presentation context: MR Image Storage (3), 1.2.3.4 (1)"
    ]
