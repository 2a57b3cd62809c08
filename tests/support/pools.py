"""Pools and archives of every adapter, and a peer that counts what it sees of them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from dicomwire import build_context, evt
from dicomwire.associations.coroutines import Held
from tests.support.adapters import LOCALHOST, VERIFICATION, Recorder, World, port_of
from tests.support.finding import FIND

CONTEXTS = [build_context(uid) for uid in (VERIFICATION, FIND)]


def made(world: World, name: str, server: Any, **options: Any) -> Any:
    """A ``Pool`` or ``Archive`` of the adapter, for a server of the world."""
    if world.name == "memory":
        options.setdefault("network", world.network)  # type: ignore[attr-defined]
    return getattr(import_module(f"dicomwire.{world.name}"), name)(LOCALHOST, port_of(server), **options)


def pool_of(world: World, server: Any, **options: Any) -> Any:
    """A pool of associations with a server."""
    return made(world, "Pool", server, **options)


def archive_at(world: World, server: Any, **options: Any) -> Any:
    """An archive, which the server is."""
    return made(world, "Archive", server, **options)


@asynccontextmanager
async def using(manager: Any) -> AsyncIterator[Any]:
    """``with`` or ``async with``, whichever there is: what that gives."""
    async with Held(manager) as entered:
        yield entered


async def closed(pool: Any, drain: float = 0.0) -> None:
    """Close it, in its way."""
    if hasattr(pool, "aclose"):
        await pool.aclose(drain)
    else:
        pool.close(drain)


class CountingPeer(Recorder):
    """What a server sees: the associations that came, those that are there, and how many are asked at once."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self.under_way = 0
        self.most = 0
        """The most requests that were ever under way."""

    def enter(self) -> None:
        """A request has come."""
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)

    def leave(self) -> None:
        """It is about to be answered."""
        with self._lock:
            self.under_way -= 1

    def echo(self, event: evt.Event) -> int:
        """Answer a C-ECHO."""
        self.enter()
        self.leave()
        return 0x0000

    @property
    def handlers(self) -> list[Any]:
        """For the server, to which C-ECHO is counted too."""
        return [(evt.EVT_C_ECHO, self.echo), *self.bindings(evt.EVT_ESTABLISHED, evt.EVT_RELEASED, evt.EVT_ABORTED)]

    @property
    def came(self) -> int:
        """How many associations there were."""
        return self.names.count("ESTABLISHED")

    @property
    def ended(self) -> list[str]:
        """How those ended that did."""
        return self.only("RELEASED", "ABORTED")

    def association(self, number: int) -> Any:
        """The server's end of one."""
        return self.of(evt.EVT_ESTABLISHED)[number].assoc
