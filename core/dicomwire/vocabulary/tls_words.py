"""What TLS reports, in words for people, and what to do about it.

The core may not import `ssl`: its errors are known by the names of their classes, and by the attributes that the
documents of Python give them.
"""

from __future__ import annotations

from typing import Any

from dicomwire._logging import logger, printable

LOGGER = logger(__name__)

_STRICT = range(78, 95)
"""What OpenSSL finds only with X509_V_FLAG_X509_STRICT (x509_vfy.h)."""

_END = "EOF"
_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")

WANTS_A_CERTIFICATE = "it may want a certificate of ours, from somebody it trusts"
"""With TLS 1.3 that is told after the handshake, and not by every peer."""


def alert_of(error: BaseException | None) -> str | None:
    """What the TLS of the peer said before the connection ended, such as "tlsv13 alert certificate required"."""
    reason = getattr(error, "reason", None)
    if not isinstance(reason, str) or "SSLError" not in _names(error) or _END in reason:
        return None
    return printable(reason.replace("_", " ").lower(), 100)


def advice_on_handshake(error: BaseException) -> str | None:
    """What whoever requests an association can do about a handshake that failed; None if TLS is not why."""
    names = _names(error)
    if "SSLCertVerificationError" in names:
        return (
            advice_on_certificate(error)
            or "the SSLContext does not trust its certificate, or it is for another host name"
        )
    if "HandshakeClosed" in names:
        return f"it may not speak TLS on that port; {WANTS_A_CERTIFICATE}"
    if "SSLError" in names or "HandshakeTimeout" in names:
        if _is_about_our_certificate(getattr(error, "reason", None)):
            return f"{WANTS_A_CERTIFICATE}, or not agree with this SSLContext"
        return "it may not speak TLS on that port, or not with this SSLContext"
    return None


def advice_on_certificate(error: BaseException) -> str | None:
    """What to do about a certificate that only strict checks find fault with."""
    if getattr(error, "verify_code", None) not in _STRICT:
        return None
    return (
        "the certificate, or one that signed it, breaks a rule of RFC 5280 that Python checks from 3.13 on: have it "
        "made anew, or take ssl.VERIFY_X509_STRICT out of the verify_flags of the SSLContext"
    )


def _is_about_our_certificate(reason: str | None) -> bool:
    # Before TLS 1.3 the handshake itself fails, with as little to say as "handshake failure".
    return reason is not None and "ALERT" in reason and any(word in reason for word in _CERTIFICATE)


def tell_failed_handshake(association: Any, error: BaseException) -> None:
    """Log, as acceptor, that a peer and we did not agree upon TLS."""
    why = printable(str(error), 300) or ("timed out" if "Too" in type(error).__name__ else "connection closed")
    advice = advice_on_certificate(error)
    peer = association.line.sides.peer_name
    LOGGER.error("TLS handshake with %s failed: %s%s", peer, why, f": {advice}" if advice else "")


def is_encrypted(transport: Any) -> bool:
    """Whether what a channel names as its ``transport_socket`` speaks TLS."""
    return hasattr(transport, "getpeercert")


def _names(error: BaseException | None) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
