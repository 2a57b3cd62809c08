"""Client and server of a library with the documented blocking AE API: dicomwire, or pynetdicom.

Run as ``python -m benchmarks.workers.blocking dicomwire``.  Behind it may stand ``delayed``: as on a system that has no
``TCP_QUICKACK``; or ``nodelay``: with Nagle's algorithm off, which dicomwire sees to itself.
"""

from __future__ import annotations

import socket
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.tasks import HOST, INBOX, STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE, VERIFICATION, Task
from benchmarks.workers.handlers import handlers, query, receivers, retrieval_query
from benchmarks.workers.orders import Stopwatch, latencies_of, reply, wait, work
from benchmarks.workers.profiled import profiled
from benchmarks.workers.roles import (
    PATIENCE,
    MatchCounter,
    check,
    check_retrieved,
    client_context,
    negotiation,
    peer,
    requesting,
    server_context,
    supporting,
)


def _configure(library: Any, task: Task) -> None:
    """Let pynetdicom, too, keep no data set in memory that comes from a file and goes to one."""
    if library.__name__ == "pynetdicom":
        config: Any = import_module("pynetdicom._config")
        config.STORE_SEND_CHUNKED_DATASET = config.STORE_RECV_CHUNKED_DATASET = task.keep == "file"


def serve(library: Any, task: Task) -> None:
    _configure(library, task)
    ae = supporting(library.AE(), task)
    with profiled(task):
        server = ae.start_server(
            (HOST, 0), block=False, ssl_context=server_context(task), evt_handlers=handlers(library.evt, task)
        )
        reply(port=server.server_address[1])
        wait()
        ae.shutdown()
    reply(stopped=True)


def _associate(library: Any, task: Task) -> Any:
    ae = requesting(library.AE())
    ae.dimse_timeout = ae.network_timeout = PATIENCE
    association = ae.associate(
        *peer(task),
        ext_neg=negotiation(library, task),
        tls_args=client_context(task),
        evt_handlers=receivers(library.evt, task) if task.do == "get" else [],
    )
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
    with profiled(task):
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
    with profiled(task):
        watch = Stopwatch()
        for _ in range(task.count):
            check(association.send_c_echo())
    watch.report()
    association.release()


def cycles(library: Any, task: Task) -> None:
    """Associate, echo and release, over and over."""
    ae = requesting(library.AE(), VERIFICATION)

    def cycle() -> None:
        association = ae.associate(*peer(task))
        check(association.send_c_echo())
        association.release()

    cycle()
    reply(ready=True)
    wait()
    latencies: list[float] = []
    with profiled(task):
        watch = Stopwatch()
        for _ in range(task.count):
            started = time.perf_counter()
            cycle()
            latencies.append(time.perf_counter() - started)
    watch.report(**latencies_of(latencies))


def find(library: Any, task: Task) -> None:
    association = _associate(library, task)

    def ask(count: int) -> None:
        matches = MatchCounter(count)
        for status, match in association.send_c_find(query(count), STUDY_ROOT_FIND):
            matches.see(status, match)
        matches.check()

    ask(min(task.count, 10))
    reply(ready=True)
    wait()
    with profiled(task):
        watch = Stopwatch()
        ask(task.count)
    watch.report()
    association.release()


def get(library: Any, task: Task) -> None:
    _configure(library, task)
    association = _associate(library, task)
    check(association.send_c_echo())
    query_of_all = retrieval_query()
    reply(ready=True)
    wait()
    watch = Stopwatch()
    check_retrieved(list(association.send_c_get(query_of_all, STUDY_ROOT_GET)), task)
    watch.report()
    association.release()


def move(library: Any, task: Task) -> None:
    """The instances arrive at a server in this process."""
    _configure(library, task)
    inbox = supporting(library.AE(INBOX), task)
    inbox.start_server((HOST, task.inbox), block=False, evt_handlers=receivers(library.evt, task))
    association = _associate(library, task)
    check(association.send_c_echo())
    query_of_all = retrieval_query()
    reply(ready=True)
    wait()
    watch = Stopwatch()
    check_retrieved(list(association.send_c_move(query_of_all, INBOX, STUDY_ROOT_MOVE)), task)
    watch.report()
    association.release()
    inbox.shutdown()


# -- what may be asked for ---------------------------------------------------------------------------------------------
def _without_quick_ack() -> None:
    del socket.TCP_QUICKACK


def _without_nagle() -> None:
    """Every socket that connects or is accepted from now on."""
    connect, accept = socket.socket.connect, socket.socket.accept

    def connected(sock: socket.socket, address: Any) -> None:
        connect(sock, address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def accepted(sock: socket.socket) -> tuple[socket.socket, Any]:
        taken, address = accept(sock)
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return taken, address

    setattr(socket.socket, "connect", connected)  # noqa: B010
    setattr(socket.socket, "accept", accepted)  # noqa: B010


OPTIONS = {"delayed": _without_quick_ack, "nodelay": _without_nagle}

if __name__ == "__main__":
    for option in sys.argv[2:]:
        OPTIONS[option]()
    chosen = import_module(sys.argv[1])
    work({task.__name__: partial(task, chosen) for task in (serve, store, echo, cycles, find, get, move)})
