"""Other programs to talk to, and our own servers and requestors in each adapter, over sockets of this machine."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
import trio
from attrs import define, field, frozen

from benchmarks.dcmtk import find_tool
from dicomwire import evt
from dicomwire.associations.coroutines import run as run_at_once

T = TypeVar("T")

Command = Sequence[str | Path]

ADAPTERS = ("blocking", "asyncio", "trio")
HOST = "127.0.0.1"
PROGRAMS = Path(__file__).parents[1] / "interop" / "programs"
ROOT = Path(__file__).parents[2]

VERIFICATION = "1.2.840.10008.1.1"
START = 60.0
"""Seconds for a process to get ready."""

RUN = 120.0
"""Seconds for a process to do its work."""


# -- processes ------------------------------------------------------------------------------------------------------
def tool(name: str) -> str:
    """The path of a DCMTK tool.  Without it the test is skipped; with DICOMWIRE_REQUIRE_PEERS=1 it fails."""
    found = find_tool(name)
    if found is None:
        absent(f"DCMTK's {name} is not installed")
    assert found is not None
    return found


def absent(what: str) -> None:
    """A peer to test against is not there."""
    if os.environ.get("DICOMWIRE_REQUIRE_PEERS") == "1":
        pytest.fail(what)
    pytest.skip(what)


def environment() -> dict[str, str]:
    """For processes: DCMTK without Nagle's algorithm, and our package on the path."""
    return os.environ | {
        "TCP_NODELAY": "1",
        "PYTHONPATH": os.pathsep.join(str(ROOT / half) for half in ("core", "adapters")),
        "PYTHONUNBUFFERED": "1",
    }


@define
class Process:
    """A running program; its output goes to a file."""

    popen: subprocess.Popen[str]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """End it at once (SIGKILL), with the processes that it has forked for associations."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(START)

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def cpu_seconds(self) -> float:
        """Processor time used so far, by all its threads."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_for_line(self, start: str, seconds: float = START) -> str:
        """The rest of the first line of its output that begins with ``start``."""

        def look() -> str | None:
            for line in self.output.splitlines(keepends=True):
                if line.startswith(start) and line.endswith("\n"):
                    return line[len(start) :].strip()
            if self.popen.poll() is not None:
                raise AssertionError(f"{self.popen.args!r} has ended:\n{self.output}")
            return None

        return eventually(look, seconds, f"line {start!r} from {self.popen.args!r}")


@contextmanager
def process(command: Command, log: Path) -> Iterator[Process]:
    """Run a program in the background, and end it."""
    with (
        log.open("w") as out,
        subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
            process_group=0,
        ) as popen,
    ):
        running = Process(popen, log)
        try:
            yield running
        finally:
            running.kill()


