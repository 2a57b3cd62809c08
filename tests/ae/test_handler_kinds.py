"""Whatever can be called may handle an event, and where handlers run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from dicomwire import build_context, evt
from tests.support.adapters import VERIFICATION, World, done
from tests.support.answers import ANSWERS, CONTEXTS
from tests.support.finding import FIND, advance, collect, match
from tests.support.getting import GET, collect as collect_outcomes, getting, sending
from tests.support.moving import HERE, MOVE, moving
from tests.support.normalized import FILM_SESSION, SAID, invoke
from tests.support.storing import instance
from tests.support.windows import numbered

STEPS = (evt.EVT_C_FIND, evt.EVT_C_GET, evt.EVT_C_MOVE)
"""Events whose handlers answer in steps."""

Pause = Callable[[], Awaitable[None]]


class Object:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __call__(self, event: evt.Event) -> Any:
        return self.answer

    def method(self, event: evt.Event) -> Any:
        return self.answer


class AsyncObject(Object):
    def __init__(self, answer: Any, pause: Pause) -> None:
        super().__init__(answer)
        self.pause = pause

    async def __call__(self, event: evt.Event) -> Any:
        await self.pause()
        return self.answer

    async def method(self, event: evt.Event) -> Any:
        return await self(event)


class Iterable:
    """What is no generator, and cannot be closed."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __iter__(self) -> Iterator[Any]:
        return iter(self.answer)


class AsyncIterable(Iterable):
    def __init__(self, answer: Any, pause: Pause) -> None:
        super().__init__(answer)
        self.pause = pause

    def __aiter__(self) -> AsyncIterator[Any]:
        self.rest = iter(self.answer)
        return self

    async def __anext__(self) -> Any:
        await self.pause()
        try:
            return next(self.rest)
        except StopIteration:
            raise StopAsyncIteration from None


def generator(event: evt.Event, answer: Any) -> Iterator[Any]:
    yield from answer


async def async_generator(event: evt.Event, answer: Any, pause: Pause) -> AsyncIterator[Any]:
    for value in answer:
        await pause()
        yield value


async def async_function(event: evt.Event, answer: Any, pause: Pause) -> Any:
    await pause()
    return answer


def with_arguments(event: evt.Event, first: Any, second: int) -> Any:
    assert second == 2
    return first


KINDS: dict[str, Callable[[Any, Pause], Any]] = {
    "plain function": lambda answer, pause: lambda event: answer,
    "partial": lambda answer, pause: partial(with_arguments, first=answer, second=2),
    "bound method": lambda answer, pause: Object(answer).method,
    "object": lambda answer, pause: Object(answer),
    "async function": lambda answer, pause: partial(async_function, answer=answer, pause=pause),
    "async method": lambda answer, pause: AsyncObject(answer, pause).method,
    "async object": lambda answer, pause: AsyncObject(answer, pause),
    "function that makes a coroutine": lambda answer, pause: lambda event: async_function(event, answer, pause),
    "partial of an async object": lambda answer, pause: partial(AsyncObject(answer, pause)),
    "arguments": lambda answer, pause: (with_arguments, [answer, 2]),
}

NONE: Any = None
"""No event: the answer does not depend on it."""

STEP_KINDS: dict[str, Callable[[Any, Pause], Any]] = {
    "generator": lambda answer, pause: partial(generator, answer=answer),
    "generator that was made": lambda answer, pause: lambda event: generator(event, answer),
    "tuple": lambda answer, pause: lambda event: tuple(answer),
    "iterable": lambda answer, pause: lambda event: Iterable(answer),
    "async generator": lambda answer, pause: partial(async_generator, answer=answer, pause=pause),
    "async iterable": lambda answer, pause: lambda event: AsyncIterable(answer, pause),
    "async function that makes a generator": lambda answer, pause: partial(
        async_function,
        answer=generator(NONE, answer),
        pause=pause,
    ),
    "async function that makes an async generator": lambda answer, pause: partial(
        async_function,
        answer=async_generator(NONE, answer, pause),
        pause=pause,
    ),
}


