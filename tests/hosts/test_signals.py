"""Signals: they stop a server whenever they come, and put no deadline off."""

from __future__ import annotations

import contextlib
import gc
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from dicomwire import AE, build_context, evt
from dicomwire.associations.handlers import HandlerTable
from dicomwire.blocking import Association
from dicomwire.transport import AssociationServer
from dicomwire.upper_layer import Role
from tests.support.accepting import CONTEXTS
from tests.support.lazy_peers import LazyPeer, data_set
from tests.support.patience import SOON
from tests.support.processes import run_python

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "pthread_kill") or threading.current_thread() is not threading.main_thread(),
    reason="needs signals, and the main thread",
)

EVERY = 0.02
"""Seconds between two signals."""

VERIFICATION = "1.2.840.10008.1.1"
CONTEXT = [build_context(VERIFICATION)]


@contextmanager
def handling(number: int, handler: Any) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def stopped_at_last(stop: Callable[[], object]) -> Iterator[threading.Event]:
    """Instead of hanging for ever, what is tested goes on, and the event says so."""
    late = threading.Event()

    def give_up() -> None:
        late.set()
        stop()

    timer = threading.Timer(SOON, give_up)
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()


def serving() -> AssociationServer:
    return AE().make_server(("127.0.0.1", 0), contexts=CONTEXT)


