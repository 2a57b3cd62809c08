"""``dicomwire conformance``: statements of applications and of AEs in modules."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dicomwire import events as evt
from dicomwire.__main__ import APPLICATIONS, main
from dicomwire.apps.conformance.entities_found import WITH_ENTITIES, NoEntity, in_module, of_application
from tests.apps.helpers import CT, HOST, dicom_file, peer

ADAPTERS = ("asyncio", "blocking", "memory", "trio")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_every_user_and_provider_is_known() -> None:
    assert set(WITH_ENTITIES) == {name for name in APPLICATIONS if name.endswith(("scu", "scp"))}


@pytest.mark.parametrize("name", WITH_ENTITIES)
def test_every_application_has_a_statement_and_leaves_nothing_behind(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conformance", name]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert f"{name} application entity specification" in out and f"| {name.upper()} |" in out
    assert not list(tmp_path.iterdir())


def test_options_of_the_application_are_those_of_the_statement(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-xi", "--no-echo", "-aet", "OURS", "-ta", "7", "--processes", "3", "-od", "new", "--trace", "t"]
    assert main(["conformance", "storescp", *options]) == 0
    out = capsys.readouterr().out
    assert "| OURS |" in out and "| artim | 7 |" in out
    assert "C-ECHO: status codes given" not in out and "Explicit VR" not in out
    assert not list(Path().iterdir())


def test_movescu_with_store_is_two_entities(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", "movescu", "--store", "-k", "PatientID=1"]) == 0
    out = capsys.readouterr().out
    assert "movescu, as a provider application entity specification" in out
    assert out.index("movescu application") < out.index("movescu, as a provider application")


@pytest.mark.parametrize(
    ("name", "more"), [("echoscu", []), ("storescu", ["in.dcm"]), ("getscu", ["-k", "QueryRetrieveLevel=STUDY"])]
)
def test_what_is_stated_is_what_is_proposed(name: str, more: list[str], tmp_path: Path) -> None:
    dicom_file(tmp_path / "in.dcm")
    seen: list[Any] = []
    with peer(handlers=[(evt.EVT_REQUESTED, lambda event: seen.append(event.assoc.requestor))]) as server:
        main([name, HOST, server.port, *more, "-q"])
        (stated,) = of_application(name, [HOST, server.port, *more])
    (requestor,) = seen
    proposed = [(item.abstract_syntax, item.transfer_syntax) for item in requestor.requested_contexts]
    assert [(item.abstract_syntax, item.transfer_syntax) for item in stated.proposes()] == proposed
    assert stated.ae.maximum_pdu_size == requestor.maximum_length
    assert stated.ae.implementation_class_uid == requestor.implementation_class_uid


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_ae_of_each_adapter_has_a_statement(
    adapter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        f"from dicomwire.{adapter} import AE",
        f'ae = AE("OF_{adapter.upper()}")',
        f'ae.add_supported_context("{CT}")',
        "def made():",
        "    return [ae, ae]",
    ]
    (tmp_path / f"ours_{adapter}.py").write_text("\n".join(lines))
    assert main(["conformance", f"ours_{adapter}:ae"]) == 0
    assert f"| OF_{adapter.upper()} | Storage | no | yes |" in capsys.readouterr().out
    assert len(in_module(f"ours_{adapter}:made")) == 2


def test_html_goes_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--html", "-o", "made.html", "--title", "Ours <1>"]
    assert main(["conformance", *options, "echoscp"]) == 0
    assert not capsys.readouterr().out
    page = (tmp_path / "made.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>") and "<h1>Ours &lt;1&gt;</h1>" in page


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder").mkdir()
    assert main(["conformance", "-o", "nowhere/made.md", "echoscp"]) == 1
    assert "E: nowhere/made.md cannot be written: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["trace"], 2, "is none of echoscp"),
        (["storescp", "--bogus"], 2, "would not begin"),
        (["echoscu", "peer", "0"], 2, "would not begin"),
        (["nosuchmodule:ae"], 1, "No module named"),
        (["sys:"], 2, "is not module:name"),
        (["sys:nosuch"], 1, "AttributeError"),
        (["sys:maxsize"], 1, "is int, not an AE"),
        (["sys:maxsize", "more"], 2, "for applications only"),
        (["builtins:list"], 1, "is empty"),
    ],
)
def test_what_has_no_entity_is_told(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["conformance", *arguments]) == code
    assert said in capsys.readouterr().err


def test_applications_run_as_ever_after_they_were_asked() -> None:
    of_application("echoscp")
    with pytest.raises(NoEntity):
        of_application("demo")
    describing = import_module("dicomwire.apps._common.describing")
    assert not describing.is_describing()
