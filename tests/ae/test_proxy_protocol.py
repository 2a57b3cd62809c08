"""Connections by way of a proxy, which says for whom they are."""

from __future__ import annotations

import logging
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dicomwire import AE, Allowed, ProxyProtocol, evt
from dicomwire.associations import half_open
from dicomwire.upper_layer.proxy_header import SIGNATURE_2
from tests.support.adapters import LOCALHOST, PATIENCE, VERIFICATION, Peer, Recorder, World, done
from tests.support.certificates import self_signed
from tests.support.sessions import IMPLICIT, proposal, request

REQUEST = request([proposal(1, VERIFICATION, IMPLICIT)]).encode()
LOCAL = SIGNATURE_2 + b"\x20\x00\x00\x00"
HERE = ProxyProtocol(trusted=["127.0.0.0/8"])
ELSEWHERE = ProxyProtocol(trusted=["192.0.2.0/24"])


def line(host: str, port: int = 50000) -> bytes:
    return f"PROXY TCP4 {host} 10.0.0.1 {port} 104\r\n".encode()


def block(host: str, port: int = 50000) -> bytes:
    addresses = socket.inet_aton(host) + socket.inet_aton("10.0.0.1") + struct.pack(">HH", port, 104)
    said = b"\x02\x00\x04pacs"
    return SIGNATURE_2 + b"\x21\x11" + struct.pack(">H", len(addresses + said)) + addresses + said


async def serve(world: World, proxies: ProxyProtocol | None = HERE, handlers: Any = (), **options: Any) -> Any:
    ae = world.ae("SERVER")
    ae.proxy_protocol = proxies
    return await world.serve(handlers, ae=ae, **options)


async def send(world: World, server: Any, *pieces: bytes) -> Peer:
    peer = await world.connect(server)
    for piece in pieces:
        await peer.send(piece)
    return peer


