"""``python -m dicomwire``: finding an application."""

from __future__ import annotations

import sys

import pytest

from dicomwire import __version__
from dicomwire.__main__ import APPLICATIONS, main
from tests.apps.helpers import python


@pytest.mark.parametrize("args", [[], ["nosuch"], ["--nosuch"], [""]])
def test_no_or_an_unknown_application_gives_the_usage_text_and_2(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    captured = capsys.readouterr()
    assert "Usage: dicomwire <application>" in captured.err and "storescu" in captured.err
    assert not captured.out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_application(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in APPLICATIONS)


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_every_application_is_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--version"]) == 0
    assert capsys.readouterr().out == f"{name}.py v{__version__}\n"


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_click_or_rich_one_line_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in [name for name in sys.modules if name.startswith("dicomwire.apps.")]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["storescu", "--version"]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert missing in captured.err and "dicomwire[apps]" in captured.err


def test_another_missing_module_is_not_taken_for_click(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dicomwire.apps.demo.demo", None)
    with pytest.raises(ModuleNotFoundError):
        main(["demo"])


def test_python_m_dicomwire_is_the_same() -> None:
    done = python("-m", "dicomwire")
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: dicomwire <application>")


def test_python_m_dicomwire_runs_an_application() -> None:
    done = python("-m", "dicomwire", "echoscu", "--version")
    assert (done.returncode, done.stdout) == (0, f"echoscu.py v{__version__}\n")


def test_applications_are_imported_only_when_asked_for() -> None:
    program = (
        "import sys, dicomwire.__main__ as m; m.main(['--version']);"
        "print([n for n in sys.modules if n.split('.')[0] in ('click', 'rich', 'pydicom') or '.apps' in n])"
    )
    assert python("-c", program).stdout.splitlines()[1] == "[]"


@pytest.mark.parametrize("name", APPLICATIONS)
def test_help_ends_with_the_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert "Exit code: 0 " in capsys.readouterr().out.strip().rpartition("\n\n")[2]
