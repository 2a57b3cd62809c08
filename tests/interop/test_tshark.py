"""What tshark decodes of our pcapng files is what we decode."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dicomwire.traces import Trace, TracedAssociation, write_pcapng
from dicomwire.tracing.dissecting import SeenPDU, dissect
from dicomwire.tracing.json_captures import trace_of_json
from dicomwire.upper_layer.items import PresentationContextRQItem
from dicomwire.upper_layer.pdus import Abort, AssociateAC, AssociateRJ, AssociateRQ, PDataTF

CAPTURES = sorted(
    path
    for path in (Path(__file__).parents[1] / "data" / "captures").glob("*.json")
    if path.stem != "unknown-pdu-instead-of-ac"
)
FIELDS = (
    "dicom.pdu.type", "dicom.pdu.len", "dicom.assoc.ae.called", "dicom.assoc.ae.calling", "dicom.pctx.id",
    "dicom.pctx.abss.syntax", "dicom.pctx.xfer.syntax", "dicom.max_pdu_len", "dicom.userinfo.uid",
    "dicom.userinfo.version", "dicom.pdv.len", "dicom.pdv.ctx", "dicom.pdv.flags", "dicom.assoc.reject.result",
    "dicom.assoc.reject.source", "dicom.assoc.abort.source",
)  # fmt: skip


@pytest.fixture(scope="session")
def tshark() -> str:
    found = shutil.which("tshark")
    if found is None:
        pytest.skip("tshark is not installed")
    return found


def test_tshark_sees_what_we_see(tshark: str, tmp_path: Path) -> None:
    # All in one capture: to start tshark takes half a second.
    trace = Trace(associations=[_renumbered(number, path) for number, path in enumerate(CAPTURES, 1)])
    write_pcapng(trace, tmp_path / "a.pcapng")
    fields = [option for field in FIELDS for option in ("-e", field)]
    how = [
        "-d",
        "tcp.port==104,dicom",
        "-Y",
        "dicom",
        "-T",
        "fields",
        "-E",
        "aggregator=|",
        "-e",
        "tcp.stream",
        *fields,
    ]
    run = subprocess.run(
        [tshark, "-r", str(tmp_path / "a.pcapng"), *how], capture_output=True, check=True, timeout=60, text=True
    )
    theirs: dict[str, dict[str, list[str]]] = {}
    for line in run.stdout.splitlines():
        stream, *columns = line.split("\t")
        found = theirs.setdefault(stream, {field: [] for field in FIELDS})
        for field, values in zip(FIELDS, columns, strict=True):
            found[field] += [_plain(value) for value in values.split("|") if value]
    for path, found, association in zip(CAPTURES, theirs.values(), trace, strict=True):
        assert found == _ours(association), path.stem


def _renumbered(number: int, path: Path) -> TracedAssociation:
    (association,) = trace_of_json(path.read_bytes())
    about = {"local": ["192.0.2.1", 50000 + number], "peer": ["192.0.2.2", 104]}
    return TracedAssociation(number=number, role=association.role, about=about, records=association.records)


def _plain(value: str) -> str:
    """A number in decimal digits, and of a UID what stands behind its name."""
    if value.startswith("0x"):
        return str(int(value, 16))
    return value.rpartition("(")[2].rstrip(")").strip() if value.endswith(")") else value.strip()


def _ours(association: TracedAssociation) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {field: [] for field in FIELDS}

    def add(field: str, *values: object) -> None:
        found[f"dicom.{field}"] += [str(value) for value in values]

    for seen in dissect(association):
        if not isinstance(seen, SeenPDU):
            continue
        pdu = seen.pdu
        assert pdu is not None
        add("pdu.type", pdu.pdu_type)
        add("pdu.len", seen.length - 6)
        match pdu:
            case AssociateRQ() | AssociateAC():
                _add_association(add, pdu)
            case PDataTF():
                for value in pdu.presentation_data_value_items:
                    add("pdv.len", len(value.fragment) + 2)
                    add("pdv.ctx", value.context_id)
                    add("pdv.flags", value.control_header)
            case AssociateRJ():
                add("assoc.reject.result", pdu.result)
                add("assoc.reject.source", pdu.source)
            case Abort():
                add("assoc.abort.source", pdu.source)
    return found


def _add_association(add: Callable[..., None], pdu: AssociateRQ | AssociateAC) -> None:
    add("assoc.ae.called", pdu.called_ae_title)
    add("assoc.ae.calling", pdu.calling_ae_title)
    for context in pdu.presentation_context:
        add("pctx.id", context.context_id)
        if isinstance(context, PresentationContextRQItem):
            add("pctx.abss.syntax", context.abstract_syntax)
            add("pctx.xfer.syntax", *context.transfer_syntax)
        elif context.transfer_syntax:
            add("pctx.xfer.syntax", context.transfer_syntax)
    add("max_pdu_len", *filter(lambda length: length is not None, [pdu.maximum_length]))
    add("userinfo.uid", *filter(None, [pdu.implementation_class_uid]))
    add("userinfo.version", *filter(None, [pdu.implementation_version_name]))
