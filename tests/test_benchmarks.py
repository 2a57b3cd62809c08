"""Each benchmark runs once, tiny, so that it cannot rot.  Nothing here looks at a time."""

from __future__ import annotations

import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("the benchmarks read /proc", allow_module_level=True)

from benchmarks import __main__ as everything, codec
from benchmarks.cases import all_cases
from benchmarks.chart import as_svg
from benchmarks.counts import ADAPTERS
from benchmarks.machine import this_machine
from benchmarks.model import METRICS, CaseResult, Goal, GoalResult, Plan, Row, RowResult
from benchmarks.processes import Failed, Processes
from benchmarks.report import as_markdown, as_text

REQUIRE_PEERS = os.environ.get("DICOMWIRE_REQUIRE_PEERS") == "1"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    status = everything.main(["--tiny", "--output", str(folder)])
    failures = [
        f"{case['name']}, {row['who']}: {failure}"
        for case in json.loads((folder / "results.json").read_text("utf-8"))["cases"]
        for row in case["rows"]
        for failure in row["failures"]
    ]
    assert failures == []
    assert status == 0
    return folder


def test_every_row_of_every_case_is_measured_or_lacks_its_peer(written: Path) -> None:
    document = json.loads((written / "results.json").read_text("utf-8"))
    expected = {(case.plan.name, row.who) for case in all_cases() for row in case.plan.rows}
    assert {item["adapter"] for item in document["counts"]} == set(ADAPTERS)
    found: dict[tuple[str, str], dict[str, Any]] = {
        (case["name"], row["who"]): row for case in document["cases"] for row in case["rows"]
    }
    assert set(found) == expected
    for name, row in found.items():
        assert row["runs"] == (0 if row["skipped"] else 1), name
        if row["skipped"]:
            assert not REQUIRE_PEERS or "Orthanc" in row["skipped"], row["skipped"]
            assert "is not installed" in row["skipped"]


def test_every_case_measures_what_its_goals_and_the_chart_need(written: Path) -> None:
    document = json.loads((written / "results.json").read_text("utf-8"))
    for case in document["cases"]:
        for row in case["rows"]:
            assert row["skipped"] or case["metric"] in row["summary"], (case["name"], row["who"])
            assert set(row["summary"]) <= set(METRICS)
        skipped = {row["who"] for row in case["rows"] if row["skipped"]}
        for goal in case["goals"]:
            assert goal["value"] is not None or skipped & {goal["who"], goal["over"]}, (case["name"], goal)


def test_the_chart_is_an_svg_with_every_case_that_was_measured_and_the_machine(written: Path) -> None:
    text = (written / "results.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    shown = " ".join("".join(element.itertext()) for element in root.iter())
    cases = json.loads((written / "results.json").read_text("utf-8"))["cases"]
    # A case between peers that are not installed has nothing to draw.
    for case in cases:
        assert (case["title"] in shown) == any(row["runs"] for row in case["rows"]), case["name"]
    assert this_machine().cpu in shown


def test_the_tables_name_every_contender(written: Path) -> None:
    for name in ("results.txt", "results.md"):
        text = (written / name).read_text("utf-8")
        for case in all_cases():
            for row in case.plan.rows:
                assert row.who in text


def test_nothing_is_written_unless_it_is_a_full_run_or_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    monkeypatch.setattr(everything, "RESULTS", results)
    monkeypatch.setattr(everything, "run_cases", lambda *args, **options: [])
    monkeypatch.setattr(everything, "count_all", lambda: [])
    assert everything.main(["--tiny"]) == 0
    assert everything.main(["--cases", "import"]) == 0
    assert not results.exists()
    assert everything.main([]) == 0
    assert {path.name for path in results.iterdir()} == {"results.json", "results.md", "results.txt", "results.svg"}
    assert this_machine().cpu in capsys.readouterr().out


def test_an_unknown_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        everything.main(["--cases", "store-4k,nonsense"])
    assert "no such case: nonsense" in capsys.readouterr().err


def test_the_codec_benchmark_measures_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "codec.json"
    assert codec.main(["--tiny", "--rounds", "1", "--output", str(path)]) == 0
    document = json.loads(path.read_text("utf-8"))
    names = [result["name"] for result in document["results"]]
    assert names == [work.name for work in codec.all_work(tiny=True)]
    out = capsys.readouterr().out
    assert all(name in out for name in names)


# -- ratios and limits ------------------------------------------------------------------------------------------------
def result(*goals: Goal, **rates: float) -> CaseResult:
    rows = [RowResult(Row(who=who), samples=[{"rate": rate, "kib_each": rate}]) for who, rate in rates.items()]
    return CaseResult(Plan(name="made-up", title="Made <up>", rows=tuple(row.row for row in rows), goals=goals), rows)


def verdict(goal: Goal, **rates: float) -> tuple[float | None, str]:
    (found,) = result(goal, **rates).goals()
    assert isinstance(found, GoalResult)
    return found.value, found.verdict


def test_a_ratio_must_not_be_less_than_its_bar() -> None:
    goal = Goal(who="ours", metric="rate", over="theirs", bar=1.5, aim=3)
    assert verdict(goal, ours=30.0, theirs=15.0) == (2.0, "bar 1.5 reached, aim 3 MISSED")
    assert verdict(goal, ours=15.0, theirs=15.0) == (1.0, "bar 1.5 MISSED, aim 3 MISSED")


def test_a_limit_must_not_be_exceeded() -> None:
    goal = Goal(who="ours", metric="kib_each", bar=40, aim=15)
    assert verdict(goal, ours=20.0) == (20.0, "bar 40 reached, aim 15 MISSED")


def test_a_ratio_to_a_missing_peer_is_not_measured() -> None:
    goal = Goal(who="ours", metric="rate", over="theirs", bar=1.5)
    assert verdict(goal, ours=30.0) == (None, "bar 1.5 not measured")


def test_tables_and_chart_survive_what_failed_and_what_needs_escaping() -> None:
    made = result(Goal(who="ours", metric="rate", over="a|b", bar=1), ours=2.0)
    made.rows.append(RowResult(Row(who="a|b"), failures=["it <broke>"]))
    machine = this_machine()
    ElementTree.fromstring(as_svg(machine, [made]))
    assert "1 failed: it <broke>" in as_text(machine, [made])
    assert "a\\|b" in as_markdown(machine, [made])


# -- processes --------------------------------------------------------------------------------------------------------
def test_every_process_is_ended_when_the_run_is_interrupted(tmp_path: Path) -> None:
    started = []

    def interrupted() -> None:
        with Processes(tmp_path) as processes:
            started.append(processes.start(["sleep", "100"])[0])
            started.append(processes.start([sys.executable, "-c", "input()"], piped=True)[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert all(popen.returncode is not None for popen in started)


def test_a_worker_that_breaks_says_why(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, processes.worker("raw") as worker:
        worker.tell('{"do": "nothing"}')
        with pytest.raises(Failed, match="KeyError"):
            worker.hear(10.0)


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, pytest.raises(Failed, match=r"ended with status 3 \| why"):
        processes.run([sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"])
