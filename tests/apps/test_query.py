"""Identifiers from files and keys, and what findscu, getscu and movescu negotiate."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from dicomwire.__main__ import main
from dicomwire.apps._common.query import BadIdentifier, Model, Query, read_identifier
from tests.apps.archives import (
    PATIENT_FIND,
    PATIENT_GET,
    PATIENT_MOVE,
    PATIENT_STUDY_FIND,
    PATIENT_STUDY_GET,
    PATIENT_STUDY_MOVE,
    REFUSED,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    UPS_PULL,
    WORKLIST,
    archive,
)
from tests.apps.helpers import BIG_ENDIAN, EXPLICIT, HOST, IMPLICIT

LOGGER = logging.getLogger("dicomwire.apps.test")
RETRIEVERS = {"getscu": PATIENT_GET, "movescu": PATIENT_MOVE}
EVERY = {"findscu": PATIENT_FIND, **RETRIEVERS}
KEY = ["-k", "QueryRetrieveLevel=STUDY"]


def identifier(*keys: str, file: Path | None = None, has_levels: bool = False) -> Dataset:
    model = Model("patient", "P", "1.2.3", "some", has_levels)
    return Query(model=model, keys=keys, file=file, information=None).identifier(LOGGER)


def run(name: str, port: str, *args: str | Path) -> int:
    return main([name, HOST, port, *map(str, args), "-q"])


def save(path: Path, data_set: Dataset, syntax: str = EXPLICIT, *, meta: bool = True) -> Path:
    uid = UID(syntax)
    if not meta:
        data_set.save_as(path, implicit_vr=uid.is_implicit_VR, little_endian=uid.is_little_endian)
        return path
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.MediaStorageSOPClassUID = UID("1.2.3")
    data_set.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    data_set.file_meta.TransferSyntaxUID = uid
    data_set.save_as(path, enforce_file_format=True)
    return path


def stored() -> Dataset:
    data_set = Dataset()
    data_set.PatientName = "Doe^Jane"
    data_set.PatientID = "1"
    data_set.QueryRetrieveLevel = "STUDY"
    step = Dataset()
    step.Modality = "CT"
    data_set.ScheduledProcedureStepSequence = [step]
    return data_set


# -- files ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_a_file_is_the_identifier_and_keys_add_and_replace(syntax: str, tmp_path: Path) -> None:
    file = save(tmp_path / "query.dcm", stored(), syntax)
    made = identifier(
        "PatientID=2", "StudyDate=", "ScheduledProcedureStepSequence[0].ScheduledStationAETitle=X", file=file
    )
    assert [element.keyword for element in made] == [
        "StudyDate",
        "QueryRetrieveLevel",
        "PatientName",
        "PatientID",
        "ScheduledProcedureStepSequence",
    ]
    assert (made.PatientName, made.PatientID) == ("Doe^Jane", "2")
    step = made.ScheduledProcedureStepSequence[0]
    assert (step.Modality, step.ScheduledStationAETitle) == ("CT", "X")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_file_may_lack_preamble_and_meta_information(syntax: str, tmp_path: Path) -> None:
    assert identifier(file=save(tmp_path / "query", stored(), syntax, meta=False)).PatientName == "Doe^Jane"


def test_a_file_of_another_byte_order_reaches_the_peer_as_it_should(tmp_path: Path) -> None:
    data_set = stored()
    data_set.Rows = 258
    file = save(tmp_path / "query.dcm", data_set, BIG_ENDIAN)
    with archive([(0x0000, None)]) as server:
        assert run("findscu", server.port, "-f", file, "-xi") == 0
    assert (server.identifiers[0].Rows, server.identifiers[0].PatientName) == (258, "Doe^Jane")


def test_pixels_are_left_out(tmp_path: Path) -> None:
    data_set = stored()
    data_set.add_new(0x7FE00010, "OW", bytes(1000))
    assert 0x7FE00010 not in identifier(file=save(tmp_path / "image.dcm", data_set))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "no DICOM file", id="empty"),
        pytest.param(b"some text, which is longer than an element\n" * 5, "no DICOM file", id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(100), "no DICOM file", id="image"),
        pytest.param(bytes(128) + b"DICM", "no DICOM file", id="nothing behind the preamble"),
        pytest.param(b"\x28\0\x08\0IS\x04\0abcd", "cannot be decoded", id="a value that is none"),
    ],
)
def test_what_is_no_dicom_file_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BadIdentifier, match=words):
        read_identifier(tmp_path / "file")


@pytest.mark.parametrize("name", EVERY)
def test_an_identifier_that_cannot_be_made_gives_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [["-k", "Nonsense=1"], ["-k", "Rows=x"], ["-k", "PatientName=\udcff"]]
    for code, bad in [*((2, key) for key in wrong), (1, ["-f", "/no/such/file"]), (1, ["-f", str(tmp_path)])]:
        assert main([name, HOST, "11112", *bad]) == code
        captured = capsys.readouterr()
        assert captured.err.startswith("E: ") and captured.err.count("\n") == 1
        assert not captured.out


# -- values --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["PatientName=Doe"], None),
        (["PatientName=M\u00fcller"], "ISO_IR 100"),
        (["PatientName=\u5c71\u7530"], "ISO_IR 192"),
        (["ScheduledProcedureStepSequence[0].ScheduledProcedureStepDescription=\u5c71"], "ISO_IR 192"),
        (["SpecificCharacterSet=ISO_IR 192", "PatientName=M\u00fcller"], "ISO_IR 192"),
        (["PatientName=M\u00fcller", "SpecificCharacterSet=ISO_IR 101"], "ISO_IR 101"),
        # An empty key is no choice.
        (["SpecificCharacterSet=", "PatientName=M\u00fcller"], "ISO_IR 100"),
        (["PatientName=\u5c71\u7530", "SpecificCharacterSet"], "ISO_IR 192"),
        (["SpecificCharacterSet=", "PatientName=Doe"], None),
    ],
)
def test_the_character_set_has_room_for_the_values(keys: list[str], expected: str | None) -> None:
    assert identifier(*keys).get("SpecificCharacterSet") == expected


@pytest.mark.parametrize("stated", [None, ""])
def test_the_text_of_a_file_gets_a_character_set_too(tmp_path: Path, stated: str | None) -> None:
    data_set = stored()
    if stated is not None:
        data_set.SpecificCharacterSet = stated
    data_set.PatientName = "X_X"
    path = save(tmp_path / "query.dcm", data_set)
    # As a device that knows of no character sets writes it.
    path.write_bytes(path.read_bytes().replace(b"X_X", "X\u00dcX".encode("latin-1")))
    with archive([(0x0000, None)]) as server:
        assert run("findscu", server.port, "-f", path, "-k", "QueryRetrieveLevel=STUDY") == 0
    assert (server.identifiers[0].SpecificCharacterSet, server.identifiers[0].PatientName) == ("ISO_IR 100", "X\u00dcX")


@pytest.mark.parametrize("charset", ["ISO_IR 100", "NONSENSE"])
def test_what_the_chosen_character_set_lacks_is_refused_and_not_replaced(charset: str) -> None:
    with pytest.raises(BadIdentifier, match="cannot be encoded") as raised:
        identifier(f"SpecificCharacterSet={charset}", "PatientName=\u5c71")
    assert "\n" not in str(raised.value)


def test_a_missing_level_is_worth_a_warning_where_there_are_levels(caplog: pytest.LogCaptureFixture) -> None:
    identifier("PatientName=", has_levels=False)
    identifier("QueryRetrieveLevel=STUDY", has_levels=True)
    assert not caplog.messages
    identifier("PatientName=", has_levels=True)
    identifier("QueryRetrieveLevel=", has_levels=True)
    assert len(caplog.messages) == 2 and "no QueryRetrieveLevel" in caplog.messages[0]


def test_keys_reach_the_peer(tmp_path: Path) -> None:
    with archive([(0x0000, None)]) as server:
        keys = ["PatientName=M\u00fcller*", "ScheduledProcedureStepSequence.Modality=CT", "0010,0020="]
        args = [part for key in keys for part in ("-k", key)]
        assert run("findscu", server.port, "-W", *args) == 0
    (query,) = server.identifiers
    assert query.PatientName == "M\u00fcller*" and query.ScheduledProcedureStepSequence[0].Modality == "CT"
    assert query["PatientID"].is_empty


# -- models --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "options", "model"),
    [
        ("findscu", [], PATIENT_FIND),
        ("findscu", ["-P"], PATIENT_FIND),
        ("findscu", ["--patient"], PATIENT_FIND),
        ("findscu", ["-S"], STUDY_FIND),
        ("findscu", ["--study"], STUDY_FIND),
        ("findscu", ["-O"], PATIENT_STUDY_FIND),
        ("findscu", ["--psonly"], PATIENT_STUDY_FIND),
        ("findscu", ["-W"], WORKLIST),
        ("findscu", ["--worklist"], WORKLIST),
        ("findscu", ["-U"], UPS_PULL),
        ("findscu", ["--ups"], UPS_PULL),
        ("getscu", [], PATIENT_GET),
        ("getscu", ["-P"], PATIENT_GET),
        ("getscu", ["-S"], STUDY_GET),
        ("getscu", ["-O"], PATIENT_STUDY_GET),
        ("movescu", [], PATIENT_MOVE),
        ("movescu", ["--patient"], PATIENT_MOVE),
        ("movescu", ["--study"], STUDY_MOVE),
        ("movescu", ["--psonly"], PATIENT_STUDY_MOVE),
    ],
)
def test_the_model_asked_for_is_used(name: str, options: list[str], model: str) -> None:
    with archive([REFUSED]) as server:
        assert run(name, server.port, *KEY, *options) == 1
    assert server.models == [model]


@pytest.mark.parametrize("name", ["findscu", "movescu"])
@pytest.mark.parametrize(("options", "syntax"), [([], EXPLICIT), (["-xe"], EXPLICIT), (["-xi"], IMPLICIT)])
def test_only_the_model_is_proposed_with_the_transfer_syntaxes_asked_for(
    name: str, options: list[str], syntax: str
) -> None:
    with archive([REFUSED]) as server:
        assert run(name, server.port, *KEY, *options) == 1
    ((proposed, syntaxes),) = server.peer.proposed
    assert proposed == EVERY[name] and syntaxes[0] == syntax and len(syntaxes) == (1 if options else 4)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("mistake", [["-P", "-S"], ["-S", "-O"], ["--patient", "--psonly"]], ids=" ".join)
def test_models_exclude_each_other(name: str, mistake: list[str]) -> None:
    assert main([name, HOST, "104", *KEY, *mistake]) == 2


@pytest.mark.parametrize("name", EVERY)
def test_a_key_or_a_file_is_needed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, HOST, "104"]) == 2
    assert "-k or -f is needed" in capsys.readouterr().err


# -- extended negotiation ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "model", "sent"),
    [
        ([], PATIENT_FIND, None),
        (["--relational-query"], PATIENT_FIND, "0100000000"),
        (["--dt-matching"], PATIENT_FIND, "0001000000"),
        (["--fuzzy-names"], PATIENT_FIND, "0000010000"),
        (["--timezone-adj"], PATIENT_FIND, "0000000100"),
        (["--enhanced-conversion"], PATIENT_FIND, "0000000001"),
        (["-S", "--relational-query", "--timezone-adj"], STUDY_FIND, "0100000100"),
        (["-U", "--fuzzy-names"], UPS_PULL, "0000010000"),
        (["-W"], WORKLIST, None),
        (["-W", "--fuzzy-names"], WORKLIST, "01010100"),
        (["-W", "--timezone-adj"], WORKLIST, "01010001"),
        (["-W", "--timezone-adj", "--fuzzy-names"], WORKLIST, "01010101"),
        (["-W", "--relational-query", "--dt-matching", "--enhanced-conversion"], WORKLIST, None),
        (["-W", "--relational-query", "--fuzzy-names"], WORKLIST, "01010100"),
    ],
)
def test_findscu_negotiates_the_documented_bytes(options: list[str], model: str, sent: str | None) -> None:
    with archive([(0x0000, None)]) as server:
        assert run("findscu", server.port, *KEY, *options) == 0
    assert server.information == ({} if sent is None else {model: bytes.fromhex(sent)})


@pytest.mark.parametrize("name", RETRIEVERS)
@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ([], None),
        (["--relational-retrieval"], "0100"),
        (["--enhanced-conversion"], "0001"),
        (["--enhanced-conversion", "--relational-retrieval"], "0101"),
    ],
)
def test_getscu_and_movescu_negotiate_the_documented_bytes(name: str, options: list[str], sent: str | None) -> None:
    with archive([REFUSED]) as server:
        assert run(name, server.port, *KEY, *options) == 1
    assert server.information == ({} if sent is None else {RETRIEVERS[name]: bytes.fromhex(sent)})


# -- the association -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", EVERY)
def test_titles_reach_the_peer(name: str) -> None:
    with archive([REFUSED]) as server:
        assert run(name, server.port, *KEY) == 1
        assert run(name, server.port, *KEY, "-aet", "ME", "-aec", "YOU", "-pdu", "0") == 1
    assert [item.ae_title for item in server.peer.requestors] == [name.upper(), "ME"]
    assert [item.primitive.called_ae_title for item in server.peer.requestors] == ["ANY-SCP", "YOU"]
    assert [item.maximum_length for item in server.peer.requestors] == [16382, 0]


@pytest.mark.parametrize("name", EVERY)
def test_a_rejection_gives_1_and_says_why(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with archive(require_calling_aet=["FRIEND"]) as server:
        assert main([name, HOST, server.port, *KEY]) == 1
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith("E: ")]
    assert len(errors) == 1 and "calling AE title" in errors[0] and not captured.out


@pytest.mark.parametrize("name", EVERY)
def test_what_happens_is_told_with_v_and_by_findscu_always(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with archive([REFUSED]) as server:
        assert main([name, HOST, server.port, *KEY]) == 1
        by_default = capsys.readouterr().err.splitlines()
        assert main([name, HOST, server.port, *KEY, "-v"]) == 1
        verbose = capsys.readouterr().err.splitlines()
        assert main([name, HOST, server.port, *KEY, "-ll", "error"]) == 1
        errors = capsys.readouterr().err.splitlines()
    assert verbose[0] == "I: Requesting Association" and set(by_default) < set(verbose)
    assert by_default[0] == verbose[0] if name == "findscu" else by_default == errors
    assert [line[0] for line in errors] == ["E"]
