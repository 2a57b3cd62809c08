"""trio as a guest of another loop: ``python examples/trio_guest.py HOST PORT``.

For programs whose loop is not trio's, that of a user interface for example.  Here the host is asyncio's, which goes on
ticking while trio's side verifies that a peer is there.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import trio

from dicomwire.sop_class import Verification
from dicomwire.trio import AE


async def verify(host: str, port: int) -> int | None:
    """The status of a C-ECHO; None if there was none."""
    ae = AE("GUEST")
    ae.add_requested_context(Verification)
    async with ae.associate(host, port) as assoc:
        if not assoc.is_established:
            return None
        status = await assoc.send_c_echo()
        return int(status.Status) if status else None


async def main(host: str, port: int) -> int | None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[int | None] = loop.create_future()

    def finished(outcome: Any) -> None:
        try:
            done.set_result(outcome.unwrap())
        except BaseException as error:
            done.set_exception(error)

    trio.lowlevel.start_guest_run(
        verify, host, port, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=finished
    )
    return await done


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    status = asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    print("no answer" if status is None else f"status 0x{status:04X}")
    sys.exit(status != 0)
