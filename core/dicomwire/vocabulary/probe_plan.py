"""What to propose to a peer to learn what it supports, in requests for associations of at most 128 contexts each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from dicomwire._globals import ALL_TRANSFER_SYNTAXES, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire.vocabulary.context_lists import storage_classes
from dicomwire.vocabulary.sop_class_table import SOP_CLASSES

MOST = 128
"""Presentation contexts of one request: IDs are odd, and one byte (PS3.8 9.3.2.2)."""

VERIFICATION = "1.2.840.10008.1.1"

Proposal: TypeAlias = tuple[str, tuple[str, ...]]
"""An abstract syntax and transfer syntaxes."""

_REPRESENTATIVES = (
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
    "1.2.840.10008.5.1.4.1.1.1",  # computed radiography
    "1.2.840.10008.5.1.4.1.1.6.1",  # ultrasound
    "1.2.840.10008.5.1.4.1.1.88.11",  # a report
)
"""Storage classes that stand for all, in what they are encoded."""

_WITHOUT_PROPOSAL = ("ServiceClass", "StorageServiceClass")


def services() -> dict[str, list[str]]:
    """The SOP classes of each service, by its name for people; verification comes first, storage last."""
    found = {
        _words(name): [*classes.values()] for name, classes in SOP_CLASSES.items() if name not in _WITHOUT_PROPOSAL
    }
    return {**found, "Storage": storage_classes()}


def _words(name: str) -> str:
    """``"PrintManagementServiceClass"`` as ``"Print Management"``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name.removesuffix("ServiceClass"))


def sop_classes() -> Iterator[list[Proposal]]:
    """Every SOP class, with what every peer can decode, in one request after the other; storage comes last.

    Each has verification too: where no context is accepted there is no association.
    """
    classes = dict.fromkeys(uid for found in services().values() for uid in found if uid != VERIFICATION)
    proposals = [(uid, (EXPLICIT_LITTLE, IMPLICIT_LITTLE)) for uid in classes]
    for start in range(0, len(proposals), MOST - 1):
        yield [(VERIFICATION, (EXPLICIT_LITTLE, IMPLICIT_LITTLE)), *proposals[start : start + MOST - 1]]


def transfer_syntaxes(accepted: Iterable[str]) -> list[Proposal]:
    """Some of the ``accepted`` storage classes with each transfer syntax by itself: of several a peer takes one."""
    known, storage = set(accepted), storage_classes()
    chosen = [uid for uid in _REPRESENTATIVES if uid in known] or [uid for uid in storage if uid in known]
    most = MOST // len(ALL_TRANSFER_SYNTAXES)
    return [(uid, (syntax,)) for uid in chosen[:most] for syntax in ALL_TRANSFER_SYNTAXES]


def agreements(accepted: Iterable[str]) -> tuple[list[Proposal], list[str], list[str]]:
    """What else can be negotiated: proposals, storage classes to ask roles for, queries for extended negotiation.

    The roles are those of C-GET, where the requestor is SCP of storage (PS3.4 C.5.3).
    """
    known = set(accepted)
    queries = [uid for uid in SOP_CLASSES["QueryRetrieveServiceClass"].values() if uid in known]
    stored = [uid for uid in _REPRESENTATIVES if uid in known]
    some = list(dict.fromkeys([VERIFICATION, *queries, *stored]))[:MOST]
    return [(uid, (EXPLICIT_LITTLE, IMPLICIT_LITTLE)) for uid in some], stored, queries