def send_where_nobody_waits(server: AssociationServer, number: int) -> threading.Thread:
    """A signal that does not interrupt the system call of the main thread: another thread gets it, Python is told."""

    def send() -> None:
        while not server.ae.servers:
            time.sleep(0.001)
        # By now the main thread is waiting, or about to.
        time.sleep(0.02)
        signal.pthread_kill(threading.get_ident(), number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


# -- servers ------------------------------------------------------------------------------------------------------
def test_a_signal_that_interrupts_no_system_call_stops_a_server() -> None:
    server = serving()
    with stopped_at_last(server.shutdown) as late:
        thread = send_where_nobody_waits(server, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            server.serve_forever()
        thread.join()
    assert not late.is_set()


def test_start_server_returns_after_such_a_signal() -> None:
    ae = AE()
    with stopped_at_last(ae.shutdown) as late:

        def send() -> None:
            while not ae.servers:
                time.sleep(0.001)
            time.sleep(0.02)
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)

        thread = threading.Thread(target=send)
        thread.start()
        ae.start_server(("127.0.0.1", 0), contexts=CONTEXT)
        thread.join()
    assert not late.is_set()


def test_a_handler_of_ones_own_may_end_the_program_or_shut_the_server_down() -> None:
    def leave(number: int, frame: Any) -> None:
        raise SystemExit(7)

    server = serving()
    with stopped_at_last(server.shutdown) as late:
        with handling(signal.SIGTERM, leave):
            thread = send_where_nobody_waits(server, signal.SIGTERM)
            with pytest.raises(SystemExit, match="7"):
                server.serve_forever()
            thread.join()
        server = serving()
        with handling(signal.SIGTERM, lambda number, frame: server.shutdown()):
            thread = send_where_nobody_waits(server, signal.SIGTERM)
            server.serve_forever()
            thread.join()
    assert not late.is_set()


def test_ctrl_c_that_is_lost_in_a_destructor_stops_a_server_all_the_same() -> None:
    class Careless(AssociationServer):
        def service_actions(self) -> None:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    server = AE().make_server(("127.0.0.1", 0), contexts=CONTEXT, server_class=Careless)
    with (
        stopped_at_last(server.shutdown) as late,
        socket.create_connection(server.server_address),
        pytest.raises(KeyboardInterrupt),
    ):
        server.serve_forever()
    assert not late.is_set()


def test_a_signal_that_means_nothing_stops_nothing() -> None:
    came = threading.Event()
    server = serving()
    with stopped_at_last(server.shutdown) as late, handling(signal.SIGUSR1, lambda number, frame: came.set()):
        thread = send_where_nobody_waits(server, signal.SIGUSR1)

        def use() -> None:
            assert came.wait(SOON)
            with AE().associate("127.0.0.1", server.server_address[1], CONTEXT) as association:
                assert association.send_c_echo().Status == 0
            server.shutdown()

        user = threading.Thread(target=use)
        user.start()
        server.serve_forever()
        thread.join()
        user.join()
    assert not late.is_set()


def test_whoever_has_asked_for_signals_before_is_told_and_has_them_again_afterwards() -> None:
    mine, other = socket.socketpair()
    with mine, other:
        other.setblocking(False)
        before = signal.set_wakeup_fd(other.fileno(), warn_on_full_buffer=False)
        try:
            server = serving()
            with (
                stopped_at_last(server.shutdown) as late,
                handling(signal.SIGUSR1, lambda number, frame: server.shutdown()),
            ):
                thread = send_where_nobody_waits(server, signal.SIGUSR1)
                server.serve_forever()
                thread.join()
            assert not late.is_set()
            mine.settimeout(SOON)
            assert mine.recv(100) == bytes([signal.SIGUSR1])
        finally:
            assert signal.set_wakeup_fd(before) == other.fileno()


def test_a_server_that_is_shut_down_as_it_begins_to_wait_puts_back_what_there_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, real = serving(), signal.set_wakeup_fd
    before = real(-1)

    def shut_down_meanwhile(number: int, **keywords: Any) -> int:
        replaced = real(number, **keywords)
        server.shutdown()
        return replaced

    monkeypatch.setattr(signal, "set_wakeup_fd", shut_down_meanwhile)
    server.serve_forever()
    assert real(before) == -1


def test_a_server_in_a_thread_leaves_signals_alone() -> None:
    ae = AE()
    with ae.start_server(("127.0.0.1", 0), block=False, contexts=CONTEXT) as server:
        with ae.associate("127.0.0.1", server.server_address[1], CONTEXT) as association:
            assert association.send_c_echo().Status == 0
        assert signal.set_wakeup_fd(-1) == -1
    ae.shutdown()


@pytest.mark.parametrize("is_taken_up", [True, False], ids=["taken up", "not yet"])
def test_a_signal_leaves_a_connection_to_the_thread_that_has_it(
    monkeypatch: pytest.MonkeyPatch, is_taken_up: bool
) -> None:
    server = serving()
    run, opened = server._workers.run, threading.Event()
    associations: list[Association] = []

    def associate() -> None:
        ae = AE()
        associations.append(ae.associate("127.0.0.1", server.server_address[1], CONTEXT))
        opened.set()

    def interrupted(*args: Any) -> None:
        if is_taken_up:
            run(*args)
            assert opened.wait(SOON)
        raise KeyboardInterrupt

    monkeypatch.setattr(server._workers, "run", interrupted)
    user = threading.Thread(target=associate)
    user.start()
    with pytest.raises(KeyboardInterrupt):
        server.serve_forever()
    user.join(SOON)
    (association,) = associations
    assert association.is_established is is_taken_up
    if is_taken_up:
        assert association.send_c_echo().Status == 0
        association.release()
    assert association.is_released is is_taken_up


# -- deadlines ----------------------------------------------------------------------------------------------------
@pytest.fixture
def alarms() -> Iterator[list[int]]:
    """Signals, once a test begins them; a wait that never ends for them ends with an error."""
    came: list[int] = []

    def handle(number: int, frame: Any) -> None:
        came.append(number)
        if len(came) > SOON / EVERY:
            raise AssertionError("it waits for ever")

    with handling(signal.SIGALRM, handle):
        try:
            yield came
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def begin() -> None:
    signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)


@contextmanager
def slow_server(**options: Any) -> Iterator[int]:
    """Answers no echo before the end."""
    over = threading.Event()

    def handle(event: evt.Event) -> int:
        over.wait(2 * SOON)
        return 0x0000

    ae = AE()
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, contexts=CONTEXT, evt_handlers=[(evt.EVT_C_ECHO, handle)], **options
    )
    try:
        yield server.server_address[1]
    finally:
        over.set()
        ae.shutdown()


def in_a_thread(work: Callable[[], Any]) -> Any:
    box: list[Any] = []
    thread = threading.Thread(target=lambda: box.append(work()))
    thread.start()
    thread.join()
    return box[0]


