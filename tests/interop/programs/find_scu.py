"""C-FIND as SCU, as programs for pynetdicom do it: find_scu.py PORT AET PATIENT-NAME [--worklist].

Prints each response.
"""

# pyright: reportAttributeAccessIssue=false

import sys

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined,unused-ignore]
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
)

ae = AE(ae_title="FINDSCU")
ae.add_requested_context(PatientRootQueryRetrieveInformationModelFind)
ae.add_requested_context(ModalityWorklistInformationFind)

ds = Dataset()
ds.PatientName = sys.argv[3]
if "--worklist" in sys.argv:
    model = ModalityWorklistInformationFind
    ds.ScheduledProcedureStepSequence = [Dataset()]
    item = ds.ScheduledProcedureStepSequence[0]
    item.ScheduledStationAETitle = "SCANNER"
    item.ScheduledProcedureStepStartDate = ""
    item.Modality = ""
else:
    model = PatientRootQueryRetrieveInformationModelFind
    ds.QueryRetrieveLevel = "PATIENT"
    ds.PatientID = ""

assoc = ae.associate("127.0.0.1", int(sys.argv[1]), ae_title=sys.argv[2])
if assoc.is_established:
    for status, identifier in assoc.send_c_find(ds, model):
        if status:
            print(f"C-FIND query status: 0x{status.Status:04X}")
            if identifier:
                print(f"  {identifier.PatientName} {identifier.PatientID if 'PatientID' in ds else ''}".rstrip())
        else:
            print("Connection timed out, was aborted or received invalid response")
    assoc.release()
else:
    print("Association rejected, aborted or never connected")
    sys.exit(1)
