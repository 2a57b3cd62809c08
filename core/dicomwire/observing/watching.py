"""Keeps account of one association and its operations, and tells the observers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from dicomwire._logging import logger
from dicomwire.observing.observations import ObservedAssociation, ObservedOperation, Observer, Outcome, Trouble
from dicomwire.upper_layer.pdus import AssociateRQ
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.titles_and_uids import received_text

LOGGER = logger(__name__)

_TOLD_AFTER = 1 << 20
"""Bytes that are told of while an operation goes on."""


class Watch:
    """One association, watched for ``observers``.

    ``timestamp`` gives the time of day, ``seconds`` those of a clock that is never set; ``peer`` who is at the other
    end, once that is known.
    """

    def __init__(
        self,
        observers: Sequence[Observer],
        role: Role,
        *,
        name: str,
        timestamp: Callable[[], datetime],
        seconds: Callable[[], float],
        peer: Callable[[], tuple[str, int] | None] = lambda: None,
    ) -> None:
        self._observers = tuple(observers)
        self._timestamp = timestamp
        self._seconds = seconds
        self._peer = peer
        self.association: ObservedAssociation = ObservedAssociation(
            name=name, role=role, begun=timestamp(), begun_at=seconds()
        )
        self._has_begun = False
        self._invoked: dict[int, ObservedOperation] = {}
        self._performed: dict[int, ObservedOperation] = {}
        self._received = 0
        self._sent = 0
        self._trouble: Trouble | None = None

    # -- the association ------------------------------------------------------------------------------------------
    def requested(self, request: AssociateRQ) -> None:
        """The request was sent, or has come."""
        association = self.association
        association.calling = received_text(request.calling_ae_title)
        association.called = received_text(request.called_ae_title)
        self._begin()

    def established(self) -> None:
        """It was accepted."""
        self.association.established_at = self._seconds()
        self._tell("association_established", self.association)

    def went_wrong(self, trouble: Trouble) -> None:
        """Why it will end; the first reason counts."""
        if self._trouble is None:
            self._trouble = trouble

    def ended(self, outcome: Outcome, *, was_opened: bool = True) -> None:
        """All is over."""
        association = self.association
        if association.ended_at is not None:
            return
        for operation in [*self._invoked.values(), *self._performed.values()]:
            self._end(operation)
        was_asked = self._has_begun
        self._begin()
        self.tell_traffic()
        association.ended_at = self._seconds()
        if outcome == "rejected":
            association.trouble = "rejected"
        elif outcome != "released":
            association.trouble = self._trouble or "aborted_by_us"
            if not was_opened:
                association.trouble = "no_connection"
            elif not was_asked:
                outcome, association.trouble = "none", self._trouble or "no_request"
        association.outcome = outcome
        self._tell("association_ended", association)

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self.association.peer = self._peer()
            self._tell("association_begun", self.association)

    # -- operations -----------------------------------------------------------------------------------------------
    def operation(self, name: str, message_id: int, abstract_syntax: str, *, is_invoked: bool) -> ObservedOperation:
        """A request has begun."""
        operations = self._invoked if is_invoked else self._performed
        if message_id in operations:
            # A peer that uses its message ID again before we have answered.
            self._end(operations[message_id])
        operation = operations[message_id] = ObservedOperation(
            association=self.association,
            name=name,
            message_id=message_id,
            is_invoked=is_invoked,
            abstract_syntax=abstract_syntax,
            begun=self._timestamp(),
            begun_at=self._seconds(),
        )
        self._tell("operation_begun", operation)
        return operation

    def request_complete(self, operation: ObservedOperation) -> None:
        """The request is there to its end."""
        operation.requested_at = self._seconds()

    def response(self, message_id: int, status: int | None, *, is_invoked: bool) -> ObservedOperation | None:
        """A response to an operation, if that is known."""
        operation = (self._invoked if is_invoked else self._performed).get(message_id)
        if operation is not None:
            operation.responses += 1
            operation.status = status
            if operation.answered_at is None:
                operation.answered_at = self._seconds()
        return operation

    def complete(self, operation: ObservedOperation) -> None:
        """The last response is there to its end."""
        self._end(operation)

    def forgotten(self, message_id: int) -> None:
        """Nobody waits for responses to this request of ours any more."""
        if operation := self._invoked.get(message_id):
            self._end(operation)

    def _end(self, operation: ObservedOperation) -> None:
        operations = self._invoked if operation.is_invoked else self._performed
        if operations.get(operation.message_id) is not operation:
            return
        del operations[operation.message_id]
        operation.ended_at = self._seconds()
        self.tell_traffic()
        self._tell("operation_ended", operation)

    # -- bytes ----------------------------------------------------------------------------------------------------
    def received(self, count: int) -> None:
        """So many bytes have come."""
        self.association.bytes_received += count
        self._received += count
        if self._received >= _TOLD_AFTER:
            self.tell_traffic()

    def sent(self, count: int) -> None:
        """So many bytes were handed over to be written."""
        self.association.bytes_sent += count
        self._sent += count
        if self._sent >= _TOLD_AFTER:
            self.tell_traffic()

    def tell_traffic(self) -> None:
        """Tell of the bytes that were not told of yet."""
        received, self._received = self._received, 0
        sent, self._sent = self._sent, 0
        if (received or sent) and self._has_begun:
            self._tell("traffic", self.association, received, sent)
        elif received or sent:
            # Not before its beginning.
            self._received, self._sent = received, sent

    def _tell(self, what: str, *about: object) -> None:
        for observer in self._observers:
            try:
                getattr(observer, what)(*about)
            except Exception:
                LOGGER.exception("an observer failed: %s", what)
