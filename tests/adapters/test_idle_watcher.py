"""The watcher of idle associations: woken once for many that come one after the other."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from dicomwire.blocking.idle_watcher import Watcher, watcher


class Idle:
    """An association that nobody uses, as the watcher sees it."""

    is_armed = is_busy = False
    is_watched = True
    calls = 0

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def watched_socket(self) -> socket.socket:
        return self._sock

    def watch_deadline(self, now: float) -> float | None:
        return None

    def attend(self) -> None:
        """Nothing comes."""

    def late_at(self, now: float) -> float | None:
        return None

    def attend_late(self) -> None:
        """Nothing is."""

    def take_timeouts(self) -> bool:
        return True


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def test_an_association_that_comes_soon_after_another_wakes_nobody(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, woken, wake = Idle(pair[0]), Idle(pair[1]), list[bool](), Watcher._wake

    def counted(self: Watcher) -> None:
        woken.append(self._sleeping)
        wake(self)

    monkeypatch.setattr(Watcher, "_wake", counted)
    watcher().add(one)
    until = time.monotonic() + 5
    while not one.is_armed and time.monotonic() < until:
        time.sleep(0.01)
    assert one.is_armed, "it sleeps, and was not woken"
    watcher().remove(one)
    watcher().add(other)
    watcher().remove(other)
    assert woken[-1] is False
