"""What comes of requests, taken one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, Self, TypeVar

from dicomwire.associations.invoking import Invoker
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import is_final

T = TypeVar("T")


class Stream(ABC, Generic[T]):
    """An asynchronous iterator over what comes of requests."""

    def __aiter__(self) -> Self:
        return self

    @abstractmethod
    async def __anext__(self) -> T:
        """The next outcome."""

    def prepare(self) -> None:
        """Run what the user gave for the next outcome.

        An adapter that holds a lock while it awaits that calls this before, without the lock: such code may use the
        association itself, or wait for long.
        """

    async def aclose(self) -> None:
        """Take no more: the rest is dropped as it comes."""
        self.leave()

    @abstractmethod
    def leave(self) -> None:
        """What :meth:`aclose` does; nothing is waited for."""

    def __del__(self) -> None:
        self.leave()


class ResponseStream(Stream[T]):
    """The responses to one request; the peer is read only as far as somebody asks for them.

    Leaving it early is allowed: what the peer still sends is dropped, and the request is cancelled before the next
    one is sent.
    """

    def __init__(
        self, invoker: Invoker, context_id: int, command: Command, interpret: Callable[[ReceivedMessage | None], T]
    ) -> None:
        assert command.message_id is not None
        self._invoker = invoker
        self._context_id = context_id
        self._command = command
        self._message_id = command.message_id
        self._interpret = interpret
        self._is_over = False
        invoker.iterate(self._message_id)

    @property
    def has_next(self) -> bool:
        """A response has come that nobody has taken."""
        return self._invoker.has_response(self._message_id)

    async def __anext__(self) -> T:
        """The next response; an empty one, and the last, if the association ended before the final one came."""
        if self._is_over:
            raise StopAsyncIteration
        with self._invoker.line.exchange:
            response = await self._invoker.response(self._command)
        if response is None or is_final(self._command, response.command.status):
            self._is_over = True
            self._invoker.iterated(self._message_id)
        return self._interpret(response)

    def leave(self, then: Callable[[], None] | None = None) -> None:
        """Take no more responses; ``then`` is called when the last one has come."""
        if not self._is_over:
            self._is_over = True
            self._invoker.forget(self._message_id, self._context_id, then)
        elif then is not None:
            then()
