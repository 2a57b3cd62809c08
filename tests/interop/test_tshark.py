"""What tshark decodes of our pcapng files is what we decode."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from dicomwire import evt
from dicomwire.blocking import AE
from dicomwire.pdu_primitives import UserIdentityNegotiation
from dicomwire.presentation import StoragePresentationContexts, build_context
from dicomwire.traces import Trace, TracedAssociation, TraceFile, deviations, page, read_trace, show, write_pcapng
from dicomwire.tracing.dissecting import SeenPDU, dissect
from dicomwire.tracing.explanations import explain_trace
from dicomwire.tracing.json_captures import trace_of_json
from dicomwire.upper_layer.items import PresentationContextRQItem
from dicomwire.upper_layer.pdus import Abort, AssociateAC, AssociateRJ, AssociateRQ, PDataTF
from tests.support.peers import HOST, VERIFICATION, absent, contexts_for, finished, storescp, tool

CAPTURES = sorted(
    path
    for path in (Path(__file__).parents[1] / "data" / "captures").glob("*.json")
    if path.stem != "unknown-pdu-instead-of-ac"
)
CAPTURED = list(enumerate(CAPTURES, 1))
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
        absent("tshark is not installed")
    assert found is not None
    return found


def test_tshark_sees_what_we_see(tshark: str, tmp_path: Path) -> None:
    # All in one capture: to start tshark takes half a second.
    trace = Trace(associations=[_renumbered(number, trace_of_json(path.read_bytes())) for number, path in CAPTURED])
    seen = _theirs(tshark, trace, tmp_path)
    for (_, path), found, association in zip(CAPTURED, seen, trace, strict=True):
        assert found == _ours(association), path.stem


def test_tshark_sees_what_was_recorded_with_real_peers(tshark: str, recorded: Trace, tmp_path: Path) -> None:
    assert _theirs(tshark, recorded, tmp_path) == [_ours(association) for association in recorded]


def test_what_was_recorded_with_real_peers_is_decoded_and_as_the_standard_has_it(recorded: Trace) -> None:
    assert [deviations(association) for association in recorded] == [[]] * 5
    assert all(seen.trouble is None for one in recorded for seen in dissect(one) if isinstance(seen, SeenPDU))
    text, drawn, told = "\n".join(show(recorded)), page(recorded), "\n".join(explain_trace(recorded))
    assert text.count("C-STORE-RSP, message ID") == 6 and "Not decoded" not in drawn
    assert told.count("How it ended: released by the requestor.") == 5
    assert not [name for name in ("CompressedSamples", "sesame") if name in text + drawn + told]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """DCMTK's SCP with our SCU, DCMTK's SCUs with our SCP: echoes and stores, by a user with a password."""
    folder = tmp_path_factory.mktemp("recorded")
    paths = [Path(str(get_testdata_file(name))) for name in ("CT_small.dcm", "MR_small.dcm", "reportsi.dcm")]
    with TraceFile(folder / "a.dwtrace", data_sets=True) as trace:
        ae = AE("RECORDER")
        ae.trace = trace
        ae.supported_contexts = [build_context(VERIFICATION), *StoragePresentationContexts[:127]]
        server = ae.start_server((HOST, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda event: 0x0000)])
        user = UserIdentityNegotiation()
        user.user_identity_type, user.primary_field, user.secondary_field = 2, b"alice", b"sesame"
        try:
            port = str(server.server_address[1])
            finished([tool("echoscu"), HOST, port])
            finished([tool("storescu"), HOST, port, *paths])
            finished([tool("storescu"), "--max-pdu", "4096", HOST, port, paths[0]])
        finally:
            ae.shutdown()
        with storescp(folder / "store") as scp:
            with ae.associate(HOST, scp, [build_context(VERIFICATION)], ext_neg=[user]) as association:
                assert association.send_c_echo().Status == 0x0000
            with ae.associate(HOST, scp, contexts_for(paths)) as association:
                assert [association.send_c_store(path).Status for path in paths[:2]] == [0x0000] * 2
    found = read_trace(folder / "a.dwtrace")
    return Trace(associations=[_renumbered(number, Trace(associations=[one])) for number, one in enumerate(found, 1)])


def _theirs(tshark: str, trace: Trace, folder: Path) -> list[dict[str, list[str]]]:
    """What tshark decodes of each association."""
    write_pcapng(trace, folder / "a.pcapng")
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
        [tshark, "-r", str(folder / "a.pcapng"), *how], capture_output=True, check=True, timeout=60, text=True
    )
    theirs: dict[str, dict[str, list[str]]] = {}
    for line in run.stdout.splitlines():
        stream, *columns = line.split("\t")
        found = theirs.setdefault(stream, {field: [] for field in FIELDS})
        for field, values in zip(FIELDS, columns, strict=True):
            found[field] += [_plain(value) for value in values.split("|") if value]
    return list(theirs.values())


def _renumbered(number: int, trace: Trace) -> TracedAssociation:
    (association,) = trace
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
