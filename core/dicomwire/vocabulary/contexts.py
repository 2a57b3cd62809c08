"""Presentation contexts: building them, the ready-made lists, and negotiating (PS3.8 7.1.1.13, PS3.7 D.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from dicomwire._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES
from dicomwire._logging import logger
from dicomwire.associations.negotiation import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTED,
    PROVIDER_REJECTED,
    TRANSFER_SYNTAXES_NOT_SUPPORTED,
    USER_REJECTED,
    NegotiatedContext,
    Supported,
    accept_contexts,
    read_answer,
)
from dicomwire.compat.negotiation_items import SCP_SCU_RoleSelectionNegotiation
from dicomwire.vocabulary.context_lists import is_unrestricted, uids_of_list
from dicomwire.vocabulary.lazy_uids import as_uid
from dicomwire.vocabulary.titles_and_uids import set_uid

if TYPE_CHECKING:
    from pydicom.uid import UID

__all__ = [
    "ALL_TRANSFER_SYNTAXES", "DEFAULT_TRANSFER_SYNTAXES", "AllStoragePresentationContexts",
    "ApplicationEventLoggingPresentationContexts", "BasicWorklistManagementPresentationContexts",
    "ColorPalettePresentationContexts", "DefinedProcedureProtocolPresentationContexts",
    "DisplaySystemPresentationContexts", "HangingProtocolPresentationContexts", "ImplantTemplatePresentationContexts",
    "InstanceAvailabilityPresentationContexts", "MediaCreationManagementPresentationContexts",
    "MediaStoragePresentationContexts", "ModalityPerformedPresentationContexts",
    "NonPatientObjectPresentationContexts", "PresentationContext", "PresentationContextTuple",
    "PrintManagementPresentationContexts", "ProcedureStepPresentationContexts",
    "ProtocolApprovalPresentationContexts", "QueryRetrievePresentationContexts",
    "RTMachineVerificationPresentationContexts", "RelevantPatientInformationPresentationContexts",
    "StorageCommitmentPresentationContexts", "StoragePresentationContexts",
    "SubstanceAdministrationPresentationContexts", "UnifiedProcedurePresentationContexts",
    "VerificationPresentationContexts", "build_context", "build_role", "negotiate_as_acceptor",
    "negotiate_as_requestor", "negotiate_unrestricted",
]  # fmt: skip

LOGGER = logger(__name__)

# PS3.8 table 9-18.
_STATUSES = {
    None: "Pending",
    ACCEPTED: "Accepted",
    USER_REJECTED: "User Rejected",
    PROVIDER_REJECTED: "Provider Rejected",
    ABSTRACT_SYNTAX_NOT_SUPPORTED: "Abstract Syntax Not Supported",
    TRANSFER_SYNTAXES_NOT_SUPPORTED: "Transfer Syntax(es) Not Supported",
}

_KNOWN = frozenset(ALL_TRANSFER_SYNTAXES)

_ROLES = {
    (True, True): "SCU and SCP",
    (True, False): "SCU only",
    (False, True): "SCP only",
    (False, False): "(none)",
}

Roles: TypeAlias = Mapping[str, tuple[bool | None, bool | None]]
"""Abstract syntax to (SCU role, SCP role), as in role selection items."""


class PresentationContextTuple(NamedTuple):
    """What a message needs to know of the context it came in."""

    context_id: int
    abstract_syntax: UID
    transfer_syntax: UID


class PresentationContext:
    """An abstract syntax with transfer syntaxes: supported, proposed or negotiated (PS3.8 7.1.1.13).

    A value: equal and hashed by all it holds, so do not change one that is in a set.
    """

    def __init__(self) -> None:
        self._context_id: int | None = None
        self._abstract_syntax: UID | None = None
        self._syntaxes: list[UID] = []
        self._scu_role: bool | None = None
        self._scp_role: bool | None = None
        self._as_scu: bool | None = None
        self._as_scp: bool | None = None
        self.result: int | None = None
        """0 accepted, 1 rejected by the user, 2 by the provider, 3 or 4 a syntax not supported (PS3.8 table 9-18)."""

    @property
    def context_id(self) -> int | None:
        """An odd number from 1 to 255, or `None`; anything else is a `ValueError` or `TypeError`."""
        return self._context_id

    @context_id.setter
    def context_id(self, value: int | None) -> None:
        if value is not None and not (1 <= value <= 255 and value % 2 == 1):
            raise ValueError(f"'context_id' must be an odd number from 1 to 255, not {value!r}")
        self._context_id = value if value is None else int(value)

    @property
    def abstract_syntax(self) -> UID | None:
        """Usually a SOP class.  Set from `str`, `bytes` or `UID`: `TypeError`, `ValueError`."""
        return self._abstract_syntax

    @abstract_syntax.setter
    def abstract_syntax(self, value: str | bytes) -> None:
        self._abstract_syntax = set_uid(value, "abstract_syntax", allow_none=False)

    @property
    def transfer_syntax(self) -> list[UID]:
        """In order of preference, without duplicates.

        Set from a list (`TypeError`) of `str`, `bytes` or `UID` (`ValueError`); items of other types are left out.
        """
        return self._syntaxes

    @transfer_syntax.setter
    def transfer_syntax(self, value: list[UID] | list[str] | list[bytes] | list[str | bytes]) -> None:
        if not isinstance(value, list):
            raise TypeError(f"'transfer_syntax' must be a list, not {type(value).__name__}")
        syntaxes = (_transfer_syntax(item) for item in value)
        self._syntaxes = list(dict.fromkeys(syntax for syntax in syntaxes if syntax is not None))

    def add_transfer_syntax(self, syntax: str | bytes | None) -> None:
        """Append one, unless it is there already; `None` is ignored.  `ValueError` as for `transfer_syntax`."""
        uid = _transfer_syntax(syntax)
        if uid is not None and uid not in self._syntaxes:
            self._syntaxes.append(uid)

    @property
    def scu_role(self) -> bool | None:
        """Requestor: ask to be SCU.  Acceptor: let the requestor be SCU.  `None`: no role selection."""
        return self._scu_role

    @scu_role.setter
    def scu_role(self, value: bool | None) -> None:
        self._scu_role = _role("scu_role", value)

    @property
    def scp_role(self) -> bool | None:
        """Requestor: ask to be SCP.  Acceptor: let the requestor be SCP.  `None`: no role selection."""
        return self._scp_role

    @scp_role.setter
    def scp_role(self, value: bool | None) -> None:
        self._scp_role = _role("scp_role", value)

    @property
    def as_scu(self) -> bool | None:
        """Whether we may act as SCU; `None` before negotiation."""
        return self._as_scu

    @property
    def as_scp(self) -> bool | None:
        """Whether we may act as SCP; `None` before negotiation."""
        return self._as_scp

    @property
    def status(self) -> str:
        """`result` in words."""
        return _STATUSES.get(self.result, "Unknown")

    @property
    def as_tuple(self) -> PresentationContextTuple:
        """ID, abstract syntax and first transfer syntax.  `ValueError` if one of them is not set."""
        if self._context_id is None or self._abstract_syntax is None or not self._syntaxes:
            raise ValueError(f"{self!r} lacks a context ID, an abstract syntax or a transfer syntax")
        return PresentationContextTuple(self._context_id, self._abstract_syntax, self._syntaxes[0])

    def copy(self) -> PresentationContext:
        """An equal context that shares nothing that can change."""
        new = PresentationContext()
        new.__dict__.update(self.__dict__)
        new._syntaxes = self._syntaxes.copy()
        return new

    def __copy__(self) -> PresentationContext:
        return self.copy()

    def __deepcopy__(self, memo: object) -> PresentationContext:
        return self.copy()

    def _key(self) -> tuple[object, ...]:
        roles = (self._scu_role, self._scp_role, self._as_scu, self._as_scp)
        return (self._context_id, self._abstract_syntax, tuple(self._syntaxes), self.result, roles)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PresentationContext):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return self._abstract_syntax.name if self._abstract_syntax else f"{type(self).__name__}()"

    def __str__(self) -> str:
        lines = []
        if self._context_id is not None:
            lines.append(f"ID: {self._context_id}")
        if self._abstract_syntax is not None:
            lines.append(f"Abstract Syntax: {self._abstract_syntax.name}")
        lines.append("Transfer Syntax(es):")
        lines += [f"    ={syntax.name}" for syntax in self._syntaxes] or ["    (none)"]
        if self.result is not None:
            lines.append(f"Result: {self.status}")
        if self._as_scu is not None and self._as_scp is not None:
            lines.append(f"Role: {_ROLES[self._as_scu, self._as_scp]}")
        return "\n".join(lines)

    def _outcome(self, outcome: NegotiatedContext) -> PresentationContext:
        """This proposed context as negotiated."""
        new = context_as_received(self._context_id, self._abstract_syntax, outcome.transfer_syntaxes)
        new.result = outcome.result
        new._as_scu = outcome.as_scu
        new._as_scp = outcome.as_scp
        return new


def _transfer_syntax(value: object) -> UID | None:
    """`value` as a `UID`, or `None` for what is no UID at all."""
    if not isinstance(value, str | bytes):
        if value is not None:
            LOGGER.warning("Left out of the transfer syntaxes: an object of type %s", type(value).__name__)
        else:
            LOGGER.debug("Left out of the transfer syntaxes: None")
        return None
    uid = set_uid(value, "transfer_syntax", allow_empty=False)
    if uid is not None and uid not in _KNOWN and not uid.is_private and not uid.is_transfer_syntax:
        LOGGER.warning("%s is not known as a transfer syntax", uid)
    return uid


def _role(name: str, value: bool | None) -> bool | None:
    if not isinstance(value, bool | None):
        raise TypeError(f"'{name}' must be bool or None, not {type(value).__name__}")
    return value


def settings_of_all(contexts: Iterable[PresentationContext]) -> list[tuple[Any, ...]]:
    """What contexts are configured with, to be compared: syntaxes and roles; cheap, as there may be hundreds."""
    return [(item._abstract_syntax, tuple(item._syntaxes), item._scu_role, item._scp_role) for item in contexts]


def context_as_received(number: int | None, abstract: str | None, transfer: Iterable[str]) -> PresentationContext:
    """A context with the ID and the syntaxes that a peer has said: nothing is checked, and nothing raised."""
    new = PresentationContext()
    new._context_id = number
    new._abstract_syntax = None if abstract is None else as_uid(abstract)
    # A UID object knows how a private transfer syntax is encoded: it is kept.
    new._syntaxes = [as_uid(uid) for uid in dict.fromkeys(transfer)]
    return new


def negotiated_as(context: PresentationContext, outcome: NegotiatedContext | None) -> PresentationContext:
    """The same context with its outcome, as we see it; with None it has none yet."""
    context.result = None if outcome is None else outcome.result
    context._as_scu = None if outcome is None else outcome.as_scu
    context._as_scp = None if outcome is None else outcome.as_scp
    return context


def build_context(
    abstract_syntax: str | bytes, transfer_syntax: str | bytes | Sequence[str | bytes] | None = None
) -> PresentationContext:
    """A context with these syntaxes; `None` is `DEFAULT_TRANSFER_SYNTAXES`.  `TypeError`, `ValueError`."""
    context = PresentationContext()
    context.abstract_syntax = abstract_syntax
    if transfer_syntax is None:
        context._syntaxes = [as_uid(uid) for uid in DEFAULT_TRANSFER_SYNTAXES]
    elif isinstance(transfer_syntax, str | bytes):
        context.transfer_syntax = [transfer_syntax]
    elif isinstance(transfer_syntax, Sequence):
        context.transfer_syntax = [*transfer_syntax]
    else:
        raise TypeError(f"'transfer_syntax' must be a UID or a sequence of UIDs, not {type(transfer_syntax).__name__}")
    return context


def build_role(
    uid: str | bytes, scu_role: bool | None = False, scp_role: bool | None = False
) -> SCP_SCU_RoleSelectionNegotiation:
    """A role selection item for ``ext_neg`` (PS3.7 D.3.3.4).  `TypeError`, `ValueError`.

    To be sent it needs at least one role.
    """
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid = uid
    role.scu_role = scu_role
    role.scp_role = scp_role
    return role


class _Proposal(NamedTuple):
    context_id: int
    abstract_syntax: str
    transfer_syntax: tuple[UID, ...]


class _Answer(NamedTuple):
    context_id: int
    result: int
    transfer_syntax: UID | None


def negotiate_as_acceptor(
    rq_contexts: Iterable[PresentationContext],
    ac_contexts: Iterable[PresentationContext],
    roles: Roles | None = None,
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Our answer to proposed contexts, by ID, and the role items to go with it (PS3.8 7.1.1.14, PS3.7 D.3.3.4).

    `roles` are those proposed.  Of the transfer syntaxes proposed, the first in our own order is taken.
    """
    return _negotiate_as_acceptor(rq_contexts, ac_contexts, roles, lambda uid: False)


