"""The command: ``python -m tests.mutants core/dicomwire/dimse``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.mutants.outcomes import Outcome, outcome_in
from tests.mutants.parts import enough_for, files, named
from tests.mutants.running import folder_of, run, take


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants",
        description="Changes the code in small ways, and tells which changes no test notices.",
        epilog="Exit code 1: too few were found, or some not tried yet.  Stop it at any time: it goes on from there.",
    )
    parser.add_argument("paths", nargs="+", metavar="path", help="files or folders in core and adapters")
    parser.add_argument("-j", "--children", type=int, default=2, metavar="N", help="mutants at once (default: 2)")
    parser.add_argument("--again", action="store_true", help="try those that were not found again, as after new tests")
    parser.add_argument("--summary", action="store_true", help="try nothing, only tell")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many of each path, chosen at random")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="another one, another sample (default: 0)")
    parser.add_argument("-q", "--quiet", action="store_true", help="do not list those that were not found")
    arguments = parser.parse_args()
    paths = files(arguments.paths)
    failed = False
    if not arguments.summary:
        try:
            for wanted in arguments.paths:
                take(files([wanted]), arguments.sample, arguments.seed)
            for path in paths:
                failed |= not run(path, children=arguments.children, again=arguments.again)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
    return int(_tell(paths, quiet=arguments.quiet) or failed)


def _tell(paths: list[Path], *, quiet: bool) -> bool:
    """Print the table; whether too few were found."""
    outcomes = {named(path): outcome for path in paths if (outcome := outcome_in(folder_of(path))) is not None}
    too_few = False
    for outcome in outcomes.values():
        for mutant in () if quiet else outcome.left:
            print(mutant)
        for reason in outcome.idle:
            print(f"  explained, but not there: {reason.where} {', '.join(reason.now)}")
    print(f"{'':46} mutants  found  explained  left  untried  aside  rate")
    for name, outcome in outcomes.items():
        if outcome.tried or outcome.untried:
            print(_row(name, outcome))
            too_few |= outcome.untried > 0 or outcome.rate < enough_for(name)
    total = Outcome()
    for outcome in outcomes.values():
        total.found += outcome.found
        total.explained += outcome.explained
        total.untried += outcome.untried
        total.aside += outcome.aside
        total.left += outcome.left
    print(_row("together", total))
    return too_few


def _row(name: str, outcome: Outcome) -> str:
    counts = f"{outcome.tried:7} {outcome.found:6} {outcome.explained:10} {len(outcome.left):5}"
    return f"{name:46} {counts} {outcome.untried:8} {outcome.aside:6} {outcome.rate:5.1f} %"


if __name__ == "__main__":
    sys.exit(main())
