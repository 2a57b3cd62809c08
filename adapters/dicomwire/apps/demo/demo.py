"""``dicomwire demo``: echo and store through every adapter, on this machine alone.

It sends the sample files that come with pydicom over the loopback interface to a server of the same adapter, and
compares what arrived with what was sent, byte for byte.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from attrs import define, field, frozen
from pydicom.data import get_testdata_file
from pydicom.errors import InvalidDicomError
from rich.console import Console
from rich.table import Table

from dicomwire import blocking, sop_class
from dicomwire.apps._common.options import CONTEXT_SETTINGS, DEFLATED, logging_options
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.running import run
from dicomwire.apps._common.storage import Storage
from dicomwire.dimse.messages import C_STORE_RQ
from dicomwire.logic.file_meta import FileMeta, read_file_meta
from dicomwire.presentation import PresentationContext, build_context

LOGGER = application_logger("demo")

HOST = "127.0.0.1"
SECONDS = 10.0
"""The longest any answer may take."""


@frozen
class Sample:
    """A file to send."""

    path: Path
    meta: FileMeta

    def data_set(self) -> bytes:
        """The data set as it is to arrive."""
        data = self.path.read_bytes()[self.meta.data_set_offset :]
        # A deflated stream of odd length is followed by one NUL (PS3.5 A.5).
        return data + b"\0" if self.meta.transfer_syntax_uid == DEFLATED and len(data) & 1 else data


@define
class Outcome:
    """What became of one adapter."""

    echo: int | None = None
    """The status of the C-ECHO, None without one."""

    files: int = 0
    size: int = 0
    """Bytes of the data sets that arrived as they were sent."""

    seconds: float = 0.0
    differences: list[str] = field(factory=list)
    """What went wrong, in words."""


def samples() -> list[Sample]:
    """The sample files in pydicom's wheel that can be stored: one for each SOP instance UID."""
    one = get_testdata_file("CT_small.dcm", download=False)
    found: dict[str, Sample] = {}
    for path in sorted(Path(str(one)).parent.glob("*.dcm")):
        with path.open("rb") as file:
            try:
                meta = read_file_meta(file)
            except InvalidDicomError:
                continue
        if not meta.sop_class_uid or not meta.sop_instance_uid or not meta.transfer_syntax_uid:
            continue
        if C_STORE_RQ in sop_class.uid_to_messages(meta.sop_class_uid):
            found.setdefault(meta.sop_instance_uid, Sample(path, meta))
    return list(found.values())


def contexts_for(files: Sequence[Sample]) -> list[PresentationContext]:
    """Verification, and a context for each pair of SOP class and transfer syntax."""
    pairs = sorted({(str(file.meta.sop_class_uid), str(file.meta.transfer_syntax_uid)) for file in files})
    return [build_context(sop_class.Verification), *(build_context(*pair) for pair in pairs)]


def configured(ae: Any, contexts: Sequence[PresentationContext]) -> Any:
    """``ae``, an AE of any adapter, to send and to receive."""
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = SECONDS
    ae.requested_contexts = ae.supported_contexts = [*contexts]
    return ae


def try_blocking(files: Sequence[Sample], storage: Storage, outcome: Outcome) -> None:
    """Echo and store with the blocking adapter."""
    ae = configured(blocking.AE("DEMO"), contexts_for(files))
    server = ae.start_server((HOST, 0), block=False, evt_handlers=storage.handlers())
    try:
        with ae.associate(HOST, server.server_address[1]) as association:
            if not association.is_established:
                outcome.differences.append(f"no association: {association.failure}")
                return
            outcome.echo = association.send_c_echo().get("Status")
            for file in files:
                note(outcome, file, association.send_c_store(file.path).get("Status"))
    finally:
        ae.shutdown()


async def try_awaiting(ae: Any, files: Sequence[Sample], storage: Storage, outcome: Outcome) -> None:
    """Echo and store with an adapter whose verbs are awaited: the same names, whichever it is."""
    configured(ae, contexts_for(files))
    async with (
        await ae.start_server((HOST, 0), block=False, evt_handlers=storage.handlers()) as server,
        await ae.associate(HOST, server.server_address[1]) as association,
    ):
        if not association.is_established:
            outcome.differences.append(f"no association: {association.failure}")
            return
        outcome.echo = (await association.send_c_echo()).get("Status")
        for file in files:
            note(outcome, file, (await association.send_c_store(file.path)).get("Status"))


