"""Tells what two peers say: ``python examples/logging_proxy.py PORT HOST PORT``, until the input ends.

It stands between them, hands on whole PDUs as they are, and understands them only to print their names and lengths.
"""

from __future__ import annotations

import asyncio
import sys

from dicomwire import RemoteProtocolError
from dicomwire.upper_layer import decode_pdu

HEADER = 6
LONGEST = 1 << 20
"""Bytes of a PDU.  Who sends longer ones is cut off before anything of them is kept."""


async def carry(arrow: str, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """PDU by PDU, until one side ends."""
    try:
        while True:
            header = await source.readexactly(HEADER)
            length = int.from_bytes(header[2:], "big")
            if length > LONGEST:
                print(arrow, "too long:", length, "bytes", flush=True)
                return
            pdu = header + await source.readexactly(length)
            try:
                name = decode_pdu(pdu).name
            except RemoteProtocolError as error:
                name = f"broken: {error}"
            print(arrow, name, len(pdu), "bytes", flush=True)
            target.write(pdu)
            await target.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        # The end, also in the middle of a PDU: the other side is told by the end of its connection.
        pass
    finally:
        target.close()


async def main(port: int, host: str, peer_port: int) -> None:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            peer_reader, peer_writer = await asyncio.open_connection(host, peer_port)
        except OSError as error:
            print("no peer:", error.strerror, flush=True)
            writer.close()
            return
        await asyncio.gather(carry(">", reader, peer_writer), carry("<", peer_reader, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", port)
    async with server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
