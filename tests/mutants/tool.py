"""mutmut's command, with mutants that are worth trying and less to do for each: run by :mod:`tests.mutants.running`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mutmut.__main__ import cli
from mutmut.mutation import mutators
from mutmut.runners.harness import PytestRunner

_FIRST, _MOST = 2, 12
"""Cases of one test that are tried: at first, and at all.  To collect a thousand takes longer than to run a few."""


def _strings(node: Any) -> Iterable[Any]:
    # Of a text for people no test should hold the spelling; nor is "XXtext" another one than "text" in a message.
    return () if " " in getattr(node, "value", "") else mutators.operator_string(node)


def _spread(cases: list[str], count: int) -> list[str]:
    """So many of them, from all over."""
    return [cases[index * len(cases) // count] for index in range(count)] if len(cases) > count else cases


def shifts(tests: Iterable[str]) -> list[list[str]]:
    """The names of tests, in the order in which they are to run: a few cases of each first, then more."""
    functions: dict[str, list[str]] = {}
    for name in tests:
        functions.setdefault(name.partition("[")[0], []).append(name)
    first = [name for cases in functions.values() for name in _spread(cases, _FIRST)]
    most = [name for cases in functions.values() for name in _spread(cases, _MOST)]
    early = set(first)
    return [first, [name for name in most if name not in early]]


_run_tests = PytestRunner.run_tests


def _in_shifts(self: PytestRunner, *, mutant_name: str | None, tests: Iterable[str]) -> int:
    code = 0
    names = [*tests]
    for shift in shifts(names) if mutant_name else [names]:
        if code == 0 and (shift or not names):
            code = _run_tests(self, mutant_name=mutant_name, tests=shift)
    return code


PytestRunner.run_tests = _in_shifts  # type: ignore[method-assign]
mutators.mutation_operators[:] = [  # type: ignore[index]
    (kind, _strings if operator is mutators.operator_string else operator)
    for kind, operator in mutators.mutation_operators
]

if __name__ == "__main__":
    cli()
