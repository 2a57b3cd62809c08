"""C-GET as SCU, as programs for pynetdicom do it: get_scu.py PORT AET STUDY FOLDER.

Stores to the folder, and prints how it ended.
"""

# pyright: reportAttributeAccessIssue=false

import sys
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE, StoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined,unused-ignore]
    CTImageStorage,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelGet,
)


def handle_store(event):  # type: ignore[no-untyped-def]
    ds = event.dataset
    ds.file_meta = event.file_meta
    ds.save_as(Path(sys.argv[4]) / f"{ds.SOPInstanceUID}.dcm", enforce_file_format=True)
    return 0x0000


ae = AE(ae_title="GETSCU")
ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
wanted = [CTImageStorage, MRImageStorage, SecondaryCaptureImageStorage]
for cx in StoragePresentationContexts:
    if cx.abstract_syntax in wanted:
        ae.add_requested_context(str(cx.abstract_syntax))
roles = [build_role(uid, scp_role=True) for uid in wanted]

ds = Dataset()
ds.QueryRetrieveLevel = "STUDY"
ds.StudyInstanceUID = sys.argv[3]

assoc = ae.associate(
    "127.0.0.1",
    int(sys.argv[1]),
    ae_title=sys.argv[2],
    ext_neg=roles,  # type: ignore[arg-type,unused-ignore]
    evt_handlers=[(evt.EVT_C_STORE, handle_store)],
)
if assoc.is_established:
    pending = 0
    for status, _ in assoc.send_c_get(ds, StudyRootQueryRetrieveInformationModelGet):
        if not status:
            print("Connection timed out, was aborted or received invalid response")
        elif status.Status == 0xFF00:
            pending += 1
        else:
            print(f"C-GET query status: 0x{status.Status:04x} after {pending} pending")
            print(f"  {status.NumberOfCompletedSuboperations} completed, {status.NumberOfFailedSuboperations} failed")
    assoc.release()
else:
    print("Association rejected, aborted or never connected")
    sys.exit(1)
