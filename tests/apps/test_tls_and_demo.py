"""TLS options, and the demonstration."""

from __future__ import annotations

import datetime
import ipaddress
from importlib import import_module
from pathlib import Path

import pytest
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dicomwire.__main__ import main
from tests.apps.helpers import HOST, dicom_file, provider, python

demo = import_module("dicomwire.apps.demo.demo")


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


# -- demo ----------------------------------------------------------------------------------------------------------
def test_the_demonstration_finds_every_adapter_identical() -> None:
    done = python("-m", "dicomwire", "demo")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("yes") == 3 and all(name in done.stdout for name in ("blocking", "asyncio", "trio"))
    assert not done.stderr


def test_a_missing_trio_is_shown_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "ADAPTERS", {"trio": demo.try_trio})
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    assert demo.main([]) == 0
    assert "not installed" in capsys.readouterr().out


def test_an_adapter_that_fails_is_shown_and_gives_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(demo, "ADAPTERS", {"blocking": fail})
    assert demo.main([]) == 1
    captured = capsys.readouterr()
    assert "no answer" in captured.out and "E: blocking: RuntimeError: broken" in captured.err
    assert "nothing arrived" in captured.err


def test_a_byte_that_differs_is_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    files = demo.samples()[:2]

    def forge(files: list[object], storage: object, outcome: object) -> None:
        demo.try_blocking(files, storage, outcome)
        path = storage.path(files[0].meta.sop_class_uid, files[0].meta.sop_instance_uid)  # type: ignore[attr-defined]
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)

    monkeypatch.setattr(demo, "samples", lambda: files)
    monkeypatch.setattr(demo, "ADAPTERS", {"blocking": forge})
    assert demo.main(["-q", "-ll", "error"]) == 1
    captured = capsys.readouterr()
    assert captured.err == f"E: blocking: {files[0].path.name}: something else arrived\n" and not captured.out


def test_the_demonstration_sends_something_of_everything() -> None:
    syntaxes = {file.meta.transfer_syntax_uid for file in demo.samples()}
    assert len(demo.samples()) > 20 and len(syntaxes) > 5
