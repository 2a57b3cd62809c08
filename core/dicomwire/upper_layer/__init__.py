"""The DICOM upper layer protocol (PS3.8), without I/O."""

from dicomwire.upper_layer.buffer import Buffer
from dicomwire.upper_layer.connection import Connection
from dicomwire.upper_layer.connection_events import (
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    ConnectionClosed,
    ConnectionEvent,
    DataReceived,
    Released,
    ReleaseRequested,
    RequestRefused,
    TimedOut,
    Tolerated,
)
from dicomwire.upper_layer.inputs import Sendable
from dicomwire.upper_layer.limits import Limits, Timeouts
from dicomwire.upper_layer.p_data_writer import Data
from dicomwire.upper_layer.pdus import (
    PDU,
    Abort,
    AnyPDU,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    PDataTF,
    PresentationDataValue,
    ReleaseRP,
    ReleaseRQ,
    decode_pdu,
)
from dicomwire.upper_layer.reasons import AbortReason, AbortSource, RejectResult, RejectSource
from dicomwire.upper_layer.state import Role, State
from dicomwire.upper_layer.tap import Tap
from dicomwire.upper_layer.timers import Timer

__all__ = [
    "PDU",
    "Abort",
    "AbortReason",
    "AbortSource",
    "Aborted",
    "AnyPDU",
    "AssociateAC",
    "AssociateAccepted",
    "AssociateRJ",
    "AssociateRQ",
    "AssociateRejected",
    "AssociateRequested",
    "Buffer",
    "Connection",
    "ConnectionClosed",
    "ConnectionEvent",
    "Data",
    "DataReceived",
    "Limits",
    "PDataTF",
    "PresentationDataValue",
    "RejectResult",
    "RejectSource",
    "ReleaseRP",
    "ReleaseRQ",
    "ReleaseRequested",
    "Released",
    "RequestRefused",
    "Role",
    "Sendable",
    "State",
    "Tap",
    "TimedOut",
    "Timeouts",
    "Timer",
    "Tolerated",
    "decode_pdu",
]
