"""What became of the mutants, as mutmut keeps it, and which of those that were not found are explained."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field, frozen

from tests.mutants.sampling import kept

EXPLAINED = Path(__file__).with_name("explained.toml")

_FOUND = {1, 3, 24, 36, -24, 152, 255, -9, -11}
"""Exit codes: a test failed, pytest broke, the time was over, the interpreter crashed."""

_SURVIVED = {0, 5, 33}
"""All tests passed, or there is none that comes by."""


@frozen
class Mutant:
    """One that was not found."""

    where: str
    """``package.module:Class.function`` or ``package.module:function``."""

    was: str
    now: str
    is_tested: bool
    """A test comes by there."""

    def __str__(self) -> str:
        remark = "" if self.is_tested else "    (no test)\n"
        return f"  {self.where}\n{remark}    - {self.was}\n    + {self.now}"


@frozen
class Explanation:
    """Why mutants make no difference that anybody could see."""

    where: str
    now: tuple[str, ...]
    """What stands there in the mutants; none: everything in that function."""

    why: str

    def is_of(self, mutant: Mutant) -> bool:
        """It explains this one."""
        return mutant.where == self.where and (not self.now or mutant.now in self.now)


@define
class Outcome:
    """Of one file."""

    found: int = 0
    explained: int = 0
    untried: int = 0
    aside: int = 0
    """Not in the sample."""

    left: list[Mutant] = field(factory=list)
    idle: list[Explanation] = field(factory=list)
    """Explanations of nothing that is there."""

    @property
    def tried(self) -> int:
        return self.found + self.explained + len(self.left)

    @property
    def rate(self) -> float:
        """Per cent found of those that are not explained."""
        worth = self.found + len(self.left)
        return 100.0 * self.found / worth if worth else 100.0


def explanations() -> list[Explanation]:
    """All that are written down."""
    entries = tomllib.loads(EXPLAINED.read_text("utf-8")).get("survivors", [])
    return [Explanation(entry["where"], tuple(entry.get("now", ())), entry["why"]) for entry in entries]


def outcome_in(folder: Path) -> Outcome | None:
    """What became of the mutants that were tried in a folder; None if there are none."""
    metas = [*folder.glob("mutants/src/**/*.meta")]
    if not metas:
        return None
    outcome = Outcome()
    sample = kept(folder)
    known = explanations()
    used: set[Explanation] = set()
    modules: set[str] = set()
    for meta in metas:
        codes: dict[str, int | None] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        modules |= {key.rpartition(".")[0] for key in codes}
        texts = _Texts(meta)
        for key, code in codes.items():
            if sample is not None and key not in sample:
                outcome.aside += 1
            elif code in _FOUND:
                outcome.found += 1
            elif code in _SURVIVED:
                mutant = texts.mutant(key, is_tested=code == 0)
                reason = next((known_one for known_one in known if known_one.is_of(mutant)), None)
                if reason is None:
                    outcome.left.append(mutant)
                else:
                    outcome.explained += 1
                    used.add(reason)
            else:
                outcome.untried += 1
    if not outcome.aside:
        here = [one for one in known if one.where.partition(":")[0] in modules]
        outcome.idle = [one for one in here if one not in used]
    return outcome


def keys_in(folder: Path) -> list[str]:
    """The names of all mutants in a folder, as mutmut has them."""
    metas = [json.loads(meta.read_text("utf-8")) for meta in sorted(folder.glob("mutants/src/**/*.meta"))]
    return [key for meta in metas for key in meta["exit_code_by_key"]]


def is_empty(folder: Path) -> bool:
    """There is nothing to change in the file, as in one without functions: mutmut takes that for a mistake."""
    return any(folder.glob("mutants/src/**/*.meta")) and not keys_in(folder)


def forget_survivors(folder: Path) -> None:
    """Let mutmut try again those that were not found and are not explained."""
    known = explanations()
    for meta in folder.glob("mutants/src/**/*.meta"):
        content = json.loads(meta.read_text("utf-8"))
        codes: dict[str, int | None] = content["exit_code_by_key"]
        texts = _Texts(meta)
        for key, code in codes.items():
            if code in _SURVIVED and not any(one.is_of(texts.mutant(key, is_tested=True)) for one in known):
                codes[key] = None
        meta.write_text(json.dumps(content), "utf-8")


class _Texts:
    """The functions in the file that mutmut wrote: the original of each, and its mutants."""

    def __init__(self, meta: Path) -> None:
        self._lines = meta.with_suffix("").read_text("utf-8").splitlines()
        self._spans = json.loads(meta.with_suffix(".spans").read_text("utf-8"))["spans"]

    def mutant(self, key: str, *, is_tested: bool) -> Mutant:
        module, _, name = key.rpartition(".")
        function = name.partition("__mutmut_")[0]
        shown = function[2:].replace("ǁ", ".")
        plain = shown.rpartition(".")[2]
        before = [line.replace(f"{function}__mutmut_orig", plain) for line in self._of(f"{function}__mutmut_orig")]
        after = [line.replace(name, plain) for line in self._of(name)]
        was, now = zip(*_differences(before, after), strict=True)
        texts = [" ".join(line.strip() for line in lines if line) for lines in (was, now)]
        return Mutant(f"{module}:{shown}", texts[0], texts[1], is_tested)

    def _of(self, name: str) -> list[str]:
        start, end = self._spans[name]
        return [line for line in self._lines[start - 1 : end] if line.strip()]


def _differences(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    """The lines in the middle, without what is the same at the beginning and at the end."""
    start = 0
    while before[start : start + 1] == after[start : start + 1]:
        start += 1
    end = 0
    most = min(len(before), len(after)) - start
    while end < most and before[-1 - end] == after[-1 - end]:
        end += 1
    one, other = before[start : len(before) - end], after[start : len(after) - end]
    for index in range(max(len(one), len(other))):
        yield one[index] if index < len(one) else "", other[index] if index < len(other) else ""