async def is_closed(peer: Peer) -> bool:
    return await peer.read(1) == b""


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("header", [line, block], ids=["version-1", "version-2"])
@pytest.mark.parametrize("is_dripped", [False, True], ids=["at-once", "dripped"])
async def test_everybody_sees_the_client(
    socket_world: World, header: Callable[[str], bytes], is_dripped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    told = Recorder()
    server = await serve(socket_world, handlers=told.bindings(evt.EVT_ACCEPTED, evt.EVT_CONN_OPEN))
    data = header("198.51.100.7")
    if is_dripped:
        peer = await send(socket_world, server, *(data[i : i + 1] for i in range(len(data))), REQUEST)
    else:
        peer = await send(socket_world, server, data + REQUEST)
    assert (await peer.pdu())[:1] == b"\x02"
    (association,) = server.active_associations
    client = ("198.51.100.7", 50000)
    requestor = association.requestor
    assert (requestor.address, requestor.port) == requestor.address_info.as_tuple == client
    assert f"{client[0]}:50000" in repr(association)
    assert (association.acceptor.address, association.acceptor.port) == server.server_address
    opened = next(event for event in told.events if event.event is evt.EVT_CONN_OPEN)
    assert opened.address == client
    # That of the proxy is not lost.
    assert association.proxied.address[0] == LOCALHOST
    named = association.proxied.header
    assert (named.destination, named.authority) == (("10.0.0.1", 104), "pacs" if header is block else None)
    await peer.close()
    await socket_world.until(lambda: not server.active_associations and not len(server.ae.half_open))
    assert not complaints(caplog)


async def test_an_ipv6_client(socket_world: World) -> None:
    server = await serve(socket_world)
    peer = await send(socket_world, server, b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 104\r\n" + REQUEST)
    assert (await peer.pdu())[:1] == b"\x02"
    (association,) = server.active_associations
    assert association.requestor.address_info.as_tuple == ("2001:db8::7", 50000, 0, 0)
    await peer.close()


async def test_a_local_client_of_the_proxy(socket_world: World) -> None:
    paths = b"/run/client".ljust(108, b"\0") + b"/run/proxy".ljust(108, b"\0")
    server = await serve(socket_world)
    peer = await send(socket_world, server, SIGNATURE_2 + b"\x21\x31\x00\xd8" + paths + REQUEST)
    assert (await peer.pdu())[:1] == b"\x02"
    (association,) = server.active_associations
    assert association.requestor.address == "/run/client"
    assert "unix:/run/client" in repr(association)
    await peer.close()


async def test_others_are_served_without(socket_world: World) -> None:
    server = await serve(socket_world, ELSEWHERE)
    association = await socket_world.associate(server)
    assert association.is_established
    assert server.active_associations[0].proxied is None
    await done(association.release())


@pytest.mark.parametrize("proxies", [ELSEWHERE, None], ids=["another-is-trusted", "nobody-is"])
@pytest.mark.parametrize("header", [line, block], ids=["version-1", "version-2"])
async def test_a_header_of_others_is_refused(
    socket_world: World, header: Callable[[str], bytes], proxies: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(socket_world, proxies)
    peer = await send(socket_world, server, header("198.51.100.7") + REQUEST)
    assert (await peer.pdu())[:1] == b"\x07"
    await socket_world.until(lambda: "which only who is trusted with it may send" in caplog.text)
    assert "198.51.100.7" not in caplog.text
    await peer.close()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (REQUEST, "no PROXY protocol header"),
        (b"PROXY TCP4 \x1b[2J \x1b[2J 1 1\r\n", "addresses or ports that are none"),
        (block("198.51.100.7")[:12] + b"\x11", "0x11"),
    ],
    ids=["none", "version-1", "version-2"],
)
async def test_a_proxy_without_a_header_is_refused(
    socket_world: World, data: bytes, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(socket_world)
    peer = await send(socket_world, server, data + bytes(16))
    assert await is_closed(peer)
    await socket_world.until(lambda: not len(server.ae.half_open))
    (complaint,) = complaints(caplog)
    assert complaint.startswith("a connection from the proxy at 127.0.0.1:")
    assert message in complaint
    assert complaint.isprintable()
    assert not server.active_associations


async def test_dripping_does_not_put_off_the_end(socket_world: World, caplog: pytest.LogCaptureFixture) -> None:
    server = await serve(socket_world)
    server.ae.acse_timeout = 0.2
    peer = await send(socket_world, server, *(line("198.51.100.7")[i : i + 1] for i in range(20)))
    assert await is_closed(peer)
    assert complaints(caplog)[0].endswith("no PROXY protocol header came in time")
    await socket_world.until(lambda: not len(server.ae.half_open))


@pytest.mark.parametrize("data", [b"", b"PROXY UNKNOWN\r\n", LOCAL], ids=["nothing", "version-1", "version-2"])
@pytest.mark.parametrize("with_tls", [False, True], ids=["plain", "tls"])
async def test_a_health_check_is_nothing_to_speak_of(
    socket_world: World, data: bytes, with_tls: bool, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    told = Recorder()
    context = None
    if with_tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self_signed(tmp_path))
    server = await serve(socket_world, handlers=told.bindings(), ssl_context=context)
    caplog.set_level(logging.DEBUG, "dicomwire")
    for ends in (_close, _reset):
        peer = await send(socket_world, server, data)
        await socket_world.until(lambda: len(server.ae.half_open))
        assert not server.active_associations
        await ends(peer)
        await socket_world.until(lambda: not len(server.ae.half_open))
    assert not told.events
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]


async def _close(peer: Any) -> None:
    await peer.close()


async def _reset(peer: Any) -> None:
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await peer.close()


async def test_a_proxy_may_ask_for_itself(socket_world: World) -> None:
    server = await serve(socket_world)
    peer = await send(socket_world, server, LOCAL + REQUEST)
    assert (await peer.pdu())[:1] == b"\x02"
    (association,) = server.active_associations
    assert association.requestor.address == LOCALHOST
    assert association.proxied.header.is_local
    await peer.close()


async def test_the_client_is_judged_and_not_the_proxy(socket_world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicomwire")
    server = await serve(socket_world)
    server.ae.allowed = Allowed(networks=["198.51.100.0/24"])
    peer = await send(socket_world, server, line("198.51.100.7") + REQUEST)
    assert (await peer.pdu())[:1] == b"\x02"
    for data in (line("203.0.113.9"), LOCAL):
        assert await is_closed(await send(socket_world, server, data + REQUEST))
    await socket_world.until(lambda: not len(server.ae.half_open))
    assert "a connection from 203.0.113.9:50000 was refused: not in the allowed networks" in caplog.text
    await peer.close()


async def test_the_hook_is_told_of_the_client(socket_world: World) -> None:
    server = await serve(socket_world)
    server.ae.allowed = Allowed(hook=lambda address, certificate: address == ("198.51.100.7", 50000))
    peer = await send(socket_world, server, line("198.51.100.7") + REQUEST)
    assert (await peer.pdu())[:1] == b"\x02"
    await peer.close()
    assert await is_closed(await send(socket_world, server, line("198.51.100.8") + REQUEST))


async def test_a_proxy_counts_for_its_clients(socket_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_open, "GRACE", 0.0)
    server = await serve(socket_world)
    server.ae.maximum_half_open_per_address = 1
    peers = [await send(socket_world, server, line(f"198.51.100.{number}")) for number in range(3)]
    # Those that have said nothing count for nobody.
    peers += [await send(socket_world, server) for _ in range(3)]
    await socket_world.until(lambda: len(server.ae.half_open) == 6)
    again = await send(socket_world, server, line("198.51.100.1"))
    assert await is_closed(peers[1])
    for peer in (*peers, again):
        await peer.close()
    await socket_world.until(lambda: not len(server.ae.half_open))


@pytest.mark.parametrize("header", [line, block], ids=["version-1", "version-2"])
async def test_tls_comes_after_the_header(socket_world: World, header: Callable[[str], bytes], tmp_path: Path) -> None:
    path = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    server = await serve(socket_world, ssl_context=context)
    received: list[bytes] = []

    def client() -> None:
        with socket.create_connection(server.server_address[:2], PATIENCE) as sock:
            # With the first bytes of TLS behind it, in one piece.
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = ssl.create_default_context(cafile=path).wrap_bio(incoming, outgoing, server_hostname="localhost")
            outgoing.write(header("198.51.100.7"))
            steps: list[Callable[[], Any]] = [tls.do_handshake, lambda: tls.write(REQUEST), lambda: tls.read(1)]
            while steps:
                try:
                    result = steps[0]()
                    received.append(result)
                    del steps[0]
                except ssl.SSLWantReadError:
                    if data := outgoing.read():
                        sock.sendall(data)
                    incoming.write(sock.recv(65536))
            go_on.wait(PATIENCE)

    go_on = threading.Event()
    thread = threading.Thread(target=client)
    thread.start()
    await socket_world.until(lambda: received[2:])
    (association,) = server.active_associations
    assert association.requestor.address == "198.51.100.7"
    go_on.set()
    await socket_world.until(lambda: not thread.is_alive())
    assert received[2] == b"\x02"


async def test_a_server_that_stops_waits_for_no_header(socket_world: World) -> None:
    server = await serve(socket_world)
    server.ae.acse_timeout = None
    peer = await send(socket_world, server, b"PROXY ")
    await socket_world.until(lambda: len(server.ae.half_open))
    server.shutdown()
    assert await is_closed(peer)
    await socket_world.until(lambda: not len(server.ae.half_open))


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="Unix domain sockets")
async def test_a_proxy_at_a_unix_domain_socket(socket_world: World, tmp_path: Path) -> None:
    server = await serve(socket_world, ProxyProtocol(unix_sockets=True), address=tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(server.server_address[0])
        sock.sendall(line("198.51.100.7") + REQUEST)
        await socket_world.until(lambda: server.active_associations and server.active_associations[0].is_established)
        (association,) = server.active_associations
        assert association.requestor.address_info.as_tuple == ("198.51.100.7", 50000)
    await socket_world.until(lambda: not server.active_associations)


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ({}, ValueError),
        ({"trusted": []}, ValueError),
        ({"trusted": "192.0.2.0/24"}, TypeError),
        ({"trusted": ["192.0.2.1/24"]}, ValueError),
    ],
)
def test_what_trusts_nobody_is_refused(argument: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ProxyProtocol(**argument)


@pytest.mark.parametrize(
    ("proxies", "address", "expected"),
    [
        (ProxyProtocol(trusted=["10.0.0.0/8"]), ("10.1.2.3", 5), True),
        (ProxyProtocol(trusted=["10.0.0.0/8"]), ("::ffff:10.1.2.3", 5, 0, 0), True),
        (ProxyProtocol(trusted=["10.0.0.0/8"]), ("11.1.2.3", 5), False),
        (ProxyProtocol(trusted=["10.0.0.0/8"]), ("", 0), False),
        (ProxyProtocol(unix_sockets=True), ("", 0), True),
        (ProxyProtocol(unix_sockets=True), ("10.1.2.3", 5), False),
    ],
)
def test_who_is_trusted(proxies: ProxyProtocol, address: tuple[Any, ...], expected: bool) -> None:
    assert proxies.trusts(address) is expected


def test_nothing_else_is_a_setting() -> None:
    ae = AE()
    assert ae.proxy_protocol is None
    with pytest.raises(TypeError, match="must be a ProxyProtocol or None, not list"):
        ae.proxy_protocol = ["192.0.2.0/24"]  # type: ignore[assignment]
