"""Names of the adapters that are loaded when they are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_OF_AN_ADAPTER = {
    "Archive": "archive",
    "Client": "client",
    "Pool": "pool",
    "connect": "client",
    "serve": "providing_server",
}
"""In which module of each adapter the names of the own face are."""


def face_when_used(package: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of an adapter, for the names that every one has."""

    def loaded(name: str) -> Any:
        from importlib import import_module

        try:
            module = _OF_AN_ADAPTER[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        return getattr(import_module(f"{package}.{module}"), name)

    return loaded
