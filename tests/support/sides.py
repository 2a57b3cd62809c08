"""One text for both ends of an association: our adapters, and pynetdicom in this process, as SCU and as SCP.

Handlers and scenarios use what the two packages have in common.  A scenario is a coroutine function that gets the
association; with pynetdicom, as with the blocking adapter, it never suspends.
"""

from __future__ import annotations

import asyncio
import importlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import trio
from attrs import frozen

from tests.support.peers import ADAPTERS, HOST, converse, eventually, our_server

T = TypeVar("T")

PYNETDICOM = "pynetdicom"
PAIRS = [(adapter, PYNETDICOM) for adapter in ADAPTERS] + [(PYNETDICOM, adapter) for adapter in ADAPTERS]
"""Who is SCU, and who is SCP."""

Handlers = Mapping[str, Callable[..., Any]]
"""By name of the event."""


class _Patient:
    """An association of pynetdicom 3.0.4, which may lose a response.

    It does if the next request is sent before its own thread has woken up after the one before.
    """

    def __init__(self, association: Any) -> None:
        self._association = association

    def __getattr__(self, name: str) -> Any:
        association = self._association
        if name.startswith("send_") and name != "send_c_cancel" and association.is_requestor:
            _wait_until_awake(association)
        return getattr(association, name)


def _wait_until_awake(association: Any) -> None:
    eventually(lambda: not association._is_paused, 5, "sign of life of pynetdicom")


def _patient_entity(entity: Any) -> Any:
    """An AE of pynetdicom whose associations, those for a C-MOVE too, store as :class:`_Patient` does."""

    class Entity(entity):  # type: ignore[misc]
        def associate(self, *args: Any, **keywords: Any) -> Any:
            association = super().associate(*args, **keywords)
            store = association.send_c_store

            def send_c_store(*args: Any, **keywords: Any) -> Any:
                _wait_until_awake(association)
                return store(*args, **keywords)

            association.send_c_store = send_c_store
            return association

    return Entity


def _no_delay(event: Any) -> None:
    """Without it each of pynetdicom's messages may wait 40 ms for a delayed acknowledgement."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@frozen
class Side:
    """An adapter of ours, or pynetdicom."""

    name: str

    @property
    def is_ours(self) -> bool:
        return self.name != PYNETDICOM

    @property
    def package(self) -> Any:
        return importlib.import_module("dicomwire" if self.is_ours else PYNETDICOM)

    @property
    def items(self) -> Any:
        """The module with the items of extended negotiation."""
        return importlib.import_module(f"{self.package.__name__}.pdu_primitives")

    def contexts(self, *uids: str, syntaxes: Sequence[str] | None = None) -> list[Any]:
        return [self.package.build_context(uid, None if syntaxes is None else list(syntaxes)) for uid in uids]

    def roles(self, *uids: str) -> list[Any]:
        """Items that propose to be SCP only."""
        return [self.package.build_role(uid, scp_role=True) for uid in uids]

    def bound(self, handlers: Handlers) -> list[tuple[Any, ...]]:
        return [(getattr(self.package.evt, name), handler) for name, handler in handlers.items()]

    def converse(
        self,
        port: int,
        talk: Callable[[Any], Awaitable[T]],
        *,
        contexts: Sequence[Any],
        ext_neg: Sequence[Any] = (),
        handlers: Handlers | None = None,
        called: str = "ANY-SCP",
        tls: ssl.SSLContext | None = None,
    ) -> T:
        """Associate, let ``talk`` use the association, and release it."""
        bound = self.bound(handlers or {})
        if self.is_ours:
            return converse(
                self.name, port, talk, contexts=contexts, ext_neg=ext_neg, handlers=bound, called=called, tls=tls
            )

        async def patiently(association: Any) -> T:
            return await talk(_Patient(association))

        bound += self.bound({"EVT_CONN_OPEN": _no_delay})
        return converse(
            PYNETDICOM, port, patiently, contexts=contexts, ext_neg=ext_neg, handlers=bound, called=called, tls=tls
        )

    @contextmanager
    def serving(
        self, handlers: Handlers, setup: Callable[[Any], None], tls: ssl.SSLContext | None = None
    ) -> Iterator[int]:
        """Run a server; its port.  ``setup`` gets the AE."""
        if self.is_ours:
            with our_server(self.name, handlers=self.bound(handlers), setup=setup, tls=tls) as server:
                yield server.port
            return
        ae = _patient_entity(self.package.AE)("PYNETDICOM")
        ae.maximum_associations = 50
        setup(ae)
        bound = [*self.bound(handlers), *self.bound({"EVT_CONN_OPEN": _no_delay})]
        server = ae.start_server((HOST, 0), block=False, evt_handlers=bound, ssl_context=tls)
        try:
            yield server.server_address[1]
        finally:
            ae.shutdown()

    async def wait(self, event: threading.Event, seconds: float = 5) -> bool:
        """Wait for what another thread does, or a handler; an event loop goes on meanwhile."""
        if self.name == "asyncio":
            return await asyncio.to_thread(event.wait, seconds)
        if self.name == "trio":
            return await trio.to_thread.run_sync(event.wait, seconds)
        return event.wait(seconds)

    def afterwards(self, association: Any, work: Callable[[Any], Awaitable[None]]) -> None:
        """Let ``work`` use the association of a handler, beside or after that handler."""
        if self.name == "asyncio":
            task = asyncio.get_running_loop().create_task(_awaited(work(association)))
            _TASKS.add(task)
            task.add_done_callback(_TASKS.discard)
        elif self.name == "trio":
            trio.lowlevel.spawn_system_task(partial(_awaited, work(association)))
        else:
            from dicomwire.associations.coroutines import run

            threading.Thread(target=lambda: run(_awaited(work(association)))).start()


_TASKS: set[Any] = set()


async def _awaited(work: Awaitable[T]) -> T:
    return await work
