"""Profiles of a worker: of the thread that begins one, and of every thread that is started meanwhile."""

from __future__ import annotations

import cProfile
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from benchmarks.tasks import Task


@contextmanager
def profiled(task: Task) -> Iterator[None]:
    """If the task wants it, write what each thread did meanwhile to ``PATH-1``, ``PATH-2`` and so on."""
    if not task.profile:
        yield
        return
    profiles: list[cProfile.Profile] = []

    def begin(*first_event: Any) -> None:
        """Let cProfile take over from here on, in this thread."""
        profiles.append(cProfile.Profile())
        # Since Python 3.12 only one of them can be at work: then this thread is left out.
        with suppress(ValueError):
            profiles[-1].enable()

    threading.setprofile(begin)
    begin()
    try:
        yield
    finally:
        threading.setprofile(None)
        sys.setprofile(None)
        for number, profile in enumerate(profiles, 1):
            profile.create_stats()
            profile.dump_stats(f"{task.profile}-{number}")
