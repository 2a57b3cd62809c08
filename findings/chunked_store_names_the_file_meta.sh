#!/usr/bin/env bash
# Question: a file whose SOP Instance UID differs from the one in its file meta information is stored with pynetdicom's send_c_store, as
#           a Dataset, and by path with _config.STORE_SEND_CHUNKED_DATASET.  Which instance does the request name?
# Guess:    the same one both times: the option is about memory.
# Seen:     as a Dataset that of the data set, by path that of the file meta information, which is not the instance that is sent.
# Matters:  switching to large files changes which instance an archive is told it gets.
# Versions: pynetdicom 3.0.4, pydicom 3.0.2; 28 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pynetdicom==3.0.4 pydicom==3.0.2

cat > look.py <<'PY'
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, _config, evt

STORAGE = "1.2.840.10008.5.1.4.1.1.7"
instance = Dataset()
instance.SOPClassUID, instance.SOPInstanceUID, instance.PatientID = STORAGE, "1.2.3.1", "P"
instance.file_meta = FileMetaDataset()
instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
instance.save_as("instance.dcm", enforce_file_format=True)
copy = dcmread("instance.dcm")
copy.SOPInstanceUID = "1.2.3.2"
copy.save_as("copy.dcm")

named = []
def store(event):
    named.append((event.request.AffectedSOPInstanceUID, event.dataset.SOPInstanceUID))
    return 0x0000

ae = AE()
ae.add_supported_context(STORAGE, ExplicitVRLittleEndian)
ae.add_requested_context(STORAGE, ExplicitVRLittleEndian)
server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
association = ae.associate("127.0.0.1", server.server_address[1])
association.send_c_store(dcmread("copy.dcm"))
_config.STORE_SEND_CHUNKED_DATASET = True
association.send_c_store("copy.dcm")
association.release()
server.shutdown()
for how, (request, data_set) in zip(("as a Dataset", "by path, chunked"), named):
    print(f"{how}: the request names {request}, the data set is {data_set}")
assert named == [("1.2.3.2", "1.2.3.2"), ("1.2.3.1", "1.2.3.2")]
PY
venv/bin/python look.py
echo "as on 28 November 2026"
