"""Who the user is, from the options of the applications (PS3.7 D.3.3.7)."""

from __future__ import annotations

from pathlib import Path

import click

from dicomwire.compat.pdu_primitives import UserIdentityNegotiation

PASSWORD_VARIABLE = "DICOMWIRE_PASSWORD"
"""Holds the password, for who does not want it in the list of processes."""

USER_NAME, PASSWORD, KERBEROS, SAML, WEB_TOKEN = 1, 2, 3, 4, 5
_LONGEST = 0xFFFF

_FILE = click.Path(exists=True, dir_okay=False)

IDENTITY = [
    click.option("-usr", "--user", metavar="NAME", help="User identity: a user name."),
    click.option(
        "-pwd",
        "--password",
        metavar="PASSWORD",
        envvar=PASSWORD_VARIABLE,
        show_envvar=True,
        help="Its password; everybody on this machine can see options.",
    ),
    click.option("-kt", "--kerberos", type=_FILE, metavar="FILE", help="User identity: a Kerberos ticket."),
    click.option("--saml", type=_FILE, metavar="FILE", help="User identity: a SAML assertion."),
    click.option("--jwt", type=_FILE, metavar="FILE", help="User identity: a JSON web token."),
    click.option("-rsp", "--pos-response", is_flag=True, help="Go on only if the peer confirms the user identity."),
]
"""The options that :func:`user_identity` takes."""


def user_identity(
    user: str | None,
    password: str | None,
    kerberos: str | None,
    saml: str | None,
    jwt: str | None,
    *,
    pos_response: bool,
) -> UserIdentityNegotiation | None:
    """The item to negotiate; None if no option asks for one.  Three of the arguments are paths of files.

    Raises:
        click.UsageError: the options do not fit together, or a file cannot be used.
    """
    given = {
        KERBEROS: kerberos,
        SAML: saml,
        WEB_TOKEN: jwt,
        USER_NAME: user,
    }
    chosen = [kind for kind, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise click.UsageError("At most one of --user, --kerberos, --saml and --jwt can be given.")
    if not chosen:
        if pos_response:
            raise click.UsageError("-rsp (--pos-response) needs a user identity: --user, --kerberos, --saml or --jwt.")
        # The password may be that of the variable, which is there for other calls.
        return None
    kind, value = chosen[0], given[chosen[0]]
    assert value is not None
    item = UserIdentityNegotiation()
    item.user_identity_type = kind
    item.positive_response_requested = pos_response
    if kind != USER_NAME:
        item.primary_field = _content(Path(value))
        return item
    item.primary_field = _short(value.encode(), "user name")
    if password:
        item.user_identity_type = PASSWORD
        item.secondary_field = _short(password.encode(), "password")
    return item


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _short(file.read(_LONGEST + 1), str(path))
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def _short(value: bytes, what: str) -> bytes:
    """The fields have a length of 16 bits (PS3.7 D.3.3.7.1)."""
    if not value or len(value) > _LONGEST:
        raise click.UsageError(f"The {what} has {len(value)} bytes: 1 to {_LONGEST} can be sent.")
    return value
