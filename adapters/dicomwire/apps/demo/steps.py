"""The steps of the demonstration, written once for all adapters."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define, field
from pydicom.dataset import Dataset

from dicomwire import events as evt, sop_class
from dicomwire.apps._common.identity import PASSWORD
from dicomwire.apps._common.storage import Storage
from dicomwire.apps.demo.either import collected, done, opened
from dicomwire.apps.demo.samples import Differs, Sample, compare
from dicomwire.compat.pdu_primitives import UserIdentityNegotiation
from dicomwire.vocabulary.contexts import PresentationContext, build_context, build_role

HOST = "127.0.0.1"
SECONDS = 10.0
"""The longest any answer may take."""

FIND = sop_class.StudyRootQueryRetrieveInformationModelFind
GET = sop_class.StudyRootQueryRetrieveInformationModelGet
MOVE = sop_class.StudyRootQueryRetrieveInformationModelMove
PROCEDURE_STEP = sop_class.ModalityPerformedProcedureStep
UID = "1.2.3.4"

USER, SECRET = b"demo", b"correct horse"


@define
class Demo:
    """One adapter's peers, and what they were told."""

    ae: Any
    """An AE of the adapter, at both ends of everything."""

    files: Sequence[Sample]
    directory: Path
    logger: logging.Logger
    archive: Any = None
    """The server that stores, finds and sends."""

    destination: Any = None
    """The server that the archive moves to."""

    secure: Any = None
    """A server that speaks TLS only; None if that is not possible here."""

    association: Any = None
    """With the archive."""

    procedure_step: Dataset | None = None
    """As the archive has it."""

    storages: dict[str, Storage] = field(factory=dict)

    def storage(self, name: str) -> Storage:
        """What arrives under this name."""
        if name not in self.storages:
            (self.directory / name).mkdir()
            self.storages[name] = Storage(self.directory / name, self.logger)
        return self.storages[name]

    # -- the archive's handlers ------------------------------------------------------------------------------------
    def handlers(self) -> list[evt.EventHandler]:
        """To be bound on the archive's server."""
        return [
            *self.storage("stored").handlers(),
            (evt.EVT_C_FIND, self.find),
            (evt.EVT_C_GET, self.get),
            (evt.EVT_C_MOVE, self.move),
            (evt.EVT_N_CREATE, self.create),
            (evt.EVT_N_SET, self.change),
            (evt.EVT_USER_ID, self.verify),
        ]

    def find(self, event: evt.Event) -> Iterator[Any]:
        """A match for each sample."""
        for file in self.files:
            match = query()
            match.SOPInstanceUID = file.sop_instance_uid
            yield 0xFF00, match

    def get(self, event: evt.Event) -> Iterator[Any]:
        """All samples."""
        yield from self.instances()

    def instances(self) -> Iterator[Any]:
        """How many samples there are, and each of them."""
        yield len(self.files)
        for file in self.files:
            yield 0xFF00, file.path

    def move(self, event: evt.Event) -> Iterator[Any]:
        """Where the samples go, and all of them."""
        yield HOST, self.destination.server_address[1], {"contexts": storage_contexts(self.files)}
        yield from self.instances()

    def create(self, event: evt.Event) -> tuple[int, Dataset]:
        """Keep the procedure step."""
        self.procedure_step = event.attribute_list
        return 0x0000, event.attribute_list

    def change(self, event: evt.Event) -> tuple[int, Dataset]:
        """Change the procedure step that was created."""
        assert self.procedure_step is not None
        self.procedure_step.update(event.modification_list)
        return 0x0000, event.modification_list

    def verify(self, event: evt.Event) -> tuple[bool, None]:
        """Whether this is the user, with the right password."""
        return (event.primary_field, event.secondary_field) == (USER, SECRET), None


def query() -> Dataset:
    """An identifier that matches everything."""
    made = Dataset()
    made.QueryRetrieveLevel = "IMAGE"
    made.SOPInstanceUID = ""
    return made


# -- contexts ------------------------------------------------------------------------------------------------------
def storage_contexts(files: Sequence[Sample]) -> list[PresentationContext]:
    """A context for each pair of SOP class and transfer syntax; whoever accepts it takes both roles."""
    contexts = [build_context(*pair) for pair in sorted({file.pair for file in files})]
    for context in contexts:
        context.scu_role = context.scp_role = True
    return contexts


def contexts_for(files: Sequence[Sample]) -> list[PresentationContext]:
    """All that the steps need."""
    others = (sop_class.Verification, FIND, GET, MOVE, PROCEDURE_STEP)
    return [*(build_context(uid) for uid in others), *storage_contexts(files)]


def roles_for(files: Sequence[Sample]) -> list[Any]:
    """The requestor sends instances, and receives them in a C-GET."""
    classes = sorted({uid for uid, _ in (file.pair for file in files)})
    return [build_role(uid, scu_role=True, scp_role=True) for uid in classes]


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
"""Does something; gives what came of it, in some words, or raises Differs."""


def expect(found: object, expected: object, what: str) -> None:
    """Raise Differs unless these are the same."""
    if found != expected:
        raise Differs(f"{what}: {found!r} instead of {expected!r}")


