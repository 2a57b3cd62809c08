"""Where peers and servers are: names with several addresses, Unix domain sockets, sockets from outside."""
# ruff: noqa: ASYNC240

from __future__ import annotations

import datetime
import logging
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import dicomwire.trio
from dicomwire import build_context, evt
from dicomwire.__main__ import main
from dicomwire.addresses import AddressInformation
from dicomwire.transport import AssociationServer, RequestHandler
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, VERIFICATION, Recorder, World, done, keep, port_of
from tests.support.destinations import silent
from tests.support.finding import match
from tests.support.flags import ABORTED, flags
from tests.support.getting import image
from tests.support.moving import MOVE
from tests.support.patience import SOON

CONTEXTS = [build_context(VERIFICATION)]


@pytest.fixture
def path() -> Iterator[Path]:
    """Where a Unix domain socket may be: the folders of pytest may be too long for one."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="dw") as folder:
        yield Path(folder) / "s"


@pytest.fixture(scope="module")
def tls() -> tuple[ssl.SSLContext, tuple[ssl.SSLContext, str]]:
    """For a server, and for its peers."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server.example")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("server.example")]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(signed + secret)
        file.flush()
        server.load_cert_chain(file.name)
    return server, (ssl.create_default_context(cadata=signed.decode()), "server.example")


async def associate(world: World, *address: Any, **options: Any) -> Any:
    ae = options.pop("ae", None) or world.ae("CLIENT")
    ae.connection_timeout = options.pop("connection_timeout", 5)
    return await done(ae.associate(*address, contexts=CONTEXTS, **options))


async def echo(association: Any) -> None:
    """Use an association, and end it."""
    assert association.is_established, association.failure
    assert (await done(association.send_c_echo())).Status == 0
    await done(association.release())
    assert association.is_released


def named(monkeypatch: pytest.MonkeyPatch, *found: tuple[int, Any]) -> str:
    """A host name with these addresses."""
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "several.example":
            return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in found]
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return "several.example"


