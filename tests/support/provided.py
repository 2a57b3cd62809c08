"""Servers of ``serve`` for programs of others: in the background, in any adapter with sockets."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import trio

from dicomwire import Service
from tests.support.peers import HOST, START, drive


@contextmanager
def provided_server(adapter: str, *services: Service) -> Iterator[int]:
    """The port of a server that has these services."""
    face = importlib.import_module(f"dicomwire.{adapter}")
    if adapter == "blocking":
        with face.serve((HOST, 0), *services) as server:
            yield server.server_address[1]
        return
    ready = threading.Event()
    ports: list[int] = []
    stop: list[Callable[[], object]] = []

    async def main() -> None:
        over: Any
        if adapter == "asyncio":
            over = asyncio.Event()
            stop.append(partial(asyncio.get_running_loop().call_soon_threadsafe, over.set))
        else:
            over = trio.Event()
            stop.append(partial(trio.lowlevel.current_trio_token().run_sync_soon, over.set))
        async with face.serve((HOST, 0), *services) as server:
            ports.append(server.server_address[1])
            ready.set()
            await over.wait()

    thread = threading.Thread(target=drive, args=(adapter, main), name=f"{adapter}-server", daemon=True)
    thread.start()
    assert ready.wait(START)
    try:
        yield ports[0]
    finally:
        stop[0]()
        thread.join(START)
        assert not thread.is_alive()
