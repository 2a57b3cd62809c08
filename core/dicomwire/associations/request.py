"""A request of the peer, as services get it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, NamedTuple

from dicomwire.associations import events as evt
from dicomwire.associations.invoking import Invoker
from dicomwire.associations.line import Line
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.dimse.command import Command
from dicomwire.upper_layer.connection import Buffer
from dicomwire.vocabulary.service_classes import ServiceClass
from dicomwire.vocabulary.statuses import StatusTable


class Dispatch(NamedTuple):
    """Who serves a kind of request on a presentation context."""

    service_class: type[ServiceClass]
    refused: int | None
    """The status that refuses it, if nobody does."""


class Request(ReceivedMessage):
    """A received request with its data set, and what its service needs: the handler, the peer, and whether it still
    matters."""

    invoker: Invoker
    """For requests of ours on the same association, as the C-STOREs of a C-GET are."""

    line: Line
    service_class: type[ServiceClass]
    unserved: int | None
    """The status that refuses it, because nothing serves it."""

    @property
    def association(self) -> Any:
        """The association as its handlers see it."""
        return self.line.handlers.association

    @property
    def is_cancelled(self) -> bool:
        return self.line.is_cancelled(self.message_id)

    def statuses(self) -> StatusTable:
        """The statuses that its service class has for the response."""
        return self.service_class(self.association).statuses_for(self.command.command_field)

    def has_handler(self, event: evt.InterventionEvent) -> bool:
        """The user has bound one."""
        return event in self.line.handlers.interventions

    def ask_handler(self, event: evt.InterventionEvent) -> Coroutine[Any, Any, Any]:
        """What the handler says.

        Raises:
            HandlerRaised: it raised.
        """
        return self.line.handlers.intervene(event, self)

    def call(self, function: Any, *args: Any) -> Coroutine[Any, Any, Any]:
        """Run other code of the user's."""
        return self.line.host.call(function, *args)

    def is_wanted(self) -> Coroutine[Any, Any, bool]:
        """Whether the peer still waits, after all that has arrived while a handler was at work."""
        return self.line.attend()

    def respond(self, response: Command, data_set: Buffer | None = None) -> Coroutine[Any, Any, None]:
        """Send a response.

        Raises:
            LocalProtocolError: there is no association any more.
        """
        return self.line.send(self.context.context_id, response, data_set)
