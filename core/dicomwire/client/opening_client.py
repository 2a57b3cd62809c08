"""Opening the association of a client."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from dicomwire._logging import printable
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.requesting import Dialer, RequestOptions, associate
from dicomwire.client.failures import Refused, in_keywords
from dicomwire.client.proposing import ClientProposal, FilePath, ServiceName, proposal_of
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.retrieval.under_way import receive_on
from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.vocabulary.contexts import PresentationContext

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder

ClientT = TypeVar("ClientT", bound=AssociationBase)

OWN_TITLE = "DICOMWIRE"
ANY_TITLE = "ANY-SCP"


class OpeningOptions(TypedDict, total=False):
    """Keywords of whatever opens associations as a client, the same over every kind of connection."""

    to: str
    """The AE title of the peer: ``"ANY-SCP"`` by default."""

    title: str
    """Our AE title: ``"DICOMWIRE"`` by default."""

    timeouts: Timeouts | None
    """The deadlines of all phases."""

    limits: Limits | None
    """The sizes of what is taken."""

    max_pdu: int
    """The longest P-DATA-TF body that we take, in bytes; 0 is no limit."""

    negotiation: Sequence[NegotiationItem]
    """More items of extended negotiation, such as a user identity."""

    handlers: Sequence[evt.EventHandler]
    """Handlers of events, as for ``AE.associate``."""

    trace: Recorder | None
    """Where the association is recorded."""

    entity: Any
    """An AE of this adapter to open it for, in place of a new one with ``title`` and ``limits``."""


class ProposedOptions(OpeningOptions, total=False):
    """Keywords of ``connect``: beside those, what is proposed."""

    contexts: Iterable[PresentationContext | str] | None
    """Presentation contexts to propose, or UIDs of SOP classes."""

    files: FilePath | Iterable[FilePath] | None
    """Files and folders that will be sent: the contexts are those that they need, and Verification."""

    services: Iterable[ServiceName] | ServiceName | None
    """What will be asked for: "echo", "store", "find", "move", "get", "worklist".

    By default, if neither contexts nor files are given, all but "store" and "get"."""


def entity_for(kind: type[Any], options: OpeningOptions, *args: Any) -> Any:
    """The AE that a client belongs to: a new one of ``kind``, or the one given."""
    entity = options.get("entity")
    if entity is None:
        entity = kind(options.get("title", OWN_TITLE), *args)
        if (limits := options.get("limits")) is not None:
            check_limits(limits)
            entity.limits = limits
        return entity
    if not isinstance(entity, kind):
        raise TypeError(f"'entity' must be an AE of this adapter, not {type(entity).__name__}")
    if "title" in options or options.get("limits") is not None:
        raise TypeError("'title' and 'limits' are those of the entity: give them, or an entity")
    return entity


def check_limits(limits: object) -> None:
    """`TypeError` for what would be found out much later, and somewhere else."""
    if not isinstance(limits, Limits):
        raise TypeError(f"limits are Limits, not {type(limits).__name__}")


def check_trace(trace: object) -> None:
    """`TypeError` for a path."""
    if isinstance(trace, str | os.PathLike):
        raise TypeError("'trace' is a TraceFile, not a path: make one, with TraceFile(path)")


def check_options(options: Mapping[str, object], kind: Any, function: str) -> None:
    """`TypeError` for a keyword that there is not, as Python has it."""
    known = kind.__required_keys__ | kind.__optional_keys__
    for name in options:
        if name not in known:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")


async def open_client(
    kind: type[ClientT], entity: ApplicationEntityBase, dialer: Dialer[ClientT], options: ProposedOptions
) -> ClientT:
    """An established association; errors of :func:`open_proposed`."""
    proposal = proposal_of(options.get("contexts"), options.get("files"), options.get("services"))
    return await open_proposed(kind, entity, dialer, options, proposal)


async def open_proposed(
    kind: type[ClientT],
    entity: ApplicationEntityBase,
    dialer: Dialer[ClientT],
    options: OpeningOptions,
    proposal: ClientProposal,
) -> ClientT:
    """An established association for what is proposed.

    Raises:
        Refused: there is none, or it has no presentation context; the text says why.
        TypeError, ValueError: a bad argument.
    """
    check_trace(options.get("trace"))
    asked = RequestOptions(
        contexts=list(proposal.contexts),
        ae_title=options.get("to", ANY_TITLE),
        max_pdu=options.get("max_pdu", 16382),
        ext_neg=[*options.get("negotiation", ()), *proposal.roles],
        evt_handlers=list(options.get("handlers", ())),
        timeouts=options.get("timeouts"),
        trace=options.get("trace"),
    )
    # What an adapter makes of its own kind has other arguments than the base.
    make: Any = kind
    try:
        client: ClientT = await associate(make, entity, dialer, asked)
    except OSError as error:
        # Everything behind this is told by the association.
        why = printable(str(error.strerror or error), 300)
        raise Refused(f"no connection: the host name or the local address cannot be used: {why}") from error
    if not client.is_established:
        raise Refused(in_keywords(client.explain()))
    receive_on(client, set(proposal.received))
    return client
