#!/usr/bin/env bash
# Question: Orthanc is asked by C-GET for a CT and an MR instance over an association that has a context for CT only.  Where in the final
#           response is the UID of the MR instance, which fails?
# Guess:    in the identifier, a data set behind the command set, as PS3.4 C.4.3.1.4.2 has it; that is where pynetdicom gives it.
# Seen:     in the command set, which goes on with (0008,0000) and (0008,0058) behind group 0000.  No data set follows, so pynetdicom gives
#           an empty identifier, and the caller of send_c_get never learns which instance failed.
# Matters:  a command set holds group 0000 only (PS3.7 6.3.1): a strict parser breaks on it, and a tolerant one drops what the user wants.
# Versions: Orthanc 1.10.1 (Debian 12: 1.10.1+dfsg-2+deb12u1), pynetdicom 3.0.4, pydicom 3.0.2; 28 November 2026
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
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = "1.2.3", f"{uid}.1", "OT"
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
    for made in (instance(CT, "1.2.3.4"), instance(MR, "1.2.3.5")):
        assert association.send_c_store(made).Status == 0x0000
    association.release()

    commands = []
    ae = AE("ASKER")
    ae.add_requested_context(GET)
    ae.add_requested_context(CT, ImplicitVRLittleEndian)
    handlers = [(evt.EVT_C_STORE, lambda event: 0x0000),
                (evt.EVT_DIMSE_RECV, lambda event: commands.append(event.message.command_set))]
    association = ae.associate("127.0.0.1", port, ext_neg=[build_role(CT, scp_role=True)], evt_handlers=handlers)
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", "1.2.3"
    status, identifier = list(association.send_c_get(query, GET))[-1]
    association.release()
finally:
    orthanc.terminate()
    orthanc.wait(30)
final = commands[-1]
print(f"final status 0x{status.Status:04X}, failed {status.NumberOfFailedSuboperations}, elements in the identifier: {len(identifier)}")
print("data set follows:", final.CommandDataSetType != 0x0101, "- group 0008 in the command set:",
      [str(element.tag) + " " + str(element.value) for element in final if element.tag.group == 0x0008])
assert status.NumberOfFailedSuboperations == 1 and len(identifier) == 0
assert final.CommandDataSetType == 0x0101
assert final[0x0008, 0x0058].value == "1.2.3.5"
PY
venv/bin/python look.py root/usr/sbin/Orthanc "$LD_LIBRARY_PATH"
echo "as on 28 November 2026"
