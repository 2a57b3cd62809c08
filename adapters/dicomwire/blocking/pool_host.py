"""A pool whose associations are lent to threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from dicomwire._logging import logger
from dicomwire.associations.coroutines import run
from dicomwire.blocking.client import Client
from dicomwire.blocking.entity import AE
from dicomwire.blocking.eventlet_refused import refuse_eventlet
from dicomwire.blocking.thread_dialer import ThreadDialer
from dicomwire.pooling.association_kind import AssociationKind, Terms
from dicomwire.pooling.lender import Lender
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import CallOptions
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.pooled_calls import opener

LOGGER = logger(__name__)


class _Signal:
    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None) -> None:
        # No system waits longer than that.
        self._event.wait(None if seconds is None else min(seconds, threading.TIMEOUT_MAX))


class PoolHost:
    """The place of a pool among threads; one looks after idle associations, as long as there are any."""

    def __init__(self, open_one: Callable[[AssociationKind], Awaitable[Client]], terms: Terms) -> None:
        self._open_one = open_one
        # Reentrant: a signal handler may ask, in the middle of this.
        self.lock: threading.RLock = threading.RLock()
        self._thread: threading.Thread | None = None
        self.lender: Lender[Client] = Lender(self, terms)
        tell_forks(self)

    def forsake(self, why: str) -> None:
        """This process is a fork: the associations and the thread are the parent's."""
        self.lock = threading.RLock()
        self._thread = None
        self.lender.forsake(why)

    # -- what the shared logic asks -------------------------------------------------------------------------------
    def seconds(self) -> float:
        """Those of the system that go on evenly."""
        return time.monotonic()

    def signal(self) -> _Signal:
        """An event."""
        return _Signal()

    def enter(self) -> None:
        """Threads may always ask."""

    async def open(self, wanted: AssociationKind) -> Client:
        """Open one."""
        return await self._open_one(wanted)

    def let_go(self, client: Client) -> None:
        """Nothing to do."""

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Run ``work`` in a thread; False if there is none to be had."""
        thread = threading.Thread(target=lambda: run(work()), name="dicomwire-pool", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            LOGGER.warning("idle associations are not released in time: %s", error)
            return False
        self._thread = thread
        return True

    async def spawned(self) -> None:
        """Wait for that thread."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()


def lender_for(host: Peer, port: int | None, options: CallOptions, terms: Terms, name: str) -> Lender[Client]:
    """What a pool that is called ``name`` is made of; `TypeError`, `ValueError` for a bad argument."""
    refuse_eventlet()
    return PoolHost(opener(Client, AE, ThreadDialer, (host, port), options, terms, name), terms).lender
