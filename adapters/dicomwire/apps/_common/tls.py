"""TLS contexts from the options of the applications."""

from __future__ import annotations

import ssl

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
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = verify_host
        if certificate:
            if not key and not _has_key(certificate):
                raise click.UsageError("--tls-cert has no private key in it: --tls-key is the file that has.")
            context.load_cert_chain(certificate, key)
    except OSError as error:
        raise _unusable(error) from error
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
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
        if authorities:
            context.load_verify_locations(authorities)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise _unusable(error) from error
    return context


def _has_key(path: str) -> bool:
    """Whether a PEM file holds a private key; OpenSSL says "PEM lib" if not."""
    with open(path, "rb") as file:
        return b"PRIVATE KEY-----" in file.read()


def _unusable(error: OSError) -> click.UsageError:
    return click.UsageError(f"The TLS certificate, key or authorities cannot be used: {error}")
