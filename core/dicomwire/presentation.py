"""Presentation contexts: building them, the ready-made lists, and negotiating (PS3.8 7.1.1.13, PS3.7 D.3)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pydicom.uid import UID, UID_dictionary

from dicomwire import _sop_class_table as table
from dicomwire._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES
from dicomwire.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from dicomwire.service_class import StorageServiceClass
from dicomwire.sop_class import is_known, uid_to_service_class
from dicomwire.utils import set_uid

LOGGER = logging.getLogger(__name__)

ACCEPTED = 0x00
USER_REJECTED = 0x01
PROVIDER_REJECTED = 0x02
ABSTRACT_SYNTAX_NOT_SUPPORTED = 0x03
TRANSFER_SYNTAXES_NOT_SUPPORTED = 0x04

# PS3.8 table 9-18.
_STATUSES = {
    None: "Pending",
    ACCEPTED: "Accepted",
    USER_REJECTED: "User Rejected",
    PROVIDER_REJECTED: "Provider Rejected",
    ABSTRACT_SYNTAX_NOT_SUPPORTED: "Abstract Syntax Not Supported",
    TRANSFER_SYNTAXES_NOT_SUPPORTED: "Transfer Syntax(es) Not Supported",
}

_ROLES = {
    (True, True): "SCU and SCP",
    (True, False): "SCU only",
    (False, True): "SCP only",
    (False, False): "(none)",
}

# Newer than the dictionary of some versions of pydicom; registered so that their names can be shown.
_NEW_TRANSFER_SYNTAXES = {
    "1.2.840.10008.1.2.4.110": ("JPEG XL Lossless", "JPEGXLLossless"),
    "1.2.840.10008.1.2.4.111": ("JPEG XL JPEG Recompression", "JPEGXLJPEGRecompression"),
    "1.2.840.10008.1.2.4.112": ("JPEG XL", "JPEGXL"),
    "1.2.840.10008.1.2.8.1": ("Deflated Image Frame Compression", "DeflatedImageFrameCompression"),
}
for _uid, (_name, _keyword) in _NEW_TRANSFER_SYNTAXES.items():
    UID_dictionary.setdefault(_uid, (_name, "Transfer Syntax", "", "", _keyword))

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

    __slots__ = ("_abstract_syntax", "_as_scp", "_as_scu", "_context_id", "_scp_role", "_scu_role", "_syntaxes", "result")

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
    def transfer_syntax(self, value: Iterable[str | bytes]) -> None:
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

    def copy(self) -> "PresentationContext":
        """An equal context that shares nothing that can change."""
        new = PresentationContext()
        for name in self.__slots__:
            setattr(new, name, getattr(self, name))
        new._syntaxes = self._syntaxes.copy()
        return new

    def __copy__(self) -> "PresentationContext":
        return self.copy()

    def __deepcopy__(self, memo: object) -> "PresentationContext":
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

    def _outcome(self, result: int, syntaxes: list[UID], as_scu: bool, as_scp: bool) -> "PresentationContext":
        """This proposed context as negotiated."""
        new = PresentationContext()
        new._context_id = self._context_id
        new._abstract_syntax = self._abstract_syntax
        new._syntaxes = syntaxes
        new.result = result
        new._as_scu = as_scu
        new._as_scp = as_scp
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
    if uid is not None and not uid.is_private and not uid.is_transfer_syntax:
        LOGGER.warning("%s is not known as a transfer syntax", uid)
    return uid


def _role(name: str, value: bool | None) -> bool | None:
    if not isinstance(value, bool | None):
        raise TypeError(f"'{name}' must be bool or None, not {type(value).__name__}")
    return value


def build_context(
    abstract_syntax: str | bytes, transfer_syntax: str | bytes | Sequence[str | bytes] | None = None
) -> PresentationContext:
    """A context with these syntaxes; `None` is `DEFAULT_TRANSFER_SYNTAXES`.  `TypeError`, `ValueError`."""
    context = PresentationContext()
    context.abstract_syntax = abstract_syntax
    if transfer_syntax is None:
        context._syntaxes = [UID(uid) for uid in DEFAULT_TRANSFER_SYNTAXES]
    elif isinstance(transfer_syntax, str | bytes):
        context.transfer_syntax = [transfer_syntax]
    elif isinstance(transfer_syntax, Sequence):
        context.transfer_syntax = list(transfer_syntax)
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


def negotiate_as_acceptor(
    rq_contexts: Iterable[PresentationContext],
    ac_contexts: Iterable[PresentationContext],
    roles: Roles | None = None,
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Our answer to proposed contexts, by ID, and the role items to go with it (PS3.8 7.1.1.14, PS3.7 D.3.3.4).

    `roles` are those proposed.  Of the transfer syntaxes proposed, the first in our own order is taken.
    """
    supported = _by_abstract_syntax(ac_contexts)
    proposed_roles = roles or {}
    contexts = []
    items = {}
    for context in rq_contexts:
        uid = context._abstract_syntax
        ours = supported.get(uid)
        proposed_role = proposed_roles.get(uid) if uid is not None else None
        answer, item = _accept(context, ours, proposed_role)
        contexts.append(answer)
        if item is not None:
            items[uid] = item
    return _by_id(contexts), list(items.values())


