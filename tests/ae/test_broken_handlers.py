"""What the log says of handlers that do what they should not: which one it was, and what it gave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicomwire import build_context, evt
from dicomwire.associations.user_code import HandlerRaised
from dicomwire.data.data_set_beginning import NoDataSet
from dicomwire.services.answers_in_steps import Answers
from tests.support.adapters import World, done
from tests.support.data_sets import fill
from tests.support.finding import FIND, collect, joined, match, raising, unencodable, yielding
from tests.support.getting import FAIL, GET, PENDING, A, Statuses, failures, getting, image, sending
from tests.support.normalized import FILM_SESSION, invoke
from tests.support.storing import instance


def status(code: Any = 0x0000, **elements: Any) -> Dataset:
    made = Dataset()
    if code is not None:
        made.Status = code
    fill(made, elements)
    return made


def broken_list() -> Dataset:
    listed = failures("1.2")
    listed.Rows = 1
    listed["Rows"]._value = "no number"
    return listed


def broken_image() -> Dataset:
    broken = image(Rows=1)
    broken["Rows"]._value = "no number"
    return broken


def large_error() -> Dataset:
    said = status(0x0110, ErrorID=1)
    said["ErrorID"]._value = 70000
    return said


def long_uid() -> Dataset:
    made = status(None, AffectedSOPInstanceUID="1.2")
    made["AffectedSOPInstanceUID"]._value = "1.2." + "3" * 70
    return made


def private_status() -> Dataset:
    said = status(0x0000)
    said.add_new(0x00091001, "LO", "something of a maker's")
    return said


async def find(world: World, handler: Any) -> None:
    await collect((await joined(world, handler)).send_c_find(match(), FIND))


async def get(world: World, handler: Any) -> None:
    await collect((await getting(world, handler, Statuses(FAIL))).send_c_get(match(), GET))


async def store(world: World, handler: Any) -> None:
    association = await world.join([(evt.EVT_C_STORE, handler)])
    await done(association.send_c_store(instance()))


def of_n_service(event: Any, **options: Any) -> Callable[[World, Any], Awaitable[Any]]:
    async def ask(world: World, handler: Any) -> None:
        contexts = [build_context(FILM_SESSION)]
        association = await world.associate(await world.serve([(event, handler)], contexts=contexts), contexts=contexts)
        await invoke(association, event, FILM_SESSION, **options)

    return ask


class Unclosable:
    """An iterator that raises when it is closed."""

    def __iter__(self) -> Unclosable:
        return self

    def __next__(self) -> Any:
        return 0x0000, None

    def close(self) -> None:
        raise ValueError("no")


CASES = [
    # -- answers in steps
    pytest.param(find, lambda event: 7, ("EVT_C_FIND", "int"), id="nothing to iterate"),
    pytest.param(find, yielding(ValueError("no")), ("EVT_C_FIND", "raised"), id="raises in a step"),
    pytest.param(find, lambda event: Unclosable(), ("EVT_C_FIND", "closed"), id="raises when it is closed"),
    pytest.param(find, yielding(7), ("C-FIND", "no pair"), id="no pair for a match"),
    pytest.param(find, yielding((PENDING, None)), ("C-FIND", "without identifier"), id="a match of nothing"),
    pytest.param(get, sending(1, ("x",)), ("no pair",), id="no pair for an instance"),
    # -- statuses
    pytest.param(store, lambda event: "x", ("as status", "str"), id="no status"),
    pytest.param(store, lambda event: status(None), ("without Status",), id="a data set without status"),
    pytest.param(store, lambda event: 0xFFF0, ("0xfff0",), id="a status of no service"),
    pytest.param(store, lambda event: status(EventTypeID=1), ("EventTypeID", "C-STORE-RSP"), id="of another message"),
    pytest.param(store, lambda event: private_status(), (str(Tag(0x00091001)), "C-STORE-RSP"), id="of no message"),
    pytest.param(
        of_n_service(evt.EVT_N_ACTION),
        lambda event: (large_error(), None),
        ("ErrorID", "N-ACTION-RSP", "70000"),
        id="more than 16 bits",
    ),
    pytest.param(
        store,
        lambda event: status(0xA700, ErrorComment="a comment of ü"),
        ("C-STORE-RSP", "64", "'a comment of ?'"),
        id="a comment that cannot be sent",
    ),
    # -- instances
    pytest.param(get, sending(1, 7.5), ("float", "stored"), id="no instance"),
    pytest.param(
        get, sending(1, broken_image()), ("a sub-operation failed", "Unencodable", "Rows"), id="cannot be encoded"
    ),
    pytest.param(
        get, sending(1, (0xA700, broken_list())), ("failed instances", "Rows"), id="a list that cannot be encoded"
    ),
    pytest.param(get, sending(1, A, A), ("1 sub-operations", "ignored"), id="more than it has announced"),
    # -- N-services
    pytest.param(of_n_service(evt.EVT_N_SET), lambda event: 0, ("no pair",), id="no pair"),
    pytest.param(
        of_n_service(evt.EVT_N_SET), lambda event: (0, unencodable()), ("data set", "Rows"), id="cannot be encoded, N"
    ),
    pytest.param(
        of_n_service(evt.EVT_N_CREATE, instance_uid=None),
        lambda event: (0, match()),
        ("N-CREATE", "AffectedSOPInstanceUID"),
        id="no UID",
    ),
    pytest.param(
        of_n_service(evt.EVT_N_CREATE, instance_uid=None),
        lambda event: (0, long_uid()),
        ("data set", "AffectedSOPInstanceUID"),
        id="no UID that can be sent",
    ),
]


@pytest.mark.parametrize(("ask", "handler", "words"), CASES)
async def test_a_broken_handler_is_named_in_the_log(
    memory_world: World, caplog: pytest.LogCaptureFixture, ask: Any, handler: Any, words: tuple[str, ...]
) -> None:
    await ask(memory_world, handler)
    told = [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    assert [line for line in told if all(word in line for word in words) and line not in words], told


@pytest.mark.parametrize("said", [status(0x0000), 0x0000, status(0xA700, ErrorComment="fine")])
async def test_of_a_status_that_is_in_order_nothing_is_told(
    memory_world: World, caplog: pytest.LogCaptureFixture, said: Any
) -> None:
    await store(memory_world, lambda event: said)
    assert [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


async def test_what_is_left_out_of_an_instance_without_bulk_data_is_told(
    memory_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    item = Dataset()
    item.WaveformData = b"\0\0"
    bulky = image(WaveformSequence=[item])
    bulky.add_new(0x60003000, "OW", b"\0\0")
    model = "1.2.840.10008.5.1.4.1.2.5.3"
    association = await getting(memory_world, sending(1, bulky), Statuses(), model=model)
    await collect(association.send_c_get(match(), model))
    (line,) = [text for text in caplog.messages if text.endswith(f"{Tag(0x60003000)}, WaveformData")]
    assert "left out" in line


@pytest.mark.parametrize(("error", "code"), [(0, 0), (65535, 65535), (65536, None)])
async def test_a_number_in_a_status_has_16_bits(memory_world: World, error: int, code: int | None) -> None:
    said = status(0x0110, ErrorID=1)
    said["ErrorID"]._value = error
    contexts = [build_context(FILM_SESSION)]
    server = await memory_world.serve([(evt.EVT_N_SET, lambda event: (said, None))], contexts=contexts)
    association = await memory_world.associate(server, contexts=contexts)
    received, _ = await invoke(association, evt.EVT_N_SET, FILM_SESSION)
    assert (received.get("Status"), received.get("ErrorID")) == (0x0110, code)


@pytest.mark.parametrize("tags", [0x00100010, [0x00100010, 0x00100020]])
async def test_one_offending_element_is_sent_as_well_as_several(memory_world: World, tags: Any) -> None:
    said = status(0xA900, OffendingElement=tags, ErrorComment="~\x1b")
    association = await memory_world.join([(evt.EVT_C_STORE, lambda event: said)])
    received = await done(association.send_c_store(instance()))
    assert (received.OffendingElement, received.ErrorComment) == (tags, "~\x1b")


@pytest.mark.parametrize(
    ("handler", "code"),
    [(sending(1, ValueError("no")), 0xC411), (sending((0x0000, None)), 0xC413), (sending((0xA900, None)), 0xA900)],
)
async def test_a_retrieval_ends_with_the_status_of_what_went_wrong(
    memory_world: World, caplog: pytest.LogCaptureFixture, handler: Any, code: int
) -> None:
    association = await getting(memory_world, handler)
    assert [status for status, _ in await collect(association.send_c_get(match(), GET))] == [code]
    # It did not yield what it should not.
    assert "no pair" not in caplog.text


async def test_a_handler_that_finds_no_data_set_says_that_it_cannot_be_decoded(memory_world: World) -> None:
    for error, code in ((NoDataSet("no"), 0x0210), (ValueError("no"), 0xC211)):
        association = await memory_world.join([(evt.EVT_C_STORE, partial(_raise, error=error))])
        assert (await done(association.send_c_store(instance()))).Status == code


def _raise(event: evt.Event, error: Exception) -> None:
    raise error


# -- what cannot be got at from outside ----------------------------------------------------------------------------
class Asked:
    """A request whose handler gives what a test wants."""

    def __init__(self, given: Any) -> None:
        self.given = given

    async def ask_handler(self, event: Any) -> Any:
        return self.given

    async def call(self, function: Any, *args: Any) -> Any:
        said = function(*args)
        return await said if hasattr(said, "__await__") else said


async def test_an_asynchronous_generator_is_closed_when_nobody_wants_more(memory_world: World) -> None:
    closed: list[str] = []

    async def handler() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append("asynchronous")

    def plain() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append("plain")

    for given in (handler(), plain()):
        asked: Any = Asked(given)
        answers = Answers(asked, evt.EVT_C_FIND)
        await answers.open()
        assert await answers.next() == 1
        await answers.close()
    assert closed == ["asynchronous", "plain"]


async def test_what_a_handler_raised_is_named_after_its_event(memory_world: World) -> None:
    asked: Any = Asked(7)
    with pytest.raises(HandlerRaised, match="EVT_C_GET"):
        await Answers(asked, evt.EVT_C_GET).open()
    nothing: Any = None
    asked = Asked(map(raising, [nothing]))
    answers = Answers(asked, evt.EVT_C_GET)
    await answers.open()
    with pytest.raises(HandlerRaised, match="EVT_C_GET"):
        await answers.next()
