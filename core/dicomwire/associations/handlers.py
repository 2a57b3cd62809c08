"""The handlers of events: where they are bound, and how those of one association are called."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dicomwire._logging import log_raised, logger
from dicomwire.associations import events as evt
from dicomwire.associations.adapter_host import Host
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.associations.user_code import HandlerRaised, is_async
from dicomwire.compat.dimse_messages import from_command
from dicomwire.dimse.command import Command
from dicomwire.upper_layer.connection import Buffer

LOGGER = logger(__name__)

LIBRARY_LOG = logging.getLogger("dicomwire")


class HandlerTable:
    """Which handlers are bound to which events, for a server or an association."""

    def __init__(self, handlers: Iterable[evt.EventHandler] | None = None) -> None:
        self.bound: defaultdict[evt.EventType, list[evt.Binding]] = defaultdict(list)
        """The handlers of notification events, the library's too; for looking at only, as :attr:`own`."""

        self.interventions: dict[evt.EventType, evt.Binding] = {}
        """The handlers of intervention events; for looking at only."""

        self.own: defaultdict[evt.EventType, list[evt.Binding]] = defaultdict(list)
        """Of the handlers of a notification event those that are not the library's; for looking at only.  Lists are
        replaced and never changed: threads bind while others look."""

        self.library: frozenset[evt.Handler] = frozenset()
        """Handlers that the library bound to write its log."""

        for item in handlers or ():
            event, handler = item[0], item[1]
            self.bind(event, handler, item[2] if len(item) > 2 else None)

    def copy(self) -> HandlerTable:
        """A table with the same handlers, to be changed on its own."""
        table = HandlerTable()
        table.bound = self.bound.copy()
        table.interventions = dict(self.interventions)
        table.own = self.own.copy()
        table.library = self.library
        return table

    def bind_library(self, handlers: Iterable[tuple[evt.NotificationEvent, evt.Handler]]) -> None:
        """Bind the handlers that write the library's log: they are called only if somebody reads it."""
        handlers = list(handlers)
        self.library |= {handler for _, handler in handlers}
        for event, handler in handlers:
            self.bind(event, handler)

    def bind(self, event: evt.EventType, handler: evt.Handler, args: list[Any] | None = None) -> None:
        """Bind ``handler`` to ``event``; ``args`` follow the event when it is called.

        Raises:
            TypeError: ``args`` is no list, or ``event`` no event.
        """
        if args is not None and not isinstance(args, list):
            raise TypeError(f"the arguments of a handler are a list, not {type(args).__name__}")
        if isinstance(event, evt.InterventionEvent):
            self.interventions[event] = (handler, args)
        elif isinstance(event, evt.NotificationEvent):
            bound = self.bound[event]
            if (handler, args) not in bound:
                self._set(event, [*bound, (handler, args)])
        else:
            raise TypeError(f"{event!r} is no event")

    def unbind(self, event: evt.EventType, handler: evt.Handler) -> None:
        """Remove every binding of ``handler`` to ``event``; an unknown handler is ignored."""
        if event in self.interventions and self.interventions[event][0] == handler:
            del self.interventions[event]
        self._set(event, [item for item in self.bound[event] if item[0] != handler])

    def _set(self, event: evt.EventType, bound: list[evt.Binding]) -> None:
        self.own[event] = [item for item in bound if item[0] not in self.library]
        self.bound[event] = bound

    def events(self) -> list[evt.EventType]:
        """The events that have a handler, by name; intervention events always have one."""
        bound = {event for event in self.interventions if event not in evt.INTERVENTIONS}
        told = [event for event, listeners in self.bound.copy().items() if listeners]
        return sorted([*evt.INTERVENTIONS, *bound, *told], key=lambda event: event.name)

    def handlers(self, event: evt.EventType) -> list[evt.Binding] | evt.Binding:
        """A list of bindings of a notification event, or the one of an intervention event."""
        if isinstance(event, evt.InterventionEvent):
            return self.interventions.get(event) or (evt.get_default_handler(event), None)
        return list(self.bound[event])

    def heard(self) -> Mapping[evt.EventType, Sequence[evt.Binding]]:
        """All that :meth:`listeners` gives now, for looking at only; an event without any may be missing."""
        return self.bound if LIBRARY_LOG.isEnabledFor(logging.INFO) else self.own

    def listeners(self, event: evt.NotificationEvent) -> Sequence[evt.Binding]:
        """Who wants to hear of ``event`` now; the library's own handlers only if somebody reads its log."""
        bound = self.bound[event]
        return bound if not bound or LIBRARY_LOG.isEnabledFor(logging.INFO) else self.own[event]


