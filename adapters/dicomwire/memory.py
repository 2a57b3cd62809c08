"""AE without sockets: both ends in one thread, on a clock that jumps to the next deadline.

For tests, simulations and fuzzing: nothing sleeps, everything is deterministic, and a link may have a latency.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from contextvars import Context, copy_context
from datetime import datetime, timedelta
from heapq import heappop, heappush
from os import PathLike
from types import TracebackType, coroutine
from typing import Any, Self, TypeVar

from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_association
from dicomwire.associations.awaited import AsyncApplicationEntity, AsyncAssociation
from dicomwire.associations.requesting import establish, new_requestor, not_connected
from dicomwire.associations.server import ServerBase
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.dimse.session import Session
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext

T = TypeVar("T")

_MOST_IN_FLIGHT = 1 << 20


class _Task:
    """A coroutine, and what it waits for."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self.work = work
        self.ready: Callable[[], bool] | None = None
        self.deadline: float | None = None
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.context: Context = copy_context()

    def __del__(self) -> None:
        # The network may end before the task had its first turn.
        self.work.close()


@coroutine
def _until(ready: Callable[[], bool], deadline: float | None = None) -> Generator[Any, None, None]:
    """Wait until ``ready()``, or for the deadline."""
    yield ready, deadline


class Network:
    """The world of the in-memory AEs: who listens where, what time it is, and whose turn it is."""

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        """Seconds a piece of data is under way, in either direction."""

        self.now: float = 0.0
        """Seconds since the beginning; only waiting makes it pass."""

        self._listening: dict[int, Server] = {}
        self._tasks: deque[_Task] = deque()
        self._arrivals: list[float] = []
        self._next_port = 50000

    def run(self, *work: Coroutine[Any, Any, Any]) -> list[Any]:
        """Run coroutines to their end, and everything they start as far as that takes; their results.

        Raises:
            RuntimeError: all of them wait for something that will never happen.
        """
        wanted = [self.spawn(coroutine) for coroutine in work]
        try:
            while not all(task.done for task in wanted):
                self._turn()
                for task in wanted:
                    if task.error is not None:
                        raise task.error
        finally:
            for task in wanted:
                if not task.done:
                    self._tasks.remove(task)
                    task.work.close()
        return [task.result for task in wanted]

    def run_until_idle(self) -> None:
        """Let whatever has been started go on until all of it waits for a deadline or for ever."""
        while self._step_ready():
            pass

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await _until(lambda: False, self.now + seconds)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> _Task:
        """Start a task, which goes on whenever somebody waits in the network."""
        task = _Task(work)
        self._tasks.append(task)
        return task

    def _turn(self) -> None:
        if self._step_ready():
            return
        deadlines = [task.deadline for task in self._tasks if task.deadline is not None]
        while self._arrivals and self._arrivals[0] <= self.now:
            heappop(self._arrivals)
        deadlines += self._arrivals[:1]
        if not deadlines:
            raise RuntimeError("every task waits for something that will never happen")
        # An arrival may interest nobody, if its end is closed by then.
        self.now = max(self.now, min(deadlines))
        self._step_ready()

    def _step_ready(self) -> bool:
        progress = False
        for _ in range(len(self._tasks)):
            task = self._tasks.popleft()
            if task.ready is not None and not task.ready() and not self._is_due(task):
                self._tasks.append(task)
                continue
            progress = True
            try:
                task.ready, task.deadline = task.context.run(task.work.send, None)
            except StopIteration as stop:
                task.done, task.result = True, stop.value
            except BaseException as error:
                task.done, task.error = True, error
            else:
                self._tasks.append(task)
        return progress

    def _is_due(self, task: _Task) -> bool:
        return task.deadline is not None and self.now >= task.deadline


