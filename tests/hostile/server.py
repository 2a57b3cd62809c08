"""``python -m tests.hostile.server ADAPTER [CERTIFICATE]``: serves what is attacked, and tells what it holds.

It says on which ports it listens, without and with TLS, and answers each line of its input with what there is now.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import trio
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

import dicomwire
import dicomwire.asyncio
import dicomwire.trio
from dicomwire import evt
from dicomwire.blocking import workers
from dicomwire.tls import TLSFiles
from tests.hostile.wire import CT, DEFLATED, EXPLICIT, FIND, GET, IMPLICIT, MR, PUSH, VERIFICATION

HERE = ("127.0.0.1", 0)
MATCHES = 100


def store(event: Any) -> int:
    if event.request.AffectedSOPClassUID == MR:
        # Somebody looks at everything.
        for element in event.dataset.iterall():
            str(element.value)
    return 0x0000


def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
    for element in event.identifier.iterall():
        str(element.value)
    for number in range(MATCHES):
        if event.is_cancelled:
            yield 0xFE00, None
            return
        match = Dataset()
        match.StudyInstanceUID, match.PatientName = f"1.2.{number + 1}", "Doe^" + "Jane" * 10
        yield 0xFF00, match


def get(event: Any) -> Iterator[Any]:
    yield MATCHES
    for number in range(MATCHES):
        if event.is_cancelled:
            yield 0xFE00, None
            return
        instance = Dataset()
        instance.SOPClassUID, instance.SOPInstanceUID = CT, f"1.2.{number + 1}"
        instance.file_meta = FileMetaDataset()
        instance.file_meta.TransferSyntaxUID = UID(IMPLICIT)
        yield 0xFF00, instance


def report(event: Any) -> tuple[int, None]:
    len(event.event_information)
    return 0x0000, None


HANDLERS = [
    (evt.EVT_C_STORE, store), (evt.EVT_C_FIND, find), (evt.EVT_C_GET, get), (evt.EVT_N_EVENT_REPORT, report),
    (evt.EVT_USER_ID, lambda event: (True, None)),
]  # fmt: skip


def prepared(ae: Any) -> Any:
    ae.maximum_associations = 400
    for sop_class in (VERIFICATION, FIND, GET, PUSH):
        ae.add_supported_context(sop_class)
    ae.add_supported_context(CT, [IMPLICIT, EXPLICIT, DEFLATED], scu_role=True, scp_role=True)
    ae.add_supported_context(MR, [IMPLICIT, EXPLICIT, DEFLATED])
    # An hour is too long to see what is left.
    ae.acse_timeout = ae.network_timeout = ae.dimse_timeout = 3
    return ae


def held(ae: Any, tasks: int) -> dict[str, int]:
    return {
        "associations": len(ae.active_associations),
        "tasks": tasks,
        "descriptors": len(os.listdir("/proc/self/fd")),
    }


def say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def asked() -> bool:
    """Whether there is a question; else it is over."""
    line = sys.stdin.readline()
    if "gc" in line:
        gc.collect()
    return bool(line)


def contexts(certificate: str) -> list[Any]:
    return [None, TLSFiles(certificate=certificate).server_context()] if certificate else [None]


def blocking(certificate: str) -> None:
    # Threads that wait for more work are not what is looked for.
    workers._PATIENCE = 0.1
    ae = prepared(dicomwire.AE("TARGET"))
    servers: list[Any] = [
        ae.start_server(HERE, block=False, evt_handlers=HANDLERS, ssl_context=context)
        for context in contexts(certificate)
    ]
    say({"ports": [server.server_address[1] for server in servers]})
    while asked():
        say(held(ae, 0))
    ae.shutdown()


async def on_asyncio(certificate: str) -> None:
    ae = prepared(dicomwire.asyncio.AE("TARGET"))
    servers: list[Any] = [
        await ae.start_server(HERE, block=False, evt_handlers=HANDLERS, ssl_context=context)
        for context in contexts(certificate)
    ]
    say({"ports": [server.server_address[1] for server in servers]})
    over = asyncio.Event()

    def answer() -> None:
        if asked():
            say(held(ae, len(asyncio.all_tasks())))
        else:
            over.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, answer)
    await over.wait()
    loop.remove_reader(sys.stdin)
    await ae.shutdown()


async def on_trio(certificate: str) -> None:
    ae = prepared(dicomwire.trio.AE("TARGET"))
    ports: list[int] = []
    async with trio.open_nursery() as nursery:
        for context in contexts(certificate):

            async def serve(task_status: Any, context: Any = context) -> None:
                await ae.start_server(HERE, evt_handlers=HANDLERS, ssl_context=context, task_status=task_status)

            server: Any = await nursery.start(serve)
            ports.append(server.server_address[1])
        say({"ports": ports})
        while True:
            await trio.lowlevel.wait_readable(sys.stdin)
            if not asked():
                break
            say(held(ae, trio.lowlevel.current_statistics().tasks_living))
        await ae.shutdown()


def main(adapter: str, certificate: str = "") -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname).1s %(name)s: %(message)s")
    if adapter == "blocking":
        blocking(certificate)
    elif adapter == "asyncio":
        asyncio.run(on_asyncio(certificate))
    else:
        trio.run(on_trio, certificate)


if __name__ == "__main__":
    main(*sys.argv[1:])
