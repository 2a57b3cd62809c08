"""What an application entity is configured with; the adapters add networking to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dicomwire._globals import DEFAULT_MAX_LENGTH
from dicomwire._implementation import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION
from dicomwire._logging import logger, printable, shown_address
from dicomwire._value_checks import positive_count
from dicomwire.associations.allowed import Allowed
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.configured_contexts import (
    MOST_CONTEXTS,
    Syntaxes,
    checked,
    copied,
    is_emptied,
    key_of,
    merge,
)
from dicomwire.associations.former_names import FormerNames
from dicomwire.associations.half_open import HalfOpen
from dicomwire.associations.proxied import ProxyProtocol
from dicomwire.associations.running_associations import Running
from dicomwire.associations.window import check_window
from dicomwire.data.memory_budget import MemoryBudget
from dicomwire.data.store import FileStore
from dicomwire.upper_layer.limits import ACSE, NETWORK, Limits, Timeouts
from dicomwire.vocabulary.contexts import PresentationContext, build_context
from dicomwire.vocabulary.lazy_uids import as_uid
from dicomwire.vocabulary.titles_and_uids import set_ae, set_uid, set_version_name

if TYPE_CHECKING:
    from pydicom.uid import UID

    from dicomwire.observing.observations import Observer
    from dicomwire.tracing.trace_records import Recorder

LOGGER = logger(__name__)

SMALLEST_MAXIMUM_LENGTH = 7
"""A P-DATA-TF body with one byte of a message: its PDV takes six for itself (PS3.8 9.3.5.1)."""


class ApplicationEntityBase(FormerNames):
    """The title, identity, limits, timeouts and presentation contexts of an AE, and its running associations.

    Contexts are read when a request is made or arrives: changes of them take part in whatever comes later.
    """

    def __init__(self, ae_title: str = "PYNETDICOM") -> None:
        self.ae_title = ae_title
        self._implementation_class_uid = as_uid(IMPLEMENTATION_UID)
        self._implementation_version_name: str | None = IMPLEMENTATION_VERSION
        self._requested_contexts: list[PresentationContext] = []
        self._supported_contexts: dict[str, PresentationContext] = {}
        self._maximum_associations = 10
        self._maximum_pdu_size = DEFAULT_MAX_LENGTH
        self._timeouts = Timeouts(response=30, progress=60, idle=60, artim=30, associate=30, release=30, write=60)
        self._require_calling_aet: list[str] = []
        self.running_associations: Running[AssociationBase] = Running()
        self.half_open: HalfOpen = HalfOpen()
        """Connections to its servers that are no association; for adapters."""

        self.memory_budget: MemoryBudget = MemoryBudget()
        """What the data sets of all its associations may take of memory together (extension)."""

        self.require_called_aet = False
        """Whether to reject requests whose called title is not that of the server they reach."""

        self.limits: Limits = Limits()
        """What peers may make this AE hold or do (extension)."""

        self.file_store: FileStore | None = None
        """Where received files go, and how: permissions, what is forced to the disk; None: `STORE` (extension)."""

        self.trace: Recorder | None = None
        """Where associations that begin now are recorded, as a `TraceFile`; None: nowhere (extension)."""

        self.observers: list[Observer] = []
        """Who is told what associations do that begin now: metrics, tracing (extension)."""

        self._allowed: Allowed | None = None
        self._proxy_protocol: ProxyProtocol | None = None
        self._asynchronous_operations = (1, 1)

        self.handlers_in_threads = False
        """With asyncio and trio: plain handlers run in worker threads, not on the event loop (extension)."""

    @property
    def asynchronous_operations(self) -> tuple[int, int]:
        """How many operations we invoke and perform at once, if the peer agrees; 0 is no limit (extension).

        ``(1, 1)`` by default: one after the other.  Proposed as requestor unless ``ext_neg`` says something else, and
        the most that is granted as acceptor.  `TypeError`, `ValueError` for what is no pair of numbers.
        """
        return self._asynchronous_operations

    @asynchronous_operations.setter
    def asynchronous_operations(self, window: tuple[int, int]) -> None:
        self._asynchronous_operations = check_window(window)

    # -- who we are -----------------------------------------------------------------------------------------------
    @property
    def ae_title(self) -> str:
        """Our title, exactly as given: 1 to 16 ASCII characters, not blank (`TypeError`, `ValueError`)."""
        return self._ae_title

    @ae_title.setter
    def ae_title(self, title: str) -> None:
        self._ae_title = _title(title, "ae_title")

    @property
    def implementation_class_uid(self) -> UID:
        """What we tell peers that we are; always a conformant UID (`TypeError`, `ValueError`)."""
        return self._implementation_class_uid

    @implementation_class_uid.setter
    def implementation_class_uid(self, value: str | bytes) -> None:
        uid = set_uid(value, "implementation_class_uid", allow_empty=False, allow_none=False, validate=False)
        if uid is None or not uid.is_valid:
            raise ValueError(f"'implementation_class_uid' must be a conformant UID, not {value!r}")
        self._implementation_class_uid = uid

    @property
    def implementation_version_name(self) -> str | None:
        """1 to 16 ASCII characters, or None to tell peers no version (`TypeError`, `ValueError`)."""
        return self._implementation_version_name

    @implementation_version_name.setter
    def implementation_version_name(self, value: str | None) -> None:
        self._implementation_version_name = set_version_name(value, "implementation_version_name")

    # -- whom we accept -------------------------------------------------------------------------------------------
    @property
    def require_calling_aet(self) -> list[str]:
        """The calling titles to accept; ``[]``, or ``""``, is all.  `TypeError` for no list of titles, `ValueError`."""
        return self._require_calling_aet

    @require_calling_aet.setter
    def require_calling_aet(self, titles: Iterable[str]) -> None:
        if isinstance(titles, str | bytes) and titles:
            raise TypeError("'require_calling_aet' must be a list of AE titles, not one title")
        self._require_calling_aet = [_title(title, "require_calling_aet") for title in titles]

    @property
    def allowed(self) -> Allowed | None:
        """Who may open an association with us, an `Allowed`; None: everybody (extension).  `TypeError`."""
        return self._allowed

    @allowed.setter
    def allowed(self, value: Allowed | None) -> None:
        if not isinstance(value, Allowed | None):
            raise TypeError(f"'allowed' must be an Allowed or None, not {type(value).__name__}")
        self._allowed = value

    @property
    def proxy_protocol(self) -> ProxyProtocol | None:
        """Which proxies say for whom they connect, a `ProxyProtocol`; None: nobody does (extension).  `TypeError`."""
        return self._proxy_protocol

    @proxy_protocol.setter
    def proxy_protocol(self, value: ProxyProtocol | None) -> None:
        if not isinstance(value, ProxyProtocol | None):
            raise TypeError(f"'proxy_protocol' must be a ProxyProtocol or None, not {type(value).__name__}")
        self._proxy_protocol = value

    @property
    def maximum_associations(self) -> int:
        """Running associations with us as acceptor, at most.  What is no int from 1 sets 1, and is logged."""
        return self._maximum_associations

    @maximum_associations.setter
    def maximum_associations(self, value: int) -> None:
        if not isinstance(value, int) or value < 1:
            LOGGER.warning("'maximum_associations' cannot be %s: 1 is used", printable(repr(value)))
            value = 1
        self._maximum_associations = value

    @property
    def maximum_half_open(self) -> int:
        """Connections to our servers whose request has not come, or was refused, at most (extension).

        100 by default.  They count apart from associations.  When there are as many, the oldest is closed for the next
        if it is older than a second, and else nothing more is accepted for a moment.  `ValueError` for what is no int
        from 1.
        """
        return self.half_open.maximum

    @maximum_half_open.setter
    def maximum_half_open(self, value: int) -> None:
        self.half_open.maximum = positive_count(value, "maximum_half_open")

    @property
    def maximum_half_open_per_address(self) -> int:
        """The same for one IPv4 address, or one IPv6 network of 64 bits: 50 by default (extension)."""
        return self.half_open.maximum_per_address

    @maximum_half_open_per_address.setter
    def maximum_half_open_per_address(self, value: int) -> None:
        self.half_open.maximum_per_address = positive_count(value, "maximum_half_open_per_address")

    @property
    def maximum_pdu_size(self) -> int:
        """The longest P-DATA-TF body we take as acceptor, in bytes; 0 is no limit (PS3.8 D.1).

        A negative value is logged and ignored; `ValueError` if nothing of a message fits, or the value not in its
        32 bits, and `TypeError` for what is no number.
        """
        return self._maximum_pdu_size

    @maximum_pdu_size.setter
    def maximum_pdu_size(self, value: int) -> None:
        if not value >= 0:
            LOGGER.warning("'maximum_pdu_size' cannot be %r: %d stays", value, self._maximum_pdu_size)
            return
        if 0 < value < SMALLEST_MAXIMUM_LENGTH or value > 0xFFFFFFFF:
            raise ValueError(
                f"'maximum_pdu_size' must be 0 or from {SMALLEST_MAXIMUM_LENGTH} to {0xFFFFFFFF}, not {value}"
            )
        self._maximum_pdu_size = int(value)

    # -- timeouts -------------------------------------------------------------------------------------------------
    @property
    def timeouts(self) -> Timeouts:
        """The deadlines of all phases of an association (extension).

        Assigned, the values are taken over, and set on the running associations too; `TypeError` or `ValueError`, and
        nothing is changed, for what is no timeout.  The timeouts below are views of it.
        """
        return self._timeouts

    @timeouts.setter
    def timeouts(self, timeouts: Timeouts) -> None:
        self._timeouts.adopt(timeouts)
        for association in self.active_associations:
            association.timeouts = self._timeouts

    @property
    def acse_timeout(self) -> float | None:
        """Seconds for answers to association and release requests; None: no limit.

        As for all timeouts of the AE: setting it sets it on the running associations too, and what is no timeout
        sets the default, and is logged.
        """
        return self._timeouts.artim

    @acse_timeout.setter
    def acse_timeout(self, seconds: float | None) -> None:
        self._set_timeout("acse_timeout", ACSE, seconds, 30)

    @property
    def dimse_timeout(self) -> float | None:
        """Seconds for each response to a request; None: no limit."""
        return self._timeouts.response

    @dimse_timeout.setter
    def dimse_timeout(self, seconds: float | None) -> None:
        self._set_timeout("dimse_timeout", ("response",), seconds, 30)

    @property
    def network_timeout(self) -> float | None:
        """Seconds without traffic on an established association; None: no limit."""
        return self._timeouts.idle

    @network_timeout.setter
    def network_timeout(self, seconds: float | None) -> None:
        self._set_timeout("network_timeout", NETWORK, seconds, 60)

    @property
    def connection_timeout(self) -> float | None:
        """Seconds for a connection to open, more than 0; None: no limit of ours."""
        return self._timeouts.connect

    @connection_timeout.setter
    def connection_timeout(self, seconds: float | None) -> None:
        if seconds == 0:
            LOGGER.warning("'connection_timeout' cannot be 0: no limit is used")
            seconds = None
        self._set_timeout("connection_timeout", ("connect",), seconds, None)

    @property
    def write_timeout(self) -> float | None:
        """Seconds for a peer to take what we send, or enough of it (``Limits.least_rate``); None: no limit."""
        return self._timeouts.write

    @write_timeout.setter
    def write_timeout(self, seconds: float | None) -> None:
        self._set_timeout("write_timeout", ("write",), seconds, 60)

    def new_timeouts(self) -> Timeouts:
        """Those of a new association, which may change them for itself."""
        return self._timeouts.copied()

    def _set_timeout(self, name: str, fields: tuple[str, ...], seconds: float | None, default: float | None) -> None:
        if seconds is not None and not (isinstance(seconds, int | float) and seconds >= 0):
            used = "no limit" if default is None else f"{default} s"
            LOGGER.warning("'%s' cannot be %s: %s is used", name, printable(repr(seconds)), used)
            seconds = default
        elif seconds == float("inf"):
            # The clocks of operating systems do not know it.
            seconds = None
        self._timeouts.set(fields, seconds)
        for association in self.active_associations:
            setattr(association, name, seconds)

    # -- associations ---------------------------------------------------------------------------------------------
    @property
    def active_associations(self) -> list[AssociationBase]:
        """A new list of the associations of this AE that are running, requestor or acceptor, oldest first."""
        return self.running_associations.all()

    # -- presentation contexts as requestor -----------------------------------------------------------------------
    @property
    def requested_contexts(self) -> list[PresentationContext]:
        """The contexts to propose, in order; the list itself.

        Assigning contexts **adds** copies of them, without roles and IDs, except where a context with the same
        abstract syntax and transfer syntaxes is there already; assigning ``[]`` or None clears.  `ValueError`, and
        nothing is changed, for what is no context, and for more than 128.
        """
        return self._requested_contexts

    @requested_contexts.setter
    def requested_contexts(self, contexts: Iterable[PresentationContext] | None) -> None:
        given = checked(contexts or ())
        if not given:
            self._requested_contexts = []
            return
        present = {key_of(context) for context in self._requested_contexts}
        new = [copied(context) for context in given if key_of(context) not in present]
        if max(len(given), len(self._requested_contexts) + len(new)) > MOST_CONTEXTS:
            raise ValueError(f"more than {MOST_CONTEXTS} requested presentation contexts")
        self._requested_contexts += new

    def add_requested_context(self, abstract_syntax: str, transfer_syntax: Syntaxes = None) -> None:
        """Propose one more context; without transfer syntaxes, with the default ones.

        The same abstract syntax may be proposed again.  `TypeError`; `ValueError` for no UID and the 129th context.
        """
        context = build_context(_named(abstract_syntax), transfer_syntax)
        if len(self._requested_contexts) >= MOST_CONTEXTS:
            raise ValueError(f"more than {MOST_CONTEXTS} requested presentation contexts")
        self._requested_contexts.append(context)

    def remove_requested_context(self, abstract_syntax: str, transfer_syntax: Syntaxes = None) -> None:
        """Do not propose an abstract syntax, or do not propose it with these transfer syntaxes."""
        for context in self._requested_contexts[:]:
            if context.abstract_syntax == abstract_syntax and is_emptied(context, transfer_syntax):
                # Not remove(): contexts are equal by value, and this one is meant.
                self._requested_contexts[:] = [other for other in self._requested_contexts if other is not context]

    # -- presentation contexts as acceptor ------------------------------------------------------------------------
    @property
    def supported_contexts(self) -> list[PresentationContext]:
        """The contexts to accept, as a new list sorted by abstract syntax.

        Assigning contexts **adds** them, as by `add_supported_context` with their roles; assigning ``[]`` clears.
        `TypeError` for None; `ValueError`, and nothing is changed, for what is no context.
        """
        contexts = self._supported_contexts.copy().values()
        return sorted(contexts, key=lambda context: context.abstract_syntax or "")

    @supported_contexts.setter
    def supported_contexts(self, contexts: Iterable[PresentationContext]) -> None:
        new = [copied(context, roles=True) for context in checked(contexts)]
        if not new:
            self._supported_contexts = {}
        for context in new:
            merge(self._supported_contexts, context)

    def add_supported_context(
        self,
        abstract_syntax: str,
        transfer_syntax: Syntaxes = None,
        scu_role: bool | None = None,
        scp_role: bool | None = None,
    ) -> None:
        """Accept an abstract syntax, without transfer syntaxes with the default ones; `TypeError`, `ValueError`.

        The roles say whether the requestor may be SCU and SCP, for both or none.  If it is accepted already, the
        transfer syntaxes are added behind the present ones, and roles, if one is given, replace the present ones.
        """
        context = build_context(_named(abstract_syntax), transfer_syntax)
        context.scu_role = scu_role
        context.scp_role = scp_role
        merge(self._supported_contexts, context)

    def remove_supported_context(self, abstract_syntax: str, transfer_syntax: Syntaxes = None) -> None:
        """Do not accept an abstract syntax, or do not accept it with these transfer syntaxes."""
        context = self._supported_contexts.get(abstract_syntax)
        if context is not None and is_emptied(context, transfer_syntax):
            self._supported_contexts.pop(abstract_syntax, None)

    def __repr__(self) -> str:
        # Servers are what adapters have.
        addresses = [getattr(server, "server_address", None) for server in getattr(self, "servers", ())]
        serving = f", listening on {', '.join(shown_address(address) for address in addresses if address)}"
        running = f"{len(self.active_associations)} active associations"
        return f"<{type(self).__name__} '{printable(self.ae_title)}': {running}{serving if any(addresses) else ''}>"

    def __str__(self) -> str:
        lines = [f"Application Entity {printable(self.ae_title)}"]
        for kind, contexts in (("Requested", self.requested_contexts[:]), ("Supported", self.supported_contexts)):
            lines += ["", f"  {kind} Presentation Contexts:"]
            for context in contexts:
                lines.append(f"    {context.abstract_syntax.name if context.abstract_syntax else '(none)'}")
                lines += [f"      {syntax.name}" for syntax in context.transfer_syntax]
            if not contexts:
                lines.append("    None")
        lines += [
            "",
            f"  ACSE timeout: {_seconds(self.acse_timeout)}",
            f"  DIMSE timeout: {_seconds(self.dimse_timeout)}",
            f"  Network timeout: {_seconds(self.network_timeout)}",
            f"  Connection timeout: {_seconds(self.connection_timeout)}",
            "",
        ]
        if self.require_calling_aet:
            lines.append(f"  Required calling AE title(s): {', '.join(map(printable, self.require_calling_aet))}")
        associations = self.active_associations
        lines += [f"  Require called AE title: {bool(self.require_called_aet)}", ""]
        lines.append(f"  Association(s): {len(associations)}/{self.maximum_associations}")
        return "\n".join([*lines, *(f"    {_peer(association)}" for association in associations)])


def _title(title: str, name: str) -> str:
    return set_ae(title, name, allow_empty=False, allow_none=False) or ""


def _named(abstract_syntax: str) -> str:
    if not abstract_syntax and isinstance(abstract_syntax, str | bytes):
        raise ValueError("'abstract_syntax' must not be empty")
    return abstract_syntax


def _seconds(timeout: float | None) -> str:
    return "no limit" if timeout is None else f"{timeout} s"


def _peer(association: AssociationBase) -> str:
    peer = association.acceptor if association.is_requestor else association.requestor
    try:
        host, port = peer.address, peer.port
        where = f"{printable(host)} port {port}" if port else shown_address((host, port))
    except ValueError:
        where = "an unknown address"
    return f"{printable(peer.ae_title)} at {where}"