def expect_success(status: Dataset, what: str) -> None:
    """Raise Differs unless this is the status of a success."""
    code = status.get("Status")
    if code != 0x0000:
        raise Differs(f"{what}: {'no answer' if code is None else f'status 0x{code:04X}'}")


async def echo(demo: Demo) -> str:
    """C-ECHO."""
    expect_success(await done(demo.association.send_c_echo()), "C-ECHO")
    return "0x0000"


async def store(demo: Demo) -> str:
    """C-STORE each sample."""
    for file in demo.files:
        expect_success(await done(demo.association.send_c_store(file.path)), file.path.name)
    return compare(demo.files, demo.storage("stored"))


async def find(demo: Demo) -> str:
    """C-FIND all of them."""
    *matches, (final, _) = await collected(demo.association.send_c_find(query(), FIND))
    expect_success(final, "C-FIND")
    expected = [file.sop_instance_uid for file in demo.files]
    expect([match.SOPInstanceUID for _, match in matches], expected, "matches")
    return f"{len(matches)} matches"


async def get(demo: Demo) -> str:
    """C-GET them, and compare."""
    *_, (final, _) = await collected(demo.association.send_c_get(query(), GET))
    expect_success(final, "C-GET")
    return compare(demo.files, demo.storage("got"))


async def move(demo: Demo) -> str:
    """C-MOVE them to another application entity, and compare."""
    *_, (final, _) = await collected(demo.association.send_c_move(query(), "DEMO", MOVE))
    expect_success(final, "C-MOVE")
    return compare(demo.files, demo.storage("moved"))


async def procedure_step(demo: Demo) -> str:
    """N-CREATE a performed procedure step, and N-SET its end."""
    begun, ended = Dataset(), Dataset()
    begun.PerformedProcedureStepID = "1"
    begun.PerformedProcedureStepStatus = "IN PROGRESS"
    ended.PerformedProcedureStepStatus = "COMPLETED"
    status, reply = await done(demo.association.send_n_create(begun, PROCEDURE_STEP, UID))
    expect_success(status, "N-CREATE")
    expect((reply, demo.procedure_step), (begun, begun), "N-CREATE")
    status, reply = await done(demo.association.send_n_set(ended, PROCEDURE_STEP, UID))
    expect_success(status, "N-SET")
    begun.update(ended)
    expect((reply, demo.procedure_step), (ended, begun), "N-SET")
    return "completed"


async def user_identity(demo: Demo) -> str:
    """Be let in with the right password, and rejected with a wrong one."""
    port = demo.archive.server_address[1]
    for secret, expected in ((SECRET, "established"), (b"guess", "rejected")):
        identity = UserIdentityNegotiation()
        identity.user_identity_type = PASSWORD
        identity.primary_field, identity.secondary_field = USER, secret
        contexts = [build_context(sop_class.Verification)]
        async with opened(demo.ae.associate(HOST, port, contexts, ext_neg=[identity])) as association:
            expect(_outcome(association), expected, "association")
    return "1 accepted, 1 refused"


def _outcome(association: Any) -> str:
    return "established" if association.is_established else "rejected" if association.is_rejected else "aborted"


async def tls(demo: Demo) -> str:
    """C-ECHO over TLS."""
    context = tls_context(ssl.PROTOCOL_TLS_CLIENT)
    if demo.secure is None or context is None:
        return "not possible"
    port = demo.secure.server_address[1]
    contexts = storage_contexts(demo.files)
    async with opened(demo.ae.associate(HOST, port, contexts, tls_args=(context, None))) as association:
        if not association.is_established:
            raise Differs(f"no association: {association.failure}")
        for file in demo.files:
            expect_success(await done(association.send_c_store(file.path)), file.path.name)
    return compare(demo.files, demo.storage("encrypted"))


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
    ae, contexts = demo.ae, contexts_for(demo.files)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = SECONDS
    encrypted = tls_context(ssl.PROTOCOL_TLS_SERVER)

    def serve(handlers: list[evt.EventHandler], ssl_context: ssl.SSLContext | None = None) -> Any:
        return opened(
            ae.start_server((HOST, 0), block=False, contexts=contexts, evt_handlers=handlers, ssl_context=ssl_context)
        )

    async with AsyncExitStack() as stack:
        demo.archive = await stack.enter_async_context(serve(demo.handlers()))
        demo.destination = await stack.enter_async_context(serve(demo.storage("moved").handlers()))
        if encrypted is not None:
            handlers = demo.storage("encrypted").handlers()
            demo.secure = await stack.enter_async_context(serve(handlers, encrypted))
        request = ae.associate(
            HOST,
            demo.archive.server_address[1],
            contexts,
            ext_neg=roles_for(demo.files),
            evt_handlers=demo.storage("got").handlers(),
        )
        demo.association = await stack.enter_async_context(opened(request))
        if not demo.association.is_established:
            raise Differs(f"no association: {demo.association.failure}")
        for name, step in STEPS.items():
            try:
                note(name, await step(demo))
            except Exception as error:
                demo.logger.debug("%s failed", name, exc_info=True)
                note(name, error)
