"""Two AEs, an echo, a store, a query and a release, and a connection that breaks behind each byte of it in turn."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from dicomwire import build_context, evt
from dicomwire.testing import Faults
from tests.support.adapters import CT_IMAGE_STORAGE, PATIENCE, VERIFICATION, MemoryWorld
from tests.support.cut_ends import WAYS, CutTrial
from tests.support.faulting import ACCEPTOR, REQUESTOR, SIDES, Operation, Tracebacks, everything
from tests.support.finding import FIND

LONGEST = 20.0
"""Seconds that an association with timeouts of 6 may take, whatever happens: three of them and a little."""

WHOLE = [0x0000, 0x0000, 0xFF00, 0xFF00, 0xFF00, 0x0000]
"""The statuses of all that is done."""

WATCHED = (evt.EVT_CONN_OPEN, evt.EVT_CONN_CLOSE, evt.EVT_ACCEPTED, evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_REJECTED)
"""What there is about the wire as well would take half of the time."""

STEP = 1 if "DICOMWIRE_FAULTS" in os.environ else len(WAYS)
"""By default each byte is tried in one of the ways, each way with every third byte."""

EXCHANGE = Operation(everything)


@pytest.fixture
def tracebacks() -> Iterator[list[str]]:
    handler, logger = Tracebacks(), logging.getLogger("dicomwire")
    logger.addHandler(handler)
    yield handler.told
    logger.removeHandler(handler)


def cut(side: str, way: str = "reset", last: int | None = None) -> CutTrial:
    """What became of an association of which ``side`` is cut off behind its byte number ``last``."""
    contexts = [build_context(uid) for uid in (VERIFICATION, CT_IMAGE_STORAGE, FIND)]
    world = MemoryWorld()
    trial = CutTrial(world, "ends", side, Faults(), PATIENCE, contexts=contexts, watched=WATCHED, way=way, last=last)
    world.run(lambda: trial.perform(EXCHANGE))
    return trial


def wrong(trial: CutTrial) -> Iterator[str]:
    """What must not be, in words."""
    yield from trial.wrong()
    known = [status for status in trial.statuses if status is not None]
    if known != WHOLE[: len(known)] or len(trial.statuses) > len(known) + 1:
        yield f"the statuses are {trial.statuses}"
    network = trial.world.network  # type: ignore[attr-defined]
    if network.now > LONGEST:
        yield f"it took {network.now} s"
    if trial.way != "silence" and network.now > 0:
        yield f"somebody waited {network.now} s for who is gone"


def test_nothing_breaks_where_nothing_is_cut(tracebacks: list[str]) -> None:
    trial = cut(REQUESTOR)
    assert [*wrong(trial)] == tracebacks == []
    assert trial.statuses == WHOLE
    assert len(trial.acknowledged) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("side", SIDES)
def test_no_byte_behind_which_it_breaks_breaks_what_must_hold(side: str, way: str, tracebacks: list[str]) -> None:
    whole = cut(side)
    count = whole.ends[side == ACCEPTOR].wanted
    assert count > 500
    found: list[str] = []
    for last in range(WAYS.index(way) % STEP, count, STEP):
        trial = cut(side, way, last)
        found += [f"{way} behind byte {last} of {count}: {words}" for words in (*wrong(trial), *tracebacks)]
        tracebacks.clear()
    assert found == []
