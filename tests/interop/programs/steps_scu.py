"""Performed and unified procedure steps as SCU, as programs for pynetdicom do it: steps_scu.py PORT MPPS-UID UPS-UID.

Prints each status and what comes with it.
"""

# pyright: reportAttributeAccessIssue=false

import sys
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined,unused-ignore]
    ModalityPerformedProcedureStep,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
)


def show(name: str, status: Dataset, dataset: Dataset | None = None) -> None:
    if status:
        print(f"{name} 0x{status.Status:04x}")
    else:
        print(name, "timed out, was aborted or got an invalid response")
    if dataset:
        print("  " + ", ".join(f"{element.keyword}={element.value}" for element in dataset if element.VR != "SQ"))
        for item in dataset.get("PerformedSeriesSequence", []):
            print("  series", item.SeriesInstanceUID)


performed, unified = sys.argv[2:]
ae = AE(ae_title="STEPS")
ae.add_requested_context(ModalityPerformedProcedureStep)
ae.add_requested_context(UnifiedProcedureStepPush)
ae.add_requested_context(UnifiedProcedureStepPull)
assoc = ae.associate("127.0.0.1", int(sys.argv[1]))
if not assoc.is_established:
    print("Association rejected, aborted or never connected")
    sys.exit(1)

# A modality begins, cannot begin again, goes on and is done.
ds = Dataset()
ds.PerformedProcedureStepStatus = "IN PROGRESS"
ds.PatientName = "Interop^Anna"
ds.PerformedSeriesSequence = []
show("MPPS N-CREATE", *assoc.send_n_create(ds, ModalityPerformedProcedureStep, performed))
show("MPPS N-CREATE again", *assoc.send_n_create(ds, ModalityPerformedProcedureStep, performed))
series = Dataset()
series.SeriesInstanceUID = "1.2.3.1.1"
ds = Dataset()
ds.PerformedProcedureStepStatus = "COMPLETED"
ds.PerformedSeriesSequence = [series]
show("MPPS N-SET", *assoc.send_n_set(ds, ModalityPerformedProcedureStep, performed))
show("MPPS N-SET other", *assoc.send_n_set(ds, ModalityPerformedProcedureStep, "1.2.3.404"))

# A unified step is pushed, found, claimed, changed, completed and looked at.
ds = Dataset()
ds.ProcedureStepState = "SCHEDULED"
ds.ProcedureStepLabel = "Reporting"
ds.PatientName = "Interop^Bert"
show("UPS N-CREATE", *assoc.send_n_create(ds, UnifiedProcedureStepPush, unified))
ds = Dataset()
ds.ProcedureStepLabel = ""
ds.ProcedureStepState = "SCHEDULED"
for status, identifier in assoc.send_c_find(ds, UnifiedProcedureStepPull):
    show("UPS C-FIND", status, identifier)
state = Dataset()
state.ProcedureStepState = "IN PROGRESS"
state.TransactionUID = "1.2.3.2.1"
pull = UnifiedProcedureStepPull
show("UPS N-ACTION", *assoc.send_n_action(state, 1, UnifiedProcedureStepPush, unified, meta_uid=pull))
show("UPS N-ACTION again", *assoc.send_n_action(state, 1, UnifiedProcedureStepPush, unified, meta_uid=pull))
ds = Dataset()
ds.TransactionUID = "1.2.3.2.1"
ds.PatientName = "Interop^Bert^B"
show("UPS N-SET", *assoc.send_n_set(ds, UnifiedProcedureStepPush, unified, meta_uid=pull))
state.ProcedureStepState = "COMPLETED"
show("UPS N-ACTION done", *assoc.send_n_action(state, 1, UnifiedProcedureStepPush, unified, meta_uid=pull))
tags: list[Any] = [0x00100010, (0x0074, 0x1000)]
show("UPS N-GET", *assoc.send_n_get(tags, UnifiedProcedureStepPush, unified))
assoc.release()
