"""Every documented name is where it is documented to be, and is called as documented."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

import dicomwire.asyncio
import dicomwire.blocking
import dicomwire.memory
import dicomwire.trio

TABLE = Path(__file__).parents[1] / "data" / "contract" / "signatures.txt"


@frozen
class Documented:
    """One line of the table."""

    module: str
    name: str
    parameters: str | None

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def documented() -> Iterator[Documented]:
    for line in TABLE.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            module, _, rest = line.partition(" ")
            name, bracket, parameters = rest.partition("(")
            yield Documented(module, name, parameters.removesuffix(")") if bracket else None)


def found(row: Documented) -> Any:
    value: Any = import_module(row.module)
    for part in row.name.split("."):
        value = getattr(value, part)
    return value


def wanted(parameters: str) -> list[tuple[str, str, Any]]:
    """Name, kind and default of each documented parameter; no default is ``inspect.Parameter.empty``."""
    empty = inspect.Parameter.empty
    arguments = ast.parse(f"def f({parameters}): ...").body[0].args  # type: ignore[attr-defined]
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [empty] * (len(positional) - len(arguments.defaults)) + [
        ast.literal_eval(item) for item in arguments.defaults
    ]
    rows = [(item.arg, "positional", default) for item, default in zip(positional, defaults, strict=True)]
    for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        rows.append((item.arg, "keyword", empty if default is None else ast.literal_eval(default)))
    if arguments.kwarg is not None:
        rows.append((arguments.kwarg.arg, "rest", empty))
    return rows


_KINDS: dict[Any, str] = {
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_KEYWORD: "rest",
}


def actual(function: Callable[..., Any]) -> list[tuple[str, str, Any]]:
    parameters = [item for item in inspect.signature(function).parameters.values() if item.name != "self"]
    return [(item.name, _KINDS[item.kind], item.default) for item in parameters]


ROWS = list(documented())


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_documented_name_is_there(row: Documented) -> None:
    found(row)


@pytest.mark.parametrize("row", [row for row in ROWS if row.parameters is not None], ids=str)
def test_a_documented_function_is_called_as_documented(row: Documented) -> None:
    expected, real = wanted(row.parameters or ""), actual(found(row))
    common = real[: len(expected)]
    assert [item[:2] for item in common] == [item[:2] for item in expected]
    for (name, _, default), (_, _, ours) in zip(expected, common, strict=True):
        assert default is ... or ours == default, f"the default of {name}"
    # What we have beyond that must not be needed.
    assert all(kind == "rest" or default is not inspect.Parameter.empty for _, kind, default in real[len(expected) :])


# -- the same in every adapter -------------------------------------------------------------------------------------
ADAPTERS = (dicomwire.asyncio, dicomwire.trio, dicomwire.memory)
ONLY_BLOCKING = {"is_alive", "join", "getName", "make_server"}
"""Documented for threads; see the features table."""

OVER = {"associate_over", "serve_over"}
"""What they take first is a connection of the adapter's own kind."""


def public(kind: type) -> dict[str, Any]:
    return {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda module: module.__name__)
@pytest.mark.parametrize("kind", ["AE", "Association"])
def test_an_adapter_has_the_verbs_of_the_blocking_one_with_the_same_arguments(adapter: Any, kind: str) -> None:
    ours, theirs = public(getattr(adapter, kind)), public(getattr(dicomwire.blocking, kind))
    missing = theirs.keys() - ours.keys() - ONLY_BLOCKING
    assert not missing
    for name, function in theirs.items():
        if inspect.isfunction(function) and name in ours:
            skipped = 2 if name in OVER else 0
            expected, real = actual(function)[skipped:], actual(ours[name])[skipped:]
            assert real[: len(expected)] == expected, name
            assert all(kind == "keyword" for _, kind, _ in real[len(expected) :])


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda module: module.__name__)
def test_what_waits_in_one_adapter_waits_in_all(adapter: Any) -> None:
    for kind in ("AE", "Association"):
        verbs = {name: value for name, value in public(getattr(adapter, kind)).items() if inspect.isfunction(value)}
        # Some give a coroutine that is a context manager or an iterator, too.
        names = {name for name, value in verbs.items() if inspect.iscoroutinefunction(inspect.unwrap(value))}
        assert {name for name in verbs if name.startswith("send_")} <= names
        assert names >= ({"associate", "start_server", "shutdown"} if kind == "AE" else {"release", "abort"})
