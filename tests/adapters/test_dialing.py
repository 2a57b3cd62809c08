"""Which address is tried when (RFC 8305), in virtual time and with sockets that need no peer."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from dicomwire.asyncio import loop_dialer as asyncio_dialing
from dicomwire.asyncio.loop_dialer import LoopDialer
from dicomwire.blocking import thread_dialer as blocking_dialing
from dicomwire.sockets import dialing as sockets_dialing
from dicomwire.sockets.addresses import AF_UNIX, Destination, destinations
from dicomwire.sockets.dialing import Dialing
from dicomwire.sockets.race import ATTEMPT_DELAY, Race, interleaved
from dicomwire.sockets.socket_dialer import Call
from dicomwire.trio import nursery_dialer as trio_dialing
from dicomwire.trio.nursery_dialer import NurseryDialer
from tests.support.destinations import LOCALHOST, listening, opened, refusing, silent


# -- whose turn it is ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "tried"),
    [
        ("6a 6b 6c 4a 4b", "6a 4a 6b 4b 6c"),
        ("4a 4b 6a", "4a 6a 4b"),
        ("6a 6b", "6a 6b"),
        ("4a 4a 6a 4a", "4a 6a"),
        ("", ""),
    ],
)
def test_families_take_turns_and_the_first_stays_first(given: str, tried: str) -> None:
    assert interleaved(given.split(), lambda address: address[0]) == tried.split()


def test_the_next_attempt_begins_beside_one_that_takes_long() -> None:
    race = Race(["one", "two", "three"], 100.0, None)
    assert race.next_attempt(100.0) == "one" and race.next_attempt(100.0) is None
    assert race.next_deadline() == 100.0 + ATTEMPT_DELAY
    assert race.next_attempt(100.24) is None
    assert race.next_attempt(100.25) == "two" and race.next_attempt(100.25) is None
    assert race.next_attempt(100.5) == "three"
    assert race.next_deadline() is None
    assert race.failure(1e9) is None


def test_the_next_attempt_begins_at_once_when_one_fails() -> None:
    race = Race(["one", "two", "three"], 0.0, None)
    assert race.next_attempt(0.0) == "one"
    race.failed("one", OSError("no"))
    assert race.next_deadline() == float("-inf")
    assert race.next_attempt(0.01) == "two" and race.next_attempt(0.02) is None
    assert race.failure(0.02) is None
    assert race.next_deadline() == pytest.approx(0.01 + ATTEMPT_DELAY)


def test_when_all_have_failed_each_is_named_with_its_reason() -> None:
    race = Race(["one", "two"], 0.0, 5)
    for error in (ConnectionRefusedError(errno.ECONNREFUSED, "called it"), OSError("odd")):
        address = race.next_attempt(0.0)
        assert address is not None and race.failure(0.0) is None
        race.failed(address, error)
    failure = race.failure(0.0)
    assert type(failure) is OSError and str(failure) == "one: Connection refused; two: odd"


def test_what_all_have_in_common_is_the_kind_of_the_failure() -> None:
    race = Race(["one", "two"], 0.0, None)
    for _ in range(2):
        race.failed(race.next_attempt(0.0) or "", ConnectionRefusedError(errno.ECONNREFUSED, ""))
    assert isinstance(race.failure(0.0), ConnectionRefusedError)


def test_when_time_is_up_that_is_said_and_what_each_came_to() -> None:
    race = Race(["one", "two", "three"], 10.0, 0.06)
    assert race.next_attempt(10.0) == "one"
    race.failed("one", OSError(errno.ENETUNREACH, ""))
    assert race.next_attempt(10.055) == "two"
    assert race.next_deadline() == pytest.approx(10.06)
    assert race.failure(10.059) is None
    assert race.next_attempt(10.07) is None
    failure = race.failure(10.07)
    assert isinstance(failure, TimeoutError)
    assert str(failure) == "timed out after 0.06 s: one: Network is unreachable; two: no answer; three: not tried"


@pytest.mark.parametrize(("timeout", "delay"), [(None, 0.25), (10, 0.25), (0.4, 0.1), (0.02, 0.01), (0.0001, 0.01)])
def test_in_a_short_time_all_have_their_chance(timeout: float | None, delay: float) -> None:
    race = Race(["one", "two", "three", "four"], 0.0, timeout)
    assert race.next_attempt(0.0) == "one"
    assert race._due == delay


def test_where_there_is_no_room_it_is_tried_again_in_a_moment() -> None:
    race = Race(["one"], 0.0, 1)
    for now in (0.0, 0.5):
        assert race.next_attempt(now) == "one"
        race.postponed("one", now)
        assert race.next_attempt(now) is None and race.failure(now) is None
        assert now < (race.next_deadline() or 0) < now + 0.1
    assert "one: no room" in str(race.failure(1.0))


# -- with sockets --------------------------------------------------------------------------------------------------
Dial = Callable[[Dialing], socket.socket]


def _by_asyncio(dialing: Dialing) -> socket.socket:
    return asyncio.run(asyncio_dialing.dial(dialing))


def _by_trio(dialing: Dialing) -> socket.socket:
    return trio.run(trio_dialing.dial, dialing)


def _by_uvloop(dialing: Dialing) -> socket.socket:
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio_dialing.dial(dialing))


WAYS = {"blocking": blocking_dialing.dial, "asyncio": _by_asyncio, "uvloop": _by_uvloop, "trio": _by_trio}


@pytest.fixture(params=[*WAYS.values()], ids=[*WAYS])
def dial(request: pytest.FixtureRequest) -> Any:
    """The way of each adapter."""
    return request.param


@contextmanager
def all_sockets_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Every socket that an attempt makes."""
    made: list[socket.socket] = []
    real = sockets_dialing.Attempt

    def attempt(destination: Destination, sock: socket.socket) -> Any:
        made.append(sock)
        return real(destination, sock)

    with monkeypatch.context() as patched:
        patched.setattr(sockets_dialing, "Attempt", attempt)
        yield made


