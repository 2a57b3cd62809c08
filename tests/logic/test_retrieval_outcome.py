"""What a retrieval came to, in numbers and in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire.retrieval import Progress, Retrieved
from dicomwire.retrieval.outcome import Followed, outcome_of, progress_of

BEFORE = Progress(completed=5, failed=4, warning=3, remaining=2, path=None)


class Folder:
    """As much of one as is looked at."""

    def __init__(self, count: int = 0, error: str | None = None) -> None:
        self.count, self.error = count, error
        self.last = Path("last")
        self.stored = tuple(Path(str(number)) for number in range(count))


class Association:
    """One that knows why it ended."""

    def explain(self) -> str:
        return "the peer went away"


def response(code: int | None = None, **counts: Any) -> Dataset:
    made = Dataset()
    if code is not None:
        made.Status = code
    for name, count in counts.items():
        setattr(made, name if name == "ErrorComment" else f"NumberOf{name}Suboperations", count)
    return made


def test_each_counter_that_a_response_has_replaces_the_one_before() -> None:
    files: Any = Folder()
    all_four = response(0xFF00, Completed=6, Failed=7, Warning=8, Remaining=9)
    expected = Progress(completed=6, failed=7, warning=8, remaining=9, path=Path("last"))
    assert progress_of(all_four, BEFORE, files.last) == expected
    for code, remaining in ((0xFF00, 2), (0x0000, None)):
        kept = Progress(completed=5, failed=4, warning=3, remaining=remaining, path=Path("last"))
        assert progress_of(response(code), BEFORE, files.last) == kept


def outcome(
    status: Dataset,
    files: Folder | None = None,
    *,
    done: Progress | None = None,
    failed: Any = None,
    stopped: bool = False,
    **options: Any,
) -> Retrieved:
    association: Any = Association()
    folder: Any = files or Folder()
    progress = done or Progress(completed=0, failed=0, warning=0, remaining=None, path=None)
    explained = options.pop("explained", None)
    return outcome_of(association, Followed(progress, status, failed, stopped), folder, explained, **options)


def test_all_that_was_sent_has_arrived() -> None:
    done = Progress(completed=2, failed=0, warning=1, remaining=0, path=None)
    files = Folder(3)
    assert outcome(response(0x0000), files, done=done) == Retrieved(
        status=0x0000, completed=2, failed=0, warning=1, remaining=0, paths=files.stored, failed_uids=(), failure=None
    )
    assert outcome(response(0x0000), Folder(4), done=done).failure is None
    lost = "the peer says that it has sent 3, but 2 arrived here"
    assert outcome(response(0x0000), Folder(2), done=done).failure == lost
    asked = f"{lost}: does it know this address for 'DEST'?"
    assert outcome(response(0x0000), Folder(2), done=done, destination="DEST").failure == asked


@pytest.mark.parametrize(
    ("status", "options", "words"),
    [
        (response(), {"explained": "why"}, "the peer went away"),
        (response(0xA702), {}, "0xA702 (Failure: *)"),
        (response(0xA702, ErrorComment="full"), {}, "0xA702 (Failure: *), full"),
        (response(0xA801), {}, "0xA801 (Failure: *)"),
        (
            response(0xA801),
            {"destination": "DEST"},
            "0xA801 (Failure: *): have 'DEST' and its address added to the peer's configuration",
        ),
        (
            response(0xA801, ErrorComment="who?"),
            {"destination": "DEST"},
            "0xA801 (Failure: *), who?: have 'DEST' and its address added to the peer's configuration, as they are",
        ),
        (response(0xFE00), {"stopped": True, "explained": "why"}, "0xFE00 (Cancel: *)"),
        (response(0xFE00), {}, "0xFE00 (Cancel: *): *"),
        (response(0xA702), {"explained": "why"}, "0xA702 (Failure: *); why"),
        (response(0xA702), {"explained": "why", "proposed": "not proposed"}, "0xA702 (Failure: *); why"),
        (response(0x0999), {}, "0x0999 (*)"),
    ],
)
def test_why_it_failed_is_said(status: Dataset, options: Any, words: str) -> None:
    said = str(outcome(status, **options).failure)
    position = 0
    parts = words.split("*")
    for part in parts:
        found = said.find(part, position)
        assert found >= 0, said
        position = found + len(part)
    assert said.startswith(parts[0]) and said.endswith(parts[-1])


def test_what_was_never_proposed_is_named_where_instances_failed() -> None:
    done = Progress(completed=0, failed=1, warning=0, remaining=None, path=None)
    listed = Dataset()
    listed.FailedSOPInstanceUIDList = ["1.2.3", "1.2.4"]
    for options in ({"done": done}, {"failed": listed}):
        given: Any = options
        assert str(outcome(response(0xB000), proposed="not proposed", **given).failure).endswith("; not proposed")
    without = outcome(response(0xB000), Folder(error="no space"), proposed="not proposed")
    assert str(without.failure).endswith("; writing failed: no space")
    assert outcome(response(0xB000), failed=listed).failed_uids == ("1.2.3", "1.2.4")
    listed.FailedSOPInstanceUIDList = "1.2.3"
    assert outcome(response(0xB000), failed=listed).failed_uids == ("1.2.3",)
    assert outcome(response(0xB000), failed=Dataset()).failed_uids == ()


def test_a_list_that_cannot_be_decoded_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def get(self, name: str) -> Any:
            raise ValueError(f"no {name}")

    assert outcome(response(0xB000), failed=Broken()).failed_uids == ()
    (record,) = caplog.records
    text = "the list of failed instances cannot be decoded: no FailedSOPInstanceUIDList"
    assert record.getMessage() == text
