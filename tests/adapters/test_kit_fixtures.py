"""The fixtures for users' tests, and recorded peers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import AE, evt
from dicomwire.memory import AE as MemoryAE
from dicomwire.testing import ScriptedPeer
from dicomwire.testing.recorded_script import recorded
from dicomwire.testing.script import accept, associate, echo, ended, release, serve
from dicomwire.traces import TraceFile, read_trace

pytest_plugins = ["dicomwire.testing.fixtures"]

VERIFICATION = "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def ready(ae: Any) -> Any:
    for uid in (VERIFICATION, FIND):
        ae.add_requested_context(uid)
        ae.add_supported_context(uid)
    return ae


def matches(event: evt.Event) -> Any:
    for name in ("Doe^Jane", "Doe^John"):
        match = Dataset()
        match.PatientName = name
        yield 0xFF00, match


def found(address: tuple[str, int]) -> list[str]:
    """The names that a query finds, behind the status of a C-ECHO."""
    query = Dataset()
    query.PatientName = "Doe*"
    with ready(AE()).associate(*address) as association:
        names = [f"{association.send_c_echo().Status:04X}"]
        for _, match in association.send_c_find(query, FIND):
            names += [] if match is None else [str(match.PatientName)]
    return names


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "peer.dwtrace"
    ae = ready(AE())
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, matches)])
    query = Dataset()
    query.PatientName = "Doe*"
    client = ready(AE())
    with TraceFile(path, data_sets=True) as client.trace, client.associate(*server.server_address) as association:
        association.send_c_echo()
        list(association.send_c_find(query, FIND))
    ae.shutdown()
    return path


def test_a_recorded_peer_answers_as_it_did(recording: Path, recorded_peer: Any) -> None:
    assert found(recorded_peer(recording).address) == ["0000", "Doe^Jane", "Doe^John"]


def test_the_side_that_recorded_asks_again(recording: Path, recorded_peer: Any, dicom_scp: Any) -> None:
    asked: list[str] = []

    def find(event: evt.Event) -> Any:
        asked.append(str(event.identifier.PatientName))
        yield from matches(event)

    server = dicom_scp(ready(AE()), [(evt.EVT_C_FIND, find)])
    with ScriptedPeer(*recorded(read_trace(recording).associations[0], recorder=True), to=server.server_address):
        pass
    assert asked == ["Doe*"]


def test_who_has_sent_nothing_cannot_be_played(recording: Path) -> None:
    association = read_trace(recording).associations[0]
    association.records.clear()
    with pytest.raises(ValueError, match="has sent nothing"):
        recorded(association)


def test_a_server_and_a_scripted_peer(dicom_scp: Any, scripted_peer: Any) -> None:
    server = dicom_scp(ready(AE()))
    peer = scripted_peer(associate(), echo(), release(), ended(), to=server.server_address)
    assert found(scripted_peer(accept(), serve()).address) == ["0000"]
    assert peer.play is not None


def test_an_hour_in_memory(dicom_network: Any, dicom_ends: Any) -> None:
    one, other = dicom_ends
    ae = ready(MemoryAE("PEER", dicom_network))

    async def main() -> None:
        async with ae.associate_over(one) as association:
            await dicom_network.sleep(3600)
            assert (await association.send_c_echo()).Status == 0x0000

    ae.network_timeout = None
    dicom_network.run(main(), ae.serve_over(other))
    assert dicom_network.now >= 3600
