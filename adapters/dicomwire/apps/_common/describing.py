"""Applications that are asked what they would do, instead of doing it: for ``dicomwire conformance``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.events import EventHandler
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.sockets.tls_files import TLSFiles
from dicomwire.vocabulary.contexts import PresentationContext

if TYPE_CHECKING:
    from dicomwire.conformance import DescribedEntity

_FOUND: ContextVar[list[DescribedEntity] | None] = ContextVar("_FOUND", default=None)


class NothingMoreToAsk(BaseException):
    """Raised where an application would go on: nothing is left to be asked.  No handler of errors is to take it."""


@contextmanager
def describing() -> Iterator[list[DescribedEntity]]:
    """In the block applications open no connection and write no file; the list holds what AEs they would have."""
    found: list[DescribedEntity] = []
    token = _FOUND.set(found)
    try:
        yield found
    except NothingMoreToAsk:
        pass
    finally:
        _FOUND.reset(token)


def is_describing() -> bool:
    """Whether applications are only asked."""
    return _FOUND.get() is not None


def describe(
    ae: ApplicationEntityBase,
    *,
    requested: Sequence[PresentationContext] = (),
    supported: Sequence[PresentationContext] = (),
    handlers: Sequence[EventHandler] = (),
    negotiation: Sequence[NegotiationItem] = (),
    tls: TLSFiles | None = None,
) -> bool:
    """Note an AE, if that is asked for; False if not."""
    found = _FOUND.get()
    if found is None:
        return False
    from dicomwire.conformance import DescribedEntity

    found.append(
        DescribedEntity(
            ae=ae,
            requested=requested,
            supported=supported,
            handlers=handlers,
            negotiation=negotiation,
            tls=None if tls is None else tls.profile,
        )
    )
    return True
