"""Bytes to messages and back: a Connection with contexts, message IDs, cancels and their deadlines (PS3.7)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from sys import maxsize

from dicomwire.dimse.accepted_contexts import AcceptedContext, accepted_contexts
from dicomwire.dimse.command import DATA_SET, NO_DATA_SET, Command
from dicomwire.dimse.message_events import CancelReceived, DataSetReceived, MessageReceived
from dicomwire.dimse.messages import C_CANCEL_RQ, MESSAGES, RESPONSE, SHORT, bounds_of, check, decode_short, is_final
from dicomwire.dimse.response_deadline import ResponseDeadline
from dicomwire.errors import LocalProtocolError, RemoteProtocolError
from dicomwire.upper_layer.connection import Buffer, Connection, Sendable
from dicomwire.upper_layer.connection_events import (
    AssociateAccepted,
    AssociateRequested,
    ConnectionEvent,
    DataReceived,
    Tolerated,
)
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRQ
from dicomwire.upper_layer.progress import Delivery
from dicomwire.upper_layer.reasons import AbortReason
from dicomwire.upper_layer.remembered import derive_from_both
from dicomwire.upper_layer.timers import Timer

_MOST_REMARKS = 64
"""What is tolerated while one request is served and told of afterwards; a peer could go on without end."""


class Session:
    """One association as messages.

    Bytes go in and out as with :class:`Connection`, whose verbs it shares; ``next_event()`` gives the connection's
    events and, in place of ``DataReceived``, ``MessageReceived``, ``DataSetReceived`` and ``CancelReceived``.
    Data sets are handed on as they arrive and never kept.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection: Connection = connection
        self.deadline: ResponseDeadline = ResponseDeadline(connection.timers)
        self.contexts: Mapping[int, AcceptedContext] = {}
        """The accepted presentation contexts, once there is an association."""

        self.outstanding: dict[int, Command] = {}
        """Our requests without a final response, by message ID."""

        self.serving: set[int] = set()
        """Message IDs of the peer's requests that can still be cancelled."""

        self.cancelled: set[int] = set()
        """Those of them that the peer has cancelled."""

        self._interrupting: set[int] = set()
        """Those of them that came while a request of ours was outstanding: the peer answers it later."""

        self._request_contexts: dict[int, int] = {}
        self._request: AssociateRQ | None = None
        self._inbox: deque[ConnectionEvent] = deque()
        self._remarks: list[ConnectionEvent] = []
        """What was tolerated while a request is served: told of behind it, so that it hides no C-CANCEL."""

        self.alert: str | None = None
        """What the peer's TLS said before the stream ended, from a channel that knows."""

        self._error: RemoteProtocolError | None = None
        self._command = bytearray()
        self._command_context: int | None = None
        # The message whose data set is being received, and how much of it has come.
        self._receiving: MessageReceived | None = None
        self._dropping = False
        self._data_bytes = 0
        self._data_limit = 0
        self._sending: int | None = None  # The context of the message whose data set we are sending.

    # -- the verbs of the connection ------------------------------------------------------------------------------
    def receive_data(self, data: Buffer) -> None:
        """See :meth:`Connection.receive_data`."""
        self.connection.receive_data(data)

    def get_buffer(self, sizehint: int = -1) -> memoryview:
        """See :meth:`Connection.get_buffer`."""
        return self.connection.get_buffer(sizehint)

    def buffer_updated(self, count: int) -> None:
        """See :meth:`Connection.buffer_updated`."""
        self.connection.buffer_updated(count)

    def data_to_send(self) -> list[Buffer]:
        """See :meth:`Connection.data_to_send`."""
        return self.connection.data_to_send()

    def next_deadline(self, now: float) -> float | None:
        """See :meth:`Connection.next_deadline`."""
        return self.connection.timers.next_deadline(now)

    def handle_deadline(self, now: float, delivery: Delivery | None = None) -> None:
        """See :meth:`Connection.handle_deadline`."""
        timers = self.connection.timers
        if self.serving and (self._interrupting or not self.outstanding) and timers.is_running(Timer.IDLE):
            # The peer is silent because it waits for us, and not we for it, as for the sub-operation of a retrieval.
            timers.start(Timer.IDLE)
        self.connection.handle_deadline(now, delivery)

    @property
    def is_at_work(self) -> bool:
        """A message has begun to arrive or to be sent, or a request waits for its last response, on either side."""
        is_amid = (self._receiving, self._command_context, self._sending) != (None, None, None)
        is_owed = bool(self.serving or self.outstanding)
        return is_amid or is_owed or self.connection.unseen or self.connection.timers.is_running(Timer.PROGRESS)

    @property
    def wants_data(self) -> bool:
        """False while received bytes or events wait to be taken: do not read more, that is the back-pressure."""
        return not self.connection.unseen

    # -- associations ---------------------------------------------------------------------------------------------
    @property
    def request(self) -> AssociateRQ | None:
        """The association request, until it is answered."""
        return self._request

    def send(self, item: Sendable) -> None:
        """Send an association PDU; see :meth:`Connection.send`."""
        self.connection.send(item)
        if isinstance(item, AssociateRQ):
            self._request = item
        elif isinstance(item, AssociateAC):
            self._agree(item)

    def _agree(self, answer: AssociateAC) -> None:
        """Keep the contexts that are accepted."""
        request = self._request
        assert request is not None
        self.contexts, tolerated = derive_from_both(request, answer, accepted_contexts)
        if tolerated:
            self._inbox.extend(tolerated)
            self.connection.unseen = True
        self._request = None

    # -- sending messages -----------------------------------------------------------------------------------------
    def send_message(self, context_id: int, command: Command, data_set: Buffer | None = None) -> None:
        """Send one message, with its whole data set if it has one.

        Raises:
            LocalProtocolError: not now, not on this context, or the message ID is in use.
            ValueError: a value does not fit its element.
        """
        self.begin_message(context_id, command, data_set_follows=data_set is not None)
        if data_set is not None:
            self.send_data_set(data_set, last=True)

    def begin_message(self, context_id: int, command: Command, *, data_set_follows: bool) -> None:
        """Send a command set; if a data set follows, its pieces go to :meth:`send_data_set`.

        Raises: as :meth:`send_message`.
        """
        if self._sending is not None:
            raise LocalProtocolError("the data set of the message before is not complete")
        if context_id not in self.contexts:
            raise LocalProtocolError(f"presentation context {context_id} was not accepted")
        field = command.command_field
        if field not in MESSAGES:
            raise LocalProtocolError(f"Command Field {field:#06x} is no DIMSE message")
        is_operation = field < C_CANCEL_RQ
        message_id = command.message_id if is_operation else command.message_id_being_responded_to
        if message_id is None:
            raise LocalProtocolError(f"{MESSAGES[field].name} without message ID")
        if is_operation and message_id in self.outstanding:
            raise LocalProtocolError(f"message ID {message_id} is in use")
        data = command.encode(DATA_SET if data_set_follows else NO_DATA_SET)
        self.connection.send_fragment(context_id, data, command=True, last=True)
        if is_operation:
            self.outstanding[message_id] = command
            self._request_contexts[message_id] = context_id
        elif field & RESPONSE and (command.status == 0x0000 or is_final(command, command.status)):
            self.serving.discard(message_id)
            if self._interrupting:
                self._interrupting.discard(message_id)
            if self.cancelled:
                self.cancelled.discard(message_id)
            if self._remarks:
                self._remark()
        if data_set_follows:
            # The response deadline begins when the request is whole.
            self._sending = context_id
        elif self.outstanding:
            self.deadline.begin()

    def send_data_set(self, data: Buffer, *, last: bool) -> None:
        """Send a piece of the data set that follows the command sent last; even in length unless ``last``.

        The piece is not copied: it must not change until what ``data_to_send()`` gives is written.
        """
        if self._sending is None:
            raise LocalProtocolError("no message waits for a data set")
        self.connection.send_fragment(self._sending, data, command=False, last=last)
        if last:
            self._sending = None
            if self.outstanding:
                self.deadline.begin()

    def forget_request(self, message_id: int) -> None:
        """Do not wait for responses to this request any more; late ones are dropped."""
        self.outstanding.pop(message_id, None)
        self._request_contexts.pop(message_id, None)
        self.deadline.response_handled(self.outstanding, self.connection.state)

    # -- receiving messages ---------------------------------------------------------------------------------------
    def next_event(self) -> ConnectionEvent | None:
        """The next thing the peer did, or None: feed me more, or nothing more will come.

        Raises:
            RemoteProtocolError: the peer broke the protocol; nothing else is raised, whatever the bytes.
        """
        if self._remarks:
            self._remark()
        if self._inbox:
            return self._inbox.popleft()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        fragments: list[memoryview] = []
        connection = self.connection
        receiving = self._receiving
        if receiving is not None:
            last = self._more_data(receiving, fragments)
            if last:
                self._receiving = None
            if not self._dropping and (last or (fragments and connection.is_drained)):
                connection.unseen = last
                return DataSetReceived(receiving.context_id, fragments, last)
        elif self._command_context is None and not connection.waiting:
            command = connection.p_data.whole_command(connection.tap)
            if command is not None:
                found = self._whole_command(connection.p_data.command_context, command)
                connection.unseen = self._receiving is not None or bool(self._inbox) or not connection.is_drained
                return found
        next_event = connection.next_event
        while True:
            try:
                event = next_event()
                if type(event) is DataReceived:
                    if event.command:
                        message = self._command_fragment(event)
                        if message is not None:
                            connection.unseen = bool(self._inbox) or not connection.is_quiet
                            return message
                    elif self._data_fragment(event, fragments):
                        self._receiving = None
                        if not self._dropping:
                            return DataSetReceived(event.context_id, fragments, True)
                    continue
            except RemoteProtocolError as error:
                if not fragments:
                    raise
                # What came before the error is handed on first.
                self._error = error
                event = None
            if event is None:
                # What is left over, if anything, is the beginning of something.
                connection.unseen = self._error is not None
            if fragments:
                if event is not None:
                    self._inbox.append(self._association_event(event))
                    connection.unseen = True
                assert self._receiving is not None
                return DataSetReceived(self._receiving.context_id, fragments, False)
            return None if event is None else self._association_event(event)

    def data_set_taken(self) -> None:
        """Nobody looks at the fragments of a data set any more, which has come to its end: more bytes may be received.

        Who takes events until there is none need not say so.
        """
        if self.connection.is_quiet and not (self._inbox or self._error or self._remarks):
            self.connection.unseen = False

    def scan(self) -> None:
        """Look for C-CANCEL in what was received, while nobody takes events; everything else waits its turn."""
        if self._receiving is not None:
            return
        # Set aside, so that they hide no C-CANCEL behind them.
        remarks, self._remarks = self._remarks, []
        while self.wants_scan:
            try:
                event = self.next_event()
            except RemoteProtocolError as error:
                self._error = error
                self.connection.unseen = True
                break
            if event is None:
                break
            if isinstance(event, Tolerated):
                if len(remarks) < _MOST_REMARKS:
                    remarks.append(event)
            elif not isinstance(event, CancelReceived):
                # It may have put remarks about itself into the inbox, which was empty before.
                self._inbox.appendleft(event)
                self.connection.unseen = True
        self._remarks = remarks
        if remarks and not self.wants_scan:
            self._remark()

    def _remark(self) -> None:
        """Tell what was tolerated before all else that waits."""
        self._inbox.extendleft(reversed(self._remarks))
        self._remarks.clear()
        self.connection.unseen = True

    @property
    def wants_scan(self) -> bool:
        return not self._inbox and self._error is None

    def _association_event(self, event: ConnectionEvent) -> ConnectionEvent:
        if isinstance(event, AssociateAccepted):
            self._agree(event.pdu)
        elif isinstance(event, AssociateRequested):
            self._request = event.pdu
        return event

    def _refuse(self, message: str, reason: int = AbortReason.UNEXPECTED_PARAMETER) -> RemoteProtocolError:
        return self.connection.protocol_error(RemoteProtocolError(message, reason=reason))

    def _command_fragment(self, event: DataReceived) -> ConnectionEvent | None:
        """Take one piece of a command set; the message, when it is complete."""
        context_id, command = event.context_id, self._command
        if self._receiving is not None:
            raise self._refuse("command fragment inside an unfinished data set")
        if self._command_context is None:
            self._command_context = context_id
        elif context_id != self._command_context:
            raise self._refuse(f"command fragments on contexts {self._command_context} and {context_id}")
        self._check_command(context_id, len(command) + len(event.fragment))
        command += event.fragment
        if not event.last:
            return None
        data = bytes(command)
        command.clear()
        self._command_context = None
        return self._whole_command(context_id, data)

    def _whole_command(self, context_id: int, data: bytes) -> ConnectionEvent:
        """A command set is complete."""
        length = len(data)
        if context_id not in self.contexts or length > self.connection.limits.command_set:
            self._check_command(context_id, length)
        try:
            command = decode_short(data) if length <= SHORT else check(Command.decode(data))
        except RemoteProtocolError as error:
            raise self.connection.protocol_error(error) from None
        message: ConnectionEvent
        message = received = MessageReceived(context_id=context_id, command=command)
        self._dropping = False
        if command.command_field == C_CANCEL_RQ:
            message = self._cancel(command)
            self._dropping = True
        elif not command.command_field & RESPONSE:
            assert command.message_id is not None
            self.serving.add(command.message_id)
            if self.outstanding:
                self._interrupting.add(command.message_id)
                self.deadline.suspend(command, self.outstanding.values())
        else:
            message = self._response(received)
            self._dropping = message is not received
        if command.command_data_set_type != NO_DATA_SET:
            self._expect_data_set(received)
        return message

    def _check_command(self, context_id: int, length: int) -> None:
        if context_id not in self.contexts:
            raise self._refuse(f"PDV on presentation context {context_id}, which is not accepted")
        limit = self.connection.limits.command_set
        if length > limit:
            raise self._refuse(f"command set longer than {limit} bytes", AbortReason.NO_REASON)

    def _expect_data_set(self, received: MessageReceived) -> None:
        self._receiving = received
        self._data_bytes = 0
        field = received.command.command_field
        self._data_limit = maxsize if MESSAGES[field].is_instance else bounds_of(field, self.connection.limits).longest
        self.connection.p_data.message_open = True

    def _cancel(self, command: Command) -> ConnectionEvent:
        message_id = command.message_id_being_responded_to
        assert message_id is not None
        if message_id not in self.serving:
            return Tolerated(what=f"C-CANCEL for message ID {message_id}, which is not being served: dropped")
        self.cancelled.add(message_id)
        return CancelReceived(message_id=message_id)

    def _response(self, message: MessageReceived) -> ConnectionEvent:
        command = message.command
        message_id = command.message_id_being_responded_to
        assert message_id is not None
        name = MESSAGES[command.command_field].name
        if message_id not in self.outstanding:
            return Tolerated(what=f"{name} for message ID {message_id}, which is not outstanding: dropped")
        request = self.outstanding[message_id]
        if request.command_field | RESPONSE != command.command_field:
            raise self._refuse(f"{name} as the answer to {MESSAGES[request.command_field].name} {message_id}")
        context_id = self._request_contexts[message_id]
        if message.context_id != context_id:
            where = f"presentation context {message.context_id}, its request on {context_id}"
            self._inbox.append(Tolerated(what=f"{name} {message_id} on {where}"))
        status = command.status
        if status == 0x0000 or is_final(request, status):
            del self.outstanding[message_id]
            del self._request_contexts[message_id]
        self.deadline.response_handled(self.outstanding, self.connection.state)
        return message

    def _data_fragment(self, event: DataReceived, fragments: list[memoryview]) -> bool:
        """Take one piece of a data set, and those that have come behind it; True if the data set ends there."""
        receiving = self._receiving
        if receiving is None:
            raise self._refuse("data set fragment where a command is due")
        if event.context_id != receiving.context_id:
            raise self._refuse(
                f"data set on presentation context {event.context_id}, its command on {receiving.context_id}"
            )
        known = len(fragments)
        if len(event.fragment):
            fragments.append(event.fragment)
        return self._more_data(receiving, fragments, known, last=event.last)

    def _more_data(
        self, receiving: MessageReceived, fragments: list[memoryview], known: int = 0, *, last: bool = False
    ) -> bool:
        """Append what has arrived of the data set, unless it was the ``last`` before; True if the data set ends there.

        The first ``known`` fragments are counted already.
        """
        last = last or self.connection.p_data.more(receiving.context_id, fragments, self.connection.tap)
        if self._dropping:
            fragments.clear()
        else:
            more = sum(map(len, fragments[known:]))
            self._data_bytes += more
            # Refused once: behind that there is nothing more.
            if more and self._data_bytes > self._data_limit:
                del fragments[known:]
                name = MESSAGES[receiving.command.command_field].name
                raise self._refuse(f"data set of {name} longer than {self._data_limit} bytes", AbortReason.NO_REASON)
        return last
