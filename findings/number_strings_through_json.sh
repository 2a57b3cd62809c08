#!/usr/bin/env bash
# Question: DS and IS are strings: "1.50", "007", "+5".  What is left of them after a way through the DICOM JSON model (PS3.18 F) and back?
# Guess:    what was there: F.2.2 allows them as strings for that very reason, and both libraries keep the original text beside the number.
# Seen:     pydicom makes "1.5", "7", "10.0", "5" of "1.50", "007", "1.0E1", "+5"; dcmjs carries the text along in a member of its own
#           (_rawValue), and drops it in naturalizeDataset: "1.5", "7", "10", "5".  The two do not agree on 1.0E1 either.
# Matters:  a gateway that goes through JSON changes values that digital signatures and comparisons are made of.
# Versions: pydicom 3.0.2, dcmjs 0.51.1; 28 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2
npm install --silent --no-fund --no-audit dcmjs@0.51.1

cat > make.py <<'PY'
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

data_set = Dataset()
data_set.SOPClassUID, data_set.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
data_set.PixelSpacing, data_set.SliceThickness = ["1.50", "0.50"], "1.0E1"
data_set.SeriesNumber, data_set.InstanceNumber = "007", "+5"
data_set.file_meta = FileMetaDataset()
data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
data_set.save_as("numbers.dcm", enforce_file_format=True)
PY
venv/bin/python make.py

cat > through.js <<'JS'
const dcmjs = require("dcmjs"), fs = require("fs"), assert = require("assert");
dcmjs.log.level = "error";
const { DicomMessage, DicomMetaDictionary } = dcmjs.data;
const file = fs.readFileSync("numbers.dcm");
const dict = DicomMessage.readFile(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
assert.deepEqual(dict.dict["00280030"]._rawValue, ["1.50", "0.50"]);
dict.dict = DicomMetaDictionary.denaturalizeDataset(DicomMetaDictionary.naturalizeDataset(dict.dict));
fs.writeFileSync("dcmjs.dcm", Buffer.from(dict.write()));
JS
node through.js

cat > look.py <<'PY'
from io import BytesIO
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

TAGS = ("PixelSpacing", "SeriesNumber", "SliceThickness", "InstanceNumber")

def texts(data_set):
    raw = [data_set.get_item(tag).value for tag in TAGS]
    return [value.decode().strip() for value in raw]

before = dcmread("numbers.dcm")
assert texts(before) == ["1.50\\0.50", "007", "1.0E1", "+5"]
buffer = BytesIO()
Dataset.from_json(dcmread("numbers.dcm").to_json()).save_as(buffer, implicit_vr=False, little_endian=True)
buffer.seek(0)
by_pydicom = texts(read_dataset(buffer, is_implicit_VR=False, is_little_endian=True))
by_dcmjs = texts(dcmread("dcmjs.dcm"))
print("before: ", texts(dcmread("numbers.dcm")))
print("pydicom:", by_pydicom)
print("dcmjs:  ", by_dcmjs)
assert by_pydicom == ["1.5\\0.5", "7", "10.0", "5"]
assert by_dcmjs == ["1.5\\0.5", "7", "10", "5"]
PY
venv/bin/python look.py
echo "as on 28 November 2026"
