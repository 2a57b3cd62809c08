#!/usr/bin/env bash
# Question: an A-ASSOCIATE-RQ says 0x0003 in Protocol-version: version 1 (bit 0) and a later one.  Who accepts it?
# Guess:    everybody: PS3.8 9.3.2 makes it a bit for each version, of which a receiver tests bit 0 only.
# Seen:     DCMTK's storescp does, and answers 0x0001.  pynetdicom rejects it permanently: result 1, source 2, reason 2 (protocol version
#           not supported), as if bit 0 were not set.
# Matters:  the field is no way to announce something new; a requestor has to say 0x0001 and nothing else.
# Versions: pynetdicom 3.0.4, pydicom 3.0.2, DCMTK 3.6.7 (Debian 12: 3.6.7-9~deb12u4); 29 November 2026
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
libraries=$(find "$work/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
export DCMDICTPATH="$work/root/usr/share/libdcmtk17/dicom.dic"

version=$(LD_LIBRARY_PATH="$libraries" root/usr/bin/dcmdump --version)
echo "${version%%$'\n'*}"
grep -q 'v3\.6\.7' <<<"$version"

cat > look.py <<'PY'
import os, socket, subprocess, sys, time
from pynetdicom import AE

def item(kind, body):
    return bytes([kind, 0]) + len(body).to_bytes(2, "big") + body

def answer(port, version):
    context = bytes([1, 0, 0, 0]) + item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2")
    user = item(0x51, (16384).to_bytes(4, "big")) + item(0x52, b"1.2.3.4")
    body = version.to_bytes(2, "big") + bytes(2) + b"KEEPER".ljust(16) + b"ASKER".ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, context) + item(0x50, user)
    with socket.create_connection(("127.0.0.1", port), 30) as sock, sock.makefile("rb") as stream:
        sock.sendall(bytes([1, 0]) + len(body).to_bytes(4, "big") + body)
        header = stream.read(6)
        content = stream.read(int.from_bytes(header[2:], "big"))
        if header[0] == 2:
            sock.sendall(bytes([5, 0, 0, 0, 0, 4, 0, 0, 0, 0]))
            assert stream.read(10)[0] == 6
    return header[0], content[:2] if header[0] == 2 else content[1:]

ae = AE("KEEPER")
ae.add_supported_context("1.2.840.10008.1.1")
server = ae.start_server(("127.0.0.1", 0), block=False)
by_pynetdicom = {version: answer(server.server_address[1], version) for version in (1, 3)}
server.shutdown()

reserved = socket.create_server(("127.0.0.1", 0))
port = reserved.getsockname()[1]
reserved.close()
storescp = subprocess.Popen([sys.argv[1], "-aet", "KEEPER", str(port)], env=os.environ | {"LD_LIBRARY_PATH": sys.argv[2]}, stderr=subprocess.DEVNULL)
try:
    give_up = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert time.monotonic() < give_up, "storescp does not listen"
            time.sleep(0.1)
    by_dcmtk = {version: answer(port, version) for version in (1, 3)}
finally:
    storescp.terminate()
    storescp.wait(30)
for name, seen in (("pynetdicom", by_pynetdicom), ("DCMTK", by_dcmtk)):
    for version, (kind, content) in seen.items():
        print(f"{name}, version 0x{version:04X}:", {2: "accepted", 3: "rejected"}[kind], content.hex(" "))
assert by_dcmtk == {1: (2, b"\0\1"), 3: (2, b"\0\1")}
assert by_pynetdicom == {1: (2, b"\0\1"), 3: (3, b"\1\2\2")}
PY
venv/bin/python look.py root/usr/bin/storescp "$libraries"

echo "as on 29 November 2026"
