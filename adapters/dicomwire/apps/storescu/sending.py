"""Files go out over one association, or several at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence

from attrs import define, field

from dicomwire._logging import reason
from dicomwire.apps._common.connecting import aborted_by_errors, associate, category, finish
from dicomwire.apps._common.options import User
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.progress_bar import Advance
from dicomwire.blocking import Association
from dicomwire.data.files import StoredFile
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.statuses import STATUS_FAILURE, STATUS_SUCCESS, STATUS_WARNING

LOGGER = application_logger("storescu")

_MOST_VAIN = 2
"""Associations in a row over which nothing was stored before they were lost: then the rest is given up."""

_LOOK = 0.2
"""Seconds after which a signal is noticed at the latest that came just before the wait for the other threads."""

_PATIENCE = 5.0
"""Seconds for the other threads to notice that all is over."""


@define
class Outcomes:
    """What became of the files."""

    stored: int = 0
    warnings: int = 0
    failed: int = 0
    size: int = 0
    """Bytes of the files that were stored."""

    @property
    def done(self) -> int:
        """Files of which it is known."""
        return self.stored + self.warnings + self.failed


@define(eq=False)
class LinesInTurn:
    """What is logged about each file, in the order of the files, whichever is done first."""

    _turn: int = 0
    _kept: dict[int, list[tuple[int, str, tuple[object, ...]]]] = field(factory=dict)
    _done: set[int] = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)

    def log(self, number: int, level: int, text: str, *args: object) -> None:
        """Log a line about file ``number``: at once if those before it are done."""
        if not LOGGER.isEnabledFor(level):
            return
        with self._lock:
            if number == self._turn:
                LOGGER.log(level, text, *args)
            else:
                self._kept.setdefault(number, []).append((level, text, args))

    def done(self, number: int) -> None:
        """There is no more to be said of it."""
        with self._lock:
            self._done.add(number)
            while self._turn in self._done:
                self._done.remove(self._turn)
                self._turn += 1
                self._say(self._turn)

    def end(self) -> None:
        """Log what is left: those before it will not be done."""
        with self._lock:
            for number in sorted(self._kept):
                self._say(number)

    def _say(self, number: int) -> None:
        for level, text, args in self._kept.pop(number, ()):
            LOGGER.log(level, text, *args)


@define(eq=False)
class Sending:
    """Sends each of ``files`` once, over as many associations as it takes."""

    user: User
    contexts: list[PresentationContext]
    files: Sequence[StoredFile]
    outcomes: Outcomes
    advance: Advance
    _numbered: Iterator[tuple[int, StoredFile]] = field(init=False)
    _left: int = field(init=False)
    """Files that nobody has taken yet."""

    _is_over: bool = field(default=False, init=False)
    """Interrupted: nothing more is sent, and what fails now is not the peer's fault."""

    _is_complete: bool = field(default=True, init=False)
    """No association was lost."""

    _open: list[Association] = field(factory=list, init=False)
    _error: BaseException | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    """For all of these, and for ``outcomes`` and ``advance``."""

    _lines: LinesInTurn = field(factory=LinesInTurn, init=False)

    def __attrs_post_init__(self) -> None:
        self._numbered = enumerate(self.files)
        self._left = len(self.files)

    def over(self, first: Association, jobs: int = 1) -> bool:
        """Send them over ``first``, and over ``jobs - 1`` more associations at the same time; False if one was lost."""
        try:
            if jobs == 1:
                self._send_all(first)
            else:
                self._share(first, min(jobs, len(self.files)))
        finally:
            self._lines.end()
        return self._is_complete

    def _share(self, first: Association, jobs: int) -> None:
        """A thread for each association: they wait for the peer, and for the disk, most of the time."""
        mine: list[Association | None] = [first, *[None] * (jobs - 1)]
        threads = [
            threading.Thread(target=self._run, args=(association,), name=f"storescu-{number}", daemon=True)
            for number, association in enumerate(mine, 1)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(_LOOK)
        except BaseException:
            self._stop()
            deadline = time.monotonic() + _PATIENCE
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            raise
        if self._error is not None:
            raise self._error

    def _run(self, association: Association | None) -> None:
        try:
            if association is None:
                # Without it the others send its files.
                association = associate(self.user, self.contexts, LOGGER, level=logging.WARNING)
            self._send_all(association)
        except BaseException as error:
            self._error = self._error or error
            self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._is_over = True
            running = self._open.copy()
        for association in running:
            association.abort()

    def _send_all(self, association: Association | None) -> None:
        """Send files, as long as there are any, over one association after the other."""
        vain = 0
        while association is not None:
            with self._lock:
                self._open.append(association)
            with aborted_by_errors(association):
                stored = self._send(association)
            with self._lock:
                self._open.remove(association)
            if self._is_over:
                association.abort()
                return
            if not finish(association, LOGGER, association.release):
                self._is_complete = False
            vain = 0 if stored else vain + 1
            if not self._left or vain == _MOST_VAIN:
                return
            # Everybody is to see it who has seen the line before.
            LOGGER.error("Requesting another association for the %d files that are left", self._left)
            association = associate(self.user, self.contexts, LOGGER)

    def _send(self, association: Association) -> int:
        """Send files as long as there are any and the association lives: how many were stored."""
        stored = 0
        while association.is_established and (item := self._next()) is not None:
            number, file = item
            self._lines.log(number, logging.INFO, "Sending file: %s", file.path)
            try:
                response = association.send_c_store(file.path, msg_id=1 + number % 0xFFFF)
            except Exception as error:
                if self._is_over:
                    return stored
                # Of a file that has to be decoded pydicom may raise anything; the next one may be better.
                kind, level, line = STATUS_FAILURE, logging.ERROR, f"{file.path} not sent: {reason(error)}"
            else:
                if self._is_over and "Status" not in response:
                    return stored
                kind, level, line = _judged(file, response.get("Status"), response.get("ErrorComment"))
            self._lines.log(number, level, "%s", line)
            self._lines.done(number)
            self._count(file, kind)
            stored += kind != STATUS_FAILURE
        return stored

    def _next(self) -> tuple[int, StoredFile] | None:
        with self._lock:
            item = None if self._is_over else next(self._numbered, None)
            self._left -= item is not None
            return item

    def _count(self, file: StoredFile, kind: str) -> None:
        outcomes = self.outcomes
        with self._lock:
            if kind == STATUS_SUCCESS:
                outcomes.stored += 1
            elif kind == STATUS_WARNING:
                outcomes.warnings += 1
            else:
                outcomes.failed += 1
            outcomes.size += file.size if kind != STATUS_FAILURE else 0
            self.advance(file.size)


def _judged(file: StoredFile, status: int | None, comment: str | None) -> tuple[str, int, str]:
    """What the answer means: success, warning or failure, the level of the line about it, and that line."""
    if status is None:
        return STATUS_FAILURE, logging.ERROR, f"{file.path} not stored: no answer"
    said = f"status 0x{status:04X} ({category(status)})" + (f", {comment}" if comment else "")
    if category(status) == STATUS_SUCCESS:
        return STATUS_SUCCESS, logging.INFO, f"Stored, {said}"
    if category(status) == STATUS_WARNING:
        return STATUS_WARNING, logging.WARNING, f"{file.path} stored, {said}"
    return STATUS_FAILURE, logging.ERROR, f"{file.path} not stored: {said}"
