"""Negotiation items and the primitives of the upper layer service (PS3.7 annex D, PS3.8 section 7).

Plain values, filled by attribute.  What goes on the wire is made elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from dicomwire._values import Shown
from dicomwire.compat.negotiation_items import (
    AsynchronousOperationsWindowNegotiation as AsynchronousOperationsWindowNegotiation,
    Checked as Checked,
    ImplementationClassUIDNotification as ImplementationClassUIDNotification,
    ImplementationVersionNameNotification as ImplementationVersionNameNotification,
    MaximumLengthNotification as MaximumLengthNotification,
    NegotiationItem as NegotiationItem,
    SCP_SCU_RoleSelectionNegotiation as SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation as SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation as SOPClassExtendedNegotiation,
    UserIdentityNegotiation as UserIdentityNegotiation,
)
from dicomwire.upper_layer.reasons import AbortReason, AbortSource, RejectResult, RejectSource, diagnostic_words
from dicomwire.vocabulary.contexts import PresentationContext

if TYPE_CHECKING:
    from pydicom.uid import UID

_Item = TypeVar("_Item", bound=NegotiationItem)


@define(repr=False)
class A_ASSOCIATE(Shown):
    """An association request or the answer to it (PS3.8 7.1.1).  Nothing is checked: peers send reserved codes."""

    application_context_name: str | None = None
    calling_ae_title: str | None = None
    called_ae_title: str | None = None

    result: int | None = None
    """`None` in a request; 0 accepted, 1 rejected for good, 2 rejected for now."""

    result_source: int | None = None
    """1 service user, 2 provider (ACSE), 3 provider (presentation)."""

    diagnostic: int | None = None
    """Its meaning depends on `result_source`: see `reason_str`."""

    user_information: list[NegotiationItem] = field(factory=list)
    presentation_context_definition_list: list[PresentationContext] = field(factory=list)
    """The contexts of a request."""

    presentation_context_definition_results_list: list[PresentationContext] = field(factory=list)
    """The contexts of an answer."""

    calling_presentation_address: Any = None
    called_presentation_address: Any = None

    @property
    def result_str(self) -> str:
        """`result` in words."""
        return "Accepted" if self.result == 0 else RejectResult.words_of(self.result)

    @property
    def source_str(self) -> str:
        """`result_source` in words."""
        return RejectSource.words_of(self.result_source)

    @property
    def reason_str(self) -> str:
        """`diagnostic` in words."""
        return diagnostic_words(self.result_source, self.diagnostic)

    @property
    def maximum_length_received(self) -> int | None:
        """What the sender is willing to receive, from its item; `None` without one."""
        item = self._item(MaximumLengthNotification)
        return item.maximum_length_received if item else None

    @maximum_length_received.setter
    def maximum_length_received(self, value: int) -> None:
        self._set(MaximumLengthNotification, "maximum_length_received", value)

    @property
    def implementation_class_uid(self) -> UID | None:
        """Which implementation the sender is, from its item; `None` without one."""
        item = self._item(ImplementationClassUIDNotification)
        return item.implementation_class_uid if item else None

    @implementation_class_uid.setter
    def implementation_class_uid(self, value: str | bytes) -> None:
        self._set(ImplementationClassUIDNotification, "implementation_class_uid", value)

    def _item(self, kind: type[_Item]) -> _Item | None:
        return next((item for item in reversed(self.user_information) if isinstance(item, kind)), None)

    def _set(self, kind: type[NegotiationItem], name: str, value: object) -> None:
        item = self._item(kind) or kind()
        setattr(item, name, value)
        if item not in self.user_information:
            self.user_information.append(item)


@define(repr=False)
class A_RELEASE(Shown):
    """A request to release the association, or the answer to it (PS3.8 7.2.1)."""

    result: str | None = None
    """`None` in a request, ``"affirmative"`` in an answer."""


@define(repr=False)
class A_ABORT(Shown):
    """An abort by the user of either side (PS3.8 7.3.1)."""

    abort_source: int | None = None
    """0 service user, 2 service provider."""

    @property
    def source_str(self) -> str:
        """`abort_source` in words."""
        return AbortSource.words_of(self.abort_source)


@define(repr=False)
class A_P_ABORT(Shown):
    """An abort by the service provider (PS3.8 7.4.1)."""

    provider_reason: int | None = None
    """As in PS3.8 table 9-26: see `reason_str`."""

    @property
    def reason_str(self) -> str:
        """`provider_reason` in words."""
        return AbortReason.words_of(self.provider_reason)


@define(repr=False)
class P_DATA(Shown):
    """Fragments of messages (PS3.8 7.6)."""

    presentation_data_value_list: list[tuple[int, bytes]] = field(factory=list)
    """Context ID, and control header with data."""
