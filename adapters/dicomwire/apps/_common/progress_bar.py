"""How far a transfer is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from attrs import define
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from dicomwire.apps._common.output import say

Advance: TypeAlias = Callable[[int], None]
"""Called with its size when a file is done."""

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def progress(files: int, size: int, *, quiet: bool = False) -> Iterator[Advance]:
    """Show on standard error how many of ``files`` files with ``size`` bytes are done, how fast and until when."""
    console = Console(stderr=True)
    if quiet:
        yield _nothing
    elif console.is_terminal:
        with _bar(console, files, size) as advance:
            yield advance
    else:
        yield ProgressLines(files=files, size=size, now=time.monotonic)


def _nothing(size: int) -> None:
    pass


def columns(words: str, *more: ProgressColumn) -> tuple[ProgressColumn, ...]:
    """Words, a bar as wide as they and ``more`` leave it, and the time that is left: for any width of a terminal."""
    return TextColumn(words), BarColumn(bar_width=None), *more, TimeRemainingColumn()


@contextmanager
def _bar(console: Console, files: int, size: int) -> Iterator[Advance]:
    shown = columns("{task.fields[done]}/{task.fields[files]} files", TransferSpeedColumn())
    with Progress(*shown, console=console, transient=True, expand=True) as bar:
        task = bar.add_task("", total=size, done=0, files=files)
        done = 0

        def advance(size: int) -> None:
            nonlocal done
            done += 1
            bar.update(task, advance=size, done=done)

        yield advance


@define(kw_only=True)
class ProgressLines:
    """One line of text every few seconds, for logs and pipes."""

    files: int
    size: int
    now: Callable[[], float]
    _done: int = 0
    _sent: int = 0
    _begin: float = 0.0
    _last: float = 0.0

    def __attrs_post_init__(self) -> None:
        self._begin = self._last = self.now()

    def __call__(self, size: int) -> None:
        self._done += 1
        self._sent += size
        now = self.now()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        rate = self._sent / (now - self._begin)
        left = f"{(self.size - self._sent) / rate:.0f} s left" if rate else "no end in sight"
        megabytes = f"{self._sent / 1e6:.1f} of {self.size / 1e6:.1f} MB"
        say(f"{self._done}/{self.files} files, {megabytes}, {rate / 1e6:.1f} MB/s, {left}")
