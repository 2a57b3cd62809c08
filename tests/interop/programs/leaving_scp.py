"""A server whose program ends as soon as it is asked for something: leaving_scp.py.  Prints its port."""

import threading
import time

from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined,unused-ignore]

asked = threading.Event()


def handle_echo(event):  # type: ignore[no-untyped-def]
    asked.set()
    # The main thread has come to its end before this one goes on.
    time.sleep(0.2)
    return 0x0000


ae = AE(ae_title="LEAVING")
ae.add_supported_context(Verification)
server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, handle_echo)])
print("port", server.server_address[1], flush=True)  # type: ignore[union-attr]
asked.wait()
server.shutdown()  # type: ignore[union-attr]
