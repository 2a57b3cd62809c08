"""What the options of the applications become, and which command lines are wrong."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dicomwire import __version__, _config
from dicomwire.__main__ import main
from dicomwire._globals import ALL_TRANSFER_SYNTAXES

IMPLICIT, EXPLICIT, DEFLATED, BIG = ALL_TRANSFER_SYNTAXES[:4]
USERS = {
    "echoscu": ["localhost", "11112"],
    "explain": ["localhost", "11112"],
    "storescu": ["localhost", "11112", "file.dcm"],
    "findscu": ["localhost", "11112", "-k", "PatientName="],
    "getscu": ["localhost", "11112", "-k", "PatientName="],
    "movescu": ["localhost", "11112", "-k", "PatientName="],
}
PROVIDERS = {"echoscp": ["11112"], "storescp": ["11112"]}
EVERY = {**USERS, **PROVIDERS, "wlmscp": ["11112", "worklist"]}

COMMON_MISTAKES = [
    ["-q", "-v"],
    ["--quiet", "--debug"],
    ["-v", "-d"],
    ["-ll", "fatal"],
    ["-ll"],
    ["-ta", "soon"],
    ["-td", "-1"],
    ["-tn", ""],
    ["-pdu", "many"],
    ["-pdu", "-1"],
    ["-pdu", "6"],
    ["-aet", "SEVENTEEN LETTERS"],
    ["-aet", " "],
    ["-xe", "-xb"],
    ["-xb", "-xi"],
    ["--nosuch"],
    ["--tls-cert", "/no/such/file"],
    ["--tls-key", __file__],
    ["--tls-cert", __file__, "--tls-key", __file__],
    ["--tls-ca", "/no/such/file"],
]


USER_MISTAKES = [
    ["--user", "me", "--jwt", __file__],
    ["--kerberos", __file__, "--saml", __file__],
    ["-usr", ""],
    ["-usr", "x" * 65536],
    ["-usr", "me", "-pwd", "x" * 65536],
    ["--saml", "/no/such/file"],
    ["-rsp"],
]


@pytest.mark.parametrize("name", USERS)
@pytest.mark.parametrize("mistake", USER_MISTAKES, ids=lambda words: " ".join(words)[:40])
def test_a_wrong_identity_gives_2_and_says_why(
    name: str, mistake: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, *USERS[name], *mistake]) == 2
    captured = capsys.readouterr()
    assert "Error: " in captured.err and "Traceback" not in captured.err and not captured.out


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("mistake", COMMON_MISTAKES, ids=" ".join)
def test_a_wrong_option_gives_2_and_says_why(name: str, mistake: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, *EVERY[name], *mistake]) == 2
    captured = capsys.readouterr()
    assert "Error: " in captured.err and "Traceback" not in captured.err and not captured.out


@pytest.mark.parametrize(
    "args",
    [
        ["echoscu"],
        ["echoscu", "localhost"],
        ["echoscu", "localhost", "port"],
        ["echoscu", "localhost", "0"],
        ["echoscu", "localhost", "65536"],
        ["echoscu", "localhost", "104", "more"],
        ["echoscu", "localhost", "104", "--repeat", "0"],
        ["echoscu", "localhost", "104", "-aec", "\u00e4"],
        ["echoscu", "localhost", "104", "--tls-ca", __file__],
        ["storescu", "localhost", "104"],
        ["findscu", "-k", "PatientID="],
        ["findscu", "localhost", "104", "PatientID="],
        ["findscu", "localhost", "104", "-k"],
        ["findscu", "localhost", "104", "-k", "PatientID=", "--cancel", "0"],
        ["findscu", "localhost", "104", "-k", "PatientID=", "-od", __file__],
        ["findscu", "localhost", "104", "-k", "PatientID=", "--relational-retrieval"],
        ["getscu", "localhost", "104", "-k", "PatientID=", "-W"],
        ["getscu", "localhost", "104", "-k", "PatientID=", "-od", __file__],
        ["getscu", "localhost", "104", "-k", "PatientID=", "--fuzzy-names"],
        ["movescu", "localhost", "104", "-k", "PatientID=", "-U"],
        ["movescu", "localhost", "104", "-k", "PatientID=", "--store", "--store-port", "65536"],
        ["movescu", "localhost", "104", "-k", "PatientID=", "--store", "--store-tls"],
        ["movescu", "localhost", "104", "-k", "PatientID=", "--store", "--store-tls", "--tls-cert", __file__],
        ["echoscp"],
        ["echoscp", "104", "105"],
        ["echoscp", "65536"],
        ["echoscp", "104", "-x=", "-xi"],
        ["echoscp", "104", "--tls-ca", __file__],
        ["storescp", "104", "-od", __file__],
        ["storescp", "104", "-xe", "--prefer-uncompr"],
        ["explain"],
        ["explain", "no-such-file"],
        ["explain", "localhost", "104", "--connections", "0"],
        ["demo", "more"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_give_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    assert "Error: " in capsys.readouterr().err


@pytest.mark.parametrize("name", [*EVERY, "demo"])
def test_the_version_needs_no_arguments(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = import_module(f"dicomwire.apps.{name}.{name}")
    assert module.main(["--version"]) == 0
    assert capsys.readouterr().out == f"{name}.py v{__version__}\n"


@pytest.mark.parametrize("name", [*EVERY, "demo"])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_not_an_error(name: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, option]) == 0
    assert f"Usage: dicomwire {name}" in capsys.readouterr().out


def test_without_args_the_command_line_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["dicomwire", "--version"])
    assert import_module("dicomwire.apps.echoscu.echoscu").main() == 0
    assert main() == 0
    assert capsys.readouterr().out == f"echoscu.py v{__version__}\n{__version__}\n"


# -- providers -----------------------------------------------------------------------------------------------------
class Served:
    """Takes the place of serve() and remembers what it was called with."""

    def __init__(self) -> None:
        self.provider: Any = None
        self.contexts: dict[str, list[str]] = {}
        self.handlers: list[str] = []
        self.level = 0
        self.logs_patients: bool | None = None

    def __call__(self, provider: Any, contexts: Any, handlers: Any, logger: logging.Logger, observers: Any = ()) -> int:
        self.provider = provider
        self.contexts = {str(item.abstract_syntax): [str(uid) for uid in item.transfer_syntax] for item in contexts}
        self.handlers = [event.name for event, *_ in handlers]
        self.level = logger.getEffectiveLevel()
        self.logs_patients = _config.LOG_PATIENT_DATA
        return 0


def served(monkeypatch: pytest.MonkeyPatch, name: str, *args: str) -> Served:
    """What ``name`` with ``args`` would serve."""
    result = Served()
    monkeypatch.setattr(f"dicomwire.apps.{name}.{name}.serve", result)
    assert main([name, "11112", *args]) == 0
    return result


@pytest.mark.parametrize(("name", "title"), [("echoscp", "ECHOSCP"), ("storescp", "STORESCP")])
def test_a_provider_has_the_documented_defaults(name: str, title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = served(monkeypatch, name).provider
    assert (provider.port, provider.bind_address, provider.ae_title, provider.tls) == (11112, "", title, None)
    network = provider.network
    assert (network.acse_timeout, network.dimse_timeout, network.network_timeout) == (30, 30, 30)
    assert network.max_pdu == 16382


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    "args",
    [
        ["-aet", "ME", "-ba", "127.0.0.1", "-ta", "1.5", "-td", "2", "-tn", "0", "-pdu", "0"],
        ["--ae-title=ME", "--bind-address=127.0.0.1", "--acse-timeout=1.5", "--dimse-timeout=2", "--network-timeout=0",
         "--max-pdu=0"],
    ],
    ids=["short", "long"],
)  # fmt: skip
def test_a_provider_takes_every_option_in_both_spellings(
    name: str, args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = served(monkeypatch, name, *args).provider
    assert (provider.ae_title, provider.bind_address) == ("ME", "127.0.0.1")
    network = provider.network
    assert (network.acse_timeout, network.dimse_timeout, network.network_timeout) == (1.5, 2, 0)
    assert network.max_pdu == 0


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    ("options", "first", "count", "last"),
    [
        ([], IMPLICIT, 45, ALL_TRANSFER_SYNTAXES[-1]),
        (["-xe"], EXPLICIT, 45, ALL_TRANSFER_SYNTAXES[-1]),
        (["--prefer-little"], EXPLICIT, 45, ALL_TRANSFER_SYNTAXES[-1]),
        (["-xb"], BIG, 45, ALL_TRANSFER_SYNTAXES[-1]),
        (["--prefer-big"], BIG, 45, ALL_TRANSFER_SYNTAXES[-1]),
        (["-xi"], IMPLICIT, 1, IMPLICIT),
        (["--implicit"], IMPLICIT, 1, IMPLICIT),
        (["-x="], EXPLICIT, 45, IMPLICIT),
        (["--prefer-uncompr"], EXPLICIT, 45, IMPLICIT),
    ],
)
def test_a_provider_supports_transfer_syntaxes_in_the_order_asked_for(
    name: str, options: list[str], first: str, count: int, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for syntaxes in served(monkeypatch, name, *options).contexts.values():
        assert (syntaxes[0], len(set(syntaxes)), syntaxes[-1]) == (first, count, last)


def test_echoscp_offers_verification_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(served(monkeypatch, "echoscp").contexts) == ["1.2.840.10008.1.1"]


@pytest.mark.parametrize(("options", "echo"), [([], True), (["--no-echo"], False)])
def test_storescp_offers_storage_and_verification(
    options: list[str], echo: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = served(monkeypatch, "storescp", *options).contexts
    assert ("1.2.840.10008.1.1" in contexts) is echo
    assert len(contexts) > 120


def test_storescp_has_its_handlers_with_and_without_ignore(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keeping = served(monkeypatch, "storescp", "-od", str(tmp_path)).handlers
    assert keeping == ["EVT_C_STORE_SINK", "EVT_C_STORE", "EVT_CONN_CLOSE"]
    assert served(monkeypatch, "storescp", "--ignore").handlers == ["EVT_C_STORE_SINK", "EVT_C_STORE"]


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ([], logging.ERROR),
        (["-q"], logging.CRITICAL + 1),
        (["--quiet"], logging.CRITICAL + 1),
        (["-v"], logging.INFO),
        (["--verbose"], logging.INFO),
        (["-d"], logging.DEBUG),
        (["--debug"], logging.DEBUG),
        (["-ll", "critical"], logging.CRITICAL),
        (["-ll", "error"], logging.ERROR),
        (["-ll", "warn"], logging.WARNING),
        (["--log-level", "warning"], logging.WARNING),
        (["-ll", "INFO"], logging.INFO),
        (["-ll", "debug"], logging.DEBUG),
        (["-q", "-ll", "info"], logging.INFO),
        (["-d", "-ll", "error"], logging.ERROR),
    ],
)
def test_the_log_level_follows_the_options(options: list[str], level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served(monkeypatch, "echoscp", *options).level == level


@pytest.mark.parametrize("option", ["--log-patient-data", "--no-log-patient-data"])
def test_patients_are_logged_or_not(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served(monkeypatch, "echoscp", option).logs_patients is (option == "--log-patient-data")
    assert _config.LOG_PATIENT_DATA


def test_logging_is_as_before_when_an_application_has_run(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("dicomwire")
    before = logger.level, logger.handlers[:]
    served(monkeypatch, "echoscp", "-d")
    assert (logger.level, logger.handlers) == before
