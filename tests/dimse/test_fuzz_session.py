"""The fuzz target of sessions runs, and finds nothing in a few inputs."""

from __future__ import annotations

from itertools import islice

import pytest

from fuzz import corpus, fuzz_session


@pytest.mark.parametrize("data", [b"", b"\x07", bytes(5), bytes(5) + b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"])
def test_small_inputs_are_fine(data: bytes) -> None:
    fuzz_session.TestOneInput(data)


def test_the_session_target_finds_nothing() -> None:
    for data in islice(corpus.inputs(1, fuzz_session.STEERING), 500):
        corpus.attempt(fuzz_session.TestOneInput, data)
