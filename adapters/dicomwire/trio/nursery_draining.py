"""Associations that get time to end, each watched by a task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import trio

from dicomwire.associations.draining import in_order, retire
from dicomwire.trio.association import Association


async def drain(associations: Iterable[Any], seconds: float) -> None:
    """Return when they have ended by themselves, or after so many seconds, when what is left is aborted."""
    with trio.move_on_after(seconds):
        for group in in_order(item for item in associations if isinstance(item, Association)):
            async with trio.open_nursery() as nursery:
                for association in group:
                    nursery.start_soon(retire, association)
    async with trio.open_nursery() as nursery:
        for association in (association for group in in_order(associations) for association in group):
            nursery.start_soon(association.abort)
