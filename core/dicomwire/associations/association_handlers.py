"""The handlers of an association: binding them, and calling them for what happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association_state import AssociationState
from dicomwire.associations.received import ReceivedMessage
from dicomwire.associations.user_code import HandlerRaised, is_async
from dicomwire.upper_layer.pdus import decode_pdu
from dicomwire.upper_layer.tap import PDUReceived, PDUSent, Tap

LOGGER = logger(__name__)

_TAPPED = (evt.EVT_DATA_SENT, evt.EVT_DATA_RECV, evt.EVT_PDU_SENT, evt.EVT_PDU_RECV, evt.EVT_FSM_TRANSITION)


class AssociationHandlers(AssociationState):
    """An association that tells its handlers what happens, and asks them what to do."""

    def _own_handlers(self) -> evt.HandlerTable:
        # A server's associations share its table until one is changed for itself.
        if not self._owns_handlers:
            self._handlers = self._handlers.copy()
            self._owns_handlers = True
        return self._handlers

    def bind(self, event: evt.EventType, handler: evt.Handler, args: list[Any] | None = None) -> None:
        """Bind ``handler`` to ``event`` for this association; ``args`` follow the event when it is called."""
        self._own_handlers().bind(event, handler, args)
        self._adjust_tap()

    def unbind(self, event: evt.EventType, handler: evt.Handler) -> None:
        """Remove every binding of ``handler`` to ``event``."""
        self._own_handlers().unbind(event, handler)
        self._adjust_tap()

    def get_events(self) -> list[evt.EventType]:
        """The events that have a handler, by name."""
        return self._handlers.events()

    def get_handlers(self, event: evt.EventType) -> list[evt.Binding] | evt.Binding:
        """The bindings of a notification event as a list, or the one of an intervention event."""
        return self._handlers.handlers(event)

    def _adjust_tap(self) -> None:
        """Record what crosses the connection only as far as somebody listens."""
        if self._session is None:
            return
        listening = {event for event in _TAPPED if self._handlers.listeners(event)}
        connection = self._session.connection
        if not listening:
            connection.tap = None
            return
        if connection.tap is None:
            connection.tap = Tap()
        mine = any(
            item[0] not in self._handlers.library
            for event in listening & set(_TAPPED[:4])
            for item in self._handlers.listeners(event)
        )
        connection.tap.p_data = mine
        connection.tap.transitions = evt.EVT_FSM_TRANSITION in listening

    async def _notify(self, event: evt.NotificationEvent, **attrs: Any) -> None:
        """Tell the handlers of a notification event; what they raise is logged and goes no further."""
        for handler, args in self._handlers.listeners(event):
            happened = evt.Event(self, event, attrs, timestamp=self._timestamp())
            try:
                await self._call(handler, happened, *(args or ()))
            except Exception:
                LOGGER.exception("handler of %s raised", event.name)

    def _notify_now(self, event: evt.NotificationEvent, **attrs: Any) -> None:
        """Tell the plain handlers of a notification event where nothing can be awaited any more."""
        for handler, args in self._handlers.listeners(event):
            if is_async(handler):
                continue
            happened = evt.Event(self, event, attrs, timestamp=self._timestamp())
            try:
                self._call_now(handler, happened, *(args or ()))
            except Exception:
                LOGGER.exception("handler of %s raised", event.name)

    async def _notify_primitive(self, event: evt.NotificationEvent, make: Callable[[], Any]) -> None:
        """Tell of an association primitive, which is made only if somebody listens."""
        if self._handlers.listeners(event):
            await self._notify(event, primitive=make())

    async def _intervene(
        self, event: evt.InterventionEvent, message: ReceivedMessage | None = None, /, **attrs: Any
    ) -> Any:
        """What the handler of an intervention event says.

        Raises:
            HandlerRaised: it raised.
        """
        handler, args = self._handlers.intervention(event) or (evt.get_default_handler(event), None)
        happened = evt.Event(self, event, attrs, timestamp=self._timestamp(), message=message)
        try:
            return await self._call(handler, happened, *(args or ()))
        except Exception as error:
            if isinstance(error, NotImplementedError) and handler is evt.get_default_handler(event):
                LOGGER.warning("%s", error)
            else:
                LOGGER.exception("handler of %s raised", event.name)
            raise HandlerRaised(event.name) from error

    async def _report_tap(self) -> None:
        """Fire the notification events for what the tap has recorded."""
        connection = self._connection
        if connection.tap is None:
            return
        for record in connection.tap.take():
            if isinstance(record, PDUSent):
                await self._notify(evt.EVT_DATA_SENT, data=record.data)
                await self._notify(evt.EVT_PDU_SENT, pdu=decode_pdu(record.data, connection.limits))
            elif isinstance(record, PDUReceived):
                await self._notify(evt.EVT_DATA_RECV, data=record.data)
                await self._notify(evt.EVT_PDU_RECV, pdu=decode_pdu(record.data, connection.limits))
            else:
                await self._notify(
                    evt.EVT_FSM_TRANSITION,
                    action=record.action,
                    current_state=record.state.label,
                    fsm_event=record.input.label,
                    next_state=record.then.label,
                )
