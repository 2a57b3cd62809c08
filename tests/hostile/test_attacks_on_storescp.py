"""The attacks that are about storage on ``dicomwire storescp``, small; DICOMWIRE_HOSTILE=1 runs them in full."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

if sys.platform != "linux":
    pytest.skip("what a process holds is read from /proc", allow_module_level=True)

from tests.hostile.application_target import FOR_STORAGE, ApplicationTarget, running_storescp
from tests.hostile.measuring import PROMPT, attack
from tests.support.patience import SOON

SIZE = 1.0 if os.environ.get("DICOMWIRE_HOSTILE") == "1" else 0.02


@pytest.fixture(scope="module")
def target() -> Iterator[ApplicationTarget]:
    with running_storescp() as made:
        yield made


@pytest.mark.parametrize("name", FOR_STORAGE)
def test_an_attack_does_no_harm_and_leaves_no_part_of_an_instance(target: ApplicationTarget, name: str) -> None:
    judged = attack(target, name, SIZE, prompt=PROMPT + SOON, left_after=SOON)
    assert judged.wrong == []
    assert target.unfinished() == []
