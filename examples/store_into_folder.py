"""Keep what is sent: ``python examples/store_into_folder.py PORT FOLDER``, until Ctrl-C or the end of the input."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from dicomwire import Service, Status, StoreRequest, serve
from dicomwire.safe_names import safe_name


def storing(folder: Path) -> Service:
    """Writes what comes into ``folder``."""
    service = Service()
    folder.mkdir(parents=True, exist_ok=True)

    @service.sink
    def where(request: StoreRequest) -> Path:
        # A UID is what a peer says, and no file name until it has been looked at.  The file appears when it is whole.
        return folder / f"{safe_name(request.sop_instance_uid)}.dcm"

    @service.store
    def stored(request: StoreRequest) -> Status:
        print("stored", request.sop_instance_uid, flush=True)
        return Status.SUCCESS

    return service


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with serve(("127.0.0.1", int(sys.argv[1])), storing(Path(sys.argv[2])), title="EXAMPLE") as server:
        print("port", server.server_address[1], flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()
