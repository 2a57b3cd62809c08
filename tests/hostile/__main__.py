"""``python -m tests.hostile``: every attack on every adapter; ``soak ADAPTER N``: many associations."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from tests.hostile.attacks import ATTACKS
from tests.hostile.measuring import Judgement, attacked
from tests.hostile.soak import soak
from tests.hostile.target import running

ADAPTERS = ("blocking", "asyncio", "trio")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    kinds = parser.add_subparsers(dest="kind")
    many = kinds.add_parser("soak", help="many associations, one in ten cut")
    many.add_argument("adapter", choices=ADAPTERS)
    many.add_argument("count", type=int, nargs="?", default=100_000)
    attacks = kinds.add_parser("attack", help="attacks of full size; the default")
    for each in (parser, attacks):
        each.add_argument("--adapters", metavar="A,B", default=",".join(ADAPTERS))
        each.add_argument("--only", metavar="A,B", default="", help=f"of {', '.join(ATTACKS)}")
    options = parser.parse_args(arguments)
    tell = partial(print, flush=True)
    if options.kind == "soak":
        with running(options.adapter) as target:
            wrong = [*soak(target, options.count, tell)]
        print(*wrong or ["nothing left"], sep="\n")
        return 1 if wrong else 0
    names = options.only.split(",") if options.only else [*ATTACKS]
    bad = 0
    for adapter in options.adapters.split(","):
        for name in names:
            judged: Judgement = attacked(adapter, name)
            bad += bool(judged.wrong)
            tell(judged)
    print(f"{bad} of {len(names) * len(options.adapters.split(','))} attacks did harm")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
