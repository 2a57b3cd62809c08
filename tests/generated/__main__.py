"""``python -m tests.generated``: write the pages that are made of the code; ``--check`` only tells which differ."""

from __future__ import annotations

import sys

from tests.generated.pages import PAGES, ROOT


def main(arguments: list[str]) -> int:
    """1 if ``--check`` is given and something differs."""
    differ = 0
    for path, make in PAGES.items():
        file, text = ROOT / path, make()
        if file.exists() and file.read_text("utf-8") == text:
            continue
        differ = 1
        print(path)
        if "--check" not in arguments:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return differ if "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
