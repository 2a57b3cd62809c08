"""What getscu and movescu share: sub-operations while they go on, and what became of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import click
from attrs import define, field
from pydicom.dataset import Dataset
from rich.console import Console
from rich.progress import Progress

from dicomwire._logging import printable, reason
from dicomwire.apps._common.connecting import aborted_by_errors, category, finish, said
from dicomwire.apps._common.exit_codes import DONE, FAILED
from dicomwire.apps._common.output import say, without_warnings
from dicomwire.apps._common.progress_bar import SECONDS_BETWEEN_LINES, columns
from dicomwire.apps._common.query import OTHER_MODELS
from dicomwire.apps._common.storage import Received
from dicomwire.blocking import Association
from dicomwire.vocabulary.service_classes import C_GET, C_MOVE
from dicomwire.vocabulary.statuses import STATUS_PENDING, STATUS_SUCCESS, STATUS_WARNING

Responses: TypeAlias = Iterable[tuple[Dataset, Dataset | None]]

_SHOWN_UIDS = 20
"""Failed instances that are named, of a list that may be long."""

_UNKNOWN_DESTINATION = 0xA801
"""PS3.4 table C.4-2."""

_NAMES = {C_GET: "Get", C_MOVE: "Move"}

_COUNTS = ("Remaining", "Completed", "Failed", "Warning")


@define
class Tally(Received):
    """What the peer says of the sub-operations, and what we received ourselves."""

    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None
    final: Dataset | None = None
    changed: Callable[[], None] = field(default=lambda: None)
    """Called after each change."""

    def stored(self, status: int, size: int) -> None:
        """One more instance has come, of ``size`` bytes, and was answered with ``status``."""
        Received.stored(self, status, size)
        self.changed()

    def responded(self, status: Dataset) -> None:
        """A response has come; counts that it does not hold stay, but nothing remains when it is the last."""
        for name in _COUNTS:
            value = status.get(f"NumberOf{name}Suboperations")
            if isinstance(value, int):
                setattr(self, name.lower(), value)
            elif name == "Remaining" and category(status.get("Status")) != STATUS_PENDING:
                self.remaining = None
        self.changed()

    @property
    def done(self) -> int:
        """Sub-operations that have ended."""
        return max(self._counted, self.received + self.not_stored)

    @property
    def _counted(self) -> int:
        return (self.completed or 0) + (self.failed or 0) + (self.warning or 0)

    @property
    def total(self) -> int | None:
        """All of them, if the peer says how many remain."""
        # Not with what has arrived since the peer said so: the sum stays the same while it goes on.
        return None if self.remaining is None else max(self.done, self._counted + self.remaining)

    @property
    def has_failures(self) -> bool:
        """The request did not succeed, or an instance did not."""
        kind = category(self.final.get("Status")) if self.final else None
        if kind == STATUS_WARNING and self.failed is None:
            # "One or more failures or warnings" (PS3.4 C.4.2.1.5), and not which.
            return True
        return kind not in (STATUS_SUCCESS, STATUS_WARNING) or bool(self.failed) or self.not_stored > 0

    def missing(self, *, here: bool) -> str | None:
        """In words what should be there and is not, after a request that succeeded; ``here`` if it comes to us."""
        if self.has_failures:
            return None
        told = None if self.completed is None else self.completed + (self.warning or 0)
        if not self.received and (told == 0 or (here and told is None)):
            return "Nothing was retrieved: the peer has no such instances; check the keys (-k) and their level"
        if here and told is not None and told > self.received:
            return f"The peer says that it has sent {told}, but {self.received} arrived here"
        return None

    def in_short(self, seconds: float) -> str:
        """How far it is, in half a line."""
        total = "" if self.total is None else f"/{self.total}"
        failed = max(self.failed or 0, self.not_stored)
        lost = f", {failed} failed" if failed else ""
        return f"{self.done}{total} instances{lost}" + (f", {self.size / seconds / 1e6:.1f} MB/s" if self.size else "")

    def in_words(self, seconds: float) -> str:
        """The counts, and how fast it was."""
        parts = []
        if (self.completed, self.failed, self.warning) != (None, None, None):
            counts = f"{self.completed or 0} completed, {self.warning or 0} with a warning, {self.failed or 0} failed"
            parts.append(counts + (f", {self.remaining} remaining" if self.remaining else ""))
        if self.received or self.not_stored:
            rate = f", {self.size / seconds / 1e6:.1f} MB/s" if seconds else ""
            parts.append(f"{self.arrivals()} in {seconds:.1f} s{rate}")
        return "; ".join(parts) or "no sub-operations"


def retrieve(
    association: Association,
    send: Callable[[], Responses],
    tally: Tally,
    uid: str,
    message: int,
    logger: logging.Logger,
    *,
    quiet: bool,
) -> bool | None:
    """Let ``send`` request the instances, and follow it to the end of the association.

    False if that was lost meanwhile, None if nothing could be requested.
    """
    with aborted_by_errors(association):
        try:
            with progress(tally, quiet=quiet, lines=logger.isEnabledFor(logging.INFO)):
                logger.info("Sending %s Request", _NAMES[message])
                follow(send(), tally, uid, message, logger)
        except ValueError as error:
            # The peer took some of the contexts, but not that of the model.
            logger.error("%s; %s", error, OTHER_MODELS)
            association.release()
            return None
    return finish(association, logger, association.release)


def follow(responses: Responses, tally: Tally, uid: str, message: int, logger: logging.Logger) -> None:
    """Take the responses to a C-GET or C-MOVE request (its command field) on the SOP class ``uid`` as they come."""
    for status, identifier in responses:
        if not status:
            # The association was lost: whoever ends it says so.
            return
        tally.responded(status)
        if category(status.get("Status")) == STATUS_PENDING:
            logger.debug("%s", tally.in_words(0))
            continue
        tally.final = status
        level = logging.ERROR if tally.has_failures else logging.INFO
        advice = _advice(status.get("Status"), message, tally)
        logger.log(level, "Final response, %s%s", said(status, uid, message), f"; {advice}" if advice else "")
        _name_failed(identifier, logger)


def _advice(status: int | None, message: int, tally: Tally) -> str | None:
    """What to change after a retrieval that ended with ``status``."""
    if status == _UNKNOWN_DESTINATION and message == C_MOVE:
        return "-aem (--move-aet) has to be a title that the peer knows, with its address and port"
    if tally.failed and message == C_GET:
        return "it may have instances of classes, or in transfer syntaxes, that -sc and -ts have to name"
    return None


def _name_failed(identifier: Dataset | None, logger: logging.Logger) -> None:
    """Log the instances that failed, as far as the peer tells (PS3.4 C.4.2.1.4.2)."""
    try:
        with without_warnings():
            value = identifier.get("FailedSOPInstanceUIDList") if identifier is not None else None
    except Exception as error:  # whatever pydicom makes of what a peer sent
        logger.error("The list of failed instances cannot be decoded: %s", reason(error))
        return
    failed = [] if not value else [value] if isinstance(value, str) else list(value)
    for uid in failed[:_SHOWN_UIDS]:
        logger.error("Failed: %s", printable(uid))
    if len(failed) > _SHOWN_UIDS:
        logger.error("Failed: %d more", len(failed) - _SHOWN_UIDS)


@contextmanager
def progress(tally: Tally, *, quiet: bool, lines: bool = True) -> Iterator[None]:
    """Show on standard error how ``tally`` grows: a bar on a terminal, elsewhere with ``lines`` one now and then."""
    console = Console(stderr=True)
    if quiet:
        yield
    elif console.is_terminal:
        with _bar(console, tally):
            yield
    else:
        if lines:
            tally.changed = TallyLines(tally, time.monotonic)
        yield
    tally.changed = _nothing


def _nothing() -> None:
    pass


@contextmanager
def _bar(console: Console, tally: Tally) -> Iterator[None]:
    begin = time.monotonic()
    with Progress(*columns("{task.description}"), console=console, transient=True, expand=True) as bar:
        task = bar.add_task("waiting for the peer", total=None)

        def show() -> None:
            words = tally.in_short(time.monotonic() - begin)
            bar.update(task, description=words, completed=tally.done, total=tally.total)

        tally.changed = show
        yield


class TallyLines:
    """One line of text every few seconds, for logs and pipes."""

    def __init__(self, tally: Tally, now: Callable[[], float]) -> None:
        self._tally = tally
        self._now = now
        self._begin = self._last = now()

    def __call__(self) -> None:
        now = self._now()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            say(self._tally.in_words(now - self._begin))


@define
class Conclusion:
    """What there is to say of a retrieval that began at ``start`` (of the monotonic clock), and its exit code."""

    tally: Tally
    start: float
    logger: logging.Logger
    here: bool = field(kw_only=True)
    """The instances come to ourselves."""

    fail: bool = field(kw_only=True)
    quiet: bool = field(kw_only=True)

    def tell(self) -> None:
        """The totals, also of what was interrupted."""
        if not self.quiet:
            click.echo(self.tally.in_words(time.monotonic() - self.start))

    def code(self, complete: bool | None) -> int:
        """Tell what came of :func:`retrieve`, which gave ``complete``; the exit code."""
        if complete is None:
            return FAILED
        self.tell()
        missing = self.tally.missing(here=self.here) if complete else None
        if missing:
            self.logger.error("%s", missing)
        failed = self.fail and (missing is not None or self.tally.has_failures)
        return FAILED if failed or not complete else DONE
