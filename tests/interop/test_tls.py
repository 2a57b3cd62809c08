"""TLS with DCMTK and pynetdicom, with certificates on both sides."""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import Certificates
from tests.support.comparing import changed, differing
from tests.support.patience import SOON
from tests.support.peers import (
    PROGRAMS,
    Command,
    OurServer,
    Raw,
    Stored,
    converse,
    drive,
    echo,
    echoed,
    eventually,
    file_parts,
    finished,
    get,
    make_ae,
    our_server,
    storage_scp,
    store,
    storescp,
    tool,
)
from tests.support.tls_tools import dcmtk


@pytest.fixture(scope="module")
def secure(adapter: str, certificates: Certificates) -> Iterator[OurServer]:
    """A server of ours that speaks TLS and wants certificates."""

    def patient(ae: object) -> None:
        ae.acse_timeout = 5  # type: ignore[attr-defined]

    with our_server(adapter, tls=certificates.server_context(), setup=patient) as running:
        yield running


@pytest.fixture(scope="module")
def some(paths: list[Path]) -> list[Path]:
    """Twenty instances, among them the larger ones."""
    return paths[:24]


def test_dcmtk_talks_to_us(secure: OurServer, certificates: Certificates, some: list[Path]) -> None:
    finished(dcmtk("echoscu", secure.port, certificates.client, certificates.ca))
    secure.stored.clear()
    finished(
        [*dcmtk("storescu", secure.port, certificates.client, certificates.ca), "-R", "-xy", *some[:1], *some[4:7]]
    )
    assert differing([*some[:1], *some[4:7]], secure.stored) == []


def test_pynetdicom_talks_to_us(
    secure: OurServer, certificates: Certificates, some: list[Path], tmp_path: Path
) -> None:
    for path in some:
        (tmp_path / path.name).symlink_to(path)
    secure.stored.clear()
    program: Command = [sys.executable, PROGRAMS / "storage_scu.py", str(secure.port), tmp_path]
    finished([*program, *certificates.client.arguments, certificates.ca])
    assert differing(some, secure.stored) == []


def test_we_talk_to_dcmtk(adapter: str, certificates: Certificates, some: list[Path], tmp_path: Path) -> None:
    options: Command = ["+tls", *certificates.server.arguments, "+cf", certificates.ca, "+B", "+xa"]
    with storescp(tmp_path / "store", *options) as port:
        assert echo(port, adapter, certificates.client_context())
        assert set(store(adapter, port, some, certificates.client_context())) == {0}
    assert changed(some, tmp_path / "store") == []


@pytest.mark.parametrize("theirs", ["+py", "+px", "+pz"])
@pytest.mark.parametrize("profile", ["B.12", "B.13"])
def test_profiles_of_ps3_15_agree_with_those_of_dcmtk(
    certificates: Certificates, tmp_path: Path, profile: str, theirs: str
) -> None:
    files = certificates.files(certificates.client, profile)
    options: Command = ["+tls", *certificates.server.arguments, "+cf", certificates.ca, theirs]
    with storescp(tmp_path / "store", *options) as port:
        assert echo(port, tls=files.client_context())
    own = certificates.files(certificates.server, profile).server_context()
    with our_server("blocking", tls=own) as running:
        finished(dcmtk("echoscu", running.port, certificates.client, certificates.ca, theirs))


def test_a_peer_with_rsa_key_exchange_alone_is_met_by_name(certificates: Certificates, tmp_path: Path) -> None:
    suite = "TLS_RSA_WITH_AES_128_CBC_SHA"
    own = certificates.files(certificates.server, "B.12", suite).server_context()
    with our_server("blocking", tls=own) as running:
        finished(dcmtk("echoscu", running.port, certificates.client, certificates.ca, "+pa"))
    options: Command = ["+tls", *certificates.server.arguments, "+cf", certificates.ca, "+pa"]
    with storescp(tmp_path / "store", *options) as port:
        assert echo(port, tls=certificates.files(certificates.client, "B.12", suite).client_context())
        assert not echo(port, tls=certificates.files(certificates.client, "B.12").client_context())


