"""What an association of a pool is opened for."""

from __future__ import annotations

from attrs import field, frozen

from dicomwire._globals import VERIFICATION
from dicomwire._values import Shown
from dicomwire.associations.configured_contexts import MOST_CONTEXTS
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.client.opening_client import ANY_TITLE, OpeningOptions, ProposedOptions
from dicomwire.client.proposing import ClientProposal, proposal_of
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.vocabulary.contexts import build_context
from dicomwire.vocabulary.titles_and_uids import set_ae


@frozen(repr=False, eq=False)
class AssociationKind(Shown):
    """A kind of association: those of one name can do the same, as far as their ``items`` go."""

    name: str
    proposal: ClientProposal = field(repr=False)
    items: frozenset[object] = frozenset()
    """What it has to be able to do, in whatever terms those of the same name have."""

    def covers(self, other: AssociationKind) -> bool:
        """Whether an association opened for this will do for the other."""
        return self.name == other.name and self.items >= other.items


@frozen(kw_only=True, repr=False, eq=False)
class Terms(Shown):
    """How many associations a pool has, and for how long; seconds."""

    size: int
    """How many there are at the most."""

    idle: float | None
    """After so long without use one is released; 0: at once, None: never."""

    wait: float | None
    """So long somebody waits for a place; None: for ever."""

    verify: float | None
    """Idle for so long, one is asked by C-ECHO before it is given out; 0: always, None: never."""


def terms_of(size: int, idle: float | None, wait: float | None, verify: float | None) -> Terms:
    """These, checked.

    Raises:
        TypeError: one is no number.
        ValueError: there is no room for any association, or a time is below 0.
    """
    if not isinstance(size, int) or isinstance(size, bool):
        raise TypeError(f"the size of a pool is an int, not {type(size).__name__}")
    if size < 1:
        raise ValueError(f"a pool has at least one association, not {size}")
    seconds = {"idle": idle, "wait": wait, "verify": verify}
    for name, value in seconds.items():
        if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
            raise TypeError(f"{name!r} is seconds or None, not {type(value).__name__}")
        if value is not None and not value >= 0:
            raise ValueError(f"{name!r} cannot be {value!r} seconds")
    # The clocks of operating systems do not know infinity.
    idle, wait, verify = (None if value == float("inf") else value for value in seconds.values())
    return Terms(size=size, idle=idle, wait=wait, verify=verify)


def pooled_timeouts(entity: ApplicationEntityBase, options: OpeningOptions, terms: Terms) -> Timeouts:
    """The deadlines of the associations of a pool, whose options are checked: `TypeError`, `ValueError`.

    What happens to an idle one is the pool's business: the deadline for that of the association itself comes later.
    And where nothing is said of connecting, it may take as long as it may take to get a place.
    """
    set_ae(options.get("to", ANY_TITLE), "to", allow_empty=False, allow_none=False)
    given = options.get("timeouts")
    if given is not None and not isinstance(given, Timeouts):
        raise TypeError(f"timeouts are Timeouts, not {type(given).__name__}")
    timeouts = (entity.new_timeouts() if given is None else given).copied()
    if timeouts.idle is not None:
        timeouts.idle = None if terms.idle is None else timeouts.idle + terms.idle
    if timeouts.connect is None and given is None:
        timeouts.connect = terms.wait or None
    return timeouts


def with_verification(proposal: ClientProposal) -> ClientProposal:
    """The same, and Verification if there is room, by which the pool finds out whether the peer is there."""
    contexts = proposal.contexts
    if len(contexts) >= MOST_CONTEXTS or any(item.abstract_syntax == VERIFICATION for item in contexts):
        return proposal
    more = (*contexts, build_context(VERIFICATION))
    return ClientProposal(contexts=more, roles=proposal.roles, received=proposal.received)


def pooled(options: ProposedOptions) -> AssociationKind:
    """What a pool proposes, each time the same; files are looked at once.

    Raises:
        TypeError, ValueError: that cannot be proposed.
    """
    proposal = proposal_of(options.get("contexts"), options.get("files"), options.get("services"))
    return AssociationKind("pool", with_verification(proposal))
