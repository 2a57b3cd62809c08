"""Every attack, small, on every adapter; DICOMWIRE_HOSTILE=1 runs them in full, which takes minutes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

if sys.platform != "linux":
    pytest.skip("what a process holds is read from /proc", allow_module_level=True)

from tests.hostile.__main__ import ADAPTERS
from tests.hostile.attacks import ATTACKS
from tests.hostile.measuring import PROMPT, attack, attacked
from tests.hostile.soak import soak
from tests.hostile.target import Target, running
from tests.support.patience import SOON

IN_FULL = os.environ.get("DICOMWIRE_HOSTILE") == "1"
SMALL = 0.02


@pytest.fixture(scope="module", params=ADAPTERS)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    with running(request.param) as made:
        yield made


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_does_no_harm(target: Target, name: str) -> None:
    if IN_FULL:
        judged = attacked(target.adapter, name)
    else:
        # How long others wait is no matter of this machine's speed: they are served.
        judged = attack(target, name, SMALL, prompt=PROMPT + SOON, left_after=SOON)
    assert judged.wrong == []


def test_of_many_associations_nothing_is_left(target: Target) -> None:
    assert [*soak(target, 10_000 if IN_FULL else 50, lambda text: None)] == []
