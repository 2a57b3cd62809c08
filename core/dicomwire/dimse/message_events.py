"""What a Session tells beside the events of its Connection."""

from __future__ import annotations

from attrs import frozen

from dicomwire.dimse.command import Command
from dicomwire.upper_layer.connection_events import ConnectionEvent


# Without slots, because a frozen class with slots takes twice as long to make, and one is made for every message.
@frozen(kw_only=True, slots=False, repr=False, eq=False)
class MessageReceived(ConnectionEvent):
    """A command set is complete; if it ``has_data_set``, :class:`DataSetReceived` events follow."""

    context_id: int
    command: Command

    @property
    def has_data_set(self) -> bool:
        return self.command.has_data_set


class DataSetReceived(ConnectionEvent):
    """What has arrived of the data set of the last message.

    ``fragments`` are views of the receive buffer, valid until more bytes are received; ``last`` ends the message.
    """

    __slots__ = ("context_id", "fragments", "last")

    def __init__(self, context_id: int, fragments: list[memoryview], last: bool) -> None:
        self.context_id: int = context_id
        self.fragments: list[memoryview] = fragments
        self.last: bool = last

    def __repr__(self) -> str:
        size = sum(map(len, self.fragments))
        return f"DataSetReceived(context {self.context_id}, {size} bytes{', last' if self.last else ''})"


@frozen(kw_only=True, repr=False, eq=False)
class CancelReceived(ConnectionEvent):
    """The peer cancels a request of its own that is being served (C-CANCEL-RQ, PS3.7 9.3.2.3)."""

    message_id: int
