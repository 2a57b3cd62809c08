"""``os.fork`` in a program that has associations: each process has its own, and leaves alone what the other has."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.certificates import self_signed
from tests.support.processes import run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

PROGRAM = dedent("""
    import faulthandler, gc, os, socket, ssl, sys, threading, time
    from dicomwire import AE, build_context, evt
    VERIFICATION = "1.2.840.10008.1.1"
    CONTEXTS = [build_context(VERIFICATION)]

    def child(work, seconds=5):
        'What work() returns in a fork; "hung" if it takes longer.'
        receiving, sending = os.pipe()
        pid = os.fork()
        if not pid:
            faulthandler.dump_traceback_later(seconds - 1)
            try:
                said = str(work())
            except BaseException as error:
                said = f"{type(error).__name__}: {error}"
            os.write(sending, said.encode())
            os._exit(0)
        os.close(sending)
        deadline = time.monotonic() + seconds
        while not os.waitpid(pid, os.WNOHANG)[0]:
            if time.monotonic() > deadline:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
                return "hung"
            time.sleep(0.005)
        return os.read(receiving, 10000).decode()

    def until(claim, seconds=5):
        deadline = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < deadline, "it did not come true"
            time.sleep(0.005)
        return True

    class Peer:
        'A server in a process of its own, which aborts or echoes when it is told to.'
        def __init__(self):
            ours, self.pipe = socket.socketpair()
            ready, said = os.pipe()
            self.pid = os.fork()
            if not self.pid:
                self.pipe.close()
                ae = AE("PEER")
                ae.maximum_associations = 100
                outcomes = []
                server = ae.start_server(("127.0.0.1", 0), block=False, contexts=CONTEXTS, ssl_context=serving,
                    evt_handlers=[(kind, lambda event: outcomes.append(event.event.name[4:]))
                                  for kind in (evt.EVT_ABORTED, evt.EVT_RELEASED)])
                os.write(said, str(server.server_address[1]).encode())
                while command := ours.recv(1):
                    if command == b"a":
                        for association in server.active_associations:
                            association.abort()
                    time.sleep(0.05)
                    ours.send(",".join(outcomes).encode() + b".")
                os._exit(0)
            ours.close()
            self.port = int(os.read(ready, 10))
        def abort_all(self):
            self.pipe.send(b"a")
            return self.pipe.recv(1000).decode()
        def end(self):
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        def outcomes(self):
            self.pipe.send(b"o")
            return self.pipe.recv(1000).decode()

    serving = calling = None
    if len(sys.argv) > 1:
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(sys.argv[1])
        calling = ssl.create_default_context(cafile=sys.argv[1]), "localhost"
    peer = Peer()
    ae = AE()
    def associate(**settings):
        for name, value in settings.items():
            setattr(ae, name, value)
        association = ae.associate("127.0.0.1", peer.port, CONTEXTS, tls_args=calling)
        assert association.is_established, association.failure
        return association
    def armed():
        association = associate()
        until(lambda: association.host.is_armed)
        return association
    """)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("fork"))


def run(scenario: str, *args: str) -> None:
    # Python 3.12 warns of forks in programs with threads, whatever these do.
    run_python(PROGRAM + dedent(scenario) + "\npeer.end()\n", *args, warnings="ignore", forks=True, seconds=15)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_child_has_associations_of_its_own(tls: bool, pem: Path) -> None:
    run(
        """
        first = armed()
        def own():
            association = associate()
            assert association.send_c_echo().Status == 0
            association.release()
            return association.is_released
        assert child(own) == "True"
        def idle():
            association = associate(network_timeout=0.2)
            return until(lambda: association.is_aborted) and association.failure
        assert "traffic" in child(idle)
        def aborted():
            association = armed()
            peer.abort_all()
            return until(lambda: association.is_aborted)
        assert first.send_c_echo().Status == 0
        assert child(aborted) == "True"
        assert until(lambda: first.is_aborted)
        """,
        *([str(pem)] if tls else []),
    )


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_child_leaves_the_association_of_its_parent_alone(tls: bool, pem: Path) -> None:
    run(
        """
        from operator import methodcaller
        ends = [methodcaller(name) for name in ("abort", "release", "kill", "join", "send_c_echo")]
        ends += [methodcaller("__exit__", None, None, None), methodcaller("__exit__", OSError, None, None)]
        ends += [lambda association: association.acse.send_abort(0)]
        association = armed()
        def meddle(end):
            state = association.is_established, association.is_aborted, association.is_alive()
            assert state == (False, False, False), state
            assert ae.active_associations == []
            try:
                end(association)
            except RuntimeError as error:
                assert "it belongs to process" in str(error)
            assert f"it belongs to process {os.getppid()}" in association.failure
            return "left alone"
        for end in ends:
            said = child(lambda: meddle(end))
            assert said == "left alone", (end, said)
            assert association.is_established
            assert association.send_c_echo().Status == 0
            until(lambda: association.host.is_armed)
        assert child(lambda: meddle(ends[0])) == "left alone"
        # The parent is still told of what its peer does while nobody calls.
        peer.abort_all()
        assert until(lambda: association.is_aborted)
        """,
        *([str(pem)] if tls else []),
    )


def test_a_child_that_collects_or_exits_sends_nothing() -> None:
    run(
        """
        association = armed()
        def collect():
            global association, ae
            association = ae = None
            gc.collect()
            sys.exit(3)
        pid = os.fork()
        if not pid:
            collect()
        assert os.waitpid(pid, 0)[1] == 3 << 8
        assert association.send_c_echo().Status == 0
        association.release()
        assert peer.outcomes() == "RELEASED."
        """
    )


def test_the_peer_sees_the_end_of_a_connection_that_a_child_has_inherited() -> None:
    run(
        """
        association = armed()
        receiving, sending = os.pipe()
        pid = os.fork()
        if not pid:
            os.read(receiving, 1)
            os._exit(0)
        started = time.monotonic()
        association.release()
        assert association.is_released
        assert peer.outcomes() == "RELEASED."
        assert time.monotonic() - started < 20
        os.write(sending, b"x")
        os.waitpid(pid, 0)
        """
    )


def test_a_fork_in_a_handler_disturbs_nobody() -> None:
    run(
        """
        status = []
        def handle(event):
            pid = os.fork()
            if not pid:
                # Out of the handler, and through all of the library.
                sys.exit(0)
            os.waitpid(pid, 0)
            return 0
        server = ae.start_server(("127.0.0.1", 0), block=False, contexts=CONTEXTS,
                                 evt_handlers=[(evt.EVT_C_ECHO, handle)])
        with ae.associate("127.0.0.1", server.server_address[1], CONTEXTS) as association:
            for _ in range(3):
                assert association.send_c_echo().Status == 0
        assert association.is_released
        """
    )


def test_a_child_of_a_busy_server_does_not_wait_to_exit_and_does_not_listen() -> None:
    run(
        """
        begun, go_on = threading.Event(), threading.Event()
        def handle(event):
            begun.set()
            go_on.wait(20)
            return 0
        server = ae.start_server(("127.0.0.1", 0), block=False, contexts=CONTEXTS,
                                 evt_handlers=[(evt.EVT_C_ECHO, handle)])
        port = server.server_address[1]
        association = ae.associate("127.0.0.1", port, CONTEXTS)
        thread = threading.Thread(target=association.send_c_echo)
        thread.start()
        begun.wait(5)
        started = time.monotonic()
        pid = os.fork()
        if not pid:
            sys.exit(0)
        os.waitpid(pid, 0)
        # A program that waits to answer does so for ten seconds.
        assert time.monotonic() - started < 9

        (receiving, sending), (told, tell) = os.pipe(), os.pipe()
        pid = os.fork()
        if not pid:
            server.shutdown()
            ae.shutdown()
            os.write(tell, b"x")
            os.read(receiving, 1)
            os._exit(0)
        # On a busy machine it begins late, and has until then what we had.
        os.read(told, 1)
        with ae.associate("127.0.0.1", port, CONTEXTS) as another:
            assert another.is_established
        server.shutdown()
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            raise SystemExit("the child listens")
        except ConnectionRefusedError:
            pass
        os.write(sending, b"x")
        os.waitpid(pid, 0)
        go_on.set()
        thread.join()
        """
    )


def test_children_may_serve_with_what_was_made_before() -> None:
    run(
        """
        import signal
        server = ae.make_server(("127.0.0.1", 0), contexts=CONTEXTS)
        pids = []
        # Before: a child that is slow to begin is asked to end all the same.
        signal.signal(signal.SIGTERM, lambda number, frame: server.shutdown())
        for _ in range(3):
            pid = os.fork()
            if not pid:
                server.serve_forever()
                os._exit(0)
            pids.append(pid)
        for _ in range(10):
            with ae.associate("127.0.0.1", server.server_address[1], CONTEXTS) as association:
                assert association.send_c_echo().Status == 0
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0
        server.shutdown()
        """
    )


def test_signals_of_a_child_are_not_written_to_its_parent() -> None:
    run(
        """
        import signal
        woken = []
        from dicomwire.transport import AssociationServer
        class Counting(AssociationServer):
            def _take_signals(self, signals):
                woken.append(1)
                super()._take_signals(signals)
        server = ae.make_server(("127.0.0.1", 0), contexts=CONTEXTS, server_class=Counting)
        def work():
            until(lambda: ae.servers)
            def signalled():
                came = []
                signal.signal(signal.SIGUSR1, lambda number, frame: came.append(1))
                os.kill(os.getpid(), signal.SIGUSR1)
                return signal.set_wakeup_fd(-1), len(came)
            results.append(child(signalled))
            results.append(len(woken))
            server.shutdown()
        results = []
        threading.Thread(target=work).start()
        server.serve_forever()
        assert results == ["(-1, 1)", 0], results
        """
    )


@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(),
    reason="without the global lock each dict and set has one, which CPython leaves locked in the child",
)
def test_locks_that_others_hold_at_the_fork_are_free_in_the_child() -> None:
    run(
        """
        with associate() as association:
            # What is imported late is imported: a module that another thread is importing cannot be had in a child.
            association.send_c_echo()
        stop = threading.Event()
        def use():
            while not stop.is_set():
                with associate() as association:
                    association.send_c_echo()
        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        def own():
            for association in copies:
                association.abort()
                association.join()
            association = associate()
            association.send_c_echo()
            association.release()
            return association.is_released
        said = []
        for _ in range(15):
            copies = ae.active_associations
            said.append(child(own))
        stop.set()
        for thread in threads:
            thread.join()
        assert said == ["True"] * 15, said
        """
    )


@pytest.mark.parametrize("adapter", ["asyncio", "trio"])
def test_a_child_of_an_event_loop_leaves_the_association_of_its_parent_alone(adapter: str) -> None:
    """What its coroutines do when they are collected or cancelled there; the loop itself cannot run in a child."""
    run(
        f"""
        import dicomwire.{adapter} as adapter
        if {adapter == "asyncio"}:
            import asyncio
            run, sleep = asyncio.run, asyncio.sleep
        else:
            import trio
            run, sleep = trio.run, trio.sleep

        def meddle(association, server, work):
            assert not association.is_established and "it belongs to process" in association.failure
            if work:
                work.close()
            try:
                association.abort().send(None)
            except StopIteration:
                pass
            association.kill()
            association.line.channel.abandon()
            server.shutdown()
            return "left alone"

        async def main():
            global status
            entity = adapter.AE()
            server = await entity.start_server(("127.0.0.1", 0), block=False, contexts=CONTEXTS)
            async with server:
                association = await entity.associate("127.0.0.1", peer.port, CONTEXTS)
                await sleep(0.1)
                work = None
                if {adapter == "asyncio"}:
                    work = association.send_c_echo()
                    work.send(None)
                assert child(lambda: meddle(association, server, work)) == "left alone"
                assert association.is_established
                await sleep(0.1)
                if work:
                    # A cancelled operation of the parent's own.
                    work.close()
                else:
                    assert (await association.send_c_echo()).Status == 0
                    await association.abort()
                assert association.is_aborted
                async with await entity.associate("127.0.0.1", server.server_address[1], CONTEXTS) as own:
                    status = (await own.send_c_echo()).Status
        run({"main()" if adapter == "asyncio" else "main"})
        assert status == 0
        assert peer.outcomes() == "ABORTED."
        """
    )
