"""The TLS profiles of PS3.15 annex B."""

from __future__ import annotations

import logging

import pytest

from dicomwire.tls import tls_profile
from dicomwire.vocabulary.tls_profiles import B_12, B_13, TLSProfile, cipher_names, openssl_name

AES_GCM = {
    f"TLS_ECDHE_{kind}_WITH_AES_{size}" for kind in ("RSA", "ECDSA") for size in ("128_GCM_SHA256", "256_GCM_SHA384")
}


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("B.12", B_12),
        ("b12", B_12),
        ("BCP 195 RFC 8996", B_12),
        ("BCP 195 RFC 8996, 9325", B_12),
        ("BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile", B_12),
        ("B.13", B_13),
        ("Modified BCP 195 RFC 8996", B_13),
        ("modified bcp 195 rfc 8996, 9325", B_13),
    ],
)
def test_a_profile_is_known_by_its_section_and_by_its_name(name: str, profile: TLSProfile) -> None:
    assert tls_profile(name) is profile


@pytest.mark.parametrize(
    "name", ["B.9", "B.10", "B.11", "BCP 195 TLS Profile", "Non-Downgrading BCP 195", "Extended BCP 195"]
)
def test_a_retired_profile_is_the_one_that_replaced_it_and_is_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert tls_profile(name) is B_12
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "is retired in PS3.15" in record.getMessage()


@pytest.mark.parametrize("name", ["", "B.1", "B.3", "B.14", "B", "AES"])
def test_what_is_no_profile_names_those_that_are(name: str) -> None:
    with pytest.raises(ValueError, match=r"there are B\.12 \(BCP 195 RFC 8996, 9325\), B\.13 \(Modified"):
        tls_profile(name)


def test_b_12_has_what_rfc_9325_recommends() -> None:
    assert set(B_12.ciphers) == AES_GCM
    assert B_12.permits_others


def test_b_13_has_ephemeral_curves_and_authenticated_encryption_only() -> None:
    assert set(B_13.ciphers) > AES_GCM
    assert all(name.startswith("TLS_ECDHE_") for name in B_13.ciphers)
    assert all("GCM" in name or "CCM" in name or "POLY1305" in name for name in B_13.ciphers)
    assert not B_13.permits_others


@pytest.mark.parametrize(
    ("name", "openssl"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM8"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "ECDHE-ECDSA-AES256-CCM"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256"),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA"),
        ("TLS_RSA_WITH_NULL_SHA", "NULL-SHA"),
        ("TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA", "DHE-RSA-CAMELLIA256-SHA"),
        ("HIGH:!aNULL", "HIGH:!aNULL"),
    ],
)
def test_openssl_has_names_of_its_own(name: str, openssl: str) -> None:
    assert openssl_name(name) == openssl


def test_suites_are_a_list_or_one_string() -> None:
    assert cipher_names("A,B:C  D,") == cipher_names(["A", "B", "C", "D"]) == ["A", "B", "C", "D"]


def test_suites_of_tls_1_3_are_not_for_choice() -> None:
    with pytest.raises(ValueError, match="TLS_AES_128_GCM_SHA256 is a suite of TLS"):
        cipher_names("TLS_AES_128_GCM_SHA256")
    with pytest.raises(ValueError, match="no cipher suite"):
        cipher_names(" , ")
