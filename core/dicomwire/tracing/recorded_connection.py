"""A Connection that tells a recorder of all that goes in and out: the one place where that is seen."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps
from typing import Any

from dicomwire.tracing.redaction import Redaction, Treatment
from dicomwire.tracing.trace_records import Recorder, RecordKind
from dicomwire.upper_layer.buffer import Buffer
from dicomwire.upper_layer.connection import Connection
from dicomwire.upper_layer.connection_events import TimedOut
from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.upper_layer.progress import Delivery
from dicomwire.upper_layer.state import Role

UNREAD = "unread"
"""Behind the name of a timer: what we sent was stuck."""

_KINDS = {
    RecordKind.SENT: {
        Treatment.LEFT_OUT: RecordKind.SENT_LEFT_OUT,
        Treatment.ONLY_HEADS: RecordKind.SENT_HEADS,
    },
    RecordKind.RECEIVED: {
        Treatment.LEFT_OUT: RecordKind.RECEIVED_LEFT_OUT,
        Treatment.ONLY_HEADS: RecordKind.RECEIVED_HEADS,
    },
}


class RecordedConnection(Connection):
    """A :class:`Connection` whose bytes and expired timers go to ``recorder``, at the times of ``clock``.

    ``clock`` gives seconds since 1970.  ``about`` is called for the first record: what to say of the ends of the
    connection, in values that JSON has.
    """

    def __init__(
        self,
        role: Role,
        *,
        recorder: Recorder,
        clock: Callable[[], float],
        about: Callable[[], dict[str, Any]] = dict,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        connected: bool = True,
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._about = about
        self._number: int | None = None
        self._is_over = False
        credentials, data_sets = recorder.keeps()
        self._redactions = {
            kind: Redaction(credentials=credentials, data_sets=data_sets)
            for kind in (RecordKind.RECEIVED, RecordKind.SENT)
        }
        self._room = memoryview(b"")
        super().__init__(role, limits=limits, timeouts=timeouts, connected=connected)

    def receive_data(self, data: Buffer) -> None:
        """Record it, and go on."""
        if len(data):
            self._record(RecordKind.RECEIVED, [data])
        else:
            self._record_bare(RecordKind.RECEIVED_END)
        super().receive_data(data)

    def get_buffer(self, sizehint: int = -1) -> memoryview:
        """Keep where the next bytes will be, and go on."""
        self._room = super().get_buffer(sizehint)
        return self._room

    def buffer_updated(self, count: int) -> None:
        """Record what has come, and go on."""
        if count:
            self._record(RecordKind.RECEIVED, [self._room[:count]])
        else:
            self._record_bare(RecordKind.RECEIVED_END)
        super().buffer_updated(count)

    def data_to_send(self) -> list[Buffer]:
        """Record what goes out, and go on."""
        out = super().data_to_send()
        if out:
            self._record(RecordKind.SENT, out)
        return out

    def handle_deadline(self, now: float, delivery: Delivery | None = None) -> None:
        """Go on, and record which timers have expired."""
        before = len(self.waiting)
        unread = self.unread
        super().handle_deadline(now, delivery)
        for event in list(self.waiting)[before:]:
            if isinstance(event, TimedOut):
                said = f"{event.timer.value} {UNREAD}" if event.unread else event.timer.value
                self._record_bare(RecordKind.DEADLINE, said.encode("ascii"), unread)

    def record_end(self) -> None:
        """The connection is closed, or will be: nothing more is recorded."""
        if self._number is not None and not self._is_over:
            self._record_bare(RecordKind.CLOSED)
        self._is_over = True

    def _association(self) -> int:
        if self._number is None:
            self._number = self._recorder.next_association()
            about = {"role": self.role.value, **self._about()}
            self._record_bare(RecordKind.OPENED, dumps(about, default=str).encode("ascii"))
        return self._number

    def _record_bare(self, kind: RecordKind, data: bytes = b"", unread: int | None = None) -> None:
        if not self._is_over:
            number = self._number if kind is RecordKind.OPENED else self._association()
            assert number is not None
            self._recorder.record(kind, number, self._clock(), (data,), self.unread if unread is None else unread)

    def _record(self, kind: RecordKind, buffers: list[Buffer]) -> None:
        if self._is_over:
            return
        redaction = self._redactions[kind]
        number = self._association()
        if redaction.is_over:
            self._recorder.record(kind, number, self._clock(), buffers, self.unread)
        else:
            self._recorder.record_pieces(number, self._clock(), _pieces(kind, redaction, buffers), self.unread)


def _pieces(kind: RecordKind, redaction: Redaction, buffers: list[Buffer]) -> list[tuple[RecordKind, Buffer]]:
    kinds = _KINDS[kind]
    return [(kinds.get(treatment, kind), run) for treatment, run in redaction.treat_all(buffers)]
