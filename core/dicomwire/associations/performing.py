"""Requests of the peer: whether one is served at once, waits for its turn, or is too many."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from typing import Any

from dicomwire._logging import logger
from dicomwire.associations.invoking import Invoker
from dicomwire.associations.releasing import performed
from dicomwire.associations.request import Request
from dicomwire.associations.serving import Dispatcher, serve, serve_as_library
from dicomwire.dimse.accepted_contexts import AcceptedContext
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import N_EVENT_REPORT_RQ, answer
from dicomwire.vocabulary.service_classes import ServiceClass

LOGGER = logger(__name__)

_MOST_WAITING = 64
"""Requests that may wait to be served; a peer that keeps to its window sends far fewer."""

RESOURCE_LIMITATION = 0x0213


class Performer:
    """Performs what the peer invokes, as many at a time as the window allows (PS3.7 D.3.3.3)."""

    def __init__(self, invoker: Invoker) -> None:
        self._line = invoker.line
        self._invoker = invoker
        self._dispatcher = Dispatcher(invoker.line.sides, invoker.contexts)
        self.most: int = 1
        """How many requests of the peer are served at a time."""

        self.at_work: int = 0
        """How many are being served."""

        self._waiting: deque[Request] = deque()
        self._by_hand: list[Request] = []
        """Requests that service classes of the user's are serving."""

    def request(self, context: AcceptedContext, command: Command) -> Request:
        """A request that has begun to arrive; who serves it is known from now on."""
        request = Request(context, command)
        request.invoker, request.line = self._invoker, self._line
        request.service_class, request.unserved = self._dispatcher.find(context, command)
        return request

    def perform(self, request: Request) -> Coroutine[Any, Any, None] | None:
        """Let a request wait for its turn, or give what serves it; an N-EVENT-REPORT never waits."""
        if request.command.command_field == N_EVENT_REPORT_RQ:
            return self._report(request)
        if self.at_work < self.most:
            self.at_work += 1
            self._line.performing += 1
            work = self._serve(request)
            return work if self.most == 1 else self._spawn(work)
        limit = self._line.session.connection.limits.waiting
        held = sum(len(each.data or b"") for each in (*self._waiting, request))
        if len(self._waiting) < _MOST_WAITING and held <= limit:
            self._waiting.append(request)
            return None
        LOGGER.warning(
            "more than %d requests of %s wait to be served, or more than %d bytes of their data sets",
            _MOST_WAITING,
            self._line.sides.peer_name,
            limit,
        )
        request.settle(kept=False)
        return request.respond(answer(request.command, RESOURCE_LIMITATION))

    async def _report(self, request: Request) -> None:
        self._line.performing += 1
        try:
            await serve(request, self._by_hand)
        finally:
            self._line.performing -= 1
            if self._line.waiting:
                self._line.channel.changed()
            if self._line.owes_release:
                await performed(self._line)

    async def _serve(self, request: Request) -> None:
        """Serve a request, and then those that have been waiting."""
        try:
            await serve(request, self._by_hand)
            while self._waiting and not self._line.standing.has_ended:
                await serve(self._waiting.popleft(), self._by_hand)
        finally:
            self.at_work -= 1
            line = self._line
            line.performing -= 1
            if line.waiting:
                line.channel.changed()
            if line.owes_release:
                await performed(line)

    async def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if not self._line.host.spawn(work):
            await work

    async def serve_as_library(self, service_class: type[ServiceClass], primitive: Any) -> None:
        """Do what the library itself does for a request that a service class of the user's has taken."""
        request = next(request for request in self._by_hand if request.primitive is primitive)
        await serve_as_library(request, service_class)
