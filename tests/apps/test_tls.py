"""TLS options."""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps._common.tls_options import client_context, user_files
from dicomwire.blocking import AE
from dicomwire.dimse_primitives import C_FIND, C_GET
from dicomwire.presentation import build_context
from dicomwire.tls import TLSFiles
from tests.apps.archives import archive
from tests.apps.helpers import CT, EXPLICIT, HOST, children, dicom_file, provider
from tests.support.certificates import key_usage, rsa_key, self_signed

ONLY_1_2 = """
import ssl
from dicomwire.sockets.tls_files import TLSFiles
make = TLSFiles.server_context
def old(self):
    context = make(self)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context
TLSFiles.server_context = old
"""
"""A server as before TLS 1.3, with which cipher suites are for choice."""


@frozen
class Files:
    """PEM files: an authority, a certificate for the loopback address, one for elsewhere, and the key of both."""

    ca: str
    here: str
    elsewhere: str
    key: str


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Files:
    directory = tmp_path_factory.mktemp("pem")
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)

    def certificate(
        path: Path, subject: x509.Name, key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName]
    ) -> str:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
            # Python 3.13 and later verify strictly (RFC 5280 4.2.1.1 to 4.2.1.3).
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
            .add_extension(key_usage(signs_certificates=not names), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(authority, hashes.SHA256())
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return str(path)

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    key = directory / "key.pem"
    key.write_bytes(
        own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Files(
        ca=certificate(directory / "ca.pem", issuer, authority, []),
        here=certificate(directory / "here.pem", subject, own, [x509.IPAddress(ipaddress.ip_address(HOST))]),
        elsewhere=certificate(directory / "elsewhere.pem", subject, own, [x509.DNSName("elsewhere.example")]),
        key=str(key),
    )


def test_a_file_goes_through_tls_with_certificates_on_both_sides(pem: Files, tmp_path: Path) -> None:
    sent = dicom_file(tmp_path / "sent.dcm", size=200_000)
    own = ["--tls-cert", pem.here, "--tls-key", pem.key, "--tls-ca", pem.ca]
    with provider("storescp", "0", "-v", "-od", str(tmp_path / "out"), *own) as server:
        assert main(["storescu", HOST, server.port, str(sent), *own, "--fail", "-q"]) == 0
        # Without a certificate of its own, without TLS:
        assert main(["echoscu", HOST, server.port, "--tls-ca", pem.ca, "-ta", "5", "-q"]) == 1
        assert main(["echoscu", HOST, server.port, "-ta", "5", "-q"]) == 1
        assert main(["echoscu", HOST, server.port, *own, "--fail"]) == 0
        assert server.stop() == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["CT.1.2.3"]


def test_the_host_name_is_verified_unless_told_not_to(pem: Files, capsys: pytest.CaptureFixture[str]) -> None:
    with provider("echoscp", "0", "-v", "--tls-cert", pem.elsewhere, "--tls-key", pem.key) as server:
        echo = ["echoscu", HOST, server.port, "--fail"]
        assert main([*echo, "--tls-ca", pem.ca]) == 1
        err = capsys.readouterr().err
        assert "certificate verify failed" in err and err.count("\n") == 1
        assert main([*echo, "--tls-ca", pem.ca, "--tls-no-verify-host"]) == 0
        assert main([*echo, "--tls-no-verify-host", "-q"]) == 1
        assert server.stop() == 0


@pytest.mark.parametrize("name", ["echoscp", "storescp"])
def test_a_tls_server_needs_certificate_and_key(name: str, pem: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "0", "--tls-cert", pem.here]) == 2
    assert main([name, "0", "--tls-key", pem.key]) == 2
    assert main([name, "0", "--tls-ca", pem.ca]) == 2
    assert capsys.readouterr().err.count("needs both --tls-cert and --tls-key") == 3


def test_a_key_that_does_not_fit_is_a_wrong_command_line(pem: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echoscp", "0", "--tls-cert", pem.ca, "--tls-key", pem.key]) == 2
    assert main(["echoscu", HOST, "104", "--tls-key", pem.key]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_a_certificate_without_its_key_says_so(pem: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echoscu", HOST, "104", "--tls-cert", pem.here]) == 2
    assert "--tls-cert has no private key in it" in capsys.readouterr().err
    both = tmp_path / "both.pem"
    both.write_text(Path(pem.here).read_text() + Path(pem.key).read_text())
    assert client_context(user_files(str(both), None, pem.ca)) is not None


def test_details_say_which_association_they_are_about(capsys: pytest.CaptureFixture[str]) -> None:
    with provider("echoscp", "0", "-v") as server:
        assert main(["echoscu", HOST, server.port, "-d", "--fail"]) == 0
        assert server.stop() == 0
    label = rf"\[A\d+ {re.escape(HOST)}:{server.port} ECHOSCU>ANY-SCP\] "
    lines = capsys.readouterr().err.splitlines()
    assert any(re.fullmatch(rf"I: {label}C-ECHO-RQ sent: .*", line) for line in lines)
    # A dump is one record, and a line each on the screen.
    first = next(at for at, line in enumerate(lines) if re.fullmatch(rf"D: {label}A-ASSOCIATE-RQ, .*", line))
    assert re.fullmatch(r"D:   Called AE title: ANY-SCP *", lines[first + 1])


def test_queries_and_retrievals_go_through_tls(pem: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers: list[Any] = []
    start = AE.start_server

    def spy(self: AE, *args: Any, **kwargs: Any) -> Any:
        servers.append(start(self, *args, **kwargs))
        return servers[-1]

    monkeypatch.setattr(AE, "start_server", spy)
    path = dicom_file(tmp_path / "image")
    files = TLSFiles(certificate=pem.here, key=pem.key, authorities=pem.ca)

    def destination(event: evt.Event) -> Any:
        contexts = [build_context(CT, EXPLICIT)]
        tls = files.client_context(), HOST
        return HOST, servers[-1].server_address[1], {"contexts": contexts, "tls_args": tls}

    def first(event: evt.Event) -> Any:
        if isinstance(event.request, C_FIND):
            return 0x0000, None
        return 1 if isinstance(event.request, C_GET) else destination(event)

    def second(event: evt.Event) -> Any:
        return (0xFF00, path) if isinstance(event.request, C_GET) else 1

    own = ["--tls-cert", pem.here, "--tls-key", pem.key, "--tls-ca", pem.ca]
    common = ["-k", "QueryRetrieveLevel=STUDY", "-q", "--fail"]
    with archive([first, second, (0xFF00, path)], ssl_context=files.server_context()) as server:
        to = [HOST, server.port]
        assert main(["findscu", *to, *common, *own]) == 0
        assert main(["findscu", *to, *common, "-ta", "5"]) == 1
        assert main(["getscu", *to, *common, *own, "-od", str(tmp_path / "got")]) == 0
        store = ["--store", "--store-port", "0", "--store-address", HOST, "-od", str(tmp_path / "moved")]
        assert main(["movescu", *to, *common, *own, *store, "--store-tls"]) == 0
        assert main(["movescu", *to, *common, *own, *store]) == 1
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["CT.1.2.3"]
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["CT.1.2.3"]


def test_cipher_suites_are_chosen_by_option(tmp_path: Path) -> None:
    own = str(self_signed(tmp_path, rsa_key()))
    suites = ["--tls-ciphers", "TLS_RSA_WITH_AES_128_CBC_SHA"]
    with provider("echoscp", "0", "-v", "--tls-cert", own, "--tls-key", own, *suites, prelude=ONLY_1_2) as server:
        echo = ["echoscu", HOST, server.port, "-q", "--tls-ca", own, "--tls-no-verify-host"]
        assert main([*echo, *suites]) == 0
        assert main(echo) == 1
        assert server.stop() == 0


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP")
def test_files_are_read_again_on_sighup(tmp_path: Path) -> None:
    first, second = (self_signed(tmp_path, name=name) for name in ("first.pem", "second.pem"))
    current = tmp_path / "current.pem"
    shutil.copy(first, current)
    with provider("echoscp", "0", "-v", "-ba", HOST, "--tls-cert", str(current), "--tls-key", str(current)) as server:
        assert main(["echoscu", "localhost", server.port, "-q", "--tls-ca", str(first)]) == 0
        current.write_text("nothing")
        server.process.send_signal(signal.SIGHUP)
        assert server.until("E: The files of TLS are used as they were: --tls-cert: ")
        shutil.copy(second, current)
        server.process.send_signal(signal.SIGHUP)
        assert server.until("I: The files of TLS are read again")
        assert main(["echoscu", "localhost", server.port, "-q", "--tls-ca", str(second)]) == 0
        assert main(["echoscu", "localhost", server.port, "-q", "--tls-ca", str(first)]) == 1
        assert server.stop() == 0


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_files_are_read_again_by_all_processes(tmp_path: Path, method: str) -> None:
    first, second = (self_signed(tmp_path, name=name) for name in ("first.pem", "second.pem"))
    current = tmp_path / "current.pem"
    shutil.copy(first, current)
    own = ("--tls-cert", str(current), "--tls-key", str(current))
    prelude = f"from dicomwire.apps._common import supervising; supervising.METHOD = {method!r}"
    args = ("storescp", "0", "-v", "-ba", HOST, "-od", str(tmp_path), "--processes", "2", *own)

    def trusted() -> set[Path]:
        # A few connections: nobody knows which of the two answers.
        echoes = [(file, main(["echoscu", "localhost", server.port, "-q", "--tls-ca", str(file)])) for file in both]
        return {file for file, code in echoes if code == 0}

    both = [first, second] * 3
    with provider(*args, prelude=prelude) as server:
        assert trusted() == {first}
        if method == "fork":
            # Others read the files when they begin, and the second may not have done so yet.
            current.write_text("nothing")
            server.process.send_signal(signal.SIGHUP)
            assert server.until("E: The files of TLS are used as they were: --tls-cert: ")
            assert trusted() == {first}
        second_copy = shutil.copy(second, tmp_path / "copy.pem")
        os.replace(second_copy, current)
        server.process.send_signal(signal.SIGHUP)
        for _ in range(2):
            assert server.until("I: The files of TLS are read again")
        assert trusted() == {second}
        if method == "fork":
            # Who begins now has what was read then, whatever is in the file.
            current.write_text("nothing")
            for worker in children(server.process.pid):
                os.kill(worker, signal.SIGKILL)
                assert server.until("was killed by signal 9")
            assert trusted() == {second}
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tls-profile", "B.99"], "there is no TLS profile 'B.99' in PS3.15"),
        (["--tls-profile", "B.13"], "--tls-profile is for TLS: --tls-"),
        (["--tls-ciphers", "AES128-SHA"], "--tls-ciphers is for TLS: --tls-"),
    ],
)
@pytest.mark.parametrize("command", [["echoscp", "0"], ["echoscu", HOST, "104"]])
def test_options_that_cannot_be_met_are_named(
    command: list[str], options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, *options]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_cipher_suites_that_there_are_not_name_the_option(pem: Files, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["--tls-cert", pem.here, "--tls-key", pem.key]
    assert main(["echoscp", "0", *own, "--tls-ciphers", "TLS_RSA_WITH_ROT13"]) == 2
    assert "--tls-ciphers: this OpenSSL has no cipher suite TLS_RSA_WITH_ROT13" in capsys.readouterr().err


def test_clients_may_go_without_certificate_by_option(pem: Files, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["--tls-cert", pem.here, "--tls-key", pem.key]
    assert main(["echoscp", "0", *own, "--tls-optional-client-cert"]) == 2
    assert "--tls-optional-client-cert needs --tls-ca" in capsys.readouterr().err
    with provider("echoscp", "0", "-v", *own, "--tls-ca", pem.ca, "--tls-optional-client-cert") as server:
        assert main(["echoscu", HOST, server.port, "--tls-ca", pem.ca]) == 0
        assert server.stop() == 0
