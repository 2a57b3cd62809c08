"""Requests of ours: the context they go on, the window that lets them through, and their responses."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from attrs import evolve

from dicomwire._logging import logger, printable
from dicomwire.associations.explanation import why_none
from dicomwire.associations.line import Line
from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.data.data_sets import encode_data_set
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_CANCEL_RQ
from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.connection import Buffer
from dicomwire.vocabulary.titles_and_uids import uid_name

LOGGER = logger(__name__)


class NoContext(ValueError):
    """No accepted presentation context can carry a request."""

    def __init__(self, message: str, abstract_syntax: str = "") -> None:
        # The message alone: what makes it again when another process hands it on.
        super().__init__(message)
        self.abstract_syntax = abstract_syntax


class Invoker:
    """What an operation gets instead of the association: it chooses a context, asks, and takes responses."""

    def __init__(self, line: Line, contexts: NegotiatedContexts) -> None:
        self.line: Line = line
        self.contexts: NegotiatedContexts = contexts
        self.most: int = 1
        """How many requests of ours may be outstanding at a time (PS3.7 D.3.3.3)."""

        self._mailboxes: defaultdict[int, deque[ReceivedMessage]] = defaultdict(deque)
        """Responses by the message ID of their request, as long as somebody will take them."""

        self._iterated: set[int] = set()
        """Message IDs of requests whose responses somebody takes one by one."""

        self._unread: dict[int, int | None] = {}
        """Outstanding requests whose responses nobody will take any more: by message ID, the context to cancel them on,
        None if there is nothing to cancel."""

        self._afterwards: dict[int, Callable[[], None]] = {}
        """What is to be done when the last of those responses has come."""

    def require_established(self) -> None:
        """Raise RuntimeError unless requests can be sent."""
        standing = self.line.standing
        if not standing.is_established:
            why = standing.failure or "it was released"
            raise RuntimeError(f"the association is not established: {printable(why, 300)}")

    def choose_context(
        self,
        abstract_syntax: str,
        transfer_syntax: str | None = None,
        *,
        role: str | None = "scu",
        exact: bool = False,
        classes: tuple[str, ...] | None = None,
    ) -> NegotiatedContext:
        """The accepted presentation context to send a request on: :meth:`NegotiatedContexts.find`.

        Raises:
            NoContext: there is none.
        """
        found = self.contexts.find(abstract_syntax, transfer_syntax, role=role, exact=exact, classes=classes)
        if found is None:
            wanted = f" with transfer syntax {_shown(transfer_syntax)}" if transfer_syntax else ""
            raise NoContext(
                f"no presentation context for {_shown(abstract_syntax)}{wanted} was accepted by the peer"
                + (f" for the {role.upper()} role" if role else "")
                + f": {why_none(self.line.sides, self.contexts, abstract_syntax)}",
                abstract_syntax,
            )
        return found

    async def call(self, function: Any, *args: Any) -> Any:
        """Run code of the user's."""
        return await self.line.host.call(function, *args)

    # -- requests -------------------------------------------------------------------------------------------------
    async def ask(
        self, context: NegotiatedContext, command: Command, data_set: Buffer | None = None
    ) -> ReceivedMessage | None:
        """Send a request that has one response; the response, or None if the association ended first."""
        line = self.line
        if line.is_sending or line.session.outstanding or self.most > 1:
            command = await self._room_for(command)
        try:
            try:
                await line.send(context.context_id, command, data_set)
            except LocalProtocolError as error:
                self._lost(error)
                return None
            return await self.response(command)
        except BaseException:
            # As ``line.exchange`` does, which would be two calls more for every small message.
            line.ending.abandon()
            raise

    async def send(
        self, context: NegotiatedContext, command: Command, data_set: Buffer | None = None
    ) -> Command | None:
        """Send a request once the window lets it through: as it was sent, or None if the association ended first."""
        line = self.line
        if line.is_sending or line.session.outstanding or self.most > 1:
            command = await self._room_for(command)
        with line.exchange:
            try:
                await line.send(context.context_id, command, data_set)
            except LocalProtocolError as error:
                self._lost(error)
                return None
        return command

    async def stream(
        self,
        context: NegotiatedContext,
        command: Command,
        pieces: Iterator[tuple[Buffer, bool]],
        *,
        foreign: bool = False,
    ) -> Command | None:
        """As :meth:`send`, with a data set that comes in pieces, each with whether it is the last.

        ``foreign`` ones are made by code of the user's.
        """
        line = self.line
        if line.is_sending or line.session.outstanding or self.most > 1:
            command = await self._room_for(command)
        with line.exchange:
            try:
                await line.stream(context.context_id, command, pieces, foreign=foreign)
            except LocalProtocolError as error:
                self._lost(error)
                return None
        return command

    def _lost(self, error: LocalProtocolError) -> None:
        """A request could not be sent: because the association has ended, or else raise RuntimeError."""
        if self.line.standing.is_established:
            raise RuntimeError(str(error)) from error
        LOGGER.debug("the association ended before the request was sent: %s", error)

    async def send_by_hand(self, context_id: int, command: Command, data_set: Buffer | None) -> None:
        """Send a message that a user has made; nobody waits for a response to it."""
        session = self.line.session
        if data_set is not None and (context := session.contexts.get(context_id)) is not None:
            data_set = encode_data_set(data_set, context.transfer_syntax)
        await self.line.send(context_id, command, data_set)
        if command.message_id is not None and command.message_id in session.outstanding:
            self._unread[command.message_id] = None

    async def cancel(self, message_id: int, context_id: int) -> None:
        """Ask the peer to end a request (C-CANCEL)."""
        command = Command(command_field=C_CANCEL_RQ, message_id_being_responded_to=message_id)
        try:
            await self.line.send(context_id, command)
        except LocalProtocolError:
            LOGGER.debug("the association ended before C-CANCEL for message ID %d was sent", message_id)

    # -- the window -----------------------------------------------------------------------------------------------
    async def _room_for(self, command: Command) -> Command:
        """Wait until one more request may be outstanding; by default the window is one.

        What comes back is the request to send: with a larger window, a message ID that is in use is replaced by one
        that is free.

        Raises:
            RuntimeError: the responses to earlier requests are being iterated, and would never end.
        """
        line = self.line
        outstanding = line.session.outstanding
        while not line.standing.has_ended:
            if len(outstanding) < self.most:
                if not line.is_sending:
                    break
                await line.turn()
                continue
            unread = not outstanding.keys().isdisjoint(self._unread)
            if not unread and len(self._iterated) >= self.most:
                raise RuntimeError("the responses to an earlier request are still being iterated")
            # Whoever waits here may be a handler inside the very wait for the other request: so it reads for both.
            with line.exchange:
                await (self._drain() if unread else line.advance())
        if self.most > 1 and command.message_id is not None:
            free = self.free_message_id(command.message_id)
            command = command if free == command.message_id else evolve(command, message_id=free)
        return command

    def free_message_id(self, wanted: int) -> int:
        """The message ID, or the next that no request has."""
        used = self.line.session.outstanding.keys() | self._mailboxes.keys()
        while wanted in used:
            wanted = (wanted + 1) & 0xFFFF
        return wanted

    async def _drain(self) -> None:
        """Get on with a request whose responses nobody takes: cancel it once, and drop what still comes."""
        await self.cancel_unread()
        outstanding = self.line.session.outstanding
        if not outstanding.keys().isdisjoint(self._unread):
            # Else the last response has come while we were sending.
            await self.line.advance()

    async def cancel_unread(self) -> None:
        """Ask the peer to end each request whose responses nobody takes, once."""
        for message_id, context_id in list(self._unread.items()):
            if context_id is not None and message_id in self.line.session.outstanding:
                self._unread[message_id] = None
                LOGGER.info("the responses to message ID %d are not taken any more: cancelled", message_id)
                await self.cancel(message_id, context_id)

    async def settle_unread(self) -> None:
        """Return when the peer has done with each request whose responses nobody takes."""
        line = self.line
        while not line.standing.has_ended and not line.session.outstanding.keys().isdisjoint(self._unread):
            with line.exchange:
                await self._drain()

    # -- responses ------------------------------------------------------------------------------------------------
    def keep(self, message: ReceivedMessage) -> None:
        """Put a response where whoever waits for it looks; there is a mailbox for each request."""
        message_id = message.command.message_id_being_responded_to
        assert message_id is not None
        if message_id not in self._unread:
            self._mailboxes[message_id].append(message)
        elif message_id not in self.line.session.outstanding:
            self._unread.pop(message_id, None)
            if (then := self._afterwards.pop(message_id, None)) is not None:
                then()

    def has_response(self, message_id: int) -> bool:
        """One has come."""
        return bool(self._mailboxes[message_id])

    async def response(self, request: Command) -> ReceivedMessage | None:
        """The next response to a request of ours; None when the association ended first."""
        line, message_id = self.line, request.message_id
        assert message_id is not None
        while not self._mailboxes[message_id]:
            if line.standing.has_ended:
                return None
            await line.advance()
        waiting = self._mailboxes[message_id]
        response = waiting.popleft()
        session = line.session
        if not waiting and message_id not in session.outstanding:
            del self._mailboxes[message_id]
            if session.connection.unseen and not session.outstanding:
                line.host.left_over()
        return response

    def iterate(self, message_id: int) -> None:
        """Somebody takes the responses to this request one by one."""
        self._iterated.add(message_id)

    def iterated(self, message_id: int) -> None:
        """The last one was taken."""
        self._iterated.discard(message_id)

    def forget(self, message_id: int, context_id: int | None, then: Callable[[], None] | None = None) -> None:
        """Nobody will take the responses to this request, to be cancelled on that context; for any thread, any time.

        ``then`` is called when the last one has come.
        """
        is_outstanding = message_id in self.line.session.outstanding
        if is_outstanding:
            if then is not None:
                self._afterwards[message_id] = then
            self._unread[message_id] = context_id
        self._mailboxes.pop(message_id, None)
        self._iterated.discard(message_id)
        if then is not None and not is_outstanding:
            then()


class HasInvoker(Protocol):
    """An association, as far as operations know it."""

    @property
    def invoker(self) -> Invoker: ...


def _shown(uid: str) -> str:
    name = uid_name(uid)
    return uid if name == uid else f"'{name}'"
