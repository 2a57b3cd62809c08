"""Shells complete command lines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dicomwire.__main__ import main
from tests.apps.helpers import environment

ASK = """
set -e
eval "$(dicomwire --show-completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_dicomwire_completion dicomwire
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def bash(tmp_path: Path) -> list[str]:
    """A shell of a version that is known to complete, with ``dicomwire`` on its path."""
    program = shutil.which("bash")
    if program is None or sys.platform == "win32":
        pytest.skip("there is no bash")
    version = subprocess.run(
        [program, "-c", "echo ${BASH_VERSINFO[0]}${BASH_VERSINFO[1]}"], capture_output=True, check=True
    )
    if int(version.stdout) < 44:
        pytest.skip("this bash is too old to complete")
    folder = tmp_path / "with a space"
    folder.mkdir()
    command = folder / "dicomwire"
    command.write_text(f'#!{program}\nexec "{sys.executable}" -m dicomwire "$@"\n')
    command.chmod(0o755)
    return [program, "--norc", "-c", ASK, str(folder)]


def completed(bash: list[str], *words: str) -> set[str]:
    """The words that bash offers for the last of ``words``."""
    program, *args, folder = bash
    path = os.pathsep.join([folder, os.environ["PATH"]])
    done = subprocess.run(
        [program, *args, "bash", "dicomwire", *words],
        env={**environment(), "PATH": path}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return {*done.stdout.split()}


def test_bash_completes_applications_options_and_values(bash: list[str]) -> None:
    assert completed(bash, "find") == {"findscu"}
    assert completed(bash, "store") == {"storescp", "storescu"}
    assert {"--retries", "--retry-pause", "--report"} <= completed(bash, "storescu", "--re")
    assert completed(bash, "storescu", "localhost", "104", "-ll", "err") == {"error"}
    assert completed(bash, "nothing", "--") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("there is no bash whose version could be told")
    assert main(["--show-completion", shell]) == 0
    out = capsys.readouterr().out
    assert "_DICOMWIRE_COMPLETE" in out and f"{shell}_complete" in out


@pytest.mark.parametrize("shells", [[], ["tcsh"], ["bash", "zsh"]])
def test_another_shell_is_a_wrong_command_line(shells: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--show-completion", *shells]) == 2
    assert "bash|fish|zsh" in capsys.readouterr().err


@pytest.mark.parametrize("asked", ["bash_source", "tcsh_complete", ""])
def test_what_no_shell_of_ours_asks_is_a_failure(asked: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dicomwire"],
        env={**environment(), "_DICOMWIRE_COMPLETE": asked}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
