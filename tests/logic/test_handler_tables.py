"""Handlers: where they are bound, and how they are called."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from dicomwire import evt
from dicomwire.associations.handlers import LIBRARY_LOG, Handlers, HandlerTable
from dicomwire.associations.user_code import HandlerRaised

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class Host:
    """Calls handlers as they are."""

    def timestamp(self) -> datetime:
        return NOW

    async def call(self, function: Any, *args: Any) -> Any:
        return function(*args)

    def call_now(self, function: Any, *args: Any) -> Any:
        return function(*args)


def made(*bound: Any) -> Handlers:
    host: Any = Host()
    return Handlers("an association", HandlerTable(bound), host)


def one(event: evt.Event) -> None: ...


def other(event: evt.Event) -> None: ...


def test_a_handler_is_bound_once_with_the_same_arguments() -> None:
    table = HandlerTable([(evt.EVT_ACCEPTED, one), (evt.EVT_ACCEPTED, one, [1]), (evt.EVT_ACCEPTED, one, None)])
    assert table.handlers(evt.EVT_ACCEPTED) == [(one, None), (one, [1])]
    table.bind(evt.EVT_ACCEPTED, other)
    table.unbind(evt.EVT_ACCEPTED, one)
    assert table.handlers(evt.EVT_ACCEPTED) == [(other, None)]
    assert table.own[evt.EVT_ACCEPTED] == [(other, None)]


def test_of_an_intervention_event_the_last_handler_counts_and_behind_it_is_the_default() -> None:
    table = HandlerTable([(evt.EVT_C_ECHO, one), (evt.EVT_C_ECHO, other, [1])])
    assert table.handlers(evt.EVT_C_ECHO) == (other, [1])
    table.unbind(evt.EVT_C_ECHO, one)
    assert table.handlers(evt.EVT_C_ECHO) == (other, [1])
    table.unbind(evt.EVT_C_ECHO, other)
    assert table.handlers(evt.EVT_C_ECHO) == (evt.get_default_handler(evt.EVT_C_ECHO), None)


def test_what_cannot_be_bound_is_named() -> None:
    wrong: Any = (1,)
    with pytest.raises(TypeError, match="list, not tuple"):
        HandlerTable().bind(evt.EVT_C_ECHO, one, wrong)
    wrong = "EVT_C_ECHO"
    with pytest.raises(TypeError, match="'EVT_C_ECHO' is no event"):
        HandlerTable().bind(wrong, one)


def test_events_with_handlers_are_listed_by_name() -> None:
    table = HandlerTable([(evt.EVT_RELEASED, one), (evt.EVT_ACCEPTED, one), (evt.EVT_C_ECHO, one)])
    table.unbind(evt.EVT_RELEASED, one)
    names = [event.name for event in table.events()]
    assert names == sorted(names)
    assert "EVT_ACCEPTED" in names and "EVT_RELEASED" not in names
    assert names.count("EVT_C_ECHO") == 1 and "EVT_C_STORE" in names


def test_a_copy_changes_alone() -> None:
    table = HandlerTable([(evt.EVT_ACCEPTED, one), (evt.EVT_C_ECHO, one)])
    table.bind_library([(evt.EVT_RELEASED, other)])
    copied = table.copy()
    assert copied.library == {other}
    assert copied.handlers(evt.EVT_ACCEPTED) == [(one, None)] == copied.own[evt.EVT_ACCEPTED]
    assert copied.handlers(evt.EVT_RELEASED) == [(other, None)] and not copied.own[evt.EVT_RELEASED]
    copied.unbind(evt.EVT_ACCEPTED, one)
    copied.unbind(evt.EVT_C_ECHO, one)
    assert table.handlers(evt.EVT_ACCEPTED) == [(one, None)] == table.own[evt.EVT_ACCEPTED]
    assert table.handlers(evt.EVT_C_ECHO) == (one, None)


def test_the_handlers_of_the_library_are_called_only_if_somebody_reads_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    table = HandlerTable([(evt.EVT_ACCEPTED, one)])
    table.bind_library([(evt.EVT_ACCEPTED, other)])
    monkeypatch.setattr(LIBRARY_LOG, "level", logging.INFO)
    LIBRARY_LOG.manager._clear_cache()  # type: ignore[attr-defined]
    assert table.listeners(evt.EVT_ACCEPTED) == [(one, None), (other, None)]
    monkeypatch.setattr(LIBRARY_LOG, "level", logging.WARNING)
    LIBRARY_LOG.manager._clear_cache()  # type: ignore[attr-defined]
    assert table.listeners(evt.EVT_ACCEPTED) == [(one, None)]
    monkeypatch.undo()
    LIBRARY_LOG.manager._clear_cache()  # type: ignore[attr-defined]


def test_an_association_changes_a_table_of_its_own() -> None:
    handlers = made((evt.EVT_ACCEPTED, one))
    shared = handlers.table
    assert not handlers.is_own
    own = handlers.own_table()
    assert own is not shared and handlers.own_table() is own is handlers.table
    own.bind(evt.EVT_ACCEPTED, other)
    assert handlers.listeners(evt.EVT_ACCEPTED) == [(one, None), (other, None)]
    assert shared.handlers(evt.EVT_ACCEPTED) == [(one, None)]


def test_all_listeners_are_told_with_their_arguments_whatever_one_of_them_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[Any] = []

    def listener(event: evt.Event, *args: Any) -> None:
        heard.append((event.assoc, event.event, event.timestamp, event.address, args))
        if not args:
            raise ValueError("no")

    async def waiting(event: evt.Event) -> None: ...

    handlers = made((evt.EVT_CONN_OPEN, listener), (evt.EVT_CONN_OPEN, waiting), (evt.EVT_CONN_OPEN, listener, [1, 2]))
    expected = [("an association", evt.EVT_CONN_OPEN, NOW, "somewhere", args) for args in ((), (1, 2))]
    handlers.notify_now(evt.EVT_CONN_OPEN, address="somewhere")
    assert heard == expected
    handlers.own_table().unbind(evt.EVT_CONN_OPEN, waiting)
    asyncio.run(handlers.notify(evt.EVT_CONN_OPEN, address="somewhere"))
    assert heard == expected * 2
    assert [record.getMessage() for record in caplog.records] == ["handler of EVT_CONN_OPEN raised"] * 2


def test_a_primitive_is_made_only_for_listeners() -> None:
    heard: list[Any] = []
    handlers = made((evt.EVT_ACSE_RECV, lambda event: heard.append(event.primitive)))
    asyncio.run(handlers.notify_primitive(evt.EVT_ACSE_RECV, lambda: "a primitive"))
    asyncio.run(handlers.notify_primitive(evt.EVT_ACSE_SENT, lambda: heard.append("never")))
    assert heard == ["a primitive"]


def test_a_handler_that_is_asked_gets_its_arguments_and_what_it_raises_is_told_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def echo(event: evt.Event, status: int) -> int:
        assert (event.assoc, event.event, event.timestamp) == ("an association", evt.EVT_C_ECHO, NOW)
        if status:
            raise NotImplementedError(event.thing)
        return status

    assert asyncio.run(made((evt.EVT_C_ECHO, echo, [0])).intervene(evt.EVT_C_ECHO, thing="a")) == 0
    with pytest.raises(HandlerRaised, match="EVT_C_ECHO"):
        asyncio.run(made((evt.EVT_C_ECHO, echo, [1])).intervene(evt.EVT_C_ECHO, thing="a"))
    with pytest.raises(HandlerRaised, match="EVT_C_STORE"):
        asyncio.run(made().intervene(evt.EVT_C_STORE))
    broken, missing = caplog.records
    assert (broken.levelno, broken.getMessage()) == (logging.ERROR, "handler of EVT_C_ECHO raised")
    assert missing.levelno == logging.WARNING and "EVT_C_STORE" in missing.getMessage()
