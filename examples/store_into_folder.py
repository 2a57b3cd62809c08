"""Keep what is sent: ``python examples/store_into_folder.py PORT FOLDER``, until Ctrl-C or the end of the input."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dicomwire import AE, AllStoragePresentationContexts, evt
from dicomwire.safe_names import safe_name
from dicomwire.sop_class import Verification


@contextmanager
def receiving(port: int, folder: Path) -> Iterator[int]:
    """A storage SCP on the loopback interface that writes into ``folder``; the port, which may be given as 0."""
    folder.mkdir(parents=True, exist_ok=True)

    def where(event: evt.Event) -> Path:
        # A UID is what a peer says, and no file name until it has been looked at.  The file appears when it is whole.
        return folder / f"{safe_name(event.request.AffectedSOPInstanceUID)}.dcm"

    def stored(event: evt.Event) -> int:
        print("stored", event.request.AffectedSOPInstanceUID, flush=True)
        return 0x0000

    ae = AE(ae_title="EXAMPLE")
    ae.supported_contexts = AllStoragePresentationContexts
    ae.add_supported_context(Verification)
    handlers: list[evt.EventHandlerType] = [(evt.EVT_C_STORE_SINK, where), (evt.EVT_C_STORE, stored)]
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


if __name__ == "__main__":
    with receiving(int(sys.argv[1]), Path(sys.argv[2])) as listening:
        print("port", listening, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()
