#!/usr/bin/env bash
# Question: OV, SV and UV are VRs of 64 bits, with a length field of 32 bits.  Do the JavaScript parsers dicom-parser and dcmjs get past them in
#           explicit VR, for example past an Extended Offset Table?
# Guess:    both do, and dcmjs gives BigInts.
# Seen:     dicom-parser does not know that their length field has four bytes, and throws "buffer overrun" at the first; the pixel data
#           behind is out of reach.  dcmjs gets past all, but knows UV only: OV and SV come back as UN, which is bytes.
# Matters:  a viewer built upon dicom-parser opens no file with such a table, whatever the compression: do not write one unasked.
# Versions: pydicom 3.0.2, dicom-parser 1.8.21, dcmjs 0.51.1; 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydicom==3.0.2 numpy
npm install --silent --no-fund --no-audit dicom-parser@1.8.21 dcmjs@0.51.1

cat > make.py <<'PY'
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
image.compress(RLELossless)
image.save_as("plain.dcm", enforce_file_format=True)
image.decompress()
image.compress(RLELossless, encapsulate_ext=True)
image.SelectorSVValue, image.SelectorUVValue = -5, 2**63 + 1
image.save_as("table.dcm", enforce_file_format=True)
for keyword in ("SelectorSVValue", "SelectorUVValue"):
    del image[keyword]
image.save_as("only_table.dcm", enforce_file_format=True)
PY
venv/bin/python make.py

cat > look.js <<'JS'
const parser = require("dicom-parser"), dcmjs = require("dcmjs"), fs = require("fs"), assert = require("assert");
dcmjs.log.level = "silent";
console.error = console.warn = () => {};
function parsed(path) {
  try {
    return parser.parseDicom(fs.readFileSync(path)).elements.x7fe00010.fragments.length + " fragments";
  } catch (error) {
    return error.exception || String(error);
  }
}
const plain = parsed("plain.dcm"), table = parsed("only_table.dcm");
console.log("dicom-parser, without the table:", plain, "- with it:", table);
assert.equal(plain, "3 fragments");
assert.match(table, /buffer overrun/);
const file = fs.readFileSync("table.dcm");
const dict = dcmjs.data.DicomMessage.readFile(file.buffer.slice(file.byteOffset, file.byteOffset + file.length)).dict;
const seen = ["7FE00001", "00720082", "00720083"].map((tag) => dict[tag].vr);
console.log("dcmjs: OV, SV, UV are", seen.join(", "), "-", dict["00720083"].Value[0]);
assert.deepEqual(seen, ["UN", "UN", "UV"]);
assert.equal(dict["00720083"].Value[0], 2n ** 63n + 1n);
assert.equal(dict["7FE00010"].Value.length, 3);
JS
node look.js

echo "as on 29 November 2026"
