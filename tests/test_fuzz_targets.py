"""The fuzz targets run, and find nothing in a few inputs."""

from __future__ import annotations

from itertools import islice
from random import Random

import pytest

from fuzz import corpus, fuzz_connection, fuzz_pdu


def test_every_capture_and_vector_is_in_the_corpus() -> None:
    assert len(corpus.corpus()) > 200


@pytest.mark.parametrize("data", [b"", b"\x07", b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"])
def test_small_inputs_are_fine_for_every_target(data: bytes) -> None:
    fuzz_pdu.TestOneInput(data)
    fuzz_connection.TestOneInput(data)


def test_the_pdu_target_finds_nothing() -> None:
    for data in islice(corpus.inputs(1, fuzz_pdu.STEERING), 2000):
        corpus.attempt(fuzz_pdu.TestOneInput, data)


def test_the_connection_target_finds_nothing() -> None:
    for data in islice(corpus.inputs(1, fuzz_connection.STEERING), 500):
        corpus.attempt(fuzz_connection.TestOneInput, data)


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert list(islice(corpus.inputs(5, 4), 50)) == list(islice(corpus.inputs(5, 4), 50))
    assert corpus.mutate(Random(5), b"") == corpus.mutate(Random(5), b"")


def test_a_failing_input_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(data: bytes) -> None:
        raise RuntimeError(data)

    with pytest.raises(RuntimeError):
        corpus.attempt(fail, b"\xab\xcd")
    assert capsys.readouterr().err == "input: abcd\n"
