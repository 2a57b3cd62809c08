"""A Session and a Connection that tell a Watch what they do: made where somebody observes, and nowhere else."""

from __future__ import annotations

from dicomwire.dimse.command import Command
from dicomwire.dimse.message_events import DataSetReceived, MessageReceived
from dicomwire.dimse.messages import C_CANCEL_RQ, MESSAGES, RESPONSE
from dicomwire.dimse.session import Session
from dicomwire.errors import RemoteProtocolError
from dicomwire.observing.observations import ObservedOperation, Trouble
from dicomwire.observing.watching import Watch
from dicomwire.tracing.recorded_connection import RecordedConnection
from dicomwire.upper_layer.buffer import Buffer
from dicomwire.upper_layer.connection import Connection, Sendable
from dicomwire.upper_layer.connection_events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    ConnectionClosed,
    ConnectionEvent,
    RequestRefused,
    TimedOut,
)
from dicomwire.upper_layer.pdus import Abort, AssociateAC, AssociateRQ

_TROUBLES: dict[type[ConnectionEvent], Trouble] = {
    Aborted: "aborted_by_peer",
    AssociateRejected: "rejected",
    ConnectionClosed: "connection_closed",
    RequestRefused: "protocol_error",
    TimedOut: "timeout",
}


class ObservedConnection(Connection):
    """A :class:`Connection` whose bytes are counted."""

    watch: Watch
    """Set by the :class:`ObservedSession` above it."""

    def receive_data(self, data: Buffer) -> None:
        """Count, and go on."""
        self.watch.received(len(data))
        super().receive_data(data)

    def buffer_updated(self, count: int) -> None:
        """Count, and go on."""
        self.watch.received(count)
        super().buffer_updated(count)

    def data_to_send(self) -> list[Buffer]:
        """Count, and go on."""
        out = super().data_to_send()
        if out:
            self.watch.sent(sum(map(len, out)))
        return out


class ObservedAndRecordedConnection(ObservedConnection, RecordedConnection):
    """The same where there is a trace, too."""


class ObservedSession(Session):
    """A :class:`Session` that tells ``watch`` what goes in and out."""

    def __init__(self, connection: ObservedConnection, watch: Watch) -> None:
        self.watch: Watch = watch
        connection.watch = watch
        self._looks_ahead = False
        # Whose data set comes or is sent, and whether it is that of a last response.
        self._arriving: ObservedOperation | None = None
        self._arriving_is_last = False
        self._leaving: ObservedOperation | None = None
        self._leaving_is_last = False
        super().__init__(connection)

    # -- what we send ---------------------------------------------------------------------------------------------
    def send(self, item: Sendable) -> None:
        """Send, and tell of it."""
        super().send(item)
        if isinstance(item, AssociateRQ):
            self.watch.requested(item)
        elif isinstance(item, AssociateAC):
            self.watch.established()
        elif isinstance(item, Abort):
            self.watch.went_wrong("aborted_by_us")

    def begin_message(self, context_id: int, command: Command, *, data_set_follows: bool) -> None:
        """Send the command set, and tell of it."""
        being_served = command.message_id_being_responded_to in self.serving
        super().begin_message(context_id, command, data_set_follows=data_set_follows)
        field, watch = command.command_field, self.watch
        self._leaving = None
        if field & RESPONSE:
            message_id = command.message_id_being_responded_to
            assert message_id is not None
            operation = watch.response(message_id, command.status, is_invoked=False)
            if operation is None:
                return
            is_last = being_served and message_id not in self.serving
            if data_set_follows:
                self._leaving, self._leaving_is_last = operation, is_last
            elif is_last:
                watch.complete(operation)
        elif field != C_CANCEL_RQ:
            assert command.message_id is not None
            operation = self._begun(context_id, command, is_invoked=True)
            if data_set_follows:
                self._leaving = operation
            else:
                watch.request_complete(operation)

    def send_data_set(self, data: Buffer, *, last: bool) -> None:
        """Send the piece, and count it."""
        super().send_data_set(data, last=last)
        operation = self._leaving
        if operation is None:
            return
        operation.data_set_bytes_sent += len(data)
        if last:
            self._leaving = None
            if operation.is_invoked:
                self.watch.request_complete(operation)
            elif self._leaving_is_last:
                self.watch.complete(operation)

    def forget_request(self, message_id: int) -> None:
        """Forget it, and tell of its end."""
        super().forget_request(message_id)
        self.watch.forgotten(message_id)

    # -- what comes -----------------------------------------------------------------------------------------------
    def scan(self) -> None:
        """What is seen here is given back, and seen again."""
        self._looks_ahead = True
        try:
            super().scan()
        finally:
            self._looks_ahead = False

    def next_event(self) -> ConnectionEvent | None:
        """The next event, which the watch is told of."""
        try:
            event = super().next_event()
        except RemoteProtocolError:
            if not self._looks_ahead:
                self.watch.went_wrong("protocol_error")
            raise
        if event is not None and not self._looks_ahead:
            self._seen(event)
        return event

    def _seen(self, event: ConnectionEvent) -> None:
        if isinstance(event, MessageReceived):
            self._message(event)
        elif isinstance(event, DataSetReceived):
            self._data_set(event)
        elif isinstance(event, AssociateRequested):
            self.watch.requested(event.pdu)
        elif isinstance(event, AssociateAccepted):
            self.watch.established()
        elif trouble := _TROUBLES.get(type(event)):
            if isinstance(event, RequestRefused):
                self.watch.requested(event.request)
            self.watch.went_wrong(trouble)

    def _message(self, event: MessageReceived) -> None:
        command, watch = event.command, self.watch
        self._arriving = None
        if command.command_field & RESPONSE:
            message_id = command.message_id_being_responded_to
            assert message_id is not None
            operation = watch.response(message_id, command.status, is_invoked=True)
            if operation is None:
                return
            is_last = message_id not in self.outstanding
            if event.has_data_set:
                self._arriving, self._arriving_is_last = operation, is_last
            elif is_last:
                watch.complete(operation)
        else:
            operation = self._begun(event.context_id, command, is_invoked=False)
            if event.has_data_set:
                self._arriving = operation
            else:
                watch.request_complete(operation)

    def _data_set(self, event: DataSetReceived) -> None:
        operation = self._arriving
        if operation is None:
            return
        operation.data_set_bytes_received += sum(map(len, event.fragments))
        if event.last:
            self._arriving = None
            if not operation.is_invoked:
                self.watch.request_complete(operation)
            elif self._arriving_is_last:
                self.watch.complete(operation)

    def _begun(self, context_id: int, command: Command, *, is_invoked: bool) -> ObservedOperation:
        message_id = command.message_id
        assert message_id is not None
        name = MESSAGES[command.command_field].name.removesuffix("-RQ")
        abstract_syntax = self.contexts[context_id].abstract_syntax
        return self.watch.operation(name, message_id, abstract_syntax, is_invoked=is_invoked)
