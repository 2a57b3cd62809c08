"""Associations that get time to end, each watched by a task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dicomwire.associations.draining import in_order, retire
from dicomwire.memory.association import Association
from dicomwire.memory.network import Network


async def drain(network: Network, associations: Iterable[Any], seconds: float) -> None:
    """Return when they have ended by themselves, or after so many seconds, when what is left is aborted."""
    deadline = network.now + seconds
    for group in in_order(item for item in associations if isinstance(item, Association)):
        tasks = [network.spawn(retire(association)) for association in group]
        await network.until(lambda tasks=tasks: all(task.done for task in tasks), deadline)  # type: ignore[misc]
    for group in in_order(associations):
        for association in group:
            await association.abort()
