"""A received data set on its way to a sink."""

from __future__ import annotations

from typing import Any

from dicomwire import _config
from dicomwire._logging import logger, reason
from dicomwire.associations import events as evt
from dicomwire.associations.line import Line
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.associations.request import Request
from dicomwire.associations.user_code import HandlerRaised, is_awaitable
from dicomwire.data.data_set_beginning import DataSetBeginning, NoDataSet
from dicomwire.data.receiving_files import IncomingFile
from dicomwire.data.sinks import FileSink, MemorySink, Sink, TemporaryFile, make_sink
from dicomwire.dimse.messages import C_STORE_RQ, bounds_of
from dicomwire.services.store_scp import status_of

LOGGER = logger(__name__)


async def receive_data_set(line: Line, message: ReceivedMessage, request: Request | None) -> bool:
    """Bring the data set of ``message`` to where it belongs; False if the association ended before it did.

    A sink that fails, or bytes that are no data set, do not stop it from being read: ``message.refused`` is the status
    to answer with.  ``request`` is the message, if it is one.
    """
    sink: Sink | None = await _choose(line, message, request)
    is_clear = message.command.command_field != C_STORE_RQ
    if type(sink) is not MemorySink and getattr(sink, "as_it_came", False):
        is_clear = True
    beginning: DataSetBeginning | None = None
    complete = False
    try:
        while True:
            event = await line.next_data_set_event()
            if event is None:
                return False
            fragments: list[memoryview] | None = event.fragments
            if sink is not None and not is_clear:
                if beginning is None:
                    beginning = DataSetBeginning(message.context.transfer_syntax)
                fragments = beginning.take(event.fragments, last=event.last)
                is_clear = fragments is not None
                if is_clear and not beginning.is_plain:
                    sink = await _judge(line, sink, message, beginning)
            if sink is not None and (fragments or event.last):
                sink = await _put(line, sink, message, fragments, last=event.last)
            if event.last:
                line.session.data_set_taken()
                break
        complete = sink is not None
        # A handler that chose the sink may have looked at the request: it has its data set only now.
        message.made_primitive = None
        return True
    finally:
        if sink is not None and not complete:
            await _discard(line, sink)


async def _judge(line: Line, sink: Sink, message: ReceivedMessage, beginning: DataSetBeginning) -> Sink | None:
    """Now that it is clear what came: the sink, or None if that is nothing to be stored."""
    if beginning.dropped:
        what = f"{beginning.dropped} bytes of file meta information in front of a data set: dropped"
        LOGGER.info("tolerated from %s: %s", line.sides.peer_name, what)
    if beginning.reason is None:
        return sink
    if isinstance(sink, MemorySink):
        # Whoever looks at it is told: nothing is decoded before somebody asks for it.
        message.unfit = beginning.reason
        return sink
    error = NoDataSet(beginning.reason)
    if isinstance(sink, IncomingFile):
        # It has somebody who answers for it.
        sink.attempt(sink.fail, error)
        return sink
    await _give_up(line, sink, message, error)
    return None


async def _choose(line: Line, message: ReceivedMessage, request: Request | None) -> Sink | None:
    """The sink, or None if choosing one failed: then the data set is read and dropped."""
    limits = message.limits = line.session.connection.limits
    ae = line.handlers.association.ae
    if request is None or message.command.command_field != C_STORE_RQ:
        longest = bounds_of(message.command.command_field, limits).longest
        return MemorySink(longest, limits.data_set_in_memory, ae.file_store, ae.memory_budget)
    if request.unserved is not None or not line.standing.is_established:
        # Nobody will be asked to store it.
        return None
    try:
        if evt.EVT_C_STORE_SINK in line.handlers.interventions:
            target = await request.ask_handler(evt.EVT_C_STORE_SINK)
            return make_sink(
                target,
                header=message.header(),
                limit=limits.data_set,
                in_memory=limits.data_set_in_memory,
                files=ae.file_store,
                budget=ae.memory_budget,
            )
        if _config.STORE_RECV_CHUNKED_DATASET:
            return TemporaryFile.new(message.header())
    except HandlerRaised as raised:
        message.refused = status_of(raised.__cause__)
        return None
    except Exception as error:
        LOGGER.error("no sink for a C-STORE data set: %s", reason(error))
        message.refused = status_of(error)
        return None
    return MemorySink(limits.data_set, limits.data_set_in_memory, ae.file_store, ae.memory_budget)


async def _put(
    line: Line, sink: Sink, message: ReceivedMessage, fragments: list[memoryview] | None, *, last: bool
) -> Sink | None:
    """Let the sink take what has come, and close with the ``last`` of it; if it cannot, remember why and go on without
    it."""
    try:
        # Ours do not wait, and touch nothing but their own.
        if isinstance(sink, MemorySink):
            if fragments:
                sink.write(fragments)
            if last:
                sink.close()
                message.data = sink.data
                if sink.claim is not None:
                    sink.entrust(message)
        elif isinstance(sink, FileSink):
            if last:
                sink.is_undecided = True
                sink.finish(fragments or [])
                message.file = sink
            elif fragments:
                sink.write(fragments)
        else:
            if fragments:
                await _call(line, sink.write, fragments)
            if last:
                await _call(line, sink.close)
    except Exception as error:
        await _give_up(line, sink, message, error)
        return None
    return sink


async def _call(line: Line, act: Any, *args: Any) -> None:
    """Run user code, which may wait, and call methods of the association."""
    line.channel.hold(True)
    try:
        await line.host.call(act, *args)
    finally:
        line.channel.hold(False)


async def _give_up(line: Line, sink: Sink, message: ReceivedMessage, error: Exception) -> None:
    # Its text, and not the exception, which holds on to the data as long as somebody keeps the record.
    LOGGER.error("storing a data set failed: %s: %s", type(error).__name__, reason(error))
    message.refused = status_of(error)
    await _discard(line, sink)


async def _discard(line: Line, sink: Sink) -> None:
    try:
        if isinstance(sink, MemorySink | FileSink):
            sink.discard()
            return
        pending: list[Any] = []
        # At once, whatever has been cancelled; and what ends a program ends nothing but this.
        line.host.call_now(lambda: pending.append(sink.discard()))
        if is_awaitable(pending[0]):
            await line.host.call(pending.pop)
    except Exception as error:
        LOGGER.error("discarding an incomplete data set failed: %s", reason(error))