# -- several addresses ---------------------------------------------------------------------------------------------
async def test_a_first_address_that_hangs_does_not_keep_us_from_the_second(
    socket_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await socket_world.serve()
    with silent(socket.AF_INET6) as hanging:
        good = (socket.AF_INET, server.server_address)
        host = named(monkeypatch, (hanging.family, hanging.address), good)
        began = time.monotonic()
        association = await associate(socket_world, host, port_of(server))
        assert time.monotonic() - began < SOON
        assert (association.acceptor.address, association.acceptor.port) == server.server_address[:2]
        await echo(association)


async def test_when_all_fail_each_is_named(
    socket_world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = await socket_world.serve()
    server.shutdown()
    port = port_of(server)
    host = named(monkeypatch, (socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("127.0.0.2", port)))
    association = await associate(socket_world, host, port)
    assert flags(association) == ABORTED
    why = f"127.0.0.1:{port}: Connection refused; 127.0.0.2:{port}: Connection refused"
    assert association.failure == f"no connection: {why}"
    assert "nobody listens there" in association.explain()
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        f"no connection: {why}"
    ]


async def test_when_time_is_up_that_is_said(socket_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with silent() as one, silent() as other:
        host = named(monkeypatch, (one.family, one.address), (other.family, other.address))
        began = time.monotonic()
        association = await associate(socket_world, host, 104, connection_timeout=0.3)
        assert time.monotonic() - began < SOON
    assert association.failure == f"no connection: timed out after 0.3 s: {one}: no answer; {other}: no answer"


@pytest.mark.parametrize("attribute", ["connection_timeout", "acse_timeout"])
async def test_time_is_limited_for_tls_as_well(socket_world: World, attribute: str) -> None:
    with socket.socket() as deaf:
        deaf.bind((LOCALHOST, 0))
        deaf.listen()
        ae = socket_world.ae()
        setattr(ae, attribute, 0.2)
        began = time.monotonic()
        options = {"connection_timeout": ae.connection_timeout, "ae": ae}
        association = await associate(
            socket_world, *deaf.getsockname(), tls_args=(ssl.create_default_context(), "peer"), **options
        )
        assert 0.2 <= time.monotonic() - began < SOON
    assert flags(association) == ABORTED
    assert re.fullmatch(
        r"no connection: 127\.0\.0\.1:\d+: timed out after 0\.2 s, in the TLS handshake", association.failure
    )
    assert "may not speak TLS" in association.explain()


async def test_a_local_address_of_one_family_leaves_the_others_out(
    socket_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await socket_world.serve()
    port = port_of(server)
    host = named(monkeypatch, (socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, (LOCALHOST, port)))
    association = await associate(socket_world, host, port, bind_address=("127.0.0.3", 0))
    assert association.requestor.address == "127.0.0.3"
    await echo(association)
    server.shutdown()
    association = await associate(socket_world, host, port, bind_address=("127.0.0.3", 0))
    assert f"[::1]:{port}: bind_address 127.0.0.3:0 is of another address family; 127.0.0.1" in association.failure
    with pytest.raises(OSError, match="of another address family"):
        await associate(socket_world, "::1", port, bind_address=("127.0.0.3", 0))


async def test_a_server_may_be_given_a_name(loop_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    host = named(monkeypatch, (socket.AF_INET6, ("::1", 0, 0, 0)), (socket.AF_INET, ("127.0.0.4", 0)))
    server = await loop_world.serve(address=(host, 0))
    assert server.server_address[0] == "127.0.0.4"
    await echo(await associate(loop_world, *server.server_address))


def test_a_clock_that_jumps_does_not_jump_at_a_numeric_address() -> None:
    """Waiting for a thread, all of trio would stand still: reason to jump for a clock that does."""

    async def run() -> None:
        ae = dicomwire.trio.AE()
        ae.requested_contexts = ae.supported_contexts = CONTEXTS
        async with await ae.start_server((LOCALHOST, 0), block=False) as server:
            for _ in range(20):
                began = trio.current_time()
                association = await ae.associate(LOCALHOST, port_of(server))
                assert association.is_established and trio.current_time() == began
                await association.release()

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


# -- Unix domain sockets -------------------------------------------------------------------------------------------
SPELLINGS: dict[str, Callable[[Path], Any]] = {
    "text": lambda path: f"unix:{path}",
    "path": lambda path: path,
    "pair": lambda path: (path, 0),
}


@pytest.fixture(params=SPELLINGS)
def spelled(request: pytest.FixtureRequest, path: Path) -> Any:
    """An address to listen on, in each spelling."""
    return SPELLINGS[request.param](path)


def dialled(address: Any, path: Path) -> Any:
    """The spelling of it that ``associate`` takes."""
    return address if isinstance(address, str) else path


async def test_a_unix_domain_socket_is_there_while_a_server_listens_on_it(
    socket_world: World, path: Path, spelled: Any
) -> None:
    server = await socket_world.serve(address=spelled)
    assert server.server_address == (str(path), 0)
    assert path.is_socket()
    await echo(await associate(socket_world, dialled(spelled, path), 0))
    server.shutdown()
    assert not path.exists()
    association = await associate(socket_world, dialled(spelled, path), 0)
    assert association.failure == f"no connection: unix:{path}: No such file or directory"


async def test_the_ends_of_a_unix_domain_socket_are_its_path_and_nothing(
    socket_world: World, path: Path, spelled: Any
) -> None:
    await socket_world.serve(address=spelled)
    association = await associate(socket_world, dialled(spelled, path), 0)
    assert (association.acceptor.address, association.acceptor.port) == (str(path), 0)
    assert association.remote["address"] == str(path)
    assert (association.requestor.address, association.requestor.port) == ("", 0)
    information = association.acceptor.address_info
    assert (information.address, information.is_unix, information.is_ipv4, information.is_ipv6) == (
        str(path), True, False, False,
    )  # fmt: skip
    assert f"unix:{path}" in str(association.ae)
    await echo(association)


async def test_who_opens_a_unix_domain_socket_is_told_of_the_other_end(
    socket_world: World, path: Path, spelled: Any
) -> None:
    seen, ours = Recorder(), Recorder()
    await socket_world.serve(seen.bindings(evt.EVT_CONN_OPEN), address=spelled)
    association = await associate(
        socket_world, dialled(spelled, path), 0, evt_handlers=ours.bindings(evt.EVT_CONN_OPEN)
    )
    await echo(association)
    assert [event.address for event in ours.events] == [(str(path), 0)]
    assert [event.address for event in seen.events] == [("", 0)]


async def test_tls_over_a_unix_domain_socket(socket_world: World, path: Path, tls: Any) -> None:
    await socket_world.serve(address=path, ssl_context=tls[0])
    await echo(await associate(socket_world, path, 0, tls_args=tls[1]))


async def test_a_failed_handshake_names_a_local_peer(
    socket_world: World, path: Path, tls: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await socket_world.serve(address=path, ssl_context=tls[0])
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
        peer.sendall(b"no TLS" * 10)
        await socket_world.until(lambda: "TLS handshake with a local process failed" in caplog.text)


async def test_what_a_server_has_left_behind_is_replaced(socket_world: World, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    await socket_world.serve(address=path)
    await echo(await associate(socket_world, path, 0))


async def test_a_server_that_lives_is_not_replaced(socket_world: World, path: Path) -> None:
    await socket_world.serve(address=path)
    with pytest.raises(OSError, match=re.escape(f"cannot listen on '{path}': another server listens there")):
        await socket_world.serve(address=path)
    await echo(await associate(socket_world, path, 0))


async def test_a_file_that_is_no_socket_is_not_replaced(socket_world: World, path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(OSError, match="that is no socket"):
        await socket_world.serve(address=path)
    assert path.read_text() == "precious"


async def test_a_file_that_is_not_ours_any_more_stays(socket_world: World, path: Path) -> None:
    server = await socket_world.serve(address=path)
    path.unlink()
    path.write_text("somebody else's")
    server.shutdown()
    assert path.exists()


async def test_a_path_that_cannot_be(socket_world: World, path: Path) -> None:
    with pytest.raises(OSError, match="No such file or directory: "):
        await socket_world.serve(address=path / "missing")
    with pytest.raises(OSError, match="too long"):
        await socket_world.serve(address=Path("/tmp") / ("x" * 200))
    assert "too long" in (await associate(socket_world, Path("/tmp") / ("x" * 200), 0)).failure
    for empty in ("unix:", "unix:@"):
        with pytest.raises(ValueError, match="is empty"):
            await socket_world.serve(address=empty)
        with pytest.raises(ValueError, match="is empty"):
            await associate(socket_world, empty, 0)
    with pytest.raises(TypeError, match="an address is"):
        await socket_world.serve(address="localhost")
    with pytest.raises(ValueError, match="bind_address"):
        await associate(socket_world, path, 0, bind_address=(LOCALHOST, 0))


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
async def test_an_abstract_name(socket_world: World) -> None:
    name = f"unix:@dicomwire-test-{os.getpid()}-{socket_world.name}"
    server = await socket_world.serve(address=name)
    assert server.server_address == (f"\0{name[6:]}", 0)
    association = await associate(socket_world, name, 0)
    assert name in str(association.ae)
    await echo(association)


async def test_a_move_goes_to_a_unix_domain_socket(socket_world: World, path: Path) -> None:
    kept: list[Any] = []
    await socket_world.serve([(evt.EVT_C_STORE, lambda event: keep(kept, event.dataset.SOPInstanceUID))], address=path)
    instance = image(1)

    def send(event: Any) -> Iterator[Any]:
        yield path, 0, {"contexts": [build_context(CT_IMAGE_STORAGE)]}
        yield 1
        yield 0xFF00, instance

    archive = await socket_world.serve([(evt.EVT_C_MOVE, send)], contexts=[build_context(MOVE)])
    association = await socket_world.associate(archive, contexts=[build_context(MOVE)])
    responses = await done(association.send_c_move(match(), "DEST", MOVE))
    if hasattr(responses, "__anext__"):
        statuses = [status.Status async for status, _ in responses]
    else:
        statuses = [status.Status for status, _ in responses]
    assert statuses[-1] == 0 and kept == [instance.SOPInstanceUID]
    await done(association.release())


async def test_an_application_takes_a_path(
    blocking_world: World, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await blocking_world.serve(address=path)
    assert main(["echoscu", f"unix:{path}", "104"]) == 0
    assert main(["echoscu", f"unix:{path}x", "104"]) == 1
    assert "No such file or directory" in capfd.readouterr().err


async def test_a_handler_of_connections_of_ones_own_sees_paths(blocking_world: World, path: Path) -> None:
    seen = []

    class Handler(RequestHandler):
        def handle(self) -> None:
            seen.append((self.client_address, self.local.address, self.remote.address, self.local.is_unix))
            super().handle()

    ae = blocking_world.ae()
    ae.supported_contexts = CONTEXTS
    with ae.make_server(path, request_handler=Handler) as server:
        assert (server.address_info.address, server.address_family) == (str(path), socket.AF_UNIX)
        job = blocking_world.start(lambda: _call(server.serve_forever))
        await echo(await associate(blocking_world, path, 0))
    await job.result()
    assert seen == [(("", 0), str(path), "", True)]


async def _call(function: Any) -> None:
    function()


# -- sockets from outside: servers ---------------------------------------------------------------------------------
def _tcp(is_listening: bool) -> socket.socket:
    sock = socket.socket()
    sock.bind((LOCALHOST, 0))
    if is_listening:
        sock.listen(7)
    return sock


@pytest.mark.parametrize("is_listening", [True, False])
@pytest.mark.parametrize("address", [None, ("ignored.example", 104)])
async def test_a_listening_socket_may_be_given(socket_world: World, is_listening: bool, address: Any) -> None:
    sock = _tcp(is_listening)
    server = await socket_world.serve(address=address, sock=sock)
    assert server.server_address == sock.getsockname()
    await echo(await associate(socket_world, *server.server_address))
    server.shutdown()
    await socket_world.until(lambda: sock.fileno() == -1)


async def test_a_listening_socket_may_be_given_for_tls(socket_world: World, tls: Any) -> None:
    server = await socket_world.serve(address=None, sock=_tcp(True), ssl_context=tls[0])
    await echo(await associate(socket_world, *server.server_address, tls_args=tls[1]))


async def test_the_file_of_a_socket_from_outside_is_not_ours(socket_world: World, path: Path) -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    server = await socket_world.serve(address=None, sock=sock)
    assert server.server_address == (str(path), 0)
    await echo(await associate(socket_world, path, 0))
    server.shutdown()
    await socket_world.until(lambda: sock.fileno() == -1)
    assert path.exists()


@pytest.mark.parametrize("is_same", [True, False])
async def test_servers_may_share_a_listening_socket(
    socket_world: World, is_same: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(_tcp(True)) as sock:
        address = sock.getsockname()
        servers = [await socket_world.serve(address=None, sock=sock if is_same else sock.dup()) for _ in range(3)]
        for _ in range(20):
            await echo(await associate(socket_world, *address))
        servers[0].shutdown()
        for _ in range(5):
            await echo(await associate(socket_world, *address))
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system may give all connections to one of them")
async def test_servers_may_share_a_port(socket_world: World) -> None:
    first = await socket_world.serve(reuse_port=True)
    second = await socket_world.serve(address=first.server_address, reuse_port=True)
    assert second.server_address == first.server_address
    served: list[str] = []
    for name, server in (("first", first), ("second", second)):
        server.bind(evt.EVT_CONN_OPEN, lambda event, name: served.append(name), [name])
    for _ in range(100):
        await echo(await associate(socket_world, *first.server_address))
        if len(set(served)) == 2:
            break
    assert set(served) == {"first", "second"}
    with pytest.raises(OSError, match="in use"):
        await socket_world.serve(address=first.server_address)
    first.shutdown()
    await socket_world.until(lambda: not first.active_associations)
    served.clear()
    for _ in range(5):
        await echo(await associate(socket_world, *second.server_address))
    assert served == ["second"] * 5


async def test_a_port_is_not_shared_by_chance(socket_world: World) -> None:
    alone = await socket_world.serve()
    with pytest.raises(OSError, match="in use"):
        await socket_world.serve(address=alone.server_address, reuse_port=True)


@pytest.mark.parametrize("way", ["no name", "no option"])
async def test_where_no_port_can_be_shared_that_is_said(
    socket_world: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "no name":
        monkeypatch.delattr(socket, "SO_REUSEPORT")
    else:
        monkeypatch.setattr(socket, "SO_REUSEPORT", 0x7FFF)
    with pytest.raises(ValueError, match=r"this system has no SO_REUSEPORT: .*sock="):
        await socket_world.serve(reuse_port=True)
    await socket_world.serve()


async def test_what_has_no_port_to_share(socket_world: World, path: Path) -> None:
    with pytest.raises(ValueError, match=r"for Internet addresses, and .* is a path: .*sock="):
        await socket_world.serve(address=path, reuse_port=True)
    assert not path.exists()
    with closing(_tcp(False)) as sock:
        with pytest.raises(ValueError, match="before it is bound"):
            await socket_world.serve(address=None, sock=sock, reuse_port=True)
        assert sock.fileno() >= 0


async def test_a_port_in_memory_has_one_server(memory_world: World) -> None:
    with pytest.raises(ValueError, match="in memory"):
        await memory_world.serve(reuse_port=True)


async def test_the_class_of_a_server_may_share_its_port(blocking_world: World) -> None:
    class Shared(AssociationServer):
        allow_reuse_port = True

    ae = blocking_world.ae()
    ae.supported_contexts = CONTEXTS
    with ae.make_server((LOCALHOST, 0), server_class=Shared) as first:
        with ae.make_server(first.server_address, reuse_port=True) as second:
            assert second.server_address == first.server_address
        with pytest.raises(OSError, match="in use"):
            ae.make_server(first.server_address)


async def test_make_server_takes_a_socket(blocking_world: World) -> None:
    sock = _tcp(True)
    ae = blocking_world.ae()
    ae.supported_contexts = CONTEXTS
    with ae.make_server(None, sock=sock) as server:
        assert type(server) is AssociationServer
        assert server.socket.getsockname() == server.server_address == sock.getsockname()
        assert server.address_info == AddressInformation.from_tuple(sock.getsockname())
        job = blocking_world.start(lambda: _call(server.serve_forever))
        await echo(await associate(blocking_world, *sock.getsockname()))
    await job.result()
    assert sock.fileno() == -1


def _wrong_for_servers(stack: ExitStack) -> dict[str, tuple[Any, type[Exception], str]]:
    near, far = socket.socketpair()
    closed = socket.socket()
    closed.close()
    unbound = socket.socket()
    datagram = socket.socket(type=socket.SOCK_DGRAM)
    secure = ssl.create_default_context().wrap_socket(
        stack.enter_context(socket.socket()), server_hostname="x", do_handshake_on_connect=False
    )
    for sock in (near, far, unbound, datagram, secure):
        stack.enter_context(sock)
    return {
        "number": (7, TypeError, "not int"),
        "TLS": (secure, TypeError, "TLS on it already"),
        "closed": (closed, ValueError, "closed"),
        "datagram": (datagram, ValueError, "no stream socket"),
        "connected": (near, ValueError, "is connected"),
        "unbound": (unbound, ValueError, "not bound"),
    }


@pytest.mark.parametrize("kind", ["number", "TLS", "closed", "datagram", "connected", "unbound"])
async def test_a_socket_that_cannot_be_listened_on(socket_world: World, kind: str) -> None:
    with ExitStack() as stack:
        sock, error, text = _wrong_for_servers(stack)[kind]
        with pytest.raises(error, match=text):
            await socket_world.serve(address=None, sock=sock)
        assert kind in ("number", "closed") or sock.fileno() >= 0


# -- sockets from outside: requestors ------------------------------------------------------------------------------
async def test_a_connected_socket_may_be_given(socket_world: World) -> None:
    server = await socket_world.serve()
    sock = socket.create_connection(server.server_address)
    local = sock.getsockname()
    association = await associate(socket_world, None, None, sock=sock)
    assert association.requestor.address_tuple == local
    assert association.acceptor.address_tuple == server.server_address
    await echo(association)
    await socket_world.until(lambda: sock.fileno() == -1)


async def test_a_connected_socket_may_be_given_for_tls(socket_world: World, tls: Any) -> None:
    server = await socket_world.serve(ssl_context=tls[0])
    sock = socket.create_connection(server.server_address)
    await echo(await associate(socket_world, "not looked up.example", 104, sock=sock, tls_args=tls[1]))


async def test_one_end_of_a_pair_may_be_given(socket_world: World, path: Path) -> None:
    await socket_world.serve(address=path)
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    sock.setblocking(False)
    await echo(await associate(socket_world, None, None, sock=sock, bind_address=("", 0)))


async def test_a_socket_is_the_callers_if_the_call_raises(socket_world: World) -> None:
    server = await socket_world.serve()
    with socket.create_connection(server.server_address) as sock:
        with pytest.raises(ValueError, match="ae_title"):
            await associate(socket_world, None, None, sock=sock, ae_title="")
        with pytest.raises(ValueError, match="bind_address"):
            await associate(socket_world, None, None, sock=sock, bind_address=(LOCALHOST, 0))
        await echo(await associate(socket_world, None, None, sock=sock.dup()))


async def test_a_peer_that_fails_on_a_given_socket_closes_it(socket_world: World) -> None:
    near, far = socket.socketpair()
    far.close()
    association = await associate(socket_world, None, None, sock=near)
    assert flags(association) == ABORTED
    await socket_world.until(lambda: near.fileno() == -1)


@pytest.mark.parametrize("kind", ["number", "TLS", "closed", "datagram", "listening", "unconnected"])
async def test_a_socket_that_is_not_connected(socket_world: World, kind: str) -> None:
    with ExitStack() as stack:
        wrong = _wrong_for_servers(stack)
        wrong["listening"] = (stack.enter_context(_tcp(True)), ValueError, "sock listens")
        wrong["unconnected"] = (stack.enter_context(socket.socket()), ValueError, "not connected")
        sock, error, text = wrong[kind]
        with pytest.raises(error, match=text):
            await associate(socket_world, None, None, sock=sock, ae_title="")


async def test_without_address_and_without_socket(world: World) -> None:
    with pytest.raises(TypeError):
        await associate(world, None, 104)
    with pytest.raises(TypeError):
        await associate(world, LOCALHOST, None)
    with pytest.raises(TypeError):
        await world.serve(address=None)


async def test_there_are_no_sockets_in_memory(memory_world: World) -> None:
    cases: list[tuple[Any, dict[str, Any]]] = [("unix:/x", {}), (Path("/x"), {}), ("memory", {"sock": 7})]
    for host, options in cases:
        with pytest.raises(TypeError, match="in memory"):
            await associate(memory_world, host, 104, **options)
        with pytest.raises(TypeError, match="in memory"):
            await memory_world.serve(address=(host, 0), **options)
    with pytest.raises(TypeError, match="in memory"):
        await memory_world.serve(address=Path("/x"))


def test_a_server_of_trio_takes_a_socket() -> None:
    ae = dicomwire.trio.AE()
    ae.supported_contexts = CONTEXTS
    sock = _tcp(True)
    server = dicomwire.trio.AssociationServer(ae, None, None, None, None, None, sock=sock)
    assert server.server_address == sock.getsockname()
    server.socket.close()
    sock.close()


# -- sockets of a service manager ----------------------------------------------------------------------------------
_ACTIVATED = """
import fcntl, os, sys
descriptors = [int(item) for item in sys.argv[1].split(",") if item]
saved = [fcntl.fcntl(item, fcntl.F_DUPFD, 100) for item in descriptors]
for index, item in enumerate(saved):
    os.dup2(item, 3 + index)
    os.close(item)
os.environ.update(LISTEN_PID=str(os.getpid() + int(sys.argv[3])), LISTEN_FDS=sys.argv[2], LISTEN_FDNAMES="one:two")
from dicomwire.addresses import inherited_sockets
try:
    found = inherited_sockets()
    print([sock.getsockname()[1] for sock in found], [sock.getsockname()[1] for sock in inherited_sockets("two")])
    print([os.get_inheritable(sock.fileno()) for sock in found], inherited_sockets()[:1] == found[:1])
    for sock in found[:1]:
        sock.close()
    print(len(inherited_sockets()))
except Exception as error:
    print(type(error).__name__, error)
"""


def _activated(descriptors: list[int], count: object, difference: int = 0) -> list[str]:
    """What a program prints that is started as a service manager would."""
    given = ",".join(map(str, descriptors))
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ACTIVATED, given, str(count), str(difference)],
        pass_fds=descriptors,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout.splitlines()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="of POSIX")
def test_sockets_are_inherited_from_a_service_manager() -> None:
    with _tcp(True) as one, _tcp(True) as two, open(os.devnull) as device:
        ports = [one.getsockname()[1], two.getsockname()[1]]
        descriptors = [one.fileno(), two.fileno(), device.fileno()]
        assert _activated(descriptors, 3) == [f"{ports} {ports[1:]}", "[False, False] True", "1"]
        assert _activated(descriptors, 3, difference=1) == ["[] []", "[] True", "0"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="of POSIX")
def test_a_service_manager_that_says_what_is_not_true() -> None:
    (line,) = _activated([], 900000)
    assert line.startswith("OSError") and "LISTEN_FDS is 900000, but descriptor" in line
    assert _activated([], "many") == ["ValueError LISTEN_FDS is a number of descriptors, not 'many'"]
