"""The fuzz targets run, find nothing in some inputs, and never again what they have found once."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from fuzz import corpus, running
from fuzz.__main__ import main
from fuzz.mutating import dictionary, inputs
from fuzz.target import Target, load, names

COUNTS = {"acceptor": 300, "connection": 500, "session": 300}
"""Of the slow ones: a second each."""


def target_of(name: str) -> Target:
    if name.startswith("pynetdicom"):
        pytest.importorskip("pynetdicom")
    if name == "keyword_paths":
        pytest.importorskip("click")
    return load(name)


@pytest.fixture(params=names())
def target(request: pytest.FixtureRequest) -> Target:
    return target_of(request.param)


def test_it_finds_nothing_in_small_inputs(target: Target) -> None:
    for data in (b"", b"\x07", bytes(5), bytes(5) + b"\x07\0\0\0\0\4\0\0\0\0", b"\xff" * 20):
        running.attempt(target, data)


def test_it_finds_nothing_in_some_mutations(target: Target) -> None:
    count = COUNTS.get(target.name, 1000)
    assert running.run_mutations(target, count=count, seconds=None, seed=1) == count


def test_its_inputs_are_the_same_for_the_same_seed(target: Target) -> None:
    assert list(islice(inputs(target, 5), 50)) == list(islice(inputs(target, 5), 50))


@pytest.mark.parametrize(("name", "path"), running.once_failing(), ids=lambda value: Path(value).name)
def test_what_failed_once_fails_no_more(name: str, path: Path) -> None:
    running.attempt(target_of(name), path.read_bytes())


def test_every_capture_and_vector_is_in_the_corpus() -> None:
    assert len(corpus.conversations()) > 200


def test_every_line_of_the_dictionary_is_an_entry() -> None:
    assert b"\x05\0\0\0\0\4\0\0\0\0" in dictionary()
    assert b"\\" in dictionary() and b"DICM" in dictionary()
    assert len(dictionary()) == len(set(dictionary()))


def failing(data: bytes) -> None:
    assert len(data) < 3


BROKEN = Target("broken", "", failing, lambda: [b"", b"abcdef"], 0, None)


def test_a_failing_input_is_found_and_shown() -> None:
    with pytest.raises(running.Failed, match=r"fails for \d+ bytes: [0-9a-f]+") as caught:
        running.run_mutations(BROKEN, count=100, seconds=None, seed=0)
    assert len(caught.value.data) >= 3


def test_a_failing_input_is_written_and_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fuzz.__main__.load", lambda name: BROKEN)
    assert main(["run", "broken", "--count", "100", "--without-atheris"]) == 1
    assert "failed-broken" in capsys.readouterr().out
    with pytest.raises(running.Failed):
        main(["replay", "failed-broken", "--target", "broken"])


def test_seeds_are_written_for_each_target(tmp_path: Path) -> None:
    assert main(["seeds", str(tmp_path), "pdu", "safe_names"]) == 0
    assert len(list((tmp_path / "pdu").iterdir())) > 200
    assert {path.name for path in tmp_path.iterdir()} == {"pdu", "safe_names"}


def test_a_target_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "nothing"]) == 2
    assert "there is no target 'nothing': acceptor, " in capsys.readouterr().err


def test_the_list_says_what_each_asserts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(names())


def test_what_stands_behind_two_dashes_is_for_libfuzzer(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("fuzz.__main__.find_spec", lambda name: name)
    monkeypatch.setattr("fuzz.__main__.load", lambda name: BROKEN)

    def run(name: str, arguments: list[str]) -> None:
        given.append((name, arguments))
        raise SystemExit(0)

    monkeypatch.setattr("fuzz.__main__.run_atheris", run)
    with pytest.raises(SystemExit):
        main(["run", "pdu", "--count", "9", "--", "-jobs=1", "corpus"])
    assert given == [("pdu", ["-runs=9", "-seed=1", "-jobs=1", "corpus"])]
