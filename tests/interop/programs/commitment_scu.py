"""Storage commitment as SCU, as programs for pynetdicom do it: commitment_scu.py PORT OWN-PORT TRANSACTION.

Prints the status, and the report that comes on an association of its own.
"""

# pyright: reportAttributeAccessIssue=false

import sys
import threading

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined,unused-ignore]
    CTImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

reported = threading.Event()
lines = []  # type: ignore[var-annotated]


def handle_report(event):  # type: ignore[no-untyped-def]
    ds = event.event_information
    committed = [item.ReferencedSOPInstanceUID for item in ds.get("ReferencedSOPSequence", [])]
    failed = [(item.ReferencedSOPInstanceUID, item.FailureReason) for item in ds.get("FailedSOPSequence", [])]
    lines.append(f"report {event.event_type} of {ds.TransactionUID}: {committed} {failed}")
    lines.append(f"  from {event.assoc.requestor.ae_title}")
    reported.set()
    return 0x0000, None


ae = AE(ae_title="COMMITSCU")
ae.add_requested_context(StorageCommitmentPushModel)
# Who opens the association for the report is SCP.
ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
scp = ae.start_server(
    ("127.0.0.1", int(sys.argv[2])), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, handle_report)]
)

ds = Dataset()
ds.TransactionUID = sys.argv[3]
ds.ReferencedSOPSequence = [Dataset(), Dataset()]
for number, item in enumerate(ds.ReferencedSOPSequence):
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = f"1.2.3.5.{number}"

assoc = ae.associate("127.0.0.1", int(sys.argv[1]))
if not assoc.is_established:
    print("Association rejected, aborted or never connected")
    sys.exit(1)
status, _ = assoc.send_n_action(ds, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
print(f"N-ACTION 0x{status.Status:04x}" if status else "timed out, was aborted or got an invalid response")
assoc.release()
if not reported.wait(20):
    print("no report")
for line in lines:
    print(line)
scp.shutdown()  # type: ignore[union-attr]
