"""Store and forward: ``python examples/gateway.py PORT FOLDER HOST PORT``, until the end of the input, or it is killed.

What is acknowledged lies in the folder, on the disk, until the archive has it: nothing is lost if the archive is away,
if the gateway is killed, or if the power fails.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import trio

from dicomwire import Failure, Service, Status, StoreRequest, Timeouts
from dicomwire.sinks import FileStore, FolderClaim
from dicomwire.trio import AE, connect, serve

PAUSE, MOST = 5.0, 100


def waiting(folder: Path) -> list[Path]:
    """The files to be sent next, the oldest first."""
    return sorted(folder.glob("*.dcm"), key=lambda path: path.stat().st_mtime_ns)[:MOST]


async def forward(files: list[Path], host: str, port: int) -> bool:
    """Send files, and remove what the archive has; whether it has all of them."""
    has_all = True
    try:
        async with connect(host, port, files=files, timeouts=Timeouts(connect=10, response=60)) as archive:
            async for stored in archive.store_many(files):
                if stored:
                    stored.instance.unlink()
                else:
                    # To the end of the queue, where it keeps nothing else from being sent.
                    stored.instance.touch()
                    has_all = False
                    print("again later:", stored.error, flush=True)
    except (Failure, OSError) as error:
        has_all = False
        print("again later:", error, flush=True)
    return has_all


async def forward_all(folder: Path, arrived: trio.MemoryReceiveChannel[None], host: str, port: int) -> None:
    """Send what is in the folder as often as it takes, and what comes."""
    while True:
        files = waiting(folder)
        if not files:
            await arrived.receive()
        elif not await forward(files, host, port):
            await trio.sleep(PAUSE)


async def main(port: int, folder: Path, host: str, next_port: int) -> None:
    service, entity = Service(), AE("GATEWAY")
    entity.file_store = FileStore(sync="file and folder")
    told, arrived = trio.open_memory_channel[None](1)

    @service.sink
    def where(request: StoreRequest) -> Path:
        # A name of its own: what comes twice does not replace what is being sent on.
        return folder / f"{uuid4().hex}.dcm"

    @service.store
    async def kept(request: StoreRequest) -> Status:
        with suppress(trio.WouldBlock):
            told.send_nowait(None)
        return Status.SUCCESS

    with FolderClaim(folder):
        async with trio.open_nursery() as nursery, serve(("127.0.0.1", port), service, entity=entity) as server:
            print("port", server.server_address[1], flush=True)
            nursery.start_soon(forward_all, folder, arrived, host, next_port)
            await trio.to_thread.run_sync(sys.stdin.read)
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    trio.run(main, int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
