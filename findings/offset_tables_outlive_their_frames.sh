#!/usr/bin/env bash
# Question: an RLE image with an Extended Offset Table is decompressed with pydicom, DCMTK and GDCM.  Is the table gone afterwards?
# Guess:    yes, in all three: (7FE0,0001) and (7FE0,0002) say where encapsulated frames are, and there are none any more.
# Seen:     it stays in all three, beside native pixel data.  When pydicom then compresses that image again (without a table of that kind),
#           the old one stays too, with offsets that belong to other bytes.
# Matters:  who converts on the way (an archive, a proxy) has to delete both elements, and who reads them must compare them with the items.
# Versions: pydicom 3.0.2, python-gdcm 3.2.6, DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4); 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2 python-gdcm==3.2.6 numpy
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
import numpy
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

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
image.compress(RLELossless, encapsulate_ext=True)
image.save_as("table.dcm", enforce_file_format=True)
table = bytes(image.ExtendedOffsetTable)

by_pydicom = dcmread("table.dcm")
by_pydicom.decompress()
by_pydicom.save_as("pydicom.dcm")
subprocess.run([sys.argv[1], "table.dcm", "dcmtk.dcm"], check=True, timeout=60, env=os.environ | {"LD_LIBRARY_PATH": sys.argv[2]})
reader = gdcm.ImageReader()
reader.SetFileName("table.dcm")
assert reader.Read()
change = gdcm.ImageChangeTransferSyntax()
change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ExplicitVRLittleEndian))
change.SetInput(reader.GetImage())
assert change.Change()
writer = gdcm.ImageWriter()
writer.SetFileName("gdcm.dcm")
writer.SetFile(reader.GetFile())
writer.SetImage(change.GetOutput())
assert writer.Write()
for name in ("pydicom", "dcmtk", "gdcm"):
    native = dcmread(f"{name}.dcm")
    assert native.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian and len(native.PixelData) == 96
    print(f"{name}: native pixel data, and the table is", "there" if "ExtendedOffsetTable" in native else "gone")
    assert native.ExtendedOffsetTable == table and "ExtendedOffsetTableLengths" in native

again = dcmread("pydicom.dcm")
again.compress(RLELossless, numpy.zeros((3, 4, 4), "uint16"))
again.save_as("again.dcm")
again = dcmread("again.dcm")
first = int.from_bytes(again.PixelData[4:8], "little")
start = 8 + first
lengths = []
for _ in range(3):
    lengths.append(int.from_bytes(again.PixelData[start + 4:start + 8], "little"))
    start += 8 + lengths[-1]
listed = [int.from_bytes(again.ExtendedOffsetTableLengths[n:n + 8], "little") for n in (0, 8, 16)]
print("compressed again: the items have", lengths, "bytes, the table says", listed)
assert again.ExtendedOffsetTable == table and lengths != listed
PY
venv/bin/python look.py root/usr/bin/dcmdrle "$libraries"

echo "as on 29 November 2026"
