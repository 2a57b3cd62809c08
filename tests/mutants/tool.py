"""mutmut's command, with mutants that are worth trying and less to do for each: run by :mod:`tests.mutants.running`."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable, Mapping
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
    """Run mutmut, of which some things are other than it has them.

    These are which strings are changed, the order of tests, that it may be a sample of the mutants that is tried, and
    how often all tests run before the first one is.
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
    _start_at_once(command)
    if sys.argv[1:] == ["make"]:
        _make(command)
    else:
        command.cli()


def _start_at_once(command: Any) -> None:
    """Let all tests run once before the first mutant is tried, not three times, and for each the quickest come first.

    The run that tells which tests come by where is one of the code as it is, and fails if one of them does: another to
    see that they pass tells nothing new, but where that run was long ago.  Nor does one in which all that is called
    fails: then no mutant would be found.
    """
    server: Any = import_module("mutmut.workers.isolation").ForkServerRunner
    state: Any = import_module("mutmut.state").state
    submit, run_clean_tests, collect_stats = server.submit, server.run_clean_tests, server.collect_stats
    has_run_all: list[bool] = []

    def collect(self: Any, tests: Iterable[str] | None) -> int:
        has_run_all.append(not tests)
        return int(collect_stats(self, tests))

    def run_clean_once(self: Any, tests: Iterable[str]) -> int:
        return 0 if any(has_run_all) else int(run_clean_tests(self, tests))

    def no_run(runner: Any) -> None:
        """Nothing."""

    def quickest_first(self: Any, mutant_name: str, tests: list[str], *limits: Any) -> None:
        submit(self, mutant_name, by_duration(tests, state().duration_by_test), *limits)

    server.collect_stats, server.run_clean_tests, server.submit = collect, run_clean_once, quickest_first
    command.run_forced_fail_test = no_run


def by_duration(tests: Iterable[str], seconds: Mapping[str, float]) -> list[str]:
    """The names of tests, the quickest first."""
    return sorted(tests, key=lambda name: (seconds.get(name, 0.0), name))


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
