"""Files to send, peers to send them to, and applications in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from dicomwire import events as evt
from dicomwire.blocking import AE
from dicomwire.data.file_meta import encode_file_meta
from dicomwire.presentation import PresentationContext, build_context
from dicomwire.sources import EncodedDataSet
from dicomwire.transport import ThreadedAssociationServer
from tests.support.processes import ends_in_time

HOST = "127.0.0.1"
SECONDS = 20.0
"""Longer than anything here takes."""

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
RLE = "1.2.840.10008.1.2.5"

ROOT = Path(__file__).parents[2]


def dicom_file(
    path: Path, *, sop_class: str = CT, instance: str = "1.2.3", syntax: str = EXPLICIT, size: int = 64
) -> Path:
    """A DICOM file with one patient and ``size`` bytes of something."""
    header = encode_file_meta(
        sop_class_uid=sop_class,
        sop_instance_uid=instance,
        transfer_syntax_uid=syntax,
        implementation_class_uid="1.2.3.4",
        implementation_version_name=None,
    )
    path.write_bytes(header + data_set(sop_class, instance, size, syntax))
    return path


def data_set(sop_class: str, instance: str, size: int, syntax: str = EXPLICIT) -> bytes:
    """SOP class, SOP instance and a private element, encoded as ``syntax`` has it; big endian is not here."""
    assert syntax != BIG_ENDIAN

    def element(tag: bytes, vr: bytes, value: bytes) -> bytes:
        if syntax == IMPLICIT:
            return tag + len(value).to_bytes(4, "little") + value
        length = b"\0\0" + len(value).to_bytes(4, "little") if vr == b"OB" else len(value).to_bytes(2, "little")
        return tag + vr + length + value

    def uid(tag: bytes, text: str) -> bytes:
        return element(tag, b"UI", text.encode() + b"\0" * (len(text) & 1))

    made = uid(b"\x08\0\x16\0", sop_class) + uid(b"\x08\0\x18\0", instance)
    made += element(b"\x09\0\x10\0", b"LO", b"ABC ") + element(b"\x09\0\x01\x10", b"OB", bytes(size))
    if syntax == DEFLATED:
        made = zlib.compress(made, wbits=-zlib.MAX_WBITS)
        made += b"\0" * (len(made) & 1)
    return made


def named(instance: str, sop_class: str = CT) -> EncodedDataSet:
    """An instance that is called anything: a file is not sent under what is no UID."""
    return EncodedDataSet(
        sop_class_uid=sop_class,
        sop_instance_uid=instance,
        transfer_syntax_uid=EXPLICIT,
        data=data_set(sop_class, "", 64),
    )


@define
class Peer:
    """A server in this process, and what it was asked."""

    ae: AE
    server: ThreadedAssociationServer
    requestors: list[Any] = field(factory=list)
    """The requestor side of each association."""

    outcomes: list[str] = field(factory=list)
    closed: threading.Event = field(factory=threading.Event)

    @property
    def port(self) -> str:
        return str(self.server.server_address[1])

    @property
    def proposed(self) -> list[tuple[str, list[str]]]:
        """The contexts that the last association proposed."""
        return [
            (str(context.abstract_syntax), [str(syntax) for syntax in context.transfer_syntax])
            for context in self.requestors[-1].primitive.presentation_context_definition_list
        ]


@contextmanager
def peer(
    *,
    contexts: Sequence[PresentationContext] | None = None,
    handlers: Sequence[evt.EventHandler] = (),
    ssl_context: Any = None,
    **settings: Any,
) -> Iterator[Peer]:
    """A server on a free port; ``settings`` are attributes of its AE.  It takes CT and MR, and verification."""
    ae = AE("PEER")
    for name, value in settings.items():
        setattr(ae, name, value)
    supported = contexts
    if supported is None:
        syntaxes = [EXPLICIT, IMPLICIT, JPEG]
        supported = [build_context(VERIFICATION), build_context(CT, syntaxes), build_context(MR, syntaxes)]
    server = ae.start_server(
        (HOST, 0), block=False, contexts=[*supported], evt_handlers=[*handlers], ssl_context=ssl_context
    )
    assert server is not None
    made = Peer(ae, server)
    server.bind(evt.EVT_REQUESTED, lambda event: made.requestors.append(event.assoc.requestor))
    for kind in (evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_REJECTED):
        server.bind(kind, lambda event: made.outcomes.append(event.event.name))
    server.bind(evt.EVT_CONN_CLOSE, lambda event: made.closed.set())
    try:
        yield made
    finally:
        ae.shutdown()


def environment() -> dict[str, str]:
    """For a Python that finds both halves of the package."""
    path = os.pathsep.join([str(ROOT / "core"), str(ROOT / "adapters")])
    return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "error", "TCP_NODELAY": "1"}


def python(*args: str) -> subprocess.CompletedProcess[str]:
    """Run Python to its end."""
    return subprocess.run(
        [sys.executable, *args], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )


@define
class Process:
    """A provider in a process of its own."""

    process: subprocess.Popen[str]
    port: str
    lines: list[str] = field(factory=list)
    """What it wrote to standard error; complete after :meth:`end`."""

    def until(self, text: str) -> bool:
        """Read what it writes to standard error up to a line that has ``text``; whether there is one before its end."""
        assert self.process.stderr is not None
        with ends_in_time(self.process):
            for line in self.process.stderr:
                self.lines.append(line.rstrip("\n"))
                if text in line:
                    return True
        return False

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def stop(self) -> int:
        """Interrupt it, and wait for its end; the exit code."""
        self.interrupt()
        return self.end()

    def end(self) -> int:
        """Wait for its end; the exit code."""
        assert self.process.stderr is not None
        with ends_in_time(self.process):
            self.lines += self.process.stderr.read().splitlines()
        return self.process.wait(SECONDS)


@contextmanager
def provider(*args: str, prelude: str = "pass", stdout: int | None = None) -> Iterator[Process]:
    """``dicomwire <args>``, which has to begin to listen; ``prelude`` is Python to run before."""
    program = f"{prelude}\nimport sys\nfrom dicomwire.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *args], env=environment(), stdout=stdout, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line.rstrip("\n"))
                if found := re.fullmatch(r"I: Listening on \S+ port (\d+)\n", line):
                    break
            else:
                raise AssertionError("\n".join(lines))
            yield Process(process, found[1], lines)
        finally:
            if process.poll() is None:
                process.kill()


def children(pid: int) -> list[int]:
    """The workers of a supervisor; not what a system of processes may need besides."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        pytest.skip("this system does not tell who is whose child")
    return [int(child) for child in found if b"resource_tracker" not in _command(child)]


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        # It has ended meanwhile, and been asked how.
        return b""


def until(claim: Callable[[], Any]) -> Any:
    """What ``claim`` gives, as soon as it is true."""
    deadline = time.monotonic() + SECONDS
    while not (found := claim()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.005)
    return found