@pytest.mark.parametrize("opened", ["here", "in a thread"])
@pytest.mark.parametrize("begun", ["before", "after"])
def test_signals_that_come_again_and_again_do_not_put_off_a_response(
    alarms: list[int], begun: str, opened: str
) -> None:
    client = AE()
    client.dimse_timeout = 0.3
    with slow_server() as port:
        if begun == "before":
            begin()
        associate = partial(client.associate, "127.0.0.1", port, CONTEXT)
        association = associate() if opened == "here" else in_a_thread(associate)
        assert association.is_established
        begin()
        started = time.monotonic()
        assert not association.send_c_echo()
        assert time.monotonic() - started > 0.2
        assert association.is_aborted and "a response" in str(association.failure)
    assert alarms


def test_nor_after_the_association_has_been_idle(alarms: list[int]) -> None:
    client = AE()
    client.dimse_timeout = 0.3
    with slow_server() as port:
        association = client.associate("127.0.0.1", port, CONTEXT)
        deadline = time.monotonic() + SOON
        while not association.host.is_armed and time.monotonic() < deadline:
            time.sleep(0.01)
        assert association.host.is_armed
        begin()
        assert not association.send_c_echo()
    assert alarms


def test_nor_an_answer_to_an_association_request(alarms: list[int]) -> None:
    client = AE()
    client.acse_timeout = 0.3
    with socket.create_server(("127.0.0.1", 0)) as listening:
        begin()
        association = client.associate("127.0.0.1", listening.getsockname()[1], CONTEXT)
    assert association.is_aborted and alarms


def test_nor_an_answer_to_a_release(alarms: list[int]) -> None:
    peer = LazyPeer()
    client = AE()
    client.acse_timeout = 0.3
    association = client.associate("127.0.0.1", peer.port, CONTEXTS)
    assert association.is_established
    begin()
    association.release()
    assert association.is_aborted and alarms
    peer.close()


def test_nor_does_a_peer_that_reads_nothing_get_more_time(alarms: list[int]) -> None:
    peer = LazyPeer()
    association = AE().associate("127.0.0.1", peer.port, CONTEXTS)
    assert association.is_established
    association.line.timeouts.write = 0.3
    data = data_set(64 << 20)
    begin()
    assert not association.send_c_store(data)
    assert association.is_aborted and alarms
    peer.close()


def test_a_signal_handler_may_set_timeouts_whatever_it_interrupts() -> None:
    program = """
    import signal
    from dicomwire import AE, build_context
    ae = AE()
    context = [build_context("1.2.840.10008.1.1")]
    server = ae.start_server(("127.0.0.1", 0), block=False, contexts=context)
    association = ae.associate("127.0.0.1", server.server_address[1], context)
    count = 0
    def handle(number, frame):
        global count
        count += 1
        ae.network_timeout = ae.dimse_timeout = ae.acse_timeout = 20 + count % 7
    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    while count < 1500:
        assert association.send_c_echo().Status == 0
    signal.setitimer(signal.ITIMER_REAL, 0)
    association.release()
    ae.shutdown()
    """
    run_python(program)


def test_signals_at_any_moment_stop_a_server() -> None:
    """A few of the many rounds that were run by hand."""
    program = """
    import os, random, signal, threading, time
    from dicomwire import AE, build_context
    context = [build_context("1.2.840.10008.1.1")]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for number in range(40):
        def stop(server, over):
            time.sleep(random.random() * 0.003)
            os.kill(os.getpid(), random.choice([signal.SIGINT, signal.SIGTERM]))
            over.wait()
        over = threading.Event()
        try:
            server = AE().make_server(("127.0.0.1", 0), contexts=context)
            thread = threading.Thread(target=stop, args=(server, over))
            thread.start()
            server.serve_forever()
            raise SystemExit("it returned")
        except KeyboardInterrupt:
            over.set()
        thread.join()
    """
    run_python(program)


def test_a_signal_before_a_verb_has_begun_leaves_nothing_to_complain_of() -> None:
    class Interrupted:
        def __enter__(self) -> None:
            raise KeyboardInterrupt

        def __exit__(self, *_: object) -> None:
            pass

    association: Any = Association(AE(), Role.REQUESTOR, HandlerTable())
    association.host.lock = Interrupted()
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        with contextlib.suppress(KeyboardInterrupt):
            association.send_c_echo()
            pytest.fail("it was not interrupted")
        gc.collect()
    assert complaints == []