def finished(command: Command, seconds: float = RUN, status: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, which must come in time and with this exit status (None: any)."""
    done = subprocess.run(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=environment(),
        timeout=seconds,
        check=False,
    )
    assert status is None or done.returncode == status, f"{done.args}\n{done.stdout[-4000:]}"
    return done


def free_port() -> int:
    """A port that nobody uses now; for programs that cannot be told to take any."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def eventually(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """What ``look`` gives as soon as that is true."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.01)


@contextmanager
def listening(command: Callable[[int], Command], log: Path) -> Iterator[tuple[Process, int]]:
    """Run a server that cannot be told to take any port; the process and its port, once it accepts connections."""
    for attempt in range(3):
        port = free_port()
        with process(command(port), log.with_name(f"{log.name}-{attempt}.log")) as running:

            def accepts(port: int = port, running: Process = running) -> str | None:
                if running.popen.poll() is not None:
                    return "dead"
                with socket.socket() as sock:
                    return "alive" if sock.connect_ex((HOST, port)) == 0 else None

            if eventually(accepts, START, f"connection to {running.popen.args!r}") == "dead":
                # Somebody has taken the port meanwhile.
                continue
            yield running, port
            return
    raise AssertionError(f"{command(0)!r} does not start")


@contextmanager
def storescp(folder: Path, *options: str | Path) -> Iterator[int]:
    """DCMTK's storescp, which stores to ``folder``; gives its port."""
    program = tool("storescp")
    folder.mkdir(parents=True, exist_ok=True)
    with listening(lambda port: [program, "-od", folder, *options, str(port)], folder) as (_, port):
        yield port


def renamed(program: str, package: str, folder: Path) -> Path:
    """A program written for pynetdicom, with only the import renamed to ``package``."""
    source = (PROGRAMS / f"{program}.py").read_text("utf-8")
    path = folder / f"{program}_{package}.py"
    path.write_text(source.replace("pynetdicom", package), "utf-8")
    return path


@contextmanager
def storage_scp(folder: Path, package: str = "pynetdicom", *options: str | Path) -> Iterator[int]:
    """The storage SCP of ``programs``; gives its port."""
    folder.mkdir(parents=True, exist_ok=True)
    path = renamed("storage_scp", package, folder.parent)
    log = folder.parent / f"{folder.name}-{package}.log"
    with process([sys.executable, path, folder, *options], log) as running:
        yield int(running.wait_for_line("port "))


# -- one text for all adapters --------------------------------------------------------------------------------------
def make_ae(adapter: str, title: str = "DICOMWIRE") -> Any:
    """An AE of the adapter with room for many associations; also pynetdicom's, which is used like the blocking one."""
    package = "pynetdicom" if adapter == "pynetdicom" else f"dicomwire.{adapter}"
    ae = importlib.import_module(package).AE(title)
    ae.maximum_associations = 200
    return ae


async def get(value: Any) -> Any:
    """The result of a verb of an AE or association, which need not be awaited in the blocking adapter."""
    return await value if inspect.isawaitable(value) else value


def drive(adapter: str, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
    """Run a coroutine function that uses :func:`get` on the adapter's event loop, or without one."""
    if adapter == "asyncio":
        return asyncio.run(function(*args))
    if adapter == "trio":
        return trio.run(function, *args)
    return run_at_once(function(*args))


def converse(
    adapter: str,
    port: int,
    talk: Callable[[Any], Awaitable[T]],
    *,
    contexts: Sequence[Any] = (),
    tls: ssl.SSLContext | None = None,
    called: str = "ANY-SCP",
    ext_neg: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> T:
    """Open an association with ``port``, let ``talk`` use it, and release it if that is still possible."""
    ae = make_ae(adapter, "REQUESTOR")
    if not contexts:
        ae.add_requested_context(VERIFICATION)

    async def whole() -> T:
        association = await get(
            ae.associate(
                HOST,
                port,
                contexts=list(contexts) or None,
                ae_title=called,
                ext_neg=list(ext_neg),
                tls_args=None if tls is None else (tls, "localhost"),
                evt_handlers=list(handlers),
            )
        )
        result = await talk(association)
        await get(association.release())
        return result

    return drive(adapter, whole)


async def following(responses: Any) -> Any:
    """The next of the responses to a request, or None."""
    try:
        return await anext(responses) if hasattr(responses, "__anext__") else next(responses)
    except (StopIteration, StopAsyncIteration):
        return None


async def collect(responses: Any) -> list[Any]:
    """All responses to a C-FIND, C-GET or C-MOVE that are still to come."""
    responses = await get(responses)
    collected: list[Any] = []
    while (response := await following(responses)) is not None:
        collected.append(response)
    return collected


async def echoed(association: Any) -> bool:
    """Whether the peer answers a C-ECHO; not if there is no association."""
    if not association.is_established:
        return False
    status = await get(association.send_c_echo())
    return "Status" in status and status.Status == 0


def echo(port: int, adapter: str = "blocking", tls: ssl.SSLContext | None = None, called: str = "ANY-SCP") -> bool:
    """Whether a server answers a C-ECHO of ours."""
    return converse(adapter, port, echoed, tls=tls, called=called)


def store(adapter: str, port: int, paths: Sequence[Path], tls: ssl.SSLContext | None = None) -> list[int | None]:
    """Send files by path over one association of ours; the status of each."""

    async def send(association: Any) -> list[int | None]:
        assert association.is_established, association.failure
        return [(await get(association.send_c_store(path))).get("Status") for path in paths]

    return converse(adapter, port, send, contexts=contexts_for(paths), tls=tls)


def contexts_for(paths: Sequence[Path]) -> list[Any]:
    """One context for each combination of SOP class and transfer syntax: nothing need be converted."""
    from pydicom import dcmread

    from dicomwire import build_context

    found: dict[tuple[str, str], None] = {}
    for path in paths:
        meta = dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True).file_meta
        found[meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID] = None
    return [build_context(*combination) for combination in found]


@frozen
class Stored:
    """What a C-STORE handler was given."""

    sop_instance_uid: str
    transfer_syntax: str
    data: bytes


@define
class OurServer:
    """A server of ours in a thread, with what its handlers were told."""

    adapter: str
    ae: Any
    port: int = 0
    stored: list[Stored] = field(factory=list)
    aborts: int = 0

    def _on_store(self, event: evt.Event) -> int:
        data = event.encoded_dataset(include_meta=False)
        uid = str(event.request.AffectedSOPInstanceUID)
        self.stored.append(Stored(uid, str(event.context.transfer_syntax), data))
        return 0

    def _on_abort(self, event: evt.Event) -> None:
        self.aborts += 1

    @property
    def handlers(self) -> list[Any]:
        return [(evt.EVT_C_STORE, self._on_store), (evt.EVT_ABORTED, self._on_abort)]


@contextmanager
def our_server(
    adapter: str,
    *,
    tls: ssl.SSLContext | None = None,
    handlers: Sequence[Any] = (),
    setup: Callable[[Any], None] | None = None,
) -> Iterator[OurServer]:
    """A server of ours that accepts Verification and all storage classes, compressed rather than not."""
    from dicomwire import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts

    ae = make_ae(adapter)
    ae.add_supported_context(VERIFICATION)
    syntaxes = ALL_TRANSFER_SYNTAXES[4:] + ALL_TRANSFER_SYNTAXES[:4]
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax, syntaxes)
    if setup is not None:
        setup(ae)
    server = OurServer(adapter, ae)
    arguments = {"block": False, "ssl_context": tls, "evt_handlers": server.handlers + list(handlers)}
    if adapter == "blocking":
        running = ae.start_server((HOST, 0), **arguments)
        server.port = running.server_address[1]
        try:
            yield server
        finally:
            ae.shutdown()
        return

    ready = threading.Event()
    stop: list[Callable[[], object]] = []
    failures: list[BaseException] = []

    async def serve_asyncio() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with await ae.start_server((HOST, 0), **arguments) as running:
            server.port = running.server_address[1]
            stop.append(partial(loop.call_soon_threadsafe, over.set))
            ready.set()
            await over.wait()

    async def serve_trio() -> None:
        over = trio.Event()
        token = trio.lowlevel.current_trio_token()
        async with await ae.start_server((HOST, 0), **arguments) as running:
            server.port = running.server_address[1]
            stop.append(partial(token.run_sync_soon, over.set))
            ready.set()
            await over.wait()

    def main() -> None:
        try:
            drive(adapter, serve_asyncio if adapter == "asyncio" else serve_trio)
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=main, name=f"{adapter}-server", daemon=True)
    thread.start()
    ready.wait(START)
    assert stop, failures
    try:
        yield server
    finally:
        stop[0]()
        thread.join(START)
        assert not thread.is_alive()
        assert failures == []


