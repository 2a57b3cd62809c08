"""Providers that are told to end, and what they tell a service manager."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomwire.apps._common import providing
from dicomwire.apps._common.network_options import NetworkOptions
from dicomwire.apps._common.options import Provider
from dicomwire.apps._common.providing import serve
from dicomwire.apps._common.service_manager import READY, STOPPING, notify
from dicomwire.blocking import AE
from dicomwire.presentation import build_context
from tests.apps.helpers import CT, EXPLICIT, HOST, SECONDS, data_set, provider
from tests.support.patience import SOON
from tests.support.sessions import p_data, pdv
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ
from tests.support.transfers import DATA_AND_LAST, started_transfer, wait_for_part

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and sockets of POSIX")

HALF, REST = (whole := data_set(CT, "1.2.3", 20_000))[:10_000], whole[10_000:]


def wait_until_nobody_listens(port: str) -> None:
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, int(port))):
                return


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_is_under_way_is_stored_and_who_is_idle_released(tmp_path: Path, how: signal.Signals) -> None:
    with provider("storescp", "0", "-v", "-od", str(tmp_path)) as server:
        idle = AE().associate(HOST, int(server.port), [build_context(CT, EXPLICIT)])
        with started_transfer(int(server.port), data=HALF) as sock:
            wait_for_part(tmp_path)
            server.process.send_signal(how)
            idle.join(SOON)
            assert idle.is_released
            wait_until_nobody_listens(server.port)
            sock.settimeout(SECONDS)
            sock.sendall(p_data(pdv(1, DATA_AND_LAST, REST)))
            head = sock.recv(6, socket.MSG_WAITALL)
            assert head[0] == 4
            assert b"\x00\x09\x02\x00\x00\x00\x00\x00" in sock.recv(int.from_bytes(head[2:], "big"), socket.MSG_WAITALL)
            assert sock.recv(10, socket.MSG_WAITALL) == RELEASE_RQ
            sock.sendall(RELEASE_RP)
        assert server.end() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["CT.1.2.3"]


def test_a_second_signal_aborts(tmp_path: Path) -> None:
    with provider("storescp", "0", "-v", "-od", str(tmp_path), "--drain", "1000") as server:
        with started_transfer(int(server.port)) as sock:
            wait_for_part(tmp_path)
            server.interrupt()
            wait_until_nobody_listens(server.port)
            server.interrupt()
            sock.settimeout(SECONDS)
            assert sock.recv(10, socket.MSG_WAITALL)[:1] == ABORT[:1]
        assert server.end() == 0
    assert "I: Interrupted again: aborting" in server.lines and list(tmp_path.iterdir()) == []


def interrupt_twice(*_: object) -> None:
    try:
        raise KeyboardInterrupt
    finally:
        raise KeyboardInterrupt


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["in the end of accepting", "when it is told", "in the drain"])
def test_a_second_signal_may_come_at_any_time(
    where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = interrupt_twice if where == "in the end of accepting" else interrupt
    monkeypatch.setattr("dicomwire.blocking.server.AssociationServer.serve_forever", first)
    if where == "when it is told":
        monkeypatch.setattr(providing, "notify", lambda what: interrupt() if what == STOPPING else None)
    elif where == "in the drain":
        whole = AE.shutdown
        monkeypatch.setattr(AE, "shutdown", lambda ae, drain=0: interrupt() if drain else whole(ae))
    network = NetworkOptions(acse_timeout=30, dimse_timeout=30, network_timeout=60, max_pdu=16382)
    given = Provider(port=0, bind_address=HOST, ae_title="SCP", tls=None, network=network, drain=1000.0)
    with caplog.at_level(logging.INFO, "dicomwire.apps"):
        assert serve(given, [build_context(CT, EXPLICIT)], [], logging.getLogger("dicomwire.apps.test")) == 0
    assert caplog.messages[-1] == "Interrupted again: aborting"


# -- a service manager ---------------------------------------------------------------------------------------------
@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where it listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sock


@pytest.mark.parametrize("options", [[], ["--processes", "2"]], ids=["one", "two"])
def test_it_is_told_once_that_we_listen_and_once_that_we_end(
    manager: socket.socket, tmp_path: Path, options: list[str]
) -> None:
    with provider("storescp", "0", "-od", str(tmp_path / "out"), *options) as server:
        assert manager.recv(100) == b"READY=1"
        assert server.stop() == 0
        assert manager.recv(100) == b"STOPPING=1"
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(100)


@pytest.mark.skipif(sys.platform != "linux", reason="the abstract namespace is of Linux")
def test_an_at_sign_is_the_abstract_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0dicomwire-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@dicomwire-{os.getpid()}")
        assert notify(READY)
        assert sock.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_without_one_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify(READY)
