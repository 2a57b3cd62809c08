"""A received data set on its way to a sink."""

from __future__ import annotations

import inspect
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicomwire import _config, events as evt
from dicomwire.dimse.messages import C_STORE_RQ
from dicomwire.logic.received import ReceivedMessage
from dicomwire.logic.serving import refusal
from dicomwire.sinks import FileSink, MemorySink, Sink, make_sink

if TYPE_CHECKING:
    from dicomwire.logic.association_engine import AssociationEngine

LOGGER = logging.getLogger(__name__)

_OURS = (FileSink, MemorySink)
"""They do not wait, and touch nothing but their own."""


async def receive_data_set(association: AssociationEngine, message: ReceivedMessage) -> bool:
    """Bring the data set of ``message`` to where it belongs; False if the association ended before it did.

    A sink that fails does not stop the data set from being read: ``message.failure`` says why, and the service
    answers for it.
    """
    sink: Sink | None = await _choose(association, message)
    complete = False
    try:
        while True:
            event = await association._next_data_set_event()
            if event is None:
                return False
            if sink is not None and event.fragments:
                sink = await _attempt(association, sink, message, sink.write, event.fragments)
            if event.last:
                break
        if sink is not None:
            sink = await _attempt(association, sink, message, sink.close)
        complete = sink is not None
        # A handler that chose the sink may have looked at the request: it has its data set only now.
        message._primitive = None
        if isinstance(sink, MemorySink):
            message.data = sink.data
        elif isinstance(sink, FileSink):
            message.path = sink.path
        return True
    finally:
        if sink is not None and not complete:
            await _discard(sink)


async def _choose(association: AssociationEngine, message: ReceivedMessage) -> Sink | None:
    """The sink, or None if choosing one failed: then the data set is read and dropped."""
    limits = association._connection.limits
    if message.command.command_field != C_STORE_RQ:
        return MemorySink(limits.identifier)
    if not association.is_established or refusal(association, message) is not None:
        # Nobody will be asked to store it.
        return None
    try:
        if association._handlers.intervention(evt.EVT_C_STORE_SINK) is not None:
            target = await association._intervene(evt.EVT_C_STORE_SINK, message)
            return make_sink(target, header=message.header(), limit=limits.data_set_in_memory)
        if _config.STORE_RECV_CHUNKED_DATASET:
            descriptor, name = tempfile.mkstemp(suffix=".dcm")
            message.temporary = True
            return FileSink.of_descriptor(Path(name), descriptor, message.header())
    except Exception as error:
        if not isinstance(error.__cause__, Exception):
            LOGGER.error("no sink for a C-STORE data set: %s", error)
        message.failure = error.__cause__ if isinstance(error.__cause__, Exception) else error
        return None
    return MemorySink(limits.data_set_in_memory)


async def _attempt(
    association: AssociationEngine, sink: Sink, message: ReceivedMessage, act: Any, *args: Any
) -> Sink | None:
    """Let the sink act; if it cannot, remember why and go on without it."""
    try:
        if isinstance(sink, _OURS):
            act(*args)
        else:
            # User code: it may wait, and call methods of the association.
            assert association._channel is not None
            association._channel.hold(True)
            try:
                await association._call(act, *args)
            finally:
                association._channel.hold(False)
    except Exception as error:
        LOGGER.error("storing a data set failed: %s: %s", type(error).__name__, error)
        message.failure = error
        await _discard(sink)
        return None
    return sink


async def _discard(sink: Sink) -> None:
    try:
        pending = sink.discard()
        if inspect.isawaitable(pending):
            await pending
    except Exception as error:
        LOGGER.error("discarding an incomplete data set failed: %s", error)
