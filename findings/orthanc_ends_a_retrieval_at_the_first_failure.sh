#!/usr/bin/env bash
# Question: a study has ten CT and ten MR instances, and a C-GET proposes a storage context for CT only.  How many instances come, and what is
#           the final status?
# Guess:    ten; 0xB000 with ten failed sub-operations, as PS3.4 C.4.3.1.4 has it where some fail.
# Seen:     Orthanc ends the retrieval at the first instance that it cannot send: 0xC000, one failed, and those behind it are neither sent nor
#           counted, not even as remaining.  How many come before that depends on its own order; here it is fewer than ten.
# Matters:  one SOP class that nobody thought of costs the rest of the study, and no number in the response says how much is missing.
# Versions: Orthanc 1.10.1 (Debian 12: 1.10.1+dfsg-2+deb12u1), pynetdicom 3.0.4, pydicom 3.0.2; 30 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pynetdicom==3.0.4 pydicom==3.0.2
# Orthanc with its libraries, unpacked here; nothing is installed.
mkdir -p state/lists/partial cache/archives/partial packages
apt() {
    command="$1"; shift
    "$command" -o Dir::State="$work/state" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$work/cache" -o Debug::NoLocking=1 "$@"
}
apt apt-get -qq update 2>/dev/null
needed=$(apt apt-cache depends --recurse --no-{recommends,suggests,conflicts,breaks,replaces,enhances} orthanc |
    grep '^lib' | grep -v -e '^libc6' -e '^libgcc' -e '^libstdc++' -e '^libcrypt1' | sort -u)
# shellcheck disable=SC2086
(cd packages && apt apt-get -qq download orthanc=1.10.1+dfsg-2+deb12u1 $needed 2>/dev/null)
for package in packages/*.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(find "$work/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
export DCMDICTPATH="$work/root/usr/share/libdcmtk17/dicom.dic"

cat > look.py <<'PY'
import json, os, socket, subprocess, sys, time
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
GET = "1.2.840.10008.5.1.4.1.2.2.3"

def instance(sop_class, uid):
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.PatientID, made.PatientName = sop_class, uid, "P", "A^B"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = "1.2.3", "1.2.3.1", "OT"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return made

reserved = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
port, http = (sock.getsockname()[1] for sock in reserved)
for sock in reserved:
    sock.close()
with open("orthanc.json", "w") as configuration:
    json.dump({"StorageDirectory": "store", "IndexDirectory": "store", "DicomPort": port, "HttpPort": http, "Plugins": [],
               "DicomModalities": {"asker": ["ASKER", "127.0.0.1", 104]}}, configuration)
orthanc = subprocess.Popen([sys.argv[1], "orthanc.json"], env=os.environ | {"LD_LIBRARY_PATH": sys.argv[2]},
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    give_up = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert time.monotonic() < give_up, "Orthanc does not listen"
            time.sleep(0.1)
    ae = AE("ASKER")
    for sop_class in (CT, MR):
        ae.add_requested_context(sop_class, ImplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", port)
    for number in range(20):
        made = instance((CT, MR)[number % 2], f"1.2.3.{100 + number}")
        assert association.send_c_store(made).Status == 0x0000
    association.release()

    received = []
    ae = AE("ASKER")
    ae.add_requested_context(GET)
    ae.add_requested_context(CT, ImplicitVRLittleEndian)
    handlers = [(evt.EVT_C_STORE, lambda event: received.append(event.request.AffectedSOPInstanceUID) or 0x0000)]
    association = ae.associate("127.0.0.1", port, ext_neg=[build_role(CT, scp_role=True)], evt_handlers=handlers)
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", "1.2.3"
    status, identifier = list(association.send_c_get(query, GET))[-1]
    association.release()
finally:
    orthanc.terminate()
    orthanc.wait(30)
counts = [status.get(f"NumberOf{kind}Suboperations") for kind in ("Completed", "Failed", "Warning", "Remaining")]
print(f"final status 0x{status.Status:04X}, received {len(received)}, completed, failed, warning, remaining:", counts)
assert status.Status == 0xC000 and len(received) < 10
assert counts[0] == len(received) and counts[1] == 1 and not counts[3]
PY
venv/bin/python look.py root/usr/sbin/Orthanc "$LD_LIBRARY_PATH"
echo "as on 30 November 2026"
