"""An association in memory."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dicomwire.associations.adapter_host import PlainHost
from dicomwire.associations.async_association import AsyncAssociation
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.handlers import HandlerTable
from dicomwire.associations.line import Line
from dicomwire.associations.user_code import holds
from dicomwire.memory.memory_channel import MemoryChannel
from dicomwire.memory.network import Cancelled, Network
from dicomwire.upper_layer.state import Role

if TYPE_CHECKING:
    from dicomwire.tracing.trace_records import Recorder


class NetworkHost(PlainHost):
    """The host of an association inside a :class:`Network`."""

    line: Line
    """The association's, once that is made."""

    def __init__(self, network: Network) -> None:
        super().__init__(lambda: datetime(2000, 1, 1) + timedelta(seconds=network.now), lambda: network.now)
        self._network = network
        self.moves: int = 0
        """How often timeouts were set."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run ``work`` in a task of the network."""
        self._network.spawn(work)
        return True

    def is_for_others(self, error: BaseException) -> bool:
        """Cancellation is for whoever was cancelled."""
        return holds(error, Cancelled) or super().is_for_others(error)

    def timeouts_set(self, take: Callable[[], None]) -> None:
        """Let whoever waits look at the deadline anew."""
        take()
        self.moves += 1
        if self.line.standing.was_opened:
            self.line.channel.changed()


class Association(AsyncAssociation):
    """An association inside a :class:`Network`."""

    def __init__(
        self, ae: ApplicationEntityBase, role: Role, handlers: HandlerTable, trace: Recorder | None = None
    ) -> None:
        network: Any = getattr(ae, "network", None)
        assert isinstance(network, Network)
        self.host: NetworkHost = NetworkHost(network)
        super().__init__(ae, role, handlers, self.host, trace)
        self.host.line = self.line


async def attend(association: Association, channel: MemoryChannel) -> None:
    """Notice what the peer does while no operation of a requestor waits for it."""
    line, host, standing = association.line, association.host, association.line.standing
    while not standing.has_ended:
        now, idle = channel.network.now, association.network_timeout
        deadline = channel.session.next_deadline(now)
        if idle is not None:
            # While an operation waits this one does not run yet: it begins when that ends, now at the earliest.
            deadline = now + idle if deadline is None else min(deadline, now + idle)

        def has_cause(moves: int = host.moves) -> bool:
            arrived = (channel.has_arrived() or not channel.session.wants_data) and not line.is_reading
            return arrived or standing.has_ended or host.moves != moves

        await channel.network.until(has_cause, deadline)
        await line.attend()
