"""A server that does nothing: idle_server.py ADAPTER.  Prints its port; ends with its standard input."""

import asyncio
import sys
from typing import Any

import trio

ADAPTER = sys.argv[1]


def ready_ae() -> Any:
    from importlib import import_module

    ae = import_module(f"dicomwire.{ADAPTER}").AE("IDLE")
    ae.maximum_associations = 100
    ae.add_supported_context("1.2.840.10008.1.1")
    return ae


async def serve() -> None:
    async with await ready_ae().start_server(("127.0.0.1", 0), block=False) as server:
        print("port", server.server_address[1], flush=True)
        await server.serve_forever()


if ADAPTER == "blocking":
    ae = ready_ae()
    server = ae.start_server(("127.0.0.1", 0), block=False)
    print("port", server.server_address[1], flush=True)
    sys.stdin.read()
    ae.shutdown()
elif ADAPTER == "asyncio":
    asyncio.run(serve())
else:
    trio.run(serve)
