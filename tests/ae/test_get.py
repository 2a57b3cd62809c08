"""C-GET: sub-operations on the same association, their counters, and every way to end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomwire import Limits, _config, build_context, build_role, evt
from dicomwire.dsutils import encode
from dicomwire.sources import EncodedDataSet
from dicomwire.status import Status, code_to_status
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, Recorder, World, done
from tests.support.finding import EMPTY, advance, match, raising, unencodable, yielding
from tests.support.getting import (
    COMMITMENT,
    CONTEXTS,
    FAIL,
    GET,
    MR,
    NONE_AT_ALL,
    OK,
    PENDING,
    WARN,
    A,
    B,
    C,
    Endless,
    Outcome,
    Statuses,
    collect,
    failures,
    getting,
    image,
    outcome,
    retrieving,
    sending,
    uid,
)
from tests.support.scripted import accepting, ask, hear, reply, uid as uid_element
from tests.support.sessions import us
from tests.support.storing import instance, save
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ

WITHOUT_BULK_DATA = "1.2.840.10008.5.1.4.1.2.5.3"
IMPLICIT = "1.2.840.10008.1.2"


class Vague:
    """Has no truth value and no number, as arrays and tables."""

    def __bool__(self) -> bool:
        raise KeyError("ambiguous")

    __int__ = __bool__


def broken_list() -> Dataset:
    dataset = unencodable()
    dataset.FailedSOPInstanceUIDList = ["9.9"]
    return dataset


LACKING = instance()
del LACKING.SOPInstanceUID

AFTERWARDS: dict[str, list[Any]] = {
    "the end": [],
    "an instance": [(PENDING, image(2))],
    "nothing": [(PENDING, None)],
    "success": [(0x0000, None)],
    "warning": [(0xB000, None)],
    "failure": [(0xA702, None)],
    "another failure": [(0xC000, failures("9.9"))],
    "cancel": [(0xFE00, None)],
    "unknown status": [(0xFFF0, None)],
    "no status": [(Dataset(), None)],
    "no pair": [7],
    "an exception": [ValueError("no")],
}
"""What a handler may go on with when all it has announced is done: nothing of it counts."""


def count(statuses: list[int]) -> tuple[int, int, int]:
    return statuses.count(OK), statuses.count(FAIL), statuses.count(WARN)


def failed_of(statuses: list[int]) -> list[str] | None:
    return [uid(number) for number, status in enumerate(statuses) if status == FAIL] or None


ROWS = [
    # -- how it goes well
    pytest.param(
        sending(2, A, B),
        [],
        [(PENDING, (1, 1, 0, 0), None), (PENDING, (0, 2, 0, 0), None), (0x0000, (None, 2, 0, 0), None)],
        id="all stored",
    ),
    pytest.param(
        sending("1", A), [], [(PENDING, (0, 1, 0, 0), None), (0, (None, 1, 0, 0), None)], id="number in words"
    ),
    pytest.param(
        sending(1.9, A), [], [(PENDING, (0, 1, 0, 0), None), (0, (None, 1, 0, 0), None)], id="number as float"
    ),
    pytest.param(
        sending(1, (code_to_status(PENDING), A)),
        [],
        [(PENDING, (0, 1, 0, 0), None), (0, (None, 1, 0, 0), None)],
        id="status as a data set",
    ),
    pytest.param(
        sending(2, (Status.PENDING, A), (Status.CANCEL, None)),
        [],
        [(PENDING, (1, 1, 0, 0), None), (0xFE00, (1, 1, 0, 0), None)],
        id="status of the enumeration",
    ),
    pytest.param(
        lambda event: [1, (PENDING, A)], [], [(PENDING, (0, 1, 0, 0), None), (0, (None, 1, 0, 0), None)], id="a list"
    ),
    # -- warnings and failures
    pytest.param(
        sending(2, A, B),
        [WARN],
        [(PENDING, (1, 0, 0, 1), None), (PENDING, (0, 1, 0, 1), None), (0xB000, (None, 1, 0, 1), None)],
        id="one warned: no list",
    ),
    pytest.param(
        sending(3, A, B, C),
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
        sending(2, A, B),
        [FAIL, 0xC000],
        [(PENDING, (1, 0, 1, 0), None), (PENDING, (0, 0, 2, 0), None), (0xA702, (None, 0, 2, 0), [uid(0), uid(1)])],
        id="all failed",
    ),
    pytest.param(
        sending(2, A, B),
        [ValueError("no"), Dataset()],
        [(PENDING, (1, 0, 1, 0), None), (PENDING, (0, 0, 2, 0), None), (0xA702, (None, 0, 2, 0), [uid(0), uid(1)])],
        id="the receiving handler is broken",
    ),
    pytest.param(
        sending(2, MR, A),
        [],
        [(PENDING, (1, 0, 1, 0), None), (PENDING, (0, 1, 1, 0), None), (0xB000, (None, 1, 1, 0), [uid(9)])],
        id="no context",
    ),
    pytest.param(
        sending(2, LACKING, A),
        [],
        [(PENDING, (1, 0, 1, 0), None), (PENDING, (0, 1, 1, 0), None), (0xB000, (None, 1, 1, 0), None)],
        id="without instance UID: no list",
    ),
    pytest.param(
        sending(1, image(5, Rows=1)),
        [0xFE00],
        [(PENDING, (0, 0, 1, 0), None), (0xA702, (None, 0, 1, 0), [uid(5)])],
        id="a status that no C-STORE has",
    ),
    # -- what is no instance
    pytest.param(
        sending(1, None, EMPTY, A, None), [], [(PENDING, (0, 1, 0, 0), None), (0, (None, 1, 0, 0), None)], id="nothing"
    ),
    pytest.param(
        sending(2, "x", A),
        [],
        [(PENDING, (2, 0, 1, 0), None), (PENDING, (1, 1, 1, 0), None), (0xB000, (None, 1, 1, 0), None)],
        id="not a data set",
    ),
    pytest.param(
        sending(2, "x", 7),
        [],
        [(PENDING, (2, 0, 1, 0), None), (PENDING, (2, 0, 2, 0), None), (0xA702, (None, 0, 2, 0), None)],
        id="only what is not a data set",
    ),
    pytest.param(
        sending(1, Vague(), A),
        [],
        [(PENDING, (1, 0, 1, 0), None), (PENDING, (0, 1, 1, 0), None), (0xB000, (None, 1, 1, 0), None)],
        id="neither true nor false",
    ),
    # -- the number
    pytest.param(sending(Vague(), A), [], [(0xC413, NONE_AT_ALL, None)], id="a number that is none"),
    pytest.param(sending(0, A), [], [(0x0000, (None, 0, 0, 0), None)], id="none"),
    pytest.param(sending(-3, A), [], [(0x0000, (None, 0, 0, 0), None)], id="fewer than none"),
    pytest.param(sending(65536, A), [], [(0xC416, NONE_AT_ALL, None)], id="too many"),
    pytest.param(sending("x", A), [], [(0xC413, NONE_AT_ALL, None)], id="no number"),
    pytest.param(sending(None, A), [], [(0xC413, NONE_AT_ALL, None)], id="None for a number"),
    pytest.param(sending(float("inf"), A), [], [(0xC413, NONE_AT_ALL, None)], id="infinitely many"),
    pytest.param(sending((PENDING, A)), [], [(0xC413, NONE_AT_ALL, None)], id="no number but a pair"),
    pytest.param(sending(), [], [(0xC413, NONE_AT_ALL, None)], id="yields nothing"),
    pytest.param(lambda event: None, [], [(0xC413, NONE_AT_ALL, None)], id="nothing at all"),
    pytest.param(sending(ValueError("no")), [], [(0xC413, NONE_AT_ALL, None)], id="raises before the number"),
    pytest.param(sending(1), [], [(0xA702, (None, 0, 1, 0), None)], id="announces and yields nothing"),
    pytest.param(
        sending(3, A),
        [],
        [(PENDING, (2, 1, 0, 0), None), (0xB000, (None, 1, 2, 0), None)],
        id="fewer than announced",
    ),
    pytest.param(
        sending(1, A, B, C),
        [],
        [(PENDING, (0, 1, 0, 0), None), (0x0000, (None, 1, 0, 0), None)],
        id="more than announced",
    ),
    pytest.param(
        sending(1, A, None, ValueError("never reached")),
        [],
        [(PENDING, (0, 1, 0, 0), None), (0x0000, (None, 1, 0, 0), None)],
        id="nothing after what was announced",
    ),
    *(
        pytest.param(
            (sending if name == "an exception" else yielding)(2, (PENDING, A), (PENDING, B), *last),
            stored,
            [
                (PENDING, (1, *count(stored[:1])), None),
                (PENDING, (0, *count(stored)), None),
                (final, (None, *count(stored)), failed_of(stored)),
            ],
            id=f"{name} after {result}",
        )
        for name, last in AFTERWARDS.items()
        for result, stored, final in [
            ("all stored", [OK, OK], 0x0000),
            ("one failed", [OK, FAIL], 0xB000),
            ("one warned", [WARN, OK], 0xB000),
            ("all failed", [FAIL, FAIL], 0xA702),
        ]
    ),
    pytest.param(
        sending(65535, A),
        [],
        [(PENDING, (65534, 1, 0, 0), None), (0xB000, (None, 1, 65534, 0), None)],
        id="as many as can be counted",
    ),
    # -- it says how it ends
    pytest.param(
        sending(1, A, (0x0000, None), B),
        [],
        [(PENDING, (0, 1, 0, 0), None), (0x0000, (None, 1, 0, 0), None)],
        id="success",
    ),
    pytest.param(
        sending(2, A, (0x0000, None)),
        [FAIL],
        [(PENDING, (1, 0, 1, 0), None), (0xB000, (None, 0, 1, 0), [uid(0)])],
        id="success after a failure",
    ),
    pytest.param(
        sending(3, A, B, (0xA701, None), C),
        [OK, FAIL],
        [
            (PENDING, (2, 1, 0, 0), None),
            (PENDING, (1, 1, 1, 0), None),
            (0xA701, (None, 1, 2, 0), [uid(1)]),
        ],
        id="failure",
    ),
    pytest.param(sending(2, (0xB000, None)), [], [(0xB000, (None, 0, 2, 0), None)], id="warning"),
    pytest.param(
        sending(2, (0xA701, failures("9.8", "9.9"))),
        [],
        [(0xA701, (None, 0, 2, 0), ["9.8", "9.9"])],
        id="failure with a list of its own",
    ),
    pytest.param(
        sending(2, A, (0xFE00, None), B),
        [FAIL],
        [(PENDING, (1, 0, 1, 0), None), (0xFE00, (1, 0, 1, 0), [uid(0)])],
        id="cancel",
    ),
    pytest.param(
        sending(2, A, (0xFE00, failures("9.9"))),
        [],
        [(PENDING, (1, 1, 0, 0), None), (0xFE00, (1, 1, 0, 0), ["9.9"])],
        id="cancel with a list of its own",
    ),
    pytest.param(
        sending(2, A, (0xFE00, failures())),
        [FAIL],
        [(PENDING, (1, 0, 1, 0), None), (0xFE00, (1, 0, 1, 0), [uid(0)])],
        id="an empty list is none",
    ),
    pytest.param(
        sending(2, (0xA701, broken_list())), [], [(0xA701, (None, 0, 2, 0), None)], id="a list that cannot be encoded"
    ),
    pytest.param(
        sending(2, A, (0xFFF0, None), B),
        [],
        [(PENDING, (1, 1, 0, 0), None), (0xFFF0, (None, 1, 1, 0), None)],
        id="unknown status",
    ),
    pytest.param(sending(1, (Dataset(), A)), [], [(0xC001, (None, 0, 1, 0), None)], id="no Status"),
    pytest.param(sending(1, ("x", A)), [], [(0xC002, (None, 0, 1, 0), None)], id="no status at all"),
    # -- it refuses
    pytest.param(sending((0xA900, None)), [], [(0xA900, NONE_AT_ALL, None)], id="refused at once"),
    pytest.param(
        sending((code_to_status(0xC123), None)), [], [(0xC123, NONE_AT_ALL, None)], id="refused by a data set"
    ),
    pytest.param(sending((0x0000, None)), [], [(0xC413, NONE_AT_ALL, None)], id="success is no refusal"),
    # -- it is broken
    pytest.param(None, [], [(0xC411, NONE_AT_ALL, None)], id="unbound"),
    pytest.param(raising, [], [(0xC411, NONE_AT_ALL, None)], id="the call raises"),
    pytest.param(lambda event: 7, [], [(0xC411, NONE_AT_ALL, None)], id="nothing to iterate"),
    pytest.param(
        sending(3, A, ValueError("no")),
        [FAIL],
        [(PENDING, (2, 0, 1, 0), None), (0xC411, (None, 0, 3, 0), [uid(0)])],
        id="raises later",
    ),
    pytest.param(yielding(2, 7), [], [(0xC411, (None, 0, 2, 0), None)], id="no pair"),
]


@pytest.mark.parametrize(("handler", "statuses", "expected"), ROWS)
async def test_what_the_handler_yields_is_stored_and_counted(
    world: World, handler: Any, statuses: list[Any], expected: list[Outcome]
) -> None:
    store = Statuses(*statuses)
    association = await getting(world, handler, store)
    assert await collect(association.send_c_get(match(), GET)) == expected
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


# -- what is asked and what is stored -----------------------------------------------------------------------------
async def test_the_handler_sees_the_request_and_the_receiver_the_instances(world: World) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        seen.append((event.identifier.PatientName, event.message_id, event.request.Priority, event.is_cancelled))
        yield 2
        yield PENDING, A
        yield PENDING, B

    store = Statuses()
    association = await getting(world, handler, store)
    await collect(association.send_c_get(match("D*"), GET, msg_id=65534, priority=1))
    assert seen == [("D*", 65534, 1, False)]
    stored = [(item.MessageID, item.AffectedSOPInstanceUID, item.Priority) for item in store.requests]
    assert stored == [(65535, uid(0), 1), (1, uid(1), 1)]
    assert all(item.MoveOriginatorMessageID is None for item in store.requests)
    assert [encode(item, True, True) for item in (A, B)] == store.data
    await done(association.release())


async def test_paths_and_encoded_data_sets_may_be_yielded(world: World, tmp_path: Path) -> None:
    path = save(image(1), tmp_path / "one.dcm")
    bare = EncodedDataSet(
        sop_class_uid=CT_IMAGE_STORAGE,
        sop_instance_uid=uid(2),
        transfer_syntax_uid=IMPLICIT,
        data=encode(image(2), True, True),
    )
    (tmp_path / "no.dcm").write_bytes(b"no DICOM")
    store = Statuses(OK, OK, OK, FAIL)
    what = [path, bare, path, bare, tmp_path / "missing.dcm", tmp_path / "no.dcm"]
    association = await getting(world, sending(6, *what), store)
    last = (await collect(association.send_c_get(match(), GET)))[-1]
    assert last == (0xB000, (None, 3, 3, 0), [uid(2)])
    assert [item.AffectedSOPInstanceUID for item in store.requests] == [uid(1), uid(2), uid(1), uid(2)]
    await done(association.release())


def bulky() -> Dataset:
    dataset = image(1, PatientName="Kept", PixelDataProviderURL="http://x", Rows=1)
    dataset.PixelData = b"\1\2"
    dataset["PixelData"].VR = "OW"
    dataset.FloatPixelData = b"\0" * 4
    dataset.DoubleFloatPixelData = b"\0" * 8
    dataset.SpectroscopyData = b"\0" * 4
    dataset.EncapsulatedDocument = b"%PDF"
    for tag in (0x5000200C, 0x50023000, 0x60003000, 0x60FE3000):
        dataset.add_new(tag, "OW", b"\1\2")
    # What only looks like it: another element, another group, an odd group.
    for tag in (0x60000010, 0x50000005):
        dataset.add_new(tag, "US", 1)
    dataset.add_new(0x60110010, "LO", "private")
    item = Dataset()
    item.WaveformData = b"\1\2"
    item["WaveformData"].VR = "OW"
    item.NumberOfWaveformSamples = 1
    dataset.WaveformSequence = Sequence([item])
    return dataset


@pytest.mark.parametrize("form", ["data set", "path", "encoded"])
async def test_without_bulk_data_it_is_left_out(world: World, tmp_path: Path, form: str) -> None:
    whole = bulky()
    before = encode(whole, True, True)
    what: Any = whole
    if form == "path":
        what = save(whole, tmp_path / "bulky.dcm")
    elif form == "encoded":
        what = EncodedDataSet(
            sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid=uid(1), transfer_syntax_uid=IMPLICIT, data=before
        )
    got: list[Dataset] = []

    def store(event: evt.Event) -> int:
        got.append(event.dataset)
        return 0

    association = await getting(world, sending(1, what), store, model=WITHOUT_BULK_DATA)
    assert (await collect(association.send_c_get(match(), WITHOUT_BULK_DATA)))[-1][0] == 0
    assert [int(element.tag) for element in got[0]] == [
        0x00080016, 0x00080018, 0x00100010, 0x00280010, 0x50000005, 0x54000100, 0x60000010, 0x60110010,
    ]  # fmt: skip
    assert [element.keyword for element in got[0].WaveformSequence[0]] == ["NumberOfWaveformSamples"]
    # What the handler yielded is as it was.
    assert encode(whole, True, True) == before
    await done(association.release())


async def test_with_another_model_bulk_data_is_kept(world: World) -> None:
    store = Statuses()
    association = await getting(world, sending(1, bulky()), store)
    await collect(association.send_c_get(match(), GET))
    assert store.data == [encode(bulky(), True, True)]
    await done(association.release())


# -- the requesting side ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("store", "status"),
    [
        pytest.param(None, 0xC211, id="unbound"),
        pytest.param(raising, 0xC211, id="raises"),
        pytest.param(lambda event: Dataset(), 0xC001, id="no Status"),
        pytest.param(lambda event: "x", 0xC002, id="no status at all"),
        pytest.param(lambda event: 0xB007, 0xB007, id="a warning"),
    ],
)
async def test_what_the_receiving_handler_says_is_answered(world: World, store: Any, status: int) -> None:
    said: list[int] = []

    def sent(event: evt.Event) -> None:
        if event.message.command_set.CommandField == 0x8001:
            said.append(event.message.command_set.Status)

    association = await getting(world, sending(1, A), store)
    association.bind(evt.EVT_DIMSE_SENT, sent)
    last = (await collect(association.send_c_get(match(), GET)))[-1]
    assert said == [status]
    assert last[0] == (0xB000 if status == 0xB007 else 0xA702)
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_instance_goes_where_the_receiving_handlers_say(world: World, tmp_path: Path, chunked: bool) -> None:
    """A sink, or the temporary file of chunked reception, works on the side that asked, too."""
    _config.STORE_RECV_CHUNKED_DATASET = chunked
    seen: list[Any] = []

    def store(event: evt.Event) -> int:
        assert event.dataset_path is not None
        seen.append((event.dataset.SOPInstanceUID, event.dataset_path))
        return 0

    association = await getting(world, sending(2, A, B), store)
    if not chunked:
        association.bind(evt.EVT_C_STORE_SINK, lambda event: tmp_path / f"{event.request.AffectedSOPInstanceUID}.dcm")
    assert (await collect(association.send_c_get(match(), GET)))[-1][1] == (None, 2, 0, 0)
    assert [name for name, _ in seen] == [uid(0), uid(1)]
    assert all(path.exists() is not chunked for _, path in seen)
    await done(association.release())


async def test_cancel_is_answered_with_what_remains(world: World) -> None:
    def handler(event: evt.Event) -> Iterator[Any]:
        yield 60000
        for number in range(60000):
            if event.is_cancelled:
                assert event.is_cancelled
                yield 0xFE00, None
                return
            yield PENDING, image(number)

    association = await getting(world, handler, Statuses(FAIL))
    responses = await done(association.send_c_get(match(), GET, msg_id=7))
    outcomes = [outcome(*await advance(responses))]
    await done(association.send_c_cancel(7, query_model=GET))
    while (item := await advance(responses)) is not None:
        outcomes.append(outcome(*item))
    status, (remaining, completed, failed, warned), uids = outcomes[-1]
    assert (status, failed, warned, uids) == (0xFE00, 1, 0, [uid(0)])
    assert remaining is not None and completed is not None
    assert remaining + completed + 1 == 60000
    assert len(outcomes) == completed + 2
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


async def test_leaving_the_iterator_early_cancels(world: World) -> None:
    stopped = world.signal()

    def handler(event: evt.Event) -> Iterator[Any]:
        yield 60000
        for number in range(60000):
            if event.is_cancelled:
                stopped.set()
                yield 0xFE00, None
                return
            yield PENDING, image(number)

    store = Statuses()
    association = await getting(world, handler, store)
    responses = await done(association.send_c_get(match(), GET))
    await advance(responses)
    with pytest.raises(RuntimeError):
        await done(association.send_c_echo(msg_id=2))
    await done(responses.aclose() if hasattr(responses, "aclose") else responses.close())
    assert (await done(association.send_c_echo(msg_id=2))).Status == 0
    await stopped.wait()
    assert await advance(responses) is None
    await done(association.release())


async def test_bad_arguments_are_refused_and_the_association_stays(world: World) -> None:
    association = await getting(world, sending(0))
    for arguments, kind in (
        ((match(), GET, -1), ValueError),
        ((match(), GET, "1"), TypeError),
        ((match(), GET, 1, 3), ValueError),
        ((match(), "P"), ValueError),
        ((match(), WITHOUT_BULK_DATA), ValueError),
        ((unencodable(), GET), ValueError),
        (("x", GET), ValueError),
    ):
        with pytest.raises(kind):
            await done(association.send_c_get(*arguments))
    assert await collect(association.send_c_get(match(), GET)) == [(0, (None, 0, 0, 0), None)]
    await done(association.release())
    with pytest.raises(RuntimeError):
        await done(association.send_c_get(match(), GET))


async def test_the_window_does_not_matter_for_sub_operations(world: World) -> None:
    """They are done one by one, whatever number of requests may be under way."""
    server_ae, client_ae = world.ae("SERVER"), world.ae("CLIENT")
    server_ae.asynchronous_operations = client_ae.asynchronous_operations = (3, 3)
    store = Statuses(OK, FAIL)
    association = await getting(world, sending(3, A, B, C), store, ae=server_ae, client_ae=client_ae)
    assert association.acceptor.asynchronous_operations == (3, 3)
    outcomes = await collect(association.send_c_get(match(), GET))
    assert outcomes[-1] == (0xB000, (None, 2, 1, 0), [uid(1)])
    assert len(outcomes) == 4
    await done(association.release())


# -- the end in the middle ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("end", ["abort", "release", "close"])
async def test_when_the_association_ends_the_handler_is_closed_and_nothing_more_is_sent(
    world: World, end: str, answered: bool
) -> None:
    handler = Endless(world)
    seen = Recorder()
    peer = await retrieving(world, handler, seen.bindings(evt.EVT_ABORTED, evt.EVT_RELEASED))
    answer = reply(3, 0x0001, 0, message_id=8) if answered else b""
    await peer.send(answer + {"abort": ABORT, "release": RELEASE_RQ, "close": b""}[end])
    if end == "close":
        await peer.close()
    else:
        assert await peer.rest() == (RELEASE_RP if end == "release" else b"")
        await peer.close()
    await handler.closed.wait()
    # The end may come a moment after the answer.
    assert handler.steps <= (2 if answered and end == "close" else 1)
    await world.until(lambda: seen.names == ["RELEASED" if end == "release" else "ABORTED"])


async def test_other_requests_wait_until_the_retrieval_is_over_but_event_reports_do_not(world: World) -> None:
    handlers = [(evt.EVT_N_EVENT_REPORT, lambda event: (0x0000, None))]
    peer = await retrieving(world, sending(1, A), handlers, COMMITMENT)
    report = ask(7, 0x0100, COMMITMENT, uid_element(0x1000, "1.2.3"), us(0x1002, 1), message_id=11)
    await peer.send(ask(5, 0x0030, VERIFICATION, message_id=9) + report)
    said = await hear(peer)
    assert (said.context_id, said.field, said.command.MessageIDBeingRespondedTo) == (7, 0x8100, 11)
    await peer.send(reply(3, 0x0001, 0, message_id=8))
    heard = [await hear(peer) for _ in range(3)]
    assert [(said.field, said.status) for said in heard] == [(0x8010, PENDING), (0x8010, 0x0000), (0x8030, 0x0000)]
    await peer.send(RELEASE_RQ)
    assert await peer.rest() == RELEASE_RP
    await peer.close()


async def test_what_requests_that_wait_hold_is_limited(world: World) -> None:
    ae = world.ae()
    ae.limits = Limits(waiting=2000)
    peer = await retrieving(world, sending(1, A), ae=ae)
    await peer.send(b"".join(ask(1, 0x0010, GET, message_id=100 + number, data=bytes(900)) for number in range(4)))
    refused = [await hear(peer) for _ in range(2)]
    assert [(said.status, said.command.MessageIDBeingRespondedTo) for said in refused] == [(0x0213, 102), (0x0213, 103)]
    await peer.send(ask(5, 0x0030, VERIFICATION, message_id=9) + ABORT)
    await peer.rest()
    await peer.close()


async def test_requests_that_wait_are_counted(world: World) -> None:
    """A peer that sends more of them than it should is told so, at once."""
    peer = await retrieving(world, sending(1, A))
    await peer.send(b"".join(ask(5, 0x0030, VERIFICATION, message_id=100 + number) for number in range(70)))
    refused = [await hear(peer) for _ in range(6)]
    assert [(said.status, said.command.MessageIDBeingRespondedTo) for said in refused] == [
        (0x0213, number) for number in range(164, 170)
    ]
    await peer.send(reply(3, 0x0001, 0, message_id=8))
    served = [await hear(peer) for _ in range(2 + 64)]
    assert [said.status for said in served] == [PENDING] + [0] * 65
    assert [said.command.MessageIDBeingRespondedTo for said in served[2:]] == list(range(100, 164))
    await peer.send(RELEASE_RQ)
    assert await peer.rest() == RELEASE_RP
    await peer.close()


async def test_a_handler_may_end_the_association(world: World) -> None:
    for verb in ("abort", "release"):

        async def handler(event: evt.Event, verb: str = verb) -> list[Any]:
            await done(getattr(event.assoc, verb)())
            return [1, (PENDING, A)]

        association = await getting(world, handler, Statuses())
        assert await collect(association.send_c_get(match(), GET)) == [(None, NONE_AT_ALL, None)]
        assert association.is_aborted is (verb == "abort")
        assert association.is_released is (verb == "release")


# -- a scripted SCP -----------------------------------------------------------------------------------------------
async def asking(world: World, script: Any, store: Any = None, **options: Any) -> tuple[Any, Any]:
    """What C-GET gives with a scripted SCP, and what that has returned."""
    listener = await world.listen()

    async def peer() -> Any:
        other = await accepting(listener, **options)
        said = await hear(other)
        assert said.field == 0x0010
        returned = await script(other)
        await other.rest()
        await other.close()
        return returned

    job = world.start(peer)
    association = await world.associate(
        listener,
        contexts=[build_context(uid) for uid in CONTEXTS],
        ext_neg=[build_role(CT_IMAGE_STORAGE, scp_role=True)],
        evt_handlers=[] if store is None else [(evt.EVT_C_STORE, store)],
    )
    outcomes = await collect(association.send_c_get(match(), GET, msg_id=7))
    await done(association.release() if association.is_established and options.get("release") else association.abort())
    return outcomes, await job.result()


STORE_RQ = ask(3, 0x0001, CT_IMAGE_STORAGE, us(0x0700, 0), uid_element(0x1000, uid(0)), data=b"")


async def test_a_store_on_a_context_without_the_scp_role_is_refused_on_that_context(world: World) -> None:
    async def script(peer: Any) -> Any:
        await peer.send(STORE_RQ)
        said = await hear(peer)
        await peer.send(reply(1, 0x0010, 0xA702, message_id=7))
        return said

    store = Statuses()
    outcomes, said = await asking(world, script, store, roles={CT_IMAGE_STORAGE: (True, False)})
    assert (said.context_id, said.field, said.status) == (3, 0x8001, 0x0122)
    assert outcomes == [(0xA702, NONE_AT_ALL, None)]
    assert store.requests == []


async def test_unrestricted_storage_takes_any_instance_of_a_retrieval(world: World) -> None:
    _config.UNRESTRICTED_STORAGE_SERVICE = True

    async def script(peer: Any) -> Any:
        await peer.send(ask(3, 0x0001, "1.2.3.4.5", us(0x0700, 0), uid_element(0x1000, uid(0)), data=b""))
        said = await hear(peer)
        await peer.send(reply(1, 0x0010, 0x0000, message_id=7))
        return said

    _, said = await asking(world, script, Statuses(), roles={CT_IMAGE_STORAGE: (False, True)})
    assert said.status == 0x0000


UNDECODABLE = b"\xff" * 8
LIST = encode(failures("9.8", "9.9"), True, True) or b""


@pytest.mark.parametrize(
    ("status", "data", "uids"),
    [
        pytest.param(0xB000, LIST, ["9.8", "9.9"], id="warning"),
        pytest.param(0xA702, LIST, ["9.8", "9.9"], id="failure"),
        pytest.param(0xFE00, LIST, ["9.8", "9.9"], id="cancel"),
        pytest.param(0xB000, b"", [], id="empty"),
        pytest.param(0xB000, None, None, id="none"),
        pytest.param(0xA702, UNDECODABLE, None, id="cannot be decoded"),
        pytest.param(0x0000, LIST, None, id="success"),
        pytest.param(0xFFF0, LIST, None, id="unknown"),
    ],
)
async def test_the_list_of_failed_instances_comes_with_the_final_status(
    world: World, status: int, data: bytes | None, uids: list[str] | None
) -> None:
    counters = [us(number, number & 0xF) for number in (0x1020, 0x1021, 0x1022, 0x1023)]

    async def script(peer: Any) -> None:
        await peer.send(reply(1, 0x0010, PENDING, *counters, message_id=7, data=LIST))
        await peer.send(reply(1, 0x0010, status, message_id=7, data=data))

    outcomes, _ = await asking(world, script)
    assert outcomes == [(PENDING, (0, 1, 2, 3), None), (status, NONE_AT_ALL, uids)]


@pytest.mark.parametrize("end", [ABORT, RELEASE_RQ, b"nonsense"])
async def test_when_the_peer_ends_a_retrieval_the_last_status_is_empty(world: World, end: bytes) -> None:
    async def script(peer: Any) -> None:
        await peer.send(reply(1, 0x0010, PENDING, message_id=7) + end)

    outcomes, _ = await asking(world, script)
    assert outcomes == [(PENDING, NONE_AT_ALL, None), (None, NONE_AT_ALL, None)]
