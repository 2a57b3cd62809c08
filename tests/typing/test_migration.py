"""The program that the type checkers accept does what it says."""

from __future__ import annotations

from pathlib import Path

from dicomwire import _config
from tests.typing import check_faces, check_migration, check_own_face


def test_a_typed_program_in_the_style_of_pynetdicom_runs(tmp_path: Path) -> None:
    before = _config.LOG_RESPONSE_IDENTIFIERS
    try:
        said = check_migration.main(tmp_path)
    finally:
        _config.LOG_RESPONSE_IDENTIFIERS = before
    assert said == [
        "True 0 ARCHIVE",
        "echo 0x0000",
        "store Success",
        "found 1CT1",
        "get 0xFF00 1",
        "get 0x0000 1",
        "move 0xFF00",
        "move 0x0000",
        "created 1.2.3.4.5",
        "PATIENT",
        "released True ['127.0.0.1']",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["CT.dcm"]


def test_what_is_checked_by_type_checkers_only_can_be_imported() -> None:
    assert check_faces.OwnServer.__mro__[1].__name__ == "AssociationServer"
    assert check_own_face.Awaited is not None
