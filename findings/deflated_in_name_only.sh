#!/usr/bin/env bash
# Question: dcmjs reads a file in Deflated Explicit VR Little Endian, and writes it again.  Which bytes are in the new file?
# Guess:    deflated ones: it inflates with pako when it reads, and the file meta information still names that transfer syntax.
# Seen:     the data set is written as it is, not deflated, below the UID of the deflated syntax, and nothing warns.  Then DCMTK, pydicom
#           and dcmjs itself all fail to read the file.  With the UID of Explicit VR Little Endian put in before, it is right.
# Matters:  who stores such a file with dcmjs has to change the transfer syntax first; a receiver that keeps what was sent unread keeps a
#           file that only a guess will open: try it as not deflated.
# Versions: pydicom 3.0.2, dcmjs 0.52.2, DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4); 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2
npm install --silent --no-fund --no-audit dcmjs@0.52.2
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

cat > make.py <<'PY'
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

data_set = Dataset()
data_set.SOPClassUID, data_set.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
data_set.PatientID, data_set.ImageComments = "P", "again and " * 100
data_set.file_meta = FileMetaDataset()
data_set.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
data_set.save_as("before.dcm", enforce_file_format=True)
PY
venv/bin/python make.py

cat > look.js <<'JS'
const dcmjs = require("dcmjs"), fs = require("fs"), assert = require("assert");
dcmjs.log.level = "error";
function read(path) {
  const file = fs.readFileSync(path);
  return dcmjs.data.DicomMessage.readFile(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
}
const file = read("before.dcm");
assert.equal(file.dict["00100020"].Value[0], "P");
fs.writeFileSync("after.dcm", Buffer.from(file.write()));
file.meta["00020010"].Value = ["1.2.840.10008.1.2.1"];
fs.writeFileSync("renamed.dcm", Buffer.from(file.write()));
let seen;
try {
  seen = read("after.dcm").dict["00100020"].Value[0];
} catch (error) {
  seen = String(error);
}
console.log("dcmjs reads its own file:", seen);
assert.match(seen, /invalid/);
assert.equal(read("renamed.dcm").dict["00100020"].Value[0], "P");
JS
node look.js

cat > look.py <<'PY'
import os, subprocess, sys, zlib
from pydicom import dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

def by_pydicom(path):
    try:
        return dcmread(path).PatientID
    except zlib.error:
        return "zlib.error"

def by_dcmtk(path):
    environment = os.environ | {"LD_LIBRARY_PATH": sys.argv[2]}
    dump = subprocess.run([sys.argv[1] + "/bin/dcmdump", path], timeout=60, env=environment, capture_output=True, text=True)
    return "P" if "[P]" in dump.stdout else "ZLib Error" if "ZLib Error" in dump.stderr else dump.stderr

seen = {path: (by_pydicom(path), by_dcmtk(path)) for path in ("before.dcm", "after.dcm", "renamed.dcm")}
for path, patients in seen.items():
    print(f"{path}: Patient ID by pydicom, by DCMTK: {patients}; comments in the clear: {b'again and again' in open(path, 'rb').read()}")
assert read_file_meta_info("after.dcm").TransferSyntaxUID == DeflatedExplicitVRLittleEndian
assert b"again and again" in open("after.dcm", "rb").read()
assert seen == {"before.dcm": ("P", "P"), "after.dcm": ("zlib.error", "ZLib Error"), "renamed.dcm": ("P", "P")}
PY
venv/bin/python look.py root/usr "$libraries"

echo "as on 29 November 2026"
