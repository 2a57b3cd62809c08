"""Peers to query and to retrieve from, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field
from pydicom.dataset import Dataset

from dicomwire import events as evt
from dicomwire.presentation import PresentationContext, build_context
from tests.apps.helpers import CT, EXPLICIT, IMPLICIT, JPEG, MR, Peer, peer
from tests.support.data_sets import fill

PATIENT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_STUDY_FIND = "1.2.840.10008.5.1.4.1.2.3.1"
WORKLIST = "1.2.840.10008.5.1.4.31"
UPS_PULL = "1.2.840.10008.5.1.4.34.6.3"
PATIENT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
PATIENT_STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.3.2"
PATIENT_GET = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"
PATIENT_STUDY_GET = "1.2.840.10008.5.1.4.1.2.3.3"

FINDS = (PATIENT_FIND, STUDY_FIND, PATIENT_STUDY_FIND, WORKLIST, UPS_PULL)
MOVES = (PATIENT_MOVE, STUDY_MOVE, PATIENT_STUDY_MOVE)
GETS = (PATIENT_GET, STUDY_GET, PATIENT_STUDY_GET)


REFUSED = (0xA900, None)
"""What every handler may yield first: the identifier is no good."""


def storage(sop_class: str, syntaxes: Sequence[str] = (EXPLICIT, IMPLICIT, JPEG)) -> PresentationContext:
    """A storage class whose instances the peer sends on the association that we requested."""
    context = build_context(sop_class, [*syntaxes])
    context.scu_role, context.scp_role = False, True
    return context


def match(**elements: Any) -> Dataset:
    """What a C-FIND handler yields."""
    made = Dataset()
    fill(made, elements)
    return made


@define
class Archive:
    """A server that answers every request with ``answers``, and what it was asked."""

    peer: Peer
    requests: list[Any] = field(factory=list)
    identifiers: list[Dataset] = field(factory=list)

    @property
    def port(self) -> str:
        return self.peer.port

    @property
    def models(self) -> list[str]:
        """The SOP class of each request."""
        return [str(request.AffectedSOPClassUID) for request in self.requests]

    @property
    def information(self) -> dict[str, bytes]:
        """What the last association negotiated in SOP class extended negotiation."""
        found: dict[str, bytes] = dict(self.peer.requestors[-1].sop_class_extended)
        return found


@contextmanager
def archive(
    answers: Iterable[Any] = (),
    *,
    contexts: Sequence[PresentationContext] | None = None,
    handlers: Sequence[evt.EventHandler] = (),
    **settings: Any,
) -> Iterator[Archive]:
    """An archive that takes every model, and CT and MR instances; callables in ``answers`` get the event."""
    supported = contexts
    if supported is None:
        supported = [build_context(uid) for uid in (*FINDS, *MOVES, *GETS)] + [storage(CT), storage(MR)]

    def handle(event: evt.Event) -> Iterator[Any]:
        made.requests.append(event.request)
        made.identifiers.append(event.identifier)
        for answer in answers:
            yield answer(event) if callable(answer) else answer

    kinds = (evt.EVT_C_FIND, evt.EVT_C_GET, evt.EVT_C_MOVE)
    with peer(contexts=supported, handlers=[*((kind, handle) for kind in kinds), *handlers], **settings) as server:
        made = Archive(server)
        yield made


def pending(paths: Iterable[Path]) -> list[Any]:
    """Sub-operations, as C-GET and C-MOVE handlers yield them."""
    return [(0xFF00, path) for path in paths]
