"""Several servers in one nursery of trio: ``python examples/trio_servers.py PORT PORT``, until the input ends.

One is for everybody and only answers that it is there; the other takes images, of one AE title.  What cancels the
nursery ends both, and their associations.
"""

from __future__ import annotations

import sys
from functools import partial

import trio

from dicomwire import Allowed, AllStoragePresentationContexts, evt
from dicomwire.sop_class import Verification
from dicomwire.trio import AE


def stored(event: evt.Event) -> int:
    print("stored", event.request.AffectedSOPInstanceUID, flush=True)
    return 0x0000


async def main(first: int, second: int) -> None:
    public = AE("PUBLIC")
    public.add_supported_context(Verification)
    archive = AE("ARCHIVE")
    archive.supported_contexts = AllStoragePresentationContexts
    archive.allowed = Allowed(calling_ae_titles=["SCANNER"])
    async with trio.open_nursery() as nursery:
        serve = nursery.start
        one = await serve(public.start_server, ("127.0.0.1", first))
        other = await serve(
            partial(archive.start_server, ("127.0.0.1", second), evt_handlers=[(evt.EVT_C_STORE, stored)])
        )
        print("ports", one.server_address[1], other.server_address[1], flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
