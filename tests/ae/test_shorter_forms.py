"""What verbs of event loops give may be awaited, as ever, or used without that in ``async with`` and ``async for``."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Coroutine
from typing import Any

import pytest
import trio

from dicomwire import build_context, evt
from tests.support.adapters import LOCALHOST, VERIFICATION, World, port_of
from tests.support.finding import FIND, match, yielding

CONTEXTS = [build_context(VERIFICATION), build_context(FIND)]


def found(*patients: str) -> Any:
    return (evt.EVT_C_FIND, yielding(*[(0xFF00, match(patient)) for patient in patients]))


async def test_a_call_is_a_context_manager_and_another_an_iterator(async_world: World) -> None:
    async with async_world.ae("SERVER").start_server(
        (LOCALHOST, 0), evt_handlers=[found("1", "2")], contexts=CONTEXTS
    ) as server:
        async with async_world.ae().associate(LOCALHOST, port_of(server), contexts=CONTEXTS) as association:
            assert association.is_established
            statuses = [status.Status async for status, _ in association.send_c_find(match(), FIND)]
        assert association.is_released
    assert statuses == [0xFF00, 0xFF00, 0x0000]
    refused = await async_world.ae().associate(LOCALHOST, port_of(server), contexts=CONTEXTS)
    assert not refused.is_established


async def test_an_exception_in_the_block_aborts(async_world: World) -> None:
    server = await async_world.serve(contexts=CONTEXTS)
    opening = async_world.ae().associate(LOCALHOST, port_of(server), contexts=CONTEXTS)
    association = await opening.__aenter__()
    error = ZeroDivisionError()
    assert not await opening.__aexit__(ZeroDivisionError, error, None)
    assert association.is_aborted


async def test_the_forms_with_await_are_what_they_were(async_world: World) -> None:
    server = await async_world.serve([found("1")], contexts=CONTEXTS)
    async with await async_world.ae().associate(LOCALHOST, port_of(server), contexts=CONTEXTS) as association:
        responses = await association.send_c_find(match(), FIND)
        assert [status.Status async for status, _ in responses] == [0xFF00, 0x0000]
        assert await association.send_c_echo()


async def test_a_request_of_which_nobody_wants_anything_is_not_sent(async_world: World) -> None:
    asked: list[Any] = []
    server = await async_world.serve([(evt.EVT_C_FIND, lambda event: asked.append(event))], contexts=CONTEXTS)
    async with async_world.ae().associate(LOCALHOST, port_of(server), contexts=CONTEXTS) as association:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await association.send_c_find(match(), FIND).aclose()
        assert (await association.send_c_echo()).Status == 0
    assert not asked


async def test_an_iteration_that_is_left_cancels_the_request(async_world: World) -> None:
    server = await async_world.serve([found(*map(str, range(100)))], contexts=CONTEXTS)
    async with async_world.ae().associate(LOCALHOST, port_of(server), contexts=CONTEXTS) as association:
        matches = association.send_c_find(match(), FIND)
        async for status, identifier in matches:
            assert (status.Status, identifier.PatientName) == (0xFF00, "0")
            break
        await matches.aclose()
        assert (await association.send_c_echo()).Status == 0


async def test_errors_come_where_the_first_response_is_wanted(async_world: World) -> None:
    server = await async_world.serve(contexts=[build_context(VERIFICATION)])
    async with async_world.ae().associate(LOCALHOST, port_of(server), contexts=CONTEXTS) as association:
        matches = association.send_c_find(match(), FIND)
        with pytest.raises(ValueError, match="presentation context"):
            await anext(matches)


async def test_a_call_can_be_a_task(loop_world: World) -> None:
    server = await loop_world.serve(contexts=CONTEXTS)
    ae, opened = loop_world.ae(), []

    def call() -> Coroutine[Any, Any, Any]:
        called: Coroutine[Any, Any, Any] = ae.associate(LOCALHOST, port_of(server), contexts=CONTEXTS)
        return called

    if loop_world.name == "asyncio":
        opened.append(await asyncio.create_task(call()))
        opened += await asyncio.gather(call(), asyncio.wait_for(call(), 60))
    else:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ae.associate, LOCALHOST, port_of(server), CONTEXTS)
        opened.append(await call())
    for association in opened:
        assert association.is_established
        await association.release()


async def test_a_call_that_nobody_awaits_is_warned_of(async_world: World) -> None:
    with pytest.warns(RuntimeWarning, match="associate' was never awaited"):
        async_world.ae().associate(LOCALHOST, 104, contexts=CONTEXTS)


async def test_a_call_looks_like_a_coroutine(async_world: World) -> None:
    call: Any = async_world.ae().associate(LOCALHOST, 104, contexts=CONTEXTS)
    assert call.cr_code.co_name == call.__name__ == "associate" and "associate" in repr(call)
    assert inspect.isawaitable(call) and asyncio.iscoroutine(call)
    call.close()
    with pytest.raises(RuntimeError, match="cannot reuse"):
        await call
