#!/usr/bin/env bash
# Question: a peer announces a maximum length of 16382 bytes.  How long are the fragments that DCMTK's storescu sends?
# Guess:    16376: PS3.8 D.1 limits the variable field of a P-DATA-TF, which is 6 bytes of item header and the fragment.
# Seen:     16370: DCMTK counts the 6 bytes of the PDU's own header too, with every maximum.  Against 5001 it sends 4988, an even number
#           where 4989 would be left; and it never sends more than 131060 (131072 - 12), also where the peer announces no limit (0).
# Matters:  a sender that fills PDUs to the byte is not wrong because DCMTK's are shorter, and a test that expects 16376 fails.
# Versions: DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4), pynetdicom 3.0.4, pydicom 3.0.2; 28 November 2026
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
LD_LIBRARY_PATH=$(find "$work/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
export DCMDICTPATH="$work/root/usr/share/libdcmtk17/dicom.dic"

cat > look.py <<'PY'
import os, subprocess, sys
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt

STORAGE = "1.2.840.10008.5.1.4.1.1.7"
image = Dataset()
image.SOPClassUID, image.SOPInstanceUID, image.PatientID = STORAGE, "1.2.3", "P"
image.PixelData = bytes(400_000)
image["PixelData"].VR = "OB"
image.file_meta = FileMetaDataset()
image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
image.save_as("image.dcm", enforce_file_format=True)
environment = os.environ | {"LD_LIBRARY_PATH": sys.argv[2]}

def longest(maximum):
    lengths = []
    def received(event):
        for item in getattr(event.pdu, "presentation_data_value_items", []):
            lengths.append(len(item.presentation_data_value) - 1)
    ae = AE("KEEPER")
    ae.maximum_pdu_size = maximum
    ae.add_supported_context(STORAGE, ExplicitVRLittleEndian)
    handlers = [(evt.EVT_PDU_RECV, received), (evt.EVT_C_STORE, lambda event: 0x0000)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    command = [sys.argv[1], "-aec", "KEEPER", "127.0.0.1", str(server.server_address[1]), "image.dcm"]
    subprocess.run(command, check=True, timeout=60, env=environment)
    server.shutdown()
    return max(lengths)

seen = {maximum: longest(maximum) for maximum in (4096, 5001, 16382, 65536, 131072, 0)}
for maximum, length in seen.items():
    print(f"maximum {maximum}: the longest fragment has {length} bytes")
assert seen == {4096: 4084, 5001: 4988, 16382: 16370, 65536: 65524, 131072: 131060, 0: 131060}
PY
venv/bin/python look.py root/usr/bin/storescu "$LD_LIBRARY_PATH"
echo "as on 28 November 2026"
