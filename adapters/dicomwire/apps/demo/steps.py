"""The steps of the demonstration, written once for all adapters."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define
from pydicom.dataset import Dataset

from dicomwire import events as evt
from dicomwire.apps._common.identity import PASSWORD
from dicomwire.apps.demo.either import collected, done, opened
from dicomwire.apps.demo.samples import Differs, Sample, compare, file_of
from dicomwire.client.failures import Refused
from dicomwire.client.queries import query_of
from dicomwire.compat.pdu_primitives import UserIdentityNegotiation
from dicomwire.providing.answering import MoveTo
from dicomwire.providing.service import Service
from dicomwire.providing.typed_requests import (
    CreateRequest,
    FindRequest,
    GetRequest,
    MoveRequest,
    SetRequest,
    StoreRequest,
)
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.vocabulary.sop_classes import ModalityPerformedProcedureStep as PROCEDURE_STEP
from dicomwire.vocabulary.typed_status import Status

HOST = "127.0.0.1"
TIMEOUTS = Timeouts(connect=10.0, associate=10.0, response=10.0, idle=10.0)
"""The longest that anything may take."""

EVERYTHING = {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": ""}
UID = "1.2.3.4"

USER, SECRET = b"demo", b"correct horse"


@define
class Demo:
    """One adapter's peers, and what they were told."""

    connect: Callable[..., Any]
    serve: Callable[..., Any]
    """Those of the adapter."""

    files: Sequence[Sample]
    directory: Path
    logger: logging.Logger
    archive: Any = None
    """The server that stores, finds and sends."""

    destination: Any = None
    """The server that the archive moves to."""

    secure: Any = None
    """A server that speaks TLS only; None if that is not possible here."""

    peer: Any = None
    """A client of the archive."""

    procedure_step: Dataset | None = None
    """As the archive has it."""

    # -- services --------------------------------------------------------------------------------------------------
    def storage(self, name: str) -> Service:
        """Keeps what comes in a folder of this name."""
        folder, service = self.folder(name), Service()

        @service.sink
        def where(request: StoreRequest) -> Path:
            return file_of(folder, request.sop_instance_uid)

        @service.store
        def keep(request: StoreRequest) -> Status:
            return Status.SUCCESS

        return service

    def folder(self, name: str) -> Path:
        """What has come under this name."""
        folder = self.directory / name
        folder.mkdir(exist_ok=True)
        return folder

    def archiving(self) -> Service:
        """The service of the archive."""
        service = self.storage("stored")
        service.find(self.find)
        service.get(self.get)
        service.move(self.move)
        service.create(classes=[PROCEDURE_STEP])(self.create)
        service.set(classes=[PROCEDURE_STEP])(self.change)
        return service

    def find(self, request: FindRequest) -> Iterator[Dataset]:
        """A match for each sample."""
        for file in self.files:
            yield query_of(EVERYTHING | {"SOPInstanceUID": file.sop_instance_uid})

    def get(self, request: GetRequest) -> list[Path]:
        """All samples."""
        return [file.path for file in self.files]

    def move(self, request: MoveRequest) -> MoveTo | None:
        """Where the samples go, and all of them."""
        if request.destination != "DEMO":
            return None
        return MoveTo(host=HOST, port=port_of(self.destination), instances=[file.path for file in self.files])

    def create(self, request: CreateRequest) -> Dataset:
        """Keep the procedure step."""
        self.procedure_step = request.attributes
        return self.procedure_step

    def change(self, request: SetRequest) -> Dataset:
        """Change the procedure step that was created."""
        assert self.procedure_step is not None
        self.procedure_step.update(request.attributes)
        return request.attributes

    def verify(self, event: evt.Event) -> tuple[bool, None]:
        """Whether this is the user, with the right password."""
        return (event.primary_field, event.secondary_field) == (USER, SECRET), None


def port_of(server: Any) -> int:
    """Where it listens."""
    port: int = server.server_address[1]
    return port


def tls_context(side: int) -> ssl.SSLContext | None:
    """TLS without certificates, which is enough to show that it is spoken; None if OpenSSL cannot."""
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # TLS 1.3 has no such ciphers.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.set_ciphers("aNULL:!eNULL:@SECLEVEL=0")
    except ssl.SSLError:
        return None
    return context


# -- steps ---------------------------------------------------------------------------------------------------------
Step: TypeAlias = Callable[[Demo], Awaitable[str]]
"""Does something; gives what came of it, in some words, or raises: Differs, or what the client raises."""


def expect(found: object, expected: object, what: str) -> None:
    """Raise Differs unless these are the same."""
    if found != expected:
        raise Differs(f"{what}: {found!r} instead of {expected!r}")


async def echo(demo: Demo) -> str:
    """C-ECHO."""
    status = await done(demo.peer.echo())
    return f"0x{status:04X}"


