"""``--metrics [HOST:]PORT``: what Prometheus reads, of one process or the sums of several."""

from __future__ import annotations

import logging
import os
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import click
from attrs import frozen

from dicomwire._logging import shown_address
from dicomwire.apps._common.exit_codes import CannotStart
from dicomwire.apps._common.output import tell
from dicomwire.apps._common.providing import CannotListen, who_can_connect
from dicomwire.apps._common.worker_process import Orders
from dicomwire.sockets.listening import listening

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from dicomwire.prometheus import PrometheusObserver

Address: TypeAlias = tuple[str, int]

LOOPBACK = "127.0.0.1"

_ADDRESS = re.compile(r"(?:(?:\[(?P<in_brackets>[^\[\]]+)\]|(?P<host>[^:\[\]]+)):)?(?P<port>[0-9]{1,5})")
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes keep their counts, as prometheus_client calls it; it looks when it is imported."""


def _address(context: click.Context, option: click.Parameter, value: str | None) -> Address | None:
    if value is None:
        return None
    found = _ADDRESS.fullmatch(value)
    if found is None or int(found["port"]) > 65535:
        raise click.BadParameter(f"{value!r} is neither PORT nor HOST:PORT; an IPv6 address stands in brackets.")
    return found["in_brackets"] or found["host"] or LOOPBACK, int(found["port"])


metrics_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--metrics",
    metavar="[HOST:]PORT",
    callback=_address,
    help="Serve metrics for Prometheus on HTTP there (0: any free port); without HOST for this machine alone.",
)


class _Handler(WSGIRequestHandler):
    # Seconds for a request to come.
    timeout = 10.0

    def log_message(self, format: str, *args: object) -> None:
        """Nobody wants to read that Prometheus was here."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who has gone before the answer is his own business, and no line of the log's."""


def _serving(
    sock: socket.socket, registry: CollectorRegistry, before_each: Callable[[], None] = lambda: None
) -> _Server:
    from prometheus_client import make_wsgi_app

    answer = make_wsgi_app(registry)

    def application(environ: Any, start_response: Any) -> Any:
        before_each()
        return answer(environ, start_response)

    server = _Server(sock.getsockname()[:2], _Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = sock
    server.server_name, server.server_port = sock.getsockname()[:2]
    server.setup_environ()
    server.set_app(application)
    return server


@frozen
class MetricsEndpoint:
    """Where metrics are served."""

    sock: socket.socket
    directory: str | None = None
    """Where several processes keep theirs."""

    def observer(self) -> PrometheusObserver:
        """Who counts, in this process."""
        from prometheus_client import CollectorRegistry

        from dicomwire.prometheus import PrometheusObserver

        return PrometheusObserver(CollectorRegistry())


@frozen
class MetricsWorker:
    """What the process does that serves the sums of all others."""

    endpoint: MetricsEndpoint

    def __call__(self, orders: Orders) -> None:
        """Serve until told to finish."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        assert self.endpoint.directory is not None
        directory = Path(self.endpoint.directory)

        registry = CollectorRegistry()
        collector: Any = MultiProcessCollector
        collector(registry, os.fspath(directory))
        server = _serving(self.endpoint.sock, registry, lambda: _forget_dead(directory))
        finished = threading.Event()
        with _in_thread(server), orders.obeyed(finish=finished.set, abort=finished.set):
            finished.wait()


def _forget_dead(directory: Path) -> None:
    """What is active in a process ends with it; what it has counted stays."""
    for file in directory.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)
        except PermissionError:
            continue


@contextmanager
def _in_thread(server: _Server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, name="dicomwire-metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _listening(address: Address) -> Iterator[socket.socket]:
    try:
        import prometheus_client  # noqa: F401
    except ModuleNotFoundError:
        raise CannotStart("--metrics needs prometheus_client: pip install dicomwire[prometheus]") from None
    try:
        found = listening(address)
    except OSError as error:
        raise CannotListen(f"Cannot serve metrics on {shown_address(address)}: {error}") from error
    found.sock.setblocking(True)
    with found.sock:
        yield found.sock


def _tell(sock: socket.socket, logger: logging.Logger) -> None:
    host, port = sock.getsockname()[:2]
    tell(logger, logging.INFO, f"Metrics on http://{shown_address((host, port))}/metrics")
    if (reach := who_can_connect(host, "--metrics HOST:PORT")) and reach[0] > logging.INFO:
        tell(logger, *reach)


@contextmanager
def metrics_of_this_process(address: Address | None, logger: logging.Logger) -> Iterator[list[PrometheusObserver]]:
    """Who observes, while the block runs: nobody without an address.

    Raises:
        CannotStart: what serves them is not installed, or cannot listen.
    """
    if address is None:
        yield []
        return
    with _listening(address) as sock:
        from prometheus_client import CollectorRegistry

        from dicomwire.prometheus import PrometheusObserver

        registry = CollectorRegistry()
        with _in_thread(_serving(sock, registry)):
            _tell(sock, logger)
            yield [PrometheusObserver(registry)]


@contextmanager
def metrics_of_processes(address: Address | None, logger: logging.Logger) -> Iterator[MetricsEndpoint | None]:
    """What worker processes need to count, and one of them to serve the sums, while the block runs.

    Raises:
        CannotStart: as before.
    """
    if address is None:
        yield None
        return
    with ExitStack() as ended:
        temporary = tempfile.TemporaryDirectory(prefix="dicomwire-metrics-", ignore_cleanup_errors=True)
        directory = ended.enter_context(temporary)
        before = os.environ.get(_DIRECTORY)
        os.environ[_DIRECTORY] = directory
        ended.callback(_restore, before)
        sock = ended.enter_context(_listening(address))
        _tell(sock, logger)
        yield MetricsEndpoint(sock, directory)


def _restore(before: str | None) -> None:
    if before is None:
        os.environ.pop(_DIRECTORY, None)
    else:
        os.environ[_DIRECTORY] = before


def with_metrics(works: Sequence[Any], endpoint: MetricsEndpoint | None) -> list[Any]:
    """``works``, and that of the process that serves what they count."""
    return [*works] if endpoint is None else [*works, MetricsWorker(endpoint)]
