"""What pools of the adapters with sockets are made with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from dicomwire.associations.association_base import AssociationBase
from dicomwire.client.opening_client import check_options, entity_for, open_proposed
from dicomwire.pooling.association_kind import AssociationKind, Terms, pooled_timeouts
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import CallOptions, PooledOptions, call_again

ClientT = TypeVar("ClientT", bound=AssociationBase)


def opener(
    kind: type[ClientT],
    entity_kind: type[Any],
    dialer: Callable[..., Any],
    address: tuple[Peer, int | None],
    options: CallOptions,
    terms: Terms,
    name: str,
) -> Callable[[AssociationKind], Awaitable[ClientT]]:
    """What opens an association of a pool that is called ``name``.

    Raises:
        TypeError, ValueError: a bad argument, here and not when the first one is opened.
    """
    check_options(options, PooledOptions if name == "Pool" else CallOptions, name)
    entity = entity_for(entity_kind, options)
    call = call_again(*address, options, name)
    asked: CallOptions = {**options, "timeouts": pooled_timeouts(entity, options, terms)}

    async def open_one(wanted: AssociationKind) -> ClientT:
        return await open_proposed(kind, entity, dialer(call), asked, wanted.proposal)

    return open_one
