"""Negotiating presentation contexts and roles, on plain values (PS3.8 7.1.1.13, PS3.7 D.3.3.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from attrs import frozen

from dicomwire._logging import logger
from dicomwire._values import Shown, Value

LOGGER = logger(__name__)

ACCEPTED = 0
USER_REJECTED = 1
PROVIDER_REJECTED = 2
ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED = 4

Roles: TypeAlias = tuple[bool, bool]
"""May be SCU, may be SCP."""

REQUESTOR_DEFAULT: Roles = (True, False)


class Proposed(Protocol):
    """A proposed presentation context; the item of the A-ASSOCIATE-RQ is one."""

    @property
    def context_id(self) -> int: ...
    @property
    def abstract_syntax(self) -> str: ...
    @property
    def transfer_syntax(self) -> Sequence[str]: ...


class Answered(Protocol):
    """The answer to one; the item of the A-ASSOCIATE-AC is one."""

    @property
    def context_id(self) -> int: ...
    @property
    def result(self) -> int: ...
    @property
    def transfer_syntax(self) -> str | None: ...


@frozen(repr=False, eq=False)
class Supported(Value):
    """What an acceptor supports of one abstract syntax, in its order of preference."""

    transfer_syntaxes: tuple[str, ...]
    roles: Roles | None = None
    """Which of the requestor's wishes to be SCU and SCP it grants; None: it takes no part in role selection."""


@frozen(eq=False, repr=False)
class AcceptorContexts(Shown):
    """What an acceptor supports, by abstract syntax; told apart by identity, as it never changes."""

    supported: Mapping[str, Supported]


@frozen(repr=False, eq=False)
class NegotiatedContext(Value):
    """The outcome for one proposed presentation context, seen from our side."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    """The one chosen; if not accepted, the first that was proposed, or none."""

    result: int
    as_scu: bool = False
    as_scp: bool = False

    @property
    def transfer_syntax(self) -> str:
        return self.transfer_syntaxes[0] if self.transfer_syntaxes else ""


def accept_contexts(
    proposed: Iterable[Proposed],
    supported: Mapping[str, Supported],
    proposed_roles: Mapping[str, Roles],
    is_open_to: Callable[[str], bool] = lambda uid: False,
) -> tuple[list[NegotiatedContext], dict[str, Roles]]:
    """Decide as the acceptor: the outcomes by context ID, and the roles to answer by SOP class.

    ``is_open_to`` says of an abstract syntax that it is accepted with the first transfer syntax proposed and in
    whatever roles (unrestricted storage).  Of several contexts with one ID the first counts.
    """
    outcomes: dict[int, NegotiatedContext] = {}
    answers: dict[str, Roles] = {}
    for context in proposed:
        if context.context_id in outcomes:
            continue
        outcome, roles = _accept(context, supported, proposed_roles.get(context.abstract_syntax), is_open_to)
        outcomes[context.context_id] = outcome
        if roles is not None:
            answers[context.abstract_syntax] = roles
    return [outcomes[context_id] for context_id in sorted(outcomes)], answers


def _accept(
    context: Proposed, supported: Mapping[str, Supported], wish: Roles | None, is_open_to: Callable[[str], bool]
) -> tuple[NegotiatedContext, Roles | None]:
    uid, first = context.abstract_syntax, tuple(context.transfer_syntax[:1])
    if uid and first and is_open_to(uid):
        scu, scp = wish or (True, True)
        outcome = NegotiatedContext(context.context_id, uid, first, ACCEPTED, as_scu=scp, as_scp=scu)
        return outcome, wish if wish and any(wish) else None
    ours = supported.get(uid)
    if ours is None:
        return NegotiatedContext(context.context_id, uid, first, ABSTRACT_SYNTAX_NOT_SUPPORTED), None
    offered = set(context.transfer_syntax)
    chosen = next((syntax for syntax in ours.transfer_syntaxes if syntax in offered), None)
    if chosen is None:
        return NegotiatedContext(context.context_id, uid, first, TRANSFER_SYNTAXES_NOT_SUPPORTED), None
    scu, scp = agree(wish, ours.roles)
    result = ACCEPTED if scu or scp else USER_REJECTED
    outcome = NegotiatedContext(context.context_id, uid, (chosen,), result, as_scu=scp, as_scp=scu)
    takes_part = wish is not None and ours.roles is not None and result == ACCEPTED
    return outcome, (scu, scp) if takes_part else None


def agree(wish: Roles | None, grant: Roles | None) -> Roles:
    """The requestor's roles: what it wished and the acceptor granted; SCU where one of them took no part."""
    if wish is None or grant is None:
        return REQUESTOR_DEFAULT
    return wish[0] and grant[0], wish[1] and grant[1]


def read_answer(
    proposed: Iterable[Proposed],
    answers: Iterable[Answered],
    proposed_roles: Mapping[str, Roles],
    answered_roles: Mapping[str, Roles],
) -> list[NegotiatedContext]:
    """The outcomes as the requestor sees them, by context ID.

    Not answered: rejected by the provider.  Accepted with a transfer syntax that was not proposed: the same, and
    logged.
    """
    outcomes, unproposed = outcomes_of(proposed, answers, proposed_roles, answered_roles)
    tell_unproposed(unproposed)
    return outcomes


def tell_unproposed(context_ids: Iterable[int]) -> None:
    """Log that the peer accepted these contexts with something else than was proposed."""
    for context_id in context_ids:
        LOGGER.warning("context %d was accepted with a transfer syntax that was not proposed", context_id)


def outcomes_of(
    proposed: Iterable[Proposed],
    answers: Iterable[Answered],
    proposed_roles: Mapping[str, Roles],
    answered_roles: Mapping[str, Roles],
) -> tuple[list[NegotiatedContext], list[int]]:
    """What :func:`read_answer` gives, and the IDs of contexts accepted with what was not proposed."""
    unproposed = []
    answered = {answer.context_id: answer for answer in answers}
    outcomes = []
    for context in sorted(proposed, key=lambda context: context.context_id):
        uid, first = context.abstract_syntax, tuple(context.transfer_syntax[:1])
        answer = answered.get(context.context_id)
        if answer is None:
            outcomes.append(NegotiatedContext(context.context_id, uid, first, PROVIDER_REJECTED))
            continue
        chosen = next((syntax for syntax in context.transfer_syntax if syntax == answer.transfer_syntax), None)
        if answer.result != ACCEPTED:
            # Its transfer syntax has no meaning, and may be missing or empty.
            said = (answer.transfer_syntax,) if answer.transfer_syntax else ()
            outcomes.append(NegotiatedContext(context.context_id, uid, said, answer.result))
        elif chosen is None:
            unproposed.append(context.context_id)
            outcomes.append(NegotiatedContext(context.context_id, uid, first, PROVIDER_REJECTED))
        else:
            scu, scp = agree(proposed_roles.get(uid), answered_roles.get(uid))
            outcomes.append(
                NegotiatedContext(
                    context.context_id,
                    uid,
                    (chosen,),
                    ACCEPTED if scu or scp else USER_REJECTED,
                    as_scu=scu,
                    as_scp=scp,
                )
            )
    return outcomes, unproposed
