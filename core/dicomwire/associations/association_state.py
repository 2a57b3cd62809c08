"""What an association knows about itself: its sides, flags, timeouts and presentation contexts."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from dicomwire._logging import printable, shown_address
from dicomwire.associations import events as evt
from dicomwire.associations.channel import Channel
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.associations.received import ReceivedMessage
from dicomwire.associations.sides import ServiceUser
from dicomwire.dimse.session import Session
from dicomwire.upper_layer.connection import Connection
from dicomwire.upper_layer.events import AssociateAccepted, AssociateRejected
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.pdus import AssociateRQ
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.titles_and_uids import received_text

if TYPE_CHECKING:
    from datetime import datetime

    from dicomwire.associations.entity import ApplicationEntityBase
    from dicomwire.vocabulary.contexts import PresentationContext

T = TypeVar("T")

_NUMBERS = count(1)


class AssociationState:
    """The documented attributes of an association, and what the logic keeps beside them."""

    def __init__(
        self,
        ae: ApplicationEntityBase,
        role: Role,
        handlers: evt.HandlerTable,
        *,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._ae = ae
        self._log_name = f"A{next(_NUMBERS)}"
        """What the log calls it."""

        self._role = role
        self._handlers = handlers
        self._owns_handlers = False
        self._timeouts = timeouts or Timeouts(
            artim=ae.acse_timeout,
            associate=ae.acse_timeout,
            release=ae.acse_timeout,
            progress=ae.network_timeout,
            response=ae.dimse_timeout,
            idle=ae.network_timeout,
            write=ae.write_timeout,
        )
        self.connection_timeout: float | None = ae.connection_timeout
        self._network_timeout_response = "A-ABORT"
        self.is_established: bool = False
        self.is_rejected = False
        self.is_aborted = False
        self.is_released = False
        self.failure: str | None = None
        """Why the association was rejected or aborted, in words; None if it was not."""

        self._advice: str | None = None

        self.requestor: ServiceUser = ServiceUser("requestor")
        self.acceptor: ServiceUser = ServiceUser("acceptor")
        own = self._own_side
        own._implementation_class_uid = ae.implementation_class_uid
        own._implementation_version_name = ae.implementation_version_name
        if role is Role.ACCEPTOR:
            own._maximum_length = ae.maximum_pdu_size
        self.name = f"{role.value.capitalize()}Thread"

        self._session: Session | None = None
        self._channel: Channel | None = None
        self._contexts: list[NegotiatedContext] = []
        self._by_abstract_syntax: dict[str, list[NegotiatedContext]] | None = None
        self._chosen: dict[Any, NegotiatedContext | None] = {}
        self._answer: AssociateAccepted | AssociateRejected | None = None
        self._request: AssociateRQ | None = None
        self._opened = False
        self._ended = False
        self._advancing = False
        self._closing = False
        self._closed = False
        self._is_mute = False
        self._unread_by_peer: str | None = None
        """What is said of a peer that did not take what we sent."""

        self._sending = False
        self._invoked = 1
        """How many requests of ours may be outstanding at a time (PS3.7 D.3.3.3)."""

        self._performed = 1
        """How many requests of the peer are served at a time."""

        self._serving = 0
        self._backlog: deque[ReceivedMessage] = deque()
        self._responses: dict[int, deque[ReceivedMessage]] = {}
        self._iterating: set[int] = set()
        """Message IDs of requests whose responses somebody takes one by one."""

        self._unread: dict[int, int | None] = {}
        """Outstanding requests whose responses nobody will take any more: by message ID, the context to cancel them on,
        None if there is nothing to cancel."""

        self._by_hand: list[ReceivedMessage] = []
        """Requests that service classes of the user's are serving."""

        self._dispatched: dict[Any, Any] = {}

    # -- what adapters say ----------------------------------------------------------------------------------------
    def _timestamp(self) -> datetime:
        """The time of day, for events: the core reads no clock."""
        raise NotImplementedError

    def _call_now(self, function: Any, *args: Any) -> None:
        """Run plain user code where nothing can be awaited."""
        function(*args)

    async def _call(self, function: Any, *args: Any) -> Any:
        """Run user code, plain or ``async``; the one place that does.  Adapters may run it elsewhere."""
        result = function(*args)
        return await result if inspect.isawaitable(result) else result

    def _deadline_moved(self) -> None:
        """A timeout was set, in any thread: adapters see to it that who waits already waits for the new deadline."""
        if self._session is not None:
            self._session.timeouts_changed()

    def _left_over(self) -> None:
        """More has arrived with the last response: adapters that look after idle associations look soon."""

    def _spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run ``work`` beside what runs now, in a thread or task that ends with the association.

        False, and ``work`` is not touched, if there is no place for it.
        """
        return False

    def _face(self, work: Coroutine[Any, Any, T]) -> Any:
        """What a verb of this adapter does with its coroutine: run it, or hand it out to be awaited."""
        return work

    def _apart(self, function: Callable[[], None]) -> None:
        """Run a little of the logic for this association where another one is being served."""
        function()

    @property
    def _connection(self) -> Connection:
        assert self._session is not None
        return self._session.connection

    # -- how it is shown ------------------------------------------------------------------------------------------
    def _log_fields(self) -> tuple[str, str, str, str]:
        """Its short name, where the peer is, and the called and the calling title, for log records and people."""
        address = self._peer_side.address_tuple
        # The session has it first: its arrival is logged before anybody acts on it.
        request = self.requestor._pdu or (self._session and self._session._request)
        called, calling = self.acceptor._ae_title, self.requestor._ae_title
        if isinstance(request, AssociateRQ):
            called, calling = received_text(request.called_ae_title), received_text(request.calling_ae_title)
        elif self.is_requestor:
            calling = calling or self._ae.ae_title
        peer = shown_address(address) if address else "-"
        return self._log_name, peer, printable(called).strip() or "-", printable(calling).strip() or "-"

    def __repr__(self) -> str:
        name, peer, called, calling = self._log_fields()
        flags = ("established", "rejected", "aborted", "released")
        state = next((flag for flag in flags if getattr(self, f"is_{flag}")), "ended" if self._ended else "opening")
        return f"<{type(self).__name__} {name} as {self.mode} with {peer}: {calling} calls {called}, {state}>"

    # -- state ----------------------------------------------------------------------------------------------------
    def explain(self) -> str:
        """In words, what became of the association: which presentation contexts were refused and why, in which roles
        differ from those asked for, and why there is no association, and what to do about it (extension)."""
        from dicomwire.associations.explanation import explain

        return explain(self)

    @property
    def ae(self) -> Any:
        """The AE this association belongs to."""
        return self._ae

    @property
    def mode(self) -> str:
        """``"requestor"`` or ``"acceptor"``: our side."""
        return self._role.value

    @mode.setter
    def mode(self, value: str) -> None:
        if value != self._role.value:
            raise ValueError(f"the mode of this association is {self._role.value!r} and stays so: not {value!r}")

    @property
    def is_requestor(self) -> bool:
        return self._role is Role.REQUESTOR

    @property
    def is_acceptor(self) -> bool:
        return self._role is Role.ACCEPTOR

    @property
    def _own_side(self) -> ServiceUser:
        return self.requestor if self.is_requestor else self.acceptor

    @property
    def _peer_side(self) -> ServiceUser:
        return self.acceptor if self.is_requestor else self.requestor

    @property
    def local(self) -> dict[str, Any]:
        """Our title, address and port, and the longest PDU we take."""
        return self._own_side.info

    @property
    def remote(self) -> dict[str, Any]:
        """The peer's title, address and port, and the longest PDU it takes."""
        return self._peer_side.info

    @property
    def acse_timeout(self) -> float | None:
        """Seconds for answers to association and release requests, and for the peer to close; None: no limit."""
        return self._timeouts.artim

    @acse_timeout.setter
    def acse_timeout(self, seconds: float | None) -> None:
        self._timeouts.artim = self._timeouts.associate = self._timeouts.release = seconds
        self._deadline_moved()

    @property
    def dimse_timeout(self) -> float | None:
        """Seconds for each response to a request; None: no limit."""
        return self._timeouts.response

    @dimse_timeout.setter
    def dimse_timeout(self, seconds: float | None) -> None:
        self._timeouts.response = seconds
        self._deadline_moved()

    @property
    def network_timeout(self) -> float | None:
        """Seconds without traffic while established, and for the progress of a started message; None: no limit."""
        return self._timeouts.idle

    @network_timeout.setter
    def network_timeout(self, seconds: float | None) -> None:
        self._timeouts.idle = self._timeouts.progress = seconds
        self._deadline_moved()

    @property
    def write_timeout(self) -> float | None:
        """Seconds for the peer to take what we send, or enough of it (``Limits.least_rate``); None: no limit.

        An extension; see the AE's.
        """
        return self._timeouts.write

    @write_timeout.setter
    def write_timeout(self, seconds: float | None) -> None:
        self._timeouts.write = seconds

    @property
    def network_timeout_response(self) -> str:
        """What to do when the network timeout expires: ``"A-ABORT"`` (default) or ``"A-RELEASE"``."""
        return self._network_timeout_response

    @network_timeout_response.setter
    def network_timeout_response(self, response: str) -> None:
        if response not in ("A-ABORT", "A-RELEASE"):
            raise ValueError(f"the network timeout response is 'A-ABORT' or 'A-RELEASE', not {response!r}")
        self._network_timeout_response = response
        if self._session is not None:
            self._session.connection.idle_releases = response == "A-RELEASE"

    @property
    def accepted_contexts(self) -> list[PresentationContext]:
        """The accepted presentation contexts, by ID."""
        return self._presentation_contexts(accepted=True)

    @property
    def rejected_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that were not accepted, by ID."""
        return self._presentation_contexts(accepted=False)

    def _presentation_contexts(self, *, accepted: bool) -> list[PresentationContext]:
        from dicomwire.compat.wire_items import presentation_context

        return [presentation_context(context) for context in self._contexts if (context.result == 0) is accepted]

    def _set_contexts(self, contexts: list[NegotiatedContext]) -> None:
        self._contexts = contexts
        self._by_abstract_syntax = None
        self._chosen.clear()

    def _context(self, context_id: int) -> NegotiatedContext | None:
        """The accepted context with this ID."""
        return next((item for item in self._contexts if item.context_id == context_id and item.result == 0), None)

    def _accepted(self, abstract_syntax: str) -> list[NegotiatedContext]:
        """The accepted contexts of one abstract syntax, by ID."""
        if self._by_abstract_syntax is None:
            table: dict[str, list[NegotiatedContext]] = {}
            for context in self._contexts:
                if context.result == 0:
                    table.setdefault(context.abstract_syntax, []).append(context)
            self._by_abstract_syntax = table
        return self._by_abstract_syntax.get(abstract_syntax, [])
