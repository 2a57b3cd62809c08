#!/usr/bin/env bash
# Question: dicomweb-client has a client for files in a folder (DICOMfileClient).  Three studies of 2020 and 2021 are there; it is asked for
#           those of 20200101-20201231, which are two.
# Guess:    two: it has the methods of the client for servers, which takes ranges.
# Seen:     three.  A range is no value of DA for it, so it leaves the filter out, says so in the log, and gives all; a range of times or
#           ModalitiesInStudy does the same.  A single date matches as it should, wildcards too.
# Matters:  code that was tried out with the folder client and then talks to a server gets other studies; a filter that is not
#           understood widens the answer.
# Versions: dicomweb-client 0.61.2, pydicom 3.0.2; 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check dicomweb-client==0.61.2 pydicom==3.0.2

cat > look.py <<'PY'
from pathlib import Path
from dicomweb_client.api import DICOMfileClient
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

folder = Path("folder").resolve()
folder.mkdir()
for number, date in enumerate(("20200101", "20200601", "20210101"), 1):
    study = Dataset()
    study.SOPClassUID, study.SOPInstanceUID, study.PatientID = "1.2.840.10008.5.1.4.1.1.7", f"1.2.3.{number}", f"P{number}"
    study.PatientName, study.PatientSex, study.PatientBirthDate, study.ReferringPhysicianName = "A^B", "O", "", ""
    study.StudyInstanceUID, study.SeriesInstanceUID, study.Modality = f"1.2.4.{number}", f"1.2.5.{number}", "OT"
    study.StudyDate, study.StudyTime, study.StudyID, study.AccessionNumber = date, f"0{number}0000", "", ""
    study.SeriesNumber = study.InstanceNumber = 1
    study.Rows = study.Columns = study.SamplesPerPixel = 1
    study.PhotometricInterpretation, study.PixelRepresentation = "MONOCHROME2", 0
    study.BitsAllocated = study.BitsStored = 8
    study.HighBit = 7
    study.PixelData = bytes(2)
    study["PixelData"].VR = "OB"
    study.file_meta = FileMetaDataset()
    study.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    study.save_as(folder / f"{number}.dcm", enforce_file_format=True)

client = DICOMfileClient(f"file://{folder}", in_memory=True, update_db=True)

def found(**filters):
    count = len(client.search_for_studies(search_filters=filters))
    print(filters, "finds", count)
    return count

assert found() == 3
assert found(StudyDate="20200101") == 1
assert found(PatientID="P?") == 3 and found(PatientID="P1*") == 1
assert found(StudyDate="20200101-20201231") == 3
assert found(StudyTime="010000-013000") == 3
assert found(ModalitiesInStudy="CT") == 3
PY
venv/bin/python look.py

echo "as on 29 November 2026"
