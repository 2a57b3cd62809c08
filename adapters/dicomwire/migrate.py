"""``python -m dicomwire.migrate PATH``: move programs from pynetdicom to dicomwire, as far as renaming goes.

By itself it only shows what it would change; ``--write`` changes it.  What needs thought is listed with its place.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path

from dicomwire.migrating.places import Place
from dicomwire.migrating.program_files import Changed, Migrated, migrate_tree

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run with ``args``, default: the command line; 1 if a file could not be read, written or understood."""
    parser = argparse.ArgumentParser(
        prog="python -m dicomwire.migrate",
        description="Rename the imports of pynetdicom in Python files, and list what needs thought.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder with all below it")
    parser.add_argument("--write", action="store_true", help="change the files; without, only show what would change")
    parser.add_argument("--no-diff", action="store_true", help="do not show the changes")
    given = parser.parse_args(args)
    for path in given.paths:
        if not path.exists():
            parser.error(f"{path} does not exist")
    done = migrate_tree(given.paths, write=given.write)
    if not given.no_diff:
        for changed in done.changed:
            print(_diff(changed), end="")
    _tell(done, is_written=given.write)
    return 1 if done.failed else 0


def _diff(changed: Changed) -> str:
    name = changed.path.as_posix()
    # Lines as Python counts them, whatever their end.
    before, after = (text.replace("\r\n", "\n").split("\n") for text in (changed.before, changed.after))
    lines = unified_diff(before, after, f"a/{name}", f"b/{name}", lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _tell(done: Migrated, *, is_written: bool) -> None:
    if done.thoughts:
        print("\nWhat needs thought:\n")
        for place in done.thoughts:
            print(_shown(place))
    for place in done.failed:
        print(_shown(place), file=sys.stderr)
    verb = "changed" if is_written else "to change"
    names = sum(changed.count for changed in done.changed)
    thoughts, failed = len(done.thoughts), len(done.failed)
    print(
        f"\n{done.looked_at} files looked at, {len(done.changed)} {verb} ({names} names); "
        f"{thoughts} places need thought, {failed} files could not be changed"
    )


def _shown(place: Place) -> str:
    return f"{place.path.as_posix()}:{place.line}: {place.text}"


if __name__ == "__main__":
    sys.exit(main())
