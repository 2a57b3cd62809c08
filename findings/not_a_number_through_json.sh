#!/usr/bin/env bash
# Question: an FD element holds NaN and an infinity, which IEEE 754 has and DICOM does not forbid.  What is in the DICOM JSON?
# Guess:    strings or an error, with pydicom as with DCMTK: JSON has no such numbers.
# Seen:     DCMTK's dcm2json gives up.  pydicom writes NaN and Infinity as bare words, which is no JSON: pydicom reads it
#           back, and JSON.parse refuses the whole text, so also the other elements.
# Matters:  one measurement that failed makes the answer of a DICOMweb server unreadable for each browser; look before you write.
# Versions: pydicom 3.0.2, DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4), any Node.js; 29 November 2026
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
import json, math, os, subprocess, sys
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

data_set = Dataset()
data_set.SOPClassUID, data_set.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
data_set.SelectorFDValue = [float("nan"), float("inf"), 0.5]
data_set.file_meta = FileMetaDataset()
data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
data_set.save_as("numbers.dcm", enforce_file_format=True)
command = [sys.argv[1], "numbers.dcm"]
dcmtk = subprocess.run(command, timeout=60, env=os.environ | {"LD_LIBRARY_PATH": sys.argv[2]}, capture_output=True, text=True)
print("DCMTK:", dcmtk.returncode, dcmtk.stderr.strip())
assert "Cannot write" in dcmtk.stderr
text = data_set.to_json()
print("pydicom:", text)
assert "[NaN, Infinity, 0.5]" in text
back = Dataset.from_json(text).SelectorFDValue
assert math.isnan(back[0]) and math.isinf(back[1])
script = "try { JSON.parse(process.argv[1]); console.log('read') } catch (error) { console.log(error.name) }"
node = subprocess.run(["node", "-e", script, text], timeout=60, check=True, capture_output=True, text=True).stdout.strip()
print("JSON.parse:", node)
assert node == "SyntaxError"
PY
venv/bin/python look.py root/usr/bin/dcm2json "$libraries"

echo "as on 29 November 2026"
