"""Every association of a test is recorded, and replays to the events it had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dicomwire.associations.association_base import AssociationBase
from dicomwire.dimse.session import Session
from dicomwire.traces import TracedAssociation, new_connection, replay
from dicomwire.tracing.recorded_connection import RecordedConnection
from dicomwire.upper_layer.state import Role
from tests.support.recording import Recording, Told, add

IS_WANTED = bool(os.environ.get("DICOMWIRE_REPLAY"))
"""All tests of the AE, with all their associations: longer by half, so not in each run."""


def replayed(association: TracedAssociation, like: RecordedConnection | None = None) -> list[Any]:
    """The events of a recorded association, as :func:`add` has them; limits are those of ``like``."""
    events: list[Any] = []
    connection = new_connection(association, None if like is None else like.limits)
    for item in replay(association, Session(connection)):
        add(events, item.event)
    return events


@contextmanager
def everything_recorded() -> Iterator[None]:
    """Associations that nobody records are recorded by us; at the end all are replayed and compared."""
    recording, told = Recording(), Told()
    real = AssociationBase.__init__

    def init(self: Any, ae: Any, role: Any, table: Any, host: Any, trace: Any = None) -> None:
        real(self, ae, role, table, host, trace or ae.trace or recording)

    # Of our own: a test may undo what it has patched before its associations have ended.
    with pytest.MonkeyPatch.context() as monkeypatch:
        told.watch(monkeypatch)
        monkeypatch.setattr(AssociationBase, "__init__", init)
        yield
        recorded = {item.number: item for role in Role for item in recording.of(role)}
        for connection, events in told.by_connection.items():
            if connection._recorder is recording and connection._number is not None:
                again = replayed(recorded[connection._number], connection)
                compare(events, told.before_the_end.get(connection, len(events)), again)


def compare(events: list[Any], before_the_end: int, again: list[Any]) -> None:
    """``events`` were told, the first of them before the trace has ended; ``again`` is what its replay tells.

    These are the same, but for two things that are not in a trace: whether somebody has asked for the last event, and
    what was taken behind the end of the trace, where a handler has killed the association.
    """
    of_both = max(before_the_end, min(len(events), len(again)))
    assert again[:of_both] == events[:of_both], f"{again}\n instead of\n{events}"
    # The end itself: who was waiting for nothing else has not asked.
    surplus = [kind for kind, *_ in again[of_both:]]
    assert surplus in ([], ["TimedOut"], ["ConnectionClosed"]), f"more than {events}: {again[of_both:]}"