async def ask_everything(world: World, kind: str, *, in_threads: bool = False) -> None:
    async def pause() -> None:
        await world.until(lambda: True)

    handlers: list[Any] = []
    for event, answer in ANSWERS.items():
        if event not in STEPS and kind not in KINDS:
            continue
        handler = (KINDS.get(kind) or STEP_KINDS[kind])(answer, pause)
        handlers.append((event, *handler) if isinstance(handler, tuple) else (event, handler))
    server_ae = world.ae("SERVER")
    if in_threads:
        server_ae.handlers_in_threads = True
    server = await world.serve(handlers, ae=server_ae, contexts=CONTEXTS)
    association = await world.associate(server, contexts=CONTEXTS)
    assert [status for status, _ in await collect(association.send_c_find(match(), FIND))] == [0xFF00, 0xFF01, 0]
    assert await collect_outcomes(association.send_c_get(match(), GET)) == [(0xFE00, (2, 0, 0, 0), None)]
    assert await collect_outcomes(association.send_c_move(match(), "DEST", MOVE)) == [(0, (None, 0, 0, 0), None)]
    if kind in KINDS:
        assert (await done(association.send_c_echo())).Status == 0
        assert (await done(association.send_c_store(instance()))).Status == 0xB000
        status, returned = await invoke(association, evt.EVT_N_GET, FILM_SESSION)
        assert (status.Status, returned) == (0, SAID)
        assert (await invoke(association, evt.EVT_N_DELETE, FILM_SESSION))[0].Status == 0x0112
    await done(association.release())


@pytest.mark.parametrize("kind", [*KINDS, *STEP_KINDS])
async def test_a_handler_may_be_of_any_kind(world: World, kind: str) -> None:
    await ask_everything(world, kind)


@pytest.mark.parametrize("kind", [*KINDS, *STEP_KINDS])
async def test_a_handler_of_any_kind_may_run_in_a_thread(loop_world: World, kind: str) -> None:
    await ask_everything(loop_world, kind, in_threads=True)


async def test_an_async_generator_that_needs_a_loop_fails_alone_in_the_blocking_adapter(blocking_world: World) -> None:
    async def handler(event: evt.Event) -> AsyncIterator[Any]:
        yield 0xFF00, match()
        await asyncio.sleep(0)
        yield 0xFF00, match()

    contexts = [build_context(FIND), build_context(VERIFICATION)]
    server = await blocking_world.serve([(evt.EVT_C_FIND, handler)], contexts=contexts)
    association = await blocking_world.associate(server, contexts=contexts)
    assert [status for status, _ in await collect(association.send_c_find(match(), FIND))] == [0xFF00, 0xC311]
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())


class Odd:
    """Gives the iterator that it is, and raises when it is closed."""

    def __init__(self, world: World) -> None:
        self.closed = world.signal()

    def __call__(self, event: evt.Event) -> Odd:
        return self

    def __iter__(self) -> Odd:
        return self

    def __next__(self) -> Any:
        return 0xA700, None

    def close(self) -> None:
        self.closed.set()
        raise ValueError("cannot be closed")


class Worse(Odd):
    def __iter__(self) -> Odd:
        raise KeyError("cannot be iterated")


async def test_an_iterator_that_is_broken_does_not_end_the_association(world: World) -> None:
    for handler, status in ((Odd(world), 0xA700), (Worse(world), 0xC311)):
        contexts = [build_context(FIND), build_context(VERIFICATION)]
        server = await world.serve([(evt.EVT_C_FIND, handler)], contexts=contexts)
        association = await world.associate(server, contexts=contexts)
        assert await collect(association.send_c_find(match(), FIND)) == [(status, None)]
        assert (await done(association.send_c_echo())).Status == 0
        assert handler.closed.is_set is (status == 0xA700)
        await done(association.release())


