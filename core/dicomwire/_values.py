"""How values are shown and compared."""

from __future__ import annotations

from typing import Any

from attrs import Attribute


class Shown:
    """Base of ``attrs`` classes: the ``repr`` that ``attrs`` would write for each of them.

    Writing it for one class takes longer than all the rest that ``attrs`` does for it, and there are a hundred.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        kind = type(self)
        # A class that attrs has not seen has nothing to show.
        attributes: tuple[Attribute[Any], ...] = getattr(kind, "__attrs_attrs__", ())
        shown = [item.name for item in attributes if item.repr]
        return f"{kind.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


class Value(Shown):
    """Base of frozen ``attrs`` classes: what ``attrs`` would write for each of them to compare and hash it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _compared(self) == _compared(other)

    def __hash__(self) -> int:
        return hash((type(self), _compared(self)))


def _compared(value: Any) -> tuple[Any, ...]:
    attributes: tuple[Attribute[Any], ...] = getattr(value, "__attrs_attrs__", ())
    return tuple([getattr(value, item.name) for item in attributes if item.eq])
