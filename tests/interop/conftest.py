"""Peers, instances and certificates that the tests of this folder share; all of them carry the marker ``interop``."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import frozen
from pydicom import config, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID

from dicomwire.tls import TLSFiles
from tests.support.archive import make_instances
from tests.support.peers import ADAPTERS, OurServer, our_server, storage_scp

HERE = Path(__file__).parent
COUNT = 200

SAMPLES = (
    # Implicit little endian, explicit little endian, explicit big endian, deflated.
    "MR_small_implicit.dcm", "rtplan.dcm", "rtdose_1frame.dcm", "CT_small.dcm", "MR_small.dcm", "reportsi.dcm",
    "test-SR.dcm", "SC_rgb_small_odd.dcm", "MR_small_bigendian.dcm", "rtdose_expb_1frame.dcm", "image_dfl.dcm",
    # RLE, JPEG baseline, lossless, JPEG-LS, JPEG 2000.
    "MR_small_RLE.dcm", "SC_rgb_rle_2frame.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_small_odd_jpeg.dcm",
    "SC_rgb_jpeg_gdcm.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPEGLSNearLossless_16.dcm", "JPEG2000.dcm",
    "MR_small_jp2klossless.dcm",
)  # fmt: skip
LARGER = ("waveform_ecg.dcm", "liver_expb_1frame.dcm", "examples_palette.dcm", "J2K_pixelrep_mismatch.dcm")
"""Longer than a PDU or a socket buffer; a few are enough."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """pydicom warns of some values in its own samples; how they travel is what counts here.

    Around each test of this folder with all its fixtures, and no others: tests may come in any order.
    """
    if HERE not in item.path.parents:
        return (yield)
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        return (yield)
    finally:
        config.settings.reading_validation_mode = before


@pytest.fixture(params=ADAPTERS, scope="module")
def adapter(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(adapter: str) -> Iterator[OurServer]:
    """A server of ours that outlives the tests of a module, whatever they do to it."""
    with our_server(adapter) as running:
        yield running


@pytest.fixture(scope="session")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 200 instances, each with a UID of its own."""
    folder = tmp_path_factory.mktemp("instances")
    names = [*LARGER, *(SAMPLES[index % len(SAMPLES)] for index in range(COUNT - len(LARGER)))]
    for index, name in enumerate(names):
        path = get_testdata_file(name, download=False)
        assert isinstance(path, str), f"pydicom ships no {name}"
        data_set = dcmread(path)
        uid = UID(f"1.2.826.0.1.3680043.10.511.3.7.{index + 1}")
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = uid
        data_set.save_as(folder / f"{index:03}-{Path(name).stem}.dcm", enforce_file_format=True)
    return folder


@pytest.fixture(scope="session")
def paths(instances: Path) -> list[Path]:
    return sorted(instances.glob("*.dcm"))


@pytest.fixture(scope="session")
def pynetdicom_scp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """pynetdicom as storage SCP: its port and folder."""
    folder = tmp_path_factory.mktemp("pynetdicom") / "store"
    with storage_scp(folder) as port:
        yield port, folder


@frozen
class Identity:
    """A private key and certificate as files."""

    key: Path
    certificate: Path

    @property
    def arguments(self) -> tuple[Path, Path]:
        """As DCMTK wants them."""
        return self.key, self.certificate


@frozen
class Certificates:
    """A CA with two identities, and another CA with one."""

    ca: Path
    server: Identity
    client: Identity
    other_ca: Path
    other_client: Identity

    def files(self, identity: Identity, profile: str, ciphers: str = "") -> TLSFiles:
        """By a profile of PS3.15, with certificates on both sides."""
        return TLSFiles(
            certificate=identity.certificate, key=identity.key, authorities=self.ca, profile=profile, ciphers=ciphers
        )

    def server_context(self) -> ssl.SSLContext:
        """For a server that wants a certificate of ``ca`` from its clients."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        context.load_cert_chain(self.server.certificate, self.server.key)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_context(self, identity: Identity | None = None, ca: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=ca or self.ca)
        identity = identity or self.client
        context.load_cert_chain(identity.certificate, identity.key)
        return context


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("certificates")
    now = datetime.now(UTC)

    def make(name: str, issuer: tuple[x509.Name, rsa.RSAPrivateKey] | None) -> tuple[x509.Name, rsa.RSAPrivateKey]:
        # DCMTK's default profile has suites with RSA only (PS3.15 B.10).
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        by, signer = issuer or (subject, key)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=issuer is None,
                    crl_sign=issuer is None,
                    key_encipherment=issuer is not None,
                    content_commitment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )
        certificate = builder.sign(signer, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        (folder / f"{name}.key").write_bytes(plain)
        return subject, key

    def identity(name: str, issuer: tuple[x509.Name, rsa.RSAPrivateKey]) -> Identity:
        make(name, issuer)
        return Identity(folder / f"{name}.key", folder / f"{name}.pem")

    ca, other = make("ca", None), make("other-ca", None)
    return Certificates(
        folder / "ca.pem",
        identity("server", ca),
        identity("client", ca),
        folder / "other-ca.pem",
        identity("other-client", other),
    )


@pytest.fixture(scope="session")
def archived(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The fifty instances of :mod:`tests.support.archive` as files."""
    folder = tmp_path_factory.mktemp("archived")
    paths = []
    for dataset in make_instances():
        path = folder / f"{dataset.SOPInstanceUID}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
