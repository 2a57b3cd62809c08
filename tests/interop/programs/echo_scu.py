"""C-ECHO as SCU, as programs for pynetdicom do it: echo_scu.py PORT."""

import sys

from pynetdicom import AE, debug_logger
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined,unused-ignore]

if "--debug" in sys.argv:
    debug_logger()

ae = AE(ae_title="ECHOSCU")
ae.add_requested_context(Verification)
assoc = ae.associate("127.0.0.1", int(sys.argv[1]))
if assoc.is_established:
    status = assoc.send_c_echo()
    if status:
        print(f"C-ECHO request status: 0x{status.Status:04x}")
    else:
        print("Connection timed out, was aborted or received invalid response")
    assoc.release()
else:
    print("Association rejected, aborted or never connected")
    sys.exit(1)
