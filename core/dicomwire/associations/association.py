"""One association seen from above the wire: the messages it sends, those it waits for, and those it serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from dicomwire._logging import logger
from dicomwire.associations import events as evt
from dicomwire.associations.association_engine import AssociationEngine
from dicomwire.associations.received import ReceivedMessage
from dicomwire.associations.serving import serve, serve_as
from dicomwire.compat.acse_dimse_dul import ACSE, DIMSE, DUL
from dicomwire.data.data_sets import encode_data_set
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import C_CANCEL_RQ, N_EVENT_REPORT_RQ, answer
from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.connection import Buffer
from dicomwire.upper_layer.state import State
from dicomwire.vocabulary.service_classes import ServiceClass

LOGGER = logger(__name__)

_AT_ONCE = 1 << 20
"""The most bytes of a data set that are queued before they are written."""

_MOST_WAITING = 64
"""Requests that may wait to be served; a peer that keeps to its window sends far fewer."""

_RESOURCE_LIMITATION = 0x0213


class AssociationBase(AssociationEngine):
    """What the faces of the adapters add their waiting verbs to."""

    @property
    def acse(self) -> ACSE:
        """Aborting and rejecting with codes of one's own."""
        return ACSE(self)

    @property
    def dimse(self) -> DIMSE:
        """Sending messages made by hand."""
        return DIMSE(self)

    @property
    def dul(self) -> DUL:
        """Reaching the socket."""
        return DUL(self)

    # -- sending --------------------------------------------------------------------------------------------------
    async def _send(self, context_id: int, command: Command, data_set: Buffer | None = None) -> None:
        """Send one message, once nobody else is in the middle of one.

        Raises:
            LocalProtocolError: there is no association any more.
        """
        assert self._channel is not None and self._session is not None
        while self._sending:
            await self._channel.turn()
        if data_set is None or len(data_set) <= _AT_ONCE:
            # Queued before anybody is told: meanwhile another thread or task may want to send.
            self._session.send_message(context_id, command, data_set)
            if self._handlers.listeners(evt.EVT_DIMSE_SENT):
                await self._notify_message(evt.EVT_DIMSE_SENT, context_id, command, data_set)
            await self._flush()
            return
        view = memoryview(data_set)
        step = self._piece_size()
        pieces = ((view[at : at + step], at + step >= len(view)) for at in range(0, len(view), step))
        await self._send_pieces(context_id, command, pieces, data_set)

    def _piece_size(self) -> int:
        """How many bytes of a data set to queue at a time: full fragments, about a MiB of them."""
        fragment = min(self._connection.fragment_size, _AT_ONCE)
        return max(1, _AT_ONCE // fragment) * fragment

    async def _send_pieces(
        self,
        context_id: int,
        command: Command,
        pieces: Iterator[tuple[Buffer, bool]],
        data_set: Buffer | None = None,
        *,
        foreign: bool = False,
    ) -> None:
        """Send one message whose data set comes in pieces, each with whether it is the last.

        A piece may reuse the memory of the one before: that one has been written.  ``foreign`` ones are made by code of
        the user's.  Who listens is shown ``data_set``.
        """
        assert self._channel is not None and self._session is not None
        while self._sending:
            await self._channel.turn()
        self._sending = True
        try:
            self._session.begin_message(context_id, command, data_set_follows=True)
            if self._handlers.listeners(evt.EVT_DIMSE_SENT):
                await self._notify_message(evt.EVT_DIMSE_SENT, context_id, command, data_set)
            while (item := await self._call(next, pieces, None) if foreign else next(pieces, None)) is not None:
                piece, last = item
                if self._connection.state is not State.STA6:
                    # Aborted meanwhile, by another thread or a handler.
                    return
                self._session.send_data_set(piece, last=last)
                await self._flush()
                if self._is_mute:
                    return
        finally:
            self._sending = False
            self._channel.changed()

    # -- requests of ours -----------------------------------------------------------------------------------------
    @property
    def _has_room(self) -> bool:
        """One more request may be outstanding for certain, as nearly always; else :meth:`_window` knows."""
        return self._invoked == 1 and not self._sending and self._session is not None and not self._session.outstanding

    async def _window(self, command: Command) -> Command:
        """Wait until one more request may be outstanding; by default the window is one.

        What comes back is the request to send: with a larger window, a message ID that is in use is replaced by one
        that is free.

        Raises:
            RuntimeError: the responses to earlier requests are being iterated, and would never end.
        """
        assert self._session is not None and self._channel is not None
        outstanding = self._session.outstanding
        while not self._ended:
            if len(outstanding) < self._invoked:
                if not self._sending:
                    break
                await self._channel.turn()
                continue
            unread = not outstanding.keys().isdisjoint(self._unread)
            if not unread and len(self._iterating) >= self._invoked:
                raise RuntimeError("the responses to an earlier request are still being iterated")
            # Whoever waits here may be a handler inside the very wait for the other request: so it reads for both.
            with self._exchange:
                await (self._drain() if unread else self._advance())
        if self._invoked > 1 and command.message_id in self._in_use:
            assert command.message_id is not None
            command = evolve(command, message_id=self._free_message_id(command.message_id))
        return command

    @property
    def _in_use(self) -> set[int]:
        """Message IDs that cannot be used for a new request now."""
        assert self._session is not None
        return self._session.outstanding.keys() | self._responses.keys()

    def _free_message_id(self, after: int) -> int:
        used = self._in_use
        while after in used:
            after = (after + 1) & 0xFFFF
        return after

    async def _drain(self) -> None:
        """Get on with a request whose responses nobody takes: cancel it once, and drop what still comes."""
        assert self._session is not None
        for message_id, context_id in list(self._unread.items()):
            if context_id is not None and message_id in self._session.outstanding:
                self._unread[message_id] = None
                LOGGER.info("the responses to message ID %d are not taken any more: cancelled", message_id)
                await self._send_cancel(message_id, context_id)
        if not self._session.outstanding.keys().isdisjoint(self._unread):
            # Else the last response has come while we were sending.
            await self._advance()

    async def _send_by_hand(self, context_id: int, command: Command, data_set: Buffer | None) -> None:
        """Send a message that a user has made; nobody waits for a response to it."""
        assert self._session is not None
        if data_set is not None and (context := self._session.contexts.get(context_id)) is not None:
            data_set = encode_data_set(data_set, context.transfer_syntax)
        await self._send(context_id, command, data_set)
        if command.message_id is not None and command.message_id in self._session.outstanding:
            self._unread[command.message_id] = None

    async def _send_cancel(self, message_id: int, context_id: int) -> None:
        command = Command(command_field=C_CANCEL_RQ, message_id_being_responded_to=message_id)
        try:
            await self._send(context_id, command)
        except LocalProtocolError:
            LOGGER.debug("the association ended before C-CANCEL for message ID %d was sent", message_id)

    async def _response(self, message_id: int) -> ReceivedMessage | None:
        """The next response to a request of ours; None when the association ended first."""
        while not (waiting := self._responses.get(message_id)):
            if self._ended:
                return None
            await self._advance()
        response = waiting.popleft()
        session = self._session
        assert session is not None
        if not waiting and message_id not in session.outstanding:
            del self._responses[message_id]
            if not session.wants_data and not session.outstanding:
                self._left_over()
        return response

    def _forget_responses(self, message_id: int, context_id: int | None) -> None:
        """Nobody will take the responses to this request, to be cancelled on that context; for any thread, any time."""
        if self._session is not None and message_id in self._session.outstanding:
            self._unread[message_id] = context_id
        self._responses.pop(message_id, None)
        self._iterating.discard(message_id)

    # -- requests of the peer -------------------------------------------------------------------------------------
    async def _take_request(self, message: ReceivedMessage) -> None:
        """Serve a request, or let it wait its turn; an N-EVENT-REPORT never waits."""
        if message.command.command_field == N_EVENT_REPORT_RQ:
            await serve(self, message)
        elif self._serving < self._performed:
            self._serving += 1
            work = self._serve(message)
            if self._performed == 1 or not self._spawn(work):
                await work
        elif len(self._backlog) < _MOST_WAITING:
            self._backlog.append(message)
        else:
            LOGGER.warning("more than %d requests of %s wait to be served", _MOST_WAITING, self._peer_name)
            await self._send(message.context.context_id, answer(message.command, _RESOURCE_LIMITATION))

    async def _serve_as(self, service_class: type[ServiceClass], request: Any) -> None:
        await serve_as(self, service_class, request)

    async def _serve(self, message: ReceivedMessage) -> None:
        """Serve a request, and then those that have been waiting."""
        assert self._channel is not None
        try:
            await serve(self, message)
            while self._backlog and not self._ended:
                await serve(self, self._backlog.popleft())
        finally:
            self._serving -= 1
            self._channel.changed()

    def _is_cancelled(self, message_id: int) -> bool:
        if self._channel is None or self._session is None:
            return False
        if message_id not in self._session.cancelled:
            self._channel.poll()
            self._session.scan()
        return message_id in self._session.cancelled