def test_one_that_hangs_does_not_keep_us_from_the_next(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    with silent() as hanging, listening() as good, all_sockets_counted(monkeypatch) as made:
        began = time.monotonic()
        with dial(opened([hanging, good])) as sock:
            assert sock.getpeername() == good.address
            assert 0.2 < time.monotonic() - began < 2
        assert len(made) == 2 and made[0].fileno() == -1


def test_one_that_refuses_costs_no_time(dial: Dial) -> None:
    with listening() as good:
        choice = [refusing() for _ in range(8)]
        began = time.monotonic()
        with dial(opened([*choice, good])) as sock:
            assert sock.getpeername() == good.address
        assert time.monotonic() - began < 1.5


def test_an_attempt_goes_on_when_later_ones_fail(dial: Dial) -> None:
    """A full backlog gets room while the first attempt waits: its next SYN, after a second, is answered."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind((LOCALHOST, 0))
        full.listen(0)
        fillers = [stack.enter_context(socket.socket()) for _ in range(2)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        late = Destination(socket.AF_INET, full.getsockname())

        def make_room() -> None:
            for _ in fillers:
                full.accept()[0].close()

        timer = threading.Timer(0.4, make_room)
        timer.start()
        with dial(opened([late, refusing()])) as sock:
            assert sock.getpeername() == late.address
        timer.join()


def test_a_timeout_names_what_failed_and_what_did_not_answer(dial: Dial) -> None:
    with silent() as hanging:
        with pytest.raises(TimeoutError, match=r"timed out after 0\.6 s") as caught:
            dial(opened([hanging, refusing()], 0.6))
        assert f"{hanging}: no answer" in str(caught.value) and ": Connection refused" in str(caught.value)


def test_all_that_refuse_are_named(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = [refusing(), refusing()]
    with all_sockets_counted(monkeypatch) as made, pytest.raises(ConnectionRefusedError) as caught:
        dial(opened(choice))
    assert str(caught.value) == f"{choice[0]}: Connection refused; {choice[1]}: Connection refused"
    assert all(sock.fileno() == -1 for sock in made)


def test_a_family_that_cannot_be_bound_is_passed_over(dial: Dial) -> None:
    with listening() as good:
        elsewhere = Destination(socket.AF_INET, good.address, ("192.0.2.1", 0))
        foreign = Destination(socket.AF_INET6, ("::1", good.address[1], 0, 0), None, "bind_address is IPv4")
        with dial(opened([foreign, elsewhere, good])) as sock:
            assert sock.getpeername() == good.address
        with pytest.raises(OSError, match=r"\[::1\].*: bind_address is IPv4; .*: Connection refused"):
            dial(opened([foreign, refusing()]))
        with pytest.raises(OSError, match="bind_address is IPv4"):
            Dialing([foreign, elsewhere])


def test_a_queue_without_room_is_tried_until_there_is_some(dial: Dial, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(AF_UNIX) as server, ExitStack() as stack:
        server.bind(path)
        server.listen(0)
        while True:
            filler = stack.enter_context(socket.socket(AF_UNIX))
            filler.setblocking(False)
            if filler.connect_ex(path):
                break
        with pytest.raises(TimeoutError, match="no room for another connection"):
            dial(opened([Destination(AF_UNIX, path)], 0.1))
        timer = threading.Timer(0.1, lambda: server.accept()[0].close())
        timer.start()
        with dial(opened([Destination(AF_UNIX, path)])) as sock:
            assert sock.getpeername() == path
        timer.join()


def _link_local() -> tuple[str, int] | None:
    """A link-local address of this machine, and its zone."""
    path = Path("/proc/net/if_inet6")
    rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return next((_zoned(row) for row in rows if row[3] == "20"), None)


def _zoned(row: list[str]) -> tuple[str, int]:
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[0])), int(row[1], 16)


@pytest.mark.usefixtures("no_resolver")
def test_an_address_with_a_zone_is_reached(dial: Dial) -> None:
    found = _link_local()
    if found is None:
        pytest.skip("there is no link-local address")
    host, zone = found
    with socket.socket(socket.AF_INET6) as server:
        server.bind((host, 0, 0, zone))
        server.listen()
        port = server.getsockname()[1]
        with dial(opened(destinations(f"{host}%{zone}", port, None))) as sock:
            assert sock.getpeername()[:2] == (host, port)
    with pytest.raises(ConnectionRefusedError):
        dial(opened(destinations((host, 0, zone), port, None)))


def test_time_does_not_begin_anew_with_each_signal() -> None:
    with silent() as hanging:
        before = signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        began = time.monotonic()
        try:
            with pytest.raises(TimeoutError):
                blocking_dialing.dial(opened([hanging], 0.3))
            assert 0.29 < time.monotonic() - began < 2
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("eager", [False, True])
def test_a_cancelled_task_closes_all_and_keeps_its_message(monkeypatch: pytest.MonkeyPatch, eager: bool) -> None:
    if eager and not hasattr(asyncio, "eager_task_factory"):
        pytest.skip("from Python 3.12 on")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        if eager:
            loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        with silent() as hanging, silent() as other, all_sockets_counted(monkeypatch) as made:
            task = loop.create_task(asyncio_dialing.dial(opened([hanging, other], None)))
            await asyncio.sleep(0.3)
            assert len(made) == 2
            task.cancel("why")
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert caught.value.args == ("why",)
            assert [sock.fileno() for sock in made] == [-1, -1]
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_a_cancelled_scope_closes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        with silent() as hanging, all_sockets_counted(monkeypatch) as made:
            with trio.move_on_after(0.05) as scope:
                await trio_dialing.dial(opened([hanging], None))
            assert scope.cancelled_caught
            assert [sock.fileno() for sock in made] == [-1]

    trio.run(main)


def test_in_trio_delay_and_deadline_are_by_its_clock() -> None:
    async def main() -> None:
        with silent() as hanging, silent() as other:
            began = trio.current_time()
            with pytest.raises(TimeoutError, match="timed out after 3600 s"):
                await trio_dialing.dial(opened([hanging, other], 3600))
            assert trio.current_time() - began == pytest.approx(3600)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.05))


# -- names and numbers ---------------------------------------------------------------------------------------------
@pytest.fixture
def no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"the resolver was asked for {args}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(
    ("addr", "family", "address"),
    [
        ("127.0.0.1", socket.AF_INET, ("127.0.0.1", 104)),
        ("::1", socket.AF_INET6, ("::1", 104, 0, 0)),
        ("0:0::0001", socket.AF_INET6, ("::1", 104, 0, 0)),
        ("fe80::1%7", socket.AF_INET6, ("fe80::1", 104, 0, 7)),
        (("fe80::1", 5, 7), socket.AF_INET6, ("fe80::1", 104, 5, 7)),
        ("unix:/run/x.sock", AF_UNIX, "/run/x.sock"),
        ("unix:///run/x.sock", AF_UNIX, "/run/x.sock"),
        ("unix:@name", AF_UNIX, "\0name"),
        (Path("x.sock"), AF_UNIX, "./x.sock"),
    ],
)
@pytest.mark.usefixtures("no_resolver")
def test_an_address_is_not_looked_up(addr: Any, family: int, address: Any) -> None:
    assert destinations(addr, 104, None) == [Destination(family, address)]


@pytest.mark.usefixtures("no_resolver")
def test_a_zone_may_be_named() -> None:
    index, name = socket.if_nameindex()[0]
    (found,) = destinations(f"fe80::1%{name}", 104, None)
    assert found.address == ("fe80::1", 104, 0, index)


def _resolver(*found: tuple[int, Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: [(family, socket.SOCK_STREAM, 6, "", address) for family, address in found]


V4, V6 = (socket.AF_INET, ("192.0.2.1", 104)), (socket.AF_INET6, ("2001:db8::1", 104, 0, 0))


def test_a_name_has_all_its_addresses_once_in_the_order_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(V6, V4, V6))
    assert destinations("name", 104, None) == [Destination(*V6), Destination(*V4)]


def test_from_a_local_address_only_its_family_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(V6, V4))
    foreign, usable = destinations("name", 104, ("127.0.0.2", 0))
    assert foreign.unusable == "bind_address 127.0.0.2:0 is of another address family"
    assert (usable.local, usable.unusable) == (("127.0.0.2", 0), None)
    both = destinations("name", 104, ("", 7))
    assert [item.local for item in both] == [("::", 7), ("", 7)]


@pytest.mark.parametrize("host", ["a" * 80, "a..b", "\udcff"])
def test_what_is_not_even_a_name_cannot_be_resolved(host: str) -> None:
    with pytest.raises(socket.gaierror, match="no host name"):
        destinations(host, 104, None)


@pytest.mark.parametrize("port", [-1, 65536, 10**12])
def test_a_port_that_is_none_is_a_value_error(port: int) -> None:
    with pytest.raises(ValueError, match="not between 0 and 65535"):
        destinations(LOCALHOST, port, None)


# -- in an event loop ----------------------------------------------------------------------------------------------
def _in_asyncio(work: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await work()

    return asyncio.run(main())


async def prepared(kind: Any, host: str, local: tuple[str, int]) -> Dialing:
    dialer = kind(Call(addr=host, port=104, bind_address=local, tls_args=None, sock=None))
    await dialer.prepare()
    dialing: Dialing = dialer.dialing
    return dialing


@pytest.mark.usefixtures("no_resolver")
@pytest.mark.parametrize(
    ("run", "kind"), [(_in_asyncio, LoopDialer), (trio.run, NurseryDialer)], ids=["asyncio", "trio"]
)
def test_numeric_addresses_take_no_thread(monkeypatch: pytest.MonkeyPatch, run: Any, kind: Any) -> None:
    async def work() -> None:
        threads = threading.active_count()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(trio.to_thread, "run_sync", None)
            dialing = await prepared(kind, LOCALHOST, ("127.0.0.1", 0))
        dialing.close()
        assert threading.active_count() == threads

    run(work)


@pytest.mark.parametrize(
    ("run", "kind"), [(_in_asyncio, LoopDialer), (trio.run, NurseryDialer)], ids=["asyncio", "trio"]
)
def test_names_are_looked_up_beside_the_loop(monkeypatch: pytest.MonkeyPatch, run: Any, kind: Any) -> None:
    asked: list[threading.Thread] = []

    def resolve(*args: Any, **kwargs: Any) -> Any:
        asked.append(threading.current_thread())
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (LOCALHOST, args[1] or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    async def work() -> None:
        (await prepared(kind, "peer", ("here", 0))).close()

    run(work)
    assert len(asked) == 2 and threading.main_thread() not in asked


# -- elsewhere -----------------------------------------------------------------------------------------------------
_GREEN = """
import sys
try:
    from gevent import monkey
except ImportError:
    sys.exit(77)
monkey.patch_all()
import gevent
from dicomwire.blocking.thread_dialer import dial
from tests.support.destinations import listening, opened, refusing, silent
ticks = []
gevent.spawn(lambda: [(ticks.append(0), gevent.sleep(0.01)) for _ in range(1000)])
with silent() as hanging, listening() as good:
    with dial(opened([hanging, refusing(), hanging, good])) as sock:
        assert sock.getpeername() == good.address
    try:
        dial(opened([hanging], 0.2))
    except TimeoutError:
        print(len(ticks) > 5)
"""


def test_green_sockets_connect_while_others_go_on() -> None:
    environment = {"PYTHONPATH": ":".join(sys.path)}
    run = subprocess.run([sys.executable, "-c", _GREEN], capture_output=True, text=True, timeout=60, env=environment)
    if run.returncode == 77:
        pytest.skip("gevent is not installed")
    assert run.stdout.split() == ["True"], run.stderr


def test_there_is_one_place_that_asks_the_resolver() -> None:
    folder = Path(sockets_dialing.__file__).parents[1]
    asking = [path.name for path in folder.rglob("*.py") if "getaddrinfo(" in path.read_text("utf-8")]
    assert asking == ["addresses.py"]
