"""Client and server of a library with the documented blocking AE API: dicomwire, or pynetdicom.

Run as ``python -m benchmarks.workers.blocking dicomwire``; with ``delayed`` behind it, as on a system that has no
``TCP_QUICKACK``.
"""

from __future__ import annotations

import socket
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.tasks import CT_IMAGE_STORAGE, EXPLICIT_LITTLE, HOST, STUDY_ROOT_FIND, VERIFICATION, Task
from benchmarks.workers.handlers import handlers, query
from benchmarks.workers.orders import Stopwatch, reply, wait, work

PATIENCE = 300
"""Seconds that pynetdicom may need for a response to a large object, and a server to be given many associations."""


def _configure(library: Any, task: Task) -> None:
    """Let pynetdicom, too, keep no data set in memory that comes from a file and goes to one."""
    if library.__name__ == "pynetdicom":
        config: Any = import_module("pynetdicom._config")
        config.STORE_SEND_CHUNKED_DATASET = config.STORE_RECV_CHUNKED_DATASET = task.keep == "file"


def serve(library: Any, task: Task) -> None:
    _configure(library, task)
    ae = library.AE()
    ae.maximum_associations = 100_000
    ae.maximum_pdu_size = task.maximum_length
    ae.network_timeout = PATIENCE
    ae.add_supported_context(VERIFICATION)
    ae.add_supported_context(CT_IMAGE_STORAGE, EXPLICIT_LITTLE)
    ae.add_supported_context(STUDY_ROOT_FIND, EXPLICIT_LITTLE)
    server = ae.start_server((HOST, 0), block=False, evt_handlers=handlers(library.evt, task))
    reply(port=server.server_address[1])
    wait()
    ae.shutdown()
    reply(stopped=True)


def _associate(library: Any, task: Task) -> Any:
    ae = library.AE()
    ae.dimse_timeout = ae.network_timeout = PATIENCE
    ae.add_requested_context(VERIFICATION, EXPLICIT_LITTLE)
    ae.add_requested_context(CT_IMAGE_STORAGE, EXPLICIT_LITTLE)
    ae.add_requested_context(STUDY_ROOT_FIND, EXPLICIT_LITTLE)
    association = ae.associate(HOST, task.port)
    if not association.is_established:
        raise RuntimeError("no association")
    return association


def store(library: Any, task: Task) -> None:
    _configure(library, task)
    sources: list[Any] = [task.warm_path, task.path]
    if library.__name__ == "pynetdicom" and task.keep != "file":
        from pydicom import dcmread

        # It would parse the whole file for each object: let it have done that before.
        sources = [dcmread(Path(path)) for path in sources]
    elif task.from_memory:
        sources[1] = Path(task.path).read_bytes()
    warm, source = sources
    association = _associate(library, task)
    check(association.send_c_store(warm))
    reply(ready=True)
    wait()
    watch = Stopwatch()
    for _ in range(task.count):
        check(association.send_c_store(source))
    watch.report()
    association.release()


def echo(library: Any, task: Task) -> None:
    association = _associate(library, task)
    check(association.send_c_echo())
    reply(ready=True)
    wait()
    watch = Stopwatch()
    for _ in range(task.count):
        check(association.send_c_echo())
    watch.report()
    association.release()


def find(library: Any, task: Task) -> None:
    association = _associate(library, task)

    def ask(count: int) -> None:
        responses = list(association.send_c_find(query(count), STUDY_ROOT_FIND))
        check_matches(responses, count)

    ask(10)
    reply(ready=True)
    wait()
    watch = Stopwatch()
    ask(task.count)
    watch.report()
    association.release()


def check_matches(responses: list[Any], count: int) -> None:
    if len(responses) != count + 1 or any(match is None for _, match in responses[:-1]):
        raise RuntimeError(f"{len(responses) - 1} matches, not {count}")
    check(responses[-1][0])


def check(status: Any) -> None:
    if status.Status != 0x0000:
        raise RuntimeError(f"status {status.Status:#06x}")


if __name__ == "__main__":
    if sys.argv[2:] == ["delayed"]:
        del socket.TCP_QUICKACK
    chosen = import_module(sys.argv[1])
    work({task.__name__: partial(task, chosen) for task in (serve, store, echo, find)})
