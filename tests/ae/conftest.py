"""Tests of the AE: an ``async def test_...(world)`` runs once per adapter, each in its own way of waiting."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from dicomwire import _config
from tests.support.adapters import WORLDS, World


@pytest.fixture(params=list(WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    """Every adapter."""
    return WORLDS[request.param]()


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def socket_world(request: pytest.FixtureRequest) -> World:
    """The adapters with real sockets."""
    return WORLDS[request.param]()


@pytest.fixture(params=["asyncio", "trio"])
def loop_world(request: pytest.FixtureRequest) -> World:
    """The adapters on an event loop."""
    return WORLDS[request.param]()


@pytest.fixture(params=["asyncio", "trio", "memory"])
def async_world(request: pytest.FixtureRequest) -> World:
    """The adapters whose verbs are awaited."""
    return WORLDS[request.param]()


@pytest.fixture
def blocking_world() -> World:
    """The blocking adapter."""
    return WORLDS["blocking"]()


@pytest.fixture
def memory_world() -> World:
    """The adapter with the simulated clock."""
    return WORLDS["memory"]()


@pytest.fixture(autouse=True)
def _options_are_restored() -> Iterator[None]:
    before = {name: value for name, value in vars(_config).items() if name.isupper()}
    yield
    for name, value in before.items():
        setattr(_config, name, value)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an ``async`` test in its world."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    world = next(value for value in arguments.values() if isinstance(value, World))
    world.run(partial(pyfuncitem.obj, **arguments))
    return True
