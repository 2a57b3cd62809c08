"""An association as programs see it: its parts, put together, under their documented names."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, overload

from dicomwire.associations import events as evt
from dicomwire.associations.adapter_host import Host
from dicomwire.associations.association_control import Control
from dicomwire.associations.ending import Ending
from dicomwire.associations.events import KindT, ResultT
from dicomwire.associations.explanation import explain
from dicomwire.associations.handlers import Handlers, HandlerTable
from dicomwire.associations.incoming_messages import IncomingMessages
from dicomwire.associations.invoking import Invoker
from dicomwire.associations.line import Line
from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.performing import Performer
from dicomwire.associations.proxied import Proxied
from dicomwire.associations.service_user import ServiceUser
from dicomwire.associations.sides import Sides
from dicomwire.associations.window import Window, limits_of
from dicomwire.compat.acse_dimse_dul import ACSE, DIMSE, DUL
from dicomwire.compat.wire_items import presentation_context
from dicomwire.upper_layer.limits import ACSE as ACSE_FIELDS, NETWORK as NETWORK_FIELDS, Limits, Timeouts
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext

if TYPE_CHECKING:
    from dicomwire.observing.observations import Observer
    from dicomwire.tracing.trace_records import Recorder

_NAMES = {role: f"{role.value.capitalize()}Thread" for role in Role}


class Entity(Protocol):
    """What an association begins with of the AE it belongs to."""

    @property
    def ae_title(self) -> str: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def implementation_class_uid(self) -> str: ...
    @property
    def implementation_version_name(self) -> str | None: ...
    @property
    def maximum_pdu_size(self) -> int: ...

    @property
    def running_associations(self) -> Any: ...
    @property
    def trace(self) -> Recorder | None: ...
    @property
    def observers(self) -> list[Observer]: ...

    def new_timeouts(self) -> Timeouts:
        """Those that an association begins with."""
        ...


class AssociationBase:
    """What the faces of the adapters add their waiting verbs to.

    The documented attributes are about what there is to know.  The parts do the work: :attr:`line` has session and
    channel, :attr:`control` opens and aborts, :attr:`invoker` sends our requests, :attr:`performer` serves the peer's.
    """

    ae: Any = None
    """The AE this association belongs to."""

    def __init__(self, ae: Entity, role: Role, table: HandlerTable, host: Host, trace: Recorder | None = None) -> None:
        self.ae = ae
        self.name: str = _NAMES[role]
        sides = Sides(role)
        sides.own.implementation_class_uid = ae.implementation_class_uid
        sides.own.implementation_version_name = ae.implementation_version_name
        if role is Role.ACCEPTOR:
            sides.own.maximum_length = ae.maximum_pdu_size
        trace, observers = ae.trace if trace is None else trace, ae.observers
        handlers = Handlers(self, table, host)
        line = Line(sides, handlers, host, ae.limits, ae.new_timeouts(), ae.ae_title, trace, observers)
        is_watched = trace is not None or observers
        line.ending = Ending(line, self._end_watched if is_watched else lambda: ae.running_associations.remove(self))
        self.line: Line = line
        self.accepted_connection: object = None
        """What its server knows the connection by, if it was accepted by one."""

        self.contexts: NegotiatedContexts = NegotiatedContexts()
        """The presentation contexts as plain values."""

        self.control: Control = Control(line)
        self.invoker: Invoker = Invoker(line, self.contexts)
        self.performer: Performer = Performer(self.invoker)
        IncomingMessages(self.control, self.invoker, self.performer)

    def _end_watched(self) -> None:
        self.ae.running_associations.remove(self)
        self.line.told_to_the_end()

    # Made at the first look.
    @cached_property
    def requestor(self) -> ServiceUser:
        """Who has requested the association: what it proposes, or has proposed."""
        return ServiceUser("requestor", self.line.sides.requestor)

    @cached_property
    def acceptor(self) -> ServiceUser:
        """Who accepts it: what it supports, or has answered."""
        return ServiceUser("acceptor", self.line.sides.acceptor)

    # -- how it is shown ------------------------------------------------------------------------------------------
    def __repr__(self) -> str:
        name, peer, called, calling = self.line.log_fields()
        kind, standing = type(self).__name__, self.line.standing
        return f"<{kind} {name} as {self.mode} with {peer}: {calling} calls {called}, {standing}>"

    def explain(self) -> str:
        """In words, what became of the association: which presentation contexts were refused and why, in which roles
        differ from those asked for, and why there is no association, and what to do about it (extension)."""
        return explain(self)

    # -- handlers -------------------------------------------------------------------------------------------------
    @overload
    def bind(
        self, event: evt.EventOf[KindT, ResultT], handler: evt.HandlerOf[KindT, ResultT], args: None = None
    ) -> None: ...

    @overload
    def bind(
        self, event: evt.EventOf[KindT, ResultT], handler: evt.HandlerWithAny[KindT, ResultT], args: list[Any] | None
    ) -> None: ...

    def bind(self, event: evt.EventType, handler: evt.Handler, args: list[Any] | None = None) -> None:
        """Bind ``handler`` to ``event`` for this association; ``args`` follow the event when it is called."""
        self.line.handlers.own_table().bind(event, handler, args)
        self.line.adjust_tap()

    def unbind(self, event: evt.EventType, handler: evt.Handler) -> None:
        """Remove every binding of ``handler`` to ``event``."""
        self.line.handlers.own_table().unbind(event, handler)
        self.line.adjust_tap()

    def get_events(self) -> list[evt.EventType]:
        """The events that have a handler, by name."""
        return self.line.handlers.table.events()

    def get_handlers(self, event: evt.EventType) -> list[evt.Binding] | evt.Binding:
        """The bindings of a notification event as a list, or the one of an intervention event."""
        return self.line.handlers.table.handlers(event)

    # -- who and what ---------------------------------------------------------------------------------------------
    @property
    def mode(self) -> str:
        """``"requestor"`` or ``"acceptor"``: our side."""
        return self.line.sides.role.value

    @mode.setter
    def mode(self, value: str) -> None:
        if value != self.mode:
            raise ValueError(f"the mode of this association is {self.mode!r} and stays so: not {value!r}")

    @property
    def is_requestor(self) -> bool:
        return self.line.sides.is_requestor

    @property
    def is_acceptor(self) -> bool:
        return not self.line.sides.is_requestor

    @property
    def local(self) -> dict[str, Any]:
        """Our title, address and port, and the longest PDU we take."""
        return (self.requestor if self.is_requestor else self.acceptor).info

    @property
    def remote(self) -> dict[str, Any]:
        """The peer's title, address and port, and the longest PDU it takes."""
        return (self.acceptor if self.is_requestor else self.requestor).info

    @property
    def proxied(self) -> Proxied | None:
        """As acceptor, the proxy it came by and what that has said; None without one (extension)."""
        return self.line.sides.proxied

    @property
    def accepted_contexts(self) -> list[PresentationContext]:
        """The accepted presentation contexts, by ID."""
        return [presentation_context(context) for context in self.contexts.all if context.result == 0]

    @property
    def rejected_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that were not accepted, by ID."""
        return [presentation_context(context) for context in self.contexts.all if context.result != 0]

    def use_window(self, window: Window) -> None:
        """Keep to these limits from now on, seen from our side: operations invoked and performed, 0 for no limit."""
        self.invoker.most, self.performer.most = limits_of(window)

    # -- how it stands --------------------------------------------------------------------------------------------
    @property
    def is_established(self) -> bool:
        return self.line.standing.is_established

    @property
    def is_rejected(self) -> bool:
        return self.line.standing.is_rejected

    @property
    def is_aborted(self) -> bool:
        return self.line.standing.is_aborted

    @property
    def is_released(self) -> bool:
        return self.line.standing.is_released

    @property
    def failure(self) -> str | None:
        """Why the association was rejected or aborted, in words; None if it was not."""
        return self.line.standing.failure

    def kill(self) -> None:
        """Stop at once: nothing is sent, no event fires."""
        self.line.host.apart(self.line.ending.kill)

    # -- timeouts -------------------------------------------------------------------------------------------------
    @property
    def timeouts(self) -> Timeouts:
        """The deadlines of all phases; those of the AE to begin with (extension).

        Assigned, the values are taken over, and hold at once, also for who waits already; `TypeError` or `ValueError`,
        and nothing is changed, for what is no timeout.  The timeouts below are views of it.
        """
        return self.line.timeouts

    @timeouts.setter
    def timeouts(self, timeouts: Timeouts) -> None:
        self.line.timeouts.adopt(timeouts)
        self.line.host.timeouts_set(self.line.take_timeouts)

    def _set_timeouts(self, fields: tuple[str, ...], seconds: float | None) -> None:
        self.line.timeouts.set(fields, seconds)
        self.line.host.timeouts_set(self.line.take_timeouts)

    @property
    def acse_timeout(self) -> float | None:
        """Seconds for answers to association and release requests, and for the peer to close; None: no limit."""
        return self.line.timeouts.artim

    @acse_timeout.setter
    def acse_timeout(self, seconds: float | None) -> None:
        self._set_timeouts(ACSE_FIELDS, seconds)

    @property
    def dimse_timeout(self) -> float | None:
        """Seconds for each response to a request; None: no limit."""
        return self.line.timeouts.response

    @dimse_timeout.setter
    def dimse_timeout(self, seconds: float | None) -> None:
        self._set_timeouts(("response",), seconds)

    @property
    def network_timeout(self) -> float | None:
        """Seconds without traffic while established, and for the progress of a started message; None: no limit."""
        return self.line.timeouts.idle

    @network_timeout.setter
    def network_timeout(self, seconds: float | None) -> None:
        self._set_timeouts(NETWORK_FIELDS, seconds)

    @property
    def connection_timeout(self) -> float | None:
        """Seconds that the connection had to open; None: no limit of ours."""
        return self.line.timeouts.connect

    @connection_timeout.setter
    def connection_timeout(self, seconds: float | None) -> None:
        self._set_timeouts(("connect",), seconds)

    @property
    def write_timeout(self) -> float | None:
        """Seconds for the peer to take what we send, or enough of it (``Limits.least_rate``); None: no limit.

        An extension; see the AE's.
        """
        return self.line.timeouts.write

    @write_timeout.setter
    def write_timeout(self, seconds: float | None) -> None:
        self._set_timeouts(("write",), seconds)

    @property
    def network_timeout_response(self) -> str:
        """What to do when the network timeout expires: ``"A-ABORT"`` (default) or ``"A-RELEASE"``."""
        return "A-RELEASE" if self.line.session.connection.idle_releases else "A-ABORT"

    @network_timeout_response.setter
    def network_timeout_response(self, response: str) -> None:
        if response not in ("A-ABORT", "A-RELEASE"):
            raise ValueError(f"the network timeout response is 'A-ABORT' or 'A-RELEASE', not {response!r}")
        self.line.session.connection.idle_releases = response == "A-RELEASE"

    # -- what programs for pynetdicom reach into ------------------------------------------------------------------
    @property
    def acse(self) -> ACSE:
        """Aborting and rejecting with codes of one's own."""
        return ACSE(self.control)

    @property
    def dimse(self) -> DIMSE:
        """Sending messages made by hand."""
        return DIMSE(self.invoker)

    @property
    def dul(self) -> DUL:
        """Reaching the socket."""
        return DUL(self.line)
