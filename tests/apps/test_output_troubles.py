"""Standard output that nobody reads, or that has no room."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dicomwire import events as evt
from tests.apps.helpers import HOST, dicom_file, environment, peer

WORDS = [["--help"], ["--version"], ["--show-completion", "zsh"], ["findscu", "--help"], ["storescu", "--version"]]


def run(words: list[str], stdout: int) -> tuple[int, str]:
    """The exit code, and what was said on standard error."""
    command = [sys.executable, "-m", "dicomwire", *words]
    done = subprocess.run(
        command, env=environment(), stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such pipe")
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_pipe_that_nobody_reads_is_no_traceback(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert run(words, writer) == (141, "")
    finally:
        os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_full_disk_is_one_line(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        code, said = run(words, full.fileno())
    assert (code, said) == (1, "E: Standard output cannot be written: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_totals_without_room_are_one_line_after_everything_was_sent(tmp_path: Path) -> None:
    stored: list[evt.Event] = []

    def store(event: evt.Event) -> int:
        stored.append(event)
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        words = ["storescu", HOST, server.port, str(dicom_file(tmp_path / "one"))]
        with open("/dev/full", "wb") as full:
            code, said = run(words, full.fileno())
        assert server.outcomes == ["EVT_RELEASED"]
    assert (code, len(stored), said.count("\n")) == (1, 1, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no shell")
def test_a_standard_output_that_is_closed_is_no_trouble() -> None:
    command = f'"{sys.executable}" -m dicomwire --version >&-'
    done = subprocess.run(command, shell=True, env=environment(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
