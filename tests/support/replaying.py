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
def everything_recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Associations that nobody records are recorded by us; at the end all are replayed and compared."""
    recording, told = Recording(), Told()
    told.watch(monkeypatch)
    real = AssociationBase.__init__

    def init(self: Any, ae: Any, role: Any, table: Any, host: Any, trace: Any = None) -> None:
        real(self, ae, role, table, host, trace or ae.trace or recording)

    monkeypatch.setattr(AssociationBase, "__init__", init)
    yield
    recorded = {item.number: item for role in Role for item in recording.of(role)}
    for connection, events in told.by_connection.items():
        if connection._recorder is recording and connection._number is not None:
            again = replayed(recorded[connection._number], connection)
            # Nobody asks for more when the association is over.
            surplus = again[len(events) :]
            assert again[: len(events)] == events, f"{again}\n instead of\n{events}"
            assert {kind for kind, *_ in surplus} <= {"TimedOut", "ConnectionClosed"}, f"more than {events}: {surplus}"