@pytest.fixture(scope="module")
def pynetdicom_tls(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    folder = tmp_path_factory.mktemp("pynetdicom-tls") / "store"
    with storage_scp(folder, "pynetdicom", *certificates.server.arguments, certificates.ca) as port:
        yield port, folder


def test_we_talk_to_pynetdicom(
    adapter: str, certificates: Certificates, some: list[Path], pynetdicom_tls: tuple[int, Path]
) -> None:
    port, folder = pynetdicom_tls
    for path in folder.iterdir():
        path.unlink()
    assert echo(port, adapter, certificates.client_context())
    assert set(store(adapter, port, some, certificates.client_context())) == {0}
    assert differing(some, [Stored(*file_parts(path)) for path in folder.iterdir()]) == []


def outcome(adapter: str, port: int, context: ssl.SSLContext | None) -> tuple[bool, bool]:
    """Whether an association is established, and whether it is aborted."""

    async def look(association: object) -> tuple[bool, bool]:
        established = await echoed(association)
        return established, association.is_aborted  # type: ignore[attr-defined]

    return converse(adapter, port, look, tls=context)


def test_a_server_with_a_certificate_of_another_ca_is_refused(
    adapter: str, secure: OurServer, certificates: Certificates
) -> None:
    wrong = certificates.client_context(ca=certificates.other_ca)
    assert outcome(adapter, secure.port, wrong) == (False, True)
    assert echo(secure.port, adapter, certificates.client_context())


def test_a_client_with_a_certificate_of_another_ca_is_refused(
    adapter: str, secure: OurServer, certificates: Certificates
) -> None:
    wrong = certificates.client_context(certificates.other_client)
    assert outcome(adapter, secure.port, wrong) == (False, True)
    refused = finished(dcmtk("echoscu", secure.port, certificates.other_client, certificates.ca), status=None)
    assert refused.returncode != 0
    finished(dcmtk("echoscu", secure.port, certificates.client, certificates.ca))
    assert echo(secure.port, adapter, certificates.client_context())


def test_a_client_without_certificate_is_refused(adapter: str, secure: OurServer, certificates: Certificates) -> None:
    anonymous = ssl.create_default_context(cafile=certificates.ca)
    assert outcome(adapter, secure.port, anonymous) == (False, True)
    assert echo(secure.port, adapter, certificates.client_context())


@pytest.mark.parametrize("peer", ["storescp", "pynetdicom"])
def test_we_refuse_a_peer_of_another_ca(
    adapter: str, certificates: Certificates, tmp_path: Path, pynetdicom_tls: tuple[int, Path], peer: str
) -> None:
    wrong = certificates.client_context(ca=certificates.other_ca)
    right = certificates.client_context()
    if peer == "pynetdicom":
        port = pynetdicom_tls[0]
        assert outcome(adapter, port, wrong) == (False, True)
        assert echo(port, adapter, right)
        return
    with storescp(tmp_path / "store", "+tls", *certificates.server.arguments, "+cf", certificates.ca) as port:
        assert outcome(adapter, port, wrong) == (False, True)
        assert echo(port, adapter, right)


def test_a_plain_client_of_a_tls_server_is_aborted(adapter: str, secure: OurServer, certificates: Certificates) -> None:
    began = time.monotonic()
    assert outcome(adapter, secure.port, None) == (False, True)
    assert time.monotonic() - began < SOON
    refused = finished([tool("echoscu"), "127.0.0.1", str(secure.port)], status=None)
    assert refused.returncode != 0
    assert echo(secure.port, adapter, certificates.client_context())


def test_a_tls_client_of_a_plain_server_is_aborted(adapter: str, certificates: Certificates) -> None:
    with our_server(adapter) as plain:
        began = time.monotonic()
        assert outcome(adapter, plain.port, certificates.client_context()) == (False, True)
        assert time.monotonic() - began < SOON
        assert echo(plain.port, adapter)


def test_a_silent_client_of_a_tls_server_delays_nobody(secure: OurServer, certificates: Certificates) -> None:
    with Raw(secure.port), Raw(secure.port) as drip:
        drip.send(b"\x16\x03")
        began = time.monotonic()
        assert echo(secure.port, tls=certificates.client_context())
        finished(dcmtk("echoscu", secure.port, certificates.client, certificates.ca))
        assert time.monotonic() - began < SOON


def test_a_silent_client_of_a_tls_server_is_cut_off(adapter: str, certificates: Certificates) -> None:
    def hasty(ae: object) -> None:
        ae.acse_timeout = 0.5  # type: ignore[attr-defined]

    with our_server(adapter, tls=certificates.server_context(), setup=hasty) as server, Raw(server.port) as silent:
        began = time.monotonic()
        silent.rest(SOON)
        assert 0.3 < time.monotonic() - began < SOON
        eventually(lambda: not server.ae.active_associations, SOON, "end of the association")


def test_a_handshake_that_never_comes_ends_a_requestor(adapter: str, certificates: Certificates) -> None:
    async def attempt() -> bool:
        ae = make_ae(adapter)
        ae.acse_timeout = 0.5
        ae.connection_timeout = 0.5
        ae.add_requested_context("1.2.840.10008.1.1")
        arguments = (certificates.client_context(), "localhost")
        return bool((await get(ae.associate("127.0.0.1", port, tls_args=arguments))).is_aborted)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        began = time.monotonic()
        assert drive(adapter, attempt)
        assert time.monotonic() - began < SOON
