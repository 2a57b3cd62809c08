"""An application entity as a conformance statement needs it: its configuration, and what is said beside it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.events import EventHandler, EventType
from dicomwire.compat.negotiation_items import NegotiationItem, SCP_SCU_RoleSelectionNegotiation
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.tls_profiles import TLSProfile


def _contexts(given: Sequence[PresentationContext] | None) -> tuple[PresentationContext, ...] | None:
    return None if given is None else tuple(given)


@frozen(kw_only=True, eq=False)
class DescribedEntity:
    """An AE, of any adapter, and what its programs give to ``associate`` and ``start_server`` beside it.

    What is None is as the AE has it.  Only its configuration is read: no association is needed, and none opened.
    """

    ae: ApplicationEntityBase
    name: str = ""
    """What the section about it is called; empty: its title."""

    requested: tuple[PresentationContext, ...] | None = field(default=None, converter=_contexts)
    """The contexts that it proposes."""

    supported: tuple[PresentationContext, ...] | None = field(default=None, converter=_contexts)
    """The contexts that its server takes."""

    handlers: Sequence[EventHandler] = ()
    """``evt_handlers``, of its server or of its associations."""

    negotiation: Sequence[NegotiationItem] = ()
    """``ext_neg``: what it proposes beside contexts."""

    tls: TLSProfile | None = None
    """The profile of its secure connections; None: in the clear."""

    def proposes(self) -> tuple[PresentationContext, ...]:
        """The contexts of its requests."""
        return tuple(self.ae.requested_contexts) if self.requested is None else self.requested

    def takes(self) -> tuple[PresentationContext, ...]:
        """The contexts that it accepts."""
        return tuple(self.ae.supported_contexts) if self.supported is None else self.supported

    def handles(self, event: EventType) -> bool:
        """Whether a handler is given for ``event``."""
        return any(handler[0] is event or handler[0] == event for handler in self.handlers)

    def wished_roles(self) -> dict[str, tuple[bool, bool]]:
        """SCU and SCP as proposed in role selection, by abstract syntax."""
        return {
            str(item.sop_class_uid): (bool(item.scu_role), bool(item.scp_role))
            for item in self.negotiation
            if isinstance(item, SCP_SCU_RoleSelectionNegotiation)
        }
