"""Values that never change, and what was worked out of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import field, frozen

from dicomwire._values import Value

_MOST = 64

T = TypeVar("T")


@frozen(repr=False, eq=False)
class Deriving(Value):
    """Base of frozen values that keep what is worked out of them, for whoever has the same value next."""

    derived_values: dict[Any, Any] = field(factory=dict, init=False, eq=False, repr=False)

    def derive(self, key: Any, work_out: Callable[[], T]) -> T:
        """What ``work_out`` gives, the first time; ``key`` names it, and what else it is made of.

        Several threads may do so at once: then each works it out, and they get equal ones.  It is shared: nobody
        changes it.
        """
        derived = self.derived_values
        try:
            found: T = derived[key]
        except KeyError:
            if len(derived) >= _MOST:
                derived.clear()
            found = derived[key] = work_out()
        return found
