"""``python -m tests.house``: the counts and their bars; ``-v`` with every place."""

from __future__ import annotations

import sys

from tests.house.bars import BARS


def main(arguments: list[str]) -> int:
    """Print them; 1 if one is over its bar."""
    over = 0
    for name, (count, bar) in BARS.items():
        places = count()
        over |= len(places) > bar
        print(f"{len(places):>4} (bar {bar}) {name}")
        if "-v" in arguments or len(places) > bar:
            print(*(f"         {place}" for place in places), sep="\n")
    return over


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
