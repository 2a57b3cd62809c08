"""The instances of a C-GET, one by one as they come (PS3.4 C.4.3)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

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
from dicomwire.vocabulary.typed_status import Status

if TYPE_CHECKING:
    from dicomwire.operations.query_scu import Response

LOGGER = logger(__name__)

OPERATION = "C-GET"
_NOT_TAKEN = Status.OUT_OF_RESOURCES.because("nobody takes it any more")
"""The answer to what still comes when the iterator was left: the peer must not think that it is kept here."""


class _Entrance:
    """The handler of what the peer sends, as long as it answers the request; does not keep the iterator in being."""

    def __init__(self, association: AssociationBase) -> None:
        self._line = association.line
        self.arrived: deque[ReceivedInstance] = deque()
        self.is_shut: bool = False
        self._before = self._line.handlers.table.interventions.get(evt.EVT_C_STORE)
        association.bind(evt.EVT_C_STORE, self.take)

    async def take(self, event: evt.Event) -> Status:
        """The answer waits until the instance before it was taken."""
        await outcome(self._line.host.face(self._wait_for_room()))
        if self.is_shut:
            return _NOT_TAKEN
        self.arrived.append(ReceivedInstance(event))
        return Status.SUCCESS

    async def _wait_for_room(self) -> None:
        line, timers = self._line, self._line.session.connection.timers
        if not self.arrived:
            timers.restart(Timer.RESPONSE)
            return
        # Who takes its time is we, and not the peer.
        was_running = timers.is_running(Timer.RESPONSE)
        timers.stop(Timer.RESPONSE)
        while self.arrived and not line.standing.has_ended:
            await line.turn()
        if was_running:
            timers.start(Timer.RESPONSE)

    def shut(self) -> None:
        """Nobody takes any more; who waits hears of it with whatever is sent next."""
        self.is_shut = True
        self.arrived.clear()

    def remove(self) -> None:
        """The peer has answered: bring back the handler that was there before, unless there is another by now."""
        table = self._line.handlers.own_table()
        handler, _ = table.interventions.get(evt.EVT_C_STORE, (None, None))
        if handler != self.take:
            return
        if self._before is None:
            del table.interventions[evt.EVT_C_STORE]
        else:
            table.interventions[evt.EVT_C_STORE] = self._before


async def one_at_a_time(association: AssociationBase) -> None:
    """Return when what the peer sends can only be for the next request: nothing says which one an instance is for.

    Raises:
        RuntimeError: the instances of an earlier request are being iterated.
    """
    await association.invoker.settle_unread()
    handler, _ = association.line.handlers.table.interventions.get(evt.EVT_C_STORE, (None, None))
    if isinstance(getattr(handler, "__self__", None), _Entrance):
        raise RuntimeError("the instances of an earlier request are still being iterated")


class Arriving(Stream[ReceivedInstance]):
    """Gives each instance when it has come.  The peer is asked for the next one only when that is wanted."""

    def __init__(self, association: AssociationBase) -> None:
        self._line = association.line
        self._invoker = association.invoker
        self._responses: ResponseStream[Response] | None = None
        self._is_over = False
        self._entrance = _Entrance(association)

    def follow(self, responses: Stream[Response]) -> None:
        """The request was sent; these are its responses."""
        assert isinstance(responses, ResponseStream)
        self._responses = responses

    async def __anext__(self) -> ReceivedInstance:
        """The next instance.

        Raises:
            ServiceFailed: the peer ended with a failure, or stopped by itself.
            ConnectionLost: the association ended before the last one came.
        """
        line, arrived = self._line, self._entrance.arrived
        try:
            while not arrived:
                if self._is_over or self._responses is None:
                    raise StopAsyncIteration
                if self._responses.has_next or line.standing.has_ended:
                    self._look_at(await self._responses.__anext__())
                else:
                    with line.exchange:
                        await line.advance()
        except BaseException:
            self.leave()
            raise
        instance = arrived.popleft()
        line.session.connection.timers.restart(Timer.RESPONSE)
        if line.waiting:
            line.channel.changed()
        return instance

    def _look_at(self, response: Response) -> None:
        """Whether it is the last one, and a good one."""
        said, _ = response
        status = answered(self._invoker, said, OPERATION, QR_GET_SERVICE_CLASS_STATUS)
        if status.is_pending:
            return
        self.leave()
        if status.is_cancel:
            raise stopped(status, OPERATION)
        if status.is_warning:
            count = said.get("NumberOfFailedSuboperations") or 0
            LOGGER.warning("%s: %d instances did not come", printable(status.explain(), 300), count)

    def leave(self) -> None:
        """Take no more instances: what still comes is refused, and the request cancelled before the next one."""
        if self._is_over:
            return
        self._is_over = True
        self._entrance.shut()
        if self._responses is None:
            self._entrance.remove()
        else:
            self._responses.leave(self._entrance.remove)


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
        await one_at_a_time(self)
        arriving = Arriving(self)
        try:
            arriving.follow(await send_c_get(self, identifier, chosen, priority=code))
        except BaseException:
            arriving.leave()
            raise
        return arriving
