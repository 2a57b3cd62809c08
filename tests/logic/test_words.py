"""Names and texts: what a caller gave or a peer said, checked and shown."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

import pytest

from dicomwire import _config
from dicomwire.operations.argument_checks import check_message_id, check_request, check_uid, command_title
from dicomwire.vocabulary.titles_and_uids import (
    decode_bytes,
    pretty_bytes,
    received_text,
    set_ae,
    set_uid,
    set_version_name,
    uid_name,
)
from dicomwire.vocabulary.tls_words import alert_of, tell_failed_handshake


# -- names of UIDs -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("1.2.840.10008.1.1", "Verification SOP Class"),
        ("1.2.3.4", "1.2.3.4"),
        ("no\nuid", "no\\nuid"),
        ("1." * 50, "1." * 50),
        ("1." * 51, "1." * 48 + "1..."),
    ],
)
def test_a_uid_is_named_if_it_has_a_name_and_shown_as_it_is_otherwise(uid: str, name: str) -> None:
    assert uid_name(uid) == name


# -- text that was received ----------------------------------------------------------------------------------------
def test_text_beyond_ascii_is_read_with_the_codecs_that_are_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    received = " Größe ".encode().decode("latin-1")
    monkeypatch.setattr(_config, "CODECS", ("ascii",))
    assert received_text(received) == received
    assert received_text(" STORE ") == " STORE "
    monkeypatch.setattr(_config, "CODECS", ("ascii", "utf-8"))
    assert received_text(received) == "Gre"


def test_who_configured_the_codecs_is_told_which_did_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "CODECS", ("ascii", "utf-8"))
    with pytest.raises(ValueError, match="ascii, utf-8"):
        decode_bytes(b"\xff")
    monkeypatch.setattr(_config, "CODECS", ())
    with pytest.raises(ValueError, match="no codecs"):
        decode_bytes(b"a")


def test_a_dump_is_cut_at_512_bytes_unless_there_is_no_limit() -> None:
    assert pretty_bytes(bytes(513))[0].endswith("First 512 of 513 bytes:")
    assert len(pretty_bytes(bytes(512))) == 32
    assert len(pretty_bytes(bytes(1600), max_size=None)) == 100


# -- titles and UIDs that are given --------------------------------------------------------------------------------
def test_a_title_of_bytes_is_warned_of_where_it_was_given() -> None:
    def setter() -> None:
        set_ae(b"TITLE", "title")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        setter()
    (warning,) = caught
    # The line of whoever called the setter; where mutants are tried there is a call between.
    if not os.environ.get("DICOMWIRE_FEW_EXAMPLES"):
        assert warning.filename == __file__ and warning.lineno == setter.__code__.co_firstlineno + 5


def test_what_is_no_text_is_named() -> None:
    wrong: Any = 7
    with pytest.raises(TypeError, match=r"'title'.*str or None.*int"):
        set_ae(wrong, "title")
    with pytest.raises(TypeError, match=r"'name'.*int"):
        set_version_name(wrong, "name")
    with pytest.raises(TypeError, match=r"'uid'.*or None.*int"):
        set_uid(wrong, "uid")
    with pytest.raises(TypeError, match=r"message ID.*str"):
        check_message_id("7")  # type: ignore[arg-type]


@pytest.mark.parametrize("message_id", [0, 1, 65535])
def test_a_request_has_a_message_id_of_16_bits_and_one_of_three_priorities(message_id: int) -> None:
    for priority in (0, 1, 2):
        check_request(message_id, priority)
    for priority in (-1, 3):
        with pytest.raises(ValueError, match="priority"):
            check_request(message_id, priority)
    for wrong in (-1, 65536):
        with pytest.raises(ValueError, match="message ID"):
            check_request(wrong, 2)


def test_a_title_may_be_blank_or_empty_where_that_is_allowed() -> None:
    assert set_ae("", "title") == ""
    for blank in ("", "  "):
        with pytest.raises(ValueError, match=r"'title'"):
            set_ae(blank, "title", allow_empty=False)
    assert set_ae("  ", "title") == "  "
    with pytest.raises(ValueError, match=r"'title'"):
        set_ae(" " * 17, "title")


def test_a_uid_of_bytes_ends_before_its_padding() -> None:
    assert set_uid(b"1.2.3\0", "uid") == "1.2.3"
    assert set_uid(b"1.2.3XX", "uid") == "1.2.3XX"
    with pytest.raises(ValueError, match=r"'uid'.*1\.1\.1"):
        set_uid("1." * 40, "uid")


@pytest.mark.parametrize("missing", [None, ""])
def test_a_uid_that_is_needed_is_asked_for_by_its_name(missing: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="'class_uid'") as raised:
        check_uid(missing, "class_uid")
    assert "or None" not in str(raised.value)
    assert type(raised.value) is (ValueError if missing == "" else TypeError)


@pytest.mark.parametrize("message_id", [0, 1, 65535, True])
def test_a_message_id_has_16_bits(message_id: int) -> None:
    assert check_message_id(message_id) == message_id


def test_a_title_in_a_command_is_padded_where_that_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command_title("DEST") == "DEST"
    monkeypatch.setattr(_config, "USE_SHORT_DIMSE_AET", False)
    assert command_title("DEST") == "DEST            "
    assert command_title(None) is None


# -- TLS -----------------------------------------------------------------------------------------------------------
class Association:
    """As much of one as is shown."""

    def __init__(self) -> None:
        self.line = self.sides = self
        self.peer_name = "192.0.2.1:11112"


class TooSlow(Exception):
    """As those of event loops are called."""


class Strict(Exception):
    verify_code = 85


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("no shared cipher"), "192.0.2.1:11112 failed: no shared cipher"),
        (OSError("no\nshared cipher"), "192.0.2.1:11112 failed: no\\nshared cipher"),
        (OSError("x" * 300), "192.0.2.1:11112 failed: " + "x" * 300),
        (OSError("x" * 301), "192.0.2.1:11112 failed: " + "x" * 297 + "..."),
        (OSError(), "192.0.2.1:11112 failed: connection closed"),
        (TooSlow(), "192.0.2.1:11112 failed: timed out"),
    ],
)
def test_a_failed_handshake_is_told_with_the_peer_and_why(
    error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    tell_failed_handshake(Association(), error)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage().partition(" with ")[2]) == (logging.ERROR, said)


def test_a_failed_handshake_is_told_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    tell_failed_handshake(Association(), Strict("missing authority key identifier"))
    assert "failed: missing authority key identifier: the certificate" in caplog.text
    assert "VERIFY_X509_STRICT" in caplog.text


def test_an_alert_is_cut_at_a_hundred_characters() -> None:
    class SSLError(Exception):
        def __init__(self, reason: str) -> None:
            super().__init__(reason)
            self.reason = reason

    shown = [alert_of(SSLError("TLSV1_ALERT_" + "X" * length)) for length in (88, 89)]
    assert shown == ["tlsv1 alert " + "x" * 88, "tlsv1 alert " + "x" * 85 + "..."]
