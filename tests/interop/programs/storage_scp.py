"""C-STORE as SCP, as programs for pynetdicom do it: storage_scp.py FOLDER [KEY CERTIFICATE CA].

Prints its port; ends with its standard input.
"""

import ssl
import sys
from pathlib import Path
from typing import Any

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined,unused-ignore]


def handle_open(event):  # type: ignore[no-untyped-def]
    print("opened", event.address[0])


def handle_store(event, folder, counter):  # type: ignore[no-untyped-def]
    """Store what arrives as DICOM files."""
    try:
        ds = event.dataset
        ds.file_meta = event.file_meta
        ds.save_as(folder / ds.SOPInstanceUID, enforce_file_format=True)
    except Exception as error:
        print("failed", error)
        return 0xC001
    counter.append(ds.SOPInstanceUID)
    return 0x0000


def handle_echo(event):  # type: ignore[no-untyped-def]
    print("echo from", event.assoc.requestor.ae_title)
    return 0x0000


def handle_released(event, counter):  # type: ignore[no-untyped-def]
    print("stored", len(counter))


folder, tls = Path(sys.argv[1]), sys.argv[2:]
received = []  # type: ignore[var-annotated]
handlers: list[Any] = [
    (evt.EVT_CONN_OPEN, handle_open),
    (evt.EVT_C_ECHO, handle_echo),
    (evt.EVT_C_STORE, handle_store, [folder, received]),
    (evt.EVT_RELEASED, handle_released, [received]),
]

context = None
if tls:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls[2])
    context.load_cert_chain(tls[1], tls[0])
    context.verify_mode = ssl.CERT_REQUIRED

ae = AE(ae_title="STORESCP")
ae.maximum_associations = 50
ae.add_supported_context(Verification)
for supported in AllStoragePresentationContexts:
    ae.add_supported_context(str(supported.abstract_syntax), ALL_TRANSFER_SYNTAXES)

server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=context)
print("port", server.server_address[1], flush=True)  # type: ignore[union-attr]
sys.stdin.read()
server.shutdown()  # type: ignore[union-attr]
