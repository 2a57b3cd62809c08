"""storescp: names by template, duplicates, who is let in, and what is done with what has come."""

from __future__ import annotations

import errno
import json
import logging
import re
import shlex
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicomwire.__main__ import main
from dicomwire.apps._common.command_lines import OF_AN_INSTANCE, ProgramCall
from dicomwire.apps._common.file_names import FileNames, parsed
from dicomwire.apps._common.storage import Storage
from dicomwire.apps.storescp.studies import Studies, Study
from dicomwire.blocking import AE
from dicomwire.data.receiving_files import IncomingFile
from dicomwire.presentation import build_context
from dicomwire.safe_names import safe_text
from tests.apps.helpers import CT, EXPLICIT, HOST, SECONDS, dicom_file, provider

PYTHON = shlex.quote(sys.executable)
"""As a word of a command: its path may have spaces in it."""

STUDY = "1.2.840.1"


def image(path: Path, instance: str = "1.2.3", *, sop_class: str = CT, **values: Any) -> Path:
    """A file with these values."""
    dataset: Any = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, instance
    dataset.PatientID, dataset.Modality, dataset.StudyInstanceUID = "P 1", "CT", STUDY
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = (
        UID(sop_class),
        UID(instance),
    )
    dataset.save_as(path, enforce_file_format=True)
    return path


def send(port: str, *paths: Path, title: str = "STORESCU", sop_class: str = CT) -> list[int]:
    """The statuses."""
    with AE(title).associate(HOST, int(port), [build_context(sop_class, EXPLICIT)]) as association:
        return [association.send_c_store(path).Status for path in paths]


