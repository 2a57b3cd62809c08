"""TLS from the options of the applications."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import click

from dicomwire.sockets.tls_files import TLSFiles, UnusableTLS
from dicomwire.vocabulary.tls_profiles import B_12, TLSProfile, tls_profile

_OPTIONS = {
    "certificate": "--tls-cert",
    "key": "--tls-key",
    "authorities": "--tls-ca",
    "profile": "--tls-profile",
    "ciphers": "--tls-ciphers",
}


def _profile(context: click.Context, option: click.Parameter, value: str) -> TLSProfile:
    try:
        return tls_profile(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def file_option(name: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that takes a file that exists."""
    return click.option(name, type=click.Path(exists=True, dir_okay=False), metavar="FILE", help=text)


_COMMON = [
    click.option(
        "--tls-profile",
        default=B_12.section,
        callback=_profile,
        metavar="NAME",
        help="TLS profile of PS3.15: B.12, which is BCP 195 RFC 8996, or the stricter B.13.",
    ),
    click.option(
        "--tls-ciphers",
        default="",
        metavar="NAMES",
        help="Cipher suites of TLS 1.2 in place of those of the profile, with colons or commas.",
    ),
]

OF_A_USER = [
    file_option("--tls-cert", "Our certificate, if the peer wants one (PEM); turns TLS on."),
    file_option("--tls-key", "Its private key, if it is in another file."),
    file_option("--tls-ca", "Who must have signed the certificate of the peer (PEM); turns TLS on."),
    click.option("--tls-no-verify-host", is_flag=True, help="TLS, whatever host the certificate names."),
    *_COMMON,
]

OF_A_PROVIDER = [
    file_option("--tls-cert", "Our certificate (PEM); turns TLS on."),
    file_option("--tls-key", "Its private key."),
    file_option("--tls-ca", "Who must have signed the certificates of clients (PEM), which then need one."),
    click.option("--tls-optional-client-cert", is_flag=True, help="With --tls-ca: clients may go without certificate."),
    *_COMMON,
]


def user_files(
    tls_cert: str | None,
    tls_key: str | None,
    tls_ca: str | None,
    tls_no_verify_host: bool = False,
    tls_profile: TLSProfile = B_12,
    tls_ciphers: str = "",
) -> TLSFiles | None:
    """What the options of a user say of TLS; None if none asks for it.

    Raises:
        click.UsageError: there is a key and no certificate.
    """
    if tls_key and not tls_cert:
        raise click.UsageError("--tls-key needs --tls-cert.")
    if not tls_cert and not tls_ca and not tls_no_verify_host:
        _nothing_to_limit(tls_profile, tls_ciphers, "--tls-ca or --tls-cert turns it on")
        return None
    return TLSFiles(
        certificate=tls_cert,
        key=tls_key,
        authorities=tls_ca,
        profile=tls_profile,
        ciphers=tls_ciphers,
        check_hostname=not tls_no_verify_host,
    )


def provider_files(
    tls_cert: str | None,
    tls_key: str | None,
    tls_ca: str | None,
    tls_optional_client_cert: bool = False,
    tls_profile: TLSProfile = B_12,
    tls_ciphers: str = "",
) -> TLSFiles | None:
    """What the options of a provider say of TLS; None if none asks for it.

    Raises:
        click.UsageError: certificate or key is missing.
    """
    if not tls_cert and not tls_key and not tls_ca:
        _nothing_to_limit(tls_profile, tls_ciphers, "--tls-cert turns it on")
        return None
    if not tls_cert or not tls_key:
        raise click.UsageError("A TLS server needs both --tls-cert and --tls-key.")
    if tls_optional_client_cert and not tls_ca:
        raise click.UsageError("--tls-optional-client-cert needs --tls-ca.")
    return TLSFiles(
        certificate=tls_cert,
        key=tls_key,
        authorities=tls_ca,
        profile=tls_profile,
        ciphers=tls_ciphers,
        requires_certificates=not tls_optional_client_cert,
    )


def _nothing_to_limit(profile: TLSProfile, ciphers: str, advice: str) -> None:
    if ciphers or profile is not B_12:
        # In the clear is not what somebody wants who chooses ciphers.
        given = "--tls-ciphers" if ciphers else "--tls-profile"
        raise click.UsageError(f"{given} is for TLS: {advice}.")


def client_context(files: TLSFiles | None) -> ssl.SSLContext | None:
    """To a server with a certificate that the authorities, or the system's, signed; None without TLS.

    Raises:
        click.UsageError: a file is not what it should be, or there is no such cipher suite.
    """
    return None if files is None else _made(files.client_context)


def server_context(files: TLSFiles | None) -> ssl.SSLContext | None:
    """With our certificate; with authorities, clients need a certificate they signed.  None without TLS.

    Raises:
        click.UsageError: a file is not what it should be, or there is no such cipher suite.
    """
    return None if files is None else _made(files.server_context)


def _made(make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    try:
        return make()
    except UnusableTLS as error:
        raise click.UsageError(in_words(error)) from error


def in_words(error: UnusableTLS) -> str:
    """The same with the option that it is about."""
    if error.field == "key":
        return "--tls-cert has no private key in it: --tls-key is the file that has."
    return f"{_OPTIONS[error.field]}: {error}"
