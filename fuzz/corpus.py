"""What the fuzz targets share: the corpus of recorded conversations, a mutator and a loop."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import TypeAlias

DATA = Path(__file__).parents[1] / "tests" / "data"

Target: TypeAlias = Callable[[bytes], None]


@cache
def corpus() -> tuple[bytes, ...]:
    """Both streams of each capture, each of their PDUs, and every PDU of the vectors, valid or not."""
    found: set[bytes] = set()
    for path in (DATA / "captures").glob("*.json"):
        capture = json.loads(path.read_text("utf-8"))
        for side in ("requestor", "acceptor"):
            stream = b"".join(bytes.fromhex(chunk["hex"]) for chunk in capture["chunks"] if chunk["from"] == side)
            found.add(stream)
            for pdu in capture["pdus"]:
                if pdu["from"] == side:
                    found.add(stream[pdu["stream_offset"] : pdu["stream_offset"] + pdu["total_bytes"]])
    vectors = json.loads((DATA / "reference" / "vectors.json").read_text("utf-8"))
    for vector in vectors["pdus"] + vectors["invalid"] + vectors["data_level_invalid"]:
        found.add(bytes.fromhex(vector["hex"]))
    return tuple(sorted(found))


def mutate(random: Random, data: bytes) -> bytes:
    """``data`` with a few changes of the kinds that break parsers."""
    out = bytearray(data)
    for _ in range(random.choice((0, 1, 1, 2, 4, 8))):
        at = random.randrange(len(out) + 1)
        match random.randrange(6):
            case 0:  # a bit
                if at < len(out):
                    out[at] ^= 1 << random.randrange(8)
            case 1:  # a number that lengths dislike
                size = random.choice((1, 2, 4))
                number = random.choice((0, 1, 2, 3, 5, 6, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF))
                out[at : at + size] = (number & ((1 << 8 * size) - 1)).to_bytes(size, "big")
            case 2:  # less
                del out[at : at + random.randrange(1, 20)]
            case 3:  # more
                out[at:at] = random.randbytes(random.randrange(1, 20))
            case 4:  # the end is missing
                del out[at:]
            case _:  # something else comes behind
                out += random.choice(corpus())
    return bytes(out)


def inputs(seed: int, steering: int) -> Iterator[bytes]:
    """Inputs without end, the same for the same seed; ``steering`` random bytes go in front of each."""
    random = Random(seed)
    while True:
        yield random.randbytes(steering) + mutate(random, random.choice(corpus()))


def attempt(target: Target, data: bytes) -> None:
    """Run one input; one that fails is printed first."""
    try:
        target(data)
    except BaseException:
        print(f"input: {data.hex()}", file=sys.stderr)
        raise


def main(target: Target, steering: int) -> None:
    """Run ``target`` for the seconds and with the seed on the command line."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    count, end = 0, time.monotonic() + seconds
    for data in inputs(seed, steering):
        if time.monotonic() >= end:
            break
        attempt(target, data)
        count += 1
    print(f"{count} inputs with seed {seed}, no failure")