async def store_all(demo: Demo, peer: Any, name: str) -> str:
    """C-STORE each sample, and compare what is under that name then."""
    for stored in await collected(peer.store_many([file.path for file in demo.files])):
        if not stored:
            raise stored.error
    return compare(demo.files, demo.folder(name))


async def store(demo: Demo) -> str:
    """C-STORE each sample."""
    return await store_all(demo, demo.peer, "stored")


async def find(demo: Demo) -> str:
    """C-FIND all of them."""
    matches = await collected(demo.peer.find(EVERYTHING))
    expected = [file.sop_instance_uid for file in demo.files]
    expect([match.SOPInstanceUID for match in matches], expected, "matches")
    return f"{len(matches)} matches"


async def get(demo: Demo) -> str:
    """C-GET them, and compare."""
    await done(demo.peer.get_into(demo.folder("got"), EVERYTHING))
    return compare(demo.files, demo.folder("got"))


async def move(demo: Demo) -> str:
    """C-MOVE them to another application entity, and compare."""
    await done(demo.peer.move(EVERYTHING, "DEMO"))
    return compare(demo.files, demo.folder("moved"))


async def procedure_step(demo: Demo) -> str:
    """N-CREATE a performed procedure step, and N-SET its end."""
    begun, ended = Dataset(), Dataset()
    begun.PerformedProcedureStepID = "1"
    begun.PerformedProcedureStepStatus = "IN PROGRESS"
    ended.PerformedProcedureStepStatus = "COMPLETED"
    reply = await done(demo.peer.create(PROCEDURE_STEP, UID, begun))
    expect((reply.attributes, demo.procedure_step), (begun, begun), "N-CREATE")
    reply = await done(demo.peer.set(PROCEDURE_STEP, UID, ended))
    begun.update(ended)
    expect((reply.attributes, demo.procedure_step), (ended, begun), "N-SET")
    return "completed"


async def user_identity(demo: Demo) -> str:
    """Be let in with the right password, and rejected with a wrong one."""
    for secret, expected in ((SECRET, "accepted"), (b"guess", "refused")):
        identity = UserIdentityNegotiation()
        identity.user_identity_type = PASSWORD
        identity.primary_field, identity.secondary_field = USER, secret
        try:
            async with opened(demo.connect(HOST, port_of(demo.archive), negotiation=[identity], timeouts=TIMEOUTS)):
                outcome = "accepted"
        except Refused:
            outcome = "refused"
        expect(outcome, expected, "association")
    return "1 accepted, 1 refused"


async def tls(demo: Demo) -> str:
    """C-STORE over TLS."""
    context = tls_context(ssl.PROTOCOL_TLS_CLIENT)
    if demo.secure is None or context is None:
        return "not possible"
    paths = [file.path for file in demo.files]
    client = demo.connect(HOST, port_of(demo.secure), files=paths, tls=context, timeouts=TIMEOUTS)
    async with opened(client) as peer:
        return await store_all(demo, peer, "encrypted")


STEPS: dict[str, Step] = {
    "C-ECHO": echo,
    "C-STORE": store,
    "C-FIND": find,
    "C-GET": get,
    "C-MOVE": move,
    "N-CREATE, N-SET": procedure_step,
    "User identity": user_identity,
    "C-STORE over TLS": tls,
}

Note: TypeAlias = Callable[[str, str | Exception], None]
"""Called with the name of a step and what came of it."""


async def perform(demo: Demo, note: Note) -> None:
    """All steps, one after the other; one that fails keeps none of the others from being tried."""
    encrypted = tls_context(ssl.PROTOCOL_TLS_SERVER)

    def serve(service: Service, **options: Any) -> Any:
        return opened(demo.serve((HOST, 0), service, title="DEMO", timeouts=TIMEOUTS, **options))

    async with AsyncExitStack() as stack:
        handlers = [(evt.EVT_USER_ID, demo.verify)]
        demo.archive = await stack.enter_async_context(serve(demo.archiving(), handlers=handlers))
        demo.destination = await stack.enter_async_context(serve(demo.storage("moved")))
        if encrypted is not None:
            demo.secure = await stack.enter_async_context(serve(demo.storage("encrypted"), tls=encrypted))
        client = demo.connect(
            HOST,
            port_of(demo.archive),
            files=[file.path for file in demo.files],
            services=["find", "get", "move"],
            contexts=[PROCEDURE_STEP],
            timeouts=TIMEOUTS,
        )
        demo.peer = await stack.enter_async_context(opened(client))
        for name, step in STEPS.items():
            try:
                note(name, await step(demo))
            except Exception as error:
                demo.logger.debug("%s failed", name, exc_info=True)
                note(name, error)
