"""Which cores the processes of a case run on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import Literal

from attrs import frozen

Layout = Literal["two", "one"]
"""``two``: the server has a core and the client another; ``one``: they share one."""

Side = Literal["server", "client"]


@frozen
class Cores:
    """Where server and client run."""

    server: frozenset[int]
    client: frozenset[int]

    def of(self, side: Side) -> frozenset[int]:
        return self.server if side == "server" else self.client


def choose(layout: Layout) -> Cores:
    """The last two of the cores that this process may use: the first ones have the work of the system.

    With a single core it is the same for both, whatever the layout.
    """
    *_, other, last = [*sorted(os.sched_getaffinity(0))] * 2
    if layout == "one":
        other = last
    return Cores(frozenset((other,)), frozenset((last,)))


@contextmanager
def running_on(cores: Set[int] | None) -> Iterator[None]:
    """What this thread starts meanwhile runs on these cores only, from its first instruction on."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
