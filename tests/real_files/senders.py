"""The ways to send a file: ours by path, bytes, data set and application, and DCMTK's."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from attrs import frozen
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomwire._globals import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire.apps.storescu.storescu import main as storescu
from dicomwire.files import contexts_for
from dicomwire.presentation import PresentationContext, build_context
from tests.real_files.comparing import tolerant
from tests.real_files.finding import Sample
from tests.real_files.receivers import Receiver, required
from tests.support.peers import HOST, drive, finished, get, make_ae

LITTLE = {IMPLICIT_LITTLE: "implicit", EXPLICIT_LITTLE: "explicit", DEFLATED: "deflated"}
"""Transfer syntaxes between which we convert."""

_DCMTK_OPTIONS = {
    IMPLICIT_LITTLE: "-xi",
    EXPLICIT_LITTLE: "-xe",
    EXPLICIT_BIG: "-xb",
    DEFLATED: "-xd",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.51": "-xx",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.81": "-xu",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.4.100": "-xm",
    "1.2.840.10008.1.2.4.102": "-xn",
    "1.2.840.10008.1.2.5": "-xr",
}
_SECONDS = 120.0
_MOST_TO_DEFLATE = 4 << 20
"""Bytes.  Deflating takes longer than all the rest together."""


class Refused(Exception):
    """Nothing was sent: the text says why."""


class NotAccepted(Exception):
    """The peer takes no such SOP class or transfer syntax."""


Send: TypeAlias = Callable[[Sample, Receiver], int | None]
"""Sends a file, and gives the status that was answered; None if there was none.

May raise Refused and NotAccepted.
"""


@frozen
class Way:
    """A way to send files."""

    name: str
    send: Send
    syntax: str = ""
    """What it converts to; empty for the file's own."""

    is_ours: bool = True


def ways(sample: Sample, adapter: str, peers: tuple[str, ...]) -> Iterator[Way]:
    """Every way to send ``sample``."""
    for entry in ENTRIES:
        yield Way(entry, _by_api(adapter, entry))
    yield Way("app", _by_app)
    if sample.syntax in LITTLE and sample.contents is not None and sample.uids[0]:
        for syntax, name in LITTLE.items():
            if syntax != sample.syntax and not (syntax == DEFLATED and len(sample.data) > _MOST_TO_DEFLATE):
                for entry in ("path", "dataset"):
                    yield Way(f"{entry} as {name}", _by_api(adapter, entry, syntax), syntax)
    if "dcmtk" in peers:
        yield Way("dcmsend", _by_dcmsend, is_ours=False)
        if sample.syntax in _DCMTK_OPTIONS:
            yield Way("DCMTK storescu", _by_storescu, is_ours=False)


def _path(sample: Sample) -> Any:
    return sample.path


def _bytes(sample: Sample) -> Any:
    return sample.data


def _dataset(sample: Sample) -> Any:
    dataset = dcmread(sample.path, force=sample.is_bare)
    if "TransferSyntaxUID" not in dataset.file_meta:
        # Whoever gives a data set says how it is encoded.
        implicit, little = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        )
    return dataset


ENTRIES: dict[str, Callable[[Sample], Any]] = {"path": _path, "bytes": _bytes, "dataset": _dataset}
"""What is given to ``send_c_store``, by name."""


def _by_api(adapter: str, entry: str, syntax: str = "") -> Send:
    def send(sample: Sample, receiver: Receiver) -> int | None:
        async def main() -> int | None:
            ae = make_ae(adapter, "REQUESTOR")
            association = await get(ae.associate(HOST, receiver.port, contexts=_contexts(sample, entry, syntax)))
            if not association.accepted_contexts:
                await get(association.release() if association.is_established else association.abort())
                raise NotAccepted(association.failure or "no presentation context was accepted")
            try:
                status = (await get(association.send_c_store(ENTRIES[entry](sample)))).get("Status")
            except Exception as error:
                raise Refused(f"{type(error).__name__}: {error}") from error
            finally:
                if association.is_established:
                    await get(association.release())
            return status if status is None else int(status)

        with tolerant():
            return drive(adapter, main)

    return send


def _contexts(sample: Sample, entry: str, syntax: str) -> list[PresentationContext]:
    if syntax:
        return [build_context(sample.uids[0], syntax)]
    try:
        return contexts_for(sample.path, strict=True)
    except Exception as error:
        if entry == "path" or sample.contents is None or not sample.uids[0] or not sample.syntax:
            raise Refused(f"{type(error).__name__}: {error}") from error
        return [build_context(sample.uids[0], sample.syntax)]


def _by_app(sample: Sample, receiver: Receiver) -> int | None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), _log_kept():
        code = storescu([HOST, str(receiver.port), str(sample.path), "--required-contexts", "--fail", "-v"])
    said = out.getvalue()
    if found := re.search(r"status 0x([0-9A-F]{4})", said):
        return int(found[1], 16)
    if "was accepted" in said or "not accepted" in said:
        raise NotAccepted(_last(said, "E:"))
    raise Refused(f"exit code {code}, {_last(said, 'E:') or _last(said, 'W:') or said.strip()[-200:]}")


@contextlib.contextmanager
def _log_kept() -> Iterator[None]:
    """The application sets up logging for its process; here it has not the whole of it."""
    logger = logging.getLogger("dicomwire")
    before = logger.handlers[:], logger.level, logger.propagate
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = before[0], before[2]
        logger.setLevel(before[1])


def _last(said: str, start: str) -> str:
    """The last line that begins so."""
    return next((line[len(start) :].strip() for line in reversed(said.splitlines()) if line.startswith(start)), "")


def _by_dcmsend(sample: Sample, receiver: Receiver) -> int | None:
    # It takes what it can: data sets without file meta information, and UIDs that are none.
    options = ["--verbose", "--read-file", "--no-uid-checks", "--decompress-never"]
    return _run([required("dcmsend"), *options, HOST, str(receiver.port), sample.path], receiver)


def _by_storescu(sample: Sample, receiver: Receiver) -> int | None:
    options = ["--verbose", "--required", _DCMTK_OPTIONS[sample.syntax]]
    return _run([required("storescu"), *options, HOST, str(receiver.port), sample.path], receiver)


def _run(command: list[str | Path], receiver: Receiver) -> int | None:
    done = finished(command, _SECONDS, status=None)
    # Its exit code is 0 also when it has sent nothing.
    if receiver.take():
        return 0
    said = done.stdout
    why = _last(said, "E:") or _last(said, "F:") or _last(said, "W:") or f"exit code {done.returncode}"
    if "No presentation context" in said or "no acceptable presentation context" in said.lower():
        raise NotAccepted(why)
    raise Refused(why)
