"""--trace of the applications, and ``dicomwire trace``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.traces import read_trace
from tests.apps.helpers import CT, HOST, dicom_file, peer


def recorded(folder: Path, *more: str) -> Path:
    """An instance stored, and a user who has a password."""
    path = folder / "a.dwtrace"
    with peer(handlers=[(evt.EVT_C_STORE, lambda event: 0x0000)]) as server:
        options = ["--user", "alice", "--password", "sesame", "--trace", str(path), *more]
        assert main(["storescu", HOST, server.port, str(dicom_file(folder / "in.dcm")), "-q", *options]) == 0
    return path


def test_what_an_application_has_recorded_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded(tmp_path)
    assert len(read_trace(path)) == 1
    assert main(["trace", "show", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "-> A-ASSOCIATE-RQ" in shown and "C-STORE-RSP, message ID 1, status 0x0000 (Success)" in shown
    assert CT in shown and "alice" not in shown and "sesame" not in shown


@pytest.mark.parametrize(("options", "is_kept"), [((), False), (("--trace-data-sets",), True)])
def test_data_sets_are_recorded_if_that_is_asked_for(tmp_path: Path, options: tuple[str, ...], is_kept: bool) -> None:
    path = recorded(tmp_path, *options)
    instance = (tmp_path / "in.dcm").read_bytes()
    assert (instance[-100:] in path.read_bytes()) is is_kept


def test_nothing_is_recorded_over_a_file_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "precious"
    path.write_bytes(b"x")
    assert main(["echoscu", HOST, "1", "--trace", str(path)]) == 2
    assert "exists already" in capsys.readouterr().err and path.read_bytes() == b"x"
    assert main(["echoscu", HOST, "1", "--trace", str(tmp_path / "no" / "a")]) == 2


def test_a_trace_becomes_a_capture_and_a_trace_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("dpkt")
    path, capture, back = recorded(tmp_path), tmp_path / "a.pcapng", tmp_path / "b.dwtrace"
    assert main(["trace", "convert", str(path), str(capture)]) == 0
    assert main(["trace", "convert", str(capture), str(back)]) == 0
    capsys.readouterr()
    shown = []
    for file in (path, capture, back):
        assert main(["trace", "show", str(file)]) == 0
        # All but the first line, which says who has recorded it, and what is said of the ends.
        shown.append([line.split() for line in capsys.readouterr().out.splitlines() if "--" in line or "RSP" in line])
    assert shown[0] == shown[1] == shown[2] != []
    assert main(["trace", "convert", str(path), str(capture)]) == 1
    assert "exists" in capsys.readouterr().err


def test_a_page_is_written_to_a_new_file_that_only_we_may_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = recorded(tmp_path), tmp_path / "a.html"
    capsys.readouterr()
    assert main(["trace", "show", str(path), "--html", str(out)]) == 0
    text = out.read_text("ascii")
    assert "<title>a.dwtrace</title>" in text and "C-STORE-RSP" in text and "sesame" not in text
    assert os.name == "nt" or out.stat().st_mode & 0o777 == 0o600
    assert main(["trace", "show", str(path), "--html", str(out)]) == 1
    assert "exists" in capsys.readouterr().err and out.read_text("ascii") == text


def test_what_is_no_trace_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_bytes(b"\x89DWT\r\n\x1a\n\0\7" + bytes(6))
    (tmp_path / "b").write_bytes(b"what is this?")
    for name in ("a", "b"):
        assert main(["trace", "show", str(tmp_path / name)]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    assert main(["trace", "show", str(tmp_path / "c")]) == 2


def test_deviations_are_told_with_the_section(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recorded(tmp_path)
    capsys.readouterr()
    assert main(["trace", "check", str(path)]) == 0
    assert capsys.readouterr().out == ""
    captures = Path(__file__).parents[1] / "data" / "captures"
    assert main(["trace", "check", str(captures / "accept-without-usable-context.json")]) == 0
    assert "requestor: closes the connection without a release" in capsys.readouterr().out
