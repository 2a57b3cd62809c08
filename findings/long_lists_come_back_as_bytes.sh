#!/usr/bin/env bash
# Question: a list of 2,500 UIDs is longer than the 65,534 bytes that UI has room for in explicit VR, so it is written as UN (PS3.5
#           6.2.2).  Which readers give the UIDs back?
# Guess:    pydicom does: it wrote the file, and `config.replace_un_with_known_vr` is on by default.  Old JavaScript readers do not.
# Seen:     the other way round.  pydicom gives 103,890 bytes (it replaces UN only where the value is shorter than 64 KiB), and so do
#           dicomsdl and GDCM; dcmjs looks the tag up and gives 2,500 UIDs.  In implicit VR pydicom gives the UIDs.
# Matters:  C-GET and C-MOVE name failed instances in such a list; `for uid in list` runs over numbers.
# Versions: pydicom 3.0.2, dicomsdl 0.109.4, python-gdcm 3.2.6, dcmjs 0.51.1; 28 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2 dicomsdl==0.109.4 python-gdcm==3.2.6 numpy
npm install --silent --no-fund --no-audit dcmjs@0.51.1

cat > look.py <<'PY'
import warnings
import dicomsdl, gdcm, pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

warnings.simplefilter("ignore")
uids = [f"1.2.826.0.1.3680043.8.498.1234567890.{n}" for n in range(2500)]
for name, syntax in (("explicit", ExplicitVRLittleEndian), ("implicit", ImplicitVRLittleEndian)):
    data_set = Dataset()
    data_set.SOPClassUID, data_set.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    data_set.FailedSOPInstanceUIDList = uids
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = syntax
    data_set.save_as(f"{name}.dcm", enforce_file_format=True)

implicit = pydicom.dcmread("implicit.dcm")["FailedSOPInstanceUIDList"]
assert (implicit.VR, list(implicit.value)) == ("UI", uids)
explicit = pydicom.dcmread("explicit.dcm")["FailedSOPInstanceUIDList"]
print("pydicom:", explicit.VR, type(explicit.value).__name__, len(explicit.value))
assert (explicit.VR, type(explicit.value), len(explicit.value)) == ("UN", bytes, 103890)
value = dicomsdl.open("explicit.dcm").FailedSOPInstanceUIDList
print("dicomsdl:", type(value).__name__, len(value))
assert isinstance(value, bytes) and len(value) == 103890
reader = gdcm.Reader()
reader.SetFileName("explicit.dcm")
assert reader.Read()
element = reader.GetFile().GetDataSet().GetDataElement(gdcm.Tag(0x0008, 0x0058))
print("GDCM:", element.GetVR(), element.GetVL())
assert str(element.GetVR()) == "UN"
PY
venv/bin/python look.py

cat > look.js <<'JS'
const dcmjs = require("dcmjs"), fs = require("fs"), assert = require("assert");
dcmjs.log.level = "error";
const file = fs.readFileSync("explicit.dcm");
const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
const element = dcmjs.data.DicomMessage.readFile(bytes).dict["00080058"];
console.log("dcmjs:", element.vr, element.Value.length);
assert.equal(element.vr, "UI");
assert.equal(element.Value.length, 2500);
JS
node look.js
echo "as on 28 November 2026"
