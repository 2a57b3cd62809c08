"""What the library advises, in the words of the applications."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps._common.words import in_options
from dicomwire.associations import explanation
from tests.apps.archives import archive
from tests.apps.helpers import HOST, peer

KEY = ["-k", "QueryRetrieveLevel=STUDY"]


def test_every_piece_of_advice_that_names_an_argument_is_put_into_options() -> None:
    """None of the words of Python that the library's advice has today is left."""
    source = Path(explanation.__file__).read_text()
    advice = [text for text in re.findall(r'(?:return|:) f?"([^"]+)"', source) if _NAMES.search(text)]
    assert len(advice) >= 5
    assert [text for text in map(in_options, advice) if _NAMES.search(text)] == []


_NAMES = re.compile(r"\w+_timeout|ae_title|SSLContext|load_cert_chain|the AE ")


def test_what_a_file_is_called_stays() -> None:
    assert in_options("/data/dimse_timeout/ae_title.dcm skipped") == "/data/dimse_timeout/ae_title.dcm skipped"


def one_error(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line[0] not in "IW"]
    assert line.startswith("E: ")
    return line


@pytest.mark.parametrize(
    ("settings", "options"),
    [({"require_called_aet": True}, "-aec"), ({"require_calling_aet": ["FRIEND"]}, "-aet")],
)
@pytest.mark.parametrize("name", ["echoscu", "findscu", "getscu", "movescu"])
def test_a_rejection_names_the_title_to_change(
    name: str, settings: dict[str, Any], options: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [] if name == "echoscu" else KEY
    with archive(**settings) as server:
        assert main([name, HOST, server.port, *more]) == 1
    line = one_error(capsys)
    assert f" {options} (--cal" in line and "ae_title" not in line and "the AE " not in line


def test_a_peer_that_does_not_answer_the_request_names_the_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((HOST, 0)) as silent:
        assert main(["echoscu", HOST, str(silent.getsockname()[1]), "-ta", "0.2"]) == 1
    line = one_error(capsys)
    assert "-ta (--acse-timeout)" in line and "TLS (--tls-ca" in line and " acse_timeout" not in line


@pytest.mark.parametrize("name", ["findscu", "getscu", "movescu"])
def test_a_peer_that_does_not_answer_names_the_timeout(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    done = threading.Event()

    def never(event: evt.Event) -> tuple[int, None]:
        done.wait(20)
        return 0xA900, None

    with archive([never]) as server:
        assert main([name, HOST, server.port, *KEY, "-td", "0.2"]) == 1
        done.set()
    line = one_error(capsys)
    assert "timed out waiting for a response: -td (--dimse-timeout)" in line and " dimse_timeout" not in line


@pytest.mark.parametrize("name", ["findscu", "getscu", "movescu"])
def test_a_model_that_the_peer_has_not_names_the_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with peer() as server:
        assert main([name, HOST, server.port, *KEY]) == 1
    assert "-P, -S and -O choose another information model" in one_error(capsys)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["echoscu", HOST, "104", "--tls-cert", __file__], "--tls-cert"),
        (["echoscu", HOST, "104", "--tls-ca", __file__], "--tls-ca"),
        (["echoscp", "0", "--tls-cert", __file__, "--tls-key", __file__], "--tls-cert"),
    ],
)
def test_a_tls_file_that_is_none_is_named_with_its_option(
    args: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    assert words in capsys.readouterr().err


def test_a_certificate_without_its_key_asks_for_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert main(["echoscu", HOST, "104", "--tls-cert", str(certificate)]) == 2
    assert "--tls-cert has no private key in it: --tls-key is the file that has" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "options"),
    [
        (["storescp", "PORT"], "PORT and -ba (--bind-address)"),
        (["movescu", HOST, "104", *KEY, "--store", "--store-port", "PORT"], "--store-port and --store-address"),
    ],
)
def test_a_port_in_use_names_the_option(
    args: list[str], options: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("", 0)) as taken:
        given = [str(taken.getsockname()[1]) if argument == "PORT" else argument for argument in args]
        assert main([*given, "-od", str(tmp_path)]) == 1
    assert options in one_error(capsys)


def test_an_identity_that_is_not_confirmed_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    with peer() as server:
        assert main(["echoscu", HOST, server.port, "-usr", "me", "-rsp"]) == 1
    assert "-rsp" in one_error(capsys)
