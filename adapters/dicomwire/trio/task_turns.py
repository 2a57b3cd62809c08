"""Tasks that use one association take turns: one waits for the peer, the others for that one."""

from __future__ import annotations

import math

import trio

from dicomwire.dimse.session import Session
from dicomwire.sockets.delivery import SocketDelivery


class TaskTurns:
    """Where the tasks wait that neither read nor write, for those of them that do or for the next deadline."""

    def __init__(self, session: Session, delivery: SocketDelivery) -> None:
        self.waiting: int = 0
        """How many tasks are here; for looking at only: to ask with each message would cost more."""

        self._session = session
        self._delivery = delivery
        self._lot = trio.lowlevel.ParkingLot()

    async def wait(self) -> None:
        """Wait for :meth:`wake`, or for the session's next deadline, which is handled then."""
        deadline = self._session.next_deadline(trio.current_time())
        self.waiting += 1
        try:
            with trio.CancelScope(deadline=math.inf if deadline is None else deadline) as scope:
                await self._lot.park()
        finally:
            self.waiting = len(self._lot)
        if scope.cancelled_caught:
            self._session.handle_deadline(trio.current_time(), self._delivery)

    def wake(self) -> None:
        """Something has changed: let everybody look."""
        self.waiting = 0
        self._lot.unpark_all()
