"""C-MOVE to a destination of our own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dicomwire import build_context, evt
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, World, port_of

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
CONTEXTS = [build_context(MOVE), build_context(VERIFICATION)]


class _Here(tuple[()]):
    """Stands for the address of the destination, and what is added to it."""

    more: tuple[Any, ...] = ()

    def with_options(self, **options: Any) -> _Here:
        changed = _Here()
        changed.more = (options,)
        return changed


HERE = _Here()


async def moving(
    world: World, handler: Any, store: Any = None, *, ae: Any = None, destination: Any = None, told: Any = ()
) -> Any:
    """An association with a C-MOVE SCP; its handler may yield ``HERE`` for a server that stores CT images."""
    entity = ae if ae is not None else world.ae("MOVER")
    entity.requested_contexts = [build_context(CT_IMAGE_STORAGE)]
    if destination is None:
        bound = [] if store is None else [(evt.EVT_C_STORE, store)]
        destination = await world.serve([*bound, *told], contexts=[build_context(CT_IMAGE_STORAGE)])
    address = LOCALHOST, port_of(destination)

    def aware(event: evt.Event) -> Any:
        answers = handler(event)
        if not isinstance(answers, Iterator | list):
            return answers
        return ((*address, *value.more) if isinstance(value, _Here) else value for value in answers)

    served = [] if handler is None else [(evt.EVT_C_MOVE, aware)]
    server = await world.serve(served, ae=entity, contexts=CONTEXTS)
    association = await world.associate(server, contexts=CONTEXTS)
    assert association.is_established
    return association
