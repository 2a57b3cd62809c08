#!/usr/bin/env bash
# Question: ST, LT and UT hold one text each, in which a backslash is a character like others (PS3.5 6.2).  What does dcmjs give for "a\b"?
# Guess:    one text for all three, as pydicom does.
# Seen:     one text for LT, and two, "a" and "b", for ST and UT.
# Matters:  the Text Value (0040,A160) of a structured report is UT: a path or a formula in it comes out as a list.
# Versions: pydicom 3.0.2, dcmjs 0.51.1; 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2
npm install --silent --no-fund --no-audit dcmjs@0.51.1

cat > make.py <<'PY'
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

data_set = Dataset()
data_set.SOPClassUID, data_set.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
data_set.InstitutionAddress = data_set.ImageComments = data_set.TextValue = "a\\b"
data_set.file_meta = FileMetaDataset()
data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
data_set.save_as("texts.dcm", enforce_file_format=True)
read = dcmread("texts.dcm")
for keyword, vr in (("InstitutionAddress", "ST"), ("ImageComments", "LT"), ("TextValue", "UT")):
    print("pydicom:", read[keyword].VR, repr(read[keyword].value))
    assert (read[keyword].VR, read[keyword].value) == (vr, "a\\b")
PY
venv/bin/python make.py

cat > look.js <<'JS'
const dcmjs = require("dcmjs"), fs = require("fs"), assert = require("assert");
dcmjs.log.level = "error";
const file = fs.readFileSync("texts.dcm");
const dict = dcmjs.data.DicomMessage.readFile(file.buffer.slice(file.byteOffset, file.byteOffset + file.length)).dict;
for (const [tag, vr, value] of [["00080081", "ST", ["a", "b"]], ["00204000", "LT", ["a\\b"]], ["0040A160", "UT", ["a", "b"]]]) {
  console.log("dcmjs:", dict[tag].vr, JSON.stringify(dict[tag].Value));
  assert.equal(dict[tag].vr, vr);
  assert.deepEqual(dict[tag].Value, value);
}
JS
node look.js

echo "as on 29 November 2026"
