import os
import re
import subprocess
import sys

import pytest
from pydicom.uid import UID

from dicomwire import _config, _globals, _implementation
from dicomwire._validators import validate_ae, validate_ui
from dicomwire._version import __version__


def test_the_twelve_options_and_ours_have_their_defaults() -> None:
    options = {name: value for name, value in vars(_config).items() if name.isupper()}
    assert options == {
        "LOG_HANDLER_LEVEL": "standard",
        "ENFORCE_UID_CONFORMANCE": False,
        "USE_SHORT_DIMSE_AET": True,
        "LOG_REQUEST_IDENTIFIERS": True,
        "LOG_RESPONSE_IDENTIFIERS": True,
        "STORE_SEND_CHUNKED_DATASET": False,
        "STORE_RECV_CHUNKED_DATASET": False,
        "PASS_CONTEXTVARS": False,
        "WINDOWS_TIMER_RESOLUTION": 1,
        "CODECS": ("ascii",),
        "VALIDATORS": {"AE": validate_ae, "UI": validate_ui},
        "UNRESTRICTED_STORAGE_SERVICE": False,
        "LOG_PATIENT_DATA": True,
    }


@pytest.mark.parametrize("title", ["A", " ", "sixteen charactr", " spaces ", "a/b-c.d_"])
def test_an_ae_title_is_taken(title: str) -> None:
    assert validate_ae(title) == (True, "")


@pytest.mark.parametrize("title", ["seventeen charact", "é", "a\\b", "a\nb", "a\0", "\x7f"])
def test_an_ae_title_is_refused_with_a_reason(title: str) -> None:
    ok, reason = validate_ae(title)
    assert not ok
    assert reason


@pytest.mark.parametrize(("uid", "ok"), [("1", True), ("1.02", True), ("abc", True), ("1" * 64, True)])
def test_only_the_length_of_a_uid_counts(uid: str, ok: bool) -> None:
    assert validate_ui(uid) == (ok, "")


@pytest.mark.parametrize("uid", ["", "1" * 65])
def test_a_uid_has_1_to_64_characters(uid: str) -> None:
    assert not validate_ui(uid)[0]


@pytest.mark.parametrize(
    ("uid", "ok"), [("1", True), ("1.2.0.3", True), ("1.02", False), ("1..2", False), ("a", False), ("1.2\n", False)]
)
def test_conformance_can_be_enforced(monkeypatch: pytest.MonkeyPatch, uid: str, ok: bool) -> None:
    monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
    assert validate_ui(uid)[0] is ok


def test_the_globals() -> None:
    assert _globals.DEFAULT_MAX_LENGTH == 16382
    assert _globals.APPLICATION_CONTEXT_NAME == "1.2.840.10008.3.1.1.1"
    assert (_globals.MODE_REQUESTOR, _globals.MODE_ACCEPTOR) == ("requestor", "acceptor")


def test_the_implementation_is_ours_and_valid() -> None:
    assert UID(_implementation.IMPLEMENTATION_UID).is_valid
    assert _implementation.IMPLEMENTATION_UID.startswith(_implementation.UID_PREFIX)
    assert re.fullmatch(r"2\.25\.[1-9][0-9]+\.", _implementation.UID_PREFIX)
    assert re.fullmatch(r"DICOMWIRE_\d{1,6}", _implementation.IMPLEMENTATION_VERSION)


def test_the_implementation_changes_with_the_version() -> None:
    numbers = re.findall(r"\d+", __version__)
    assert _implementation.IMPLEMENTATION_UID.endswith("." + ".".join(numbers))
    assert _implementation.IMPLEMENTATION_VERSION.endswith("".join(numbers))


def test_the_historical_names_have_our_values() -> None:
    assert _implementation.PYNETDICOM_UID_PREFIX == _implementation.UID_PREFIX
    assert _implementation.PYNETDICOM_IMPLEMENTATION_UID == _implementation.IMPLEMENTATION_UID
    assert _implementation.PYNETDICOM_IMPLEMENTATION_VERSION == _implementation.IMPLEMENTATION_VERSION


def test_globals_and_implementation_do_not_need_pydicom() -> None:
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    code = "import sys; from dicomwire import _globals, _implementation, _config; print('pydicom' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == "False"
