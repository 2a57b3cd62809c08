#!/usr/bin/env bash
# Question: 16-bit pixel data of a big endian file is put into DICOM JSON.  In which order are the bytes of InlineBinary?
# Guess:    little endian with both pydicom's to_json and DCMTK's dcm2json: JSON has no transfer syntax that could tell.
# Seen:     DCMTK swaps them to little endian.  pydicom gives them as they are in the file, and says nothing.
# Matters:  who offers old big endian files as JSON by pydicom hands out numbers with their bytes swapped.
# Versions: pydicom 3.0.2, DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4); 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2
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
import base64, json, os, subprocess, sys
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

image = Dataset()
image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.3", "1.2.3"
image.Rows = image.Columns = 4
image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
image.BitsAllocated = image.BitsStored = 16
image.HighBit, image.PixelRepresentation, image.NumberOfFrames = 15, 0, 3
image.PixelData = b"".join(n.to_bytes(2, "little") for n in range(48))
image["PixelData"].VR = "OW"
image.file_meta = FileMetaDataset()
image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
image.save_as("little.dcm", enforce_file_format=True)
environment = os.environ | {"LD_LIBRARY_PATH": sys.argv[2]}
subprocess.run([sys.argv[1] + "/dcmconv", "+tb", "little.dcm", "big.dcm"], check=True, timeout=60, env=environment)
assert dcmread("big.dcm").PixelData[:6] == bytes([0, 0, 0, 1, 0, 2])

def first_bytes(text):
    return base64.b64decode(json.loads(text)["7FE00010"]["InlineBinary"])[:6]

by_dcmtk = first_bytes(subprocess.run([sys.argv[1] + "/dcm2json", "big.dcm"], check=True, timeout=60, env=environment, capture_output=True).stdout)
by_pydicom = first_bytes(dcmread("big.dcm").to_json())
little = first_bytes(dcmread("little.dcm").to_json())
print("the little endian file by pydicom:", little.hex(" "))
print("the big endian file by DCMTK:     ", by_dcmtk.hex(" "))
print("the big endian file by pydicom:   ", by_pydicom.hex(" "))
assert little == by_dcmtk == bytes([0, 0, 1, 0, 2, 0])
assert by_pydicom == bytes([0, 0, 0, 1, 0, 2])
PY
venv/bin/python look.py root/usr/bin "$libraries"

echo "as on 29 November 2026"
