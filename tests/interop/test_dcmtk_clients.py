"""DCMTK's clients for query, retrieve and the rest against servers of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless

from dicomwire import build_context, evt
from tests.support.archive import (
    CLASSES,
    CT,
    ENDLESS,
    EXPLICIT,
    IMPLICIT,
    PATIENT_FIND,
    PATIENT_GET,
    PATIENT_MOVE,
    PATIENT_STUDY_FIND,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    UID_ROOT,
    WORKLIST_FIND,
    Archive,
    make_instances,
    scheduled,
)
from tests.support.comparing import differing
from tests.support.peers import (
    Command,
    OurServer,
    Process,
    Stored,
    echo,
    file_parts,
    finished,
    free_port,
    our_server,
    process,
    storescp,
    tool,
)

MODELS = (
    PATIENT_FIND,
    PATIENT_GET,
    PATIENT_MOVE,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    PATIENT_STUDY_FIND,
    WORKLIST_FIND,
)


def supporting_retrieval(ae: Any) -> None:
    """The models, and the roles that C-GET needs; what a C-MOVE is sent with."""
    for model in MODELS:
        ae.add_supported_context(model)
    for uid in CLASSES:
        ae.add_supported_context(uid, [EXPLICIT, IMPLICIT], scu_role=True, scp_role=True)
        ae.add_requested_context(uid, [EXPLICIT, IMPLICIT])


@pytest.fixture(scope="module")
def archive() -> Archive:
    return Archive(make_instances(), worklist=[scheduled("Interop^Anna", "MR"), scheduled("Interop^Bert", "CT")])


@pytest.fixture(scope="module")
def server(adapter: str, archive: Archive) -> Iterator[OurServer]:
    with our_server(adapter, handlers=archive.handlers, setup=supporting_retrieval) as running:
        yield running


def keys(**values: str) -> list[str]:
    return [word for keyword, value in values.items() for word in ("-k", f"{keyword}={value}" if value else keyword)]


def dcmtk(name: str, server: OurServer, *options: str | Path) -> Command:
    return [tool(name), *options, "127.0.0.1", str(server.port)]


def told(done: Any, start: str) -> list[str]:
    """What follows ``start`` in the lines of a log."""
    return [line.partition(start)[2].strip() for line in done.stdout.splitlines() if start in line]


def all_parts(folder: Path) -> list[Stored]:
    return [Stored(*file_parts(path)) for path in sorted(folder.iterdir())]


# -- C-FIND ---------------------------------------------------------------------------------------------------------
def test_findscu_finds_at_all_levels(server: OurServer, tmp_path: Path) -> None:
    study = f"{UID_ROOT}.3"
    cases: list[tuple[str, dict[str, str], int]] = [
        ("-P", {"QueryRetrieveLevel": "PATIENT", "PatientID": "", "PatientName": ""}, 2),
        ("-O", {"QueryRetrieveLevel": "PATIENT", "PatientID": "", "PatientName": "Interop^B*"}, 1),
        ("-S", {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "StudyDate": ""}, 3),
        ("-S", {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"{UID_ROOT}.1\\{study}"}, 2),
        ("-S", {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientID": "P9"}, 0),
        ("-S", {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": study, "SeriesInstanceUID": ""}, 2),
        ("-P", {"QueryRetrieveLevel": "IMAGE", "SeriesInstanceUID": f"{study}.5", "SOPInstanceUID": ""}, 10),
    ]
    for number, (model, asked, count) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        syntax = ("-x=", "-xi", "-xd", "-xb")[number % 4]
        done = finished(dcmtk("findscu", server, "-v", model, syntax, "-X", "-od", folder, *keys(**asked)))
        assert told(done, "Received Final Find Response") == ["(Success)"]
        found = [dcmread(path) for path in sorted(folder.iterdir())]
        assert len(found) == count, asked
        assert {match.QueryRetrieveLevel for match in found} <= {asked["QueryRetrieveLevel"]}
        assert all(keyword in match for match in found for keyword in asked)


def test_findscu_finds_a_worklist(server: OurServer, archive: Archive, tmp_path: Path) -> None:
    step = keys(**{"ScheduledProcedureStepSequence[0].Modality": "MR", "PatientName": ""})
    done = finished(dcmtk("findscu", server, "-v", "-W", "-X", "-od", tmp_path, *step))
    assert told(done, "Received Final Find Response") == ["(Success)"]
    (found,) = [dcmread(path) for path in tmp_path.iterdir()]
    assert found.PatientName == "Interop^Anna"
    (item,) = found.ScheduledProcedureStepSequence
    assert (item.Modality, item.ScheduledStationAETitle) == ("MR", "SCANNER")


def test_requests_of_dcmtk_can_be_cancelled(server: OurServer, archive: Archive, tmp_path: Path) -> None:
    archive.cancelled.clear()
    endless = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID="", PatientID=ENDLESS)
    done = finished(dcmtk("findscu", server, "-v", "-S", "--cancel", "3", *endless))
    assert told(done, "Received Final Find Response") == ["(Cancel: MatchingTerminatedDueToCancelRequest)"]
    with storescp(tmp_path / "store") as port:
        archive.destinations["STORESCP"] = ("127.0.0.1", port)
        done = finished(dcmtk("movescu", server, "-v", "-S", "-aem", "STORESCP", "--cancel", "3", *endless))
    (final,) = told(done, "Received Final Move Response")
    assert final.startswith("(Cancel")
    # getscu of 3.6.7 has no option to cancel.
    assert archive.cancelled == ["find", "move"]


def test_clients_that_die_end_the_handlers(server: OurServer, archive: Archive, tmp_path: Path) -> None:
    while archive.closed.acquire(blocking=False):
        pass
    endless = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID="", PatientID=ENDLESS)
    with process(dcmtk("findscu", server, "-v", "-S", *endless), tmp_path / "findscu.log") as client:
        client.wait_for_line("I: Find Response: 3")
        client.kill()
    assert archive.closed.acquire(timeout=20)
    with storescp(tmp_path / "store") as port:
        archive.destinations["STORESCP"] = ("127.0.0.1", port)
        command = dcmtk("movescu", server, "-v", "-S", "-aem", "STORESCP", *endless)
        with process(command, tmp_path / "movescu.log") as client:
            client.wait_for_line("I: Received Move Response 3")
            client.kill()
        assert archive.closed.acquire(timeout=20)
        # It serves one association at a time: the one that it was sent instances over has ended too.
        finished([tool("echoscu"), "127.0.0.1", str(port)], seconds=5)
    finished(dcmtk("echoscu", server))


# -- C-GET ----------------------------------------------------------------------------------------------------------
def test_getscu_gets(server: OurServer, archived: list[Path], tmp_path: Path) -> None:
    cases: list[tuple[list[str], dict[str, str], list[Path]]] = [
        (["-S"], {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}, archived),
        (["-P", "+xi", "+B"], {"QueryRetrieveLevel": "PATIENT", "PatientID": "P1"}, archived[:30]),
        (["-S"], {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2.3"}, []),
    ]
    for number, (options, asked, wanted) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = finished(dcmtk("getscu", server, "-v", *options, "-od", folder, *keys(**asked)))
        assert told(done, "Received C-GET Response")[-1] == "(Success)"
        assert told(done, "Number of Completed Suboperations :") == [str(len(wanted))]
        assert differing(wanted, all_parts(folder)) == []


def test_getscu_is_told_what_cannot_be_stored(server: OurServer, archive: Archive, tmp_path: Path) -> None:
    # It proposes no transfer syntax for this one.
    odd = make_instances()[0]
    odd.SOPInstanceUID = "1.2.3.4"
    odd.PatientID = "ODD"
    odd.file_meta.TransferSyntaxUID = RLELossless
    archive.instances.append(odd)
    try:
        for patient, completed, failed, end in (("ODD", 0, 1, "(Refused: "), ("*", 50, 1, "(Warning: ")):
            asked = keys(QueryRetrieveLevel="PATIENT", PatientID=patient)
            done = finished(dcmtk("getscu", server, "-v", "-P", "-od", tmp_path, *asked))
            assert told(done, "Received C-GET Response")[-1].startswith(end)
            assert told(done, "Number of Completed Suboperations :") == [str(completed)]
            assert told(done, "Number of Failed Suboperations    :") == [str(failed)]
            # It does not read the list of failed instances, which dcmqrscp sends too: it finds that where it waits for
            # A-RELEASE-RP.
            assert "Association Release Failed: 0006:0316 DUL P-Data PDU arrived" in done.stdout
    finally:
        archive.instances.remove(odd)
    finished(dcmtk("echoscu", server))


# -- C-MOVE ---------------------------------------------------------------------------------------------------------
def test_movescu_moves_to_itself(server: OurServer, archive: Archive, archived: list[Path], tmp_path: Path) -> None:
    port = free_port()
    archive.destinations["MOVESCU"] = ("127.0.0.1", port)
    asked = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID="")
    done = finished(dcmtk("movescu", server, "-v", "-S", "--port", str(port), "-od", tmp_path, *asked))
    assert told(done, "Received Final Move Response") == ["(Success)"]
    assert len(told(done, "Received Move Response")) == 50
    assert differing(archived, all_parts(tmp_path)) == []


def test_movescu_moves_elsewhere(server: OurServer, archive: Archive, archived: list[Path], tmp_path: Path) -> None:
    with storescp(tmp_path / "store") as port:
        # All that associate() takes may be said of a destination.
        contexts = [build_context(uid, [EXPLICIT, IMPLICIT]) for uid in CLASSES]
        archive.destinations["OTHER"] = ("127.0.0.1", port, {"contexts": contexts, "ae_title": "OTHER-NAME"})
        asked = keys(QueryRetrieveLevel="PATIENT", PatientID="P2")
        done = finished(dcmtk("movescu", server, "-v", "-P", "-aem", "OTHER", *asked))
        assert told(done, "Received Final Move Response") == ["(Success)"]
        assert differing(archived[30:], all_parts(tmp_path / "store")) == []


def test_movescu_is_told_why_not(server: OurServer, archive: Archive, tmp_path: Path) -> None:
    asked = keys(QueryRetrieveLevel="PATIENT", PatientID="P2")
    archive.destinations["DEAD"] = ("127.0.0.1", free_port())
    with storescp(tmp_path / "store", "--refuse") as refusing:
        archive.destinations["REFUSING"] = ("127.0.0.1", refusing)
        for title in ("NOBODY", "DEAD", "REFUSING"):
            done = finished(dcmtk("movescu", server, "-v", "-P", "-aem", title, *asked), status=69)
            assert told(done, "Received Final Move Response") == ["(Refused: MoveDestinationUnknown)"]
    # One that takes no secondary capture.
    with storescp(tmp_path / "some") as port:
        some = [build_context(CT, [EXPLICIT, IMPLICIT])]
        archive.destinations["SOME"] = ("127.0.0.1", port, {"contexts": some})
        done = finished(dcmtk("movescu", server, "-v", "-P", "-aem", "SOME", *asked), status=None)
        assert told(done, "Received Final Move Response")[0].startswith("(Warning"), done.stdout
        assert len(list((tmp_path / "some").iterdir())) == 10
    finished(dcmtk("echoscu", server))


def test_a_destination_that_fails_in_the_middle_is_counted(
    server: OurServer, archive: Archive, archived: list[Path], tmp_path: Path
) -> None:
    asked = keys(QueryRetrieveLevel="PATIENT", PatientID="P2")
    for option in ("--abort-after", "--abort-during"):
        with storescp(tmp_path / option, option) as port:
            archive.destinations["ABORTING"] = ("127.0.0.1", port)
            done = finished(dcmtk("movescu", server, "-v", "-P", "-aem", "ABORTING", *asked), status=69)
        # Nothing can be stored any more, and each instance is counted.
        assert len(told(done, "Received Move Response")) == 20
        assert told(done, "Received Final Move Response") == ["(Refused: OutOfResourcesSubOperations)"], done.stdout
    with storescp(tmp_path / "working") as port:
        archive.destinations["WORKING"] = ("127.0.0.1", port)
        done = finished(dcmtk("movescu", server, "-v", "-P", "-aem", "WORKING", *asked))
    assert told(done, "Received Final Move Response") == ["(Success)"]
    finished(dcmtk("echoscu", server))


# -- all together ---------------------------------------------------------------------------------------------------
def test_clients_are_served_at_the_same_time(
    server: OurServer, archive: Archive, archived: list[Path], tmp_path: Path
) -> None:
    study: Command = ["-S", *keys(QueryRetrieveLevel="STUDY", StudyInstanceUID="")]
    with ExitStack() as stack:
        port = stack.enter_context(storescp(tmp_path / "moved", "--fork"))
        archive.destinations["FORKING"] = ("127.0.0.1", port)
        running: list[Process] = []
        for number in range(3):
            folder = tmp_path / f"got-{number}"
            folder.mkdir()
            for command in (
                dcmtk("findscu", server, "-v", *study, "--repeat", "20"),
                dcmtk("getscu", server, "-v", *study, "-od", folder),
                dcmtk("movescu", server, "-v", *study, "-aem", "FORKING"),
            ):
                running.append(stack.enter_context(process(command, tmp_path / f"log-{len(running)}")))
        assert [each.popen.wait(30) for each in running] == [0] * 9, [each.output[-500:] for each in running]
        for find, _, move in zip(*[iter(running)] * 3, strict=True):
            assert find.output.count("Received Final Find Response (Success)") == 20
            assert "Received Final Move Response (Success)" in move.output
    for number in range(3):
        assert differing(archived, all_parts(tmp_path / f"got-{number}")) == []
    assert differing(archived, all_parts(tmp_path / "moved")) == []


def test_what_is_larger_than_a_pdu_arrives(server: OurServer, archive: Archive, tmp_path: Path) -> None:
    """A match with a long text in a character set of its own, and an image of three megabytes, in small PDUs."""
    large = make_instances()[0]
    large.SOPInstanceUID = "1.2.3.9"
    large.PatientID = "LARGE"
    large.SpecificCharacterSet = "ISO_IR 192"
    large.PatientName = "Грузный^Пётр"
    large.TextValue = "ab cd ёж\n" * 20000
    large.Rows = large.Columns = 1250
    large.PixelData = bytes(range(250)) * 12500
    archive.instances.append(large)
    try:
        asked = {"QueryRetrieveLevel": "PATIENT", "PatientID": "LARGE"}
        wanted = keys(**asked, PatientName="", TextValue="", SpecificCharacterSet="")
        finished(dcmtk("findscu", server, "-P", "-X", "-pdu", "4096", "-od", tmp_path, *wanted))
        (path,) = tmp_path.iterdir()
        match = dcmread(path)
        assert (match.PatientName, match.TextValue) == (large.PatientName, large.TextValue)
        path.unlink()
        for options in (["-pdu", "4096"], ["-pdu", "131072", "+B"]):
            finished(dcmtk("getscu", server, "-P", *options, "-od", tmp_path, *keys(**asked)))
            (path,) = tmp_path.iterdir()
            got = dcmread(path)
            assert (got.PixelData, got.PatientName) == (large.PixelData, large.PatientName)
            path.unlink()
    finally:
        archive.instances.remove(large)


# -- the rest -------------------------------------------------------------------------------------------------------
def test_termscu_is_told_that_we_know_no_such_service(server: OurServer) -> None:
    done = finished(dcmtk("termscu", server), status=1)
    assert "No Acceptable Presentation Contexts" in done.stdout
    finished(dcmtk("echoscu", server, "--repeat", "3"))
    assert echo(server.port)


@pytest.fixture(scope="module")
def guarded(adapter: str) -> Iterator[tuple[OurServer, list[tuple[int, bytes, bytes]]]]:
    """A server that lets only Anna in, and what it was told of others."""
    seen: list[tuple[int, bytes, bytes]] = []

    def check(event: evt.Event) -> tuple[bool, bytes | None]:
        seen.append((event.user_id_type, event.primary_field, event.secondary_field or b""))
        if event.primary_field == b"bert":
            return True, None
        if event.user_id_type < 3:
            # An empty response: whoever asks for one is told that the identity was checked.
            return event.primary_field == b"anna" and event.secondary_field in (b"secret", b"", None), b""
        return event.primary_field == b"ticket", b"returned"

    with our_server(adapter, handlers=[(evt.EVT_USER_ID, check)]) as running:
        yield running, seen


def test_users_of_storescu_are_checked(
    guarded: tuple[OurServer, list[tuple[int, bytes, bytes]]], archived: list[Path], tmp_path: Path
) -> None:
    server, seen = guarded
    seen.clear()
    server.stored.clear()
    (tmp_path / "right").write_bytes(b"ticket")
    (tmp_path / "wrong").write_bytes(b"token")
    accepted: list[list[str | Path]] = [
        ["-usr", "anna"],
        ["-usr", "anna", "-rsp"],
        ["-usr", "anna", "-pwd", "secret"],
        ["-usr", "anna", "-pwd", "secret", "-rsp"],
        ["-usr", "anna", "-epw"],
        ["-kt", tmp_path / "right", "-rsp"],
        ["--saml", tmp_path / "right", "-rsp"],
        ["--jwt", tmp_path / "right", "-rsp"],
        ["--jwt", tmp_path / "right"],
        [],
    ]
    for options in accepted:
        finished([*dcmtk("storescu", server, "-R", *options), archived[0]])
    refused: list[list[str | Path]] = [
        ["-usr", "mallory"],
        ["-usr", "anna", "-pwd", "guess"],
        ["-usr", "mallory", "-pwd", "secret", "-rsp"],
        ["--jwt", tmp_path / "wrong", "-rsp"],
    ]
    for options in refused:
        done = finished([*dcmtk("storescu", server, "-R", *options), archived[0]], status=1)
        assert "Result: Rejected Transient, Source: Service Provider (ACSE Related)" in done.stdout
    # As pynetdicom's handlers do it: no response, with which storescu makes do only if it has not asked for one.
    finished([*dcmtk("storescu", server, "-R", "-usr", "bert"), archived[0]])
    done = finished([*dcmtk("storescu", server, "-R", "-usr", "bert", "-rsp"), archived[0]], status=1)
    assert "Positive response requested but none received" in done.stdout
    assert len(server.stored) == len(accepted) + 1
    assert seen == [
        (1, b"anna", b""),
        (1, b"anna", b""),
        (2, b"anna", b"secret"),
        (2, b"anna", b"secret"),
        (2, b"anna", b""),
        (3, b"ticket", b""),
        (4, b"ticket", b""),
        (5, b"ticket", b""),
        (5, b"ticket", b""),
        (1, b"mallory", b""),
        (2, b"anna", b"guess"),
        (2, b"mallory", b"secret"),
        (5, b"token", b""),
        (1, b"bert", b""),
        (1, b"bert", b""),
    ]


def test_dcmsend_sends_over_one_association_and_reports(
    server: OurServer, archived: list[Path], tmp_path: Path
) -> None:
    server.stored.clear()
    report = tmp_path / "report.txt"
    finished([*dcmtk("dcmsend", server, "-dn", "--create-report-file", report), *archived])
    assert differing(archived, server.stored) == []
    assert re.search(r"with status SUCCESS *: 50", report.read_text())
