"""Each benchmark runs once, tiny, so that it cannot rot.  Nothing here looks at a time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Set
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("the benchmarks read /proc", allow_module_level=True)

from benchmarks import __main__ as everything, codec
from benchmarks.cases import all_cases
from benchmarks.chart import as_svg
from benchmarks.cores import Layout, choose
from benchmarks.counts import ADAPTERS
from benchmarks.data import Files
from benchmarks.machine import this_machine
from benchmarks.measure import cpu_seconds, peak_memory
from benchmarks.model import METRICS, CaseResult, Goal, GoalResult, Plan, Row, RowResult
from benchmarks.processes import Failed, Processes
from benchmarks.report import as_markdown, as_text
from benchmarks.run import take_turn
from benchmarks.stacks import WORKERS, Bench
from benchmarks.tasks import Task
from benchmarks.workers.handlers import handlers, query
from benchmarks.workers.roles import MatchCounter
from dicomwire import evt

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
        names = {row["who"] for row in case["rows"]}
        for goal in case["goals"]:
            assert goal["who"] in names and (not goal["of"] or names & {*goal["of"]}), (case["name"], goal)
            assert goal["value"] is not None or goal["who"] in skipped or names & {*goal["of"]} <= skipped, goal


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
    rows = [RowResult(Row(who=who), turns={0: {"rate": rate, "kib_each": rate}}) for who, rate in rates.items()]
    return CaseResult(Plan(name="made-up", title="Made <up>", rows=tuple(row.row for row in rows), goals=goals), rows)


def verdict(goal: Goal, **rates: float) -> tuple[float | None, str]:
    (found,) = result(goal, **rates).goals()
    assert isinstance(found, GoalResult)
    return found.value, found.verdict


def test_a_ratio_must_not_be_less_than_its_bar() -> None:
    goal = Goal(who="ours", metric="rate", over=("theirs",), bar=1.5, aim=3)
    assert verdict(goal, ours=30.0, theirs=15.0) == (2.0, "bar 1.5 reached, aim 3 MISSED")
    assert verdict(goal, ours=15.0, theirs=15.0) == (1.0, "bar 1.5 MISSED, aim 3 MISSED")


def test_a_ratio_is_the_median_of_those_of_each_round_that_measured_both() -> None:
    goal = Goal(who="ours", metric="rate", over=("theirs",))
    made = result(goal, ours=0.0, theirs=0.0)
    # A slow minute for both, and one round that the other row failed in.
    made.rows[0].turns = {turn: {"rate": rate} for turn, rate in enumerate((20.0, 200.0, 210.0, 1000.0))}
    made.rows[1].turns = {turn: {"rate": rate} for turn, rate in enumerate((10.0, 100.0, 300.0))}
    (found,) = made.goals()
    assert (found.value, found.least, found.most) == (2.0, 0.7, 2.0)


def test_a_ratio_is_to_the_best_of_the_rows_that_were_measured() -> None:
    goal = Goal(who="ours", metric="rate", over=("shipped", "freed", "absent"), bar=1)
    (found,) = result(goal, ours=30.0, shipped=1.0, freed=40.0).goals()
    assert (found.label, found.value, found.verdict) == ("ours / freed", 0.75, "bar 1 MISSED")


def test_everything_with_a_bar_stands_in_one_table_with_the_processor_time_of_both_rows() -> None:
    made = result(Goal(who="ours", metric="rate", over=("theirs",), bar=1, aim=3), ours=30.0, theirs=15.0)
    for row, client in zip(made.rows, (7.0, 11.0), strict=True):
        row.turns = {0: {**row.turns[0], "client_cpu_us": client, "server_cpu_us": 2.0}}
    for text in (as_text(this_machine(), [made]), as_markdown(this_machine(), [made])):
        (line,) = [line for line in text.splitlines() if "Made <up>" in line and "ours / theirs" in line]
        assert " ".join(line.replace("\\|", "").replace("|", "").split()) == (
            "Made <up> ours / theirs 2 1 reached 3 MISSED 7 / 2 11 / 2"
        )


def test_a_limit_must_not_be_exceeded() -> None:
    goal = Goal(who="ours", metric="kib_each", bar=40, aim=15)
    assert verdict(goal, ours=20.0) == (20.0, "bar 40 reached, aim 15 MISSED")


def test_a_ratio_to_a_missing_peer_is_not_measured() -> None:
    goal = Goal(who="ours", metric="rate", over=("theirs",), bar=1.5)
    assert verdict(goal, ours=30.0) == (None, "bar 1.5 not measured")


def test_tables_and_chart_survive_what_failed_and_what_needs_escaping() -> None:
    made = result(Goal(who="ours", metric="rate", over=("a|b",), bar=1), ours=2.0)
    made.rows.append(RowResult(Row(who="a|b"), failures=["it <broke>"]))
    machine = this_machine()
    ElementTree.fromstring(as_svg(machine, [made]))
    assert "1 failed: it <broke>" in as_text(machine, [made])
    assert "a\\|b" in as_markdown(machine, [made])


def test_results_name_the_commit_and_whether_files_differ_from_it() -> None:
    machine = this_machine()
    assert re.fullmatch(r"[0-9a-f]{7,}\+?|unknown", machine.commit)
    assert f"commit {machine.commit};" in machine.line


def test_the_results_that_are_kept_name_their_commit_or_say_that_they_are_older_than_the_code() -> None:
    document = json.loads((everything.RESULTS / "results.json").read_text("utf-8"))
    if "commit" in document["machine"]:
        said = f"commit {document['machine']['commit']};"
    else:
        said = document["outdated"]
        assert said.startswith("Older than the code")
    for name in ("results.txt", "results.md", "results.svg"):
        assert said in (everything.RESULTS / name).read_text("utf-8"), name


# -- fair play --------------------------------------------------------------------------------------------------------
def test_a_query_has_different_matches_and_each_must_be_opened() -> None:
    task = Task(do="serve", matches=3)
    (find,) = [handler for event, handler in handlers(evt, task) if event is evt.EVT_C_FIND]
    found = [match for _, match in find(SimpleNamespace(identifier=query(3)))]
    assert len({id(match) for match in found}) == len({match.StudyInstanceUID for match in found}) == 3
    matches = MatchCounter(3)
    for match in found[:2]:
        matches.see(0xFF00, match)
    with pytest.raises(RuntimeError, match="2 matches, not 3"):
        matches.check()


def test_what_arrives_is_removed_between_turns_also_after_a_failure(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        bench = Bench(processes, Files(tmp_path), choose("two"))

        class Filling:
            plan = Plan(name="made-up", title="Made up", rows=())

            def measure(self, row: Row, bench: Bench) -> dict[str, float]:
                (bench.files.received / "large.dcm").write_bytes(b"something")
                raise Failed("no")

        row = RowResult(Row(who="ours"))
        take_turn(Filling(), row, 0, bench)
        assert row.failures == ["no"]
        assert not (tmp_path / "received").exists()


@pytest.mark.parametrize(
    ("available", "layout", "server", "client"),
    [
        ({0, 1, 2}, "two", {1}, {2}),
        ({0, 1, 2}, "one", {2}, {2}),
        ({5}, "two", {5}, {5}),
    ],
)
def test_server_and_client_have_a_core_each_or_share_one(
    monkeypatch: pytest.MonkeyPatch, available: set[int], layout: Layout, server: Set[int], client: Set[int]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: available)
    cores = choose(layout)
    assert cores.of("server") == server and cores.of("client") == client


@pytest.mark.parametrize("stack", ["pynetdicom", "pynetdicom-shipped"])
def test_pynetdicom_runs_as_shipped_and_freed_of_nagle(stack: str) -> None:
    pytest.importorskip("pynetdicom")
    script = (
        "import socket, sys; from benchmarks.workers.blocking import OPTIONS\n"
        "for option in sys.argv[1:]: OPTIONS[option]()\n"
        "listener = socket.create_server(('127.0.0.1', 0)); sock = socket.create_connection(listener.getsockname())\n"
        "ends = (sock, listener.accept()[0])\n"
        "print(*(end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for end in ends))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, *WORKERS[stack][2:]], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == (["0", "0"] if stack.endswith("shipped") else ["1", "1"])


def test_a_profile_names_the_functions_of_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    assert everything.main(["profile", "echo", "--count", "20", "--top", "5000"]) == 0
    client, server = capsys.readouterr().out.split("echo, blocking, server")
    assert "send_c_echo" in client and "serve_echo" not in client
    assert "serve_echo" in server
    for side in (client, server):
        assert re.search(r"waits +\d+\.\d\d  <method 'recv_into'", side)


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


def test_the_memory_of_a_short_program_is_its_own_and_not_that_of_who_started_it(tmp_path: Path) -> None:
    ours = peak_memory()
    filling = "import sys; sys.stdout.write('x' * (64 << 20))"
    with Processes(tmp_path) as processes:
        small = processes.run([sys.executable, "-I", "-S", "-c", "pass"])
        large = processes.run([sys.executable, "-I", "-S", "-c", filling])
    assert small.peak < min(ours, 32 << 10)
    assert large.peak > 64 << 10


def test_processor_time_has_that_of_children_that_nobody_waited_for() -> None:
    script = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    while time.process_time() < 0.2: pass\n"
        "    os._exit(0)\n"
        # Until it has ended, and without taking its status.
        "os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)\n"
        "print(flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as popen:
        assert popen.stdout is not None
        popen.stdout.readline()
        assert cpu_seconds(popen.pid) >= 0.2
        popen.communicate(b"\n")


def test_a_program_runs_on_the_cores_it_is_given(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    with Processes(tmp_path) as processes, pytest.raises(Failed, match=rf"status 1 \| \{{{core}\}}"):
        processes.run([sys.executable, "-c", "import os, sys; sys.exit(str(os.sched_getaffinity(0)))"], None, {core})
    assert os.sched_getaffinity(0) >= {core}


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, pytest.raises(Failed, match=r"ended with status 3 \| why"):
        processes.run([sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"])
