"""storescu tries again: lost associations, peers that are down or lack resources."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps.storescu.sending import Retries
from dicomwire.blocking import AE, Association
from dicomwire.presentation import build_context
from tests.apps.helpers import HOST, SECONDS, VERIFICATION, dicom_file, peer

SOON = ["--retry-pause", "0.01"]


def storescu(port: str, folder: Path, *options: str) -> int:
    return main(["storescu", HOST, port, str(folder), *SOON, *options])


def made(folder: Path, count: int) -> list[str]:
    """The instances of so many new files, in the order in which they are sent."""
    for number in range(count):
        dicom_file(folder / str(number), instance=f"1.{number}")
    return [f"1.{number}" for number in range(count)]


class Store:
    """Stores everything, but for what ``refusing`` says: what becomes of the n-th attempt with an instance."""

    def __init__(self, refusing: dict[tuple[str, int], int | None]) -> None:
        self.refusing = refusing
        self.asked: Counter[str] = Counter()
        self.stored: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, event: evt.Event) -> int:
        name = str(event.request.AffectedSOPInstanceUID)
        with self._lock:
            self.asked[name] += 1
            status = self.refusing.get((name, self.asked[name]), 0)
        if status is None:
            cast(Association, event.assoc).abort()
            return 0
        if status == 0:
            self.stored.append(name)
        return status


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_what_was_not_acknowledged_is_sent_again(jobs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = made(tmp_path, 9)
    store = Store({("1.2", 1): None, ("1.5", 1): None, ("1.5", 2): None})
    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, "--retries", "3", "--jobs", jobs) == 0
    assert sorted(store.stored) == expected
    captured = capsys.readouterr()
    assert captured.out.startswith("9 stored, 0 stored with a warning, 0 failed, 0 skipped;")
    assert "2 not stored: no answer" not in captured.out and "E: The association was lost" in captured.err


def test_a_file_that_loses_every_association_fails_and_the_others_are_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, 4)
    store = Store({("1.1", number): None for number in range(1, 9)})
    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, "--retries", "2") == 1
    assert store.asked["1.1"] == 3
    assert sorted(store.stored) == ["1.0", "1.2", "1.3"]
    assert f"E: {tmp_path / '1'} not stored: no answer" in capsys.readouterr().err


def test_a_refused_instance_is_not_sent_again(tmp_path: Path) -> None:
    made(tmp_path, 3)
    store = Store({("1.1", 1): 0xC000})
    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, "-q", "--retries", "5") == 1
    assert store.asked == {"1.0": 1, "1.1": 1, "1.2": 1}


def test_a_peer_out_of_resources_is_asked_later_and_behind_the_others(tmp_path: Path) -> None:
    made(tmp_path, 3)
    store = Store({("1.0", 1): 0xA700, ("1.0", 2): 0xA701})
    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, "-q", "--retries", "2") == 0
        assert server.outcomes == ["EVT_RELEASED"] * 3
    assert store.stored == ["1.1", "1.2", "1.0"]


def test_a_peer_without_resources_is_given_up_after_so_many_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = made(tmp_path, 9)
    store = Store({(name, number): 0xA700 for name in names for number in range(1, 9)})
    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, "--retries", "2") == 1
    assert store.asked.total() == 3
    assert "E: 9 files not sent" in capsys.readouterr().err


def test_without_retries_a_refusal_for_want_of_resources_is_one(tmp_path: Path) -> None:
    made(tmp_path, 2)
    store = Store({("1.0", 1): 0xA700})
    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, "-q") == 1
        assert server.outcomes == ["EVT_RELEASED"]
    assert store.stored == ["1.1"]


def test_a_peer_that_is_down_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path, 1)
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = str(taken.getsockname()[1])
        assert storescu(port, tmp_path, "--retries", "2") == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line[:17] for line in lines] == ["E: No association", "E: Trying again i"] * 2 + ["E: No association"]


def test_a_peer_that_refuses_for_good_is_not_asked_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path, 1)
    with peer(require_called_aet=True) as server:
        assert storescu(server.port, tmp_path, "--retries", "9") == 1
    with peer(contexts=[build_context(VERIFICATION)]) as other:
        assert storescu(other.port, tmp_path, "--retries", "9") == 1
    assert len(other.requestors) == 1
    err = capsys.readouterr().err
    assert err.count("No association") == 2 and "Trying again" not in err


def test_a_peer_that_has_no_room_is_asked_again(tmp_path: Path) -> None:
    made(tmp_path, 2)
    release = threading.Event()

    def rejected(event: evt.Event) -> None:
        release.set()

    handlers: list[evt.EventHandler] = [(evt.EVT_C_STORE, Store({})), (evt.EVT_REJECTED, rejected)]
    with peer(handlers=handlers, maximum_associations=1) as server:
        done = threading.Thread(target=lambda: codes.append(storescu(server.port, tmp_path, "-q", "--retries", "9")))
        codes: list[int] = []
        holding = AE().associate(HOST, int(server.port), [build_context(VERIFICATION)])
        done.start()
        assert release.wait(SECONDS)
        holding.release()
        done.join(SECONDS)
    assert codes == [0]


def test_pauses_grow_up_to_a_minute() -> None:
    retries = Retries(most=9, pause=1.5)
    assert [retries.seconds(vain) for vain in (0, 1, 2, 5, 6, 5000)] == [1.5, 3, 6, 48, 60, 60]


def test_who_waits_for_the_peer_does_not_hold_up_the_end(tmp_path: Path) -> None:
    made(tmp_path, 4)
    waiting = threading.Event()

    def store(event: evt.Event) -> int:
        if str(event.request.AffectedSOPInstanceUID) == "1.0" and not waiting.is_set():
            waiting.set()
            cast(Association, event.assoc).abort()
        # The other one sends all files meanwhile, also the one that was put back.
        assert waiting.wait(SECONDS)
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, store)]) as server:
        assert storescu(server.port, tmp_path, "-q", "--jobs", "2", "--retries", "1", "--retry-pause", "60") == 0
