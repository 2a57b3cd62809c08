"""Files go out over one association, or several at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from attrs import define, field, frozen
from pydicom.dataset import Dataset

from dicomwire._logging import reason
from dicomwire.apps._common.connecting import aborted_by_errors, associate, category, finish
from dicomwire.apps._common.options import User
from dicomwire.apps._common.output import application_logger
from dicomwire.apps._common.progress_bar import Advance
from dicomwire.apps.storescu.decompressing import as_taken
from dicomwire.apps.storescu.sending_report import SendingReport
from dicomwire.blocking import Association
from dicomwire.data.files import StoredFile
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.statuses import (
    STATUS_FAILURE,
    STATUS_SUCCESS,
    STATUS_WARNING,
    is_out_of_resources,
)

LOGGER = application_logger("storescu")

_MOST_VAIN = 2
"""Associations in a row over which nothing was stored before they were lost: then the rest is given up."""

_LONGEST_PAUSE = 60.0

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
            if number <= self._turn:
                LOGGER.log(level, text, *args)
            else:
                self._kept.setdefault(number, []).append((level, text, args))

    def done(self, number: int) -> None:
        """There is no more to be said of it before those that follow; it may be done again."""
        with self._lock:
            if number >= self._turn:
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


@frozen
class Retries:
    """How often to try again, and how long to wait before."""

    most: int = 0
    """Times in a row."""

    pause: float = 1.0
    """Seconds before the first one; each is twice as long as the one before, but for a minute at most."""

    def seconds(self, vain: int) -> float:
        """The pause after so many vain attempts in a row."""
        return min(_LONGEST_PAUSE, self.pause * 2.0 ** min(vain, 30))


@frozen
class _Item:
    number: int
    file: StoredFile
    attempts: int = 1


@frozen
class _Verdict:
    """What became of an attempt."""

    kind: str
    """Success, warning or failure."""

    level: int
    line: str
    status: int | None = None
    error: str | None = None

    is_for_later: bool = False
    """It may be stored if it is sent again."""


def begin(user: User, contexts: list[PresentationContext], retries: Retries) -> Association | None:
    """The first association, however often it has to be asked for; None, and the reason is logged."""
    is_final = threading.Event()
    for vain in range(retries.most):
        association = associate(user, contexts, LOGGER, refused_for_good=is_final.set)
        if association is not None or is_final.is_set():
            return association
        LOGGER.error("Trying again in %g s", retries.seconds(vain))
        time.sleep(retries.seconds(vain))
    return associate(user, contexts, LOGGER)


@define(eq=False)
class Sending:
    """Sends each of ``files`` once, over as many associations as it takes; again what ``retries`` are for."""

    user: User
    contexts: list[PresentationContext]
    files: Sequence[StoredFile]
    outcomes: Outcomes
    advance: Advance
    retries: Retries = field(factory=Retries)
    report: SendingReport | None = None
    decompress: bool = False
    """Files whose compression the peer does not take go uncompressed."""

    _items: deque[_Item] = field(init=False)
    """Those that nobody has taken yet."""

    _is_over: bool = field(default=False, init=False)
    """Interrupted: nothing more is sent, and what fails now is not the peer's fault."""

    _is_complete: bool = field(default=True, init=False)
    """No association was lost; with retries that is no harm, if nothing is left in the end."""

    _unfinished: int = field(init=False)
    _nothing_left: threading.Event = field(factory=threading.Event, init=False)
    """All files are done, or all is over: nobody needs to wait any longer."""

    _open: list[Association] = field(factory=list, init=False)
    _error: BaseException | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    """For all of these, and for ``outcomes``, ``advance`` and ``report``."""

    _lines: LinesInTurn = field(factory=LinesInTurn, init=False)

    def __attrs_post_init__(self) -> None:
        self._items = deque(_Item(number, file) for number, file in enumerate(self.files))
        self._unfinished = len(self.files)

    def over(self, first: Association, jobs: int = 1) -> bool:
        """Send them over ``first``, and over ``jobs - 1`` more associations at the same time; False if one was lost."""
        try:
            if jobs == 1:
                self._send_all(first)
            else:
                self._share(first, min(jobs, len(self.files)))
        finally:
            self._lines.end()
        return self._is_complete and not self._items

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
        self._nothing_left.set()
        for association in running:
            association.abort()

    def _send_all(self, association: Association | None) -> None:
        """Send files, as long as there are any, over one association after the other."""
        vain = 0
        most = self.retries.most + 1 if self.retries.most else _MOST_VAIN
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
            if not finish(association, LOGGER, association.release) and not self.retries.most:
                self._is_complete = False
            vain = 0 if stored else vain + 1
            if not self._items:
                return
            association = None
            while association is None and vain < most:
                # Everybody is to see it who has seen the line before.
                if not self.retries.most:
                    LOGGER.error("Requesting another association for the %d files that are left", len(self._items))
                elif self._waited(vain):
                    return
                is_final = threading.Event()
                association = associate(self.user, self.contexts, LOGGER, refused_for_good=is_final.set)
                if association is None:
                    vain = vain + 1 if self.retries.most and not is_final.is_set() else most

    def _waited(self, vain: int) -> bool:
        """Wait until the next attempt; True if there is nothing left to do meanwhile."""
        seconds = self.retries.seconds(vain)
        left = len(self._items)
        LOGGER.error("Requesting another association in %g s for the %d files that are left", seconds, left)
        return self._nothing_left.wait(seconds) or not self._items

    def _send(self, association: Association) -> int:
        """Send files as long as there are any and the association lives: how many were stored.

        It ends as well where the peer lacks resources, and may have more of them later.
        """
        stored = 0
        while association.is_established and (item := self._next()) is not None:
            number, file = item.number, item.file
            self._lines.log(number, logging.INFO, "Sending file: %s", file.path)
            try:
                source = as_taken(file, association) if self.decompress else file.path
                verdict = _judged(file, association.send_c_store(source, msg_id=1 + number % 0xFFFF))
            except Exception as error:
                # Of a file that has to be decoded pydicom may raise anything; the next one may be better.
                said = reason(error)
                is_lost = not association.is_established
                verdict = _Verdict(
                    STATUS_FAILURE, logging.ERROR, f"{file.path} not sent: {said}", error=said, is_for_later=is_lost
                )
            if self._is_over and verdict.status is None:
                return stored
            if verdict.is_for_later and item.attempts <= self.retries.most:
                self._lines.log(number, logging.WARNING, "%s; it will be sent again", verdict.line)
                self._lines.done(number)
                self._put_back(_Item(number, file, item.attempts + 1), first=verdict.status is None)
                if verdict.status is not None:
                    return stored
                continue
            self._lines.log(number, verdict.level, "%s", verdict.line)
            self._lines.done(number)
            self._count(item, verdict)
            stored += verdict.kind != STATUS_FAILURE
        return stored

    def _next(self) -> _Item | None:
        with self._lock:
            return None if self._is_over or not self._items else self._items.popleft()

    def _put_back(self, item: _Item, *, first: bool) -> None:
        """To be sent again: ``first``, or after the others, which may be smaller."""
        with self._lock:
            (self._items.appendleft if first else self._items.append)(item)

    def _count(self, item: _Item, verdict: _Verdict) -> None:
        outcomes, is_stored = self.outcomes, verdict.kind != STATUS_FAILURE
        with self._lock:
            if verdict.kind == STATUS_SUCCESS:
                outcomes.stored += 1
            elif verdict.kind == STATUS_WARNING:
                outcomes.warnings += 1
            else:
                outcomes.failed += 1
            outcomes.size += item.file.size if is_stored else 0
            self._unfinished -= 1
            if not self._unfinished:
                self._nothing_left.set()
            if self.report is not None:
                self.report.tell(item.file, verdict.status, verdict.error, stored=is_stored, attempts=item.attempts)
            self.advance(item.file.size)


def _judged(file: StoredFile, response: Dataset) -> _Verdict:
    """What the answer means."""
    status, comment = response.get("Status"), response.get("ErrorComment")
    if status is None:
        return _Verdict(
            STATUS_FAILURE, logging.ERROR, f"{file.path} not stored: no answer", error="no answer", is_for_later=True
        )
    kind = category(status)
    said = f"status 0x{status:04X} ({kind})" + (f", {comment}" if comment else "")
    if kind == STATUS_SUCCESS:
        return _Verdict(kind, logging.INFO, f"Stored, {said}", status)
    if kind == STATUS_WARNING:
        return _Verdict(kind, logging.WARNING, f"{file.path} stored, {said}", status, comment or None)
    return _Verdict(
        STATUS_FAILURE,
        logging.ERROR,
        f"{file.path} not stored: {said}",
        status,
        str(comment or kind),
        is_out_of_resources(status),
    )
