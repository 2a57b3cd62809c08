"""TLS contexts from the options of the applications."""

from __future__ import annotations

import ssl
from pathlib import Path

import click


def client_context(
    certificate: str | None, key: str | None, authorities: str | None, verify_host: bool
) -> ssl.SSLContext | None:
    """TLS 1.2 or later to a server with a certificate that ``authorities``, or the system's, signed.

    None if no option asks for TLS.  ``certificate`` and ``key`` are our own, for a server that wants one.

    Raises:
        click.UsageError: a file is not what it should be.
    """
    if key and not certificate:
        raise click.UsageError("--tls-key needs --tls-cert.")
    if not certificate and not authorities and verify_host:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=authorities)
    except OSError as error:
        raise _unusable(f"--tls-ca {authorities}", error) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = verify_host
    if certificate:
        _present(context, certificate, key)
    return context


def server_context(
    certificate: str | None, key: str | None, authorities: str | None, *, required: bool = False
) -> ssl.SSLContext | None:
    """TLS 1.2 or later with our ``certificate``; with ``authorities``, clients need a certificate they signed.

    None if no option asks for TLS, and it is not ``required``.

    Raises:
        click.UsageError: certificate or key is missing, or a file not what it should be.
    """
    if not certificate and not key and not authorities and not required:
        return None
    if not certificate or not key:
        raise click.UsageError("A TLS server needs both --tls-cert and --tls-key.")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _present(context, certificate, key)
    if authorities:
        try:
            context.load_verify_locations(authorities)
        except OSError as error:
            raise _unusable(f"--tls-ca {authorities}", error) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _present(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    """Have ``context`` present our certificate."""
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        if key is None and _is_without_key(certificate):
            raise click.UsageError("--tls-cert has no private key in it: --tls-key is the file that has.") from error
        raise _unusable(f"--tls-cert {certificate}" + (f" with --tls-key {key}" if key else ""), error) from error


def _is_without_key(certificate: str) -> bool:
    try:
        held = Path(certificate).read_bytes()
    except OSError:
        return False
    return b"CERTIFICATE-----" in held and b"PRIVATE KEY-----" not in held


def _unusable(what: str, error: OSError) -> click.UsageError:
    return click.UsageError(f"{what} cannot be used: {error}")