# -- cancelled? ---------------------------------------------------------------------------------------------------
async def find_and_cancel(world: World, handler: Any, started: Any, *, in_threads: bool = False) -> list[Any]:
    server_ae = world.ae("SERVER")
    if in_threads:
        server_ae.handlers_in_threads = True
    contexts = [build_context(FIND)]
    server = await world.serve([(evt.EVT_C_FIND, handler)], ae=server_ae, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    responses = await done(association.send_c_find(match(), FIND, msg_id=3))
    await started.wait()
    await done(association.send_c_cancel(3, query_model=FIND))
    statuses = [status for status, _ in await collect(responses)]
    await done(association.release())
    return statuses


def patient(started: Any) -> Any:
    """A plain handler that works on, and looks now and then whether it is cancelled."""

    def handler(event: evt.Event) -> list[Any]:
        started.set()
        never = threading.Event()
        for _ in range(3000):
            if event.is_cancelled:
                assert event.is_cancelled
                return [(0xFE00, None)]
            never.wait(0.002)
        return []

    return handler


async def test_a_plain_handler_sees_that_it_is_cancelled_while_it_runs(blocking_world: World) -> None:
    started = blocking_world.signal()
    assert await find_and_cancel(blocking_world, patient(started), started) == [0xFE00]


async def test_a_handler_in_a_thread_sees_that_it_is_cancelled_while_it_runs(loop_world: World) -> None:
    started = loop_world.signal()
    assert await find_and_cancel(loop_world, patient(started), started, in_threads=True) == [0xFE00]


async def test_an_async_handler_sees_that_it_is_cancelled_while_it_runs(async_world: World) -> None:
    started = async_world.signal()

    async def handler(event: evt.Event) -> list[Any]:
        started.set()
        while not event.is_cancelled:
            with pytest.raises(TimeoutError):
                await async_world.until(lambda: False, 0.002 / (100 if async_world.name == "memory" else 1))
        return [(0xFE00, None)]

    assert await find_and_cancel(async_world, handler, started) == [0xFE00]


async def test_a_cancel_for_another_message_is_not_for_this_one(world: World) -> None:
    seen: list[bool] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        for number in range(5):
            seen.append(event.is_cancelled)
            yield 0xFF00, match(str(number))

    contexts = [build_context(FIND)]
    server = await world.serve([(evt.EVT_C_FIND, handler)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    for message_id in (7, 8):
        responses = await done(association.send_c_find(match(), FIND, msg_id=message_id))
        # One that was never sent, and one that is over.
        await done(association.send_c_cancel(message_id - 1, query_model=FIND))
        await advance(responses)
        assert (await collect(responses))[-1] == (0x0000, None)
    assert seen == [False] * 10
    await done(association.release())


async def test_a_move_in_a_thread_works_too(loop_world: World) -> None:
    mover = loop_world.ae("MOVER")
    mover.handlers_in_threads = True
    association = await moving(loop_world, sending(HERE, 2, *numbered(2)), lambda event: 0, ae=mover)
    outcomes = await collect_outcomes(association.send_c_move(match(), "DEST", MOVE))
    assert outcomes[-1] == (0, (None, 2, 0, 0), None)
    await done(association.release())


@pytest.mark.parametrize("verb", ["abort", "kill"])
async def test_a_handler_in_a_thread_ends_its_association_on_the_loop(loop_world: World, verb: str) -> None:
    server_ae = loop_world.ae("SERVER")
    server_ae.handlers_in_threads = True
    here, threads = threading.get_ident(), [0, 0]

    def end(event: evt.Event) -> int:
        channel, threads[0] = event.assoc.line.channel, threading.get_ident()
        abandon = channel.abandon

        def watched() -> None:
            threads[1] = threading.get_ident()
            abandon()

        channel.abandon = watched
        event.assoc.acse.send_abort(0) if verb == "abort" else event.assoc.kill()
        return 0x0000

    server = await loop_world.serve([(evt.EVT_C_ECHO, end)], ae=server_ae)
    association = await loop_world.associate(server)
    assert not await done(association.send_c_echo())
    assert association.is_aborted
    assert threads[0] != here and threads[1] == here


async def test_a_retrieval_in_a_thread_works_too(loop_world: World) -> None:
    server_ae = loop_world.ae("SERVER")
    server_ae.handlers_in_threads = True
    threads: set[str] = set()

    def handler(event: evt.Event) -> Iterator[Any]:
        yield 2
        for number in range(2):
            threads.add(threading.current_thread().name)
            assert not event.is_cancelled
            yield 0xFF00, instance(SOPInstanceUID=f"1.2.3.{number}")

    association = await getting(loop_world, handler, lambda event: 0, ae=server_ae)
    assert (await collect_outcomes(association.send_c_get(match(), GET)))[-1] == (0, (None, 2, 0, 0), None)
    assert threading.main_thread().name not in threads
    await done(association.release())
