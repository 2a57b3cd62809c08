#!/usr/bin/env bash
# Question: a tool gives an instance a new SOP Instance UID and writes the file.  Does (0002,0003) in the file meta information follow?
# Guess:    yes with the tools made for de-identification (deid, dicognito); no with pydicom, whose save_as(enforce_file_format=True)
#           refuses the contradiction.
# Seen:     deid and dcmjs leave the old UID in the file meta information; dicognito and GDCM replace it.  pydicom's save_as() keeps it,
#           and with enforce_file_format=True replaces it without a word.
# Matters:  who takes the UID of a request from the file meta information (it is quicker) sends the old identity out.
# Versions: pydicom 3.0.2, deid 0.4.13, dicognito 0.19.0, python-gdcm 3.2.6, dcmjs 0.51.1; 28 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2 deid==0.4.13 dicognito==0.19.0 python-gdcm==3.2.6 setuptools
npm install --silent --no-fund --no-audit dcmjs@0.51.1

cat > renew.js <<'JS'
const dcmjs = require("dcmjs"), fs = require("fs");
dcmjs.log.level = "error";
const { DicomMessage, DicomMetaDictionary } = dcmjs.data;
const file = fs.readFileSync("old.dcm");
const dict = DicomMessage.readFile(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
const dataset = DicomMetaDictionary.naturalizeDataset(dict.dict);
dataset.SOPInstanceUID = "1.2.3.2";
dict.dict = DicomMetaDictionary.denaturalizeDataset(dataset);
fs.writeFileSync("dcmjs.dcm", Buffer.from(dict.write()));
JS

cat > look.py <<'PY'
import subprocess
import gdcm
from deid.config import DeidRecipe
from deid.dicom import replace_identifiers
from dicognito.anonymizer import Anonymizer
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

old = Dataset()
old.SOPClassUID, old.SOPInstanceUID, old.PatientID, old.PatientName = "1.2.840.10008.5.1.4.1.1.7", "1.2.3.1", "P", "A^B"
old.StudyInstanceUID, old.SeriesInstanceUID, old.Modality = "1.2", "1.2.1", "OT"
old.file_meta = FileMetaDataset()
old.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
old.save_as("old.dcm", enforce_file_format=True)

with open("recipe", "w") as recipe:
    recipe.write("FORMAT dicom\n%header\nREPLACE SOPInstanceUID 1.2.3.2\n")
replace_identifiers(dicom_files=["old.dcm"], deid=DeidRecipe("recipe"), save=False)[0].save_as("deid.dcm")
data_set = dcmread("old.dcm")
Anonymizer().anonymize(data_set)
data_set.save_as("dicognito.dcm")
reader = gdcm.Reader()
reader.SetFileName("old.dcm")
assert reader.Read()
anonymizer = gdcm.Anonymizer()
anonymizer.SetFile(reader.GetFile())
assert anonymizer.Replace(gdcm.Tag(0x0008, 0x0018), "1.2.3.2")
writer = gdcm.Writer()
writer.SetFile(reader.GetFile())
writer.SetFileName("gdcm.dcm")
assert writer.Write()
subprocess.run(["node", "renew.js"], check=True, timeout=60)
data_set = dcmread("old.dcm")
data_set.SOPInstanceUID = "1.2.3.2"
data_set.save_as("pydicom.dcm")
data_set.save_as("enforced.dcm", enforce_file_format=True)

follows = {}
for name in ("deid", "dcmjs", "dicognito", "gdcm", "pydicom", "enforced"):
    data_set = dcmread(f"{name}.dcm")
    assert data_set.SOPInstanceUID != "1.2.3.1"
    follows[name] = data_set.file_meta.MediaStorageSOPInstanceUID == data_set.SOPInstanceUID
    print(f"{name}: {'the file meta information follows' if follows[name] else 'the old UID stays in the file meta information'}")
assert follows == {"deid": False, "dcmjs": False, "dicognito": True, "gdcm": True, "pydicom": False, "enforced": True}
PY
venv/bin/python look.py 2>/dev/null
echo "as on 28 November 2026"
