"""Tests of the AE: an ``async def test_...(world)`` runs once per adapter, each in its own way of waiting."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest

from dicomwire import _config
from tests.support.adapters import WORLDS, World
from tests.support.replaying import IS_WANTED, everything_recorded

_WANTED = os.environ.get("DICOMWIRE_WORLDS", "").split() or list(WORLDS)
"""The adapters that tests run with: every one, unless somebody wants fewer, as tests/mutants for what all share."""


def _wanted(*names: str) -> list[str]:
    return [name for name in names if name in _WANTED]


@pytest.fixture(params=_wanted(*WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    """Every adapter."""
    return WORLDS[request.param]()


@pytest.fixture(params=_wanted("blocking", "asyncio", "trio"))
def socket_world(request: pytest.FixtureRequest) -> World:
    """The adapters with real sockets."""
    return WORLDS[request.param]()


@pytest.fixture(params=_wanted("asyncio", "trio"))
def loop_world(request: pytest.FixtureRequest) -> World:
    """The adapters on an event loop."""
    return WORLDS[request.param]()


@pytest.fixture(params=_wanted("asyncio", "trio", "memory"))
def async_world(request: pytest.FixtureRequest) -> World:
    """The adapters whose verbs are awaited."""
    return WORLDS[request.param]()


@pytest.fixture(params=_wanted("blocking"))
def blocking_world(request: pytest.FixtureRequest) -> World:
    """The blocking adapter."""
    return WORLDS[request.param]()


@pytest.fixture(params=_wanted("asyncio"))
def asyncio_world(request: pytest.FixtureRequest) -> World:
    """The adapter whose loop receives unasked."""
    return WORLDS[request.param]()


@pytest.fixture(params=_wanted("memory"))
def memory_world(request: pytest.FixtureRequest) -> World:
    """The adapter with the simulated clock."""
    return WORLDS[request.param]()


@pytest.fixture(autouse=True)
def _options_are_restored() -> Iterator[None]:
    before = {name: value for name, value in vars(_config).items() if name.isupper()}
    yield
    for name, value in before.items():
        setattr(_config, name, value)


@pytest.fixture(autouse=IS_WANTED)
def _all_replays(request: pytest.FixtureRequest) -> Iterator[None]:
    with nullcontext() if request.node.get_closest_marker("unrecorded") else everything_recorded():
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an ``async`` test in its world."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    world = next(value for value in arguments.values() if isinstance(value, World))
    world.run(partial(pyfuncitem.obj, **arguments))
    return True
