"""The blocking adapter under gevent: ``python examples/gevent_scp.py PORT``, until the input ends.

Its threads are greenlets then.  gevent has to replace the sockets and threads of Python before anything else is
imported.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

import gevent  # noqa: E402
from gevent.fileobject import FileObject  # noqa: E402

from dicomwire import AE, evt  # noqa: E402
from dicomwire.sop_class import Verification  # noqa: E402


def wait_a_little(event: evt.Event) -> int:
    # Others are served meanwhile.
    gevent.sleep(0.1)
    print("echo", flush=True)
    return 0x0000


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ae = AE("GEVENT")
    ae.add_supported_context(Verification)
    server = ae.start_server(
        ("127.0.0.1", int(sys.argv[1])), block=False, evt_handlers=[(evt.EVT_C_ECHO, wait_a_little)]
    )
    print("port", server.server_address[1], flush=True)
    FileObject(sys.stdin.fileno(), "rb", closefd=False).read()
    ae.shutdown()
