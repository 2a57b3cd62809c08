"""What an attack is, and all that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

from tests.hostile.target import Target

MIB = 1 << 20

Run: TypeAlias = Callable[[Target, float], object]
"""Attacks a target at a size: 1 is the full one.  The connections that it leaves open stay until it has been judged."""


@frozen
class Attack:
    """One attack, and the bytes of memory that it may cost."""

    run: Run
    memory: int


ATTACKS: dict[str, Attack] = {}
"""By name."""


def attack(memory: int = 32 * MIB) -> Callable[[Run], Run]:
    """The decorated function is one of :data:`ATTACKS`."""

    def enter(run: Run) -> Run:
        name = getattr(run, "__name__", "")
        ATTACKS[name.replace("_", "-")] = Attack(run, memory)
        return run

    return enter


def count(most: int, size: float) -> int:
    """That many at full size, and at least one."""
    return max(1, int(most * size))
