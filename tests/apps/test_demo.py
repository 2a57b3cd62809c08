"""The demonstration."""

from __future__ import annotations

import ssl
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dicomwire import Status
from dicomwire.apps.demo import steps
from dicomwire.apps.demo.samples import Differs, Sample, compare, file_of, samples
from dicomwire.apps.demo.steps import STEPS, Demo
from tests.apps.helpers import python

demo = import_module("dicomwire.apps.demo.demo")
ADAPTERS = ("blocking", "asyncio", "trio")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """Only two files."""
    files = samples()[:2]
    monkeypatch.setattr(demo, "samples", lambda: files)
    return files


def only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(demo, "ADAPTERS", {name: demo.ADAPTERS[name]})


def row(out: str, step: str) -> list[str]:
    """What the table says of a step, for each adapter."""
    rows = [[cell.strip() for cell in line.split("\u2502")] for line in out.splitlines()]
    (found,) = [cells for cells in rows if cells[1:2] == [step]]
    return found[2:-1]


def test_the_demonstration_finds_every_adapter_as_it_should_be() -> None:
    done = python("-m", "dicomwire", "demo")
    assert done.returncode == 0 and not done.stderr
    assert all(name in done.stdout.splitlines()[2] for name in ADAPTERS)
    for step in STEPS:
        cells = row(done.stdout, step)
        assert len(cells) == 3 and len(set(cells)) == 1 and not {"no", "-", "not possible"} & set(cells), step
    assert done.stdout.count(f"{len(samples())} files") == 4 * 3


def test_something_of_everything_is_sent() -> None:
    assert len(samples()) > 20 and len({file.pair[1] for file in samples()}) > 5


def test_quiet_says_nothing(
    few: list[Sample], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "blocking")
    assert demo.main(["-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_missing_trio_is_shown_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "trio")
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    assert demo.main([]) == 0
    assert capsys.readouterr().out.count("not installed") == len(STEPS)


def test_an_adapter_that_fails_is_shown_and_gives_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(demo, "ADAPTERS", {"blocking": fail})
    assert demo.main([]) == 1
    captured = capsys.readouterr()
    assert captured.err == "E: blocking: start and end: RuntimeError: broken\n"
    assert captured.out.count(" - ") == len(STEPS)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_byte_that_differs_is_found(
    adapter: str, few: list[Sample], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forge(files: list[Sample], folder: Path) -> str:
        path = file_of(folder, few[1].sop_instance_uid)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        return compare(files, folder)

    monkeypatch.setattr(steps, "compare", forge)
    only(monkeypatch, adapter)
    assert demo.main(["-q", "-ll", "error"]) == 1
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.splitlines() == [
        f"E: {adapter}: {step}: {few[1].path.name}: something else arrived"
        for step in ("C-STORE", "C-GET", "C-MOVE", "C-STORE over TLS")
    ]


def test_what_is_missing_or_was_not_sent_is_found(few: list[Sample], tmp_path: Path) -> None:
    with pytest.raises(Differs, match="nothing arrived"):
        compare(few, tmp_path)
    (tmp_path / "more").touch()
    with pytest.raises(Differs, match="1 files that nobody sent"):
        compare([], tmp_path)


def nothing(self: Demo, request: Any) -> Any:
    yield from ()


def unchanged(self: Demo, request: Any) -> Any:
    return request.attributes


def anybody(self: Demo, event: Any) -> Any:
    return True, None


def refused(self: Demo, request: Any) -> Any:
    return Status.PROCESSING_FAILURE


def raising(self: Demo, event: Any) -> Any:
    raise OSError("no")


@pytest.mark.parametrize(
    ("method", "handler", "step"),
    [
        ("find", nothing, "C-FIND"),
        ("get", nothing, "C-GET"),
        ("move", nothing, "C-MOVE"),
        ("create", refused, "N-CREATE, N-SET"),
        ("change", unchanged, "N-CREATE, N-SET"),
        ("verify", anybody, "User identity"),
        ("verify", raising, "User identity"),
    ],
)
def test_every_step_notices_a_peer_that_does_something_else(
    method: str,
    handler: Any,
    step: str,
    few: list[Sample],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Demo, method, handler)
    only(monkeypatch, "blocking")
    assert demo.main([]) == 1
    captured = capsys.readouterr()
    told = [line for line in captured.err.splitlines() if line.startswith("E: blocking: ")]
    assert told and all(line.startswith(f"E: blocking: {step}: ") for line in told)
    assert row(captured.out, step) == ["no"]


def test_a_python_without_the_ciphers_is_no_failure(
    few: list[Sample], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: ssl.SSLContext, ciphers: str) -> None:
        raise ssl.SSLError("no cipher match")

    monkeypatch.setattr(ssl.SSLContext, "set_ciphers", refuse)
    only(monkeypatch, "blocking")
    assert demo.main([]) == 0
    assert "not possible" in capsys.readouterr().out
