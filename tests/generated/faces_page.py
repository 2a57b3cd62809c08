"""docs/reference/faces.md: what there is in each adapter, as the modules and classes have it."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from importlib import import_module
from typing import Any, get_args, get_type_hints

from tests.generated.markdown import NOTE, table

ADAPTERS = ("blocking", "asyncio", "trio", "memory")


def page() -> str:
    """The whole page."""
    modules = [import_module(f"dicomwire.{adapter}") for adapter in ADAPTERS]
    exported = sorted({name for module in modules for name in module.__all__})
    rows = [(f"`{name}`", *(_said(name in module.__all__) for module in modules)) for name in exported]
    parts = [
        "# Names in each adapter",
        NOTE,
        "Which public names the modules of the adapters have, and the classes of their AE and association. What waits "
        "is awaited in\n`dicomwire.asyncio`, `dicomwire.trio` and `dicomwire.memory`, and blocks in "
        "`dicomwire.blocking`, whose AE is `dicomwire.AE`.\n[Features](features.md) has what they do.",
        "## Modules",
        table(("Name", *ADAPTERS), rows),
    ]
    associations = [module.Association for module in modules]
    of_associations = {name for each in associations for name in dir(each)}
    parts += [
        "## Client",
        "What `connect` gives: all that an association has, and",
        table(("Name", *ADAPTERS), _rows([module.Client for module in modules], besides=of_associations)),
        "## Keywords of connect",
        table(("Name", *ADAPTERS), _keywords([module.connect for module in modules])),
        "## Keywords of serve",
        table(("Name", *ADAPTERS), _keywords([module.serve for module in modules])),
        "## AE",
        table(("Name", *ADAPTERS), _rows([module.AE for module in modules])),
        "## Association",
        table(("Name", *ADAPTERS), _rows(associations)),
    ]
    return "\n\n".join(parts) + "\n"


def _said(value: bool) -> str:
    return "yes" if value else "no"


def _keywords(functions: list[Any]) -> list[tuple[str, ...]]:
    """Those of a ``TypedDict`` that ``**options`` unpacks."""
    known = [set(get_args(get_type_hints(each)["options"])[0].__annotations__) for each in functions]
    return [(f"`{name}`", *(_said(name in each) for each in known)) for name in sorted(set().union(*known))]


def _rows(classes: list[type], besides: Collection[str] = ()) -> list[tuple[str, ...]]:
    public = sorted({name for each in classes for name in dir(each) if not name.startswith("_")}.difference(besides))
    return [(f"`{_shown(name, classes)}`", *(_said(hasattr(each, name)) for each in classes)) for name in public]


def _shown(name: str, classes: list[type]) -> str:
    found: Any = next(inspect.getattr_static(each, name) for each in classes if hasattr(each, name))
    is_method = not isinstance(found, property) and callable(getattr(found, "__func__", found))
    return f"{name}()" if is_method else name