class Handlers:
    """The handlers of one association, which are told what happens, and asked what to do."""

    def __init__(self, association: Any, table: HandlerTable, host: Host) -> None:
        self.association = association
        """What events say it is about."""

        self.table: HandlerTable = table
        self.is_own: bool = False
        """The table is this association's alone: a server's associations share one until it is changed for itself."""

        self._host = host
        self.interventions: Mapping[evt.EventType, evt.Binding]
        self.own: Mapping[evt.EventType, Sequence[evt.Binding]]
        self.bound: Mapping[evt.EventType, Sequence[evt.Binding]]
        """Of :class:`HandlerTable`.  Most associations have no handler for most events: who looks here first need not
        call :meth:`notify`."""

        self.listeners: Callable[[evt.NotificationEvent], Sequence[evt.Binding]]
        self._use(table)

    def _use(self, table: HandlerTable) -> None:
        # Looked at with every message.
        self.table, self.listeners = table, table.listeners
        self.interventions, self.own, self.bound = table.interventions, table.own, table.bound

    def own_table(self) -> HandlerTable:
        """The table, to be changed for this association."""
        if not self.is_own:
            self.is_own = True
            self._use(self.table.copy())
        return self.table

    async def notify(self, event: evt.NotificationEvent, **attrs: Any) -> None:
        """Tell the handlers of a notification event; what they raise is logged and goes no further."""
        for handler, args in self.listeners(event):
            happened = evt.Event(self.association, event, attrs, timestamp=self._host.timestamp())
            try:
                await self._host.call(handler, happened, *(args or ()))
            except Exception as error:
                log_raised(LOGGER, event.name, error)

    def notify_now(self, event: evt.NotificationEvent, **attrs: Any) -> None:
        """Tell the plain handlers of a notification event where nothing can be awaited any more."""
        for handler, args in self.listeners(event):
            if is_async(handler):
                continue
            happened = evt.Event(self.association, event, attrs, timestamp=self._host.timestamp())
            try:
                self._host.call_now(handler, happened, *(args or ()))
            except Exception as error:
                log_raised(LOGGER, event.name, error)

    async def notify_primitive(self, event: evt.NotificationEvent, make: Callable[[], Any]) -> None:
        """Tell of an association primitive, which is made only if somebody listens."""
        if self.listeners(event):
            await self.notify(event, primitive=make())

    async def notify_message(
        self, event: evt.NotificationEvent, context_id: int, command: Command, data: Buffer | None
    ) -> None:
        """Tell of a message that was sent or received.

        To be called if somebody may listen, which is looked at with every message: there are ``own`` handlers, or
        ``LIBRARY_LOG`` is read.
        """
        await self.notify(event, message=from_command(context_id, command, data))

    async def intervene(
        self, event: evt.InterventionEvent, message: ReceivedMessage | None = None, /, **attrs: Any
    ) -> Any:
        """What the handler of an intervention event says.

        Raises:
            HandlerRaised: it raised.
        """
        handler, args = self.interventions.get(event) or (evt.get_default_handler(event), None)
        happened = evt.Event(self.association, event, attrs, timestamp=self._host.timestamp(), message=message)
        try:
            return await self._host.call(handler, happened, *(args or ()))
        except Exception as error:
            if isinstance(error, NotImplementedError) and handler is evt.get_default_handler(event):
                LOGGER.warning("%s", error)
            else:
                log_raised(LOGGER, event.name, error)
            raise HandlerRaised(event.name) from error
