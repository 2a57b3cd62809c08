#!/usr/bin/env bash
# Question: an instance is stored, its Patient ID is corrected, and it is stored again under the same UIDs.  What does the archive have then?
# Guess:    one instance, the old one or the new one: a SOP Instance UID names one instance, anywhere.
# Seen:     dcmqrscp has one, the corrected one.  Orthanc says success and has both: it makes its own identifiers from the UIDs and the
#           Patient ID.  A C-FIND gives the same study twice, with two patients, and a C-GET of it sends the same SOP Instance UID twice.
# Matters:  who files by SOP Instance UID what such an archive sends keeps whichever came last, and the old patient may be it; a
#           correction has to delete the old study too.
# Versions: Orthanc 1.10.1 (Debian 12: 1.10.1+dfsg-2+deb12u1), DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4), pynetdicom 3.0.4, pydicom 3.0.2;
#           29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pynetdicom==3.0.4 pydicom==3.0.2
# DCMTK and Orthanc with their libraries, unpacked here; nothing is installed.
mkdir -p state/lists/partial cache/archives/partial packages
apt() {
    command="$1"; shift
    "$command" -o Dir::State="$work/state" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$work/cache" -o Debug::NoLocking=1 "$@"
}
apt apt-get -qq update 2>/dev/null
needed=$(apt apt-cache depends --recurse --no-{recommends,suggests,conflicts,breaks,replaces,enhances} dcmtk orthanc |
    grep '^lib' | grep -v -e '^libc6' -e '^libgcc' -e '^libstdc++' -e '^libcrypt1' | sort -u)
# shellcheck disable=SC2086
(cd packages && apt apt-get -qq download orthanc=1.10.1+dfsg-2+deb12u1 \
    dcmtk=3.6.7-9~deb12u4 libdcmtk17=3.6.7-9~deb12u4 ${needed//libdcmtk17/} 2>/dev/null)
for package in packages/*.deb; do dpkg-deb -x "$package" root; done
libraries=$(find "$work/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
export DCMDICTPATH="$work/root/usr/share/libdcmtk17/dicom.dic"

version=$(LD_LIBRARY_PATH="$libraries" root/usr/bin/dcmdump --version)
echo "${version%%$'\n'*}"
grep -q 'v3\.6\.7' <<<"$version"

cat > look.py <<'PY'
import json, os, socket, subprocess, sys, time
from contextlib import contextmanager
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt

STORAGE = "1.2.840.10008.5.1.4.1.1.7"
FIND, GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"

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

def orthanc():
    port = free_port()
    with open("orthanc.json", "w") as configuration:
        json.dump({"StorageDirectory": "store", "IndexDirectory": "store", "DicomPort": port, "HttpPort": free_port(), "Plugins": [],
                   "DicomModalities": {"asker": ["ASKER", "127.0.0.1", 104]}}, configuration)
    return running([sys.argv[1] + "/sbin/Orthanc", "orthanc.json"], port)

def dcmqrscp():
    port = free_port()
    os.mkdir("database")
    with open("dcmqrscp.cfg", "w") as configuration:
        configuration.write(f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 4\nHostTable BEGIN\nHostTable END\n"
                            "VendorTable BEGIN\nVendorTable END\nAETable BEGIN\nKEEPER database RW (9, 9mb) ANY\nAETable END\n")
    return running([sys.argv[1] + "/bin/dcmqrscp", "-c", "dcmqrscp.cfg"], port)

def instance(patient_id):
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.PatientID, made.PatientName = STORAGE, "1.2.3.1", patient_id, "A^B"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = "1.2.3", "1.2.3.2", "OT"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return made

def look(port):
    ae = AE("ASKER")
    ae.add_requested_context(STORAGE, ImplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", port, ae_title="KEEPER")
    for patient_id in ("WRONG", "RIGHT"):
        assert association.send_c_store(instance(patient_id)).Status == 0x0000
    association.release()

    sent = []
    def store(event):
        sent.append((str(event.request.AffectedSOPInstanceUID), event.dataset.PatientID))
        return 0x0000
    for sop_class in (FIND, GET):
        ae.add_requested_context(sop_class)
    association = ae.associate("127.0.0.1", port, ae_title="KEEPER", ext_neg=[build_role(STORAGE, scp_role=True)],
                               evt_handlers=[(evt.EVT_C_STORE, store)])
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID, query.PatientID = "STUDY", "1.2.3", ""
    matches = [(str(match.StudyInstanceUID), match.PatientID) for _, match in association.send_c_find(query, FIND) if match]
    del query.PatientID
    assert list(association.send_c_get(query, GET))[-1][0].Status == 0x0000
    association.release()
    return sorted(matches), sorted(sent)

seen = {}
for name, archive in (("dcmqrscp", dcmqrscp), ("Orthanc", orthanc)):
    with archive() as port:
        seen[name] = look(port)
    print(f"{name}: C-FIND gives {seen[name][0]}, C-GET {seen[name][1]}")
assert seen["dcmqrscp"] == ([("1.2.3", "RIGHT")], [("1.2.3.1", "RIGHT")])
assert seen["Orthanc"] == ([("1.2.3", "RIGHT"), ("1.2.3", "WRONG")], [("1.2.3.1", "RIGHT"), ("1.2.3.1", "WRONG")])
PY
venv/bin/python look.py root/usr "$libraries"

echo "as on 29 November 2026"
