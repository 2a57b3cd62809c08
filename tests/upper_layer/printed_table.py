"""PS3.8 tables 9-7 to 9-10 typed a second time, in another layout than the library's."""

from __future__ import annotations

from attrs import frozen

from dicomwire.upper_layer.state import Tell

TABLE: dict[int, dict[int, str]] = {
    # A-ASSOCIATE request
    1: {1: "AE-1"},
    # Transport connection confirmed
    2: {4: "AE-2"},
    # A-ASSOCIATE-AC PDU
    3: {
        2: "AA-1", 3: "AA-8", 5: "AE-3", 6: "AA-8", 7: "AA-8", 8: "AA-8", 9: "AA-8", 10: "AA-8", 11: "AA-8",
        12: "AA-8", 13: "AA-6",
    },
    # A-ASSOCIATE-RJ PDU
    4: {
        2: "AA-1", 3: "AA-8", 5: "AE-4", 6: "AA-8", 7: "AA-8", 8: "AA-8", 9: "AA-8", 10: "AA-8", 11: "AA-8",
        12: "AA-8", 13: "AA-6",
    },
    # Transport connection indication
    5: {1: "AE-5"},
    # A-ASSOCIATE-RQ PDU
    6: {
        2: "AE-6", 3: "AA-8", 5: "AA-8", 6: "AA-8", 7: "AA-8", 8: "AA-8", 9: "AA-8", 10: "AA-8", 11: "AA-8",
        12: "AA-8", 13: "AA-7",
    },
    # A-ASSOCIATE response, accept
    7: {3: "AE-7"},
    # A-ASSOCIATE response, reject
    8: {3: "AE-8"},
    # P-DATA request
    9: {6: "DT-1", 8: "AR-7"},
    # P-DATA-TF PDU
    10: {
        2: "AA-1", 3: "AA-8", 5: "AA-8", 6: "DT-2", 7: "AR-6", 8: "AA-8", 9: "AA-8", 10: "AA-8", 11: "AA-8",
        12: "AA-8", 13: "AA-6",
    },
    # A-RELEASE request
    11: {6: "AR-1"},
    # A-RELEASE-RQ PDU
    12: {
        2: "AA-1", 3: "AA-8", 5: "AA-8", 6: "AR-2", 7: "AR-8", 8: "AA-8", 9: "AA-8", 10: "AA-8", 11: "AA-8",
        12: "AA-8", 13: "AA-6",
    },
    # A-RELEASE-RP PDU
    13: {
        2: "AA-1", 3: "AA-8", 5: "AA-8", 6: "AA-8", 7: "AR-3", 8: "AA-8", 9: "AA-8", 10: "AR-10", 11: "AR-3",
        12: "AA-8", 13: "AA-6",
    },
    # A-RELEASE response
    14: {8: "AR-4", 9: "AR-9", 12: "AR-4"},
    # A-ABORT request
    15: {
        3: "AA-1", 4: "AA-2", 5: "AA-1", 6: "AA-1", 7: "AA-1", 8: "AA-1", 9: "AA-1", 10: "AA-1", 11: "AA-1",
        12: "AA-1",
    },
    # A-ABORT PDU
    16: {
        2: "AA-2", 3: "AA-3", 5: "AA-3", 6: "AA-3", 7: "AA-3", 8: "AA-3", 9: "AA-3", 10: "AA-3", 11: "AA-3",
        12: "AA-3", 13: "AA-2",
    },
    # Transport connection closed
    17: {
        2: "AA-5", 3: "AA-4", 4: "AA-4", 5: "AA-4", 6: "AA-4", 7: "AA-4", 8: "AA-4", 9: "AA-4", 10: "AA-4",
        11: "AA-4", 12: "AA-4", 13: "AR-5",
    },
    # ARTIM timer expired
    18: {2: "AA-2", 13: "AA-2"},
    # Unrecognized or invalid PDU
    19: {
        2: "AA-1", 3: "AA-8", 5: "AA-8", 6: "AA-8", 7: "AA-8", 8: "AA-8", 9: "AA-8", 10: "AA-8", 11: "AA-8",
        12: "AA-8", 13: "AA-7",
    },
}  # fmt: skip
"""Action by event and state."""


@frozen
class Effect:
    """What an action does."""

    then: int | None
    """Next state; None is 9 for the requestor and 10 for the acceptor."""

    send: str | None = None
    tell: Tell | None = None
    artim: str | None = None
    close: bool = False
    source: int | None = None
    otherwise: Effect | None = None
    """What it does if the protocol version is not supported."""


ACTIONS = {
    # Association establishment, table 9-7
    "AE-1": Effect(4),
    "AE-2": Effect(5, send="A-ASSOCIATE-RQ"),
    "AE-3": Effect(6, tell=Tell.ASSOCIATE_ACCEPTED),
    "AE-4": Effect(1, tell=Tell.ASSOCIATE_REJECTED, close=True),
    "AE-5": Effect(2, artim="start"),
    "AE-6": Effect(
        3,
        tell=Tell.ASSOCIATE_INDICATION,
        artim="stop",
        otherwise=Effect(13, send="A-ASSOCIATE-RJ", tell=Tell.REQUEST_REFUSED, artim="start"),
    ),
    "AE-7": Effect(6, send="A-ASSOCIATE-AC"),
    "AE-8": Effect(13, send="A-ASSOCIATE-RJ", artim="start"),
    # Data transfer and release, table 9-8
    "DT-1": Effect(6, send="P-DATA-TF"),
    "DT-2": Effect(6, tell=Tell.P_DATA),
    "AR-1": Effect(7, send="A-RELEASE-RQ"),
    "AR-2": Effect(8, tell=Tell.RELEASE_INDICATION),
    "AR-3": Effect(1, tell=Tell.RELEASE_CONFIRMATION, close=True),
    "AR-4": Effect(13, send="A-RELEASE-RP", artim="start"),
    "AR-5": Effect(1, artim="stop"),
    "AR-6": Effect(7, tell=Tell.P_DATA),
    "AR-7": Effect(8, send="P-DATA-TF"),
    "AR-8": Effect(None, tell=Tell.RELEASE_COLLISION),
    "AR-9": Effect(11, send="A-RELEASE-RP"),
    "AR-10": Effect(12, tell=Tell.RELEASE_CONFIRMATION),
    # Abort, table 9-9
    "AA-1": Effect(13, send="A-ABORT", artim="start", source=0),
    "AA-2": Effect(1, artim="stop", close=True),
    "AA-3": Effect(1, tell=Tell.ABORT, close=True),
    "AA-4": Effect(1, tell=Tell.PROVIDER_ABORT),
    "AA-5": Effect(1, artim="stop"),
    "AA-6": Effect(13),
    "AA-7": Effect(13, send="A-ABORT", source=2),
    "AA-8": Effect(13, send="A-ABORT", tell=Tell.PROVIDER_ABORT, artim="start", source=2),
}
