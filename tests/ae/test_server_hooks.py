"""What a subclass of the blocking server may override, as `socketserver` documents it."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dicomwire.transport import AssociationServer, RequestHandler, ThreadedAssociationServer
from tests.support.adapters import LOCALHOST, PATIENCE, World, done, usual_contexts
from tests.support.flags import ESTABLISHED, flags


class Raised(Exception):
    """What hooks raise here."""


@contextlib.contextmanager
def serving(world: World, kind: type[AssociationServer], **options: Any) -> Iterator[Any]:
    with world.ae().make_server((LOCALHOST, 0), contexts=usual_contexts(), server_class=kind, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
    thread.join(PATIENCE)
    assert not thread.is_alive()


class Picky(AssociationServer):
    """Lets nobody in, until told otherwise."""

    lets_in = False

    def __init__(self, *args: Any, **options: Any) -> None:
        self.asked: list[Any] = []
        self.closed: list[str] = []
        super().__init__(*args, **options)

    def verify_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> bool:
        self.asked.append((request.getpeername(), client_address))
        return self.lets_in

    def shutdown_request(self, request: socket.socket) -> None:
        self.closed.append("shutdown_request")
        super().shutdown_request(request)

    def close_request(self, request: socket.socket) -> None:
        self.closed.append("close_request")
        super().close_request(request)


async def test_a_connection_that_verify_request_refuses_is_closed(blocking_world: World) -> None:
    with serving(blocking_world, Picky) as server:
        peer = await blocking_world.connect(server)
        assert await peer.rest() == b""
        await blocking_world.until(lambda: server.closed == ["shutdown_request", "close_request"])
        ((name, address),) = server.asked
        assert name == address
        server.lets_in = True
        association = await blocking_world.associate(server)
        assert flags(association) == ESTABLISHED
        assert server.active_associations and len(server.asked) == 2
        await done(association.release())
        assert server.closed == ["shutdown_request", "close_request"]


class Failing(AssociationServer):
    """Raises in the hook of that name, once."""

    def __init__(self, *args: Any, hook: str, **options: Any) -> None:
        self.hook = hook
        self.failures: list[Any] = []
        self.told = threading.Event()
        super().__init__(*args, **options)

    def _fail(self, hook: str) -> None:
        if self.hook == hook:
            self.hook = ""
            raise Raised(hook)

    def verify_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> bool:
        self._fail("verify_request")
        return super().verify_request(request, client_address)

    def process_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        self._fail("process_request")
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        self._fail("process_request_thread")
        super().process_request_thread(request, client_address)

    def finish_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        self._fail("finish_request")
        super().finish_request(request, client_address)

    def handle_error(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        super().handle_error(request, client_address)
        self.failures.append((request.getpeername(), client_address))
        self.told.set()


HOOKS = ["verify_request", "process_request", "process_request_thread", "finish_request"]


@pytest.mark.parametrize("hook", HOOKS)
async def test_what_a_hook_raises_goes_to_handle_error_and_the_server_lives_on(
    blocking_world: World, caplog: pytest.LogCaptureFixture, hook: str
) -> None:
    with serving(blocking_world, Failing, hook=hook) as server:
        peer = await blocking_world.connect(server)
        assert await peer.rest() == b""
        assert server.told.wait(PATIENCE)
        ((name, address),) = server.failures
        assert name == address
        association = await blocking_world.associate(server)
        assert flags(association) == ESTABLISHED
        await done(association.release())
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None and isinstance(record.exc_info[1], Raised)
    assert f"{LOCALHOST}:{address[1]}" in record.getMessage()


class Careless(AssociationServer):
    """Raises where nothing comes after, too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.raised: list[str] = []
        super().__init__(*args, **options)

    def _raise(self, hook: str) -> None:
        if hook not in self.raised:
            self.raised.append(hook)
            raise Raised(hook)

    def get_request(self) -> tuple[socket.socket, tuple[Any, ...]]:
        self._raise("get_request")
        return super().get_request()

    def verify_request(self, request: socket.socket, client_address: tuple[Any, ...]) -> bool:
        self._raise("verify_request")
        return True

    def handle_error(self, request: socket.socket, client_address: tuple[Any, ...]) -> None:
        self._raise("handle_error")

    def shutdown_request(self, request: socket.socket) -> None:
        self._raise("shutdown_request")

    def service_actions(self) -> None:
        self._raise("service_actions")


async def test_a_server_lives_on_whatever_its_hooks_raise(blocking_world: World) -> None:
    with serving(blocking_world, Careless) as server:
        peer = await blocking_world.connect(server)
        assert await peer.rest() == b""
        association = await blocking_world.associate(server)
        assert flags(association) == ESTABLISHED
        await done(association.release())
        expected = {"get_request", "handle_error", "service_actions", "shutdown_request", "verify_request"}
        await blocking_world.until(lambda: set(server.raised) == expected)