def try_asyncio(files: Sequence[Sample], storage: Storage, outcome: Outcome) -> None:
    """Echo and store with the asyncio adapter."""
    adapter = import_module("dicomwire.asyncio")
    asyncio.run(try_awaiting(adapter.AE("DEMO"), files, storage, outcome))


def try_trio(files: Sequence[Sample], storage: Storage, outcome: Outcome) -> None:
    """Echo and store with the trio adapter."""
    trio, adapter = import_module("trio"), import_module("dicomwire.trio")
    trio.run(try_awaiting, adapter.AE("DEMO"), files, storage, outcome)


ADAPTERS: dict[str, Callable[[Sequence[Sample], Storage, Outcome], None]] = {
    "blocking": try_blocking,
    "asyncio": try_asyncio,
    "trio": try_trio,
}


def note(outcome: Outcome, file: Sample, status: int | None) -> None:
    """Remember what was answered for one file."""
    if status != 0:
        said = "no answer" if status is None else f"status 0x{status:04X}"
        outcome.differences.append(f"{file.path.name}: {said}")


def exercise(name: str, files: Sequence[Sample]) -> Outcome:
    """Send ``files`` through one adapter into a directory that is gone afterwards, and compare."""
    outcome = Outcome()
    with TemporaryDirectory(prefix="dicomwire-demo-") as directory:
        storage = Storage(Path(directory), LOGGER)
        start = time.monotonic()
        try:
            ADAPTERS[name](files, storage, outcome)
        except Exception as error:
            LOGGER.debug("the %s adapter failed", name, exc_info=True)
            outcome.differences.append(f"{type(error).__name__}: {error}")
        outcome.seconds = time.monotonic() - start
        storage.discard_all()
        if outcome.echo != 0:
            outcome.differences.append("C-ECHO was not answered with success")
        compare(files, storage, outcome)
        left = len(list(Path(directory).iterdir())) - outcome.files
        if left and not outcome.differences:
            outcome.differences.append(f"{left} files that nobody sent")
    return outcome


def compare(files: Sequence[Sample], storage: Storage, outcome: Outcome) -> None:
    """Count what arrived as it was sent, and tell what did not."""
    for file in files:
        path = storage.path(str(file.meta.sop_class_uid), str(file.meta.sop_instance_uid))
        if not path.exists():
            outcome.differences.append(f"{file.path.name}: nothing arrived")
            continue
        with path.open("rb") as received:
            meta = read_file_meta(received)
            received.seek(meta.data_set_offset)
            data = received.read()
        if meta.transfer_syntax_uid != file.meta.transfer_syntax_uid or data != file.data_set():
            outcome.differences.append(f"{file.path.name}: something else arrived")
            continue
        outcome.files += 1
        outcome.size += len(data)


@click.command("demo", context_settings=CONTEXT_SETTINGS)
@logging_options("demo")
def demo(quiet: bool) -> int:
    """Echo and store sample files through every adapter, and compare what arrives with what was sent."""
    files = samples()
    table = Table("Adapter", "Echo", "Files", "MB", "Seconds", "Identical", title="C-ECHO and C-STORE over loopback")
    differences: list[str] = []
    for name in ADAPTERS:
        if name == "trio" and find_spec("trio") is None:
            table.add_row(name, "", "", "", "", "not installed")
            continue
        outcome = exercise(name, files)
        table.add_row(
            name,
            "no answer" if outcome.echo is None else f"0x{outcome.echo:04X}",
            f"{outcome.files} of {len(files)}",
            f"{outcome.size / 1e6:.1f}",
            f"{outcome.seconds:.2f}",
            "no" if outcome.differences else "yes",
        )
        differences += [f"{name}: {difference}" for difference in outcome.differences]
    if not quiet:
        Console().print(table)
    for difference in differences:
        LOGGER.error("%s", difference)
    return int(bool(differences))


def main(args: list[str] | None = None) -> int:
    """Run with ``args``, default: the command line; the exit code."""
    return run(demo, args)
