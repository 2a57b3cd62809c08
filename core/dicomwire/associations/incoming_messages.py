"""A message arrives: its data set is received, whoever listens is told, and it goes to whom it belongs."""

from __future__ import annotations

from collections.abc import Coroutine
from logging import INFO
from typing import Any

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association_control import Control
from dicomwire.associations.handlers import LIBRARY_LOG
from dicomwire.associations.incoming_data_sets import receive_data_set
from dicomwire.associations.invoking import Invoker
from dicomwire.associations.performing import Performer
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.associations.request import Request
from dicomwire.dimse.command import NO_DATA_SET
from dicomwire.dimse.message_events import MessageReceived
from dicomwire.dimse.messages import RESPONSE
from dicomwire.upper_layer.state import State

LOGGER = logger(__name__)


class IncomingMessages:
    """Sorts the messages of a line: responses to the invoker, requests to the performer."""

    def __init__(self, control: Control, invoker: Invoker, performer: Performer) -> None:
        self._line = invoker.line
        self._control = control
        self._invoker = invoker
        self._performer = performer
        self._line.on_message = self.receive

    async def receive(self, event: MessageReceived) -> Coroutine[Any, Any, None] | None:
        """Receive a message to its end; a request is still to be performed."""
        line, command = self._line, event.command
        context = line.session.contexts[event.context_id]
        request: Request | None = None
        if command.command_field & RESPONSE:
            message = ReceivedMessage(context, command)
        else:
            message = request = self._performer.request(context, command)
        if command.command_data_set_type != NO_DATA_SET and not await receive_data_set(line, message, request):
            return None
        if line.handlers.own[evt.EVT_DIMSE_RECV] or LIBRARY_LOG.isEnabledFor(INFO):
            await line.handlers.notify_message(evt.EVT_DIMSE_RECV, event.context_id, command, message.data)
        if request is None:
            if command.status is None:
                await self._control.refuse("a response without status")
            else:
                self._invoker.keep(message)
            return None
        if not line.standing.is_established or line.session.connection.state is not State.STA6:
            LOGGER.warning("request received during release: dropped")
            return None
        return self._performer.perform(request)
