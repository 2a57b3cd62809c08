"""Lends associations: what is given out works, as far as can be known, and never more than so many exist."""

from __future__ import annotations

from typing import Any, Generic, TypeAlias, TypeVar

from attrs import define

from dicomwire._logging import logger, reason
from dicomwire._values import Shown
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.coroutines import outcome
from dicomwire.associations.line import Line
from dicomwire.associations.releasing import release
from dicomwire.client.failures import AllInUse, Failure, PoolClosed, Refused, ServiceFailed
from dicomwire.client.storing import echo
from dicomwire.pooling.association_kind import AssociationKind, Terms
from dicomwire.pooling.holdings import Holdings, Seat
from dicomwire.pooling.lending_place import LendingPlace, PoolSignal

LOGGER = logger(__name__)

ClientT = TypeVar("ClientT", bound=AssociationBase)

_Seat: TypeAlias = Seat[ClientT, AssociationKind]
_Holdings: TypeAlias = Holdings[ClientT, AssociationKind]

ECHO_TIME = 5.0
"""Seconds for a peer to answer the C-ECHO by which an idle association is verified."""

RELEASE_TIME = 2.0
"""Seconds for a peer to answer the release of an association that nobody uses, and for all of them at the end."""


@define(repr=False, eq=False)
class Lease(Shown, Generic[ClientT]):
    """An association that somebody has."""

    client: ClientT
    seat: _Seat[ClientT]
    holdings: _Holdings[ClientT]
    is_fresh: bool
    """Opened for this; else it was idle before."""


