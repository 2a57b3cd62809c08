"""The instances of a C-GET, one by one as they come (PS3.4 C.4.3)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from dicomwire._logging import logger, printable
from dicomwire.associations import events as evt
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.awaitables import asking
from dicomwire.associations.coroutines import outcome
from dicomwire.associations.response_streams import ResponseStream, Stream
from dicomwire.client.answered import Priority, answered, asking_of, priority_code, stopped
from dicomwire.client.queries import GET, Query, model_for, query_of
from dicomwire.client.received_instance import ReceivedInstance
from dicomwire.operations.query_scu import send_c_get
from dicomwire.upper_layer.timers import Timer
from dicomwire.vocabulary.statuses import QR_GET_SERVICE_CLASS_STATUS

if TYPE_CHECKING:
    from dicomwire.operations.query_scu import Response

LOGGER = logger(__name__)

OPERATION = "C-GET"
SUCCESS = 0x0000


class Arriving(Stream[ReceivedInstance]):
    """Gives each instance when it has come.  The peer is asked for the next one only when that is wanted."""

    def __init__(self, association: AssociationBase) -> None:
        self._line = association.line
        self._invoker = association.invoker
        self._responses: ResponseStream[Response] | None = None
        self._arrived: deque[ReceivedInstance] = deque()
        self._is_over = False
        handlers = self._line.handlers
        self._before = handlers.table.interventions.get(evt.EVT_C_STORE)
        association.bind(evt.EVT_C_STORE, self._take)

    def follow(self, responses: Stream[Response]) -> None:
        """The request was sent; these are its responses."""
        assert isinstance(responses, ResponseStream)
        self._responses = responses

    async def _take(self, event: evt.Event) -> int:
        """The handler of what comes: the answer waits until the instance before it was taken."""
        instance = ReceivedInstance(event)
        await outcome(self._line.host.face(self._wait_for_room()))
        self._arrived.append(instance)
        return SUCCESS

    async def _wait_for_room(self) -> None:
        line, timers = self._line, self._line.session.connection.timers
        if not self._arrived:
            timers.restart(Timer.RESPONSE)
            return
        # Who takes its time is we, and not the peer.
        was_running = timers.is_running(Timer.RESPONSE)
        timers.stop(Timer.RESPONSE)
        while self._arrived and not self._is_over and not line.standing.has_ended:
            await line.turn()
        if was_running:
            timers.start(Timer.RESPONSE)

    async def __anext__(self) -> ReceivedInstance:
        """The next instance.

        Raises:
            ServiceFailed: the peer ended with a failure, or stopped by itself.
            ConnectionLost: the association ended before the last one came.
        """
        line = self._line
        while not self._arrived:
            if self._is_over or self._responses is None:
                raise StopAsyncIteration
            if not self._responses.has_next and not line.standing.has_ended:
                with line.exchange:
                    await line.advance()
                continue
            try:
                self._ended_by(await self._responses.__anext__())
            except BaseException:
                self.leave()
                raise
        instance = self._arrived.popleft()
        line.session.connection.timers.restart(Timer.RESPONSE)
        if line.waiting:
            line.channel.changed()
        return instance

    def _ended_by(self, response: Response) -> None:
        """Look at a response: whether it is the last one, and a good one."""
        said, _ = response
        status = answered(self._invoker, said, OPERATION, QR_GET_SERVICE_CLASS_STATUS)
        if status.is_pending:
            return
        self._end()
        if status.is_cancel:
            raise stopped(status, OPERATION)
        if status.is_warning:
            count = said.get("NumberOfFailedSuboperations") or 0
            LOGGER.warning("%s: %d instances did not come", printable(status.explain(), 300), count)

    def _end(self) -> None:
        self._is_over = True
        handlers: Any = self._line.handlers.own_table()
        if self._before is None:
            handlers.interventions.pop(evt.EVT_C_STORE, None)
        else:
            handlers.interventions[evt.EVT_C_STORE] = self._before
        if self._line.waiting:
            self._line.channel.changed()

    def leave(self) -> None:
        """Take no more instances: what still comes is dropped, and the request cancelled before the next one."""
        if self._is_over:
            return
        self._end()
        if self._responses is not None:
            self._responses.leave()


@asking
async def get(
    self: AssociationBase, query: Query, *, model: str | None = None, priority: Priority = "medium"
) -> Stream[ReceivedInstance]:
    """Retrieve instances on this association: an iterator that gives each as it comes.

    The connection has to be made for it, with ``services=["get"]`` or contexts of one's own: the peer is SCU of storage
    for these SOP classes.  An instance is acknowledged when it is given: what must not be lost goes to files with
    :meth:`get_into`.  ``query`` names what is wanted by its unique keys, such as ``{"QueryRetrieveLevel": "STUDY",
    "StudyInstanceUID": uid}``; ``model`` is the UID of the query model, by default study root, and patient root for the
    level PATIENT.  The iterator may be left early.

    Raises:
        Refused: no presentation context for the model was accepted.
        ConnectionLost, ServiceFailed: also by the iterator.
        ValueError, TypeError: a bad argument, or the query cannot be encoded.
    """
    identifier = query_of(query)
    with asking_of(self.invoker):
        chosen = model_for(self.invoker, identifier, GET, model)
        # Checked before anything is bound.
        self.invoker.choose_context(chosen)
        code = priority_code(priority)
        arriving = Arriving(self)
        try:
            arriving.follow(await send_c_get(self, identifier, chosen, priority=code))
        except BaseException:
            arriving.leave()
            raise
        return arriving
