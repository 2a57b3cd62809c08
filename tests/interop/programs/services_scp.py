"""Procedure steps, storage commitment and printing as SCP, as programs for pynetdicom do it: services_scp.py.

Prints its port; what comes in are the ports of COMMITSCU, one a line; ends with its standard input.
"""

# pyright: reportAttributeAccessIssue=false

import sys
import threading

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined,unused-ignore]
    BasicFilmBox,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    ModalityPerformedProcedureStep,
    Printer,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
)

managed = {}  # type: ignore[var-annotated]
known = {}


def handle_create(event):  # type: ignore[no-untyped-def]
    req = event.request
    if req.AffectedSOPInstanceUID is None:
        return 0x0106, None
    if req.AffectedSOPInstanceUID in managed:
        return 0x0111, None
    ds = event.attribute_list
    if req.AffectedSOPClassUID == ModalityPerformedProcedureStep:
        if "PerformedProcedureStepStatus" not in ds:
            return 0x0120, None
        if ds.PerformedProcedureStepStatus.upper() != "IN PROGRESS":
            return 0x0106, None
    elif req.AffectedSOPClassUID == BasicFilmBox:
        item = Dataset()
        item.ReferencedSOPClassUID = BasicGrayscaleImageBox
        item.ReferencedSOPInstanceUID = generate_uid()
        ds.ReferencedImageBoxSequence = [item]
        managed[item.ReferencedSOPInstanceUID] = Dataset()
    managed[req.AffectedSOPInstanceUID] = ds
    return 0x0000, ds


def handle_set(event):  # type: ignore[no-untyped-def]
    ds = managed.get(event.request.RequestedSOPInstanceUID)
    if ds is None:
        return 0x0112, None
    ds.update(event.modification_list)
    return 0x0000, ds


def handle_get(event):  # type: ignore[no-untyped-def]
    if event.request.RequestedSOPClassUID == Printer:
        ds = Dataset()
        ds.PrinterStatus = "NORMAL"
        return 0x0000, ds
    if event.request.RequestedSOPInstanceUID not in managed:
        return 0x0112, None
    ds = managed[event.request.RequestedSOPInstanceUID]
    wanted = Dataset()
    for tag in event.attribute_identifiers:
        if tag in ds:
            wanted[tag] = ds[tag]
    return 0x0000, wanted


def handle_delete(event):  # type: ignore[no-untyped-def]
    return 0x0000 if managed.pop(event.request.RequestedSOPInstanceUID, None) is not None else 0x0112


def handle_find(event):  # type: ignore[no-untyped-def]
    wanted = event.identifier
    for ds in list(managed.values()):
        if event.is_cancelled:
            yield 0xFE00, None
            return
        if "ProcedureStepState" in ds and ds.ProcedureStepState == wanted.ProcedureStepState:
            match = Dataset()
            match.ProcedureStepState = ds.ProcedureStepState
            match.ProcedureStepLabel = ds.ProcedureStepLabel
            yield 0xFF00, match


def handle_action(event):  # type: ignore[no-untyped-def]
    req, ds = event.request, event.action_information
    if req.RequestedSOPClassUID == StorageCommitmentPushModel:
        threading.Thread(target=report, args=(event.assoc.requestor.ae_title, ds)).start()
        return 0x0000, None
    if req.RequestedSOPInstanceUID not in managed:
        return 0x0112, None
    if req.RequestedSOPClassUID == BasicFilmBox:
        return 0x0000, None
    step = managed[req.RequestedSOPInstanceUID]
    if step.ProcedureStepState == ds.ProcedureStepState:
        return 0xC302, None
    step.ProcedureStepState = ds.ProcedureStepState
    return 0x0000, ds


def report(title, ds):  # type: ignore[no-untyped-def]
    """Say that the first is there, and the others are not."""
    information = Dataset()
    information.TransactionUID = ds.TransactionUID
    information.ReferencedSOPSequence = ds.ReferencedSOPSequence[:1]
    information.FailedSOPSequence = ds.ReferencedSOPSequence[1:]
    for item in information.FailedSOPSequence:
        item.FailureReason = 0x0112
    role = build_role(StorageCommitmentPushModel, scp_role=True)
    reporter = AE(ae_title="SERVICES")
    reporter.add_requested_context(StorageCommitmentPushModel)
    addr, port = known[title]
    assoc = reporter.associate(addr, port, ext_neg=[role])  # type: ignore[list-item,unused-ignore]
    if assoc.is_established:
        status, _ = assoc.send_n_event_report(
            information, 2, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        print("reported", ds.TransactionUID, f"0x{status.Status:04x}" if status else "nothing", flush=True)
        assoc.release()
    else:
        print("reported to nobody", flush=True)


handlers = [
    (evt.EVT_N_CREATE, handle_create),
    (evt.EVT_N_SET, handle_set),
    (evt.EVT_N_GET, handle_get),
    (evt.EVT_N_DELETE, handle_delete),
    (evt.EVT_N_ACTION, handle_action),
    (evt.EVT_C_FIND, handle_find),
]
ae = AE(ae_title="SERVICES")
for uid in (
    BasicGrayscalePrintManagementMeta,
    ModalityPerformedProcedureStep,
    StorageCommitmentPushModel,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
):
    ae.add_supported_context(uid)
server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)  # type: ignore[arg-type,unused-ignore]
print("port", server.server_address[1], flush=True)  # type: ignore[union-attr]
for line in sys.stdin:
    known["COMMITSCU"] = ("127.0.0.1", int(line))
    print("known", line.strip(), flush=True)
server.shutdown()  # type: ignore[union-attr]
