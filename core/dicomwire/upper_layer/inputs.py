"""Which events of PS3.8 table 9-6 the PDUs are, received and sent."""

from __future__ import annotations

from typing import TypeAlias

from dicomwire.upper_layer.p_data_writer import Data
from dicomwire.upper_layer.pdus import PDU, Abort, AssociateAC, AssociateRJ, AssociateRQ, ReleaseRP, ReleaseRQ
from dicomwire.upper_layer.state import Input

Sendable: TypeAlias = AssociateRQ | AssociateAC | AssociateRJ | ReleaseRQ | ReleaseRP | Abort | Data

RECEIVED = {
    0x01: Input.ASSOCIATE_RQ_RECEIVED,
    0x02: Input.ASSOCIATE_AC_RECEIVED,
    0x03: Input.ASSOCIATE_RJ_RECEIVED,
    0x04: Input.P_DATA_RECEIVED,
    0x05: Input.RELEASE_RQ_RECEIVED,
    0x06: Input.RELEASE_RP_RECEIVED,
    0x07: Input.ABORT_RECEIVED,
}
"""By PDU type."""

SENT: dict[type[PDU], Input] = {
    AssociateRQ: Input.ASSOCIATE_REQUEST,
    AssociateAC: Input.ASSOCIATE_ACCEPT,
    AssociateRJ: Input.ASSOCIATE_REJECT,
    ReleaseRQ: Input.RELEASE_REQUEST,
    ReleaseRP: Input.RELEASE_RESPONSE,
    Abort: Input.ABORT_REQUEST,
}
"""What a local user asks for by sending a PDU; data for P-DATA-TF has a way of its own."""