class MemoryChannel:
    """One end of a connection inside a :class:`Network`."""

    def __init__(self, session: Session, network: Network) -> None:
        self.session = session
        self.network = network
        self.peer: MemoryChannel | None = None
        self._incoming: deque[tuple[float, bytes]] = deque()
        self._in_flight = 0
        self._pushed = 0
        self._open = True
        self.is_torn: bool = False
        self._changes = 0

    @property
    def transport_socket(self) -> None:
        """There is none."""
        return None

    def _arrived(self) -> bool:
        return bool(self._incoming) and self._incoming[0][0] <= self.network.now

    def _push(self, data: bytes) -> None:
        arrival = self.network.now + self.network.latency
        self._incoming.append((arrival, data))
        if self.network.latency:
            heappush(self.network._arrivals, arrival)
        self._in_flight += len(data)

    def _write(self) -> bool:
        """Send what is queued; False if nothing is."""
        buffers = self.session.data_to_send()
        if not buffers:
            return False
        if not self._open or self.peer is None or not self.peer._open:
            raise BrokenPipeError("the other end is closed")
        data = b"".join(buffers)
        self._pushed += len(data)
        self.peer._push(data)
        return True

    async def flush(self) -> None:
        """Hand the peer what the session has to send; waits while too much is on its way.

        Raises:
            OSError: the peer has closed, or takes nothing for too long.
        """
        peer = self.peer
        wrote = self._write()
        await _until(lambda: True)
        if peer is None or not wrote:
            return

        def has_room() -> bool:
            return peer._in_flight < _MOST_IN_FLIGHT or not peer._open

        progress = self.session.connection.writing
        pause = progress.begin(self.network.now)
        while not has_room():
            await _until(has_room, self.network.now + pause)
            if not has_room():
                pause = progress.go_on(self.network.now, self)

    # -- what the core asks about what was sent ---------------------------------------------------------------------
    def taken(self) -> int:
        """Bytes that the peer has taken, of all that were sent."""
        return self._pushed - (0 if self.peer is None else self.peer._in_flight)

    def left_at(self, now: float) -> None:
        """Nothing is queued here: it has set out when it was sent."""
        return None

    def is_stuck(self, now: float) -> bool:
        """Whether bytes are on their way that the peer does not take."""
        return self.peer is not None and self.peer._in_flight > 0

    async def pump(self) -> None:
        """Return once the session was fed more, told of the end, or told that its deadline passed."""
        if not self.session.wants_data:
            return
        if not self._open:
            self.session.receive_data(b"")
            return
        deadline = self.session.next_deadline(self.network.now)
        if not self._arrived():
            changes = self._changes
            await _until(lambda: self._arrived() or self._changes != changes or not self._open, deadline)
        self.poll()

    def poll(self) -> bool:
        """Feed the session one arrival, if there is one, and deadlines that are over; whether there was one."""
        fed = self.session.wants_data and self._arrived()
        if fed:
            _, data = self._incoming.popleft()
            self._in_flight -= len(data)
            self.session.receive_data(data)
        self.session.next_deadline(self.network.now)
        self.session.handle_deadline(self.network.now, self)
        return fed

    def hold(self, held: bool) -> None:
        """Nothing to do: nobody receives but who deals with what was received."""

    async def turn(self) -> None:
        """Wait for somebody else's :meth:`changed`."""
        changes = self._changes
        await _until(lambda: self._changes != changes)

    def changed(self) -> None:
        """Wake those who wait in :meth:`turn` or :meth:`pump`."""
        self._changes += 1

    async def send_eof(self) -> None:
        """Half-close: nothing more will be sent."""
        if self.peer is not None and self._open:
            self.peer._push(b"")

    async def aclose(self) -> None:
        """Close this end; the peer sees the end of the stream.  May be called again."""
        self._close()

    def abandon(self) -> None:
        """Send what is queued, and close."""
        if self._open:
            try:
                self._write()
            except OSError:
                self.session.data_to_send()
        self._close()

    def _close(self) -> None:
        if self._open:
            self._open = False
            if self.peer is not None:
                self.peer._push(b"")


def pair(left: Session, right: Session, network: Network) -> tuple[MemoryChannel, MemoryChannel]:
    """Two channels joined to each other."""
    one, other = MemoryChannel(left, network), MemoryChannel(right, network)
    one.peer, other.peer = other, one
    return one, other


class Association(AsyncAssociation):
    """An association inside a :class:`Network`."""

    _moves = 0

    def _spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        assert isinstance(self._ae, AE)
        self._ae.network.spawn(work)
        return True

    def _deadline_moved(self) -> None:
        super()._deadline_moved()
        self._moves += 1
        if self._channel is not None:
            # Whoever waits looks at the deadline anew.
            self._channel.changed()

    def _timestamp(self) -> datetime:
        assert isinstance(self._ae, AE)
        return datetime(2000, 1, 1) + timedelta(seconds=self._ae.network.now)


