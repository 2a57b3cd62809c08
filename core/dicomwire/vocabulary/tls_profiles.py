"""The TLS profiles of PS3.15 annex B, as plain values: which versions, and which cipher suites."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from dicomwire._logging import logger
from dicomwire._values import Value

LOGGER = logger(__name__)


@frozen(kw_only=True, repr=False, eq=False)
class TLSProfile(Value):
    """A secure transport connection profile (PS3.15 annex B)."""

    section: str
    """Where PS3.15 has it, such as ``"B.12"``."""

    name: str
    """As its title there has it, without "TLS Secure Transport Connection Profile"."""

    ciphers: tuple[str, ...]
    """The suites of TLS 1.2 by their IANA names, the preferred one first."""

    minimum_version: tuple[int, int] = (1, 2)
    """TLS 1.3 is preferred where both ends have it; the profiles permit all of its suites (RFC 8446)."""

    least_security: int = 2
    """Of OpenSSL: at 2 no RSA or DHE key below 2048 bits, no elliptic curve below 224, no signature with SHA-1."""

    permits_others: bool = True
    """Whether a site may use other cipher suites beside these."""

    def __str__(self) -> str:
        return f"{self.section} ({self.name})"


B_12 = TLSProfile(
    section="B.12",
    name="BCP 195 RFC 8996, 9325",
    # Those that RFC 9325 4.2 recommends.
    ciphers=(
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ),
)

B_13 = TLSProfile(
    section="B.13",
    name="Modified BCP 195 RFC 8996, 9325",
    # Authenticated encryption, and keys of ephemeral elliptic curves; the shortened tags of CCM_8 come last.
    ciphers=(
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    ),
    permits_others=False,
)

PROFILES = (B_12, B_13)
"""Those that PS3.15 has today."""

_RETIRED = {
    "B.9": "BCP 195",
    "B.10": "Non-Downgrading BCP 195",
    "B.11": "Extended BCP 195",
}
"""What PS3.15 had before B.12 took their place: whoever kept to one of them and speaks TLS 1.2 can agree with B.12."""


def _key(name: str) -> str:
    return re.sub(r"(tls)?(securetransportconnection)?(profile)?$", "", re.sub(r"[^a-z0-9]", "", name.lower()))


_KNOWN = {_key(name): profile for profile in PROFILES for name in (profile.section, profile.name)} | {
    _key("BCP 195 RFC 8996"): B_12,
    _key("Modified BCP 195 RFC 8996"): B_13,
}


def tls_profile(name: str) -> TLSProfile:
    """The TLS profile of PS3.15 annex B with this name or section.

    ``"B.12"`` or ``"BCP 195 RFC 8996"``, which is for everybody, ``"B.13"`` or ``"Modified BCP 195 RFC 8996"``, which
    permits a short list of cipher suites and nothing else; case and punctuation do not matter.  The retired ``"B.9"``,
    ``"B.10"`` and ``"B.11"`` are B.12, and the log says so.

    Raises:
        ValueError: there is none.
    """
    key = _key(name)
    if profile := _KNOWN.get(key):
        return profile
    for section, title in _RETIRED.items():
        if key in (_key(section), _key(title)):
            LOGGER.warning("the TLS profile %s (%s) is retired in PS3.15: %s is used", section, title, B_12)
            return B_12
    known = ", ".join(str(profile) for profile in PROFILES)
    raise ValueError(f"there is no TLS profile {name[:64]!r} in PS3.15: there are {known}")


def openssl_name(suite: str) -> str:
    """What OpenSSL calls a cipher suite of TLS 1.2; a name that is not IANA's is returned as it is."""
    matched = re.fullmatch(r"TLS_(\w+)_WITH_(\w+)", suite)
    if matched is None:
        return suite
    exchange = "" if matched[1] == "RSA" else f"{matched[1].replace('_', '-')}-"
    cipher = matched[2].replace("3DES_EDE_CBC", "DES-CBC3").replace("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305")
    cipher = re.sub(r"(AES|CAMELLIA)_(\d+)_(CBC_)?", r"\1\2-", cipher)
    return exchange + cipher.replace("CCM_8", "CCM8").replace("_", "-")


def cipher_names(given: str | Sequence[str]) -> list[str]:
    """Cipher suites, of a list or with commas, colons or blanks between them.

    Raises:
        ValueError: there is none, or one of TLS 1.3, which has its own.
    """
    names = re.split(r"[,:\s]+", given) if isinstance(given, str) else list(given)
    names = [name for name in names if name]
    if not names:
        raise ValueError("no cipher suite is named")
    for name in names:
        if name.startswith("TLS_") and "_WITH_" not in name:
            raise ValueError(f"{name} is a suite of TLS 1.3, which are always on: name those of TLS 1.2")
    return names
