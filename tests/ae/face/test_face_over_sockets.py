"""``connect`` and ``serve`` over real sockets: TLS, Unix domain sockets, sockets of the program's own."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from dicomwire import EchoRequest, Refused, Service, Status
from tests.support.adapters import LOCALHOST, World, done, port_of
from tests.support.certificates import self_signed


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For ``localhost``, and no address."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def path() -> Iterator[Path]:
    """A name short enough for a Unix domain socket."""
    with TemporaryDirectory() as folder:
        yield Path(folder) / "s"


def for_server(pem: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context


def for_client(pem: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=pem)


async def connected(world: World, *args: Any, **options: Any) -> Any:
    client = await done(world.face.connect(*args, **options))
    world.entities.append(client.ae)
    return client


# -- TLS -------------------------------------------------------------------------------------------------------------
async def test_the_name_on_the_certificate_is_that_of_the_host(socket_world: World, pem: Path) -> None:
    server = await socket_world.provide(Service(), tls=for_server(pem))
    client = await connected(socket_world, "localhost", port_of(server), tls=for_client(pem))
    assert (await done(client.echo())).is_success
    with pytest.raises(Refused, match="certificate"):
        await connected(socket_world, LOCALHOST, port_of(server), tls=for_client(pem))


async def test_another_name_may_be_looked_for(socket_world: World, pem: Path) -> None:
    server = await socket_world.provide(Service(), tls=for_server(pem))
    client = await connected(socket_world, LOCALHOST, port_of(server), tls=for_client(pem), server_name="localhost")
    assert (await done(client.echo())).is_success
    with pytest.raises(Refused, match="certificate"):
        await connected(socket_world, "localhost", port_of(server), tls=for_client(pem), server_name="other.example")


async def test_a_certificate_that_nobody_trusts(socket_world: World, pem: Path) -> None:
    server = await socket_world.provide(Service(), tls=for_server(pem))
    with pytest.raises(Refused, match="does not trust its certificate"):
        await connected(socket_world, "localhost", port_of(server), tls=ssl.create_default_context())


async def test_who_speaks_no_tls_is_told(socket_world: World, pem: Path) -> None:
    server = await socket_world.provide(Service(), tls=for_server(pem))
    with pytest.raises(Refused, match=r"it may expect TLS \(tls=...\)"):
        await connected(socket_world, LOCALHOST, port_of(server))


async def test_who_speaks_tls_to_a_peer_without_is_told(socket_world: World, pem: Path) -> None:
    server = await socket_world.provide(Service())
    with pytest.raises(Refused, match="TLS"):
        await connected(socket_world, "localhost", port_of(server), tls=for_client(pem))


@pytest.mark.parametrize("tls", [True, "pem", 3])
async def test_what_is_no_context_is_refused(socket_world: World, tls: Any) -> None:
    server = await socket_world.provide(Service())
    with pytest.raises(TypeError, match="SSLContext"):
        await connected(socket_world, LOCALHOST, port_of(server), tls=tls)
    with pytest.raises(TypeError, match="SSLContext"):
        await socket_world.provide(Service(), tls=tls)


async def test_a_name_without_tls_is_refused(socket_world: World) -> None:
    """Nobody would look for it, and who gives it believes that somebody does."""
    server = await socket_world.provide(Service())
    with pytest.raises(TypeError, match="server_name"):
        await connected(socket_world, LOCALHOST, port_of(server), server_name="localhost")


# -- addresses -------------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not hasattr(socket, "AF_UNIX") or sys.platform == "win32", reason="no Unix domain sockets")
@pytest.mark.parametrize("form", ["path", "text"])
async def test_unix_domain_sockets_have_no_port(socket_world: World, path: Path, form: str) -> None:
    address = path if form == "path" else f"unix:{path}"
    await socket_world.provide(Service(), address=address)
    client = await connected(socket_world, address)
    assert (await done(client.echo())).is_success


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX") or sys.platform == "win32", reason="no Unix domain sockets")
async def test_tls_over_a_unix_domain_socket_needs_the_name(socket_world: World, path: Path, pem: Path) -> None:
    await socket_world.provide(Service(), address=path, tls=for_server(pem))
    client = await connected(socket_world, path, tls=for_client(pem), server_name="localhost")
    assert (await done(client.echo())).is_success


@pytest.mark.parametrize("host", ["localhost", None])
async def test_a_port_is_missing(socket_world: World, host: Any) -> None:
    with pytest.raises(TypeError, match="needs the port"):
        await connected(socket_world, host)


@pytest.mark.parametrize("port", ["104", 70000, -1, 1.5])
async def test_what_is_no_port_is_refused(socket_world: World, port: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        await connected(socket_world, LOCALHOST, port)


async def test_the_local_address_may_be_chosen(socket_world: World) -> None:
    seen: list[Any] = []
    service = Service()

    @service.echo
    def echo(request: EchoRequest) -> Status:
        seen.append(request.address)
        return Status.SUCCESS

    server = await socket_world.provide(service)
    client = await connected(socket_world, LOCALHOST, port_of(server), bind_address=(LOCALHOST, 0))
    await done(client.echo())
    assert seen[0][:2] == client.requestor.address_tuple[:2]
    with pytest.raises(Refused, match="local address"):
        await connected(socket_world, LOCALHOST, port_of(server), bind_address=("192.0.2.1", 0))


async def test_sockets_of_ones_own_are_used(socket_world: World) -> None:
    listening = socket.create_server((LOCALHOST, 0))
    server = await socket_world.provide(Service(), address=None, sock=listening)
    sock = socket.create_connection(server.server_address[:2])
    client = await connected(socket_world, None, sock=sock)
    assert (await done(client.echo())).is_success


async def test_an_address_that_is_taken_is_an_error_of_the_program(socket_world: World) -> None:
    server = await socket_world.provide(Service())
    with pytest.raises(OSError, match="in use"):
        await socket_world.provide(Service(), address=(LOCALHOST, port_of(server)))


# -- the end ---------------------------------------------------------------------------------------------------------
async def test_serve_forever_returns_when_the_server_is_shut_down(socket_world: World) -> None:
    server = await socket_world.provide(Service())
    job = socket_world.start(lambda: _forever(server))
    client = await connected(socket_world, LOCALHOST, port_of(server))
    await done(client.echo())
    await done(client.release())
    assert not job.is_finished
    server.shutdown()
    await job.result()


async def _forever(server: Any) -> None:
    await done(server.serve_forever())
