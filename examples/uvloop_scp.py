"""The asyncio adapter on uvloop: ``python examples/uvloop_scp.py PORT``, until the input ends."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from dicomwire.asyncio import AE
from dicomwire.sop_class import Verification


async def main(port: int) -> None:
    ae = AE("UVLOOP")
    ae.add_supported_context(Verification)
    async with ae.start_server(("127.0.0.1", port)) as server:
        print("port", server.server_address[1], type(asyncio.get_running_loop()).__module__, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    uvloop.run(main(int(sys.argv[1])))
