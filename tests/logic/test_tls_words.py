"""What TLS reports, in words: errors are known by the names of their classes, with and without `ssl`."""

from __future__ import annotations

import ssl

import pytest

from dicomwire.vocabulary.tls_words import (
    WANTS_A_CERTIFICATE,
    advice_on_certificate,
    advice_on_handshake,
    alert_of,
    is_encrypted,
)


def failed(kind: type[ssl.SSLError], reason: str | None = None, verify_code: int | None = None) -> ssl.SSLError:
    error = kind(1, "it failed")
    if reason is not None:
        error.reason = reason
    if verify_code is not None:
        vars(error)["verify_code"] = verify_code
    return error


class HandshakeClosed(OSError):
    """Named as that of the adapters."""


class HandshakeTimeout(OSError):
    """Named as that of the adapters."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (failed(ssl.SSLError, "TLSV13_ALERT_CERTIFICATE_REQUIRED"), "tlsv13 alert certificate required"),
        (failed(ssl.SSLError, "BAD\x1bREASON"), r"bad\x1breason"),
        (failed(ssl.SSLError, "UNEXPECTED_EOF_WHILE_READING"), None),
        (failed(ssl.SSLError), None),
        (ConnectionResetError("reset"), None),
        (None, None),
    ],
    ids=["alert", "unprintable", "end", "no reason", "not TLS", "nothing"],
)
def test_an_alert_is_told_and_an_end_is_none(error: BaseException | None, words: str | None) -> None:
    assert alert_of(error) == words


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (failed(ssl.SSLCertVerificationError), "does not trust its certificate"),
        (failed(ssl.SSLCertVerificationError, verify_code=85), "VERIFY_X509_STRICT"),
        (HandshakeClosed(), f"may not speak TLS on that port; {WANTS_A_CERTIFICATE}"),
        (HandshakeTimeout(), "or not with this SSLContext"),
        (failed(ssl.SSLError, "WRONG_VERSION_NUMBER"), "may not speak TLS on that port, or not with this SSLContext"),
        (failed(ssl.SSLError, "TLSV1_ALERT_PROTOCOL_VERSION"), "may not speak TLS on that port, or not with this"),
        (failed(ssl.SSLError, "SSLV3_ALERT_HANDSHAKE_FAILURE"), f"{WANTS_A_CERTIFICATE}, or not agree"),
        (failed(ssl.SSLError, "TLSV1_ALERT_UNKNOWN_CA"), f"{WANTS_A_CERTIFICATE}, or not agree"),
    ],
    ids=["trust", "strict", "closed", "timeout", "no TLS", "other alert", "handshake failure", "unknown CA"],
)
def test_what_to_do_about_a_handshake_that_failed(error: BaseException, advice: str) -> None:
    assert advice in str(advice_on_handshake(error))


def test_what_is_not_of_tls_is_not_explained_by_it() -> None:
    assert advice_on_handshake(ConnectionResetError()) is None


@pytest.mark.parametrize(("code", "strict"), [(77, False), (78, True), (94, True), (95, False)])
def test_only_what_strict_checks_alone_find_is_called_strict(code: int, strict: bool) -> None:
    assert (advice_on_certificate(failed(ssl.SSLCertVerificationError, verify_code=code)) is not None) is strict


def test_a_transport_that_has_certificates_is_encrypted() -> None:
    assert is_encrypted(ssl.SSLSocket) and not is_encrypted(object())
