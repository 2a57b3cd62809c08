#!/usr/bin/env bash
# Question: a peer announces an odd maximum length (16383).  Do senders keep their fragments even, as PS3.8 9.3.5 and annex E want?
# Guess:    yes: they round down.
# Seen:     no.  pynetdicom and dcmjs-dimse fill each P-DATA-TF to the byte: fragments of 16377 bytes.  With 16382 all are even.
# Matters:  an acceptor that announces an odd maximum makes its peers break the rule that it may then hold against them.
# Versions: pynetdicom 3.0.4, pydicom 3.0.2, dcmjs-dimse 0.3.3; 28 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pynetdicom==3.0.4 pydicom==3.0.2
npm install --silent --no-fund --no-audit dcmjs-dimse@0.3.3

cat > send.js <<'JS'
const { Client, requests, log } = require("dcmjs-dimse");
log.silent = true;
const client = new Client();
client.addRequest(new requests.CStoreRequest("image.dcm"));
client.on("closed", () => process.exit(0));
client.on("networkError", () => process.exit(1));
client.send("127.0.0.1", Number(process.argv[2]), "SENDER", "KEEPER");
JS

cat > look.py <<'PY'
import subprocess
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt

STORAGE = "1.2.840.10008.5.1.4.1.1.7"
image = Dataset()
image.SOPClassUID, image.SOPInstanceUID, image.PatientID = STORAGE, "1.2.3", "P"
image.StudyInstanceUID, image.SeriesInstanceUID, image.Modality = "1.2", "1.2.1", "OT"
image.Rows, image.Columns, image.SamplesPerPixel, image.PhotometricInterpretation = 500, 100, 1, "MONOCHROME2"
image.BitsAllocated = image.BitsStored = 8
image.HighBit, image.PixelRepresentation = 7, 0
image.PixelData = bytes(50000)
image["PixelData"].VR = "OB"
image.file_meta = FileMetaDataset()
image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
image.save_as("image.dcm", enforce_file_format=True)

def fragments(maximum, send):
    lengths = []
    def received(event):
        for item in getattr(event.pdu, "presentation_data_value_items", []):
            lengths.append(len(item.presentation_data_value) - 1)
    ae = AE("KEEPER")
    ae.maximum_pdu_size = maximum
    ae.add_supported_context(STORAGE, ExplicitVRLittleEndian)
    handlers = [(evt.EVT_PDU_RECV, received), (evt.EVT_C_STORE, lambda event: 0x0000)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    send(server.server_address[1])
    server.shutdown()
    return lengths

def by_pynetdicom(port):
    ae = AE("SENDER")
    ae.add_requested_context(STORAGE, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", port)
    assert association.send_c_store(image).Status == 0
    association.release()

def by_dcmjs(port):
    subprocess.run(["node", "send.js", str(port)], check=True, timeout=60, stdout=subprocess.DEVNULL)

for name, send in (("pynetdicom", by_pynetdicom), ("dcmjs-dimse", by_dcmjs)):
    for maximum in (16382, 16383):
        lengths = fragments(maximum, send)
        odd = sum(length & 1 for length in lengths)
        print(f"{name}, maximum {maximum}: {odd} of {len(lengths)} fragments are odd, the largest has {max(lengths)} bytes")
        assert max(lengths) == maximum - 6
        assert (odd > 0) == (maximum == 16383)
PY
venv/bin/python look.py
echo "as on 28 November 2026"
