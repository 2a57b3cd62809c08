"""The library's advice, which names arguments, in the words of the applications, which have options."""

from __future__ import annotations

_OPTIONS = {
    "acse_timeout is how long": "-ta (--acse-timeout) is how long",
    "dimse_timeout is how long": "-td (--dimse-timeout) is how long",
    "network_timeout is how long": "-tn (--network-timeout) is how long",
    "or give the AE a title it knows": "or give a title it knows with -aet (--calling-aet)",
    "give its own as called AE title (ae_title)": "give its own with -aec (--called-aet)",
    "it may expect TLS,": "it may expect TLS (--tls-ca, --tls-cert),",
    "it may want a certificate of ours, from somebody it trusts": (
        "it may want a certificate of ours, from somebody it trusts (--tls-cert, --tls-key)"
    ),
    "the SSLContext does not trust its certificate, or it is for another host name": (
        "it is signed by nobody in --tls-ca (without: of this system), or for another host name (--tls-no-verify-host)"
    ),
    "or not with this SSLContext": "or not with these certificates (--tls-ca, --tls-cert, --tls-key)",
    "it may expect TLS or not": "it may expect TLS (--tls-ca, --tls-cert) or not",
    "it may not accept our user identity": "it may not accept our user identity (--user and the like)",
    ", or take ssl.VERIFY_X509_STRICT out of the verify_flags of the SSLContext": "",
    ": add those wanted to storage_classes": ": add those wanted with -sc (--storage-class)",
}


def in_options(text: str) -> str:
    """``text`` with the options to change where the library names arguments.

    Whole phrases are looked for: a name alone may be part of a path, or said by a peer.
    """
    for said, option in _OPTIONS.items():
        text = text.replace(said, option)
    return text
