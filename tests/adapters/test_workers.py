"""Threads that are used again."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from dicomwire import AE, build_context
from dicomwire.blocking.workers import Inbox, Job, Workers

SECONDS = 20.0


class Jobs:
    """Runs jobs one after the other, and says in which thread each ran."""

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self.threads: list[threading.Thread] = []

    def run(self) -> threading.Thread:
        done = threading.Event()
        name = f"job-{len(self.threads)}"

        def work() -> None:
            assert threading.current_thread().name == name
            self.threads.append(threading.current_thread())
            done.set()

        self.workers.run(work, name)
        assert done.wait(SECONDS)
        return self.threads[-1]


def wait_idle(workers: Workers, count: int) -> None:
    never = threading.Event()
    for _ in range(3000):
        if len(workers._idle) == count:
            return
        never.wait(0.002)
    raise TimeoutError(f"{len(workers._idle)} idle threads, not {count}")


def test_a_thread_that_is_done_is_used_again() -> None:
    workers = Workers()
    jobs = Jobs(workers)
    first = jobs.run()
    wait_idle(workers, 1)
    assert first.name == "dicomwire-idle"
    assert jobs.run() is first
    workers.close()
    first.join(SECONDS)
    assert not first.is_alive()


def test_nothing_of_a_job_stays_in_memory_while_its_thread_waits() -> None:
    class Job:
        def __call__(self) -> None: ...

    workers = Workers()
    job = Job()
    gone = weakref.ref(job)
    workers.run(job, "job")
    del job
    wait_idle(workers, 1)
    gc.collect()
    assert gone() is None
    workers.close()


def test_jobs_at_the_same_time_have_threads_of_their_own() -> None:
    workers = Workers()
    both = threading.Barrier(3)
    workers.run(lambda: both.wait(SECONDS), "one")
    workers.run(lambda: both.wait(SECONDS), "two")
    both.wait(SECONDS)
    wait_idle(workers, 2)
    workers.close()
    wait_idle(workers, 0)


def test_threads_end_when_the_workers_are_closed_while_they_work() -> None:
    workers = Workers()
    threads: list[threading.Thread] = []
    go_on, started = threading.Event(), threading.Event()

    def work() -> None:
        threads.append(threading.current_thread())
        started.set()
        go_on.wait(SECONDS)

    workers.run(work, "job")
    assert started.wait(SECONDS)
    workers.close()
    go_on.set()
    threads[0].join(SECONDS)
    assert not threads[0].is_alive()


def test_an_idle_thread_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomwire.blocking.workers._PATIENCE", 0.01)
    workers = Workers()
    thread = Jobs(workers).run()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert not workers._idle


class SlowToEnd(Workers):
    """Its threads take a while from hearing that it is over to their end."""

    def _next(self, inbox: Inbox, thread: threading.Thread) -> Job | None:
        job = super()._next(inbox, thread)
        if job is None:
            threading.Event().wait(0.1)
        return job


def test_no_idle_thread_is_left_when_a_server_has_shut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    # As with pynetdicom, whose users look for threads that a test has left behind.
    monkeypatch.setattr("dicomwire.blocking.server.Workers", SlowToEnd)
    verification = [build_context("1.2.840.10008.1.1")]
    ae = AE()
    ae.supported_contexts = verification
    server = ae.start_server(("127.0.0.1", 0), block=False)
    for association in [ae.associate("127.0.0.1", server.server_address[1], verification) for _ in range(3)]:
        association.release()
    wait_idle(server._workers, 3)
    idle = [thread for _, thread in server._workers._idle]
    server.shutdown()
    assert not any(thread.is_alive() for thread in idle)


def test_threads_that_do_not_end_hold_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomwire.blocking.workers._LAST_STEPS", 0.01)
    go_on = threading.Event()

    class Stuck(Workers):
        def _next(self, inbox: Inbox, thread: threading.Thread) -> Job | None:
            job = super()._next(inbox, thread)
            go_on.wait(SECONDS)
            return job

    workers = Stuck()
    thread = Jobs(workers).run()
    wait_idle(workers, 1)
    workers.close()
    workers.join()
    assert thread.is_alive()
    go_on.set()
    thread.join(SECONDS)
