"""The seven PDUs under their documented names; ``event.pdu`` is one of them."""

from dicomwire.upper_layer.pdus import (
    Abort as A_ABORT_RQ,
    AssociateAC as A_ASSOCIATE_AC,
    AssociateRJ as A_ASSOCIATE_RJ,
    AssociateRQ as A_ASSOCIATE_RQ,
    PDataTF as P_DATA_TF,
    ReleaseRP as A_RELEASE_RP,
    ReleaseRQ as A_RELEASE_RQ,
)

__all__ = [
    "A_ABORT_RQ",
    "A_ASSOCIATE_AC",
    "A_ASSOCIATE_RJ",
    "A_ASSOCIATE_RQ",
    "A_RELEASE_RP",
    "A_RELEASE_RQ",
    "P_DATA_TF",
]
