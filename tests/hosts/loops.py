"""The event loops that a program may run us in, and what the tests of this folder share."""

from __future__ import annotations

import asyncio
import ssl
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import build_context, evt
from dicomwire.asyncio import AE, Association, AssociationServer
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, keep
from tests.support.storing import instance

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
COMMITMENT = "1.2.840.10008.1.20.1"
CONTEXTS = [build_context(uid) for uid in (VERIFICATION, CT_IMAGE_STORAGE, FIND, COMMITMENT)]
PATIENCE = 20.0
"""Seconds for anything: never used up unless a test fails."""

HOSTS = ["asyncio", "debug", "subclass", "eager", "uvloop"]
"""``subclass`` is a loop that asyncio did not write: nothing is known of it."""


class OwnLoop(asyncio.SelectorEventLoop):
    def run_until_complete(self, future: Any) -> Any:
        return super().run_until_complete(future)


def factory(host: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if host == "uvloop":
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = pytest.importorskip(
            "uvloop", exc_type=ImportError
        ).new_event_loop
        return loop_factory
    return OwnLoop if host == "subclass" else asyncio.SelectorEventLoop


def run(host: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run ``work`` in a host to its end; nothing may be left of it."""
    if host == "eager" and sys.version_info < (3, 12):
        pytest.skip("eager tasks came with Python 3.12")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        if host == "eager":
            loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        problems: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, problem: problems.append(problem))
        async with asyncio.timeout(PATIENCE):
            await work()
            await until(lambda: len(asyncio.all_tasks()) == 1)
        assert problems == []

    with asyncio.Runner(debug=host == "debug", loop_factory=factory(host)) as runner:
        runner.run(main())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


class Peers:
    """An AE that is its own peer: a server that keeps what it is told, and associations with it."""

    def __init__(self, *, tls: bool = False) -> None:
        self.ae = AE("HOSTED")
        self.ae.maximum_associations = 100
        self.stored: list[int] = []
        self.told: list[str] = []
        self.asked = asyncio.Event()
        self.tls = contexts() if tls else None

    async def server(self, **handlers: Any) -> AssociationServer:
        def store(event: evt.Event) -> int:
            self.stored.append(len(event.dataset.PixelData))
            return 0x0000

        def find(event: evt.Event) -> Iterator[Any]:
            for number in range(50):
                match = Dataset()
                match.PatientID = str(number)
                yield 0xFF00, match

        bindings: list[Any] = [
            (evt.EVT_C_STORE, handlers.get("store", store)),
            (evt.EVT_C_ECHO, handlers.get("echo", lambda event: 0x0000)),
            (evt.EVT_C_FIND, find),
            (evt.EVT_ABORTED, lambda event: self.told.append("server aborted")),
        ]
        return await self.ae.start_server(
            (LOCALHOST, 0),
            block=False,
            contexts=CONTEXTS,
            evt_handlers=bindings,
            ssl_context=None if self.tls is None else self.tls[0],
        )

    async def slow(self, event: evt.Event) -> int:
        """A handler that lets its peer wait."""
        self.asked.set()
        await asyncio.sleep(PATIENCE)
        return 0x0000

    async def associate(self, server: AssociationServer) -> Association:
        association = await self.ae.associate(
            LOCALHOST,
            server.server_address[1],
            contexts=CONTEXTS,
            tls_args=None if self.tls is None else (self.tls[1], "localhost"),
            evt_handlers=[
                (evt.EVT_ABORTED, lambda event: self.told.append("aborted")),
                (evt.EVT_N_EVENT_REPORT, lambda event: keep(self.told, "report", (0x0000, None))),
            ],
        )
        assert association.is_established, association.failure
        return association


def image(length: int) -> Dataset:
    data_set = instance("1.2.840.10008.1.2")
    data_set.PixelData = bytes(length)
    data_set["PixelData"].VR = "OW"
    return data_set


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server and for its clients."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(Encoding.PEM)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "identity.pem"
        path.write_bytes(public + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=public.decode("ascii"))
