"""storescu."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest
from pydicom.dataset import Dataset

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps.storescu.default_contexts import default_contexts
from dicomwire.blocking import Association
from dicomwire.data.file_meta import encode_file_meta
from dicomwire.files import StoredFile, find_files, required_contexts
from dicomwire.presentation import StoragePresentationContexts, build_context
from tests.apps.helpers import (
    BIG_ENDIAN,
    CT,
    DEFLATED,
    EXPLICIT,
    HOST,
    IMPLICIT,
    JPEG,
    MR,
    RLE,
    SECONDS,
    data_set,
    dicom_file,
    environment,
    peer,
)

DEFAULT = [EXPLICIT, IMPLICIT, DEFLATED, BIG_ENDIAN]


class Received:
    """A C-STORE handler that remembers, and answers with statuses in turn, the last for all the rest."""

    def __init__(self, *statuses: Any) -> None:
        self.statuses = list(statuses) or [0]
        self.instances: list[str] = []
        self.ids: list[int] = []
        self.syntaxes: list[str] = []
        self.data: list[bytes] = []

    def __call__(self, event: evt.Event) -> Any:
        self.instances.append(str(event.request.AffectedSOPInstanceUID))
        self.ids.append(event.message_id)
        self.syntaxes.append(str(event.context.transfer_syntax))
        self.data.append(event.encoded_dataset(include_meta=False))
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    @property
    def handlers(self) -> list[evt.EventHandler]:
        return [(evt.EVT_C_STORE, self)]


def storescu(port: str, *args: str | Path) -> int:
    return main(["storescu", HOST, port, *map(str, args)])


def summary(capsys: pytest.CaptureFixture[str]) -> str:
    """The counts in the summary line, which is all there is on standard output."""
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return out.partition(";")[0]


def test_a_file_arrives_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = dicom_file(tmp_path / "a.dcm", size=100_000)
    received = Received()
    with peer(handlers=received.handlers) as server:
        assert storescu(server.port, file) == 0
        assert server.closed.wait(20)
    assert received.data == [data_set(CT, "1.2.3", 100_000)]
    assert server.outcomes == ["EVT_RELEASED"]
    assert summary(capsys) == "1 stored, 0 stored with a warning, 0 failed, 0 skipped"


def test_files_are_sent_in_sorted_order_with_message_ids_from_1(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        dicom_file(tmp_path / name, instance=f"1.{ord(name)}")
    received = Received()
    with peer(handlers=received.handlers) as server:
        assert storescu(server.port, tmp_path / "c", tmp_path, tmp_path / "a") == 0
    assert received.instances == ["1.97", "1.98", "1.99"]
    assert received.ids == [1, 2, 3]


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [([], 1, ["1.1"]), (["-r"], 0, ["1.1", "1.2", "1.3"]), (["--recurse"], 0, ["1.1", "1.2", "1.3"])],
)
def test_directories_are_descended_into_only_when_asked(
    options: list[str], code: int, expected: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    dicom_file(tmp_path / "a", instance="1.1")
    dicom_file(tmp_path / "sub" / "b", instance="1.2")
    dicom_file(tmp_path / "sub" / "deep" / "c", instance="1.3")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    received = Received()
    with peer(handlers=received.handlers) as server:
        assert storescu(server.port, tmp_path, *options) == code
    assert received.instances == expected
    told = f"E: {tmp_path / 'sub'} skipped: a folder; -r (--recurse) descends into it\n"
    assert capsys.readouterr().err == (told if code else "")


def test_unusable_paths_are_logged_and_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = dicom_file(tmp_path / "good")
    text = tmp_path / "text"
    text.write_text("no DICOM")
    empty = tmp_path / "empty"
    empty.touch()
    os.mkfifo(tmp_path / "pipe")
    cut = tmp_path / "cut"
    cut.write_bytes(good.read_bytes()[:150])
    received = Received()
    with peer(handlers=received.handlers) as server:
        code = storescu(server.port, good, text, empty, cut, tmp_path / "pipe", tmp_path / "missing")
    assert code == 1 and received.instances == ["1.2.3"]
    captured = capsys.readouterr()
    assert captured.out.startswith("1 stored, 0 stored with a warning, 0 failed, 5 skipped;")
    assert [line.split(" ")[2] for line in captured.err.splitlines()] == ["skipped:"] * 5
    assert "missing skipped: No such file or directory" in captured.err


def test_a_forbidden_directory_is_skipped_and_its_neighbours_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        dicom_file(tmp_path / str(number) / "file", instance=f"1.{number}")
    iterdir = Path.iterdir

    def forbid(path: Path) -> Iterator[Path]:
        # Not by its mode: root may read everything.
        if path.name == "1":
            raise PermissionError(13, "Permission denied")
        return iter(list(iterdir(path)))

    received = Received()
    with peer(handlers=received.handlers) as server:
        monkeypatch.setattr(Path, "iterdir", forbid)
        assert storescu(server.port, "-r", tmp_path) == 1
    assert received.instances == ["1.0", "1.2"]
    captured = capsys.readouterr()
    assert captured.out.partition(";")[0].endswith("1 skipped")
    assert captured.err == f"E: {tmp_path / '1'} skipped: Permission denied\n"


def test_a_file_in_a_directory_that_is_no_dicom_file_is_named_by_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "readme.txt").write_text("no DICOM")
    assert storescu("104", tmp_path) == 1
    assert capsys.readouterr().err == (
        "E: 1 of the files in folders skipped: no DICOM files; -ll warning names them\nE: No DICOM files to send\n"
    )
    assert storescu("104", tmp_path, "-ll", "warn") == 1
    err = capsys.readouterr().err
    assert "readme.txt skipped" in err and "E: No DICOM files to send" in err and "names them" not in err
    assert storescu("104", tmp_path, "--no-fail") == 0


@pytest.mark.parametrize("below", [".", "a", "a/b"])
def test_a_folder_without_files_is_an_error(below: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    (empty / below).mkdir(parents=True)
    sent = dicom_file(tmp_path / "sent")
    with peer(handlers=Received().handlers) as server:
        assert storescu(server.port, empty, sent, "-r") == 1
        captured = capsys.readouterr()
        assert storescu(server.port, empty, sent, "--no-fail", "-q") == 0
    assert captured.err == f"E: {empty} skipped: there are no files in this folder\n"
    assert captured.out.startswith("1 stored, 0 stored with a warning, 0 failed, 1 skipped;")


def test_without_any_usable_file_nobody_is_called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert storescu("1", tmp_path / "missing", "--no-fail") == 0
    assert summary(capsys) == "0 stored, 0 stored with a warning, 0 failed, 1 skipped"
    assert storescu("1", tmp_path / "missing") == 1
    assert summary(capsys) == "0 stored, 0 stored with a warning, 0 failed, 1 skipped"


def test_a_dicomdir_and_a_file_without_identity_are_not_sent(tmp_path: Path) -> None:
    dicom_file(tmp_path / "DICOMDIR", sop_class="1.2.840.10008.1.3.10")
    (tmp_path / "none").write_bytes(
        encode_file_meta(
            sop_class_uid=CT,
            sop_instance_uid="",
            transfer_syntax_uid=EXPLICIT,
            implementation_class_uid="1.2",
            implementation_version_name=None,
        )
    )
    assert find_files([tmp_path], recurse=False, logger=logging.getLogger("dicomwire.apps.test")) == ([], 2)


# -- presentation contexts -----------------------------------------------------------------------------------------
def test_by_default_the_120_storage_classes_are_proposed_and_the_pair_of_the_file(tmp_path: Path) -> None:
    with peer() as server:
        storescu(server.port, dicom_file(tmp_path / "a"))
    classes = {str(context.abstract_syntax) for context in StoragePresentationContexts}
    assert len(classes) == 120
    assert {uid for uid, syntaxes in server.proposed if syntaxes == DEFAULT} == classes
    assert [item for item in server.proposed if item[1] != DEFAULT] == [(CT, [EXPLICIT])]


@pytest.mark.parametrize(
    ("option", "syntax"), [("-xe", EXPLICIT), ("-xb", BIG_ENDIAN), ("-xi", IMPLICIT), ("--request-little", EXPLICIT)]
)
def test_a_transfer_syntax_option_proposes_that_and_nothing_else(option: str, syntax: str, tmp_path: Path) -> None:
    with peer() as server:
        storescu(server.port, dicom_file(tmp_path / "a"), option)
    assert len(server.proposed) == 120
    assert all(syntaxes == [syntax] for _, syntaxes in server.proposed)


@pytest.mark.parametrize("option", ["-cx", "--required-contexts"])
def test_required_contexts_are_the_pairs_found(option: str, tmp_path: Path) -> None:
    dicom_file(tmp_path / "a", instance="1.1")
    dicom_file(tmp_path / "b", instance="1.2")
    dicom_file(tmp_path / "c", instance="1.3", syntax=JPEG)
    dicom_file(tmp_path / "d", instance="1.4", sop_class=MR, syntax=IMPLICIT)
    received = Received()
    with peer(handlers=received.handlers) as server:
        assert storescu(server.port, tmp_path, option, "-xi") == 0
    assert server.proposed == [(CT, [EXPLICIT]), (CT, [JPEG]), (MR, [IMPLICIT])]
    assert received.syntaxes == [EXPLICIT, EXPLICIT, JPEG, IMPLICIT]


def files(*pairs: tuple[str, str]) -> list[StoredFile]:
    return [
        StoredFile(path=Path(str(number)), size=1, sop_class_uid=sop_class, transfer_syntax_uid=syntax)
        for number, (sop_class, syntax) in enumerate(pairs)
    ]


def test_more_than_128_sop_classes_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(required_contexts(files(*[(f"1.2.{number}", EXPLICIT) for number in range(128)]))) == 128
    for number in range(129):
        dicom_file(tmp_path / str(number), sop_class=f"1.2.{number}", instance=f"1.3.{number}")
    assert storescu("1", tmp_path, "-cx") == 1
    err = capsys.readouterr().err
    assert "129" in err and "128" in err and err.count("\n") == 1


def pairs_of(contexts: Sequence[Any]) -> list[tuple[str, tuple[str, ...]]]:
    return [(str(item.abstract_syntax), tuple(str(uid) for uid in item.transfer_syntax)) for item in contexts]


def test_what_the_defaults_do_not_hold_comes_before_unused_defaults() -> None:
    odd = [(f"1.2.{number}", EXPLICIT) for number in range(60)]
    chosen = pairs_of(default_contexts(files(*odd, (CT, RLE), (CT, EXPLICIT)), DEFAULT))
    assert len(chosen) == 128
    assert {(uid, (syntax,)) for uid, syntax in odd} <= set(chosen)
    assert (CT, (RLE,)) in chosen and (CT, (EXPLICIT,)) in chosen and (CT, tuple(DEFAULT)) in chosen


def test_with_too_many_pairs_the_most_frequent_ones_get_a_context() -> None:
    odd = [(f"1.2.{number}", EXPLICIT) for number in range(140)]
    chosen = pairs_of(default_contexts(files(*odd, *odd[100:]), DEFAULT))
    assert len(chosen) == 128
    assert {(uid, (syntax,)) for uid, syntax in odd[100:]} <= set(chosen)


def test_an_unusual_class_and_a_compressed_file_are_sent_by_default(tmp_path: Path) -> None:
    unusual = "1.2.840.10008.5.1.4.1.1.88.77"
    dicom_file(tmp_path / "a", instance="1.1", syntax=JPEG)
    dicom_file(tmp_path / "b", instance="1.2", sop_class=unusual)
    received = Received()
    contexts = [build_context(CT, [JPEG]), build_context(unusual, [EXPLICIT])]
    with peer(contexts=contexts, handlers=received.handlers) as server:
        storescu(server.port, tmp_path)
    assert [uid for uid, syntaxes in server.proposed if len(syntaxes) == 1] == [CT, unusual]
    assert received.syntaxes[0] == JPEG


def test_a_peer_that_prefers_implicit_gets_an_explicit_file_unconverted(tmp_path: Path) -> None:
    received = Received()
    contexts = [build_context(CT, [IMPLICIT, EXPLICIT])]
    with peer(contexts=contexts, handlers=received.handlers) as server:
        assert storescu(server.port, dicom_file(tmp_path / "a")) == 0
    assert received.syntaxes == [EXPLICIT]
    assert received.data == [data_set(CT, "1.2.3", 64)]


def test_an_uncompressed_file_is_converted_where_it_must_be(tmp_path: Path) -> None:
    received = Received()
    with peer(contexts=[build_context(CT, IMPLICIT)], handlers=received.handlers) as server:
        assert storescu(server.port, dicom_file(tmp_path / "a"), "--fail") == 0
    assert received.syntaxes == [IMPLICIT]


def test_a_file_without_a_context_fails_and_the_others_are_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dicom_file(tmp_path / "a", instance="1.1", syntax=RLE)
    dicom_file(tmp_path / "b", instance="1.2")
    received = Received()
    with peer(handlers=received.handlers) as server:
        assert storescu(server.port, tmp_path, "--no-fail") == 0
        assert storescu(server.port, tmp_path) == 1
    assert received.instances == ["1.2", "1.2"]
    captured = capsys.readouterr()
    assert "1 stored, 0 stored with a warning, 1 failed, 0 skipped;" in captured.out
    assert "a not sent: no presentation context" in captured.err


# -- statuses and the end ------------------------------------------------------------------------------------------
def test_statuses_are_counted_and_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        dicom_file(tmp_path / str(number), instance=f"1.{number}")
    with peer(handlers=Received(0, 0xB000, 0xA700, 0x1234).handlers) as server:
        assert storescu(server.port, tmp_path, "-ll", "warning") == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("1 stored, 1 stored with a warning, 2 failed, 0 skipped;")
    lines = [line for line in captured.err.splitlines() if str(tmp_path) in line]
    assert [line[0] for line in lines] == ["W", "E", "E"]
    assert "0xA700 (Failure)" in lines[1]


@pytest.mark.parametrize(("status", "code"), [(0, 0), (0xB007, 0), (0xA700, 1), (0xC000, 1), (0x1234, 1)])
def test_1_for_what_is_neither_success_nor_warning(status: int, code: int, tmp_path: Path) -> None:
    with peer(handlers=Received(status).handlers) as server:
        assert storescu(server.port, dicom_file(tmp_path / "a")) == code
        # As it was once asked for.
        assert storescu(server.port, tmp_path / "a", "--fail") == code
        assert storescu(server.port, tmp_path / "a", "--no-fail") == 0


def test_the_comment_of_a_peer_is_shown_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = Dataset()
    status.Status = 0xA700
    status.ErrorComment = "full\x1b[2Jup"
    with peer(handlers=Received(status).handlers) as server:
        storescu(server.port, dicom_file(tmp_path / "a"))
    err = capsys.readouterr().err
    assert "full" in err and "\x1b" not in err


def test_quiet_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with peer(handlers=Received(0xA700).handlers) as server:
        assert storescu(server.port, dicom_file(tmp_path / "a"), "-q", "--fail") == 1
    assert capsys.readouterr() == ("", "")


def test_a_closed_port_gives_one_line_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        assert storescu(str(sock.getsockname()[1]), dicom_file(tmp_path / "a")) == 1
    captured = capsys.readouterr()
    assert "no connection" in captured.err and captured.err.count("\n") == 1 and not captured.out


def test_a_rejection_gives_one_line_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with peer(handlers=Received().handlers, require_calling_aet=["FRIEND"]) as server:
        assert storescu(server.port, dicom_file(tmp_path / "a")) == 1
        assert storescu(server.port, dicom_file(tmp_path / "a"), "-aet", "FRIEND", "-q") == 0
    err = capsys.readouterr().err
    assert "calling AE title" in err and "-aet" in err and err.count("\n") == 1


def test_no_accepted_context_gives_one_line_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with peer(contexts=[build_context(MR)]) as server:
        assert storescu(server.port, dicom_file(tmp_path / "a"), "-cx") == 1
    err = capsys.readouterr().err
    assert "no presentation context was accepted" in err and err.count("\n") == 1


def test_after_an_abort_in_the_middle_the_rest_goes_over_another_association_and_it_gives_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        dicom_file(tmp_path / str(number), instance=f"1.{number}")
    seen = []

    def abort(event: evt.Event) -> int:
        seen.append(event.message_id)
        if event.message_id == 2:
            cast(Association, event.assoc).abort()
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, abort)]) as server:
        assert storescu(server.port, tmp_path) == 1
    captured = capsys.readouterr()
    assert seen == [1, 2, 3]
    assert captured.out.startswith("2 stored, 0 stored with a warning, 1 failed, 0 skipped;")
    assert "The association was lost: aborted" in captured.err
    assert "E: Requesting another association for the 1 files that are left" in captured.err
    assert "Traceback" not in captured.err


def test_two_associations_in_a_row_over_which_nothing_is_stored_are_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(9):
        dicom_file(tmp_path / str(number), instance=f"1.{number}")
    seen = []

    def abort(event: evt.Event) -> int:
        seen.append(event.message_id)
        if event.message_id not in (1, 3):
            cast(Association, event.assoc).abort()
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, abort)]) as server:
        assert storescu(server.port, tmp_path) == 1
    captured = capsys.readouterr()
    # 1 is stored and 2 ends the first association; so for 3 and 4; nothing is stored over the next two.
    assert seen == [1, 2, 3, 4, 5, 6]
    assert captured.out.startswith("2 stored, 0 stored with a warning, 7 failed, 0 skipped;")
    assert "E: 3 files not sent" in captured.err


def test_a_peer_that_is_gone_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        dicom_file(tmp_path / str(number), instance=f"1.{number}")

    def vanish(event: evt.Event) -> int:
        server.server.server_close()
        cast(Association, event.assoc).abort()
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, vanish)]) as server:
        assert storescu(server.port, tmp_path) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("0 stored, 0 stored with a warning, 3 failed, 0 skipped;")
    assert "no connection" in captured.err and "E: 2 files not sent" in captured.err


def test_a_file_that_vanishes_fails_and_the_others_are_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = dicom_file(tmp_path / "a", instance="1.1"), dicom_file(tmp_path / "b", instance="1.2")
    dicom_file(tmp_path / "c", instance="1.3")

    def vanish(event: evt.Event) -> int:
        second.unlink(missing_ok=True)
        return 0

    with peer(handlers=[(evt.EVT_C_STORE, vanish)]) as server:
        assert storescu(server.port, tmp_path) == 1
    captured = capsys.readouterr()
    assert first.exists()
    assert captured.out.startswith("2 stored, 0 stored with a warning, 1 failed, 0 skipped;")


def test_a_reader_that_has_ended_ends_it_quietly_when_all_is_sent(tmp_path: Path) -> None:
    for number in range(3):
        dicom_file(tmp_path / str(number), instance=f"1.{number}")
    received = Received()
    reading, writing = os.pipe()
    os.close(reading)
    with peer(handlers=received.handlers) as server:
        done = subprocess.run(
            [sys.executable, "-m", "dicomwire", "storescu", HOST, server.port, str(tmp_path)],
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
        os.close(writing)
        assert server.closed.wait(SECONDS)
    assert (done.returncode, done.stderr) == (141, b"")
    assert sorted(received.instances) == ["1.0", "1.1", "1.2"] and server.outcomes == ["EVT_RELEASED"]


def test_what_cannot_be_sent_is_not_called_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dicom_file(tmp_path / "good", instance="1.1")
    dicom_file(tmp_path / "long", sop_class="1." + "2" * 80)
    with peer(handlers=Received().handlers) as server:
        assert storescu(server.port, tmp_path) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("1 stored, 0 stored with a warning, 1 failed, 0 skipped;")
    assert "long cannot be sent: " in captured.err and "skipped" not in captured.err


def test_an_interrupted_transfer_aborts_tells_the_totals_and_gives_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    send, sent = Association.send_c_store, []

    def interrupt(self: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(args)
        if len(sent) == 2:
            raise KeyboardInterrupt
        return send(self, *args, **kwargs)

    monkeypatch.setattr("dicomwire.blocking.Association.send_c_store", interrupt)
    for number in range(4):
        dicom_file(tmp_path / str(number), instance=f"1.{number}")
    with peer(handlers=Received().handlers) as server:
        assert storescu(server.port, tmp_path) == 130
        assert server.closed.wait(20)
    assert server.outcomes == ["EVT_ABORTED"]
    captured = capsys.readouterr()
    assert captured.out.startswith("1 stored, 0 stored with a warning, 3 failed, 0 skipped;")
    assert "E: 3 files not sent" in captured.err and "Interrupted" in captured.err


def test_message_ids_start_again_after_65535() -> None:
    module = import_module("dicomwire.apps.storescu.sending")
    ids: list[int] = []

    class Established:
        is_established = True

        def send_c_store(self, path: Path, msg_id: int) -> Dataset:
            ids.append(msg_id)
            return answer

    answer = Dataset()
    answer.Status = 0
    many = files((CT, EXPLICIT)) * 65537
    sending = module.Sending(None, [], many, module.Outcomes(), lambda size: None)
    assert sending._send(Established()) == 65537
    assert (ids[0], ids[65534], ids[65535], ids[65536]) == (1, 65535, 1, 2)
