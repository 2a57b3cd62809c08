"""Options that the applications share, and what they make of them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from inspect import signature
from typing import Any, TypeAlias

import click
from attrs import asdict, frozen

from dicomwire._globals import ALL_TRANSFER_SYNTAXES, DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire.apps._common import tls_options
from dicomwire.apps._common.admission_options import ADMISSION, admitted
from dicomwire.apps._common.identity import IDENTITY, user_identity
from dicomwire.apps._common.naming_proxies import PROXY_PROTOCOL
from dicomwire.apps._common.network_options import NETWORK, NetworkOptions
from dicomwire.apps._common.proxy_command import PROXY_COMMAND, filled_in
from dicomwire.associations.allowed import Allowed
from dicomwire.associations.proxied import ProxyProtocol
from dicomwire.compat.pdu_primitives import UserIdentityNegotiation
from dicomwire.sockets.tls_files import TLSFiles
from dicomwire.vocabulary.titles_and_uids import set_ae
from dicomwire.vocabulary.tls_profiles import TLSProfile

Function: TypeAlias = Callable[..., Any]
Decorator: TypeAlias = Callable[[Function], Function]

CONTEXT_SETTINGS: Mapping[str, Any] = {"help_option_names": ["-h", "--help"], "show_default": True}


# -- parts ---------------------------------------------------------------------------------------------------------
def exclusive(group: str) -> Callable[[click.Context, click.Parameter, bool], bool]:
    """The callback of flags of which at most one may be given; ``group`` tells which belong together."""

    def check(context: click.Context, option: click.Parameter, value: bool) -> bool:
        if value:
            first = context.meta.setdefault(f"{__name__}.{group}", option)
            if first is not option:
                raise click.UsageError(f"{_names(first)} and {_names(option)} exclude each other.")
        return value

    return check


def _names(option: click.Parameter) -> str:
    return "/".join(option.opts)


def _title(context: click.Context, option: click.Parameter, value: str) -> str:
    try:
        return set_ae(value, "the AE title", allow_empty=False, allow_none=False) or ""
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def flag(*names: str, group: str, text: str) -> Decorator:
    """An option without value; at most one of a ``group`` may be given."""
    return click.option(*names, is_flag=True, callback=exclusive(group), help=text)


def title_option(*names: str, default: str, text: str) -> Decorator:
    """An option that takes an AE title."""
    return click.option(*names, default=default, callback=_title, metavar="TITLE", help=text)


def grouped(name: str, make: Callable[..., Any], options: Sequence[Decorator]) -> Decorator:
    """Add ``options`` to a command; it gets what ``make`` makes of their values as its argument ``name``."""
    own = list(signature(make).parameters)

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(**values: Any) -> Any:
            made = make(**{key: values.pop(key) for key in own})
            return function(**{name: made}, **values)

        return with_options(command, options)

    return decorate


def with_options(function: Function, options: Sequence[Decorator]) -> Function:
    """``function`` with all of ``options``."""
    for option in reversed(options):
        function = option(function)
    return function


# -- service class users -------------------------------------------------------------------------------------------
@frozen(kw_only=True)
class User:
    """How an SCU reaches its peer."""

    addr: str
    port: int
    calling_aet: str
    called_aet: str
    tls: ssl.SSLContext | None
    tls_files: TLSFiles | None
    """What ``tls`` is made of."""

    identity: UserIdentityNegotiation | None
    """Who the user is, if the peer is to know."""

    network: NetworkOptions
    fail: bool
    """Whether anything that was not done makes the exit code 1."""

    proxy_command: list[str] | None = None
    """What carries the bytes to the peer, instead of a connection of ours."""


def _make_user(
    addr: str,
    port: int,
    calling_aet: str,
    called_aet: str,
    fail: bool,
    proxy_command: str | None,
    user: str | None,
    password: str | None,
    kerberos: str | None,
    saml: str | None,
    jwt: str | None,
    pos_response: bool,
    tls_cert: str | None,
    tls_key: str | None,
    tls_ca: str | None,
    tls_no_verify_host: bool,
    tls_profile: TLSProfile,
    tls_ciphers: str,
    network: NetworkOptions,
) -> User:
    files = tls_options.user_files(tls_cert, tls_key, tls_ca, tls_no_verify_host, tls_profile, tls_ciphers)
    return User(
        addr=addr,
        port=port,
        calling_aet=calling_aet,
        called_aet=called_aet,
        tls=tls_options.client_context(files),
        tls_files=files,
        identity=user_identity(user, password, kerberos, saml, jwt, pos_response=pos_response),
        network=network,
        fail=fail,
        proxy_command=filled_in(proxy_command, addr, port),
    )


def user_options(own_title: str) -> Decorator:
    """The peer, titles, timeouts and TLS of an SCU; the command gets an argument ``user``."""
    return grouped(
        "user",
        _make_user,
        [
            click.argument("addr"),
            click.argument("port", type=click.IntRange(1, 65535)),
            title_option("-aet", "--calling-aet", default=own_title, text="Our AE title."),
            title_option("-aec", "--called-aet", default="ANY-SCP", text="The AE title of the peer."),
            grouped("network", NetworkOptions, NETWORK),
            click.option(
                "--fail/--no-fail",
                default=True,
                help="Exit 1 if anything was refused, skipped, missing or failed; with --no-fail only if there was no "
                "association, or it was lost.",
            ),
            PROXY_COMMAND,
            *IDENTITY,
            *tls_options.OF_A_USER,
        ],
    )


def _requested(request_little: bool, request_big: bool, request_implicit: bool) -> list[str] | None:
    if request_little:
        return [EXPLICIT_LITTLE]
    if request_big:
        return [EXPLICIT_BIG]
    return [IMPLICIT_LITTLE] if request_implicit else None


REQUESTED_BY_DEFAULT = [EXPLICIT_LITTLE, IMPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG]

requested_syntaxes = grouped(
    "syntaxes",
    _requested,
    [
        flag("-xe", "--request-little", group="syntax", text="Propose explicit VR little endian only."),
        flag("-xb", "--request-big", group="syntax", text="Propose explicit VR big endian only."),
        flag("-xi", "--request-implicit", group="syntax", text="Propose implicit VR little endian only."),
    ],
)
"""Which transfer syntaxes to propose: an argument ``syntaxes``, None if no option was given."""


# -- service class providers ---------------------------------------------------------------------------------------
@frozen(kw_only=True)
class Provider:
    """Where and as whom an SCP listens."""

    port: int
    bind_address: str
    ae_title: str
    tls: ssl.SSLContext | None
    tls_files: TLSFiles | None = None
    """What ``tls`` is made of: it is made again on SIGHUP, and in another process."""

    network: NetworkOptions
    drain: float = 10.0
    """Seconds in which associations may end when the server does."""

    proxies: ProxyProtocol | None = None
    """Those that say for whom they connect."""

    allowed: Allowed | None = None
    """Who may open an association; None: everybody."""

    max_associations: int | None = None
    """At the same time, in each process; None: as many as by default."""

    def __reduce__(self) -> tuple[Any, ...]:
        # An SSLContext does not travel.
        kept = asdict(self, recurse=False)
        del kept["tls"]
        return partial(_read_anew, **kept), ()


def _read_anew(*, tls_files: TLSFiles | None, **kept: Any) -> Provider:
    return Provider(tls=tls_options.server_context(tls_files), tls_files=tls_files, **kept)


def _make_provider(
    port: int,
    bind_address: str,
    ae_title: str,
    tls_cert: str | None,
    tls_key: str | None,
    tls_ca: str | None,
    tls_optional_client_cert: bool,
    tls_profile: TLSProfile,
    tls_ciphers: str,
    drain: float,
    proxy_protocol: ProxyProtocol | None,
    accept_network: tuple[str, ...],
    accept_title: tuple[str, ...],
    max_associations: int | None,
    network: NetworkOptions,
) -> Provider:
    files = tls_options.provider_files(tls_cert, tls_key, tls_ca, tls_optional_client_cert, tls_profile, tls_ciphers)
    where = {"port": port, "bind_address": bind_address, "ae_title": ae_title}
    return _read_anew(
        **where,
        tls_files=files,
        network=network,
        drain=drain,
        proxies=proxy_protocol,
        allowed=admitted(accept_network, accept_title),
        max_associations=max_associations,
    )


def provider_options(own_title: str) -> Decorator:
    """The address, title, timeouts and TLS of an SCP; the command gets an argument ``provider``."""
    return grouped(
        "provider",
        _make_provider,
        [
            click.argument("port", type=click.IntRange(0, 65535)),
            title_option("-aet", "--ae-title", default=own_title, text="Our AE title."),
            click.option(
                "-ba",
                "--bind-address",
                default="",
                metavar="ADDRESS",
                help="Where to listen.",
                show_default="everywhere",
            ),
            grouped("network", NetworkOptions, NETWORK),
            *tls_options.OF_A_PROVIDER,
            PROXY_PROTOCOL,
            *ADMISSION,
            click.option(
                "--drain",
                type=click.FloatRange(min=0),
                default=10.0,
                metavar="SECONDS",
                help="When told to end: how long operations under way may take, before they are aborted.",
                show_default=True,
            ),
        ],
    )


def _supported(
    prefer_little: bool, prefer_big: bool, implicit: bool, prefer_uncompr: bool, uncompressed_only: bool
) -> list[str]:
    if uncompressed_only:
        return [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG]
    if implicit:
        return [IMPLICIT_LITTLE]
    if prefer_uncompr:
        return [*ALL_TRANSFER_SYNTAXES[1:], IMPLICIT_LITTLE]
    if prefer_little or prefer_big:
        first = EXPLICIT_LITTLE if prefer_little else EXPLICIT_BIG
        return [first, *(uid for uid in ALL_TRANSFER_SYNTAXES if uid != first)]
    return list(ALL_TRANSFER_SYNTAXES)


supported_syntaxes = grouped(
    "syntaxes",
    _supported,
    [
        flag("-xe", "--prefer-little", group="syntax", text="Prefer explicit VR little endian."),
        flag("-xb", "--prefer-big", group="syntax", text="Prefer explicit VR big endian."),
        flag("-xi", "--implicit", group="syntax", text="Accept implicit VR little endian only."),
        flag("--uncompressed-only", group="syntax", text="Accept nothing that is compressed or deflated."),
        flag("--prefer-uncompr", group="syntax", text="Prefer explicit VR uncompressed; also -x=."),
    ],
)
"""Which transfer syntaxes to accept, in order of preference: an argument ``syntaxes``."""

PROVIDER_SPELLINGS = {"-x=": "--prefer-uncompr"}
"""click takes the equals sign for the beginning of a value."""