class Acting(AssociationServer):
    """Has something to do from time to time."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.acted = threading.Semaphore(0)
        super().__init__(*args, **options)

    def service_actions(self) -> None:
        self.acted.release()


async def test_service_actions_come_without_connections_too(blocking_world: World) -> None:
    with blocking_world.ae().make_server((LOCALHOST, 0), contexts=usual_contexts(), server_class=Acting) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        assert all(server.acted.acquire(timeout=PATIENCE) for _ in range(3))
    thread.join(PATIENCE)


class Waiting(AssociationServer):
    """Says that nobody came."""

    timeout = 0
    timeouts = 0

    def handle_timeout(self) -> None:
        self.timeouts += 1


async def test_handle_request_takes_up_one_connection(blocking_world: World) -> None:
    world = blocking_world
    with world.ae().make_server((LOCALHOST, 0), contexts=usual_contexts(), server_class=Waiting) as server:
        server.handle_request()
        assert (server.timeouts, server.active_associations) == (1, [])
        peer = await world.connect(server)
        assert select.select([server], [], [], PATIENCE)[0] == [server]
        server.handle_request()
        await world.until(lambda: server.active_associations)
        server.handle_request()
        assert server.timeouts == 2
        await peer.close()
        await world.until(lambda: not server.active_associations)
    server.handle_request()
    assert server.timeouts == 2
    assert server.fileno() == -1


async def test_shutdown_ends_a_wait_in_handle_request(blocking_world: World) -> None:
    server = blocking_world.ae().make_server((LOCALHOST, 0), contexts=usual_contexts())
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    await blocking_world.until(lambda: server._serving)
    server.shutdown()
    thread.join(PATIENCE)
    assert not thread.is_alive()


class Binding(ThreadedAssociationServer):
    """Sets an option before the socket is bound, and lets few wait."""

    request_queue_size = 1
    allow_reuse_address = False

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        assert self.server_address == (LOCALHOST, 0)
        super().server_bind()
        assert self.server_address == self.socket.getsockname() != (LOCALHOST, 0)


async def test_server_bind_finds_a_socket_that_is_not_bound_yet(blocking_world: World) -> None:
    with serving(blocking_world, Binding) as server:
        assert server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0
        association = await blocking_world.associate(server)
        assert flags(association) == ESTABLISHED
        await done(association.release())


class Unbound(AssociationServer):
    """Fails to begin."""

    def server_activate(self) -> None:
        raise Raised


def test_a_server_that_fails_to_begin_leaves_no_socket_open(blocking_world: World, tmp_path: Any) -> None:
    path = tmp_path / "socket"
    with pytest.raises(Raised):
        blocking_world.ae().make_server(path, contexts=usual_contexts(), server_class=Unbound)
    assert not path.exists()


async def test_the_class_of_the_handlers_may_be_changed_while_the_server_runs(blocking_world: World) -> None:
    steps: list[str] = []

    class Handler(RequestHandler):
        def setup(self) -> None:
            steps.append("setup")

        def handle(self) -> None:
            steps.append("handle")
            super().handle()

        def finish(self) -> None:
            steps.append("finish")

    with serving(blocking_world, AssociationServer) as server:
        assert server.RequestHandlerClass is server.request_handler is RequestHandler
        server.RequestHandlerClass = Handler
        association = await blocking_world.associate(server)
        await done(association.release())
        await blocking_world.until(lambda: "finish" in steps)
    assert steps == ["setup", "handle", "finish"]


async def test_the_thread_of_an_association_is_named_after_its_peer(blocking_world: World) -> None:
    with serving(blocking_world, AssociationServer) as server:
        association = await blocking_world.associate(server)
        host, port = association.requestor.address, association.requestor.port
        assert f"dicomwire-{host}:{port}" in {thread.name for thread in threading.enumerate()}
        await done(association.release())


class Closing(ThreadedAssociationServer):
    """Has more to close than its socket."""

    closed = 0

    def server_close(self) -> None:
        super().server_close()
        self.closed += 1


async def test_server_close_is_called_once_when_a_server_is_shut_down(blocking_world: World) -> None:
    with serving(blocking_world, Closing) as server:
        server.shutdown()
        assert server.closed == 1 and server.fileno() == -1
    assert server.closed == 1


async def test_server_close_alone_stops_a_server(blocking_world: World) -> None:
    with serving(blocking_world, Closing) as server:
        server.server_close()
        assert server.fileno() == -1
    assert server.closed == 1
