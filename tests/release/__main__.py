"""``python -m tests.release``: wheel, source distribution, bill of materials and hashes in a folder, all checked.

Nothing is uploaded.  ``--rehearse`` leaves out what is only so at a release: tag, changelog, and where the source is.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.release.bill_of_materials import write_bill_of_materials
from tests.release.building import build_twice, hashes_of
from tests.release.readiness import NotReady, check_packages, check_source, version_of

ROOT = Path(__file__).parents[2]
REHEARSED = "https://example.org/dicomwire/blob/v{version}"


def main(arguments: list[str]) -> int:
    """1 if something is not as it should be; what, in words."""
    parser = argparse.ArgumentParser(prog="python -m tests.release", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("dist"), metavar="FOLDER", help="must be empty or missing")
    parser.add_argument("--rehearse", action="store_true", help="without tag, changelog and address of the source")
    chosen = parser.parse_args(arguments)
    if chosen.rehearse:
        os.environ.setdefault("DICOMWIRE_SOURCE_URL", REHEARSED)
    try:
        check_source(ROOT, is_rehearsed=chosen.rehearse)
        packages = build_twice(ROOT, chosen.out.resolve())
        check_packages(packages)
        bill = write_bill_of_materials(packages, version_of(ROOT))
    except NotReady as error:
        print(error, file=sys.stderr)
        return 1
    sums = "".join(f"{digest}  {name}\n" for name, digest in hashes_of([*packages, bill]).items())
    (chosen.out / "SHA256SUMS").write_text(sums, encoding="utf-8")
    print(sums, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
