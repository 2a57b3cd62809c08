#!/usr/bin/env bash
# Question: Encapsulated Uncompressed Explicit VR Little Endian (1.2.840.10008.1.2.1.98) has fragments like JPEG's, with plain pixels in
#           them.  Who decodes it, and who takes it over the network?
# Guess:    pydicom, GDCM and DCMTK decode it, as there is nothing to decode; storescp takes it with +xa, "accept all supported", and
#           Orthanc as it takes every JPEG.
# Seen:     pydicom knows the UID and has no decoder, GDCM does not read the image, DCMTK cannot convert it.  storescp +xa rejects the context
#           with reason 4.  Orthanc rejects it with reason 3 (abstract syntax not supported), though it accepts that class in JPEG.
#           dcmsend will not send it.  Only pydicom's generate_frames, which copies the fragments, gives the pixels.
# Matters:  it looks like the safe way to store long native multi-frame images frame by frame; a sender must have native pixels ready too.
# Versions: Orthanc 1.10.1 (Debian 12: 1.10.1+dfsg-2+deb12u1), DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4), pynetdicom 3.0.4, pydicom 3.0.2,
#           python-gdcm 3.2.6; 29 November 2026
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pynetdicom==3.0.4 pydicom==3.0.2 python-gdcm==3.2.6 numpy
# DCMTK and Orthanc with their libraries, unpacked here; nothing is installed.
mkdir -p state/lists/partial cache/archives/partial packages
apt() {
    command="$1"; shift
    "$command" -o Dir::State="$work/state" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$work/cache" -o Debug::NoLocking=1 "$@"
}
apt apt-get -qq update 2>/dev/null
needed=$(apt apt-cache depends --recurse --no-{recommends,suggests,conflicts,breaks,replaces,enhances} dcmtk orthanc |
    grep '^lib' | grep -v -e '^libc6' -e '^libgcc' -e '^libstdc++' -e '^libcrypt1' | sort -u)
# shellcheck disable=SC2086
(cd packages && apt apt-get -qq download orthanc=1.10.1+dfsg-2+deb12u1 \
    dcmtk=3.6.7-9~deb12u4 libdcmtk17=3.6.7-9~deb12u4 ${needed//libdcmtk17/} 2>/dev/null)
for package in packages/*.deb; do dpkg-deb -x "$package" root; done
libraries=$(find "$work/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
export DCMDICTPATH="$work/root/usr/share/libdcmtk17/dicom.dic"

version=$(LD_LIBRARY_PATH="$libraries" root/usr/bin/dcmdump --version)
echo "${version%%$'\n'*}"
grep -q 'v3\.6\.7' <<<"$version"

cat > look.py <<'PY'
import json, os, socket, subprocess, sys, time
from contextlib import contextmanager
import gdcm
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit
from pynetdicom import AE

STORAGE, UNCOMPRESSED = "1.2.840.10008.5.1.4.1.1.7.2", UID("1.2.840.10008.1.2.1.98")

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return reserved.getsockname()[1]

@contextmanager
def running(command, port):
    peer = subprocess.Popen(command, env=os.environ | {"LD_LIBRARY_PATH": sys.argv[2]}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < give_up, "nobody listens"
                time.sleep(0.1)
        yield port
    finally:
        peer.terminate()
        peer.wait(30)

def orthanc():
    port = free_port()
    with open("orthanc.json", "w") as configuration:
        json.dump({"StorageDirectory": "store", "IndexDirectory": "store", "DicomPort": port, "HttpPort": free_port(), "Plugins": [],
                   "DicomModalities": {"asker": ["ASKER", "127.0.0.1", 104]}}, configuration)
    return running([sys.argv[1] + "/sbin/Orthanc", "orthanc.json"], port)

def storescp():
    port = free_port()
    return running([sys.argv[1] + "/bin/storescp", "+xa", "--ignore", str(port)], port)

frames = [bytes(range(n, n + 16)) for n in (0, 16, 32)]
image = Dataset()
image.SOPClassUID, image.SOPInstanceUID, image.PatientID, image.PatientName = STORAGE, "1.2.3", "P", "A^B"
image.StudyInstanceUID, image.SeriesInstanceUID, image.Modality = "1.2.4", "1.2.5", "OT"
image.Rows = image.Columns = 4
image.SamplesPerPixel, image.PhotometricInterpretation, image.NumberOfFrames = 1, "MONOCHROME2", 3
image.BitsAllocated = image.BitsStored = 8
image.HighBit, image.PixelRepresentation = 7, 0
image.file_meta = FileMetaDataset()

def saved(name, syntax, pixels):
    image.PixelData = pixels
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = syntax.is_encapsulated
    image.file_meta.TransferSyntaxUID = syntax
    image.save_as(name, enforce_file_format=True)

saved("native.dcm", ExplicitVRLittleEndian, b"".join(frames))
saved("encapsulated.dcm", UNCOMPRESSED, encapsulate(frames))

def by_pydicom(path):
    try:
        return dcmread(path).pixel_array.tobytes() == b"".join(frames)
    except NotImplementedError:
        return False

def by_gdcm(path):
    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    return reader.Read()

environment = os.environ | {"LD_LIBRARY_PATH": sys.argv[2]}
def by_dcmtk(path):
    command = [sys.argv[1] + "/bin/dcmconv", "+te", path, "out.dcm"]
    return subprocess.run(command, timeout=60, env=environment, stderr=subprocess.DEVNULL).returncode == 0

decoded = {path: (by_pydicom(path), by_gdcm(path), by_dcmtk(path)) for path in ("native.dcm", "encapsulated.dcm")}
for path, yes in decoded.items():
    print(f"{path}: decoded by pydicom, GDCM, DCMTK: {yes}")
assert decoded == {"native.dcm": (True, True, True), "encapsulated.dcm": (False, False, False)}
assert UNCOMPRESSED.is_encapsulated and UNCOMPRESSED.name.startswith("Encapsulated Uncompressed")
assert list(generate_frames(dcmread("encapsulated.dcm").PixelData, number_of_frames=3)) == frames

def result(port, syntax):
    ae = AE("ASKER")
    ae.add_requested_context(STORAGE, syntax)
    association = ae.associate("127.0.0.1", port)
    results = [context.result for context in association.accepted_contexts + association.rejected_contexts]
    if association.is_established:
        association.release()
    return results

answers = {}
for name, peer in (("storescp +xa", storescp), ("Orthanc", orthanc)):
    with peer() as port:
        answers[name] = [result(port, syntax) for syntax in (ExplicitVRLittleEndian, JPEGBaseline8Bit, UNCOMPRESSED)]
    print(f"{name}: results for Explicit VR Little Endian, JPEG, Encapsulated Uncompressed: {answers[name]}")
assert answers == {"storescp +xa": [[0], [0], [4]], "Orthanc": [[0], [0], [3]]}

with storescp() as port:
    command = [sys.argv[1] + "/bin/dcmsend", "127.0.0.1", str(port)]
    sent = [subprocess.run([*command, path], timeout=60, env=environment, capture_output=True, text=True)
            for path in ("native.dcm", "encapsulated.dcm")]
print("dcmsend:", [done.returncode for done in sent], sent[1].stderr.strip())
assert sent[0].returncode == 0 and sent[1].returncode != 0 and "Unknown Transfer Syntax" in sent[1].stderr
PY
venv/bin/python look.py root/usr "$libraries"

echo "as on 29 November 2026"