def negotiate_unrestricted(
    rq_contexts: Iterable[PresentationContext],
    ac_contexts: Iterable[PresentationContext],
    roles: Roles | None = None,
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Our answer when every storage, private or unknown SOP class is welcome (``UNRESTRICTED_STORAGE_SERVICE``).

    These get their first proposed transfer syntax and every role proposed; the others are left to
    `negotiate_as_acceptor`.
    """
    proposed_roles = roles or {}
    welcome = []
    others = []
    items = {}
    for context in rq_contexts:
        uid = context._abstract_syntax
        if not uid or not context._syntaxes or not _is_welcome(uid):
            others.append(context)
            continue
        scu, scp = proposed_roles.get(uid, (True, True))
        welcome.append(context._outcome(ACCEPTED, context._syntaxes[:1], as_scu=bool(scp), as_scp=bool(scu)))
        if uid in proposed_roles and (scu or scp):
            items[uid] = build_role(uid, bool(scu), bool(scp))
    contexts, more = negotiate_as_acceptor(others, ac_contexts, roles)
    return _by_id(welcome + contexts), [*items.values(), *more]


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
    answers = {answer._context_id: answer for answer in ac_contexts}
    answered_roles = roles or {}
    contexts = []
    for context in rq_contexts:
        uid = context._abstract_syntax
        answer = answers.get(context._context_id)
        if answer is None:
            contexts.append(_not_accepted(context))
        elif answer.result != ACCEPTED:
            result = PROVIDER_REJECTED if answer.result is None else answer.result
            contexts.append(context._outcome(result, answer._syntaxes[:1], as_scu=False, as_scp=False))
        elif not answer._syntaxes or answer._syntaxes[0] not in context._syntaxes:
            LOGGER.warning("Context %s was accepted with a transfer syntax that was not proposed", context._context_id)
            contexts.append(_not_accepted(context))
        else:
            # Our own object: it knows how a private transfer syntax is encoded.
            syntax = context._syntaxes[context._syntaxes.index(answer._syntaxes[0])]
            answered = answered_roles.get(uid) if uid is not None else None
            scu, scp = _agreed((context._scu_role, context._scp_role), answered)
            contexts.append(context._outcome(ACCEPTED, [syntax], as_scu=scu, as_scp=scp))
    return _by_id(contexts)


def _accept(
    context: PresentationContext,
    ours: PresentationContext | None,
    proposed_role: tuple[bool | None, bool | None] | None,
) -> tuple[PresentationContext, SCP_SCU_RoleSelectionNegotiation | None]:
    """Our answer to one proposed context, and our role item if there is one to send."""
    first = context._syntaxes[:1]
    if ours is None:
        return context._outcome(ABSTRACT_SYNTAX_NOT_SUPPORTED, first, as_scu=False, as_scp=False), None
    proposed = set(context._syntaxes)
    chosen = next(([syntax] for syntax in ours._syntaxes if syntax in proposed), None)
    if chosen is None:
        return context._outcome(TRANSFER_SYNTAXES_NOT_SUPPORTED, first, as_scu=False, as_scp=False), None
    if proposed_role is None or ours._scu_role is None or ours._scp_role is None:
        return context._outcome(ACCEPTED, chosen, as_scu=False, as_scp=True), None
    scu, scp = _agreed(proposed_role, (ours._scu_role, ours._scp_role))
    if not scu and not scp:
        return context._outcome(USER_REJECTED, chosen, as_scu=False, as_scp=False), None
    item = build_role(str(context._abstract_syntax), scu, scp)
    return context._outcome(ACCEPTED, chosen, as_scu=scp, as_scp=scu), item


def _agreed(
    proposed: tuple[bool | None, bool | None], granted: tuple[bool | None, bool | None] | None
) -> tuple[bool, bool]:
    """The requestor's roles as (SCU, SCP): what was proposed and granted (PS3.7 D.3.3.4).

    SCU by default, when one of the sides did not take part.
    """
    if granted is None or proposed == (None, None):
        return True, False
    return bool(proposed[0] and granted[0]), bool(proposed[1] and granted[1])


def _not_accepted(context: PresentationContext) -> PresentationContext:
    return context._outcome(PROVIDER_REJECTED, context._syntaxes[:1], as_scu=False, as_scp=False)


def _is_welcome(uid: UID) -> bool:
    return uid.is_private or not is_known(uid) or issubclass(uid_to_service_class(uid), StorageServiceClass)


def _by_abstract_syntax(contexts: Iterable[PresentationContext]) -> dict[UID | None, PresentationContext]:
    return {context._abstract_syntax: context for context in contexts}


def _by_id(contexts: list[PresentationContext]) -> list[PresentationContext]:
    return sorted(contexts, key=lambda context: context._context_id or 0)
