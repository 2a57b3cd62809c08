"""C-MOVE as SCU to a server of its own, as programs for pynetdicom do it: move_scu.py PORT AET STUDY OWN-PORT.

Prints what arrives, and how it ended.
"""

# pyright: reportAttributeAccessIssue=false

import sys

from pydicom.dataset import Dataset
from pynetdicom import AE, StoragePresentationContexts, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove  # type: ignore[attr-defined,unused-ignore]


def handle_store(event, received):  # type: ignore[no-untyped-def]
    received.append((event.dataset.SOPInstanceUID, event.request.MoveOriginatorApplicationEntityTitle))
    return 0x0000


received = []  # type: ignore[var-annotated]
ae = AE(ae_title="MOVESCU")
ae.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
ae.supported_contexts = StoragePresentationContexts
scp = ae.start_server(
    ("127.0.0.1", int(sys.argv[4])), block=False, evt_handlers=[(evt.EVT_C_STORE, handle_store, [received])]
)

ds = Dataset()
ds.QueryRetrieveLevel = "STUDY"
ds.StudyInstanceUID = sys.argv[3]

assoc = ae.associate("127.0.0.1", int(sys.argv[1]), ae_title=sys.argv[2])
if assoc.is_established:
    for destination in ("MOVESCU", "NOBODY"):
        for status, _ in assoc.send_c_move(ds, destination, StudyRootQueryRetrieveInformationModelMove):
            if not status:
                print("Connection timed out, was aborted or received invalid response")
            elif status.Status != 0xFF00:
                print(f"C-MOVE query status: 0x{status.Status:04x}")
    assoc.release()
else:
    print("Association rejected, aborted or never connected")
    sys.exit(1)
scp.shutdown()  # type: ignore[union-attr]
print(len(received), "received")
