"""DIMSE messages (PS3.7), without I/O."""

from dicomwire.dimse.accepted_contexts import AcceptedContext
from dicomwire.dimse.command import Command
from dicomwire.dimse.message_events import CancelReceived, DataSetReceived, MessageReceived
from dicomwire.dimse.messages import MESSAGES, DataSetRule, MessageKind, answer
from dicomwire.dimse.session import Session

__all__ = [
    "MESSAGES",
    "AcceptedContext",
    "CancelReceived",
    "Command",
    "DataSetReceived",
    "DataSetRule",
    "MessageKind",
    "MessageReceived",
    "Session",
    "answer",
]
