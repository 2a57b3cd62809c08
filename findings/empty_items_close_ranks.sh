#!/usr/bin/env bash
# Question: a multi-frame image has an item for each of three frames in its Per-frame Functional Groups Sequence; the second is empty.  How
#           many items do JavaScript's parsers give, and does dcmjs give those back that it has written itself?
# Guess:    three, all of them.  The number of an item says which frame it belongs to, and an empty item is legal.
# Seen:     dicom-parser gives three, as do pydicom and DCMTK.  dcmjs writes three and reads two: empty items are left out, whether their
#           length is defined or not, so the third frame's item is where the second's should be, and nothing is said.
# Matters:  a frame gets the position of another.  A query whose key is a sequence with one empty item (universal matching) reaches a
#           handler built on dcmjs without the item.
# Versions: pydicom 3.0.2, dicom-parser 1.8.21, dcmjs 0.52.2, DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4); 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2
npm install --silent --no-fund --no-audit dicom-parser@1.8.21 dcmjs@0.52.2
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
from pydicom.uid import ExplicitVRLittleEndian

def frame(position):
    plane, groups = Dataset(), Dataset()
    plane.ImagePositionPatient = ["0", "0", position]
    groups.PlanePositionSequence = [plane]
    return groups

image = Dataset()
image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.2", "1.2.3"
image.PerFrameFunctionalGroupsSequence = [frame("1"), Dataset(), frame("3")]
image.file_meta = FileMetaDataset()
image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
image.save_as("defined.dcm", enforce_file_format=True)
image["PerFrameFunctionalGroupsSequence"].is_undefined_length = True
for item in image.PerFrameFunctionalGroupsSequence:
    item.is_undefined_length_sequence_item = True
image.save_as("undefined.dcm", enforce_file_format=True)
PY
venv/bin/python make.py

cat > look.js <<'JS'
const dcmjs = require("dcmjs"), parser = require("dicom-parser"), fs = require("fs"), assert = require("assert");
dcmjs.log.level = "silent";
function read(path) {
  const file = fs.readFileSync(path);
  return dcmjs.data.DicomMessage.readFile(file.buffer.slice(file.byteOffset, file.byteOffset + file.length)).dict["52009230"].Value;
}
const positions = (items) => items.map((item) => item["00209113"]?.Value[0]["00200032"].Value[2]);
for (const path of ["defined.dcm", "undefined.dcm"]) {
  const items = parser.parseDicom(fs.readFileSync(path)).elements.x52009230.items;
  console.log("dicom-parser,", path, items.length, "items; dcmjs:", positions(read(path)));
  assert.equal(items.length, 3);
  assert.deepEqual(positions(read(path)), [1, 3]);
}
const made = new dcmjs.data.DicomDict({ "00020010": { vr: "UI", Value: ["1.2.840.10008.1.2.1"] } });
const frame = (position) => ({ "00209113": { vr: "SQ", Value: [{ "00200032": { vr: "DS", Value: [0, 0, position] } }] } });
made.dict = { "52009230": { vr: "SQ", Value: [frame(1), {}, frame(3)] } };
fs.writeFileSync("dcmjs.dcm", Buffer.from(made.write()));
console.log("dcmjs, what it has written:", positions(read("dcmjs.dcm")));
assert.deepEqual(positions(read("dcmjs.dcm")), [1, 3]);
JS
node look.js

cat > look.py <<'PY'
import os, re, subprocess, sys
from pydicom import dcmread

for path in ("defined.dcm", "undefined.dcm", "dcmjs.dcm"):
    by_pydicom = len(dcmread(path).PerFrameFunctionalGroupsSequence)
    environment = os.environ | {"LD_LIBRARY_PATH": sys.argv[2]}
    dump = subprocess.run([sys.argv[1] + "/bin/dcmdump", path], check=True, timeout=60, env=environment, capture_output=True, text=True).stdout
    by_dcmtk = len(re.findall(r"^  \(fffe,e000\)", dump, re.M))
    print(f"{path}: {by_pydicom} items by pydicom, {by_dcmtk} by DCMTK")
    assert (by_pydicom, by_dcmtk) == (3, 3)
PY
venv/bin/python look.py root/usr "$libraries"

echo "as on 29 November 2026"
