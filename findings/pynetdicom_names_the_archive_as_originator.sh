#!/usr/bin/env bash
# Question: READER asks ARCHIVE by C-MOVE (message ID 7) to send an instance to DEST.  What does the C-STORE to DEST say in Move Originator
#           Application Entity Title (0000,1030) and Message ID (0000,1031), if ARCHIVE runs on pynetdicom?
# Guess:    READER and 7: PS3.7 9.1.1.1 means the AE that invoked the C-MOVE operation.
# Seen:     ARCHIVE and 7: the message ID is that of READER's request, the title is the archive's own.
# Matters:  a destination that keeps apart what it asked for itself from what others sent it takes everything for the latter.
# Versions: pynetdicom 3.0.4, pydicom 3.0.2; 28 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pynetdicom==3.0.4 pydicom==3.0.2

cat > look.py <<'PY'
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt

CT, MOVE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.2.2.2"
said = []

def store(event):
    request = event.request
    said.append((request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID))
    return 0x0000

destination = AE("DEST")
destination.add_supported_context(CT)
receiving = destination.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])

def move(event):
    yield receiving.server_address
    yield 1
    instance = Dataset()
    instance.SOPClassUID, instance.SOPInstanceUID, instance.PatientID = CT, "1.2.3", "P"
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    yield 0xFF00, instance

archive = AE("ARCHIVE")
archive.add_supported_context(MOVE)
archive.add_requested_context(CT)
serving = archive.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_MOVE, move)])
reader = AE("READER")
reader.add_requested_context(MOVE)
association = reader.associate("127.0.0.1", serving.server_address[1], ae_title="ARCHIVE")
query = Dataset()
query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", "1.2"
statuses = [status.Status for status, _ in association.send_c_move(query, "DEST", MOVE, msg_id=7)]
association.release()
serving.shutdown()
receiving.shutdown()
print("statuses", [f"0x{status:04X}" for status in statuses], "- the C-STORE names", said)
assert statuses[-1] == 0x0000
assert said == [("ARCHIVE", 7)]
PY
venv/bin/python look.py
echo "as on 28 November 2026"
