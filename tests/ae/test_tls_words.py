"""What is said of TLS that fails: as requestor by `explain()`, as acceptor in the log."""

from __future__ import annotations

import datetime
import logging
import re
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dicomwire import evt
from tests.support.adapters import LOCALHOST, PATIENCE, World, done, usual_contexts
from tests.support.certificates import self_signed
from tests.support.flags import ESTABLISHED, flags


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def lax(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key, a certificate without authority key identifier, which RFC 5280 wants (4.2.1.1), and its authority."""
    folder = tmp_path_factory.mktemp("lax")
    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own, authority = _named("localhost"), _named("authority")
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    certificates = [
        _builder(own, authority, key).add_extension(names, critical=False),
        _builder(authority, authority, key).add_extension(constraints, critical=True),
    ]
    path = folder / "lax.pem"
    signed = [builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM) for builder in certificates]
    path.write_bytes(secret + b"".join(signed))
    return path


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    return x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), now - day, now + 2 * day
    )


def for_server(pem: Path, *, wants_certificate: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if wants_certificate:
        context.load_verify_locations(pem)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def for_client(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(pem)
    return context


def handshake_errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.getMessage().startswith("TLS handshake with ")]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_certificate_that_is_missing_is_asked_for_by_both_ends(
    socket_world: World, pem: Path, caplog: pytest.LogCaptureFixture, version: ssl.TLSVersion
) -> None:
    context = for_server(pem, wants_certificate=True)
    # Up to 1.2 the handshake fails at both ends.
    context.maximum_version = version
    server = await socket_world.serve(ssl_context=context)
    association = await socket_world.associate(server, tls_args=(for_client(pem), "localhost"))
    assert association.is_aborted
    assert "it may want a certificate of ours" in association.explain()
    assert "it may expect TLS" not in association.explain()
    await socket_world.until(lambda: handshake_errors(caplog))
    (record,) = handshake_errors(caplog)
    assert record.levelno == logging.ERROR
    assert "peer did not return a certificate" in record.getMessage()


class Leaving:
    """Wants a certificate, and goes away when there is none: the peer finds an alert, and nobody behind it."""

    def __init__(self, context: ssl.SSLContext, *, resets: bool) -> None:
        self._listener = socket.create_server((LOCALHOST, 0))
        self._context = context
        self._resets = resets
        self.is_gone = threading.Event()
        self.server_address = self._listener.getsockname()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        sock, _ = self._listener.accept()
        sock.settimeout(PATIENCE)
        with self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False) as secure:
            try:
                secure.do_handshake()
            except ssl.SSLError:
                if self._resets:
                    secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_gone.set()

    def __enter__(self) -> Leaving:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._listener.close()
        self._thread.join(PATIENCE)


@contextmanager
def leaving(pem: Path, *, resets: bool) -> Iterator[Leaving]:
    with Leaving(for_server(pem, wants_certificate=True), resets=resets) as server:
        yield server


@pytest.mark.parametrize("resets", [False, True])
async def test_an_alert_is_read_though_the_request_cannot_be_written_any_more(
    socket_world: World, pem: Path, resets: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dicomwire")
    with leaving(pem, resets=resets) as server:
        association = await socket_world.associate(
            server,
            tls_args=(for_client(pem), "localhost"),
            # Then the request comes too late for certain.
            evt_handlers=[(evt.EVT_CONN_OPEN, lambda event: server.is_gone.wait(PATIENCE) and None)],
        )
    assert association.is_aborted
    assert "it may want a certificate of ours" in association.explain()
    # The end is told in one line, and not that writing failed as well.
    assert not [record for record in caplog.records if "writing to" in record.getMessage()]
    if not resets or sys.platform == "linux":
        # Other systems forget what has arrived when the connection is reset.
        assert association.failure == "connection closed without release: tlsv13 alert certificate required"


async def test_a_peer_without_tls_is_one_line_in_the_log_and_the_server_lives_on(
    socket_world: World, pem: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = await socket_world.serve(ssl_context=for_server(pem))
    with socket.create_connection(server.server_address) as peer:
        port = peer.getsockname()[1]
        peer.sendall(b"\1\0\0\0\0\xcd" + bytes(205))
        await socket_world.until(lambda: handshake_errors(caplog))
        association = await socket_world.associate(server, tls_args=(for_client(pem), "localhost"))
    assert flags(association) == ESTABLISHED
    await done(association.release())
    (record,) = handshake_errors(caplog)
    assert record.levelno == logging.ERROR
    message = record.getMessage()
    assert re.fullmatch(rf"TLS handshake with 127\.0\.0\.1:{port} failed: .*(wrong version|http request).*", message)


async def test_a_silent_peer_is_one_line_in_the_log_when_its_time_is_up(
    socket_world: World, pem: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ae = socket_world.ae()
    ae.acse_timeout = 0.1
    server = await socket_world.serve(ae=ae, ssl_context=for_server(pem))
    with socket.create_connection(server.server_address):
        await socket_world.until(lambda: handshake_errors(caplog))
    assert len(handshake_errors(caplog)) == 1


async def test_a_server_ends_while_a_peer_is_silent(socket_world: World, pem: Path) -> None:
    ae = socket_world.ae()
    server = await socket_world.serve(ae=ae, ssl_context=for_server(pem))
    with socket.create_connection(server.server_address) as silent:
        association = await socket_world.associate(server, tls_args=(for_client(pem), "localhost"))
        assert flags(association) == ESTABLISHED
        server.shutdown()
        assert (await done(association.send_c_echo())).Status == 0
        await done(association.release())
        await done(ae.shutdown())
        silent.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.server_address).close()


async def test_a_certificate_that_only_strict_checks_refuse_is_explained(
    socket_world: World, lax: Path, caplog: pytest.LogCaptureFixture
) -> None:
    strict_server = for_server(lax, wants_certificate=True)
    strict_server.verify_flags |= ssl.VERIFY_X509_STRICT
    server = await socket_world.serve(ssl_context=strict_server)
    strict = for_client(lax)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    association = await socket_world.associate(server, tls_args=(strict, "localhost"))
    assert association.is_aborted
    assert "ssl.VERIFY_X509_STRICT" in association.explain()
    await socket_world.until(lambda: handshake_errors(caplog))
    caplog.clear()
    with_certificate = for_client(lax)
    with_certificate.load_cert_chain(lax)
    association = await socket_world.associate(server, tls_args=(with_certificate, "localhost"))
    assert association.is_aborted
    await socket_world.until(lambda: handshake_errors(caplog))
    assert "ssl.VERIFY_X509_STRICT" in handshake_errors(caplog)[0].getMessage()


async def test_a_peer_that_never_answers_over_tls_is_not_said_to_expect_tls(socket_world: World, pem: Path) -> None:
    ours, theirs = socket.socketpair()
    context, is_told = for_server(pem), threading.Event()

    def answer() -> None:
        with context.wrap_socket(theirs, server_side=True):
            is_told.wait(PATIENCE)

    thread = threading.Thread(target=answer)
    thread.start()
    ae = socket_world.ae()
    ae.acse_timeout = 0.2
    association = await done(
        ae.associate(None, None, tls_args=(for_client(pem), "localhost"), sock=ours, contexts=usual_contexts())
    )
    is_told.set()
    thread.join(PATIENCE)
    assert association.explain().endswith("it may be busy; acse_timeout is how long to wait for it")


async def test_a_server_that_is_shut_down_at_once_listens_no_more(socket_world: World, pem: Path) -> None:
    server = await socket_world.serve(ssl_context=for_server(pem))
    server.shutdown()

    def is_refused() -> bool:
        with socket.socket() as peer:
            return peer.connect_ex(server.server_address) != 0

    await socket_world.until(is_refused)
