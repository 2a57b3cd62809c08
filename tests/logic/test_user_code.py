"""What user code may be: to be awaited or not, and what ends the thread or task that runs it."""

from __future__ import annotations

import types
from collections.abc import Generator
from functools import partial
from typing import Any

import pytest

from dicomwire.associations.user_code import UserCodeEnded, holds, is_async, is_awaitable, is_closing


async def asynchronous() -> None: ...


def plain() -> None: ...


class Called:
    """A handler that is an object."""

    async def __call__(self) -> None: ...

    async def method(self) -> None: ...


class CalledPlainly:
    def __call__(self) -> None: ...


@types.coroutine
def old_style() -> Generator[None, None, None]:
    yield


def generator() -> Generator[None, None, None]:
    yield


class Awaitable:
    def __await__(self) -> Any:
        return iter(())


def test_what_ended_user_code_is_told_by_its_kind_and_its_words() -> None:
    assert str(UserCodeEnded(SystemExit("enough"))) == "SystemExit: enough"


def test_an_error_holds_its_kind_and_a_group_what_is_in_it() -> None:
    error = KeyboardInterrupt()
    assert holds(error, KeyboardInterrupt)
    assert not holds(error, SystemExit)
    group = BaseExceptionGroup("several", [ValueError(), BaseExceptionGroup("inner", [error])])
    assert holds(group, KeyboardInterrupt)
    assert not holds(group, SystemExit)


def caught(coroutine: Any) -> BaseException:
    """What a coroutine of :func:`catching` caught as it was closed, or else as it ran."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    coroutine.close()
    return kept.pop()


kept: list[BaseException] = []


async def catching(work: Any) -> BaseException:
    try:
        await work()
    except BaseException as error:
        kept.append(error)
        if isinstance(error, GeneratorExit) and is_closing(error):
            raise
        return error
    raise AssertionError("nothing was raised")


def test_python_closes_a_coroutine_where_it_waits_and_user_code_raises_further_in() -> None:
    async def wait() -> None:
        await old_style()

    async def give_up() -> None:
        raise GeneratorExit

    async def fail() -> None:
        raise ValueError("x")

    assert is_closing(caught(catching(wait)))
    assert not is_closing(caught(catching(give_up)))
    assert not is_closing(caught(catching(fail)))
    # As they are before anybody has raised them.
    assert is_closing(GeneratorExit())
    assert not is_closing(ValueError())


def test_of_an_error_raised_where_it_is_caught_only_the_kind_tells() -> None:
    with pytest.raises(GeneratorExit) as closing:
        raise GeneratorExit
    assert is_closing(closing.value)
    with pytest.raises(ValueError, match="x") as raised:
        raise ValueError("x")
    assert not is_closing(raised.value)


def test_what_can_be_awaited_is() -> None:
    coroutine: Any = asynchronous()
    was_awaitable: bool = is_awaitable(coroutine)
    coroutine.close()
    assert was_awaitable
    assert is_awaitable(Awaitable())
    assert is_awaitable(old_style())
    assert not is_awaitable(generator())
    assert not is_awaitable(0x0000)
    assert not is_awaitable(None)


def test_a_function_is_async_by_what_it_is_beneath() -> None:
    for function in (asynchronous, Called(), Called().method):
        assert is_async(function)
        assert is_async(partial(partial(function), x=1))
    for other in (plain, CalledPlainly(), Called, print):
        assert not is_async(other)
        assert not is_async(partial(other))


def test_what_cannot_be_called_is_not_async() -> None:
    assert not is_async(3)
