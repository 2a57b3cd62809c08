"""Query and retrieve over TLS, with certificates on both sides; also on the way to the destination of a C-MOVE.

DCMTK 3.6.7 has TLS in findscu, storescu, storescp and echoscu, and not in dcmqrscp, getscu and movescu.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from tests.interop.conftest import Certificates
from tests.support.archive import (
    CLASSES,
    ENDLESS,
    EXPLICIT,
    IMPLICIT,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    Archive,
    make_instances,
    query,
)
from tests.support.comparing import differing
from tests.support.peers import (
    HOST,
    VERIFICATION,
    Command,
    Stored,
    collect,
    echoed,
    file_parts,
    finished,
    following,
    get,
    storage_scp,
    storescp,
)
from tests.support.sides import PAIRS, Side
from tests.support.tls_tools import dcmtk

EVERYTHING = query("STUDY", StudyInstanceUID="")
FOREVER = query("STUDY", StudyInstanceUID="", PatientID=ENDLESS)


def supporting(ae: Any) -> None:
    for uid in (VERIFICATION, STUDY_FIND, STUDY_GET, STUDY_MOVE):
        ae.add_supported_context(uid)
    for uid in CLASSES:
        ae.add_supported_context(uid, [EXPLICIT, IMPLICIT], scu_role=True, scp_role=True)
        ae.add_requested_context(uid, [EXPLICIT, IMPLICIT])


@define
class Secure:
    """An archive behind TLS."""

    scu: Side
    scp: Side
    archive: Archive
    port: int


@contextmanager
def archive_behind_tls(scu: str, scp: str, certificates: Certificates) -> Iterator[Secure]:
    archive = Archive(make_instances())
    handlers = {"EVT_C_FIND": archive.on_find, "EVT_C_GET": archive.on_get, "EVT_C_MOVE": archive.on_move}
    with Side(scp).serving(handlers, supporting, tls=certificates.server_context()) as port:
        yield Secure(Side(scu), Side(scp), archive, port)


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def secure(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Secure]:
    scu, scp = request.param
    with archive_behind_tls(scu, scp, certificates) as running:
        yield running


@pytest.fixture(scope="module")
def ours(adapter: str, certificates: Certificates) -> Iterator[Secure]:
    """Ours on both ends."""
    with archive_behind_tls(adapter, adapter, certificates) as running:
        yield running


def test_find_and_get_over_tls(secure: Secure, certificates: Certificates, archived: list[Path]) -> None:
    stored: list[Stored] = []

    def on_store(event: Any) -> int:
        data = event.encoded_dataset(include_meta=False)
        stored.append(Stored(str(event.request.AffectedSOPInstanceUID), str(event.context.transfer_syntax), data))
        return 0x0000

    async def talk(association: Any) -> tuple[list[Any], list[Any]]:
        assert association.is_established
        found = await collect(association.send_c_find(EVERYTHING, STUDY_FIND))
        got = await collect(association.send_c_get(EVERYTHING, STUDY_GET))
        assert await echoed(association)
        return found, got

    found, got = secure.scu.converse(
        secure.port,
        talk,
        contexts=secure.scu.contexts(VERIFICATION, STUDY_FIND, STUDY_GET, *CLASSES),
        ext_neg=secure.scu.roles(*CLASSES),
        handlers={"EVT_C_STORE": on_store},
        tls=certificates.client_context(),
    )
    assert [status.Status for status, _ in found] == [0xFF00] * 3 + [0x0000]
    assert [status.Status for status, _ in got] == [0xFF00] * 50 + [0x0000]
    assert differing(archived, stored) == []


def test_cancel_over_tls(secure: Secure, certificates: Certificates) -> None:
    secure.archive.cancelled.clear()
    # pynetdicom reads nothing while it has responses to send: it would go on for long.
    models = [STUDY_FIND, STUDY_GET] if secure.scp.is_ours else [STUDY_GET]

    async def talk(association: Any) -> list[int]:
        assert association.is_established
        ends = []
        for msg_id, model in enumerate(models, 3):
            send = association.send_c_find if model == STUDY_FIND else association.send_c_get
            responses = await get(send(FOREVER, model, msg_id=msg_id))
            assert (await following(responses))[0].Status == 0xFF00
            await get(association.send_c_cancel(msg_id, query_model=model))
            ends.append((await collect(responses))[-1][0].Status)
        assert await echoed(association)
        return ends

    ends = secure.scu.converse(
        secure.port,
        talk,
        contexts=secure.scu.contexts(VERIFICATION, STUDY_FIND, STUDY_GET, *CLASSES),
        ext_neg=secure.scu.roles(*CLASSES),
        handlers={"EVT_C_STORE": lambda event: 0x0000},
        tls=certificates.client_context(),
    )
    assert ends == [0xFE00] * len(models)
    assert len(secure.archive.cancelled) == len(models)


def test_move_over_tls_to_destinations_with_tls(
    ours: Secure, certificates: Certificates, archived: list[Path], tmp_path: Path
) -> None:
    """The handler says with what context the destination is to be reached."""
    to_dcmtk, to_pynetdicom = tmp_path / "dcmtk", tmp_path / "pynetdicom"
    options: Command = ["+tls", *certificates.server.arguments, "+cf", certificates.ca, "+B"]
    files = [*certificates.server.arguments, certificates.ca]

    async def talk(association: Any) -> list[int]:
        assert association.is_established
        titles = ("DCMTK", "PYNETDICOM", "PLAIN", "STRANGE")
        ends = [(await collect(association.send_c_move(EVERYTHING, each, STUDY_MOVE)))[-1] for each in titles]
        assert await echoed(association)
        return [status.Status for status, _ in ends]

    with storescp(to_dcmtk, *options) as dcmtk_port, storage_scp(to_pynetdicom, "pynetdicom", *files) as other_port:
        known = (certificates.client_context(), "localhost")
        strange = (certificates.client_context(certificates.other_client), "localhost")
        ours.archive.destinations = {
            "DCMTK": (HOST, dcmtk_port, {"tls_args": known}),
            "PYNETDICOM": (HOST, other_port, {"tls_args": known, "ae_title": "STORESCP"}),
            "PLAIN": (HOST, dcmtk_port),
            "STRANGE": (HOST, dcmtk_port, {"tls_args": strange}),
        }
        ends = ours.scu.converse(
            ours.port,
            talk,
            contexts=ours.scu.contexts(VERIFICATION, STUDY_MOVE),
            tls=certificates.client_context(),
        )
    assert ends == [0x0000, 0x0000, 0xA801, 0xA801]
    for folder in (to_dcmtk, to_pynetdicom):
        assert differing(archived, [Stored(*file_parts(path)) for path in folder.iterdir()]) == []


def test_findscu_over_tls(ours: Secure, certificates: Certificates) -> None:
    ours.archive.cancelled.clear()
    study = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID"]
    right = dcmtk("findscu", ours.port, certificates.client, certificates.ca)
    done = finished([*right, "-v", *study])
    assert "Received Final Find Response (Success)" in done.stdout
    assert "Find Response: 3 (Pending)" in done.stdout
    done = finished([*right, "-v", *study, "-k", f"PatientID={ENDLESS}", "--cancel", "3"])
    assert "Received Final Find Response (Cancel" in done.stdout
    assert ours.archive.cancelled == ["find"]
    wrong = finished([*dcmtk("findscu", ours.port, certificates.other_client, certificates.ca), *study], status=None)
    assert wrong.returncode != 0
    finished([*right, *study])
