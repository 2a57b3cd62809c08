"""Names of a package that are loaded when they are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def loaded_when_used(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package: ``modules`` says in which module of it each name is."""

    def loaded(name: str) -> Any:
        from importlib import import_module

        try:
            module = modules[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        return getattr(import_module(f"{package}.{module}"), name)

    return loaded
