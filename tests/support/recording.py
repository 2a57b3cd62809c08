"""Recording in memory, and the events of a session as they can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from dicomwire.dimse.message_events import DataSetReceived, MessageReceived
from dicomwire.dimse.session import Session
from dicomwire.errors import RemoteProtocolError
from dicomwire.traces import RecordKind, TracedAssociation, TraceRecord
from dicomwire.tracing.recorded_connection import RecordedConnection
from dicomwire.upper_layer.buffer import Buffer
from dicomwire.upper_layer.state import Role


class Recording:
    """A recorder that keeps all it is told, credentials too."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.records: list[TraceRecord] = []

    def next_association(self) -> int:
        return next(self._numbers)

    def keeps(self) -> tuple[bool, bool]:
        return True, True

    def record(
        self, kind: RecordKind, association: int, time: float, buffers: Iterable[Buffer], unread: int = 0
    ) -> None:
        data = b"".join(buffers)
        self.records.append(TraceRecord(kind=kind, association=association, time=time, unread=unread, data=data))

    def record_pieces(
        self, association: int, time: float, pieces: Iterable[tuple[RecordKind, Buffer]], unread: int = 0
    ) -> None:
        raise AssertionError("all is kept")

    def of(self, role: Role) -> list[TracedAssociation]:
        """What was recorded by this side."""
        begun: dict[int, list[TraceRecord]] = {}
        opened = f'"role": "{role.value}"'.encode()
        for record in self.records:
            if record.kind is RecordKind.OPENED and opened in record.data:
                begun[record.association] = []
            if record.association in begun:
                begun[record.association].append(record)
        return [
            TracedAssociation(number=number, role=role, about={}, records=records)
            for number, records in sorted(begun.items())
        ]


class Told:
    """What ``next_event()`` of recorded sessions gives, each event once; watch it with ``monkeypatch``.

    What ``scan()`` gives back to be told later is told here when it is found, in the order in which it came.
    """

    def __init__(self) -> None:
        self.by_connection: dict[Any, list[Any]] = {}
        self.before_the_end: dict[Any, int] = {}
        """Of connections whose trace has ended: how many events had been told then."""

        self._scanning: set[Session] = set()
        self._found: dict[int, Any] = {}
        """What ``scan()`` has found, by ``id()``."""

    def of(self, role: Role) -> list[list[Any]]:
        """The events of each association of this side."""
        return [events for connection, events in self.by_connection.items() if connection.role is role]

    def watch(self, monkeypatch: Any) -> None:
        """From now on."""
        real, real_scan, real_end = Session.next_event, Session.scan, RecordedConnection.record_end

        def next_event(session: Session) -> Any:
            if not isinstance(session.connection, RecordedConnection):
                return real(session)
            try:
                event = real(session)
            except RemoteProtocolError as error:
                self._tell(session, error)
                raise
            self._tell(session, event)
            return event

        def scan(session: Session) -> None:
            self._scanning.add(session)
            try:
                real_scan(session)
            finally:
                self._scanning.discard(session)

        def record_end(connection: RecordedConnection) -> None:
            real_end(connection)
            self.before_the_end.setdefault(connection, len(self.by_connection.get(connection, ())))

        monkeypatch.setattr(Session, "next_event", next_event)
        monkeypatch.setattr(Session, "scan", scan)
        monkeypatch.setattr(RecordedConnection, "record_end", record_end)

    def _tell(self, session: Session, event: Any) -> None:
        is_new = id(event) not in self._found
        if session not in self._scanning:
            self._found.pop(id(event), None)
        elif event is not None:
            self._found[id(event)] = event
        if is_new:
            add(self.by_connection.setdefault(session.connection, []), event)


def add(events: list[Any], event: Any) -> None:
    """Put ``event`` behind the others; pieces of a data set become one."""
    if isinstance(event, DataSetReceived):
        data = b"".join(event.fragments)
        if events and events[-1][0] == "data set":
            events[-1] = ("data set", events[-1][1] + data, event.last)
        else:
            events.append(("data set", data, event.last))
    elif isinstance(event, MessageReceived):
        events.append(("message", event.context_id, event.command))
    elif event is not None:
        events.append((type(event).__name__, str(event) if isinstance(event, Exception) else repr(event)))
