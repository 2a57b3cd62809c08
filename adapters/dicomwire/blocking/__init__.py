"""AE for programs without an event loop: calls block, and a server has a thread for each association."""

from dicomwire.blocking.association import Association
from dicomwire.blocking.blocking_verbs import Responses
from dicomwire.blocking.entity import AE
from dicomwire.blocking.transport_channel import Transport

__all__ = ["AE", "Association", "Responses", "Transport"]
