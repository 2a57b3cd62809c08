"""All transports of ours do what the kit asks of any."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
import trio.testing
from attrs import frozen

from dicomwire.blocking.socket_channel import SocketChannel as BlockingSocketChannel
from dicomwire.memory import MemoryChannel, Network, ends
from dicomwire.testing import CHANNEL_CHECKS, ChannelCheck, check_channel
from dicomwire.testing.channel_faces import ChannelFace
from dicomwire.trio.socket_channel import SocketChannel as TrioSocketChannel
from dicomwire.tunnelling import Tunnel
from tests.support.certificates import self_signed
from tests.support.patience import SOON
from tests.support.transports import Pipes, Unix

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]
"""Of who connects, and of who accepts."""


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    path = self_signed(tmp_path_factory.mktemp("certificate"))
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(path)
    asking = ssl.create_default_context(cafile=str(path))
    return asking, serving


def tcp() -> tuple[socket.socket, socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    for sock in (one, other):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one, other


def tls(contexts: Contexts) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    asking, serving = contexts
    one, other = tcp()
    secured: list[ssl.SSLSocket] = []
    thread = threading.Thread(target=lambda: secured.append(serving.wrap_socket(other, server_side=True)))
    thread.start()
    first = asking.wrap_socket(one, server_hostname="localhost")
    thread.join(SOON)
    return first, secured[0]


# -- blocking ------------------------------------------------------------------------------------------------------
def blocking_pipes() -> tuple[Any, Any]:
    (one, to_one), (other, to_other) = os.pipe(), os.pipe()
    return Pipes(one, to_other), Pipes(other, to_one)


def blocking_unix() -> tuple[Any, Any]:
    one, other = socket.socketpair()
    return Unix(one), Unix(other)


def over(sock: socket.socket) -> Callable[..., Any]:
    return lambda session, lock: BlockingSocketChannel(sock, session, lock)


def blocking_sockets() -> tuple[Any, Any]:
    one, other = tcp()
    return over(one), over(other)


# -- trio ----------------------------------------------------------------------------------------------------------
def trio_pipes() -> tuple[Any, Any]:
    (one, to_one), (other, to_other) = os.pipe(), os.pipe()
    stream = trio.lowlevel.FdStream
    return trio.StapledStream(stream(to_other), stream(one)), trio.StapledStream(stream(to_one), stream(other))


def trio_streams() -> tuple[Any, Any]:
    one, other = (trio.SocketStream(trio.socket.from_stdlib_socket(sock)) for sock in tcp())
    return one, other


def trio_sockets() -> tuple[Any, Any]:
    def over_it(sock: socket.socket) -> Callable[..., Any]:
        sock.setblocking(False)
        return lambda session: TrioSocketChannel(sock, session)

    one, other = tcp()
    return over_it(one), over_it(other)


# -- asyncio -------------------------------------------------------------------------------------------------------
def loop_sockets() -> tuple[Any, Any]:
    def over_it(sock: socket.socket) -> Callable[..., Any]:
        return lambda factory: asyncio.get_running_loop().create_connection(factory, sock=sock)

    one, other = tcp()
    return over_it(one), over_it(other)


# -- TLS, and through a program ---------------------------------------------------------------------------------------
def blocking_tls(contexts: Contexts) -> tuple[Any, Any]:
    one, other = tls(contexts)
    return over(one), over(other)


def loop_tls(contexts: Contexts) -> tuple[Any, Any]:
    (asking, serving), (one, other) = contexts, tcp()

    def connect(factory: Any) -> Any:
        loop = asyncio.get_running_loop()
        return loop.create_connection(factory, sock=one, ssl=asking, server_hostname="localhost")

    return connect, lambda factory: asyncio.get_running_loop().connect_accepted_socket(factory, other, ssl=serving)


async def trio_tls(contexts: Contexts) -> tuple[Any, Any]:
    asking, serving = contexts
    one, other = trio_streams()
    left = trio.SSLStream(one, asking, server_hostname="localhost")
    right = trio.SSLStream(other, serving, server_side=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(left.do_handshake)
        nursery.start_soon(right.do_handshake)
    return left, right


@pytest.fixture
def tunnelled() -> Iterator[Callable[[], tuple[Any, Any]]]:
    with contextlib.ExitStack() as stack:

        def make() -> tuple[Any, Any]:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                listener.listen()
                port = str(listener.getsockname()[1])
                tunnel = stack.enter_context(Tunnel([sys.executable, "-m", "dicomwire", "tunnel", "127.0.0.1", port]))
                other, _ = listener.accept()
            return over(tunnel.sock), over(other)

        yield make


# -- all of them ---------------------------------------------------------------------------------------------------
ON_WINDOWS = sys.platform == "win32"


@frozen
class Kind:
    """A transport of ours."""

    name: str
    adapter: Any
    factory: Callable[..., Any]

    is_posix: bool = False
    """It needs what Windows has not."""

    def __str__(self) -> str:
        return f"{self.adapter}-{self.name}"


PLAIN = [
    Kind("pipes", "blocking", blocking_pipes, is_posix=True),
    Kind("unix", "blocking", blocking_unix, is_posix=True),
    Kind("sockets", "blocking", blocking_sockets),
    Kind("sockets", "asyncio", loop_sockets),
    Kind("pipes", "trio", trio_pipes, is_posix=True),
    Kind("streams", "trio", trio_streams),
    Kind("sockets", "trio", trio_sockets),
    Kind("lockstep", "trio", trio.testing.lockstep_stream_pair),
    Kind("ends", "memory", ends),
]
SECURE = [
    Kind("tls", "blocking", blocking_tls),
    Kind("tls", "asyncio", loop_tls),
    Kind("tls", "trio", trio_tls),
]
EACH = pytest.mark.parametrize("check", CHANNEL_CHECKS, ids=str)


@EACH
@pytest.mark.parametrize("kind", [kind for kind in PLAIN if not (ON_WINDOWS and kind.is_posix)], ids=str)
def test_what_carries_bytes_as_they_are(kind: Kind, check: ChannelCheck) -> None:
    check_channel(kind.factory, kind.adapter, checks=[check], patience=SOON)


@EACH
@pytest.mark.parametrize("kind", SECURE, ids=str)
def test_tls_cannot_half_close(kind: Kind, check: ChannelCheck, contexts: Contexts) -> None:
    check_channel(lambda: kind.factory(contexts), kind.adapter, half_close=False, checks=[check], patience=SOON)


@EACH
@pytest.mark.skipif(ON_WINDOWS, reason="a program has no socket there")
def test_a_tunnel(check: ChannelCheck, tunnelled: Callable[[], tuple[Any, Any]]) -> None:
    check_channel(tunnelled, checks=[check], patience=SOON)


def test_a_write_in_memory_that_waits_fails_when_the_peer_closes() -> None:
    network = Network()
    one, other = ends(network)
    face = ChannelFace()
    face.channel = MemoryChannel(face.session, one)

    async def close() -> None:
        other.close()

    with pytest.raises(BrokenPipeError):
        network.run(face.send(bytes(1 << 21)), close())
