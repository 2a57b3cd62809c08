"""Inputs without a fuzzer: seeds with a few changes, the same ones for the same seed of the random numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from random import Random

from fuzz.target import DICTIONARY, MOST, Target

_ENTRY = re.compile(r'(?:[A-Za-z0-9_]+\s*=\s*)?"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")
_NUMBERS = (0, 1, 2, 3, 5, 6, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF)


@cache
def dictionary() -> tuple[bytes, ...]:
    """What is in ``dicom.dict``, which is written as libFuzzer reads it.

    Raises:
        ValueError: a line is no entry.
    """
    found = []
    for line in DICTIONARY.read_text("ascii").splitlines():
        if not line or line.startswith("#"):
            continue
        entry = _ENTRY.fullmatch(line)
        if entry is None:
            raise ValueError(f"no entry of a dictionary: {line}")
        found.append(_ESCAPED.sub(_unescaped, entry[1]).encode("latin-1"))
    return tuple(found)


def _unescaped(escaped: re.Match[str]) -> str:
    digits = escaped[1]
    return chr(int(digits[1:], 16)) if len(digits) == 3 else digits


def mutate(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """``data`` with a few changes of the kinds that break parsers; ``others`` may come behind it."""
    out = bytearray(data)
    for _ in range(random.choice((0, 1, 1, 2, 4, 8))):
        at = random.randrange(len(out) + 1)
        match random.randrange(8):
            case 0:  # a bit
                if at < len(out):
                    out[at] ^= 1 << random.randrange(8)
            case 1:  # a number that lengths dislike
                size = random.choice((1, 2, 4))
                number = random.choice(_NUMBERS) & ((1 << 8 * size) - 1)
                out[at : at + size] = number.to_bytes(size, random.choice(("big", "little")))
            case 2:  # less
                del out[at : at + random.randrange(1, 20)]
            case 3:  # more
                out[at:at] = random.randbytes(random.randrange(1, 20))
            case 4:  # the end is missing
                del out[at:]
            case 5:  # a word that means something
                out[at:at] = random.choice(dictionary())
            case 6:  # again
                out[at:at] = out[at : at + random.randrange(1, 60)]
            case _:  # something else comes behind
                out += random.choice(others)
    return bytes(out[:MOST])


def inputs(target: Target, seed: int) -> Iterator[bytes]:
    """Inputs without end."""
    random, seeds = Random(seed), sorted(set(target.seeds()))
    bare = [data[target.steering :] for data in seeds]
    while True:
        data = mutate(random, random.choice(seeds), bare)
        if random.randrange(2):
            data = random.randbytes(target.steering) + data[target.steering :]
        yield data