# -- bytes on a socket ----------------------------------------------------------------------------------------------
class Raw:
    """A socket to a server, for bytes that no library would send."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection((HOST, port), START)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def pdu(self) -> bytes:
        """The next PDU; empty at the end of the stream."""
        head = self._exactly(6)
        return head + self._exactly(int.from_bytes(head[2:6], "big")) if head else b""

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                assert data == b"", f"the stream ends within a PDU: {data.hex()}"
                return b""
            data += more
        return data

    def rest(self, seconds: float = START) -> bytes:
        """All bytes to the end of the stream, which must come in time; a reset counts as one."""
        self.sock.settimeout(seconds)
        data = b""
        try:
            while more := self.sock.recv(65536):
                data += more
        except ConnectionError:
            pass
        return data

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


# -- equality of what was sent and what was stored ------------------------------------------------------------------
def file_parts(path: Path) -> tuple[str, str, bytes]:
    """SOP instance UID, transfer syntax and data set of a DICOM file, the data set as its bytes."""
    from pydicom import filereader

    with path.open("rb") as file:
        filereader.read_preamble(file, force=False)
        meta = filereader._read_file_meta_info(file)
        return str(meta.MediaStorageSOPInstanceUID), str(meta.TransferSyntaxUID), file.read()


def as_file(stored: Stored) -> bytes:
    """A DICOM file of what a handler was given."""
    from dicomwire.data.file_meta import encode_file_meta

    return (
        encode_file_meta(
            sop_class_uid=VERIFICATION,
            sop_instance_uid=stored.sop_instance_uid,
            transfer_syntax_uid=stored.transfer_syntax,
            implementation_class_uid="1.2.3",
            implementation_version_name="TEST",
        )
        + stored.data
    )


def content(data_set: Any, *, private: bool = True, big_endian: bool | None = None) -> dict[int, Any]:
    """The values of a data set, as they are in any uncompressed encoding; group lengths and padding left out.

    Implicit encodings do not tell the VR of private elements: without ``private``, of those only the presence counts.
    """
    if big_endian is None:
        big_endian = not data_set.original_encoding[1]
    values: dict[int, Any] = {}
    for element in data_set:
        tag = int(element.tag)
        if tag & 0xFFFF == 0 or tag == 0xFFFCFFFC:
            continue
        value = element.value
        if element.tag.is_private and not private:
            values[tag] = "private"
        elif element.VR == "SQ":
            values[tag] = [content(item, private=private, big_endian=big_endian) for item in value]
        elif isinstance(value, bytes):
            if len(value) % 2:
                value += b"\0"
            if big_endian and element.VR == "OW":
                swapped = bytearray(value)
                swapped[0::2], swapped[1::2] = value[1::2], value[0::2]
                value = bytes(swapped)
            values[tag] = value
        else:
            values[tag] = "" if value is None else str(value)
    return values
