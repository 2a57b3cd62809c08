"""Handlers that raise what ends a program, a thread or a task: a status, one log record, and on it goes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

import pytest
import trio

from dicomwire import AssociationFilter, build_context, evt
from dicomwire.associations.coroutines import run
from dicomwire.associations.user_code import UserCodeEnded
from dicomwire.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from tests.support.adapters import CT_IMAGE_STORAGE, World, done
from tests.support.finding import FIND, collect, joined, match
from tests.support.getting import GET, Statuses, getting
from tests.support.moving import MOVE, moving
from tests.support.normalized import ALL, FILM_SESSION, invoke
from tests.support.storing import instance

Raise = Callable[..., Any]


def ends_program(*_: Any) -> Any:
    raise SystemExit(3)


def closes(*_: Any) -> Any:
    raise GeneratorExit


def recurses(*_: Any) -> Any:
    return recurses()


def runs_out(*_: Any) -> Any:
    raise MemoryError


async def cancels_itself(*_: Any) -> Any:
    asking = asyncio.get_running_loop().create_future()
    asking.cancel()
    await asking


async def keeps_a_cancellation(*_: Any) -> Any:
    kept: list[BaseException] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.sleep_forever()
        except trio.Cancelled as error:
            kept.append(error)
    raise kept[0]


async def closes_later(*_: Any) -> Any:
    raise GeneratorExit


async def ends_group(*_: Any) -> Any:
    raise BaseExceptionGroup("no", [ValueError(), SystemExit(3)])


PLAIN = [ends_program, closes, recurses, runs_out]
WAITING = [closes_later, ends_group]


@pytest.fixture(params=[*PLAIN, *WAITING, cancels_itself, keeps_a_cancellation], ids=lambda raiser: raiser.__name__)
def raiser(request: pytest.FixtureRequest, world: World) -> Raise:
    raiser: Raise = request.param
    if {cancels_itself: "asyncio", keeps_a_cancellation: "trio"}.get(raiser, world.name) != world.name:
        pytest.skip("of another loop")
    return raiser


@pytest.fixture(params=[ends_program, closes_later], ids=lambda one: one.__name__)
def one(request: pytest.FixtureRequest) -> Raise:
    """One that is plain, and one that waits: what they raise makes no difference to who calls them."""
    one: Raise = request.param
    return one


def stepwise(raiser: Raise) -> Any:
    """A handler that raises in its second step."""

    def handler(event: evt.Event) -> Iterator[Any]:
        yield 1
        raiser()

    return handler


async def echo(association: Any) -> int | None:
    said = await done(association.send_c_echo())
    status: int | None = said.get("Status")
    return status


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[logging.LogRecord]]:
    caplog.handler.addFilter(AssociationFilter())
    return lambda: [record for record in caplog.records if record.levelno >= logging.ERROR]


def told_once(records: list[logging.LogRecord], name: str) -> bool:
    """One record, which names the event and the association."""
    (record,) = records
    label: str = getattr(record, "association", "-")
    return name in record.getMessage() and label != "-"


async def ask_echo(world: World, raiser: Raise) -> tuple[Any, Any]:
    association = await world.join([(evt.EVT_C_ECHO, raiser)])
    return await echo(association), association


async def ask_store(world: World, raiser: Raise) -> tuple[Any, Any]:
    association = await world.join([(evt.EVT_C_STORE, raiser)])
    return (await done(association.send_c_store(instance()))).get("Status"), association


async def ask_sink(world: World, raiser: Raise) -> tuple[Any, Any]:
    association = await world.join([(evt.EVT_C_STORE_SINK, raiser), (evt.EVT_C_STORE, lambda event: 0)])
    return (await done(association.send_c_store(instance()))).get("Status"), association


async def ask_find(world: World, raiser: Raise) -> tuple[Any, Any]:
    association = await joined(world, raiser)
    return (await collect(association.send_c_find(match(), FIND)))[-1][0], association


async def ask_get(world: World, raiser: Raise) -> tuple[Any, Any]:
    association = await getting(world, raiser, Statuses())
    return (await collect(association.send_c_get(match(), GET)))[-1][0], association


async def ask_move(world: World, raiser: Raise) -> tuple[Any, Any]:
    association = await moving(world, raiser)
    return (await collect(association.send_c_move(match(), "NOBODY", MOVE)))[-1][0], association


SERVICES = [
    pytest.param(ask_echo, "EVT_C_ECHO", 0x0000, id="C-ECHO"),
    pytest.param(ask_store, "EVT_C_STORE", 0xC211, id="C-STORE"),
    pytest.param(ask_find, "EVT_C_FIND", 0xC311, id="C-FIND"),
    pytest.param(ask_get, "EVT_C_GET", 0xC411, id="C-GET"),
    pytest.param(ask_move, "EVT_C_MOVE", 0xC511, id="C-MOVE"),
]


@pytest.mark.parametrize(("ask", "name", "status"), SERVICES)
async def test_a_request_has_its_status_and_the_association_goes_on(
    world: World, one: Raise, ask: Callable[..., Awaitable[Any]], name: str, status: int, errors: Any
) -> None:
    said, association = await ask(world, one)
    assert said == status
    assert told_once(errors(), name)
    if name != "EVT_C_ECHO":
        assert await echo(association) == 0x0000


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.name)
async def test_a_normalized_request_has_its_status(world: World, one: Raise, event: Any, errors: Any) -> None:
    contexts = [build_context(FILM_SESSION)]
    server = await world.serve([(event, one)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    for _ in range(2):
        status, _ = await invoke(association, event, FILM_SESSION)
        assert status.Status == 0x0110
    assert told_once(errors()[1:], event.name)


@pytest.mark.parametrize(("ask", "status"), [(ask_find, 0xC311), (ask_get, 0xC411), (ask_move, 0xC515)])
async def test_a_later_step_has_its_status(world: World, ask: Callable[..., Awaitable[Any]], status: int) -> None:
    said, _ = await ask(world, stepwise(ends_program))
    # What the first step of a C-FIND or C-MOVE gave is no match and no destination.
    assert said == status


async def test_whatever_is_raised_is_an_error_of_the_handler(world: World, raiser: Raise, errors: Any) -> None:
    said, association = await ask_store(world, raiser)
    assert said == 0xC211
    assert told_once(errors(), "EVT_C_STORE")
    assert await echo(association) == 0x0000


async def test_the_choice_of_a_sink_fails_as_a_store_does(world: World, raiser: Raise, errors: Any) -> None:
    said, association = await ask_sink(world, raiser)
    assert said == (0xA700 if raiser is runs_out else 0xC211)
    assert told_once(errors(), "EVT_C_STORE_SINK")
    assert await echo(association) == 0x0000


NOTIFICATIONS = [
    evt.EVT_CONN_OPEN, evt.EVT_REQUESTED, evt.EVT_ACCEPTED, evt.EVT_ESTABLISHED, evt.EVT_DIMSE_RECV,
    evt.EVT_DIMSE_SENT, evt.EVT_PDU_RECV, evt.EVT_PDU_SENT, evt.EVT_DATA_RECV, evt.EVT_DATA_SENT,
    evt.EVT_ACSE_RECV, evt.EVT_ACSE_SENT, evt.EVT_FSM_TRANSITION, evt.EVT_RELEASED, evt.EVT_CONN_CLOSE,
]  # fmt: skip


async def test_whoever_only_listens_disturbs_nobody(world: World, raiser: Raise) -> None:
    server = await world.serve([(event, raiser) for event in NOTIFICATIONS])
    for _ in range(2):
        association = await world.associate(server)
        assert await echo(association) == 0x0000
        await done(association.release())
        assert association.is_released


async def test_whoever_raises_when_an_association_is_aborted_disturbs_nobody(world: World, one: Raise) -> None:
    server = await world.serve([(evt.EVT_ABORTED, one), (evt.EVT_CONN_CLOSE, one)])
    await done((await world.associate(server)).abort())
    assert await echo(await world.associate(server)) == 0x0000


def odd_answer(event: evt.Event) -> dict[str, int]:
    return dict.fromkeys([CT_IMAGE_STORAGE, "1.2.3"], 5)


def asked() -> list[Any]:
    """An item for each handler of negotiation but that of the identity."""
    common, extended, window = (
        SOPClassCommonExtendedNegotiation(),
        SOPClassExtendedNegotiation(),
        AsynchronousOperationsWindowNegotiation(),
    )
    common.sop_class_uid, common.service_class_uid = CT_IMAGE_STORAGE, "1.2.840.10008.4.2"
    extended.sop_class_uid, extended.service_class_application_information = CT_IMAGE_STORAGE, b"\x01"
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 5
    return [common, extended, window]


NEGOTIATING = [evt.EVT_SOP_COMMON, evt.EVT_SOP_EXTENDED, evt.EVT_ASYNC_OPS]


@pytest.mark.parametrize("event", NEGOTIATING, ids=lambda event: event.name)
async def test_what_is_asked_in_negotiation_has_no_answer(world: World, one: Raise, event: Any, errors: Any) -> None:
    association = await world.associate(await world.serve([(event, one)]), ext_neg=asked())
    assert told_once(errors(), event.name)
    assert await echo(association) == 0x0000


@pytest.mark.parametrize("event", NEGOTIATING, ids=lambda event: event.name)
async def test_an_odd_answer_in_negotiation_is_none(world: World, event: Any) -> None:
    association = await world.associate(await world.serve([(event, odd_answer)]), ext_neg=asked())
    assert await echo(association) == 0x0000


async def test_an_identity_that_cannot_be_judged_is_rejected(world: World, one: Raise, errors: Any) -> None:
    item = UserIdentityNegotiation()
    item.user_identity_type, item.primary_field = 1, b"me"
    server = await world.serve([(evt.EVT_USER_ID, one)])
    association = await world.associate(server, ext_neg=[item])
    assert association.is_rejected
    assert told_once(errors(), "EVT_USER_ID")
    assert await echo(await world.associate(server)) == 0x0000


class Sink:
    """Fails where it is told to."""

    def __init__(self, where: str, raiser: Raise) -> None:
        setattr(self, where, raiser)

    def write(self, fragments: list[memoryview]) -> None:
        pass

    def close(self) -> None:
        raise OSError("full")

    def discard(self) -> None:
        pass


@pytest.mark.parametrize("where", ["write", "close", "discard"])
async def test_a_sink_that_ends_everything_fails_one_instance(world: World, one: Raise, where: str) -> None:
    sink = lambda event: Sink(where, one)  # noqa: E731
    association = await world.join([(evt.EVT_C_STORE_SINK, sink), (evt.EVT_C_STORE, lambda event: 0)])
    assert (await done(association.send_c_store(instance()))).Status in (0xA700, 0xC211)
    assert await echo(association) == 0x0000


@pytest.mark.parametrize("raiser", PLAIN)
async def test_in_worker_threads_it_is_the_same(loop_world: World, raiser: Raise) -> None:
    ae = loop_world.ae()
    ae.handlers_in_threads = True
    server = await loop_world.serve([(evt.EVT_C_STORE, raiser)], ae=ae)
    association = await loop_world.associate(server)
    assert (await done(association.send_c_store(instance()))).Status == 0xC211
    assert await echo(association) == 0x0000


async def test_one_that_says_it_has_nothing_more_does_not_hang_a_worker_thread(loop_world: World) -> None:
    def stops(event: evt.Event) -> int:
        raise StopIteration

    ae = loop_world.ae()
    ae.handlers_in_threads = True
    association = await loop_world.associate(await loop_world.serve([(evt.EVT_C_STORE, stops)], ae=ae))
    assert (await done(association.send_c_store(instance()))).Status == 0xC211


# -- what is meant for others --------------------------------------------------------------------------------------
def interrupts() -> None:
    raise KeyboardInterrupt


async def test_an_interrupt_of_the_program_goes_through(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # A scenario need not run in the main thread.
    monkeypatch.setattr("threading.main_thread", threading.current_thread)
    host = (await world.join()).host
    if world.name == "blocking":
        with host.lock, pytest.raises(KeyboardInterrupt):
            run(host.call(interrupts))
        with host.lock, pytest.raises(KeyboardInterrupt):
            host.call_now(interrupts)
    else:
        with pytest.raises(KeyboardInterrupt):
            await host.call(interrupts)
        with pytest.raises(KeyboardInterrupt):
            host.call_now(interrupts)


async def test_where_nothing_can_be_awaited_it_is_an_error_too(world: World) -> None:
    host = (await world.join()).host
    if world.name == "blocking":
        with host.lock, pytest.raises(UserCodeEnded, match="SystemExit: 3"):
            host.call_now(ends_program)
    else:
        with pytest.raises(UserCodeEnded, match="SystemExit: 3"):
            host.call_now(ends_program)


async def test_a_task_that_is_cancelled_while_user_code_waits_ends(asyncio_world: World) -> None:
    host = (await asyncio_world.join()).host
    task = asyncio.ensure_future(host.call(asyncio.sleep, 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_scope_that_is_cancelled_around_user_code_ends(loop_world: World) -> None:
    if loop_world.name != "trio":
        pytest.skip("trio's")
    host = (await loop_world.join()).host
    with trio.move_on_after(0) as scope:
        await host.call(trio.sleep_forever)
    assert scope.cancelled_caught


async def test_a_coroutine_that_python_closes_is_closed(async_world: World) -> None:
    host = (await async_world.join()).host
    begun: list[bool] = []

    class Pending:
        def __await__(self) -> Generator[None, None, None]:
            begun.append(True)
            yield

    async def waits() -> None:
        await Pending()

    coroutine = host.call(waits)
    coroutine.send(None)
    assert begun
    # RuntimeError if it went on.
    coroutine.close()
