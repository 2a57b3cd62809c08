"""What the servers of all adapters share: titles, contexts, handlers, and their running associations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from dicomwire import _config
from dicomwire._globals import VERIFICATION
from dicomwire._logging import logger, printable, shown_address
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.configured_contexts import supported_by
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.events import KindT, ResultT
from dicomwire.associations.handlers import HandlerTable
from dicomwire.associations.negotiation import AcceptorContexts
from dicomwire.associations.proxied import Proxied, Receive, introduction
from dicomwire.associations.running_associations import Running
from dicomwire.vocabulary.contexts import PresentationContext, settings_of_all
from dicomwire.vocabulary.titles_and_uids import set_ae

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder

LOGGER = logger(__name__)

AssociationT = TypeVar("AssociationT", bound=AssociationBase)


def handler_table(evt_handlers: Iterable[evt.EventHandler] | None) -> HandlerTable:
    """The user's handlers, and those that write the library's log unless ``LOG_HANDLER_LEVEL`` is ``"none"``."""
    table = library_table().copy()
    for item in evt_handlers or ():
        table.bind(item[0], item[1], item[2] if len(item) > 2 else None)
    return table


def library_table() -> HandlerTable:
    """The same without handlers of the user's: it is shared, and never changed."""
    return _library_table(is_standard=_config.LOG_HANDLER_LEVEL == "standard")


@cache
def _library_table(*, is_standard: bool) -> HandlerTable:
    table = HandlerTable()
    if is_standard:
        from dicomwire.compat.log_handlers import STANDARD_HANDLERS

        table.bind_library(STANDARD_HANDLERS)
    return table


