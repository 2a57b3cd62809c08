"""TLS by the profiles of PS3.15, with contexts made of files, in every adapter with sockets."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest

from dicomwire.tls import TLSFiles, UnusableTLS
from tests.support.adapters import World, done
from tests.support.certificates import rsa_key, self_signed
from tests.support.flags import ABORTED, ESTABLISHED, flags

RSA = "TLS_RSA_WITH_AES_128_CBC_SHA"
"""What secure modes of old have, and nothing else."""


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key that can be transported, and its certificate."""
    return self_signed(tmp_path_factory.mktemp("rsa"), rsa_key())


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("other"))


def requestor(pem: Path, **options: Any) -> tuple[ssl.SSLContext, str]:
    return TLSFiles(authorities=pem, **options).client_context(), "localhost"


async def attempt(world: World, server: Any, tls: tuple[ssl.SSLContext, str]) -> Any:
    """Request an association, echo if there is one, and release it; the flags before that."""
    association = await world.associate(server, tls_args=tls)
    found = flags(association)
    if association.is_established:
        assert (await done(association.send_c_echo())).Status == 0
        await done(association.release())
    return found


@pytest.mark.parametrize("profile", ["B.12", "B.13"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_ends_agree_by_a_profile(
    socket_world: World, pem: Path, profile: str, version: ssl.TLSVersion
) -> None:
    server = await socket_world.serve(ssl_context=TLSFiles(certificate=pem, profile=profile).server_context())
    tls = requestor(pem, profile=profile)
    tls[0].maximum_version = version
    assert await attempt(socket_world, server, tls) == ESTABLISHED


async def test_without_ephemeral_keys_there_is_no_agreement_by_a_profile(socket_world: World, pem: Path) -> None:
    server = await socket_world.serve(ssl_context=TLSFiles(certificate=pem).server_context())
    tls = requestor(pem, ciphers=RSA)
    tls[0].maximum_version = ssl.TLSVersion.TLSv1_2
    assert await attempt(socket_world, server, tls) == ABORTED


async def test_cipher_suites_take_the_place_of_those_of_the_profile(socket_world: World, pem: Path) -> None:
    context = TLSFiles(certificate=pem, ciphers=RSA).server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = await socket_world.serve(ssl_context=context)
    assert await attempt(socket_world, server, requestor(pem, ciphers=[RSA])) == ESTABLISHED
    assert await attempt(socket_world, server, requestor(pem)) == ABORTED


async def test_with_authorities_clients_need_a_certificate(socket_world: World, pem: Path) -> None:
    server = await socket_world.serve(ssl_context=TLSFiles(certificate=pem, authorities=pem).server_context())
    assert await attempt(socket_world, server, requestor(pem, certificate=pem)) == ESTABLISHED
    assert await attempt(socket_world, server, requestor(pem)) == ABORTED


async def test_clients_may_be_let_off_but_not_with_a_stranger_for_authority(
    socket_world: World, pem: Path, other: Path
) -> None:
    files = TLSFiles(certificate=pem, authorities=pem, requires_certificates=False)
    server = await socket_world.serve(ssl_context=files.server_context())
    assert await attempt(socket_world, server, requestor(pem)) == ESTABLISHED
    assert await attempt(socket_world, server, requestor(pem, certificate=other)) == ABORTED


async def test_files_that_have_changed_are_for_the_connections_to_come(
    socket_world: World, pem: Path, other: Path, tmp_path: Path
) -> None:
    current = tmp_path / "current.pem"
    shutil.copy(pem, current)
    files = TLSFiles(certificate=current, authorities=current)
    server = await socket_world.serve(ssl_context=files.server_context())
    before = await socket_world.associate(server, tls_args=requestor(pem, certificate=pem))
    shutil.copy(other, current)
    # Nothing is read unasked.
    assert await attempt(socket_world, server, requestor(pem, certificate=pem)) == ESTABLISHED
    server.ssl_context = files.server_context()
    assert await attempt(socket_world, server, requestor(other, certificate=other)) == ESTABLISHED
    # Whose authority has been taken out is not trusted any more, and who was in stays in.
    assert await attempt(socket_world, server, requestor(other, certificate=pem)) == ABORTED
    assert (await done(before.send_c_echo())).Status == 0
    await done(before.release())


def test_a_server_asks_for_no_certificate_unless_there_are_authorities(pem: Path) -> None:
    assert TLSFiles(certificate=pem).server_context().verify_mode == ssl.CERT_NONE
    assert TLSFiles(certificate=pem, authorities=pem).server_context().verify_mode == ssl.CERT_REQUIRED


def test_a_client_checks_the_host_unless_told_not_to(pem: Path) -> None:
    assert TLSFiles(authorities=pem).client_context().check_hostname
    context = TLSFiles(authorities=pem, check_hostname=False).client_context()
    assert not context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED


def test_nothing_older_than_1_2_is_spoken(pem: Path) -> None:
    for context in (TLSFiles(certificate=pem).server_context(), TLSFiles(ciphers=RSA).client_context()):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_short_key_is_refused_by_the_profiles(tmp_path: Path) -> None:
    short = self_signed(tmp_path, rsa_key(1024))
    with pytest.raises(UnusableTLS, match=r"localhost\.pem cannot be used: .*small"):
        TLSFiles(certificate=short).server_context()


@pytest.mark.parametrize(
    ("field", "message", "options"),
    [
        ("certificate", "a TLS server needs a certificate", {}),
        ("certificate", "the certificate .* cannot be used", {"certificate": "nowhere.pem"}),
        ("key", "has no private key in it", {"certificate": "bare"}),
        (
            "authorities",
            "the authorities nowhere.pem cannot be used",
            {"certificate": "own", "authorities": "nowhere.pem"},
        ),
        (
            "ciphers",
            "no cipher suite TLS_RSA_WITH_ROT13",
            {"certificate": "own", "ciphers": f"{RSA},TLS_RSA_WITH_ROT13"},
        ),
        ("ciphers", "no cipher suite", {"certificate": "own", "ciphers": "NONSENSE"}),
        ("ciphers", "suite of TLS 1.3", {"certificate": "own", "ciphers": "TLS_AES_128_GCM_SHA256"}),
        ("ciphers", r"B\.13 .* permits no TLS_RSA", {"certificate": "own", "ciphers": RSA, "profile": "B.13"}),
    ],
)
def test_what_cannot_be_used_is_named(
    field: str, message: str, options: dict[str, Any], pem: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.pem"
    bare.write_text(pem.read_text().partition("-----BEGIN PRIVATE")[0])
    named: dict[str, Any] = {"own": pem, "bare": bare}
    with pytest.raises(UnusableTLS, match=message) as caught:
        TLSFiles(**{name: named.get(value, value) for name, value in options.items()}).server_context()
    assert caught.value.field == field


def test_a_client_with_a_key_and_no_certificate_is_told() -> None:
    with pytest.raises(UnusableTLS, match="without its certificate"):
        TLSFiles(key="key.pem").client_context()
    with pytest.raises(UnusableTLS, match="the authorities nowhere cannot be used"):
        TLSFiles(authorities="nowhere").client_context()


def test_the_password_of_a_key_is_not_shown() -> None:
    assert "s3cret" not in repr(TLSFiles(certificate="cert.pem", password="s3cret"))
