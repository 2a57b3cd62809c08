"""C-STORE as SCU, as programs for pynetdicom do it: storage_scu.py PORT FOLDER [KEY CERTIFICATE CA].

Prints the status and the SOP instance UID for each file of the folder.
"""

import socket
import ssl
import sys
import time
from pathlib import Path

from pydicom import dcmread
from pynetdicom import AE, build_context, evt


def handle_open(event):  # type: ignore[no-untyped-def]
    # Without it each instance takes 40 ms: the requests wait for delayed acknowledgements.
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


paths, tls = sorted(Path(sys.argv[2]).glob("*.dcm")), sys.argv[3:]
datasets = [dcmread(path) for path in paths]
pairs = sorted({(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID) for ds in datasets})
contexts = [build_context(abstract_syntax, transfer_syntax) for abstract_syntax, transfer_syntax in pairs]

tls_args = None
if tls:
    context = ssl.create_default_context(cafile=tls[2])
    context.load_cert_chain(tls[1], tls[0])
    tls_args = (context, "localhost")

ae = AE(ae_title="STORESCU")
assoc = ae.associate(
    "127.0.0.1",
    int(sys.argv[1]),
    contexts=contexts,
    tls_args=tls_args,  # type: ignore[arg-type,unused-ignore]
    evt_handlers=[(evt.EVT_CONN_OPEN, handle_open)],
)
if not assoc.is_established:
    print("Association rejected, aborted or never connected")
    sys.exit(1)
for ds in datasets:
    status = assoc.send_c_store(ds)
    if not status:
        print("Connection timed out, was aborted or received invalid response")
        sys.exit(2)
    print(f"0x{status.Status:04x} {ds.SOPInstanceUID}")
    while getattr(assoc, "_is_paused", False):
        # pynetdicom 3.0.4 may lose the response to a request that is sent before its own thread has woken up.
        time.sleep(0.001)
assoc.release()
