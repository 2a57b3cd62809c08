"""mutmut's command, with mutants that are worth trying and less to do for each: run by :mod:`tests.mutants.running`."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.mutants.sampling import kept

_FIRST, _MOST = 2, 60
"""Cases of one test that are tried: at first, and at all.  To collect a thousand takes longer than to run a few."""


def differs(text: str, other: str) -> bool:
    """A test can be asked to tell one string literal from another.

    Of a text for people none should hold the spelling, nor is "XXtext" another one than "text" in a message; and names
    of codecs mean the same in capitals.
    """
    if " " in text:
        return False
    return text.lower() != other.lower() or not _is_codec(text.strip("'\""))


def _is_codec(name: str) -> bool:
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return True


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


def main() -> None:
    """Run mutmut, of which three things are other than it has them.

    These are which strings are changed, the order of tests, and that it may be a sample of the mutants that is tried.
    """
    # By name, as it is no part of what checkers of types have to have.
    mutators: Any = import_module("mutmut.mutation.mutators")
    runner: Any = import_module("mutmut.runners.harness").PytestRunner
    strings, run_tests = mutators.operator_string, runner.run_tests

    def worth_trying(node: Any) -> Iterable[Any]:
        return [other for other in strings(node) if differs(node.value, other.value)]

    def in_shifts(self: Any, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        code, names = 0, [*tests]
        for shift in shifts(names) if mutant_name else [names]:
            if code == 0 and (shift or not names):
                code = run_tests(self, mutant_name=mutant_name, tests=shift)
        return code

    runner.run_tests = in_shifts
    operators = mutators.mutation_operators
    operators[:] = [(kind, worth_trying if operator is strings else operator) for kind, operator in operators]
    command: Any = import_module("mutmut.__main__")
    collect = command.collect_source_file_mutation_data

    def sampled(**arguments: Any) -> Any:
        mutants, data = collect(**arguments)
        sample = kept(Path())
        return [mutant for mutant in mutants if sample is None or mutant[1] in sample], data

    command.collect_source_file_mutation_data = sampled
    if sys.argv[1:] == ["make"]:
        _make(command)
    else:
        command.cli()


def _make(command: Any) -> None:
    """What mutmut's run does first: write the mutants of a file."""
    command.set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    command.copy_src_dir()
    command.copy_also_copy_files()
    command.setup_source_paths()
    command.store_lines_covered_by_tests()
    command.create_mutants(1)


if __name__ == "__main__":
    main()