class Server(ServerBase[Association]):
    """Accepts associations inside a :class:`Network`."""

    def __init__(
        self,
        ae: AE,
        address: tuple[str, int],
        ae_title: str | None,
        contexts: list[PresentationContext] | None,
        evt_handlers: Iterable[evt.EventHandler] | None,
    ) -> None:
        super().__init__(ae, ae_title, contexts, evt_handlers)
        self.network: Network = ae.network
        host, port = address
        if port == 0:
            self.network._next_port += 1
            port = self.network._next_port
        if port in self.network._listening:
            raise OSError(f"port {port} is in use")
        self.server_address: tuple[str, int] = (host or "memory", port)
        self.network._listening[port] = self

    @property
    def _is_stopped(self) -> bool:
        return self.network._listening.get(self.server_address[1]) is not self

    def _accept(self, peer: MemoryChannel, address: tuple[str, int]) -> None:
        association = Association(self.ae, Role.ACCEPTOR, self._handlers)
        channel, _ = _join(association._new_session(), peer)
        association.requestor._set_address(address, None)
        association.acceptor._set_address(self.server_address, None)
        self._adopt(association)
        self.network.spawn(self._serve(association, channel))

    async def _serve(self, association: Association, channel: MemoryChannel) -> None:
        try:
            await association._open(channel)
            await serve_association(association, self._support())
        finally:
            self._forget(association)

    def shutdown(self) -> None:
        """Stop accepting; running associations go on."""
        if self.network._listening.get(self.server_address[1]) is self:
            del self.network._listening[self.server_address[1]]

    server_close = shutdown

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()
        for association in self.active_associations:
            await association.abort()


def _join(session: Session, peer: MemoryChannel) -> tuple[MemoryChannel, MemoryChannel]:
    channel = MemoryChannel(session, peer.network)
    channel.peer, peer.peer = peer, channel
    return channel, peer


class AE(AsyncApplicationEntity):
    """An application entity inside a :class:`Network`; verbs and arguments are those of the other adapters."""

    def __init__(self, ae_title: str = "PYNETDICOM", network: Network | None = None) -> None:
        super().__init__(ae_title)
        self.network: Network = network or Network()
        self._servers: list[Server] = []

    async def associate(
        self,
        addr: str,
        port: int,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = 16382,
        ext_neg: list[NegotiationItem] | None = None,
        bind_address: tuple[str, int] | None = None,
        tls_args: None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        sock: None = None,
    ) -> Association:
        """Request an association; see :meth:`dicomwire.AE.associate`.  Any host will do: the port finds the server."""
        _refuse_sockets(addr, sock)
        if not isinstance(addr, str | tuple) or not isinstance(port, int):
            raise TypeError(f"an address is a str and a port an int, not {addr!r} and {port!r}")
        association, request = new_requestor(
            Association, self, contexts, ae_title, max_pdu, ext_neg, evt_handlers, (addr, port)
        )
        server = self.network._listening.get(port)
        if server is None:
            await not_connected(association, ConnectionRefusedError(f"nobody listens on port {port}"))
            return association
        channel = MemoryChannel(association._new_session(), self.network)
        local = bind_address or ("memory", 40000)
        association.requestor._set_address(local, None)
        association.acceptor._set_address((addr, port), None)
        server._accept(channel, local)
        self._register(association)
        await association._open(channel)
        await establish(association, request)
        if association.is_established:
            self.network.spawn(_attend(association, channel))
        return association

    async def start_server(
        self,
        address: tuple[str, int],
        block: bool = True,
        ssl_context: None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: None = None,
    ) -> Server:
        """Accept associations; see :meth:`dicomwire.AE.start_server`."""
        _refuse_sockets(address, sock)
        server = Server(self, address, ae_title, contexts, evt_handlers)
        self._servers.append(server)
        if block:
            await _until(lambda: server not in self.network._listening.values())
        return server

    async def shutdown(self) -> None:
        """Abort every association and stop every server of this AE."""
        for association in self.active_associations:
            assert isinstance(association, Association)
            await association.abort()
        for association in self._to_be_waited_for:
            assert isinstance(association, Association)
            await association.wait_closed()
        while self._servers:
            self._servers.pop().shutdown()


def _refuse_sockets(address: object, sock: object) -> None:
    if sock is not None:
        raise TypeError("there are no sockets in memory: a sock is for the other adapters")
    host = address[0] if isinstance(address, tuple) and address else address
    if isinstance(host, PathLike) or (isinstance(host, str) and host.startswith("unix:")):
        raise TypeError("there are no Unix domain sockets in memory: an address is a host and a port")


async def _attend(association: Association, channel: MemoryChannel) -> None:
    """Notice what the peer does while no operation of a requestor waits for it."""
    while not association._ended:
        now, idle = channel.network.now, association.network_timeout
        deadline = channel.session.next_deadline(now)
        if idle is not None:
            # While an operation waits this one does not run yet: it begins when that ends, now at the earliest.
            deadline = now + idle if deadline is None else min(deadline, now + idle)

        def has_cause(moves: int = association._moves) -> bool:
            arrived = (channel._arrived() or not channel.session.wants_data) and not association._advancing
            return arrived or association._ended or association._moves != moves

        await _until(has_cause, deadline)
        if not association._ended:
            await association._attend()
