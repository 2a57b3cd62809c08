"""An association in memory."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from dicomwire.associations.awaited import AsyncAssociation
from dicomwire.memory.channel import MemoryChannel
from dicomwire.memory.network import Network, until


class Association(AsyncAssociation):
    """An association inside a :class:`Network`."""

    _moves = 0

    @property
    def _network(self) -> Network:
        network: Any = getattr(self._ae, "network", None)
        assert isinstance(network, Network)
        return network

    def _spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        self._network.spawn(work)
        return True

    def _deadline_moved(self) -> None:
        super()._deadline_moved()
        self._moves += 1
        if self._channel is not None:
            # Whoever waits looks at the deadline anew.
            self._channel.changed()

    def _timestamp(self) -> datetime:
        return datetime(2000, 1, 1) + timedelta(seconds=self._network.now)


async def attend(association: Association, channel: MemoryChannel) -> None:
    """Notice what the peer does while no operation of a requestor waits for it."""
    while not association._ended:
        now, idle = channel.network.now, association.network_timeout
        deadline = channel.session.next_deadline(now)
        if idle is not None:
            # While an operation waits this one does not run yet: it begins when that ends, now at the earliest.
            deadline = now + idle if deadline is None else min(deadline, now + idle)

        def has_cause(moves: int = association._moves) -> bool:
            arrived = (channel._arrived() or not channel.session.wants_data) and not association._advancing
            return arrived or association._ended or association._moves != moves

        await until(has_cause, deadline)
        if not association._ended:
            await association._attend()
