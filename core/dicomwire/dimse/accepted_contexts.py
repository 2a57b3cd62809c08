"""The presentation contexts of an association, from its request and the answer to it (PS3.8 9.3.3.2)."""

from __future__ import annotations

from attrs import frozen

from dicomwire._values import Value
from dicomwire.upper_layer.connection_events import Tolerated
from dicomwire.upper_layer.pdus import AssociateAC, AssociateRQ


@frozen(repr=False, eq=False)
class AcceptedContext(Value):
    """A presentation context that both sides agreed on."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str


def accepted_contexts(request: AssociateRQ, answer: AssociateAC) -> tuple[dict[int, AcceptedContext], list[Tolerated]]:
    """The accepted contexts by ID, and what was tolerated in the answer: the field takes liberties."""
    proposed = {context.context_id: context for context in reversed(request.presentation_context)}
    accepted: dict[int, AcceptedContext] = {}
    tolerated: list[Tolerated] = []
    answered: set[int] = set()
    for context in answer.presentation_context:
        name = f"presentation context {context.context_id}"
        if context.context_id in answered:
            tolerated.append(Tolerated(what=f"{name} answered again: the first answer counts"))
            continue
        answered.add(context.context_id)
        if context.result != 0:
            continue
        proposal = proposed.get(context.context_id)
        transfer_syntax = context.transfer_syntax or ""
        if proposal is None or transfer_syntax not in proposal.transfer_syntax:
            what = f"{name} accepted with a transfer syntax that was not proposed for it: taken as not accepted"
            tolerated.append(Tolerated(what=what))
            continue
        accepted[context.context_id] = AcceptedContext(context.context_id, proposal.abstract_syntax, transfer_syntax)
    return accepted, tolerated
