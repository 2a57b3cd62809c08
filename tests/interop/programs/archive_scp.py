"""C-FIND, C-GET and C-MOVE as SCP, as programs for pynetdicom do it: archive_scp.py FOLDER.

The folder holds the instances.  Prints its port; what comes in are the ports of MOVESCU, one a line; ends with its
standard input.
"""

# pyright: reportAttributeAccessIssue=false

import sys
from fnmatch import fnmatch
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, StoragePresentationContexts, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined,unused-ignore]
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

instances = [dcmread(path) for path in sorted(Path(sys.argv[1]).glob("*.dcm"))]
known = {}


def handle_find(event):  # type: ignore[no-untyped-def]
    """Patients by name; they are the worklist too."""
    ds = event.identifier
    if "PatientName" not in ds:
        yield 0xC000, None
        return
    patients = {}
    for instance in instances:
        if fnmatch(str(instance.PatientName), str(ds.PatientName or "*")):
            patients[instance.PatientID] = instance.PatientName
    for patient_id, name in sorted(patients.items()):
        if event.is_cancelled:
            yield 0xFE00, None
            return
        identifier = Dataset()
        identifier.PatientName = name
        identifier.PatientID = patient_id
        if event.context.abstract_syntax == ModalityWorklistInformationFind:
            identifier.ScheduledProcedureStepSequence = ds.ScheduledProcedureStepSequence
        else:
            identifier.QueryRetrieveLevel = ds.QueryRetrieveLevel
        yield 0xFF00, identifier


def matching(ds: Dataset) -> list[Dataset]:
    if "QueryRetrieveLevel" in ds and ds.QueryRetrieveLevel == "STUDY":
        return [instance for instance in instances if instance.StudyInstanceUID == ds.StudyInstanceUID]
    return []


def handle_get(event):  # type: ignore[no-untyped-def]
    chosen = matching(event.identifier)
    yield len(chosen)
    for instance in chosen:
        if event.is_cancelled:
            yield 0xFE00, None
            return
        yield 0xFF00, instance


def handle_move(event):  # type: ignore[no-untyped-def]
    try:
        addr, port = known[event.move_destination]
    except KeyError:
        yield None, None
        return
    yield addr, port
    chosen = matching(event.identifier)
    yield len(chosen)
    for instance in chosen:
        if event.is_cancelled:
            yield 0xFE00, None
            return
        yield 0xFF00, instance


handlers = [
    (evt.EVT_C_FIND, handle_find),
    (evt.EVT_C_GET, handle_get),
    (evt.EVT_C_MOVE, handle_move),
]
ae = AE(ae_title="ARCHIVE")
ae.requested_contexts = StoragePresentationContexts
for cx in StoragePresentationContexts:
    # In a C-GET the requestor is the one that stores.
    ae.add_supported_context(str(cx.abstract_syntax), scu_role=False, scp_role=True)
ae.add_supported_context(PatientRootQueryRetrieveInformationModelFind)
ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
ae.add_supported_context(ModalityWorklistInformationFind)
ae.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
ae.add_supported_context(StudyRootQueryRetrieveInformationModelMove)

server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)  # type: ignore[arg-type,unused-ignore]
print("port", server.server_address[1], flush=True)  # type: ignore[union-attr]
for line in sys.stdin:
    known["MOVESCU"] = ("127.0.0.1", int(line))
    print("known", line.strip(), flush=True)
server.shutdown()  # type: ignore[union-attr]
