"""A whole acceptor with handlers: whatever comes, it ends, in time, with every handler, and speaks in whole PDUs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from attrs import define, field
from pydicom.dataset import Dataset

from dicomwire import build_context, evt
from dicomwire.errors import BrokenDataSet
from dicomwire.memory import AE, Network, ends
from dicomwire.upper_layer import AssociateRQ, decode_pdu
from dicomwire.upper_layer.items import MaximumLengthItem, PresentationContextRQItem, RoleSelectionItem
from fuzz.corpus import conversations, streams
from tests.support.tolerant import tolerant

STEERING = 5
"""Whether the request is there already, whether the peer closes at the end, and the sizes of the pieces."""

CLASSES = (
    "1.2.840.10008.1.1",  # Verification
    "1.2.840.10008.5.1.4.1.1.2",  # CT Image Storage
    "1.2.840.10008.5.1.4.1.2.2.1",  # Study Root FIND
    "1.2.840.10008.5.1.4.1.2.1.3",  # Patient Root GET
    "1.2.840.10008.5.1.4.1.2.2.2",  # Study Root MOVE
    "1.2.840.10008.3.1.2.3.3",  # Modality Performed Procedure Step
    "1.2.840.10008.1.20.1",  # Storage Commitment
)
STORAGE = CLASSES[1]
SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]

LONGEST = 300.0
"""Seconds of the network: more than all its timeouts one after the other."""


@define
class Handlers:
    """Handlers that look at what they are given, and how many of them have begun and ended."""

    begun: int = 0
    ended: int = 0
    bindings: list[Any] = field(init=False)

    def __attrs_post_init__(self) -> None:
        answers = {
            evt.EVT_C_ECHO: self.status,
            evt.EVT_C_STORE: self.stored,
            evt.EVT_C_FIND: self.matches,
            evt.EVT_C_GET: self.instances,
            evt.EVT_C_MOVE: self.moves,
            evt.EVT_N_ACTION: self.reply,
            evt.EVT_N_CREATE: self.reply,
            evt.EVT_N_DELETE: self.status,
            evt.EVT_N_EVENT_REPORT: self.reply,
            evt.EVT_N_GET: self.reply,
            evt.EVT_N_SET: self.reply,
        }
        self.bindings = list(answers.items())

    @contextmanager
    def _called(self) -> Iterator[None]:
        self.begun += 1
        try:
            yield
        finally:
            self.ended += 1

    def status(self, event: evt.Event) -> int:
        with self._called():
            return 0x0000

    def stored(self, event: evt.Event) -> int:
        with self._called():
            try:
                event.dataset.keys()
                event.encoded_dataset()
            except BrokenDataSet:
                return 0xC000
            return 0x0000

    def reply(self, event: evt.Event) -> tuple[int, Dataset]:
        with self._called():
            answer = Dataset()
            answer.PatientID = "1"
            return 0x0000, answer

    def matches(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        with self._called():
            try:
                found = event.identifier.keys()
            except BrokenDataSet:
                yield 0xC000, None
                return
            for number in range(3):
                if event.is_cancelled:
                    yield 0xFE00, None
                    return
                match = Dataset()
                match.PatientID = str(number + len(found))
                yield 0xFF00, match

    def instances(self, event: evt.Event) -> Iterator[Any]:
        with self._called():
            yield 2
            for number in range(2):
                if event.is_cancelled:
                    yield 0xFE00, None
                    return
                instance = Dataset()
                instance.SOPClassUID = STORAGE
                instance.SOPInstanceUID = f"1.2.3.{number}"
                yield 0xFF00, instance

    def moves(self, event: evt.Event) -> Iterator[Any]:
        with self._called():
            yield None, None


class Surprises(logging.Handler):
    """Records with an exception that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.found.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


LOGGER = logging.getLogger("dicomwire")


@contextmanager
def no_surprises() -> Iterator[None]:
    """Fail if an exception was logged."""
    surprises, propagated = Surprises(), LOGGER.propagate
    LOGGER.addHandler(surprises)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.removeHandler(surprises)
        LOGGER.propagate = propagated
    assert not surprises.found, surprises.found


@cache
def acceptor() -> AE:
    """An AE that supports all of it, one for all inputs: to make it and its contexts takes as long as most of them."""
    ae = AE("ACCEPTOR")
    ae.supported_contexts = [build_context(uid, SYNTAXES) for uid in CLASSES]
    ae.supported_contexts[1].scu_role = ae.supported_contexts[1].scp_role = True
    return ae


def request() -> bytes:
    """An A-ASSOCIATE-RQ for all of it: contexts 1, 3, ..., in either transfer syntax in turn."""
    return AssociateRQ(
        called_ae_title="ACCEPTOR",
        calling_ae_title="FUZZ",
        presentation_context=tuple(
            PresentationContextRQItem(
                context_id=2 * number + 1, abstract_syntax=uid, transfer_syntax=(SYNTAXES[number % 2],)
            )
            for number, uid in enumerate(CLASSES)
        ),
        user_information=(
            MaximumLengthItem(maximum_length=16384),
            RoleSelectionItem(sop_class_uid=STORAGE, scu_role=True, scp_role=True),
        ),
    ).encode()


REQUEST = request()


def one_input(data: bytes) -> None:
    if len(data) < STEERING:
        return
    how, sizes, data = data[0], data[1:STEERING], data[STEERING:]
    if how & 1:
        data = REQUEST + data
    ae = acceptor()
    network = ae.network = Network()
    ours, theirs = ends(network)
    handlers, said = Handlers(), bytearray()

    async def send() -> None:
        start, turn = 0, 0
        while start < len(data) and ours.is_open and theirs.is_open:
            size = len(data) if how & 4 else sizes[turn % len(sizes)] * 4 + 1
            theirs.send(data[start : start + size])
            start += size
            turn += 1
            await network.sleep(0.0)
        if how & 2:
            theirs.send_eof()

    async def hear() -> None:
        while True:
            await theirs.arrival()
            piece = theirs.receive()
            if not piece:
                break
            said.extend(piece)
        theirs.close()

    with tolerant(), no_surprises():
        serving = ae.serve_over(ours, handlers.bindings)
        association = network.run(serving, send(), hear())[0]
        assert network.now <= LONGEST
        network.run_until_idle()
    assert not association.is_established and not ours.is_open and not ae.active_associations
    assert ae.memory_budget.held == 0
    assert handlers.begun == handlers.ended
    _are_whole_pdus(bytes(said))


def _are_whole_pdus(said: bytes) -> None:
    start = 0
    while start < len(said):
        end = start + 6 + int.from_bytes(said[start + 2 : start + 6], "big")
        assert end <= len(said)
        assert decode_pdu(said[start:end]).encode() == said[start:end]
        start = end


def seeds() -> Iterable[bytes]:
    for number, stream in enumerate(streams()):
        yield bytes((number & 6, 10, 60, 3, 255)) + stream
        # Behind our request, what came behind theirs.
        if stream[:1] == b"\1":
            yield bytes((1 | number & 6, 10, 60, 3, 255)) + stream[6 + int.from_bytes(stream[2:6], "big") :]
    for number, pdu in enumerate(conversations()):
        yield bytes((1 | number & 6, 5, 60, 3, 255)) + pdu