class Lender(Generic[ClientT]):
    """What a pool and an archive are made of; its coroutines run in the way of its adapter."""

    def __init__(self, place: LendingPlace[ClientT], terms: Terms) -> None:
        self.terms = terms
        self._place = place
        self._holdings = self._new_holdings()
        self._signals: dict[_Seat[ClientT], PoolSignal] = {}
        """Of who waits for a place."""

        self._leases: set[Lease[ClientT]] = set()
        self._tending: PoolSignal | None = None
        """There while idle associations are looked after; ends the wait for the next deadline."""

        self._emptied: PoolSignal | None = None
        """There while somebody waits for all to be given back."""

    def _new_holdings(self) -> _Holdings[ClientT]:
        return Holdings(self.terms.size, self.terms.idle, AssociationKind.covers)

    def __repr__(self) -> str:
        holdings = self._holdings
        state = "closed, " if holdings.is_closed else ""
        return f"{state}{holdings.used} of {self.terms.size} in use, {holdings.idle} idle, {holdings.waiting} waiting"

    def forsake(self, why: str) -> None:
        """Begin anew: this process is a fork, or the event loop of before is gone.  Nothing is closed."""
        was_closed, self._holdings = self._holdings.is_closed, self._new_holdings()
        self._holdings.is_closed = was_closed
        self._signals, self._leases = {}, set()
        self._tending = self._emptied = None
        LOGGER.debug("a pool begins anew: %s", why)

    # -- lending --------------------------------------------------------------------------------------------------
    async def take(self, wanted: AssociationKind, *, fresh: bool = False) -> Lease[ClientT]:
        """An association for this: an idle one that still works, or a new one; with ``fresh`` never an idle one.

        Raises:
            AllInUse: there was no place in time.
            PoolClosed: there are no more.
            Refused: the peer wants no association.
        """
        place = self._place
        place.enter()
        with place.lock:
            holdings = self._holdings
            if holdings.is_closed:
                raise PoolClosed("the pool is closed")
            seat = holdings.ask(wanted, place.seconds(), fresh=fresh)
            if not seat.is_granted:
                self._signals[seat] = place.signal()
        if not seat.is_granted:
            await self._wait_for(holdings, seat)
        try:
            return await self._filled(holdings, seat)
        except BaseException:
            self._leave(holdings, seat)
            raise

    async def _wait_for(self, holdings: _Holdings[ClientT], seat: _Seat[ClientT]) -> None:
        place, wait = self._place, self.terms.wait
        try:
            signal = self._signals[seat]
            begun = place.seconds()
            while not seat.is_granted and not holdings.is_closed:
                left = None if wait is None else begun + wait - place.seconds()
                if left is not None and left <= 0:
                    break
                await signal.wait(left)
        except BaseException:
            self._leave(holdings, seat)
            raise
        with place.lock:
            self._signals.pop(seat, None)
            if seat.is_granted:
                return
            used, before = holdings.used, holdings.waiting - 1
        self._leave(holdings, seat)
        if holdings.is_closed:
            raise PoolClosed("the pool was closed while an association was waited for")
        raise AllInUse(
            f"no association became free within {wait:g} s: {used} of {self.terms.size} are in use, "
            f"and {before} others wait for one"
        )

    async def _filled(self, holdings: _Holdings[ClientT], seat: _Seat[ClientT]) -> Lease[ClientT]:
        if seat.surplus is not None:
            surplus, seat.surplus = seat.surplus.item, None
            await self._end(surplus)
        client: ClientT | None = None
        if seat.idle is not None:
            kept, seat.idle = seat.idle.item, None
            if await self._still_works(kept, seat.idle_for):
                client = kept
        is_fresh = client is None
        if client is None:
            client = await self._place.open(seat.kind)
        lease = Lease(client, seat, holdings, is_fresh)
        with self._place.lock:
            is_closed = holdings.is_closed
            if not is_closed:
                self._leases.add(lease)
        if is_closed:
            await self._end(client)
            raise PoolClosed("the pool was closed while an association was opened")
        return lease

    async def _still_works(self, client: ClientT, idle_for: float) -> bool:
        """Whether an idle association can be used; else it has ended."""
        verify = self.terms.verify
        if client.is_established and (verify is None or idle_for < verify):
            return True
        try:
            answers = client.is_established and await _answers(client)
        except BaseException as error:
            await self._end(client, error)
            raise
        if not answers:
            LOGGER.info(
                "an idle association with %s is replaced: %s", client.line.sides.peer_name, client.line.standing
            )
            await self._end(client, Failure())
        return answers

    async def renew(self, lease: Lease[ClientT]) -> None:
        """A new association in place of one that has turned out to be dead; errors of ``open_proposed``.

        Raised, the lease is to be given back all the same.
        """
        await self._end(lease.client, Failure())
        lease.client, lease.is_fresh = await self._place.open(lease.seat.kind), True

    async def give_back(self, lease: Lease[ClientT], error: BaseException | None = None) -> None:
        """It is not used any more; ``error`` is what ended its use."""
        place, holdings, client = self._place, lease.holdings, lease.client
        with place.lock:
            self._leases.discard(lease)
            is_kept = self.terms.idle != 0 and not holdings.is_closed and _is_sound(client, error)
            if is_kept:
                self._wake(holdings.give_back(lease.seat, client, place.seconds()))
                self._tend()
        if not is_kept:
            try:
                await self._end(client, error)
            finally:
                self._leave(holdings, lease.seat)

    def _leave(self, holdings: _Holdings[ClientT], seat: _Seat[ClientT]) -> None:
        """Give up a place; nothing is waited for."""
        orphans = []
        with self._place.lock:
            self._signals.pop(seat, None)
            if holdings.is_closed:
                orphans = [kept.item for kept in (seat.idle, seat.surplus) if kept is not None]
                seat.idle = seat.surplus = None
            self._wake(holdings.leave(seat, self._place.seconds()))
            self._tend()
            if self._emptied is not None and not holdings.used:
                self._emptied.set()
        for client in orphans:
            self._abandon(client)

    def _wake(self, granted: list[_Seat[ClientT]]) -> None:
        for seat in granted:
            if (signal := self._signals.pop(seat, None)) is not None:
                signal.set()

    # -- ending ---------------------------------------------------------------------------------------------------
    async def _end(self, client: ClientT, error: BaseException | None = None) -> None:
        """End an association: released, aborted after an error, and without waiting where one must not wait."""
        try:
            if error is not None and not isinstance(error, Exception):
                self._abandon(client)
            elif error is None and not client.line.session.outstanding:
                await outcome(client.line.host.face(_released(client.line)))
            else:
                leaving: Any = client
                await outcome(leaving.abort())
        except BaseException as interruption:
            self._abandon(client)
            if not isinstance(interruption, Exception):
                raise
            LOGGER.error("an association of a pool ended badly: %s", reason(interruption))
        finally:
            self._place.let_go(client)

    def _abandon(self, client: ClientT) -> None:
        client.line.host.apart(client.line.ending.abandon)
        self._place.let_go(client)

    # -- looking after idle ones ----------------------------------------------------------------------------------
    def _tend(self) -> None:
        """See to it that somebody releases what is idle for too long; with the lock."""
        if self._tending is None and not self._holdings.is_closed and self._holdings.next_deadline() is not None:
            self._tending = self._place.signal()
            if not self._place.spawn(self.release_overdue):
                # The next one who gives an association back tries again.
                self._tending = None

    async def release_overdue(self) -> None:
        """Release what is idle for too long, as long as there is anything idle: for a thread or task of its own."""
        place, holdings = self._place, self._holdings
        due: list[ClientT] = []
        try:
            while True:
                with place.lock:
                    now = place.seconds()
                    due += holdings.overdue(now)
                    deadline, signal = holdings.next_deadline(), self._tending
                    if not due and (deadline is None or holdings.is_closed or signal is None):
                        if holdings is self._holdings:
                            self._tending = None
                        return
                if not due:
                    assert deadline is not None and signal is not None
                    await signal.wait(deadline - now)
                while due:
                    await self._end(due[-1])
                    due.pop()
                    with place.lock:
                        self._wake(holdings.left(place.seconds()))
        except BaseException:
            # Cancelled: the loop ends, and nobody has closed the pool.  What is idle does not stay open behind it.
            with place.lock:
                if holdings is self._holdings:
                    self._tending = None
                due += holdings.overdue(float("inf"))
            for client in due:
                self._abandon(client)
                with place.lock:
                    self._wake(holdings.left(place.seconds()))
            raise

    async def close(self, drain: float = 0.0) -> None:
        """End all associations, those in use after ``drain`` seconds; again it does nothing."""
        place = self._place
        if self._holdings.idle or self._holdings.used:
            place.enter()
        holdings = self._holdings
        idle = self._shut(holdings)
        try:
            begun = place.seconds()
            while idle:
                if place.seconds() - begun < RELEASE_TIME:
                    await self._end(idle[-1])
                else:
                    self._abandon(idle[-1])
                idle.pop()
            await self._drain(holdings, drain)
            for lease in self._lent():
                await self._end(lease.client, PoolClosed())
            await place.spawned()
        finally:
            for client in idle:
                self._abandon(client)
            self._abandon_leases()

    def close_now(self) -> None:
        """End all associations without waiting."""
        for client in self._shut(self._holdings):
            self._abandon(client)
        self._abandon_leases()

    def _shut(self, holdings: _Holdings[ClientT]) -> list[ClientT]:
        """Give out no more: the idle associations."""
        with self._place.lock:
            idle, waiting = holdings.close()
            self._wake(waiting)
            if self._tending is not None:
                self._tending.set()
        return idle

    async def _drain(self, holdings: _Holdings[ClientT], seconds: float) -> None:
        """Let those be given back that are in use."""
        begun = self._place.seconds()
        while holdings.used and (left := begun + seconds - self._place.seconds()) > 0:
            with self._place.lock:
                emptied = self._emptied = self._place.signal()
                if not holdings.used:
                    return
            await emptied.wait(left)

    def _lent(self) -> list[Lease[ClientT]]:
        with self._place.lock:
            return [*self._leases]

    def _abandon_leases(self) -> None:
        for lease in self._lent():
            self._abandon(lease.client)


def _is_sound(client: AssociationBase, error: BaseException | None) -> bool:
    """Whether somebody else can use it: nothing is under way, and what went wrong, if anything, was an answer."""
    if error is not None and not isinstance(error, ServiceFailed | Refused):
        return False
    line = client.line
    return client.is_established and not (line.session.outstanding or line.is_sending)


async def _answers(client: AssociationBase) -> bool:
    """Whether the peer answers a C-ECHO, whatever that says; it has not long to do so."""
    answered: bool = await outcome(client.line.host.face(_echoed(client)))
    return answered


async def _echoed(client: AssociationBase) -> bool:
    line = client.line
    before = line.timeouts.response
    line.timeouts.response = ECHO_TIME if before is None else min(before, ECHO_TIME)
    line.take_timeouts()
    try:
        await echo(client)
    except ServiceFailed:
        return True
    except Failure:
        # Also where it does not speak Verification, and nothing is known.
        return False
    finally:
        line.timeouts.response = before
        line.take_timeouts()
    return True


async def _released(line: Line) -> None:
    line.timeouts.release = RELEASE_TIME if line.timeouts.release is None else min(line.timeouts.release, RELEASE_TIME)
    line.take_timeouts()
    await release(line)
