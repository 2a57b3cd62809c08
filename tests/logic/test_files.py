"""Which files can be sent, and the presentation contexts that it takes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydicom.errors import InvalidDicomError

from dicomwire import contexts_for
from dicomwire.data.files import look_for_files
from dicomwire.files import StoredFile, find_files, required_contexts
from dicomwire.presentation import PresentationContext
from tests.apps.helpers import BIG_ENDIAN, CT, DEFLATED, EXPLICIT, IMPLICIT, JPEG, MR, RLE, dicom_file


def pairs(contexts: Iterable[PresentationContext]) -> list[tuple[str, tuple[str, ...]]]:
    return [(str(item.abstract_syntax), tuple(map(str, item.transfer_syntax))) for item in contexts]


def files(*wanted: tuple[str, str]) -> list[StoredFile]:
    return [
        StoredFile(path=Path(str(number)), size=1, sop_class_uid=sop_class, transfer_syntax_uid=syntax)
        for number, (sop_class, syntax) in enumerate(wanted)
    ]


def classes(count: int) -> list[str]:
    return [f"1.2.{number:03}" for number in range(count)]


def test_each_pair_of_class_and_syntax_gets_a_context(tmp_path: Path) -> None:
    for name, sop_class, syntax in (
        ("a", MR, IMPLICIT), ("b", CT, JPEG), ("c", CT, EXPLICIT), ("d", CT, JPEG), ("e", CT, IMPLICIT),
    ):  # fmt: skip
        dicom_file(tmp_path / name, sop_class=sop_class, syntax=syntax)
    assert pairs(contexts_for(tmp_path)) == [
        (CT, (IMPLICIT,)), (CT, (EXPLICIT,)), (CT, (JPEG,)), (MR, (IMPLICIT,)),
    ]  # fmt: skip


def test_paths_may_be_files_or_directories_as_text_or_as_paths(tmp_path: Path) -> None:
    dicom_file(tmp_path / "a", sop_class=MR)
    below = tmp_path / "below"
    below.mkdir()
    dicom_file(below / "b")
    assert pairs(contexts_for([str(below / "b")])) == pairs(contexts_for(below)) == [(CT, (EXPLICIT,))]
    assert pairs(contexts_for(map(str, (tmp_path / "a", below)))) == [(CT, (EXPLICIT,)), (MR, (EXPLICIT,))]


def test_directories_below_are_looked_into_only_if_asked(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    dicom_file(tmp_path / "below" / "a")
    os.symlink(tmp_path, tmp_path / "below" / "loop", target_is_directory=True)
    assert contexts_for(tmp_path) == []
    assert pairs(contexts_for(tmp_path, recurse=True)) == [(CT, (EXPLICIT,))]


def test_what_cannot_be_sent_is_skipped_with_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dicom_file(tmp_path / "good")
    dicom_file(tmp_path / "DICOMDIR", sop_class="1.2.840.10008.1.3.10")
    dicom_file(tmp_path / "anonymous", instance="")
    dicom_file(tmp_path / "long", sop_class="1." + "2" * 80)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "forged\nE: line").write_text("no DICOM")
    with caplog.at_level(logging.WARNING, "dicomwire"):
        assert pairs(contexts_for([tmp_path, tmp_path / "missing"])) == [(CT, (EXPLICIT,))]
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 6
    assert sum(" skipped: " in message for message in messages) == 5
    assert sum(" cannot be sent: " in message for message in messages) == 1
    assert not any("\n" in message for message in messages)
    assert [record.levelname for record in caplog.records if "missing" in record.getMessage()] == ["ERROR"]


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """Two good files, two of those that cannot be sent, two that are none, two directories below, two empty ones."""
    (tmp_path / "full").mkdir()
    for name in ("a", "b"):
        (tmp_path / "full" / f"below {name}").mkdir()
        dicom_file(tmp_path / "full" / f"good {name}")
        dicom_file(tmp_path / "full" / f"long {name}", sop_class="1." + "2" * 80)
        (tmp_path / "full" / f"text {name}").write_text("no DICOM")
        dicom_file(tmp_path / "full" / f"below {name}" / "deep")
        (tmp_path / f"empty {name}" / "nor here").mkdir(parents=True)
    return tmp_path


def test_what_is_found_is_counted_by_what_it_is(medium: Path) -> None:
    named = [medium / "missing", medium / "full" / "text a", medium / "full"]
    found = look_for_files(named)
    assert [file.path.name for file in found.files] == ["good a", "good b"]
    assert (found.refused, found.skipped, found.foreign) == (2, 3, 1), "of those skipped two were named"
    assert sorted(path.name for path in found.below) == ["below a", "below b"]
    assert found.empty == []
    good = found.files[0]
    assert good.path == medium / "full" / "good a" and good.size == good.path.stat().st_size
    assert (good.sop_class_uid, good.transfer_syntax_uid) == (CT, EXPLICIT)
    assert find_files(named) == (found.files, 5)


def test_what_is_below_is_found_too_and_what_is_empty_is_named(medium: Path) -> None:
    directories = [medium / "empty a", medium / "full", medium / "empty b"]
    found = look_for_files(directories, recurse=True)
    assert [file.path.name for file in found.files] == ["deep", "deep", "good a", "good b"]
    assert (found.empty, found.below, found.foreign) == ([medium / "empty a", medium / "empty b"], [], 2)
    assert look_for_files(directories).empty == [], "there are directories in them"


def test_a_link_to_a_directory_is_passed_by(tmp_path: Path) -> None:
    for name in "abcd":
        os.symlink(tmp_path, tmp_path / f"{name} link", target_is_directory=True)
        dicom_file(tmp_path / name)
    assert len(look_for_files([tmp_path], recurse=True).files) == 4


def test_one_directory_that_cannot_be_read_is_not_the_end_nor_empty(
    medium: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    iterdir = Path.iterdir

    def forbid(path: Path) -> Iterable[Path]:
        # Not by its mode: root may read everything.
        if path.name == "empty a":
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", forbid)
    found = look_for_files([medium / "full", medium / "empty a"])
    assert (len(found.files), found.skipped, found.foreign, found.empty) == (2, 3, 2, [])
    assert f"{medium / 'empty a'} skipped: Permission denied" in caplog.text


def test_where_it_is_told_what_is_skipped_may_be_chosen(medium: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = logging.getLogger("tests.files")
    find_files([medium / "full" / "text a"], logger=own)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("tests.files", "ERROR")


def test_a_pipe_that_is_named_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidDicomError, match="pipe: not a regular file"):
        find_files([tmp_path / "pipe"], strict=True)


@pytest.mark.parametrize("name", ["readme.txt", "missing"])
def test_strict_raises_for_the_first_file_that_cannot_be_sent(name: str, tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no DICOM")
    with pytest.raises((InvalidDicomError, FileNotFoundError), match=name):
        contexts_for(tmp_path / name, strict=True)


def test_strict_raises_for_a_directory_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(path: Path) -> None:
        # Not by its mode: root may read everything.
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", forbid)
    with pytest.raises(PermissionError):
        find_files([tmp_path], strict=True)


def test_up_to_128_pairs_share_nothing() -> None:
    wanted = [(uid, syntax) for uid in classes(64) for syntax in (EXPLICIT, IMPLICIT)]
    assert pairs(required_contexts(files(*wanted))) == [
        (uid, (syntax,)) for uid in classes(64) for syntax in (IMPLICIT, EXPLICIT)
    ]


def test_beyond_128_those_that_convert_into_each_other_share_first(caplog: pytest.LogCaptureFixture) -> None:
    wanted = [(uid, EXPLICIT) for uid in classes(126)]
    wanted += [("9.9", syntax) for syntax in (JPEG, RLE, IMPLICIT, DEFLATED, EXPLICIT)]
    chosen = pairs(required_contexts(files(*wanted)))
    # 131 pairs: three of the last class become one, and then two more have to go.
    assert len(chosen) == 127
    assert chosen[-1] == ("9.9", (EXPLICIT, IMPLICIT, DEFLATED, JPEG, RLE))
    assert "128 pairs" in caplog.text
    chosen = pairs(required_contexts(files(*wanted[2:])))
    assert chosen[-3:] == [("9.9", (EXPLICIT, IMPLICIT, DEFLATED)), ("9.9", (JPEG,)), ("9.9", (RLE,))]


def test_big_endian_is_not_taken_for_convertible() -> None:
    wanted = [(uid, EXPLICIT) for uid in classes(127)] + [("9.9", BIG_ENDIAN), ("9.9", EXPLICIT)]
    assert pairs(required_contexts(files(*wanted)))[-1] == ("9.9", (EXPLICIT, BIG_ENDIAN))


def test_no_more_classes_share_than_have_to() -> None:
    wanted = [(uid, syntax) for uid in classes(65) for syntax in (EXPLICIT, IMPLICIT)]
    chosen = pairs(required_contexts(files(*wanted)))
    assert len(chosen) == 128
    assert sum(len(syntaxes) == 2 for _, syntaxes in chosen) == 2
    assert {uid for uid, _ in chosen} == set(classes(65))


def test_those_with_the_most_transfer_syntaxes_share_first() -> None:
    wanted = [(uid, EXPLICIT) for uid in classes(124)]
    wanted += [(uid, syntax) for uid in ("1.1", "9.9") for syntax in (EXPLICIT, IMPLICIT)]
    wanted += [("5.5", syntax) for syntax in (EXPLICIT, IMPLICIT, DEFLATED)]
    chosen = pairs(required_contexts(files(*wanted)))
    assert len(chosen) == 128
    assert {uid for uid, syntaxes in chosen if len(syntaxes) > 1} == {"5.5", "1.1"}


def test_more_than_128_sop_classes_do_not_fit() -> None:
    with pytest.raises(ValueError, match="129 SOP classes"):
        required_contexts(files(*[(uid, EXPLICIT) for uid in classes(129)]))
