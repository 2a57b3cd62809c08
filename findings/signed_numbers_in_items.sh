#!/usr/bin/env bash
# Question: an image in implicit VR with Pixel Representation 1 has a negative number of VR "US or SS" at the top and one in an item of a
#           sequence.  Which VR do DCMTK, GDCM and pydicom give them in explicit VR?
# Guess:    SS, all three, both times: the Pixel Representation of the image decides.
# Seen:     pydicom and GDCM do so.  DCMTK's dcmconv writes SS at the top and US in the item, where Pixel Representation is not: -7 becomes 65529.
# Matters:  in explicit VR the number has changed for good: every later reader believes the VR in the file.
# Versions: pydicom 3.0.2, python-gdcm 3.2.6, DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4); 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2 python-gdcm==3.2.6
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
import os, subprocess, sys
import gdcm
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian

image = Dataset()
image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.3", "1.2.3"
image.Rows = image.Columns = 4
image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
image.BitsAllocated = image.BitsStored = 16
image.HighBit, image.PixelRepresentation, image.NumberOfFrames = 15, 1, 3
image.PixelData = b"".join(n.to_bytes(2, "little") for n in range(48))
image["PixelData"].VR = "OW"
image.file_meta = FileMetaDataset()
image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
image.SmallestImagePixelValue = -5
image["SmallestImagePixelValue"].VR = "SS"
item = Dataset()
item.RealWorldValueFirstValueMapped = -7
item["RealWorldValueFirstValueMapped"].VR = "SS"
image.RealWorldValueMappingSequence = [item]
image.save_as("implicit.dcm", enforce_file_format=True)

subprocess.run([sys.argv[1], "+te", "implicit.dcm", "dcmtk.dcm"], check=True, timeout=60, env=os.environ | {"LD_LIBRARY_PATH": sys.argv[2]})
reader = gdcm.Reader()
reader.SetFileName("implicit.dcm")
assert reader.Read()
explicit = gdcm.FileExplicitFilter()
explicit.SetFile(reader.GetFile())
assert explicit.Change()
explicit.GetFile().GetHeader().SetDataSetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ExplicitVRLittleEndian))
writer = gdcm.Writer()
writer.SetFileName("gdcm.dcm")
writer.SetFile(explicit.GetFile())
assert writer.Write()

seen = {}
for name, path in (("pydicom", "implicit.dcm"), ("gdcm", "gdcm.dcm"), ("dcmtk", "dcmtk.dcm")):
    data_set = dcmread(path)
    top = data_set["SmallestImagePixelValue"]
    inner = data_set.RealWorldValueMappingSequence[0]["RealWorldValueFirstValueMapped"]
    seen[name] = (top.VR, top.value, inner.VR, inner.value)
    print(f"{name}: at the top {top.VR} {top.value}, in the item {inner.VR} {inner.value}")
right = ("SS", -5, "SS", -7)
assert seen == {"pydicom": right, "gdcm": right, "dcmtk": ("SS", -5, "US", 65529)}
PY
venv/bin/python look.py root/usr/bin/dcmconv "$libraries"

echo "as on 29 November 2026"
