"""The end of associations that may finish what they are at.

Adapters start :func:`retire` for those of each group of :func:`in_order`, and abort what is left when time is up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.releasing import release

AssociationT = TypeVar("AssociationT", bound=AssociationBase)


def in_order(associations: Iterable[AssociationT]) -> list[list[AssociationT]]:
    """Those that peers have asked for, and then ours: a C-MOVE that is being served needs one to its destination."""
    running = [association for association in associations if not association.line.standing.is_closed]
    return [
        [association for association in running if association.is_acceptor],
        [association for association in running if association.is_requestor],
    ]


async def retire(association: AssociationBase) -> None:
    """Return when the association is over: it is released as soon as no operation is under way.

    One that has not been asked for is aborted, which closes its connection; one that is being negotiated is first
    established.  A release is what either side may ask for while nothing is under way (PS3.8 7.2), and it tells the
    peer that nothing was lost, which an abort does not.
    """
    line, standing = association.line, association.line.standing
    if not standing.was_opened or not (standing.is_established or association.control.request is not None):
        await association.control.abort(block=False)
        return
    while not standing.has_ended and (not standing.is_established or _is_at_work(association)):
        if association.is_acceptor:
            await line.turn()
        else:
            # Nobody may be reading, nor have looked at what has arrived.
            await line.advance(wait=not line.session.connection.unseen)
    # From the look to the request nothing else can run.
    await release(line)
    if not standing.is_closed:
        # The peer or somebody else has asked for it.
        await line.wait_closed()


def _is_at_work(association: AssociationBase) -> bool:
    line = association.line
    return line.is_sending or association.performer.at_work > 0 or line.session.is_at_work
