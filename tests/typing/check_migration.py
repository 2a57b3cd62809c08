"""A program in the style of pynetdicom's documentation, typed: mypy (strict) and pyright accept it, and a test runs it.

But for the name of the package nothing in it is dicomwire's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicomwire import (
    AE,
    ALL_TRANSFER_SYNTAXES,
    AllStoragePresentationContexts,
    Association,
    QueryRetrievePresentationContexts,
    StoragePresentationContexts,
    VerificationPresentationContexts,
    _config,
    build_context,
    build_role,
    evt,
    register_uid,
)
from dicomwire.ae import ApplicationEntity
from dicomwire.dsutils import decode, encode
from dicomwire.events import Event
from dicomwire.pdu_primitives import SCP_SCU_RoleSelectionNegotiation, UserIdentityNegotiation
from dicomwire.presentation import PresentationContext
from dicomwire.service_class import StorageServiceClass
from dicomwire.sop_class import (
    CTImageStorage,
    ModalityPerformedProcedureStep,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    Verification,
)
from dicomwire.status import Status, code_to_category
from dicomwire.transport import ThreadedAssociationServer

LOGGER = logging.getLogger("migrated")

HOST = "127.0.0.1"


def handle_echo(event: Event) -> int:
    return 0x0000


def handle_open(event: Event, seen: list[str]) -> None:
    seen.append(str(event.address[0]))


def handle_store(event: Event, folder: Path) -> int:
    ds = event.dataset
    ds.file_meta = event.file_meta
    ds.save_as(folder / f"{ds.Modality}.dcm", enforce_file_format=True)
    return Status.SUCCESS


def handle_find(event: Event, instances: list[Dataset]) -> Iterator[tuple[int, Dataset | None]]:
    wanted = event.identifier
    for instance in instances:
        if event.is_cancelled:
            yield 0xFE00, None
            return
        if wanted.PatientID in ("", instance.PatientID):
            identifier = Dataset()
            identifier.QueryRetrieveLevel = wanted.QueryRetrieveLevel
            identifier.PatientID = instance.PatientID
            yield 0xFF00, identifier


def handle_get(event: Event, instances: list[Dataset]) -> Iterator[int | tuple[int, Dataset | None]]:
    yield len(instances)
    for instance in instances:
        yield 0xFF00, instance


def handle_move(
    event: Event, instances: list[Dataset], port: int
) -> Iterator[tuple[str, int, dict[str, list[PresentationContext]]] | int | tuple[int, Dataset]]:
    yield HOST, port, {"contexts": [build_context(CTImageStorage)]}
    yield len(instances)
    for instance in instances:
        yield 0xFF00, instance


def handle_create(event: Event) -> tuple[int, Dataset | None]:
    attributes = event.attribute_list
    attributes.SOPInstanceUID = event.request.AffectedSOPInstanceUID
    return 0x0000, attributes


def serve(
    instances: list[Dataset], folder: Path, seen: list[str]
) -> tuple[ThreadedAssociationServer, ThreadedAssociationServer]:
    inbox = AE(ae_title="INBOX")
    inbox.supported_contexts = AllStoragePresentationContexts
    receiver = inbox.start_server((HOST, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, handle_store, [folder])])

    ae = ApplicationEntity(ae_title="ARCHIVE")
    for cx in StoragePresentationContexts:
        assert cx.abstract_syntax is not None
        ae.add_supported_context(cx.abstract_syntax, ALL_TRANSFER_SYNTAXES, scu_role=True, scp_role=True)
    ae.supported_contexts = QueryRetrievePresentationContexts + VerificationPresentationContexts
    ae.add_supported_context(ModalityPerformedProcedureStep)
    ae.maximum_associations = 5
    ae.require_calling_aet = ["MODALITY"]
    handlers = [
        (evt.EVT_CONN_OPEN, handle_open, [seen]),
        (evt.EVT_C_ECHO, handle_echo),
        (evt.EVT_C_STORE, handle_store, [folder]),
        (evt.EVT_C_FIND, handle_find, [instances]),
        (evt.EVT_C_GET, handle_get, [instances]),
        (evt.EVT_C_MOVE, handle_move, [instances, receiver.server_address[1]]),
        (evt.EVT_N_CREATE, handle_create),
    ]
    server = ae.start_server((HOST, 0), block=False, evt_handlers=handlers)
    return server, receiver


def associate(port: int, folder: Path) -> Association:
    ae = AE("MODALITY")
    ae.acse_timeout = ae.dimse_timeout = 10
    ae.network_timeout = None
    ae.requested_contexts = VerificationPresentationContexts
    ae.add_requested_context(CTImageStorage)
    for model in (
        PatientRootQueryRetrieveInformationModelFind,
        PatientRootQueryRetrieveInformationModelGet,
        PatientRootQueryRetrieveInformationModelMove,
        ModalityPerformedProcedureStep,
    ):
        ae.add_requested_context(model)
    role: SCP_SCU_RoleSelectionNegotiation = build_role(CTImageStorage, scu_role=True, scp_role=True)
    user = UserIdentityNegotiation()
    user.user_identity_type = 1
    user.primary_field = b"somebody"
    return ae.associate(
        HOST,
        port,
        ae_title="ARCHIVE",
        max_pdu=0,
        ext_neg=[role, user],
        evt_handlers=[(evt.EVT_C_STORE, handle_store, [folder])],
    )


def main(folder: Path) -> list[str]:
    _config.LOG_RESPONSE_IDENTIFIERS = False
    register_uid("1.2.3.4.9.9", "OwnMigratedStorage", StorageServiceClass)
    said: list[str] = []
    seen: list[str] = []
    path = get_testdata_file("CT_small.dcm", download=False)
    assert isinstance(path, str)
    image = dcmread(path)
    server, receiver = serve([image], folder, seen)

    assoc = associate(server.server_address[1], folder)
    if not assoc.is_established:
        raise SystemExit(f"rejected: {assoc.is_rejected}, aborted: {assoc.is_aborted}")
    accepted: list[UID] = [cx.abstract_syntax for cx in assoc.accepted_contexts if cx.abstract_syntax is not None]
    said.append(f"{Verification in accepted} {len(assoc.rejected_contexts)} {assoc.acceptor.ae_title}")

    status = assoc.send_c_echo()
    if status:
        said.append(f"echo 0x{status.Status:04X}")
    status = assoc.send_c_store(image, priority=1)
    said.append(f"store {code_to_category(status.Status)}")

    query = Dataset()
    query.QueryRetrieveLevel = "PATIENT"
    query.PatientID = ""
    for status, identifier in assoc.send_c_find(query, PatientRootQueryRetrieveInformationModelFind):
        if status and status.Status in (0xFF00, 0xFF01) and identifier is not None:
            said.append(f"found {identifier.PatientID}")
    for status, identifier in assoc.send_c_get(query, PatientRootQueryRetrieveInformationModelGet):
        if status and identifier is None:
            said.append(f"get 0x{status.Status:04X} {status.NumberOfCompletedSuboperations}")
    for status, _ in assoc.send_c_move(query, "INBOX", PatientRootQueryRetrieveInformationModelMove):
        if status:
            said.append(f"move 0x{status.Status:04X}")

    step = Dataset()
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    status, created = assoc.send_n_create(step, ModalityPerformedProcedureStep, "1.2.3.4.5")
    if status.Status == Status.SUCCESS and created is not None:
        said.append(f"created {created.SOPInstanceUID}")

    raw = encode(query, is_implicit_vr=True, is_little_endian=True)
    if raw is not None:
        said.append(decode(BytesIO(raw), True, True).QueryRetrieveLevel)
    assoc.release()
    said.append(f"released {assoc.is_released} {sorted(set(seen))}")
    server.shutdown()
    receiver.shutdown()
    return said


if __name__ == "__main__":
    for line in main(Path()):
        LOGGER.info(line)
