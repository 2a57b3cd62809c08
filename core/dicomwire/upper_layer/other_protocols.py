"""What else speaks to a DICOM port, told by its first bytes."""

from __future__ import annotations

from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.proxy_header import SIGNATURE_1, SIGNATURE_2
from dicomwire.upper_layer.reasons import AbortReason

_LOOKS_LIKE = (
    (b"GET ", "an HTTP request"),
    (b"POST", "an HTTP request"),
    (b"HEAD", "an HTTP request"),
    (b"HTTP", "an HTTP answer"),
    (b"PUT ", "an HTTP request"),
    (b"OPTI", "an HTTP request"),
    (b"DELE", "an HTTP request"),
    (b"PATC", "an HTTP request"),
    (b"CONN", "an HTTP request"),
    (b"PRI ", "an HTTP/2 connection"),
    (b"SSH-", "SSH"),
    (SIGNATURE_1[:4], "a PROXY protocol header, which only who is trusted with it may send"),
    (SIGNATURE_2[:4], "a PROXY protocol header, version 2, which only who is trusted with it may send"),
    (b"\x0bMSH", "an HL7 message"),
    (b"\x16\x03", "a TLS handshake: does the peer expect TLS here?"),
    (b"\x15\x03", "a TLS alert"),
)


def unrecognized(first: bytes) -> RemoteProtocolError:
    """The error for bytes that begin no PDU, of which up to four are looked at."""
    message = f"unrecognized PDU type {first[0]:#04x}"
    for signature, what in _LOOKS_LIKE:
        if first.startswith(signature):
            message += f": this looks like {what}"
    return RemoteProtocolError(message, reason=AbortReason.UNRECOGNIZED_PDU)
