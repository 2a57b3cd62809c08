"""docs/reference/faces.md: what there is in each adapter, as the modules and classes have it."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

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
    for title in ("AE", "Association"):
        parts += [f"## {title}", table(("Name", *ADAPTERS), _rows([getattr(module, title) for module in modules]))]
    return "\n\n".join(parts) + "\n"


def _said(value: bool) -> str:
    return "yes" if value else "no"


def _rows(classes: list[type]) -> list[tuple[str, ...]]:
    public = sorted({name for each in classes for name in dir(each) if not name.startswith("_")})
    return [(f"`{_shown(name, classes)}`", *(_said(hasattr(each, name)) for each in classes)) for name in public]


def _shown(name: str, classes: list[type]) -> str:
    found: Any = next(inspect.getattr_static(each, name) for each in classes if hasattr(each, name))
    is_method = not isinstance(found, property) and callable(getattr(found, "__func__", found))
    return f"{name}()" if is_method else name
