"""``python -m benchmarks``: measure, print the table, and write it with its JSON and chart."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import profiling
from benchmarks.cases import all_cases
from benchmarks.chart import as_svg
from benchmarks.counts import as_lines, count_all
from benchmarks.machine import this_machine
from benchmarks.report import as_json, as_markdown, as_text
from benchmarks.run import run_cases

RESULTS = Path(__file__).resolve().parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else [*arguments]
    if given[:1] == ["profile"]:
        return profiling.main(given[1:])
    names = [case.plan.name for case in all_cases()]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"Cases: {', '.join(names)}.  'python -m benchmarks profile' shows where time goes.",
    )
    parser.add_argument("--cases", metavar="A,B", help="only these; a name may be the beginning of several")
    parser.add_argument("--runs", type=int, help="rounds of each case; 5, or 1 with --tiny")
    parser.add_argument("--tiny", action="store_true", help="next to no data: only shows that everything works")
    parser.add_argument("--counts", action="store_true", help="only count the calls of small messages, in seconds")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where to write; without it only a full run is written, to results/"
    )
    options = parser.parse_args(given)
    if options.counts:
        print(*as_lines(count_all()), sep="\n")
        return 0
    wanted = names if options.cases is None else options.cases.split(",")
    if unknown := [item for item in wanted if not any(name.startswith(item) for name in names)]:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(names)}")
    cases = [case for case in all_cases(tiny=options.tiny) if any(case.plan.name.startswith(item) for item in wanted)]
    runs = options.runs or (1 if options.tiny else 5)
    # To be ended is like Ctrl-C: every process ends and temporary files go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        results = run_cases(cases, runs, tiny=options.tiny, tell=lambda line: print(line, file=sys.stderr, flush=True))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    machine = this_machine()
    counts = count_all() if len(cases) == len(names) else []
    text = "\n".join([as_text(machine, results), *as_lines(counts)]) if counts else as_text(machine, results)
    print(text)
    folder = options.output
    if folder is None and not options.tiny and len(cases) == len(names):
        folder = RESULTS
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(as_json(machine, results, runs, tiny=options.tiny, counts=counts), "utf-8")
        (folder / "results.md").write_text(as_markdown(machine, results), "utf-8")
        (folder / "results.txt").write_text(text.rstrip("\n") + "\n", "utf-8")
        (folder / "results.svg").write_text(as_svg(machine, results), "utf-8")
    return 1 if any(row.failures for result in results for row in result.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
