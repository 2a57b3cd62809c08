#!/usr/bin/env bash
# Question: an archive has a study with an Accession Number, one where it is empty and one without the element.  Which does a C-FIND with
#           Accession Number "*" find?
# Guess:    all three, in DCMTK's dcmqrscp and in Orthanc: PS3.4 C.2.2.2.4 makes a lone "*" the same as an empty key.
# Seen:     dcmqrscp finds three.  Orthanc finds two: the study without the element is missing, though the empty key finds it.
# Matters:  who puts "*" into the keys that a user left open loses studies, and says nothing of it; leave such a key empty.
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
from pynetdicom import AE

STORAGE, FIND = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.2.2.1"

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

def study(number, accession_number):
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.PatientID, made.PatientName = STORAGE, f"1.2.3.{number}", f"P{number}", "A^B"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = f"1.2.4.{number}", f"1.2.5.{number}", "OT"
    if accession_number is not None:
        made.AccessionNumber = accession_number
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return made

def found(association, accession_number):
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID, query.AccessionNumber = "STUDY", "", accession_number
    answers = list(association.send_c_find(query, FIND))
    assert answers[-1][0].Status == 0x0000
    return sorted(str(match.StudyInstanceUID) for _, match in answers[:-1])

seen = {}
for name, archive in (("dcmqrscp", dcmqrscp), ("Orthanc", orthanc)):
    with archive() as port:
        ae = AE("ASKER")
        ae.add_requested_context(STORAGE, ImplicitVRLittleEndian)
        ae.add_requested_context(FIND)
        association = ae.associate("127.0.0.1", port, ae_title="KEEPER")
        for number, accession_number in ((1, "A1"), (2, ""), (3, None)):
            assert association.send_c_store(study(number, accession_number)).Status == 0x0000
        seen[name] = {key: found(association, key) for key in ("", "*", "A*")}
        association.release()
    print(name, seen[name])
everything = ["1.2.4.1", "1.2.4.2", "1.2.4.3"]
assert seen["dcmqrscp"] == {"": everything, "*": everything, "A*": everything[:1]}
assert seen["Orthanc"] == {"": everything, "*": everything[:2], "A*": everything[:1]}
PY
venv/bin/python look.py root/usr "$libraries"

echo "as on 29 November 2026"
