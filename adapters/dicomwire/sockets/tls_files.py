"""`ssl.SSLContext`s from files and a TLS profile, made anew as often as the files change."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from os import PathLike
from typing import TypeAlias

from attrs import field, frozen

from dicomwire._values import Value
from dicomwire.vocabulary.tls_profiles import B_12, TLSProfile, cipher_names, openssl_name, tls_profile

File: TypeAlias = str | PathLike[str]


class UnusableTLS(ValueError):
    """There can be no such context.  ``field`` names the attribute of :class:`TLSFiles` to look at."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def _profile(given: TLSProfile | str) -> TLSProfile:
    return tls_profile(given) if isinstance(given, str) else given


@frozen(kw_only=True, repr=False, eq=False)
class TLSFiles(Value):
    """Who we are, whom we trust and how to speak TLS, for either end of an association.

    Each context is made of the files as they are at that moment, so that what was renewed is used without a restart:
    ``server.ssl_context = files.server_context()`` is for the connections that come from then on.
    """

    certificate: File | None = None
    """Ours, with those of the authorities between it and a root (PEM).  A server needs one."""

    key: File | None = None
    """Its private key; None if it is in the file of the certificate."""

    authorities: File | None = None
    """Whose signature on the certificate of the peer counts (PEM).  None: a client trusts those that the system trusts,
    and a server asks for no certificate."""

    profile: TLSProfile = field(default=B_12, converter=_profile)
    """One of PS3.15, or its name: see :func:`tls_profile`."""

    ciphers: str | Sequence[str] = ()
    """Cipher suites of TLS 1.2 in place of those of the profile, by the names of IANA or OpenSSL: a list, or a string
    with colons or commas.  For peers that have nothing better: ``"TLS_RSA_WITH_AES_128_CBC_SHA"``."""

    requires_certificates: bool = True
    """As a server with ``authorities``: whether clients must have a certificate.  If not, one that they show must still
    be signed by those."""

    check_hostname: bool = True
    """As a client: whether the certificate of the server must name the host that was called."""

    password: str | bytes | Callable[[], str | bytes] | None = field(default=None, repr=False)
    """Of the private key; None: OpenSSL asks on the terminal, if there is a need."""

    def server_context(self) -> ssl.SSLContext:
        """For a server: ``ssl_context`` of ``start_server()``.

        Raises:
            UnusableTLS: there is no certificate, a file is not what it should be, or no cipher suite can be used.
        """
        if self.certificate is None:
            raise UnusableTLS("certificate", "a TLS server needs a certificate")
        context = self._limited(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
        self._present(context, self.certificate)
        if self.authorities is not None:
            try:
                context.load_verify_locations(self.authorities)
            except OSError as error:
                raise self._untrustworthy(error) from error
            context.verify_mode = ssl.CERT_REQUIRED if self.requires_certificates else ssl.CERT_OPTIONAL
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a requestor: the first of ``tls_args`` of ``associate()``.

        Raises:
            UnusableTLS: there is a key without certificate, a file is not what it should be, or no suite can be used.
        """
        try:
            # With a file, whom the system trusts does not count.
            context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.authorities)
        except OSError as error:
            raise self._untrustworthy(error) from error
        self._limited(context)
        context.check_hostname = self.check_hostname
        if self.certificate is not None:
            self._present(context, self.certificate)
        elif self.key is not None:
            raise UnusableTLS("key", "a private key is of no use without its certificate")
        return context

    def _limited(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """``context`` with the versions and cipher suites of the profile, or those that were given in their place."""
        assert self.profile.minimum_version == (1, 2)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self.ciphers:
            known = [openssl_name(name) for name in self.profile.ciphers]
            # Those that this OpenSSL has not are passed over.
            context.set_ciphers(":".join([*known, f"@SECLEVEL={self.profile.least_security}"]))
            return context
        try:
            names = cipher_names(self.ciphers)
        except ValueError as error:
            raise UnusableTLS("ciphers", str(error)) from error
        foreign = [name for name in names if openssl_name(name) not in map(openssl_name, self.profile.ciphers)]
        if foreign and not self.profile.permits_others:
            raise UnusableTLS("ciphers", f"the profile {self.profile} permits no {foreign[0][:64]}")
        for name in names:
            # Of a list OpenSSL would pass over what it does not know.
            if name.startswith("TLS_"):
                _select(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), name, name)
        _select(context, ":".join(map(openssl_name, names)), ":".join(names))
        return context

    def _present(self, context: ssl.SSLContext, certificate: File) -> None:
        try:
            context.load_cert_chain(certificate, self.key, self.password)
        except OSError as error:
            if self.key is None and _is_without_key(certificate):
                text = (
                    f"the file of the certificate, {certificate}, has no private key in it, and no other file is given"
                )
                raise UnusableTLS("key", text) from error
            files = f"{certificate} with the key {self.key}" if self.key else f"{certificate}"
            raise UnusableTLS("certificate", f"the certificate {files} cannot be used: {error}") from error

    def _untrustworthy(self, error: OSError) -> UnusableTLS:
        return UnusableTLS("authorities", f"the authorities {self.authorities} cannot be used: {error}")


def _select(context: ssl.SSLContext, ciphers: str, shown: str) -> None:
    try:
        context.set_ciphers(":".join(map(openssl_name, ciphers.split(":"))))
    except ssl.SSLError as error:
        raise UnusableTLS("ciphers", f"this OpenSSL has no cipher suite {shown[:200]}") from error


def _is_without_key(certificate: File) -> bool:
    try:
        with open(certificate, "rb") as file:
            held = file.read(1 << 20)
    except OSError:
        return False
    return b"CERTIFICATE-----" in held and b"PRIVATE KEY-----" not in held