def negotiate_unrestricted(
    rq_contexts: Iterable[PresentationContext],
    ac_contexts: Iterable[PresentationContext],
    roles: Roles | None = None,
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Our answer when every storage, private or unknown SOP class is welcome (``UNRESTRICTED_STORAGE_SERVICE``).

    These get their first proposed transfer syntax and every role proposed; the others are judged as by
    `negotiate_as_acceptor`.
    """
    return _negotiate_as_acceptor(rq_contexts, ac_contexts, roles, is_unrestricted)


def _negotiate_as_acceptor(
    rq_contexts: Iterable[PresentationContext],
    ac_contexts: Iterable[PresentationContext],
    roles: Roles | None,
    is_open_to: Callable[[str], bool],
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    proposed, by_id = _proposals(rq_contexts)
    supported = {
        str(context._abstract_syntax): Supported(tuple(context._syntaxes), _both(context._scu_role, context._scp_role))
        for context in ac_contexts
        if context._abstract_syntax
    }
    outcomes, granted = accept_contexts(proposed, supported, _plain(roles), is_open_to)
    items = [build_role(uid, scu, scp) for uid, (scu, scp) in granted.items()]
    return [by_id[outcome.context_id]._outcome(outcome) for outcome in outcomes], items


def negotiate_as_requestor(
    rq_contexts: Sequence[PresentationContext],
    ac_contexts: Iterable[PresentationContext],
    roles: Roles | None = None,
) -> list[PresentationContext]:
    """The outcome of our proposal, by ID, given the acceptor's answer (PS3.8 7.1.1.14, PS3.7 D.3.3.4).

    `roles` are those of the answer; those proposed are in `rq_contexts`, of which there must be one (`ValueError`).
    """
    if not rq_contexts:
        raise ValueError("no presentation contexts were proposed")
    proposed, by_id = _proposals(rq_contexts)
    answers = [
        _Answer(
            answer._context_id or 0,
            PROVIDER_REJECTED if answer.result is None else answer.result,
            answer._syntaxes[0] if answer._syntaxes else None,
        )
        for answer in ac_contexts
    ]
    wishes = {
        str(context._abstract_syntax): wish
        for context in rq_contexts
        if (wish := _wish(context._scu_role, context._scp_role)) is not None
    }
    outcomes = read_answer(proposed, answers, wishes, _plain(roles))
    return [by_id[outcome.context_id]._outcome(outcome) for outcome in outcomes]


def _proposals(contexts: Iterable[PresentationContext]) -> tuple[list[_Proposal], dict[int, PresentationContext]]:
    proposals = []
    by_id: dict[int, PresentationContext] = {}
    for context in contexts:
        context_id = context._context_id or 0
        by_id.setdefault(context_id, context)
        proposals.append(_Proposal(context_id, str(context._abstract_syntax or ""), tuple(context._syntaxes)))
    return proposals, by_id


def _wish(scu: bool | None, scp: bool | None) -> tuple[bool, bool] | None:
    """Proposed roles; an unset one counts as False, and two as no proposal."""
    return None if scu is None and scp is None else (bool(scu), bool(scp))


def _both(scu: bool | None, scp: bool | None) -> tuple[bool, bool] | None:
    return None if scu is None or scp is None else (scu, scp)


def _plain(roles: Roles | None) -> dict[str, tuple[bool, bool]]:
    return {str(uid): wish for uid, role in (roles or {}).items() if (wish := _wish(*role)) is not None}


# The ready-made lists.  Each import of one gives a new list of new contexts, so that a program which changes its own
# does not change those of others.

AllStoragePresentationContexts: list[PresentationContext]
ApplicationEventLoggingPresentationContexts: list[PresentationContext]
BasicWorklistManagementPresentationContexts: list[PresentationContext]
ColorPalettePresentationContexts: list[PresentationContext]
DefinedProcedureProtocolPresentationContexts: list[PresentationContext]
DisplaySystemPresentationContexts: list[PresentationContext]
HangingProtocolPresentationContexts: list[PresentationContext]
ImplantTemplatePresentationContexts: list[PresentationContext]
InstanceAvailabilityPresentationContexts: list[PresentationContext]
MediaCreationManagementPresentationContexts: list[PresentationContext]
MediaStoragePresentationContexts: list[PresentationContext]
ModalityPerformedPresentationContexts: list[PresentationContext]
NonPatientObjectPresentationContexts: list[PresentationContext]
PrintManagementPresentationContexts: list[PresentationContext]
ProcedureStepPresentationContexts: list[PresentationContext]
ProtocolApprovalPresentationContexts: list[PresentationContext]
QueryRetrievePresentationContexts: list[PresentationContext]
RTMachineVerificationPresentationContexts: list[PresentationContext]
RelevantPatientInformationPresentationContexts: list[PresentationContext]
StorageCommitmentPresentationContexts: list[PresentationContext]
StoragePresentationContexts: list[PresentationContext]
SubstanceAdministrationPresentationContexts: list[PresentationContext]
UnifiedProcedurePresentationContexts: list[PresentationContext]
VerificationPresentationContexts: list[PresentationContext]


if not TYPE_CHECKING:  # or type checkers would believe in any name

    def __getattr__(name: str) -> list[PresentationContext]:
        uids = uids_of_list(name)
        if uids is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return [build_context(uid) for uid in sorted(uids)]
