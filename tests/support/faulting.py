"""Every operation over a connection with which things go wrong, and what must hold whatever that is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterator
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from attrs import define, field, frozen
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomwire import build_context, build_role, evt
from dicomwire.testing import Faults, FaultyTransport, faulty_connection, faulty_ends
from dicomwire.testing.faulty_stream import FaultyStream
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, Recorder, World, done, port_of
from tests.support.finding import FIND, advance, done_all, match
from tests.support.flags import ABORTED, RELEASED, flags
from tests.support.getting import GET, PENDING, image
from tests.support.moving import MOVE
from tests.support.normalized import ALL, DELETE, FILM_SESSION, SAID, invoke
from tests.support.storing import save
from tests.support.transports import Wires

REQUESTOR, ACCEPTOR = "requestor", "acceptor"
SIDES = (REQUESTOR, ACCEPTOR)
NOTHING = (False, False, False, False)
"""The flags of an acceptor to which no request has come."""

SHORT_PDUS = 1024
"""So that data sets of some thousand bytes take several."""

LARGE = 5000

CONTEXTS = [build_context(uid) for uid in (VERIFICATION, CT_IMAGE_STORAGE, FIND, GET, MOVE, FILM_SESSION)]
BOTH_ROLES = [build_role(CT_IMAGE_STORAGE, scu_role=True, scp_role=True)]

Statuses = list[int | None]
"""Of the responses; None is the empty one that says that the association is lost."""


def supported() -> list[Any]:
    contexts = [build_context(context.abstract_syntax or "") for context in CONTEXTS]
    contexts[1].scu_role = contexts[1].scp_role = True
    return contexts


class FaultyWires(Wires):
    """With faults at one end."""

    def __init__(self, world: World, kind: str, side: str, faults: Faults) -> None:
        super().__init__(world, kind)
        if world.name == "memory":
            one, other = (faults, None) if side == REQUESTOR else (None, faults)
            self.here, self.there = faulty_ends(world.network, one, other)  # type: ignore[attr-defined]
            return
        ways: dict[str, Callable[[Any, Faults], Any]]
        ways = {"blocking": FaultyTransport, "asyncio": faulty_connection, "trio": FaultyStream}
        wrap = ways[world.name]
        if side == REQUESTOR:
            self.here = wrap(self.here, faults)
        else:
            self.there = wrap(self.there, faults)


@define(eq=False)
class Handlers:
    """Of every service; they account for what they were given and what was closed."""

    destination: tuple[str, int] | None = None
    folder: Path | None = None
    """Where instances are received to."""

    stored: list[str] = field(factory=list)
    begun: int = 0
    closed: int = 0

    def bindings(self) -> list[Any]:
        return [
            (evt.EVT_C_ECHO, lambda event: 0x0000),
            (evt.EVT_C_STORE, self.store),
            (evt.EVT_C_FIND, self.find),
            (evt.EVT_C_GET, self.get),
            (evt.EVT_C_MOVE, self.move),
            *((event, self.normalized) for event in ALL),
            *([] if self.folder is None else [(evt.EVT_C_STORE_SINK, self.sink)]),
        ]

    def sink(self, event: evt.Event) -> Path:
        assert self.folder is not None
        return self.folder / f"{event.request.AffectedSOPInstanceUID}.dcm"

    def store(self, event: evt.Event) -> int:
        if self.folder is None:
            assert event.dataset.PatientName == "Test^Patient"
        self.stored.append(event.request.AffectedSOPInstanceUID)
        return 0x0000

    def find(self, event: evt.Event) -> Iterator[Any]:
        self.begun += 1
        try:
            for number in range(100 if event.identifier.PatientName == "Many" else 3):
                if event.is_cancelled:
                    yield 0xFE00, None
                    return
                yield PENDING, match(str(number))
        finally:
            self.closed += 1

    def get(self, event: evt.Event) -> Iterator[Any]:
        self.begun += 1
        try:
            yield 2
            yield PENDING, image(1)
            yield PENDING, image(2)
        finally:
            self.closed += 1

    def move(self, event: evt.Event) -> Iterator[Any]:
        self.begun += 1
        try:
            yield self.destination
            yield 2
            yield PENDING, image(1)
            yield PENDING, image(2)
        finally:
            self.closed += 1

    def normalized(self, event: evt.Event) -> Any:
        return 0x0000 if event.event is DELETE else (0x0000, SAID)


@define(eq=False)
class Trial:
    """One association with an AE that serves the other end, and what became of it at both."""

    world: World
    kind: str
    side: str
    faults: Faults
    seconds: float
    """Of every timeout."""

    contexts: list[Any] = field(factory=lambda: CONTEXTS)
    """That are requested."""

    watched: tuple[Any, ...] = ()
    """What is bound at both sides to record it; empty for all there is."""

    accepting: Handlers = field(factory=Handlers)
    requesting: Handlers = field(factory=Handlers)
    seen: tuple[Recorder, Recorder] = field(factory=lambda: (Recorder(), Recorder()))
    acknowledged: list[str] = field(factory=list)
    """Instances whose C-STORE was answered with success."""

    statuses: Statuses = field(factory=list)
    raised: Exception | None = None
    association: Any = None
    served: Any = None

    def ae(self, title: str) -> Any:
        entity = self.world.ae(title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self.seconds
        entity.write_timeout = self.seconds
        entity.maximum_pdu_size = SHORT_PDUS
        return entity

    def wires(self) -> Wires:
        """What joins the two."""
        return FaultyWires(self.world, self.kind, self.side, self.faults)

    def was_closed(self) -> bool:
        """Whether the transport was, at the side with the faults."""
        return "close" in self.faults.calls

    async def perform(self, operation: Operation) -> None:
        """Perform it, release the association, and wait until both sides have ended."""
        wires = self.wires()
        client, server = self.ae("CLIENT"), self.ae("SERVER")
        server.requested_contexts = [build_context(CT_IMAGE_STORAGE)]
        if operation.needs_destination:
            bound = [(evt.EVT_C_STORE, self.accepting.store)]
            destination = await self.world.serve(bound, contexts=[build_context(CT_IMAGE_STORAGE)])
            self.accepting.destination = LOCALHOST, port_of(destination)
        listening, hearing = (recorder.bindings(*self.watched) for recorder in self.seen)
        self.accepting.folder = operation.folder and Path(mkdtemp(dir=operation.folder))
        accepting = [*hearing, *self.accepting.bindings()]
        job = self.world.start(lambda: wires.serve(server, accepting, contexts=supported()))
        self.association = association = await wires.associate(
            client,
            contexts=self.contexts,
            ext_neg=BOTH_ROLES,
            evt_handlers=[*listening, (evt.EVT_C_STORE, self.requesting.store)],
        )
        if association.is_established:
            async with self.world.using(association):
                try:
                    await operation.perform(self)
                except RuntimeError as error:
                    self.raised = error
        self.served = await job.result()

    # -- what must hold -------------------------------------------------------------------------------------------
    def wrong(self) -> Iterator[str]:
        """What must not be, in words."""
        yield from self._wrong_with("requestor", self.association, self.seen[0])
        yield from self._wrong_with("acceptor", self.served, self.seen[1])
        begun = "ACCEPTED" in self.seen[1].names
        if flags(self.served) not in ((ABORTED, RELEASED) if begun else (ABORTED, NOTHING)):
            yield f"the acceptor ended as {flags(self.served)}"
        if flags(self.association) not in (ABORTED, RELEASED):
            yield f"the requestor ended as {flags(self.association)}"
        if self.raised is not None and "established" not in str(self.raised):
            yield f"the operation raised {self.raised!r}"
        if flags(self.association) == RELEASED and None in self.statuses:
            yield f"released, and {self.statuses}"
        for handlers in (self.accepting, self.requesting):
            if handlers.begun != handlers.closed:
                yield f"{handlers.begun} handlers began and {handlers.closed} were closed"
        kept = self.accepting.stored + self.requesting.stored
        yield from (f"{uid} was acknowledged and is lost" for uid in self.acknowledged if uid not in kept)
        if len(set(self.accepting.stored)) != len(self.accepting.stored):
            yield "an instance was stored twice"
        if not self.was_closed():
            yield "the transport was not closed"
        if self.accepting.folder is not None:
            yield from self._wrong_in(self.accepting.folder)

    def _wrong_in(self, folder: Path) -> Iterator[str]:
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        rmtree(folder)
        yield from (f"{uid} has no file" for uid in self.acknowledged if f"{uid}.dcm" not in found)
        for name, data in found.items():
            if not name.endswith(".dcm"):
                yield f"{name} is left"
            elif len(dcmread(BytesIO(data)).PatientComments) != LARGE:
                yield f"{name} is not whole"

    @staticmethod
    def _wrong_with(side: str, association: Any, recorder: Recorder) -> Iterator[str]:
        if flags(association) == ABORTED and not association.failure:
            yield f"the {side} does not say why it ended"
        if association.ae.active_associations:
            yield f"the {side}'s AE has associations left"
        if recorder.only("CONN_OPEN", "CONN_CLOSE") != ["CONN_OPEN", "CONN_CLOSE"]:
            yield f"the {side} was told {recorder.only('CONN_OPEN', 'CONN_CLOSE')}"
        if len(ends := recorder.only("ABORTED", "RELEASED", "REJECTED")) > 1:
            yield f"the {side} was told {ends}"
        if recorder.names[-1] != "CONN_CLOSE" and "FSM_TRANSITION" not in recorder.names[-1]:
            yield f"the {side} was told {recorder.names[-1]} behind the end"


@frozen
class Operation:
    """What a requestor does on an association."""

    perform: Callable[[Trial], Coroutine[Any, Any, None]]
    needs_destination: bool = False
    folder: Path | None = None
    """Where the acceptor puts what it receives."""

    split: int | None = None
    """Bytes that arrive at once, so that there are faults in the middle of messages."""


async def _echo(trial: Trial) -> None:
    trial.statuses.append((await done(trial.association.send_c_echo())).get("Status"))


def _storing(instances: Callable[[], list[Any]]) -> Callable[[Trial], Coroutine[Any, Any, None]]:
    async def store(trial: Trial) -> None:
        for number, sent in enumerate(instances()):
            status = (await done(trial.association.send_c_store(sent))).get("Status")
            trial.statuses.append(status)
            if status == 0x0000:
                trial.acknowledged.append(image(number).SOPInstanceUID)

    return store


def large() -> Dataset:
    return image(0, PatientComments="x" * LARGE)


async def everything(trial: Trial) -> None:
    """An echo, a store and a query."""
    await _echo(trial)
    await _storing(lambda: [image(0)])(trial)
    await _find(trial)


async def _find(trial: Trial) -> None:
    responses = await done_all(trial.association.send_c_find(match("Few"), FIND))
    trial.statuses += [status.get("Status") for status, _ in responses]


async def _find_cancelled(trial: Trial) -> None:
    association = trial.association
    responses = await done(association.send_c_find(match("Many"), FIND, msg_id=3))
    while (response := await advance(responses)) is not None:
        trial.statuses.append(response[0].get("Status"))
        if len(trial.statuses) == 2:
            await done(association.send_c_cancel(3, query_model=FIND))


async def _get(trial: Trial) -> None:
    responses = await done_all(trial.association.send_c_get(match(), GET))
    trial.statuses += [status.get("Status") for status, _ in responses]
    completed = [status.get("NumberOfCompletedSuboperations", 0) for status, _ in responses] or [0]
    trial.acknowledged += [image(number).SOPInstanceUID for number in range(1, completed[-1] + 1)]


async def _move(trial: Trial) -> None:
    responses = await done_all(trial.association.send_c_move(match(), "DESTINATION", MOVE))
    trial.statuses += [status.get("Status") for status, _ in responses]
    completed = [status.get("NumberOfCompletedSuboperations", 0) for status, _ in responses] or [0]
    trial.acknowledged += [image(number).SOPInstanceUID for number in range(1, completed[-1] + 1)]


async def _normalized(trial: Trial) -> None:
    for event in ALL:
        status, _ = await invoke(trial.association, event, FILM_SESSION)
        trial.statuses.append(status.get("Status"))


async def _nothing(trial: Trial) -> None:
    """The association is released."""


async def _abort(trial: Trial) -> None:
    await done(trial.association.abort())


def operations(folder: Path) -> dict[str, Operation]:
    """All of :data:`NAMES`; ``folder`` is for files that are sent and received."""
    path, received = folder / "large.dcm", folder / "received"
    received.mkdir()
    save(large(), path)
    return {
        "release": Operation(_nothing),
        "abort": Operation(_abort),
        "echo": Operation(_echo),
        "store": Operation(_storing(lambda: [image(0), image(1)])),
        "store large": Operation(_storing(lambda: [large()]), split=1500),
        "store path": Operation(_storing(lambda: [path]), folder=received, split=2500),
        "find": Operation(_find),
        "find cancelled": Operation(_find_cancelled),
        "get": Operation(_get),
        "move": Operation(_move, needs_destination=True),
        "normalized": Operation(_normalized),
    }


NAMES = (
    *("release", "abort", "echo", "store", "store large", "store path"),
    *("find", "find cancelled", "get", "move", "normalized"),
)


class Tracebacks(logging.Handler):
    """Log records that tell of an exception: what nobody has foreseen."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.CRITICAL:
            self.told.append(f"logged: {record.getMessage()} {record.exc_info}")
