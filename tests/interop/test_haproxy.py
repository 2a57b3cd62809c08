"""Our servers behind HAProxy, which says by the PROXY protocol for whom it connects."""

from __future__ import annotations

import logging
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dicomwire import AE, ProxyProtocol, evt
from tests.interop.conftest import Certificates
from tests.support.peers import HOST, RUN, START, VERIFICATION, OurServer, absent, eventually, our_server

CLIENT = "127.0.0.2"
"""Another address of the loopback interface than that of the proxy."""

CONFIGURATION = """
defaults
    mode tcp
    timeout connect {seconds}s
    timeout client {seconds}s
    timeout server {seconds}s
listen dicom
    bind fd@{number} {bind}
    balance leastconn
"""


@contextmanager
def haproxy(folder: Path, ports: Sequence[int], options: str, bind: str = "") -> Iterator[int]:
    """HAProxy before servers on ``ports``: where it is reached, which is a socket that it is given.

    ``options`` are those of each server, ``bind`` of where it listens.
    """
    program = shutil.which("haproxy") or shutil.which("/usr/sbin/haproxy")
    if program is None:
        absent("HAProxy is not installed")
    assert program is not None
    with socket.create_server((HOST, 0)) as sock:
        configuration = CONFIGURATION.format(seconds=int(RUN), number=sock.fileno(), bind=bind)
        servers = [f"    server s{port} {HOST}:{port} {options}\n" for port in ports]
        path = folder / "haproxy.cfg"
        path.write_text(configuration + "".join(servers))
        process = subprocess.Popen(
            [program, "-db", "-f", path], pass_fds=[sock.fileno()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            yield sock.getsockname()[1]
        finally:
            process.terminate()
            output, _ = process.communicate(timeout=START)
            print(output.decode(errors="replace"))


@contextmanager
def behind(adapter: str, seen: list[Any], **options: Any) -> Iterator[OurServer]:
    def trust(ae: Any) -> None:
        ae.proxy_protocol = ProxyProtocol(trusted=[f"{HOST}/32"])

    with our_server(
        adapter, setup=trust, handlers=[(evt.EVT_ACCEPTED, lambda event: seen.append(event.assoc))], **options
    ) as server:
        yield server


def associate(port: int, **options: Any) -> Any:
    ae = AE()
    ae.add_requested_context(VERIFICATION)
    association = ae.associate(HOST, port, bind_address=(CLIENT, 0), **options)
    assert association.is_established, association.failure
    assert association.send_c_echo().Status == 0
    return association


def client_of(seen: list[Any]) -> Any:
    """The association that the server has accepted, by way of the proxy."""
    association = eventually(lambda: seen[0] if seen else None, START, "an association")
    assert association.requestor.address == CLIENT
    assert association.proxied.address[0] == HOST
    return association


@pytest.mark.parametrize(
    ("options", "version"),
    [("send-proxy", 1), ("send-proxy-v2", 2), ("send-proxy-v2 proxy-v2-options crc32c,unique-id", 2)],
    ids=["version-1", "version-2", "version-2-with-checksum"],
)
def test_the_client_is_known(adapter: str, tmp_path: Path, options: str, version: int) -> None:
    seen: list[Any] = []
    with behind(adapter, seen) as server, haproxy(tmp_path, [server.port], options) as port:
        association = associate(port)
        accepted = client_of(seen)
        assert accepted.proxied.header.version == version
        assert accepted.requestor.port == association.requestor.port
        assert accepted.proxied.header.destination == (HOST, port)
        assert (3 in dict(accepted.proxied.header.values)) is ("crc32c" in options)
        association.release()
        assert association.is_released


def test_tls_with_the_client_through_the_proxy(adapter: str, tmp_path: Path, certificates: Certificates) -> None:
    seen: list[Any] = []
    with (
        behind(adapter, seen, tls=certificates.server_context()) as server,
        haproxy(tmp_path, [server.port], "send-proxy-v2") as port,
    ):
        association = associate(port, tls_args=(certificates.client_context(), "localhost"))
        client_of(seen)
        association.release()
        assert association.is_released


def test_tls_that_ends_at_the_proxy(adapter: str, tmp_path: Path, certificates: Certificates) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(certificates.server.certificate.read_bytes() + certificates.server.key.read_bytes())
    seen: list[Any] = []
    bind = f"ssl crt {both} ca-file {certificates.ca} verify required"
    with (
        behind(adapter, seen) as server,
        haproxy(tmp_path, [server.port], "send-proxy-v2-ssl-cn", bind) as port,
    ):
        association = associate(port, tls_args=(certificates.client_context(), "localhost"))
        tls = client_of(seen).proxied.header.tls
        assert (tls.is_encrypted, tls.has_certificate, tls.is_verified, tls.common_name) == (True, True, True, "client")
        assert tls.version.startswith("TLSv1.")
        association.release()


@pytest.mark.parametrize("options", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("with_tls", [False, True], ids=["plain", "tls"])
def test_health_checks_are_nothing_to_speak_of(
    adapter: str,
    tmp_path: Path,
    options: str,
    with_tls: bool,
    certificates: Certificates,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "dicomwire")
    told: list[Any] = []
    handlers = [(event, told.append) for event in (evt.EVT_CONN_OPEN, evt.EVT_CONN_CLOSE, evt.EVT_ABORTED)]
    tls: ssl.SSLContext | None = certificates.server_context() if with_tls else None
    with our_server(
        adapter,
        tls=tls,
        handlers=handlers,
        setup=lambda ae: setattr(ae, "proxy_protocol", ProxyProtocol(trusted=[HOST])),
    ) as server:
        caplog.clear()
        with haproxy(tmp_path, [server.port], f"{options} check inter 20"):
            checks = "it looks whether somebody listens", "has connected for itself, and asked for nothing"
            eventually(
                lambda: sum(any(check in text for check in checks) for text in caplog.messages) >= 3 or None,
                START,
                "three checks",
            )
        assert not told
        loud = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
        assert not loud


def test_the_server_with_the_fewest_associations_is_taken(adapter: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        seen: tuple[list[Any], list[Any]] = ([], [])
        ports = [stack.enter_context(behind(adapter, each)).port for each in seen]
        port = stack.enter_context(haproxy(tmp_path, ports, "send-proxy-v2 check inter 20"))
        associations = [associate(port) for _ in range(4)]
        assert [len(each) for each in seen] == [2, 2]
        for association in associations:
            association.release()
            assert association.is_released
