#!/usr/bin/env bash
# Question: DCMTK's dcmqrscp is asked for the studies with MR (Modalities in Study), its worklist server wlmscpfs for steps with a Patient's
#           Age.  They support neither key.  How do they tell?
# Guess:    both by the status 0xFF01 in each match, which PS3.4 C.4.1.1.4 and K.4.1.1.4 have for optional keys that are not supported.
# Seen:     wlmscpfs does.  dcmqrscp leaves the filter out, gives all studies, CT too, each with 0xFF00 (all keys supported), and without
#           the key: only that the key is missing shows it.
# Matters:  a client that filters by modality shows the studies of all modalities; it has to look whether the key came back.
# Versions: DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4), pynetdicom 3.0.4, pydicom 3.0.2; 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pynetdicom==3.0.4 pydicom==3.0.2
# DCMTK with its libraries, unpacked here; nothing is installed.
mkdir -p state/lists/partial cache/archives/partial packages
apt() {
    command="$1"; shift
    "$command" -o Dir::State="$work/state" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$work/cache" -o Debug::NoLocking=1 "$@"
}
apt apt-get -qq update 2>/dev/null
needed=$(apt apt-cache depends --recurse --no-{recommends,suggests,conflicts,breaks,replaces,enhances} dcmtk |
    grep '^lib' | grep -v -e '^libc6' -e '^libgcc' -e '^libstdc++' -e '^libcrypt1' | sort -u)
# shellcheck disable=SC2086
(cd packages && apt apt-get -qq download dcmtk=3.6.7-9~deb12u4 libdcmtk17=3.6.7-9~deb12u4 ${needed//libdcmtk17/} 2>/dev/null)
for package in packages/*.deb; do dpkg-deb -x "$package" root; done
libraries=$(find "$work/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
export DCMDICTPATH="$work/root/usr/share/libdcmtk17/dicom.dic"

version=$(LD_LIBRARY_PATH="$libraries" root/usr/bin/dcmdump --version)
echo "${version%%$'\n'*}"
grep -q 'v3\.6\.7' <<<"$version"

cat > look.py <<'PY'
import os, socket, subprocess, sys, time
from contextlib import contextmanager
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
FIND, WORKLIST = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.31"

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return reserved.getsockname()[1]

@contextmanager
def running(command, port):
    peer = subprocess.Popen(command, env=os.environ | {"LD_LIBRARY_PATH": sys.argv[2]}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < give_up, "nobody listens"
                time.sleep(0.1)
        yield port
    finally:
        peer.terminate()
        peer.wait(30)

def dcmqrscp():
    port = free_port()
    os.mkdir("database")
    with open("dcmqrscp.cfg", "w") as configuration:
        configuration.write(f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 4\nHostTable BEGIN\nHostTable END\n"
                            "VendorTable BEGIN\nVendorTable END\nAETable BEGIN\nKEEPER database RW (9, 9mb) ANY\nAETable END\n")
    return running([sys.argv[1] + "/bin/dcmqrscp", "-c", "dcmqrscp.cfg"], port)

def wlmscpfs():
    os.makedirs("worklists/KEEPER")
    with open("worklists/KEEPER/lockfile", "w"):
        pass
    entry, step = Dataset(), Dataset()
    entry.AccessionNumber, entry.PatientName, entry.PatientID, entry.PatientAge = "A1", "A^B", "P", "030Y"
    entry.PatientBirthDate, entry.PatientSex, entry.StudyInstanceUID = "", "", "1.2.3"
    entry.RequestedProcedureID, entry.RequestedProcedureDescription = "R1", "HEAD"
    step.ScheduledStationAETitle, step.Modality, step.ScheduledProcedureStepID = "CT1", "CT", "S1"
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = "20261129", "101500"
    step.ScheduledPerformingPhysicianName, step.ScheduledProcedureStepDescription = "C^D", "HEAD"
    entry.ScheduledProcedureStepSequence = [step]
    entry.file_meta = FileMetaDataset()
    entry.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    entry.file_meta.MediaStorageSOPClassUID, entry.file_meta.MediaStorageSOPInstanceUID = WORKLIST, "1.2.3"
    entry.save_as("worklists/KEEPER/1.wl", enforce_file_format=True)
    port = free_port()
    return running([sys.argv[1] + "/bin/wlmscpfs", "-dfp", "worklists", str(port)], port)

def associated(port, *sop_classes):
    ae = AE("ASKER")
    for sop_class in sop_classes:
        ae.add_requested_context(sop_class, ImplicitVRLittleEndian)
    return ae.associate("127.0.0.1", port, ae_title="KEEPER")

def matches(association, query, model):
    answers = list(association.send_c_find(query, model))
    assert answers[-1][0].Status == 0x0000
    return [(status.Status, match) for status, match in answers[:-1]]

with dcmqrscp() as port:
    association = associated(port, CT, MR, FIND)
    for number, (sop_class, modality) in enumerate(((CT, "CT"), (MR, "MR")), 1):
        made = Dataset()
        made.SOPClassUID, made.SOPInstanceUID, made.PatientID, made.PatientName = sop_class, f"1.2.3.{number}", f"P{number}", "A^B"
        made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = f"1.2.4.{number}", f"1.2.5.{number}", modality
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        assert association.send_c_store(made).Status == 0x0000
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID, query.ModalitiesInStudy = "STUDY", "", "MR"
    of_studies = sorted((status, str(match.StudyInstanceUID), "ModalitiesInStudy" in match) for status, match in matches(association, query, FIND))
    association.release()
with wlmscpfs() as port:
    association = associated(port, WORKLIST)
    query, step = Dataset(), Dataset()
    step.Modality = "CT"
    query.PatientID, query.ScheduledProcedureStepSequence = "", [step]
    supported = [status for status, _ in matches(association, query, WORKLIST)]
    query.PatientAge = "030Y"
    of_steps = [(status, match.PatientID, "PatientAge" in match) for status, match in matches(association, query, WORKLIST)]
    association.release()
for status, what, key in of_studies + of_steps:
    print(f"0x{status:04X}: {what}, the key is", "there" if key else "missing")
assert of_studies == [(0xFF00, "1.2.4.1", False), (0xFF00, "1.2.4.2", False)]
assert supported == [0xFF00]
assert of_steps == [(0xFF01, "P", False)]
PY
venv/bin/python look.py root/usr "$libraries"

echo "as on 29 November 2026"