class ServerBase(Generic[AssociationT]):
    """Settings and associations of a server; ``ae_title`` and ``contexts`` may be changed while it runs."""

    def __init__(
        self,
        ae: ApplicationEntityBase,
        ae_title: str | None,
        contexts: list[PresentationContext] | None,
        evt_handlers: Iterable[evt.EventHandler] | None,
    ) -> None:
        self.ae = ae
        title = set_ae(ae_title or ae.ae_title, "ae_title", allow_empty=False, allow_none=False)
        assert title is not None
        self.ae_title = title
        self.contexts: list[PresentationContext] = [context.copy() for context in contexts or ae.supported_contexts]
        if not self.contexts and not _config.UNRESTRICTED_STORAGE_SERVICE:
            raise ValueError("no supported presentation contexts: add some to the AE, or give them to the server")
        self._supported = AcceptorContexts({})
        self._supported_of: list[Any] = []
        self.supported()
        self.handler_table: HandlerTable = handler_table(evt_handlers)
        """Shared by its associations, until one is changed for itself."""

        self.trace: Recorder | None = None
        """Where associations that begin now are recorded; None: where the AE says."""

        self.running_associations: Running[AssociationT] = Running()
        self._unintroduced: dict[Any, Callable[[], object]] = {}
        """Connections of proxies that have not said yet for whom they are, and what ends each."""

        if any(context.abstract_syntax != VERIFICATION for context in self.contexts):
            # Not at the first request: it takes a tenth of a second, in which an event loop serves nobody.
            import_module("pydicom.dataset")

    @property
    def _is_stopped(self) -> bool:
        stopped: Any = getattr(self, "_stopped", None)
        return stopped is not None and bool(stopped.is_set())

    @property
    def state(self) -> str:
        """What ``repr`` says of it."""
        return "stopped" if self._is_stopped else "listening"

    def __repr__(self) -> str:
        address = getattr(self, "server_address", None)
        where = f" on {shown_address(address)}" if address else ""
        running = len(self.active_associations)
        return (
            f"<{type(self).__name__} '{printable(self.ae_title)}'{where}: {self.state}, {running} active associations>"
        )

    def supported(self) -> AcceptorContexts:
        """The contexts as plain values, made anew only when they have changed."""
        # Looked at for every association.
        state = settings_of_all(self.contexts)
        if state != self._supported_of:
            self._supported = AcceptorContexts(supported_by(self.contexts))
            self._supported_of = state
        return self._supported

    @property
    def active_associations(self) -> list[AssociationT]:
        """The associations that this server accepted and that still run, oldest first."""
        return [
            association for association in self.running_associations.all() if not association.line.standing.is_closed
        ]

    @overload
    def bind(
        self, event: evt.EventOf[KindT, ResultT], handler: evt.HandlerOf[KindT, ResultT], args: None = None
    ) -> None: ...

    @overload
    def bind(
        self, event: evt.EventOf[KindT, ResultT], handler: evt.HandlerWithAny[KindT, ResultT], args: list[Any] | None
    ) -> None: ...

    def bind(self, event: evt.EventType, handler: evt.Handler, args: list[Any] | None = None) -> None:
        """Bind ``handler`` to ``event`` for running and future associations."""
        self.handler_table.bind(event, handler, args)
        for association in self.active_associations:
            if association.line.handlers.is_own:
                association.bind(event, handler, args)
            association.line.adjust_tap()

    def unbind(self, event: evt.EventType, handler: evt.Handler) -> None:
        """Unbind ``handler`` from ``event`` for running and future associations."""
        self.handler_table.unbind(event, handler)
        for association in self.active_associations:
            if association.line.handlers.is_own:
                association.unbind(event, handler)
            association.line.adjust_tap()

    def get_events(self) -> list[evt.EventType]:
        """The events that have a handler, by name."""
        return self.handler_table.events()

    def get_handlers(self, event: evt.EventType) -> list[evt.Binding] | evt.Binding:
        """The bindings of a notification event as a list, or the one of an intervention event."""
        return self.handler_table.handlers(event)

    def arrived(self, connection: Any, address: tuple[Any, ...], now: float, hang_up: Callable[[], object]) -> bool:
        """A connection was accepted, at ``now`` of the adapter's clock; False if it is not wanted, and to be closed.

        ``hang_up`` ends it, from wherever it is called.  :meth:`departed` follows.
        """
        if self.is_proxy(address):
            # Whom it is for is judged when it has said so.
            self._unintroduced[connection] = hang_up
            self.ae.half_open.enter_proxied(connection, address, now, hang_up)
            return True
        if not self._admits(address):
            return False
        self.ae.half_open.enter(connection, address, now, hang_up)
        return True

    def _admits(self, address: tuple[Any, ...]) -> bool:
        allowed = self.ae.allowed
        if allowed is None or allowed.admits_address(address):
            return True
        LOGGER.info("a connection from %s was refused: not in the allowed networks", shown_address(address))
        return False

    def is_proxy(self, address: tuple[Any, ...]) -> bool:
        """Whether a proxy that is trusted connects from there: what it says comes before all else, before TLS too."""
        proxies = self.ae.proxy_protocol
        return proxies is not None and proxies.trusts(address)

    def is_unintroduced(self, connection: Any) -> bool:
        """A proxy has opened it, and has first to say for whom: :meth:`introduce`."""
        return connection in self._unintroduced

    async def introduce(self, connection: Any, address: tuple[Any, ...], receive: Receive) -> Proxied | None:
        """What the proxy at ``address`` says of a connection, before anything else is read; None if it is to be closed.

        :meth:`introduced` or :meth:`departed` follows.
        """
        try:
            proxied = await introduction(address, receive)
        finally:
            self._unintroduced.pop(connection, None)
        if proxied is None or self._is_stopped or not self._admits(proxied.client):
            return None
        return proxied

    def introduced(
        self, connection: Any, known_as: Any, proxied: Proxied, now: float, hang_up: Callable[[], object]
    ) -> None:
        """A connection counts for the client from here on, and is known as another object: TLS may be over it now."""
        self.ae.half_open.leave(connection)
        self.ae.half_open.enter(known_as, proxied.client, now, hang_up)

    def hang_up_unintroduced(self) -> None:
        """End the connections of proxies that have not said yet for whom they are: the server stops."""
        for hang_up in list(self._unintroduced.copy().values()):
            hang_up()

    def forsake_unintroduced(self) -> None:
        """This process is a fork: they are its parent's."""
        self._unintroduced = {}

    def departed(self, connection: Any) -> None:
        """It has ended; said again, nothing happens."""
        self._unintroduced.pop(connection, None)
        self.ae.half_open.leave(connection)

    def adopt(self, association: AssociationT) -> None:
        """An association that this server accepted: its title, and its place in the registers."""
        side = association.line.sides.acceptor
        side.ae_title = self.ae_title
        side.contexts = self.contexts
        self.running_associations.add(association)
        self.ae.running_associations.add(association)

    def forget(self, association: AssociationT) -> None:
        """It has ended."""
        self.departed(association.accepted_connection)
        self.running_associations.remove(association)
        self.ae.running_associations.remove(association)