def found(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def storing(out: Path, *options: str, stdout: int | None = None) -> Any:
    return provider("storescp", "0", "-v", "-ba", HOST, "-od", str(out), *options, stdout=stdout)


def eventually(claim: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (what := claim()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
    return what


# -- names ---------------------------------------------------------------------------------------------------------
def test_folders_and_names_are_filled_in(tmp_path: Path) -> None:
    template = "{PatientID}/{StudyInstanceUID}/{Modality}.{SOPInstanceUID}.dcm"
    out = tmp_path / "out"
    with storing(out, "--file-names", template, "--directory-mode", "0750") as server:
        assert send(server.port, image(tmp_path / "a"), image(tmp_path / "b", "1.2.4", PatientID="")) == [0, 0]
        assert server.until("I: Stored P_1/1.2.840.1/CT.1.2.3.dcm (")
    assert found(out) == ["P_1/1.2.840.1/CT.1.2.3.dcm", "unknown/1.2.840.1/CT.1.2.4.dcm"]
    assert stat.S_IMODE((out / "P_1" / STUDY).stat().st_mode) == 0o750


@pytest.mark.parametrize("value", ["../../etc", "/etc/passwd", "..", "-rf", "a\\b", "CON", "x" * 64, "{PatientID}"])
def test_no_value_leaves_the_folder(value: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with storing(out, "--file-names", "{PatientID}/{SOPInstanceUID}") as server:
        assert send(server.port, image(tmp_path / "a", PatientID=value)) == [0]
    (name,) = found(out)
    folder, file = name.split("/")
    assert file == "1.2.3" and folder not in ("..", "CON") and folder[0] not in "-."


@given(st.text(max_size=80))
def test_a_safe_text_is_one_part_of_a_path(text: str) -> None:
    name = safe_text(text)
    assert 1 <= len(name) <= 64 + 17
    assert set(name) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-")
    assert name[0] not in "-." and name not in ("..", "nul")


@pytest.mark.parametrize("text", ["-../x", "-.x", "-.-.-x", "-..", ".-"])
def test_no_dash_hides_a_dot(text: str) -> None:
    assert safe_text(text)[0] not in "-."


def test_names_in_another_script_stay_apart() -> None:
    assert safe_text("山田^太郎") != safe_text("田中^花子")
    assert safe_text("Doe^Jane") == "Doe_Jane"
    assert safe_text("x" * 65) != safe_text("x" * 66)
    assert safe_text("nul.txt") == "_nul.txt"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{PatientID}/x", "has no {SOPInstanceUID}"),
        ("/tmp/{SOPInstanceUID}", "is no path within"),
        ("../{SOPInstanceUID}", "is no path within"),
        ("a//{SOPInstanceUID}", "is no path within"),
        ("{SOPInstanceUID}/", "is no path within"),
        ("{Nothing}/{SOPInstanceUID}", "{Nothing} is no keyword of an element"),
        ("{PixelData}/{SOPInstanceUID}", "{PixelData} is no keyword of an element"),
        ("{PatientID.x}/{SOPInstanceUID}", "is no keyword of an element"),
        ("{PatientID!r}/{SOPInstanceUID}", "is no keyword of an element"),
        ("{0}/{SOPInstanceUID}", "is no keyword of an element"),
        ("{SOPInstanceUID", "expected '}'"),
        ("a\\{SOPInstanceUID}", "not for every system"),
    ],
)
def test_a_template_that_cannot_be_is_told_at_once(template: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(template))):
        parsed(template)
    assert main(["storescp", "0", "--file-names", template]) == 2
    assert why in " ".join(capsys.readouterr().err.split())


def test_a_data_set_that_cannot_be_read_has_no_name_by_its_values(tmp_path: Path) -> None:
    out = tmp_path / "out"
    # Sequences within sequences, more than are looked into.
    broken = dicom_file(tmp_path / "a")
    opened = b"\x0b\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    broken.write_bytes(broken.read_bytes() + opened * 100)
    with storing(out, "--file-names", "{PatientID}/{SOPInstanceUID}") as server:
        (status,) = send(server.port, broken)
        assert status != 0 and server.until("E: ")
        assert send(server.port, image(tmp_path / "b")) == [0]
    assert found(out) == ["P_1/1.2.3"]


def test_a_full_disk_is_told_as_that_also_where_names_need_values(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was written is gone by then: there is nothing to read values from."""
    names = FileNames(parsed("{PatientID}/{SOPInstanceUID}"))
    statuses: list[int] = []
    log = logging.getLogger("dicomwire.apps.storescp")
    storage = Storage(tmp_path, log, lambda status, size: statuses.append(status), names=names)
    file = IncomingFile.within(tmp_path, b"")
    file.fail(OSError(errno.ENOSPC, "No space left on device"))
    request = SimpleNamespace(AffectedSOPClassUID=CT, AffectedSOPInstanceUID="1.2.3")
    event: Any = SimpleNamespace(request=request)
    assert storage.keep(event, file) == 0xA700 and statuses == [0xA700]
    assert "CT.1.2.3 cannot be stored: OSError" in caplog.text


# -- duplicates ----------------------------------------------------------------------------------------------------
def test_duplicates_are_kept_under_a_number(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with storing(out, "--duplicates", "keep", "--file-names", "{SOPInstanceUID}.dcm") as server:
        assert send(server.port, *[image(tmp_path / "a")] * 3) == [0, 0, 0]
    assert found(out) == ["1.2.3-1.dcm", "1.2.3-2.dcm", "1.2.3.dcm"]


def test_duplicates_are_refused_and_what_was_there_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with storing(out, "--duplicates", "refuse") as server:
        first, second = image(tmp_path / "a"), image(tmp_path / "b", PatientID="another")
        assert send(server.port, first, second) == [0, 0x0111]
        assert server.until("E: CT.1.2.3 cannot be stored: NameTaken")
    assert found(out) == ["CT.1.2.3"] and b"another" not in (out / "CT.1.2.3").read_bytes()


# -- who and what --------------------------------------------------------------------------------------------------
def test_who_is_not_named_is_rejected(tmp_path: Path) -> None:
    with storing(tmp_path, "--accept-title", "KNOWN", "--accept-title", "OTHER") as server:
        ports = int(server.port)
        refused = AE("STRANGER").associate(HOST, ports, [build_context(CT, EXPLICIT)])
        answer: Any = refused.acceptor.primitive
        assert refused.is_rejected and answer.diagnostic == 3
        assert send(server.port, image(tmp_path / "a"), title="KNOWN") == [0]


def test_another_network_is_not_heard(tmp_path: Path) -> None:
    with storing(tmp_path, "--accept-network", "192.0.2.0/24") as server:
        association = AE().associate(HOST, int(server.port), [build_context(CT, EXPLICIT)])
        assert not association.is_established and not association.is_rejected
    assert main(["storescp", "0", "--accept-network", "nowhere"]) == 2


def test_more_than_so_many_associations_are_rejected_for_now(tmp_path: Path) -> None:
    with (
        storing(tmp_path, "--max-associations", "1") as server,
        AE().associate(HOST, int(server.port), [build_context(CT, EXPLICIT)]) as first,
    ):
        second = AE().associate(HOST, int(server.port), [build_context(CT, EXPLICIT)])
        answer: Any = second.acceptor.primitive
        assert first.is_established and second.is_rejected
        assert (answer.result, answer.diagnostic) == (2, 2)


@pytest.mark.parametrize("options", [(), ("--processes", "2")])
def test_a_private_class_is_taken_if_any_is(options: tuple[str, ...], tmp_path: Path) -> None:
    private = "1.2.826.0.1.3680043.9.1.1"
    file = image(tmp_path / "a", sop_class=private)
    with storing(tmp_path / "out", "--any-class", *options) as server:
        assert send(server.port, file, sop_class=private) == [0]
    with storing(tmp_path / "none", *options) as server:
        association = AE().associate(HOST, int(server.port), [build_context(private, EXPLICIT)])
        assert not association.is_established
    assert found(tmp_path / "out") == ["UN.1.2.3"]


def test_uncompressed_only_refuses_what_is_compressed(tmp_path: Path) -> None:
    jpeg = "1.2.840.10008.1.2.4.50"
    with storing(tmp_path, "--uncompressed-only") as server:
        contexts = [build_context(CT, jpeg), build_context(CT, EXPLICIT)]
        with AE().associate(HOST, int(server.port), contexts) as association:
            assert [str(each.transfer_syntax[0]) for each in association.accepted_contexts] == [EXPLICIT]


# -- what follows --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [(), ("--processes", "2")])
def test_each_instance_is_a_line_of_json(options: tuple[str, ...], tmp_path: Path) -> None:
    with storing(tmp_path / "out", "--json", "--duplicates", "refuse", *options, stdout=subprocess.PIPE) as server:
        assert send(server.port, *[image(tmp_path / "a")] * 2, title="SENDER") == [0, 0x0111]
        assert server.stop() == 0 and server.process.stdout is not None
        stored, refused = map(json.loads, server.process.stdout.read().splitlines())
    assert stored["status"] == "0000" and stored["path"] == str(tmp_path / "out" / "CT.1.2.3")
    assert (refused["status"], refused["path"]) == ("0111", None)
    assert stored["calling_ae_title"] == "SENDER" and stored["called_ae_title"] == "ANY-SCP"
    assert stored["sop_instance_uid"] == "1.2.3" and stored["transfer_syntax_uid"] == EXPLICIT
    assert stored["address"].startswith(f"{HOST}:") and "P 1" not in json.dumps(stored)


def recorder(tmp_path: Path) -> tuple[str, Path]:
    """A program that writes its arguments down, and where."""
    script, told = tmp_path / "recorder.py", tmp_path / "told"
    script.write_text(f"import json, sys; open({str(told)!r}, 'a').write(json.dumps(sys.argv[1:]) + chr(10))")
    return f"{PYTHON} '{script}'", told


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_program_runs_for_each_instance(tmp_path: Path) -> None:
    program, told = recorder(tmp_path)
    out = tmp_path / "out"
    command = f"{program} {{path}} 'of {{PatientID}}' --title={{CallingAETitle}}"
    with storing(out, "--exec", command) as server:
        send(server.port, image(tmp_path / "a", PatientID="$(touch x); -rf `id`"), image(tmp_path / "b", "1.2.4"))
        assert server.stop() == 0
    (first, second) = lines(told)
    assert first[0] == str(out / "CT.1.2.3") and first[1].startswith("of _touch_x_-rf_id_-")
    assert second == [str(out / "CT.1.2.4"), "of P_1", "--title=STORESCU"]


def test_a_program_runs_for_each_study(tmp_path: Path) -> None:
    program, told = recorder(tmp_path)
    out = tmp_path / "out"
    command = f"{program} {{folder}} {{count}} {{StudyInstanceUID}}"
    options = (
        "--exec-study",
        command,
        "--study-timeout",
        "1000",
        "--file-names",
        "{StudyInstanceUID}/{SOPInstanceUID}",
    )
    with storing(out, *options) as server:
        send(server.port, image(tmp_path / "a"), image(tmp_path / "b", "1.2.4"))
        send(server.port, image(tmp_path / "c", "1.2.5", StudyInstanceUID="1.5"))
        # Nothing more comes.
        assert server.stop() == 0
    assert lines(told) == [[str(out / STUDY), "2", STUDY], [str(out / "1.5"), "1", "1.5"]]


def test_a_program_runs_for_a_study_while_others_may_come(tmp_path: Path) -> None:
    program, told = recorder(tmp_path)
    with storing(tmp_path / "out", "--exec-study", f"{program} {{folder}}", "--study-timeout", "0") as server:
        send(server.port, image(tmp_path / "a"))
        assert eventually(lambda: lines(told)) == [[str(tmp_path / "out")]]


def test_a_program_that_fails_is_told_and_nothing_else(tmp_path: Path) -> None:
    command = f"{PYTHON} -c 'import sys; sys.exit(3)'"
    with storing(tmp_path / "out", "--exec", command) as server:
        assert send(server.port, image(tmp_path / "a")) == [0]
        assert server.until("E: ")
    assert "for CT.1.2.3 ended with code 3" in server.lines[-1]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--exec", "no-such-program {path}"), "there is no program"),
        (("--exec", "{path} x"), "cannot be one that a peer names"),
        (("--exec", "'unfinished"), "No closing quotation"),
        (("--exec", ""), "there is no program"),
        (("--exec", f"{PYTHON} {{nothing}}"), "is no keyword"),
        (("--exec-study", f"{PYTHON} {{path}}"), "is no keyword"),
        (("--exec-study", PYTHON, "--processes", "2"), "exclude each other"),
        (("--exec", PYTHON, "--ignore"), "keeps no file"),
    ],
)
def test_a_command_that_cannot_be_is_told_at_once(
    options: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["storescp", "0", *options]) == 2
    assert why in " ".join(capsys.readouterr().err.split())


def test_a_command_has_braces_of_its_own() -> None:
    command = ProgramCall.parse(f"{PYTHON} '{{{{}}}}' {{SOPInstanceUID}}", OF_AN_INSTANCE)
    assert command.filled(lambda keyword: "1.2") == [sys.executable, "{}", "1.2"]


def test_studies_end_in_the_order_in_which_they_fell_silent(tmp_path: Path) -> None:
    class Told:
        path = tmp_path / "a"

        def __init__(self, study: str) -> None:
            self.study = study

        def safe_value(self, keyword: str) -> str:
            return self.study

    told: list[tuple[str, int]] = []

    def finished(uid: str, study: Study) -> None:
        told.append((uid, study.count))

    studies = Studies(1000.0, finished)
    with studies.watched():
        for uid in ("1", "2", "1", "3"):
            studies.arrived(Told(uid))  # type: ignore[arg-type]
    assert told == [("2", 1), ("1", 2), ("3", 1)]
