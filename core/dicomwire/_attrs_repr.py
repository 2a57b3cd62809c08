"""How values are shown."""

from __future__ import annotations

from typing import Any

from attrs import Attribute


class Shown:
    """Base of ``attrs`` classes: the ``repr`` that ``attrs`` would write for each of them.

    Writing it for one class takes longer than all the rest that ``attrs`` does for it, and there are forty.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        kind = type(self)
        # A class that attrs has not seen has nothing to show.
        attributes: tuple[Attribute[Any], ...] = getattr(kind, "__attrs_attrs__", ())
        shown = [item.name for item in attributes if item.repr]
        return f"{kind.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
